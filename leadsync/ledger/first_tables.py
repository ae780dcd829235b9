"""The tables of the ledger as the first release made them; `migrations.py` creates them and says what came since.

A shipped step is never edited, so this text never changes again. CHECKs are spelled with OR, since SQLite builds a table
for every IN and every row.
"""

TABLES = """
CREATE TABLE records (
    rid INTEGER PRIMARY KEY,
    crm TEXT NOT NULL,
    object TEXT NOT NULL CHECK (object = 'lead' OR object = 'contact'),
    id TEXT NOT NULL,
    pid INTEGER NOT NULL,  -- the record that names the person: the earliest of those converted or merged into one
    stage_value TEXT,
    stage TEXT,
    owner_id TEXT,
    assignee_id TEXT,
    email_key TEXT,
    created_at TEXT NOT NULL,
    created_by TEXT,
    modified_at TEXT NOT NULL,
    modified_by TEXT,
    stamp TEXT NOT NULL,
    version TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state = 'live' OR state = 'converted' OR state = 'merged' OR state = 'deleted'
            OR state = 'out_of_scope'),
    account_id TEXT,
    converted_to TEXT,
    converted_account_id TEXT,
    converted_opportunity_id TEXT,
    converted_on TEXT,
    merged_into TEXT,
    operation TEXT,
    fields TEXT NOT NULL,
    read_at TEXT NOT NULL,
    first_seen_at TEXT NOT NULL,
    ended_at TEXT,
    gap INTEGER
        CHECK (gap BETWEEN 0 AND 1),  -- a value that history does not explain; 1 once a complete pass has seen it
    owner_rows INTEGER NOT NULL DEFAULT 0
        CHECK (owner_rows BETWEEN 0 AND 1),  -- 0: the owner of now is the only one ever seen
    UNIQUE (id, object, crm)
) STRICT;
CREATE INDEX records_by_person ON records (pid) WHERE pid <> rid;
CREATE INDEX records_by_email ON records (email_key, crm) WHERE email_key IS NOT NULL;
CREATE INDEX records_by_account ON records (account_id, crm) WHERE account_id IS NOT NULL;
CREATE INDEX records_by_conversion ON records (converted_to, crm) WHERE converted_to IS NOT NULL;
CREATE INDEX records_by_deal ON records (converted_opportunity_id, crm) WHERE converted_opportunity_id IS NOT NULL;
CREATE INDEX records_by_merge ON records (merged_into, crm, object) WHERE merged_into IS NOT NULL;
CREATE INDEX records_with_gap ON records (crm, object) WHERE gap IS NOT NULL;

CREATE TABLE persons (
    pid INTEGER PRIMARY KEY,
    crm TEXT NOT NULL,
    wake_at TEXT,
    decided_at TEXT,
    waiting INTEGER NOT NULL DEFAULT 0
        CHECK (waiting BETWEEN 0 AND 1),  -- 1: to be decided, without hurry, in its slice
    score INTEGER,
    band TEXT,
    product TEXT,
    fired TEXT,
    noticed TEXT,
    rulebook_hash TEXT,
    recycle_count INTEGER,
    mql_count INTEGER,
    first_mql_at TEXT,
    last_mql_at TEXT,
    held_until TEXT,
    passes INTEGER,
    outcome TEXT CHECK (outcome = 'none' OR outcome = 'open' OR outcome = 'won' OR outcome = 'lost'),
    outcome_at TEXT,
    twin_of TEXT,
    marketable INTEGER CHECK (marketable BETWEEN 0 AND 1)
) STRICT;
CREATE INDEX persons_due ON persons (crm, wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX persons_waiting ON persons (crm) WHERE waiting = 1;

CREATE TABLE moves (
    crm TEXT NOT NULL,
    object TEXT NOT NULL,
    record_id TEXT NOT NULL,
    field TEXT NOT NULL CHECK (field = 'stage' OR field = 'owner'),
    at TEXT NOT NULL,
    move_id TEXT NOT NULL,
    old TEXT,
    new TEXT,
    by TEXT,
    PRIMARY KEY (crm, object, record_id, field, at, move_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE transitions (
    seq INTEGER PRIMARY KEY,
    rid INTEGER NOT NULL REFERENCES records (rid),
    kind TEXT NOT NULL
        CHECK (kind = 'birth' OR kind = 'move' OR kind = 'poll' OR kind = 'gap' OR kind = 'conversion'),
    cause TEXT,  -- the history row of a move, the converted lead's rid of a conversion
    from_stage TEXT,
    to_stage TEXT,
    from_value TEXT,
    to_value TEXT,
    at TEXT NOT NULL,
    at_exact INTEGER NOT NULL CHECK (at_exact BETWEEN 0 AND 1),
    observed_at TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source = 'history' OR source = 'poll' OR source = 'leadsync' OR source = 'import'),
    actor_id TEXT,
    coalesced INTEGER NOT NULL CHECK (coalesced BETWEEN 0 AND 1),
    reason TEXT,
    correction INTEGER NOT NULL CHECK (correction BETWEEN 0 AND 1),
    adopted INTEGER NOT NULL CHECK (adopted BETWEEN 0 AND 1),
    effect_id TEXT
) STRICT;
CREATE INDEX transitions_by_record ON transitions (rid);
CREATE INDEX transitions_by_actor ON transitions (actor_id, at) WHERE adopted = 0;

CREATE TABLE withdrawals (  -- transitions that a later reading of the CRM's own history replaced
    seq INTEGER PRIMARY KEY REFERENCES transitions (seq),
    at TEXT NOT NULL,
    why TEXT NOT NULL
) STRICT;

CREATE TABLE judgements (
    seq INTEGER PRIMARY KEY REFERENCES transitions (seq),
    verdict TEXT NOT NULL
        CHECK (verdict = 'adopted' OR verdict = 'legal' OR verdict = 'flagged' OR verdict = 'reverted'
            OR verdict = 'redirected' OR verdict = 'coalesced' OR verdict = 'unmapped'),
    actor_roles TEXT NOT NULL,
    correction INTEGER NOT NULL CHECK (correction BETWEEN 0 AND 1),
    why TEXT NOT NULL,
    reason TEXT,
    bulk_id TEXT,
    at TEXT NOT NULL
) STRICT;

CREATE TABLE spans (  -- derived, so it refers to records without a check on every row
    rid INTEGER NOT NULL,
    n INTEGER NOT NULL,
    stage TEXT,
    entered_at TEXT NOT NULL,
    left_at TEXT,
    entered_exact INTEGER NOT NULL CHECK (entered_exact BETWEEN 0 AND 1),
    in_line INTEGER NOT NULL DEFAULT 1
        CHECK (in_line BETWEEN 0 AND 1),  -- 0: the person has several records, see lines
    PRIMARY KEY (rid, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE lines (
    pid INTEGER NOT NULL,
    n INTEGER NOT NULL,
    rid INTEGER NOT NULL REFERENCES records (rid),
    stage TEXT,
    entered_at TEXT NOT NULL,
    left_at TEXT,
    entered_exact INTEGER NOT NULL CHECK (entered_exact BETWEEN 0 AND 1),
    PRIMARY KEY (pid, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE owners (
    rid INTEGER NOT NULL REFERENCES records (rid),
    field TEXT NOT NULL CHECK (field = 'owner' OR field = 'assignee'),
    n INTEGER NOT NULL,
    owner_id TEXT,
    at TEXT NOT NULL,
    by TEXT,
    source TEXT NOT NULL CHECK (source = 'history' OR source = 'poll' OR source = 'leadsync' OR source = 'import'),
    PRIMARY KEY (rid, field, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE touches (
    crm TEXT NOT NULL,
    touch_id TEXT NOT NULL,
    object TEXT NOT NULL,
    record_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction = 'inbound' OR direction = 'outbound' OR direction = 'both'),
    at TEXT NOT NULL,
    channel TEXT,
    investment TEXT,
    response TEXT,
    campaign TEXT,
    campaign_id TEXT,
    actor_id TEXT,
    by TEXT,
    source_id TEXT,
    text TEXT,
    retracted_at TEXT,
    points INTEGER,
    strength TEXT CHECK (strength = 'strong' OR strength = 'weak'),
    UNIQUE (crm, touch_id)
) STRICT;
CREATE INDEX touches_by_record ON touches (record_id, object, crm);

CREATE TABLE users (
    crm TEXT NOT NULL, id TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (crm, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE queues (
    crm TEXT NOT NULL, id TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (crm, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE campaigns (
    crm TEXT NOT NULL, id TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (crm, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE accounts (
    crm TEXT NOT NULL,
    id TEXT NOT NULL,
    data TEXT NOT NULL,
    deleted INTEGER NOT NULL CHECK (deleted BETWEEN 0 AND 1),
    domain_key TEXT,
    company_key TEXT,
    PRIMARY KEY (crm, id)
) STRICT;
CREATE INDEX accounts_by_domain ON accounts (domain_key, crm) WHERE domain_key IS NOT NULL;
CREATE INDEX accounts_by_company ON accounts (company_key, crm) WHERE company_key IS NOT NULL;
CREATE TABLE opportunities (
    crm TEXT NOT NULL,
    id TEXT NOT NULL,
    data TEXT NOT NULL,
    lead_id TEXT,
    stage TEXT,
    outcome TEXT NOT NULL CHECK (outcome = 'open' OR outcome = 'won' OR outcome = 'lost'),
    created_at TEXT NOT NULL,
    closed_at TEXT,
    amount REAL,
    currency TEXT,
    deleted INTEGER NOT NULL CHECK (deleted BETWEEN 0 AND 1),
    PRIMARY KEY (crm, id)
) STRICT;
CREATE INDEX opportunities_by_lead ON opportunities (lead_id, crm) WHERE lead_id IS NOT NULL;
CREATE TABLE opportunity_roles (
    crm TEXT NOT NULL,
    id TEXT NOT NULL,
    data TEXT NOT NULL,
    opportunity_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    role TEXT,
    deleted INTEGER NOT NULL CHECK (deleted BETWEEN 0 AND 1),
    PRIMARY KEY (crm, id)
) STRICT;
CREATE INDEX roles_by_contact ON opportunity_roles (contact_id, crm);
CREATE INDEX roles_by_deal ON opportunity_roles (opportunity_id, crm);

CREATE TABLE clocks (
    clock_id TEXT PRIMARY KEY,
    pid INTEGER NOT NULL,
    rule TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind = 'lead' OR kind = 'owner'),
    start_cause TEXT NOT NULL,
    owner_id TEXT,
    calendar TEXT NOT NULL,
    started_at TEXT NOT NULL,
    due_at TEXT,
    state TEXT NOT NULL
        CHECK (state = 'open' OR state = 'met' OR state = 'breached' OR state = 'void' OR state = 'backlog'),
    stopped_at TEXT,
    paused_since TEXT,
    paused_minutes INTEGER NOT NULL,
    breached_at TEXT,
    void_reason TEXT,
    followed_up INTEGER NOT NULL CHECK (followed_up BETWEEN 0 AND 1),
    rungs_done TEXT NOT NULL,
    rung_times TEXT NOT NULL
) STRICT;
CREATE INDEX clocks_by_person ON clocks (pid);

CREATE TABLE assignments (
    aid INTEGER PRIMARY KEY,
    rid INTEGER NOT NULL REFERENCES records (rid),
    rule TEXT NOT NULL,
    pool TEXT,
    tier TEXT NOT NULL,
    sticky INTEGER NOT NULL CHECK (sticky BETWEEN 0 AND 1),
    owner_id TEXT NOT NULL,
    by TEXT NOT NULL,
    at TEXT NOT NULL,
    reason TEXT NOT NULL,
    door TEXT NOT NULL,
    candidates TEXT NOT NULL,
    UNIQUE (rid, door, at, owner_id)
) STRICT;
CREATE INDEX assignments_by_time ON assignments (at);

CREATE TABLE pool_state (
    pool TEXT NOT NULL,
    tier TEXT NOT NULL,
    user_id TEXT NOT NULL,
    vt REAL NOT NULL,
    PRIMARY KEY (pool, tier, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    effect_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind = 'write' OR kind = 'membership' OR kind = 'escalation' OR kind = 'notice'),
    group_id TEXT NOT NULL,
    crm TEXT NOT NULL,
    object TEXT NOT NULL,
    record_id TEXT NOT NULL,
    payload TEXT NOT NULL,
    fields TEXT NOT NULL,
    stage_value TEXT,  -- the status that a write-back sets, by which it is recognised when it is read back
    correction INTEGER NOT NULL CHECK (correction BETWEEN 0 AND 1),
    clock_id TEXT,
    clock TEXT,
    rung INTEGER,
    channel TEXT,
    recipient TEXT,
    due_at TEXT,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL
        CHECK (state = 'pending' OR state = 'held' OR state = 'sent' OR state = 'unknown' OR state = 'applied'
            OR state = 'rejected' OR state = 'superseded' OR state = 'dead'),
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at TEXT,
    decided_at TEXT NOT NULL,
    sent_at TEXT,
    done_at TEXT,
    error TEXT,
    epoch INTEGER,
    version TEXT
) STRICT;
CREATE INDEX outbox_by_state ON outbox (state, priority, decided_at);
CREATE INDEX outbox_by_time ON outbox (decided_at, group_id);
CREATE INDEX outbox_by_record ON outbox (record_id, object, crm);
CREATE INDEX outbox_by_clock ON outbox (clock_id) WHERE clock_id IS NOT NULL;
CREATE UNIQUE INDEX outbox_one_in_flight ON outbox (crm, object, record_id)
    WHERE kind = 'write' AND state IN ('sent', 'unknown');

CREATE TABLE marks (
    crm TEXT NOT NULL,
    source TEXT NOT NULL,
    mark TEXT,
    progress TEXT,
    marked_at TEXT,
    PRIMARY KEY (crm, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) STRICT, WITHOUT ROWID;

CREATE TABLE cycles (
    cycle_id INTEGER PRIMARY KEY,
    crm TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    observed INTEGER NOT NULL DEFAULT 0,
    transitions INTEGER NOT NULL DEFAULT 0,
    decided INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    api_calls INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE rulebooks (
    hash TEXT PRIMARY KEY,
    adopted_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stages (  -- of the rulebook in force, so that passes can be counted in SQL
    stage TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    rank INTEGER,
    routed INTEGER NOT NULL CHECK (routed BETWEEN 0 AND 1)
) STRICT, WITHOUT ROWID;
"""
