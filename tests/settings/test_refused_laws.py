"""What is wrong in the funnel law and in conditions anywhere. Each edit below is one refusal; the problems are all that is said, in the order of files and lines."""

from refusing import FUNNEL, ROUTING, SALESFORCE, SCORING, SLA, Refuses


def test_the_law_names_only_what_exists(refuses: Refuses) -> None:
    refuses(
        [
            ("a reason's class must exist", (FUNNEL, "class: bad_data, cool", "class: bad_date, cool")),
            ("exactly one stage is the handoff", (FUNNEL, "role: accepted_sales", "role: handoff")),
            (
                "an edge names a stage",
                (FUNNEL, "  - {from: lal, to: sal, by: sales}", "  - {from: lal, to: sall, by: sales}"),
            ),
            (
                "an edge names an actor",
                (FUNNEL, "  - {from: lal, to: mql, by: ldr}", "  - {from: lal, to: mql, by: lrd}"),
            ),
            (
                "an edge leads elsewhere",
                (FUNNEL, "  - {from: maql, to: inquiry, by: marketing}", "  - {from: maql, to: maql, by: marketing}"),
            ),
            (
                "qualified leads to a stage",
                (FUNNEL, "qualified_to: {lead: maql, contact: maql}", "qualified_to: {lead: maql, contact: mqal}"),
            ),
            ("a redirect leads to a stage", (FUNNEL, "{redirect: remarket}", "{redirect: remarked}")),
            (
                "once belongs to revert",
                (FUNNEL, "to: [raw, inquiry], then: {redirect", "to: [raw, inquiry], once_in: 1h, then: {redirect"),
            ),
            (
                "an automatic move needs an edge",
                (
                    FUNNEL,
                    "  - {name: hundred points, from: inquiry,",
                    "  - {name: hundred points, from: [inquiry, lal],",
                ),
            ),
            (
                "an automatic move into recycling needs a reason",
                (
                    FUNNEL,
                    "when: {recycle_count: {at_least: 5}}, reason: worn_out}",
                    "when: {recycle_count: {at_least: 5}}}",
                ),
            ),
            ("an automatic reason must exist", (FUNNEL, "reason: from_deal}", "reason: by_deal}")),
            ("conversion leads to a stage", (FUNNEL, "  handoff_by_owner: sal ", "  handoff_by_owner: sale ")),
            (
                "a nurture list must be mapped",
                (
                    FUNNEL,
                    "label: Timing, class: not_ready, cool_down: 60d, nurture: stay_in_touch}",
                    "label: Timing, class: not_ready, cool_down: 60d, nurture: stay_intouch}",
                ),
            ),
            ("a label is one reason's", (FUNNEL, "label: Lost deal,", "label: no budget,")),
            (
                "hard and reviving contradict",
                (FUNNEL, "hard: true, revive: never}   # hard", "hard: true, revive: 10d}   # hard"),
            ),
            (
                "birth is a touch of the matrix",
                (
                    FUNNEL,
                    "channel: phone, investment: low, response: replied}",
                    "channel: phone, investment: none, response: replied}",
                ),
            ),
        ],
        [
            'mappings/funnel.yaml:23:27: the stages "mql" and "sal" both have the role handoff; one can',
            'mappings/funnel.yaml:28:37: the stage "mqal" does not exist\n'
            '  did you mean "mql"?\n'
            "  known: none, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified",
            'mappings/funnel.yaml:37:22: the edge leads from "maql" to itself',
            'mappings/funnel.yaml:39:30: the actor "lrd" does not exist\n'
            '  did you mean "ldr"?\n'
            "  known: marketing, ldr, sales, ops, automation, anyone, leadsync",
            'mappings/funnel.yaml:40:21: the stage "sall" does not exist\n'
            '  did you mean "sal"?\n'
            "  known: none, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified",
            "mappings/funnel.yaml:55:70: once_in: belongs to then: revert",
            'mappings/funnel.yaml:55:100: the stage "remarked" does not exist\n'
            '  did you mean "remarket"?\n'
            "  known: none, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified",
            'mappings/funnel.yaml:60:80: the reason "by_deal" does not exist\n'
            '  did you mean "lost_deal"?\n'
            "  known: timing, no_budget, chose_other, lost_deal, no_response, not_a_fit, worn_out, competitor, do_not_contact, bad_data, duplicate, misrouted and 1 more",
            'mappings/funnel.yaml:63:44: the automatic move "hundred points" leads from "lal" to "maql", but no edge lets leadsync make it\n'
            "  fix: add {from: lal, to: maql, by: leadsync} under edges:, or leave it out of from:",
            'mappings/funnel.yaml:72:5: the automatic move "recycled too often" leads from "remarket" to "disqualified", which needs a reason\n'
            "  fix: add reason:",
            'mappings/funnel.yaml:80:21: the stage "sale" does not exist\n'
            '  did you mean "sal"?\n'
            "  known: none, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified",
            'mappings/funnel.yaml:98:72: the nurture list "stay_intouch" does not exist\n'
            '  did you mean "stay_in_touch"?\n'
            "  known: stay_in_touch, win_back",
            'mappings/funnel.yaml:101:24: the label "no budget" stands here twice\n  first in line 99',
            "mappings/funnel.yaml:105:65: hard: and revive: after a time contradict each other",
            'mappings/funnel.yaml:107:53: the class "bad_date" does not exist\n'
            '  did you mean "bad_data"?\n'
            "  known: not_ready, no_response, not_fit, duplicate, bad_data, misrouted",
            'mappings/funnel.yaml:123:65: the investment "none" does not exist\n  known: low, medium, high',
        ],
    )


def test_a_condition_cannot_lead_back_to_itself(refuses: Refuses) -> None:
    refuses(
        [
            (
                "a condition leads back to itself",
                (
                    FUNNEL,
                    "  known_account: {account.type: {contains: [customer, prospect]}}",
                    "  known_account: {not: known_account}",
                ),
            ),
        ],
        [
            "mappings/funnel.yaml:12:24: the condition leads back to itself: known_account > known_account",
        ],
    )


def test_every_stage_has_a_way_in_and_a_way_out(refuses: Refuses) -> None:
    refuses(
        [
            (
                "nobody gets to a stage",
                (
                    FUNNEL,
                    "  disqualified: {label: Disqualified",
                    "  limbo: {label: Limbo, role: recycle}\n  disqualified: {label: Disqualified",
                ),
            ),
            ("a line is never reached", (FUNNEL, "  - {then: flag}       ", "  - {then: flag}\n  - {then: revert} #")),
            (
                "the order is the rank",
                (
                    FUNNEL,
                    "  inquiry: {label: Inquiry, role: cold,",
                    "  inquiry: {label: Inquiry, role: accepted_sales,",
                ),
            ),
            (
                "at most one stage lies outside",
                (FUNNEL, "    {label: Raw, role: raw,", "    {label: Raw, role: outside,"),
            ),
        ],
        [
            'mappings/funnel.yaml:17:24: the stages "none" and "raw" both have the role outside; one can',
            'mappings/funnel.yaml:20:3: the stage "maql" (qualified) stands after "inquiry" (accepted_sales), but belongs before it\n'
            "  fix: the order of stages is their rank; move it up",
            'mappings/funnel.yaml:21:3: the stage "lal" (accepted_ldr) stands after "inquiry" (accepted_sales), but belongs before it\n'
            "  fix: the order of stages is their rank; move it up",
            'mappings/funnel.yaml:22:3: the stage "mql" (handoff) stands after "inquiry" (accepted_sales), but belongs before it\n'
            "  fix: the order of stages is their rank; move it up",
            'mappings/funnel.yaml:26:3: nobody can get to the stage "limbo": no chain of edges leads there\n'
            "  fix: add an edge with to: limbo",
            'mappings/funnel.yaml:26:3: the stage "limbo" is a dead end: no edge leads out of it\n'
            "  fix: add an edge with from: limbo, or give it role: exit",
            "mappings/funnel.yaml:58:5: this line is never reached: the one before fits every move",
            'mappings/salesforce.yaml:63:1: the stage "limbo" of funnel.yaml has no value here\n'
            "  fix: add limbo: and the CRM's value for it",
            'mappings/salesforce.yaml:64:3: the stage "raw" has the role outside: the field is blank, it has no value',
        ],
    )


def test_names_that_mean_something_are_taken(refuses: Refuses) -> None:
    refuses(
        [
            ("a condition cannot be called like a fact", (FUNNEL, "  excluded:    ", "  twin:    ")),
            ("there is a handoff", (FUNNEL, "role: handoff", "role: accepted_sales")),
            ("a stage cannot be called like a target", (FUNNEL, "  none: {label: Not in", "  carried: {label: Not in")),
        ],
        [
            'mappings/funnel.yaml:5:3: "twin" cannot be the name of a condition: it has a meaning already',
            "mappings/funnel.yaml:14:1: no stage has the role handoff, where marketing hands people to sales\n"
            "  fix: give exactly one stage role: handoff",
            'mappings/funnel.yaml:15:3: "carried" cannot be the name of a stage: it has a meaning of its own',
            'mappings/funnel.yaml:59:32: the stage "none" does not exist\n'
            "  known: carried, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified",
            'mappings/funnel.yaml:61:32: the stage "none" does not exist\n'
            "  known: carried, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified",
            'mappings/funnel.yaml:62:37: the stage "none" does not exist\n'
            "  known: carried, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified",
        ],
    )


def test_moves_and_reasons_are_told_apart(refuses: Refuses) -> None:
    refuses(
        [
            ("an automatic move's name is its own", (FUNNEL, "{name: ready again,", "{name: hand raised,")),
            (
                "an automatic move leads elsewhere",
                (
                    FUNNEL,
                    "{name: first real touch, from: [none, raw],",
                    "{name: first real touch, from: [none, inquiry],",
                ),
            ),
            ("a key is no other reason's label", (FUNNEL, "label: Not mine,", "label: worn_out,")),
        ],
        [
            'mappings/funnel.yaml:62:43: the automatic move "first real touch" leads from "inquiry" to itself',
            'mappings/funnel.yaml:64:12: an automatic move named "hand raised" stands above already',
            'mappings/funnel.yaml:104:5: the key "worn_out" is the label of the reason "misrouted"\n  fix: rename one',
        ],
    )


def test_a_question_that_cannot_be_answered_is_refused(refuses: Refuses) -> None:
    refuses(
        [
            ("an unknown name is refused with the nearest", (FUNNEL, "icp: {industry: [Manu", "icp: {industri: [Manu")),
            (
                "no value means any",
                (
                    FUNNEL,
                    "  known_account: {account.type: {contains: [customer, prospect]}}",
                    "  known_account: {account.type: ~}",
                ),
            ),
            ("an unknown list is refused", (FUNNEL, "{in_list: target_accounts}", "{in_list: target_acounts}")),
            (
                "a number is written without quotes",
                (SCORING, "{employees: {at_least: 1000}}, points: 15", '{employees: {at_least: "1000"}}, points: 15'),
            ),
            (
                "a postal code is written with quotes",
                (ROUTING, '{at_least: "70000", at_most', "{at_least: 70000, at_most"),
            ),
            (
                "an operator must exist",
                (SCORING, "{employees: {at_least: 50, less_than: 200}}", "{employees: {at_least: 50, below: 200}}"),
            ),
            ("an age is a duration", (SCORING, "{older_than: 180d}", "{older_than: half a year}")),
            (
                "only dates have an age",
                (
                    SCORING,
                    "when: {title: {contains: [job seeker, looking for work, arbeitssuchend]}}",
                    "when: {title: {within: 3d}}",
                ),
            ),
            (
                "a stage that is asked for must exist",
                (FUNNEL, "{all: [icp, {any: [target_account, known_account]}]}", "{all: [icp, {stage: mqll}]}"),
            ),
            (
                "yes and no are for yes/no fields",
                (FUNNEL, "{at_the_bar: true, outcome: won}", "{at_the_bar: true, outcome: true}"),
            ),
            (
                "a yes/no field has no size",
                (
                    FUNNEL,
                    "when: {in_stage_for: {at_least: 3 business days}, answered: false}",
                    "when: {in_stage_for: {at_least: 3}, answered: {at_least: 1}}",
                ),
            ),
            ("any needs a list", (ROUTING, "americas: {country: [US, CA, MX, BR]}", "americas: {any: icp}")),
            (
                "a bare list inside a condition is refused",
                (ROUTING, "emea: {country: [FR, ES, IT, NL, PL, PT, GB]}", "emea: {not: [icp, twin]}"),
            ),
            (
                "a score cannot depend on itself",
                (SCORING, "{name: free-mail address, when: free_mail,", "{name: free-mail address, when: {band: hot},"),
            ),
            (
                "a territory cannot depend on itself",
                (ROUTING, "  dach: {country: [DE, AT, CH]}", "  dach: {territory: emea}"),
            ),
            ("a touch has no country", (SCORING, "fast_lane: {response: contact_me}", "fast_lane: {country: DE}")),
            (
                "a touch's response must exist",
                (SCORING, "when: {campaign: {contains: [fleet", "when: {response: bought, campaign: {contains: [fleet"),
            ),
            ("a member has no country", (ROUTING, "only: {senior: true}}", "only: {seniority: true}}")),
            (
                "a condition is yes or no",
                (ROUTING, "when: in_open_deal, assign: deal_owner", "when: {icp: DE}, assign: deal_owner"),
            ),
            (
                "an operator follows a name",
                (
                    ROUTING,
                    "{name: fleet interest elsewhere, when: {product: fleet}",
                    "{name: fleet interest elsewhere, when: {at_least: 5}",
                ),
            ),
            (
                "filled is yes or no",
                (
                    SLA,
                    "paused_when: {disposition: [Callback agreed, On holiday]}",
                    "paused_when: {disposition: {filled: always}}",
                ),
            ),
            (
                "a text is contained, not a number",
                (FUNNEL, "      - email: {contains: [+test@, noreply@]}", "      - email: {contains: [+test@, 5]}"),
            ),
            ("a date is a day or an age", (SCORING, "when: bounced_at,", "when: {bounced_at: {more_than: soon}},")),
            (
                "numbers are compared with numbers",
                (SLA, "met_when: {attempts: {at_least: 3}}", "met_when: {attempts: three}"),
            ),
            (
                "a length of time is compared by size",
                (SLA, "{employees: {at_least: 1000}}, revenue", "{in_stage_for: 3d}, revenue"),
            ),
        ],
        [
            "mappings/funnel.yaml:8:36: 5 is not a text\n  fix: write a text, numbers in quotes",
            'mappings/funnel.yaml:10:9: the name "industri" does not exist\n'
            '  did you mean "industry"?\n'
            "  known: first_name, last_name, title, email, phone, mobile, source, created_at, created_by, bounced_at, email_opt_out, do_not_call and 63 more",
            'mappings/funnel.yaml:11:46: the list "target_acounts" does not exist\n'
            '  did you mean "target_accounts"?\n'
            "  known: target_accounts, named_accounts",
            'mappings/funnel.yaml:12:33: "account.type" is compared with nothing\n'
            "  fix: to ask whether it is empty, write account.type: {filled: false}",
            'mappings/funnel.yaml:65:91: "outcome" is not a yes/no field\n'
            "  fix: to ask whether it is filled, write outcome: {filled: true}",
            'mappings/funnel.yaml:66:76: the stage "mqll" does not exist\n'
            '  did you mean "mql"?\n'
            "  known: none, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified",
            "mappings/funnel.yaml:70:37: 3 is not a duration\n"
            "  fix: write 30s, 15m, 24h, 60d, 1 business hour or 3 business days",
            'mappings/funnel.yaml:70:62: "answered" is true or false: at_least says nothing of it',
            'mappings/routing.yaml:14:53: "postal_code" is compared with a text, not with 70000\n'
            '  fix: write it in quotes, "70000"',
            'mappings/routing.yaml:15:9: "territory" cannot be asked here: a territory cannot depend on itself',
            "mappings/routing.yaml:16:19: any: needs a list of conditions\n  fix: write any: [..., ...]",
            "mappings/routing.yaml:17:15: conditions stand in a bare list: nobody can tell whether all or any of them must hold\n"
            "  fix: write {all: [...]} or {any: [...]}",
            'mappings/routing.yaml:31:38: "icp" is a condition: it is true or false, not "DE"',
            'mappings/routing.yaml:36:112: of a member, the name "seniority" does not exist\n'
            '  did you mean "senior"?\n'
            "  known: user, senior, languages, territories",
            'mappings/routing.yaml:41:47: "at_least" is an operator and needs a name before it\n'
            "  fix: write name: {at_least: ...}",
            'mappings/scoring.yaml:22:48: "employees" is a number, not "1000"\n  fix: write the number without quotes',
            'mappings/scoring.yaml:23:52: the operator "below" does not exist\n'
            "  known: at_least, at_most, more_than, less_than, contains, starts_with, ends_with, in_list, within, older_than, filled",
            'mappings/scoring.yaml:31:37: "band" cannot be asked here: the score cannot depend on itself',
            'mappings/scoring.yaml:33:59: "bounced_at" is a date, not "soon"\n'
            "  fix: write a day such as 2026-12-24, or an age such as {older_than: 90d}",
            'mappings/scoring.yaml:34:73: "half a year" is not a duration\n'
            "  fix: write 30s, 15m, 24h, 60d, 1 business hour or 3 business days",
            'mappings/scoring.yaml:35:46: within asks for a date, but "title" is a text',
            'mappings/scoring.yaml:77:13: of a touch, the name "country" does not exist\n'
            "  known: channel, investment, response, campaign, kind",
            'mappings/scoring.yaml:81:48: the response "bought" does not exist\n'
            "  known: opened, clicked, visited, downloaded, registered, attended, replied, demo_request, contact_me",
            'mappings/sla.yaml:30:41: filled: is true or false, not "always"',
            'mappings/sla.yaml:41:26: "attempts" is a number, not "three"',
            'mappings/sla.yaml:104:47: "in_stage_for" is a length of time\n'
            "  fix: write in_stage_for: {at_least: 3 business days}",
        ],
    )


def test_a_question_compares_like_with_like(refuses: Refuses) -> None:
    refuses(
        [
            (
                "all needs conditions, not numbers",
                (FUNNEL, "{all: [icp, {any: [target_account, known_account]}]}", "{all: [icp, 5]}"),
            ),
            (
                "nothing is contained in everything",
                (
                    FUNNEL,
                    "  known_account: {account.type: {contains: [customer, prospect]}}",
                    "  known_account: {account.type: {contains: []}}",
                ),
            ),
            (
                "yes/no fields are not compared with texts",
                (
                    FUNNEL,
                    "when: {in_stage_for: {at_least: 3 business days}, answered: false}",
                    "when: {in_stage_for: {at_least: 3 business days}, answered: never}",
                ),
            ),
            (
                "a date is compared with a day",
                (SCORING, "when: {last_inbound_at: {older_than: 180d}}", "when: {last_inbound_at: yesterday}"),
            ),
            (
                "an age of a thousand years is a slip",
                (
                    SCORING,
                    "{name: e-mail bounced, when: bounced_at,",
                    "{name: e-mail bounced, when: {bounced_at: {within: 999999d}},",
                ),
            ),
            ("a text is compared with a text", (SCORING, "{country: [DE, AT, CH, US, GB]}", "{country: [DE, 49]}")),
            (
                "a list goes by its name",
                (
                    ROUTING,
                    "when: {account.domain: {in_list: named_accounts}}",
                    "when: {account.domain: {in_list: [a, b]}}",
                ),
            ),
            (
                "a CRM's field is compared with values",
                (
                    SALESFORCE,
                    "when: {IsClosed: true, TaskSubtype: [Call, Email, LinkedIn]}",
                    "when: {IsClosed: true, TaskSubtype: [Call, ~]}",
                ),
            ),
            (
                "a CRM's field is ordered by values",
                (
                    SALESFORCE,
                    "when: {IsClosed: true, CallType: Inbound}",
                    "when: {IsClosed: true, CallType: {at_least: true}}",
                ),
            ),
        ],
        [
            "mappings/funnel.yaml:12:44: contains: needs a text or a list of texts",
            "mappings/funnel.yaml:66:68: a condition is a name, or a block such as country: DE, not 5",
            'mappings/funnel.yaml:70:65: "answered" is true or false, not "never"',
            "mappings/routing.yaml:34:63: in_list: is the name of a list in routing.yaml, not a list",
            'mappings/salesforce.yaml:125:119: "CallType" is compared with a text, not with true',
            'mappings/salesforce.yaml:130:48: "TaskSubtype" is compared with a text, not with nothing',
            'mappings/scoring.yaml:24:46: "country" is compared with a text, not with 49\n'
            '  fix: write it in quotes, "49"',
            'mappings/scoring.yaml:33:56: "999999d" is not a duration\n'
            "  fix: write 30s, 15m, 24h, 60d, 1 business hour or 3 business days",
            'mappings/scoring.yaml:34:60: "last_inbound_at" is a date, not "yesterday"\n'
            "  fix: write a day such as 2026-12-24, or an age such as {older_than: 90d}",
        ],
    )


def test_a_rule_for_people_who_fitted_before_it_needs_a_simulation_that_nobody_can_make_yet(refuses: Refuses) -> None:
    refuses(
        [
            (
                "such a rule is refused",
                (FUNNEL, "{name: first real touch,", "{name: first real touch, applies_to: existing,"),
            )
        ],
        [
            "mappings/funnel.yaml:62:42: a rule for people who fitted before it was written needs a passed simulation,"
            " which this version cannot make\n"
            "  fix: leave applies_to: out; the rule then acts on what changes after its adoption",
        ],
    )
