"""Files that are no YAML, or not the YAML that can be reviewed. Each edit below is one refusal; the problems are all that is said, in the order of files and lines."""

from refusing import CALENDARS, CONFIG, FUNNEL, ROUTING, SALESFORCE, SCORING, SLA, Refuses


def test_a_file_that_is_hard_to_review_is_refused(refuses: Refuses) -> None:
    refuses(
        [
            ("an anchor is refused", (CONFIG, "  name: Acme\n", "  name: &a Acme\n")),
            ("an alias is refused", (SALESFORCE, "  title: Title\n", "  title: *Title\n")),
            ("a tag is refused", (FUNNEL, "qualified_to: {lead: maql,", "qualified_to: {lead: !!str maql,")),
            ("a merge key is refused", (SCORING, "min_change: 5 ", "<<: {a: 1} #5 ")),
            (
                "a key given twice is refused",
                (ROUTING, "  dach: {country: [DE, AT, CH]}\n", "  emea: {country: [DE, AT, CH]}\n"),
            ),
            ("a tab is refused", (SLA, "    starts: hand_raised  ", "\tstarts: hand_raised  ")),
            (
                "a file without its last line is half written",
                (CALENDARS, "  # by the owner's country in the CRM; unknown: none\n...\n", "\n"),
            ),
        ],
        [
            "config/leadsync.yaml:7:9: anchors (`&a`) are not allowed\n  fix: write the value out, or quote it",
            "mappings/calendars.yaml:27:1: the last line is not `...`, so this may be a half-written file\n"
            "  fix: end the file with a line of three dots, ...",
            "mappings/funnel.yaml:28:22: tags (`!`) are not allowed\n  fix: leave the tag out, or quote the value",
            'mappings/routing.yaml:17:3: the key "emea" stands here twice\n  first in line 15',
            "mappings/salesforce.yaml:7:10: aliases (`*Title`) are not allowed\n"
            "  fix: write the value out, or quote it",
            "mappings/scoring.yaml:6:1: merge keys (`<<`) are not allowed\n  fix: write the values out",
            "mappings/sla.yaml:8:1: this is not YAML: while scanning for the next token found character '\\t' that cannot start any token\n"
            "  fix: indent with blanks, not with tabs",
        ],
    )


def test_a_file_that_is_no_yaml_is_refused_where_it_breaks(refuses: Refuses) -> None:
    refuses(
        [
            ("a stray bracket is refused", (CONFIG, "channel_hosts: [smtp", "channel_hosts: [[smtp")),
            ("a colon inside text needs quotes", (SALESFORCE, "  last_name: LastName\n", "  last_name: LastName: x\n")),
            ("a second document is refused", (FUNNEL, "bulk:      ", "---\nbulk:      ")),
            ("a list and keys do not mix", (CALENDARS, "default: emea_office", "- default: emea_office\nx")),
            ("an anchor on a block is refused", (ROUTING, "pools:\n", "pools: &p\n")),
            ("a complex key is refused", (SCORING, "bands: {cold: 0,", "bands: {[a]: 0,")),
        ],
        [
            "config/leadsync.yaml:51:1: this is not YAML: while parsing a flow sequence expected ',' or ']', but got '<scalar>'",
            "mappings/calendars.yaml:7:1: this is not YAML: while scanning a simple key could not find expected ':'",
            "mappings/funnel.yaml:126:1: a second document begins here\n  fix: one document in each file",
            "mappings/routing.yaml:44:8: anchors (`&p`) are not allowed\n  fix: write the value out, or quote it",
            "mappings/salesforce.yaml:6:22: this is not YAML: mapping values are not allowed here\n"
            "  fix: quote text that holds a colon and a blank",
            "mappings/scoring.yaml:7:9: a key must be plain text",
        ],
    )
