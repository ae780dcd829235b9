"""Keys and values that no file may hold. Each edit below is one refusal; the problems are all that is said, in the order of files and lines."""

from refusing import CALENDARS, CONFIG, FUNNEL, ROUTING, SALESFORCE, SCORING, SLA, Refuses


def test_wrong_keys_and_values_are_named_all_at_once(refuses: Refuses) -> None:
    refuses(
        [
            ("an unknown key is refused with the nearest one", (CONFIG, "    api_version: ", "    api_versoin: ")),
            ("a zone that does not exist is refused", (CONFIG, "zone: Europe/Berlin", "zone: Europe/Berlim")),
            ("business time cannot schedule a tick", (CONFIG, "fast: 1m", "fast: 1 business hour")),
            ("a time of day has two digits", (CONFIG, "reconcile: 02:30", "reconcile: 2:30")),
            ("an unknown kind cannot be delivered", (CONFIG, "deliver: false", "deliver: [notice]")),
            ("delivering everything must be said kind by kind", (CONFIG, "dashboard: false", "dashboard: maybe")),
            ("go-live is an instant with a zone", (CONFIG, "go_live_at: first_delivery", "go_live_at: 2026-12-01")),
            ("a share has a percent sign", (CONFIG, "api_share: 20%", "api_share: 0.2")),
            ("more than the whole cannot be shared", (CONFIG, "api_reserve: 20%", "api_reserve: 150%")),
            ("an unknown channel kind is refused", (CONFIG, "{kind: teams}", "{kind: team}")),
            ("a limit needs both numbers", (CONFIG, "sla: {per_cycle: 300, per_day: 3000}", "sla: {per_cycle: 300}")),
            ("a limit's kind must exist", (CONFIG, "lead_stage: {per", "lead_status: {per")),
            ("a log level must exist", (CONFIG, "level: info", "level: trace")),
            (
                "a field type must exist",
                (SALESFORCE, "phone: {field: Phone, type: phone}", "phone: {field: Phone, type: telephone}"),
            ),
            ("a needed block is missing", (SALESFORCE, "contact:\n  object", "customer:\n  object")),
            ("a direction must exist", (SALESFORCE, "direction: both", "direction: sideways")),
            ("a pair has two parts", (SALESFORCE, "  sal: SAL\n", "  sal: {write: [Open, SAL, x]}\n")),
            ("a native name is a name", (SALESFORCE, "company: Company\n", "company: Company Name\n")),
            ("a role must exist", (FUNNEL, "{label: Inquiry, role: cold,", "{label: Inquiry, role: warm,")),
            ("an edge needs its end", (FUNNEL, "  - {from: lal, to: mql, by: ldr}", "  - {from: lal, by: ldr}")),
            ("a policy must exist", (FUNNEL, "  - {then: flag}", "  - {then: ignore}")),
            ("a duration has a unit", (FUNNEL, "default_cool_down: 90d", "default_cool_down: 90")),
            ("revival is a word or a time", (FUNNEL, "revive: 365d", "revive: sometimes")),
            ("a condition in a bare list is refused", (FUNNEL, "when: in_open_deal}", "when: [in_open_deal, icp]}")),
            ("the bar is not a setting", (SCORING, "threshold: 100", "threshold: 120")),
            (
                "a term has points or a field",
                (
                    SCORING,
                    "{name: director, when: {seniority: director}, points: 25}",
                    "{name: director, when: {seniority: director}}",
                ),
            ),
            (
                "a decay is one of three",
                (SCORING, "default: {half_life: 30d}", "default: {half_life: 30d, linear: 60d}"),
            ),
            (
                "points do not fade in business time",
                (SCORING, "event: {half_life: 45d}", "event: {half_life: 3 business days}"),
            ),
            (
                "a cell is a number",
                (
                    SCORING,
                    "      web:      [~, 1, 1, 5, 8, ~, 10, 30, 40]",
                    "      web:      [~, a, 1, 5, 8, ~, 10, 30, 40]",
                ),
            ),
            ("a target of a rule must be one", (ROUTING, "assign: account_colleague}", "assign: colleague}")),
            (
                "a member's language is a code",
                (ROUTING, "languages: [en, de]}\n      - {user: bela", "languages: [en, German]}\n      - {user: bela"),
            ),
            (
                "an absence needs days",
                (ROUTING, "from: 2026-12-21, to: 2027-01-02", "from: 2026-12-21, to: 2027-02-30"),
            ),
            ("a weight is a whole number", (ROUTING, "weight: 2, senior", "weight: 1.5, senior")),
            ("a rung is due at a share or a time", (SLA, "{at: 75%, tell", "{at: soon, tell")),
            ("an act must exist", (SLA, "{at: 150%, act: reassign}", "{at: 150%, act: reasign}")),
            ("a notice must be one that is made", (SLA, "  hand_raised_again: {", "  hand_raised_twice: {")),
            ("a period has two days", (SLA, "period: 2027-02-01/2028-01-31", "period: 2027")),
            ("a weekday must exist", (CALENDARS, "      mon-thu: [", "      mon-thr: [")),
            (
                "a shift ends after it begins",
                (CALENDARS, "hours: {mon-fri: [09:00-17:00]}", "hours: {mon-fri: [17:00-09:00]}"),
            ),
            ("a country is a code", (CALENDARS, "holidays: {country: US}", "holidays: {country: USA}")),
            ("own hours are closed or shifts", (CALENDARS, "hours: closed", "hours: none")),
        ],
        [
            'config/leadsync.yaml:8:9: company.zone: "Europe/Berlim" is not a time zone; write one such as Europe/Berlin',
            'config/leadsync.yaml:15:5: "api_versoin" is not a key under crms.salesforce\n'
            '  did you mean "api_version"?\n'
            "  known: kind, url, api_version, tenant, credentials",
            'config/leadsync.yaml:25:9: schedule.fast: "1 business hour" is business time; here only elapsed time is possible, such as 30s, 5m or 24h',
            'config/leadsync.yaml:28:14: schedule.reconcile: "2:30" is not a time of day; write 08:30',
            'config/leadsync.yaml:36:10: deliver: "notice" cannot be delivered; the kinds are notices, stage_entered, score, contact_stage, lead_stage, owner, membership',
            'config/leadsync.yaml:38:13: go_live_at: "2026-12-01" is not an instant; write 2026-12-01T08:00:00Z',
            "config/leadsync.yaml:41:14: limits.api_share: a share is text such as 20%, not 0.2",
            'config/leadsync.yaml:42:16: limits.api_reserve: "150%" is more than 100%',
            'config/leadsync.yaml:45:5: limits.writes.lead_status: "lead_status" is not possible here\n'
            '  did you mean "lead_stage"?\n'
            "  known: normal, notices, stage_entered, score, contact_stage, lead_stage, owner, membership, sla, hand_raiser, cleanse, stage_age",
            'config/leadsync.yaml:47:10: limits.writes.sla needs the key "per_day"\n  fix: add per_day:',
            'config/leadsync.yaml:55:22: channels.emea_teams.kind: "team" is not possible here\n'
            '  did you mean "teams"?\n'
            "  known: slack, teams, email, webhook, pagerduty, crm_task, log",
            'config/leadsync.yaml:66:14: web.dashboard: must be true or false, not "maybe"',
            'config/leadsync.yaml:70:10: logging.level: "trace" is not possible here\n'
            "  known: debug, info, warning, error",
            'mappings/calendars.yaml:10:7: calendars.emea_office.hours.mon-thr: "mon-thr" is not written as it should be\n'
            "  write a weekday such as mon, or several in a row such as mon-fri",
            'mappings/calendars.yaml:14:35: calendars.emea_office.own_days.0.hours: write closed or a list of shifts such as [09:00-12:00], not "none"',
            'mappings/calendars.yaml:18:23: calendars.new_york.hours.mon-fri.0: "17:00-09:00" ends before it begins; a night shift is two shifts on two days',
            'mappings/calendars.yaml:19:25: calendars.new_york.holidays.country: "USA" is not written as it should be\n'
            "  write a country code of two capital letters, such as DE, or owner",
            'mappings/funnel.yaml:19:35: stages.inquiry.role: "warm" is not possible here\n'
            "  known: raw, cold, qualified, accepted_ldr, handoff, accepted_sales, sales_qualified, recycle, exit, outside",
            'mappings/funnel.yaml:39:5: edges.7 needs the key "to"\n  fix: add to:',
            'mappings/funnel.yaml:56:12: illegal_moves.2.then: write flag, revert or {redirect: STAGE}, not "ignore"',
            "mappings/funnel.yaml:59:113: automatic.0.when: conditions stand in a bare list: nobody can tell whether all or any of them must hold; write all: or any:",
            "mappings/funnel.yaml:88:22: recycle.default_cool_down: a duration is text such as 30s, 15m, 24h, 60d, 1 business hour or 3 business days, not 90",
            "mappings/funnel.yaml:104:67: recycle.reasons.worn_out.revive: 'sometimes' is not a duration; write 30s, 15m, 24h, 60d, 1 business hour or 3 business days",
            'mappings/routing.yaml:32:39: rules.sales.1.assign: write {pool: NAME}, {queue: NAME}, {user: NAME}, or one of deal_owner, account_colleague, account_owner, former_owner; not "colleague"',
            'mappings/routing.yaml:52:61: pools.development.members.0.languages.1: "German" is not written as it should be\n'
            "  write a language code in small letters, such as en",
            'mappings/routing.yaml:54:114: pools.development.members.2.absences.0.to: "2027-02-30" is not a day; write 2026-12-24',
            "mappings/routing.yaml:80:43: pools.americas_sales.members.0.weight: must be a whole number, not 1.5",
            'mappings/salesforce.yaml:4:1: the file needs the key "contact"\n  fix: add contact:',
            'mappings/salesforce.yaml:9:31: fields.phone.type: "telephone" is not possible here\n'
            '  did you mean "phone"?\n'
            "  known: text, number, date, datetime, yes_no, email, phone, country, state, user",
            'mappings/salesforce.yaml:42:14: lead.fields.company: "Company Name" is not written as it should be\n'
            "  write an API name such as LeadSource, or a path such as RecordType.DeveloperName",
            'mappings/salesforce.yaml:53:1: "customer" is not a key\n'
            '  did you mean "user"?\n'
            "  known: fields, contact, stages, converted, dispositions, deprecated, account, opportunity, campaign, user, touches, cadence_users and 4 more",
            "mappings/salesforce.yaml:69:8: stages.sal: a stage is written as one value, or as a pair of state and status reason",
            'mappings/salesforce.yaml:131:56: touches.meeting.direction: "sideways" is not possible here\n'
            "  known: inbound, outbound, both",
            "mappings/scoring.yaml:5:12: threshold: the bar is 100 points, always, not 120: only then do scores of two years, or of two companies, mean the same. To get more or fewer qualified leads, turn the points below",
            "mappings/scoring.yaml:13:5: demographic.1: give either points: (with when:) or field: (with factor:)",
            "mappings/scoring.yaml:39:14: behavioural.decay.default: give exactly one of half_life, linear and step",
            "mappings/scoring.yaml:40:12: behavioural.decay.event: points fade in elapsed time or days, not in business time",
            'mappings/scoring.yaml:47:21: behavioural.matrix.low.web.1: must be a number, not "a"',
            "mappings/sla.yaml:22:14: clocks.maql_review.ladder.0.at: 'soon' is not a duration; write 30s, 15m, 24h, 60d, 1 business hour or 3 business days",
            'mappings/sla.yaml:35:25: clocks.mql_follow_up.ladder.2.act: "reasign" is not possible here\n'
            '  did you mean "reassign"?\n'
            "  known: reassign, recycle, crm_task",
            'mappings/sla.yaml:76:3: notices.hand_raised_twice: "hand_raised_twice" is not possible here\n'
            '  did you mean "hand_raised_in_deal"?\n'
            "  known: put_back, reason_missing, hand_raised_again, hand_raised_in_deal, untouched",
            "mappings/sla.yaml:100:11: goals.period: a period is text such as 2027-02-01/2028-01-31, not 2027",
        ],
    )


def test_slips_of_the_pen_are_explained(refuses: Refuses) -> None:
    refuses(
        [
            (
                "a comma inside braces begins a new key",
                (FUNNEL, 'means: "In an opportunity, or ready for one"', "means: In an opportunity, or ready for one"),
            ),
            ("a crm's kind must exist", (CONFIG, "    kind: salesforce", "    kind: salseforce")),
            ("a name is letters", (FUNNEL, "  known_account: {", "  known-account: {")),
            ("a block is no text", (SLA, "telling:\n", "telling: mail\nagreement2:\n")),
            ("an unquoted version is a number", (CONFIG, 'api_version: "65.0"', "api_version: 65.0")),
        ],
        [
            'config/leadsync.yaml:13:11: crms.salesforce.kind: "salseforce" is not possible here\n'
            '  did you mean "salesforce"?\n'
            "  known: salesforce, dynamics",
            "config/leadsync.yaml:15:18: crms.salesforce.api_version: must be text, not 65.0\n"
            '  fix: put it in quotes, "65.0"',
            'mappings/funnel.yaml:12:3: conditions.known-account: "known-account" is not written as it should be\n'
            "  names are letters, digits and _, and begin with a letter",
            'mappings/funnel.yaml:24:116: "or ready for one" is not a key under stages.sql\n'
            "  fix: a comma inside {...} begins a new key; put text that holds one in quotes",
            'mappings/sla.yaml:48:10: telling: must be a block of keys, not "mail"',
            'mappings/sla.yaml:49:1: "agreement2" is not a key\n'
            '  did you mean "agreement"?\n'
            "  known: clocks, telling, messages, notices, agreement, goals",
        ],
    )


def test_values_of_the_wrong_kind_are_told_what_is_right(refuses: Refuses) -> None:
    refuses(
        [
            ("a horizon of more than a century is a slip", (FUNNEL, "won_cool_down: 90d", "won_cool_down: 90000d")),
            ("no time at all is no target", (SLA, "target: 24h", "target: 0h")),
            ("a share is a number", (CONFIG, "api_reserve: 20%", "api_reserve: much")),
            ("a list is no share", (CONFIG, "api_share: 20%", "api_share: [20%]")),
            ("delivery is false or a list", (CONFIG, "deliver: false", "deliver: true")),
            ("a day exists", (SLA, "next_review: 2027-01-01", "next_review: 27-01-01")),
            ("a period has two ends", (SLA, "period: 2027-02-01/2028-01-31", "period: from 2027")),
            ("revival is text", (FUNNEL, "revive: 365d", "revive: 365")),
            (
                "an empty condition asks nothing",
                (FUNNEL, "when: at_the_bar}          # waits", "when: {}}          # waits"),
            ),
            (
                "a list is values or a file",
                (ROUTING, "named_accounts: [globex.example, initech.example]", "named_accounts: globex.example"),
            ),
            (
                "a file needs its column",
                (
                    ROUTING,
                    "target_accounts: [initech.example, hooli.example, umbrella.example]",
                    "target_accounts: {file: lists/a.csv}",
                ),
            ),
            ("a score comes from rules or a field", (SCORING, "score_from: rules", "score_from: {field: 5}")),
            (
                "a factor needs its field alone",
                (SCORING, "field: account.rating, factor: 0.1", "field: account.rating, when: icp, factor: 0.1"),
            ),
            (
                "points go to somebody",
                (
                    SCORING,
                    "{name: core market, when: {country: [DE, AT, CH, US, GB]}, points: 5}",
                    "{name: core market, points: 5}",
                ),
            ),
            (
                "points have no factor",
                (SCORING, "when: target_account, points: 10}", "when: target_account, points: 10, factor: 2}"),
            ),
            (
                "a literal is written plainly",
                (
                    SALESFORCE,
                    "at: EndDateTime, direction: both, channel: meeting",
                    "at: EndDateTime, direction: both, channel: {literal: meeting}",
                ),
            ),
            (
                "a value map is no number",
                (SALESFORCE, "CallType: Inbound}, channel: phone,", "CallType: Inbound}, channel: 5,"),
            ),
        ],
        [
            "config/leadsync.yaml:36:10: deliver: write false (watch only) or a list of notices, stage_entered, score, contact_stage, lead_stage, owner, membership, not true",
            "config/leadsync.yaml:41:14: limits.api_share: a share is text such as 20%, not a list",
            'config/leadsync.yaml:42:16: limits.api_reserve: "much" is not a share; write 20%',
            "mappings/funnel.yaml:64:79: automatic.5.when: a condition is a name, or a block such as country: DE, not an empty block",
            'mappings/funnel.yaml:89:18: recycle.won_cool_down: "90000d" is longer than a hundred years',
            "mappings/funnel.yaml:104:67: recycle.reasons.worn_out.revive: write never, hand_raise_only or a duration such as 365d, not 365",
            "mappings/routing.yaml:10:20: lists.target_accounts: a list from a file needs file: and column:",
            'mappings/routing.yaml:11:19: lists.named_accounts: write a list of values or {file: ..., column: ...}, not "globex.example"',
            "mappings/salesforce.yaml:125:127: touches.inbound_call.channel: must be a block of keys, not 5",
            "mappings/salesforce.yaml:131:71: touches.meeting.channel: write the value itself instead of a block with the key literal",
            "mappings/scoring.yaml:4:13: score_from: write rules or {field: NAME, factor: 1}, not a block of keys",
            "mappings/scoring.yaml:24:5: firmographic.5: points: needs when: to say who gets them",
            "mappings/scoring.yaml:27:5: account.0: field: goes with factor: and without when:",
            "mappings/scoring.yaml:28:5: account.1: factor: goes with field:, not with points:",
            'mappings/sla.yaml:19:13: clocks.maql_review.target: "0h" is no time at all',
            'mappings/sla.yaml:84:16: agreement.next_review: "27-01-01" is not a day; write 2026-12-24',
            'mappings/sla.yaml:100:11: goals.period: "from 2027" is not a period; write 2027-02-01/2028-01-31',
        ],
    )
