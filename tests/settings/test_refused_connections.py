"""What is wrong between config, the CRM's mapping and the rules. Each edit below is one refusal; the problems are all that is said, in the order of files and lines."""

from refusing import CONFIG, SALESFORCE, Refuses


def test_addresses_and_channels_of_config_must_exist(refuses: Refuses) -> None:
    refuses(
        [
            (
                "a crm cannot be reached without encryption",
                (CONFIG, "url: https://acme.my.salesforce.com", "url: http://acme.my.salesforce.com"),
            ),
            ("tenant belongs to dynamics", (CONFIG, "    credentials: LEADSYNC_SALESFORCE ", "    tenant: x #")),
            (
                "mail goes to allowed hosts only",
                (CONFIG, "host: smtp.acme.example, port", "host: smtp.other.example, port"),
            ),
            ("an e-mail host belongs to e-mail", (CONFIG, "ops: {kind: slack}", "ops: {kind: slack, host: x}")),
            ("alerts go to a channel", (CONFIG, "{to: ops, urgent: on_call}", "{to: opps, urgent: on_call}")),
            ("the heartbeat is a channel", (CONFIG, "heartbeat: data_lake", "heartbeat: nobody")),
            ("a channel is no person", (CONFIG, "  data_lake: {kind: webhook}", "  manager: {kind: webhook}")),
        ],
        [
            "config/leadsync.yaml:14:10: http is only possible for a CRM on this machine\n  fix: write https://",
            "config/leadsync.yaml:16:5: tenant: belongs to Dynamics",
            'config/leadsync.yaml:52:30: the host "smtp.other.example" is not in channel_hosts:, and nothing is sent anywhere else\n'
            "  fix: add smtp.other.example there",
            "config/leadsync.yaml:56:22: host: belongs to channels of kind email",
            'config/leadsync.yaml:58:3: "manager" cannot be the name of a channel: it means a person',
            'config/leadsync.yaml:60:14: the channel "opps" does not exist\n'
            '  did you mean "ops"?\n'
            "  known: email, crm_task, sales_floor, emea_teams, ops, on_call, manager, log",
            'config/leadsync.yaml:61:12: the channel "nobody" does not exist\n'
            "  known: email, crm_task, sales_floor, emea_teams, ops, on_call, manager, log",
        ],
    )


def test_a_crm_of_another_kind_needs_other_things(refuses: Refuses) -> None:
    refuses(
        [
            ("dynamics needs a tenant", (CONFIG, "    kind: salesforce", "    kind: dynamics")),
            ("a crm's address is an address", (CONFIG, "https://acme.my.salesforce.com", "acme.my.salesforce.com")),
        ],
        [
            'config/leadsync.yaml:13:5: the CRM "salesforce" needs tenant:, the Entra ID tenant that issues tokens',
            "config/leadsync.yaml:14:10: this is no address of a CRM\n  fix: write https://acme.my.salesforce.com",
            'mappings/salesforce.yaml:149:18: nurture.stay_in_touch needs the key "list"\n  fix: add list:',
            'mappings/salesforce.yaml:149:19: "campaign" is not a key under nurture.stay_in_touch\n  known: list',
            'mappings/salesforce.yaml:149:54: "status" is not a key under nurture.stay_in_touch\n  known: list',
            'mappings/salesforce.yaml:150:13: nurture.win_back needs the key "list"\n  fix: add list:',
            'mappings/salesforce.yaml:150:14: "campaign" is not a key under nurture.win_back\n  known: list',
            'mappings/salesforce.yaml:150:44: "status" is not a key under nurture.win_back\n  known: list',
        ],
    )


def test_no_password_stands_in_an_address(refuses: Refuses) -> None:
    refuses(
        [
            ("an address holds no password", (CONFIG, "https://acme.my", "https://me:secret@acme.my")),
            ("mail needs a sender", (CONFIG, ", sender: leadsync@acme.example}", "}")),
        ],
        [
            "config/leadsync.yaml:14:10: no user or password may stand in the address\n"
            "  fix: use environment variables",
            'config/leadsync.yaml:52:10: the channel "email" needs sender:',
        ],
    )


def test_a_crm_without_a_mapping_is_refused(refuses: Refuses) -> None:
    refuses(
        [
            ("a crm has a mapping", (CONFIG, "  salesforce:\n", "  acme:\n")),
        ],
        [
            'config/leadsync.yaml:12:3: the CRM "acme" has no mapping: mappings/acme.yaml does not exist\n'
            "  fix: the CRM's name picks the file; rename one, or let `leadsync init` write it",
        ],
    )


def test_what_the_environment_lacks_is_named(refuses: Refuses) -> None:
    refuses(
        [
            ("the dashboard needs a token", (CONFIG, "dashboard: false", "dashboard: true")),
            (
                "a variable that is not set is refused",
                (CONFIG, "url: https://acme.my.salesforce.com", "url: ${CRM_URL}"),
            ),
        ],
        [
            "config/leadsync.yaml:14:10: the environment variable CRM_URL is not set\n"
            "  fix: set it, or write ${CRM_URL:-otherwise}",
            "config/leadsync.yaml:14:10: this is no address of a CRM\n  fix: write https://acme.my.salesforce.com",
            "config/leadsync.yaml:66:14: the dashboard needs LEADSYNC_WEB_TOKEN\n"
            "  fix: set LEADSYNC_WEB_TOKEN or LEADSYNC_WEB_TOKEN_FILE",
        ],
    )


def test_a_crm_is_not_called_like_a_rule_file(refuses: Refuses) -> None:
    refuses(
        [
            ("a crm is not called like a rule file", (CONFIG, "  salesforce:\n", "  funnel:\n")),
        ],
        [
            'config/leadsync.yaml:12:3: "funnel" cannot be the name of a CRM: mappings/funnel.yaml is another file',
        ],
    )


def test_a_broken_address_is_no_address(refuses: Refuses) -> None:
    refuses(
        [
            ("an address without host is none", (CONFIG, "https://acme.my.salesforce.com", "https://[")),
        ],
        [
            "config/leadsync.yaml:14:10: this is no address of a CRM\n  fix: write https://acme.my.salesforce.com",
        ],
    )


def test_an_address_ends_with_its_host(refuses: Refuses) -> None:
    refuses(
        [
            (
                "an address has no path",
                (CONFIG, "https://acme.my.salesforce.com", "https://acme.my.salesforce.com/home"),
            ),
        ],
        [
            "config/leadsync.yaml:14:10: only the org's own address is needed\n  fix: https://acme.my.salesforce.com",
        ],
    )


def test_a_mapping_fits_the_funnel_and_the_matrix(refuses: Refuses) -> None:
    refuses(
        [
            ("a stage needs a value", (SALESFORCE, "  remarket: Re-Market\n", "  remarkett: Re-Market\n")),
            ("a value means one thing", (SALESFORCE, "  Left Vmail: lal ", "  MAQL: lal ")),
            ("a disposition leads to a stage", (SALESFORCE, "  Attempting Contact: lal", "  Attempting Contact: law")),
            (
                "a forced value leads to a stage or the law",
                (SALESFORCE, "Converted - SQL: sql", "Converted - SQL: sqll"),
            ),
            (
                "leadsync's own fields have their types",
                (
                    SALESFORCE,
                    "{field: LeadSync_Score__c, write: true}",
                    "{field: LeadSync_Score__c, write: true, type: text}",
                ),
            ),
            (
                "opting out is yes or no",
                (
                    SALESFORCE,
                    "{field: HasOptedOutOfEmail, type: yes_no, opt_out: true}",
                    "{field: HasOptedOutOfEmail, opt_out: true}",
                ),
            ),
            (
                "a written field is one field",
                (SALESFORCE, "{field: LeadSync_Queue__c, write: true}", "{field: [A__c, B__c], write: true}"),
            ),
            (
                "another object's field cannot be written",
                (
                    SALESFORCE,
                    "    record_type: RecordType.DeveloperName",
                    "    record_type: {field: RecordType.DeveloperName, write: true}",
                ),
            ),
            ("a fact cannot be a field", (SALESFORCE, "  do_not_call: {", "  outcome: {")),
            (
                "a field is mapped once",
                (
                    SALESFORCE,
                    "    website: Website\n    industry: Industry\n    employees: {field: NumberOfEmployees, type: number}\n    country: {field: Country",
                    "    email: Website\n    industry: Industry\n    employees: {field: NumberOfEmployees, type: number}\n    country: {field: Country",
                ),
            ),
            ("a channel must be in the matrix", (SALESFORCE, "Webinar: webinar,", "Webinar: webinars,")),
            (
                "an investment band must be in the matrix",
                (SALESFORCE, "{low: 0, medium: 5000,", "{low: 0, middle: 5000,"),
            ),
            (
                "a response must be in the matrix",
                (SALESFORCE, "low, response: attended}   #", "low, response: attend}   #"),
            ),
            (
                "inbound touches need their cell",
                (
                    SALESFORCE,
                    "when: {IsClosed: true, CallType: Inbound}, channel: phone, investment: low, response: replied}",
                    "when: {IsClosed: true, CallType: Inbound}, channel: phone, investment: low}",
                ),
            ),
            ("an actor asks for a pool that exists", (SALESFORCE, "{pool: development}]}", "{pool: developmnt}]}")),
            (
                "an actor asks what users have",
                (SALESFORCE, "ops: {any: [{profile: System", "ops: {any: [{profil: System"),
            ),
            (
                "a loss is a reason",
                (SALESFORCE, "lost_because: {otherwise: lost_deal}", "lost_because: {otherwise: lost}"),
            ),
            (
                "a user has no such field",
                (
                    SALESFORCE,
                    "user: {object: User, fields: {}}",
                    "user: {object: User, fields: {vacation: Vacation__c}}",
                ),
            ),
        ],
        [
            'mappings/salesforce.yaml:15:55: "email_opt_out" is text, but opt_out: needs type: yes_no',
            'mappings/salesforce.yaml:16:3: "outcome" cannot be the name of a field: rules already ask for it as a fact',
            'mappings/salesforce.yaml:18:56: "score" is one of leadsync\'s own fields and always of the type number\n'
            "  fix: leave type: out",
            'mappings/salesforce.yaml:30:18: "queue" is written, so it needs exactly one field of the CRM',
            'mappings/salesforce.yaml:43:5: "email" is mapped twice for the lead: here and under fields: in line 8\n'
            "  fix: fields: is for what Lead and Contact share; move it into both objects, or delete one",
            'mappings/salesforce.yaml:49:26: "record_type" lies on another object (RecordType.DeveloperName) and cannot be written',
            'mappings/salesforce.yaml:63:1: the stage "remarket" of funnel.yaml has no value here\n'
            '  did you mean "remarkett"?\n'
            "  fix: add remarket: and the CRM's value for it",
            'mappings/salesforce.yaml:71:3: the stage "remarkett" does not exist\n'
            '  did you mean "remarket"?\n'
            "  known: none, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified",
            'mappings/salesforce.yaml:76:20: the stage "sqll" does not exist\n'
            '  did you mean "sql"?\n'
            "  known: none, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified, by_law",
            'mappings/salesforce.yaml:79:3: the value "MAQL" is listed as dispositions:, and in line 66 as the stage maql\n'
            "  fix: keep one",
            'mappings/salesforce.yaml:80:23: the stage "law" does not exist\n'
            '  did you mean "raw"?\n'
            "  known: none, raw, inquiry, maql, lal, mql, sal, sql, remarket, disqualified",
            'mappings/salesforce.yaml:102:29: the reason "lost" does not exist\n'
            '  did you mean "lost_deal"?\n'
            "  known: timing, no_budget, chose_other, lost_deal, no_response, not_a_fit, worn_out, competitor, do_not_contact, bad_data, duplicate, misrouted",
            'mappings/salesforce.yaml:106:31: the user field "vacation" does not exist\n  known: out_of_office_until',
            'mappings/salesforce.yaml:116:25: the channel "webinars" does not exist\n'
            '  did you mean "webinar"?\n'
            "  known: web, email, webinar, event, content, ads, referral, phone, meeting",
            'mappings/salesforce.yaml:119:64: the investment "middle" does not exist\n  known: low, medium, high',
            'mappings/salesforce.yaml:125:17: the touch "inbound_call" is inbound and needs response: to pick its points in scoring.yaml',
            'mappings/salesforce.yaml:131:107: the response "attend" does not exist\n'
            '  did you mean "attended"?\n'
            "  known: opened, clicked, visited, downloaded, registered, attended, replied, demo_request, contact_me",
            'mappings/salesforce.yaml:139:48: the pool "developmnt" does not exist\n'
            '  did you mean "development"?\n'
            "  known: development, dach_sales, emea_sales, americas_sales, strategic",
            'mappings/salesforce.yaml:141:16: of a user, the name "profil" does not exist\n'
            '  did you mean "profile"?\n'
            "  known: user, role, profile, permission_set, security_role, team, queue, pool",
        ],
    )


def test_a_mapping_keeps_to_what_the_crm_can_do(refuses: Refuses) -> None:
    refuses(
        [
            ("queues cannot own contacts", (SALESFORCE, "responsible: assignee ", "responsible: owner #")),
            ("leadsync is no actor", (SALESFORCE, "  automation: {any", "  leadsync: {any")),
            ("a stage outside has no value", (SALESFORCE, "  raw: Raw\n", "  raw: Raw\n  none: Nothing\n")),
        ],
        [
            "mappings/salesforce.yaml:57:16: queues cannot own contacts\n"
            "  fix: name a fallback_user: here, or write responsible: assignee",
            'mappings/salesforce.yaml:65:3: the stage "none" has the role outside: the field is blank, it has no value',
            'mappings/salesforce.yaml:143:3: "leadsync" cannot be an actor here: it has a meaning of its own',
        ],
    )


def test_a_mapping_does_not_contradict_itself(refuses: Refuses) -> None:
    refuses(
        [
            ("a condition and a field do not share a name", (SALESFORCE, "  do_not_call: {", "  icp: {")),
            ("an assignee needs a field", (SALESFORCE, "  assignee: {field", "  # assignee: {field")),
            (
                "bands are read from a field",
                (SALESFORCE, "investment: {field: Campaign.BudgetedCost, bands", "investment: {bands"),
            ),
            (
                "values or bands",
                (
                    SALESFORCE,
                    "      otherwise: registered\n",
                    "      bands: {opened: 1}\n      otherwise: registered\n",
                ),
            ),
        ],
        [
            'mappings/salesforce.yaml:16:3: "icp" is a condition in funnel.yaml already\n  fix: rename one',
            "mappings/salesforce.yaml:57:16: the contact's responsible is the assignee, but no field is mapped as assignee",
            "mappings/salesforce.yaml:119:17: values: and bands: need field: to say what is read",
            "mappings/salesforce.yaml:124:7: give values: or bands:, not both",
        ],
    )
