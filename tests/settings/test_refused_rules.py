"""What is wrong in scoring, routing, the SLA and calendars. Each edit below is one refusal; the problems are all that is said, in the order of files and lines."""

from refusing import CALENDARS, FUNNEL, ROUTING, SCORING, SLA, Refuses


def test_points_add_up_or_are_refused(refuses: Refuses) -> None:
    refuses(
        [
            (
                "a matrix row has every cell",
                (
                    SCORING,
                    "      email:    [1, 2, 2, 5, 8, ~, 15, 30, 40]",
                    "      email:    [1, 2, 2, 5, 8, ~, 15, 30]",
                ),
            ),
            (
                "a matrix has every row",
                (SCORING, "    high:\n      web:      [~, 2, 3, 8, 12, ~, 12, 30, 40]\n", "    high:\n"),
            ),
            ("a weak response must exist", (SCORING, "weak: [opened,", "weak: [open,")),
            ("a channel that fades must exist", (SCORING, "    referral: {step", "    referal: {step")),
            (
                "points have two decimals",
                (SCORING, "{seniority: specialist}, points: 5}", "{seniority: specialist}, points: 5.125}"),
            ),
            ("negative terms take away", (SCORING, "when: free_mail, points: -10", "when: free_mail, points: 10")),
            ("a cap above is not negative", (SCORING, "caps: {demographic: 50,", "caps: {demographic: -50,")),
            ("the cap of negative is not positive", (SCORING, "negative: -60}", "negative: 60}")),
            ("bands begin at zero", (SCORING, "bands: {cold: 0, warm", "bands: {cold: 10, warm")),
            ("two bands do not begin together", (SCORING, "qualified: 100, hot: 150}", "qualified: 100, hot: 100}")),
            ("a factor multiplies a number", (SCORING, "field: account.rating,", "field: account.industry,")),
            (
                "a factor's field must exist",
                (
                    SCORING,
                    "{name: target account, when: target_account, points: 10}",
                    "{name: target account, field: account.ratin, factor: 1}",
                ),
            ),
            ("later steps leave less", (SCORING, "{60d: 50%, 180d: 0%}", "{60d: 50%, 180d: 60%}")),
            ("a title has one level", (SCORING, "specialist, analyst, engineer", "ceo, analyst, engineer")),
            ("a line's name is its own", (SCORING, "{name: next industry,", "{name: core industry,")),
            ("the score is not read where it is written", (SCORING, "score_from: rules", "score_from: {field: score}")),
        ],
        [
            'mappings/scoring.yaml:4:21: "score" is the field that leadsync writes\n'
            "  fix: map the platform's field by another name in the CRM's mapping",
            "mappings/scoring.yaml:7:1: the lowest band begins at 10 points, so fewer have none\n"
            "  fix: let one begin at 0",
            'mappings/scoring.yaml:7:40: the bands "hot" and "qualified" both begin at 100 points',
            "mappings/scoring.yaml:9:21: the cap of demographic: is the most it gives; it cannot be negative",
            "mappings/scoring.yaml:9:85: the cap of negative: is the least it gives\n  fix: write a negative number",
            "mappings/scoring.yaml:15:63: points have at most two decimals, not 5.125",
            'mappings/scoring.yaml:20:12: the line "core industry" stands here twice\n  first in line 19',
            'mappings/scoring.yaml:27:34: "account.industry" is no number field\n'
            "  fix: give it type: number in the CRM's mapping",
            'mappings/scoring.yaml:28:35: the field "account.ratin" does not exist\n'
            '  did you mean "account.rating"?\n'
            "  known: first_name, last_name, title, email, phone, mobile, source, created_at, created_by, bounced_at, email_opt_out, do_not_call and 33 more",
            "mappings/scoring.yaml:31:56: 10 points stand under negative:, which only takes points away\n"
            "  fix: write a negative number",
            'mappings/scoring.yaml:42:5: the channel "referal" does not exist\n'
            '  did you mean "referral"?\n'
            "  known: web, email, webinar, event, content, ads, referral, phone, meeting, default",
            "mappings/scoring.yaml:42:21: points only fade: a later step leaves more than an earlier one",
            'mappings/scoring.yaml:43:10: the response "open" does not exist\n'
            '  did you mean "opened"?\n'
            "  known: opened, clicked, visited, downloaded, registered, attended, replied, demo_request, contact_me",
            'mappings/scoring.yaml:48:17: the row "email" of "low" has 8 cells, but there are 9 responses\n'
            "  the columns are: opened, clicked, visited, downloaded, registered, attended, replied, demo_request, contact_me\n"
            "  fix: one cell for each response, ~ for what cannot happen",
            'mappings/scoring.yaml:66:5: the investment "high" has no row for the channel "web"\n'
            "  fix: add web: with 9 cells, ~ for what cannot happen",
            'mappings/scoring.yaml:121:12: the title "ceo" stands under specialist and under c_level\n'
            "  fix: keep one, or make one of them longer",
        ],
    )


def test_nobody_is_routed_to_nowhere(refuses: Refuses) -> None:
    refuses(
        [
            (
                "a rule assigns to a pool that exists",
                (
                    ROUTING,
                    "assign: {pool: dach_sales}, match: [language]}",
                    "assign: {pool: dach_ae}, match: [language]}",
                ),
            ),
            (
                "a door belongs to a stage",
                (ROUTING, "doors: {maql: development, mql: sales}", "doors: {maqll: development, mql: sales}"),
            ),
            (
                "the last rule takes everybody",
                (ROUTING, "{name: everyone else, assign", "{name: everyone else, when: icp, assign"),
            ),
            (
                "nothing stands below a rule that takes everybody",
                (
                    ROUTING,
                    "{name: southern Germany, when: {territory: dach_south}, assign: {pool: dach_sales}, match: [territory]}",
                    "{name: southern Germany, assign: {pool: dach_sales}}",
                ),
            ),
            (
                "only pools have members to match",
                (
                    ROUTING,
                    "{name: account owner, assign: account_owner}",
                    "{name: account owner, assign: account_owner, match: [language]}",
                ),
            ),
            (
                "a former owner is looked for within a time",
                (ROUTING, "assign: former_owner, within: 180d}", "assign: former_owner}"),
            ),
            (
                "within belongs to the former owner",
                (
                    ROUTING,
                    "when: in_open_deal, assign: deal_owner}",
                    "when: in_open_deal, assign: deal_owner, within: 3d}",
                ),
            ),
            ("a pool's calendar must exist", (ROUTING, "    calendar: new_york", "    calendar: new_yrok")),
            ("a pool's channel must exist", (ROUTING, "through: [email, sales_floor]", "through: [email, sales_flor]")),
            (
                "a pool's message must exist",
                (
                    ROUTING,
                    "{through: [email, emea_teams], message: assigned}",
                    "{through: [email, emea_teams], message: asigned}",
                ),
            ),
            ("a member's territory must exist", (ROUTING, "territories: [dach]}", "territories: [dachs]}")),
            ("a member's calendar must exist", (ROUTING, "calendar: warsaw_part_time}", "calendar: warsaw}")),
            ("a member is in a pool once", (ROUTING, "{user: maria@acme.example,", "{user: liam@acme.example,")),
            (
                "an absence ends after it begins",
                (ROUTING, "from: 2026-12-21, to: 2027-01-02", "from: 2026-12-21, to: 2026-12-02"),
            ),
            ("a rule's name is its own", (ROUTING, "{name: EMEA, when", "{name: DACH, when")),
            (
                "a list's file stays in the folder",
                (
                    ROUTING,
                    "named_accounts: [globex.example, initech.example]",
                    "named_accounts: {file: ../secret.csv, column: a}",
                ),
            ),
        ],
        [
            'mappings/routing.yaml:5:9: the stage "maqll" does not exist\n'
            '  did you mean "maql"?\n'
            "  known: none, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified",
            'mappings/routing.yaml:11:26: "../secret.csv" leads out of the folder of the mappings\n'
            "  fix: write lists/NAME.csv",
            "mappings/routing.yaml:31:66: within: belongs to assign: former_owner",
            "mappings/routing.yaml:33:52: match: asks the members of a pool, but this rule does not assign to one",
            "mappings/routing.yaml:35:34: former_owner needs within:, such as within: 180d",
            'mappings/routing.yaml:37:7: the rule "southern Germany" takes everybody, so the rules below it are never asked\n'
            "  fix: give it a when:, or move it to the end",
            'mappings/routing.yaml:38:60: rule "DACH" assigns to pool "dach_ae", which does not exist\n'
            "  pools in this file: development, dach_sales, emea_sales, americas_sales, strategic\n"
            '  fix: define "dach_ae" under pools:, or change assign',
            'mappings/routing.yaml:40:14: a rule named "DACH" stands above already',
            'mappings/routing.yaml:42:35: the last rule "everyone else" does not take everybody, so people would be left over\n'
            "  fix: end the list with a rule without when: that assigns to a pool, a queue or a user",
            "mappings/routing.yaml:54:91: the absence ends before it begins",
            'mappings/routing.yaml:59:53: the message "asigned" does not exist\n'
            '  did you mean "assigned"?\n'
            "  known: assigned, reminder, overdue, put_back, reason_missing, hand_raised, digest",
            'mappings/routing.yaml:64:80: the territory "dachs" does not exist\n'
            '  did you mean "dach"?\n'
            "  known: dach_south, dach, americas, emea",
            'mappings/routing.yaml:73:65: the calendar "warsaw" does not exist\n'
            "  known: emea_office, new_york, warsaw_part_time, owner_hours",
            'mappings/routing.yaml:76:15: the calendar "new_yrok" does not exist\n'
            '  did you mean "new_york"?\n'
            "  known: emea_office, new_york, warsaw_part_time, owner_hours",
            'mappings/routing.yaml:78:31: the channel "sales_flor" does not exist\n'
            '  did you mean "sales_floor"?\n'
            "  known: email, crm_task, sales_floor, emea_teams, ops, on_call, data_lake, log",
            'mappings/routing.yaml:81:16: the user "…@acme.example" stands here twice\n  first in line 80',
        ],
    )


def test_doors_and_lists_lead_somewhere(refuses: Refuses) -> None:
    refuses(
        [
            (
                "a door's list must exist",
                (ROUTING, "doors: {maql: development, mql: sales}", "doors: {maql: developmnt, inquiry: sales}"),
            ),
            (
                "a list's file must exist",
                (
                    ROUTING,
                    "named_accounts: [globex.example, initech.example]",
                    "named_accounts: {file: lists/none.csv, column: a}",
                ),
            ),
        ],
        [
            'mappings/routing.yaml:5:15: the list of rules "developmnt" does not exist\n'
            '  did you mean "development"?\n'
            "  known: development, sales",
            'mappings/routing.yaml:5:27: the stage "inquiry" has a door, but its people are not routed\n'
            "  fix: give inquiry routed: true in funnel.yaml, or delete its door",
            'mappings/routing.yaml:11:26: the file "mappings/lists/none.csv" does not exist',
        ],
    )


def test_a_clock_tells_people_who_exist_in_words_that_exist(refuses: Refuses) -> None:
    refuses(
        [
            ("a clock starts somewhere", (SLA, "    starts: maql", "    starts: mqal")),
            (
                "a clock's calendar must exist",
                (
                    SLA,
                    "    calendar: owner                   # owner |",
                    "    calendar: ownr                   # owner |",
                ),
            ),
            (
                "a rung tells somebody who exists",
                (
                    SLA,
                    "- {at: 50%, tell: [owner], message: reminder}\n      - {at: 100%, tell: [manager, sales_floor], message: overdue}\n      - {at: 200%",
                    "- {at: 50%, tell: [ownr], message: reminder}\n      - {at: 100%, tell: [manager, sales_floor], message: overdue}\n      - {at: 200%",
                ),
            ),
            (
                "a rung's message must exist",
                (SLA, "{at: 75%, tell: [owner], message: reminder}", "{at: 75%, tell: [owner], message: remind}"),
            ),
            ("a rung does something", (SLA, "{at: 150%, act: reassign}", "{at: 150%}")),
            ("rungs stand in order", (SLA, "- {at: 2 business days, tell", "- {at: 5 business days, tell")),
            (
                "a word that cannot be filled in is refused",
                (SLA, 'title: "{person} is yours: {stage}', 'title: "{persn} is yours: {stage}'),
            ),
            ("a single brace is doubled", (SLA, 'title: "{count} people wait"', 'title: "{count} people} wait"')),
            ("people are reached through a channel", (SLA, "people_through: [email]", "people_through: [mail]")),
            (
                "the chain of people has known links",
                (SLA, "instead: [queue_lead, next_manager,", "instead: [queue_lead, next_boss,"),
            ),
            ("quiet hours except a clock", (SLA, "except: [hand_raiser]", "except: [hand_raisers]")),
            (
                "a notice tells somebody",
                (SLA, "put_back: {tell: [actor], message: put_back}", "put_back: {tell: [author], message: put_back}"),
            ),
            ("a duty belongs to a stage", (SLA, "    lal: Call and", "    lel: Call and")),
            (
                "the last segment takes the rest",
                (SLA, "    - name: Everyone else\n", "    - name: Everyone else\n      when: icp\n"),
            ),
        ],
        [
            'mappings/sla.yaml:10:15: the calendar "ownr" does not exist\n'
            '  did you mean "owner"?\n'
            "  known: emea_office, new_york, warsaw_part_time, owner_hours, owner, pool",
            'mappings/sla.yaml:13:26: the person or channel "ownr" does not exist\n'
            '  did you mean "owner"?\n'
            "  known: email, crm_task, sales_floor, emea_teams, ops, on_call, data_lake, log, owner, manager, pool_lead, queue_lead and 2 more",
            'mappings/sla.yaml:18:13: the stage "mqal" does not exist\n'
            '  did you mean "mql"?\n'
            "  known: none, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified, hand_raised",
            'mappings/sla.yaml:22:43: the message "remind" does not exist\n'
            '  did you mean "reminder"?\n'
            "  known: assigned, reminder, overdue, put_back, reason_missing, hand_raised, digest",
            "mappings/sla.yaml:35:9: this rung does nothing\n  fix: add tell: or act:",
            "mappings/sla.yaml:44:14: this rung comes before the one above it\n  fix: swap them",
            'mappings/sla.yaml:49:20: the channel "mail" does not exist\n'
            '  did you mean "email"?\n'
            "  known: email, crm_task, sales_floor, emea_teams, ops, on_call, data_lake, log",
            'mappings/sla.yaml:50:25: the channel or person "next_boss" does not exist\n'
            "  known: email, crm_task, sales_floor, emea_teams, ops, on_call, data_lake, log, queue_lead, next_manager, pool_lead",
            'mappings/sla.yaml:53:50: the clock "hand_raisers" does not exist\n'
            '  did you mean "hand_raiser"?\n'
            "  known: hand_raiser, maql_review, mql_follow_up, sal_worked",
            "mappings/sla.yaml:59:12: {persn} is not a word that can be filled in\n"
            '  did you mean "person"?\n'
            "  known: person, company, stage, from_stage, to_stage, score, top_score_lines, last_touches, form_text, owner, former_owner, actor and 13 more",
            "mappings/sla.yaml:71:19: a single } stands in the text\n  fix: write }} to print one",
            'mappings/sla.yaml:74:21: the person or channel "author" does not exist\n'
            '  did you mean "actor"?\n'
            "  known: email, crm_task, sales_floor, emea_teams, ops, on_call, data_lake, log, owner, manager, pool_lead, queue_lead and 2 more",
            'mappings/sla.yaml:88:5: the stage "lel" does not exist\n'
            '  did you mean "lal"?\n'
            "  known: none, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified",
            "mappings/sla.yaml:106:13: the last segment does not take everybody\n"
            "  fix: end with a segment without when:",
        ],
    )


def test_clocks_and_segments_make_sense(refuses: Refuses) -> None:
    refuses(
        [
            ("no clock runs before the funnel", (SLA, "    starts: maql", "    starts: raw")),
            ("a storm needs its message", (SLA, "  digest: {title", "  digests: {title")),
            (
                "a segment that takes everybody is the last",
                (SLA, "{name: Enterprise, when: {employees: {at_least: 1000}},", "{name: Enterprise,"),
            ),
        ],
        [
            'mappings/sla.yaml:18:13: no clock runs in the stage "raw": its role is raw',
            'mappings/sla.yaml:57:1: the message "digest" is missing: it stands for many messages at once\n'
            '  fix: add digest: {title: "{count} people wait", text: "{list}"}',
            'mappings/sla.yaml:104:7: the segment "Enterprise" takes everybody, so those below it are empty',
        ],
    )


def test_working_time_is_told_without_contradiction(refuses: Refuses) -> None:
    refuses(
        [
            ("the default calendar must exist", (CALENDARS, "default: emea_office", "default: emea")),
            ("a weekday stands once", (CALENDARS, "      fri: [08:30-14:30]", "      thu-fri: [08:30-14:30]")),
            ("shifts do not overlap", (CALENDARS, "[08:30-12:30, 13:15-17:30]", "[08:30-12:30, 12:15-17:30]")),
            ("a region must exist", (CALENDARS, "{country: DE, region: BE}", "{country: DE, region: BX}")),
            (
                "a country without known holidays is refused",
                (CALENDARS, "holidays: {country: PL}", "holidays: {country: XX}"),
            ),
            ("an own day stands once", (CALENDARS, "date: 2026-12-31", "date: 2026-12-24")),
            (
                "a week does not run backwards",
                (CALENDARS, "hours: {mon-wed: [09:00-15:00]}", "hours: {wed-mon: [09:00-15:00]}"),
            ),
            ("a calendar is not called owner", (CALENDARS, "  new_york:\n", "  owner:\n")),
        ],
        [
            'mappings/calendars.yaml:4:10: the calendar "emea" does not exist\n'
            "  known: emea_office, owner, warsaw_part_time, owner_hours",
            "mappings/calendars.yaml:10:30: this shift begins before the one ahead of it has ended",
            "mappings/calendars.yaml:11:7: thu stands here twice",
            'mappings/calendars.yaml:12:37: no public holidays are known for the region "BX" of DE\n'
            "  known: BB, BE, BW, BY, HB, HE, HH, MV, NI, NW, RP, SH and 5 more",
            "mappings/calendars.yaml:15:16: 2026-12-24 stands here twice",
            'mappings/calendars.yaml:16:3: "owner" cannot be the name of a calendar: clocks mean something else by it',
            "mappings/calendars.yaml:22:12: this calendar has no working time at all",
            "mappings/calendars.yaml:22:13: wed-mon runs backwards\n  fix: a week runs from mon to sun",
            'mappings/calendars.yaml:23:25: no public holidays are known for the country "XX"',
            'mappings/routing.yaml:76:15: the calendar "new_york" does not exist\n'
            "  known: emea_office, owner, warsaw_part_time, owner_hours",
        ],
    )


def test_what_a_clock_does_is_possible(refuses: Refuses) -> None:
    refuses(
        [
            (
                "a region needs a country",
                (CALENDARS, "holidays: {country: owner}", "holidays: {country: owner, region: BE}"),
            ),
            (
                "recycling by the clock needs its reason",
                (SLA, "{at: 150%, act: crm_task, message: overdue}", "{at: 150%, act: recycle}"),
            ),
            (
                "and the reason was renamed",
                (FUNNEL, "    no_response: {label: No response, class", "    no_answer: {label: No response, class"),
            ),
            ("and its uses too", (FUNNEL, "    reason: no_response ", "    reason: no_answer ")),
        ],
        [
            "mappings/calendars.yaml:27:32: region: needs a fixed country",
            'mappings/sla.yaml:45:25: act: recycle goes by the reason "no_response", which funnel.yaml lacks',
        ],
    )
