"""The views that other people's tools rely on (design.md 7): names and columns never change, the tables behind them may.

They are made anew whenever their text differs from what stands in the file.
"""

# ruff: noqa: S608 -- nothing but the texts of this package is joined into statements

import sqlite3

from leadsync.ledger.codec import BULK_SQL
from leadsync.ledger.people import NAME_SQL

_JOINED = (
    " FROM transitions t JOIN records r ON r.rid = t.rid JOIN records n ON n.rid = r.pid LEFT JOIN judgements j ON j.seq = t.seq"
    " LEFT JOIN withdrawals w ON w.seq = t.seq WHERE w.seq IS NULL"
)

VIEWS = {
    "v_people": f"""
SELECT {NAME_SQL} AS person_id, r.crm, r.object, r.id AS record_id, r.stage, r.stage_value,
    CASE WHEN l.stage = r.stage THEN l.entered_at ELSE s.entered_at END AS stage_entered_at,
    CASE WHEN l.stage = r.stage THEN l.entered_exact ELSE s.entered_exact END AS entered_exact,
    CASE WHEN p.score IS NULL THEN NULL WHEN p.score < 0 THEN 0 WHEN p.score > 99999 THEN 999 ELSE p.score / 100 END AS score,
    r.owner_id, r.assignee_id, COALESCE(p.recycle_count, 0) AS recycle_count, COALESCE(p.mql_count, 0) AS mql_count,
    p.first_mql_at, p.last_mql_at, p.held_until, COALESCE(p.passes, 0) AS passes,
    COALESCE(p.outcome, 'none') AS outcome, p.outcome_at, p.twin_of, p.marketable, r.state
FROM records r JOIN records n ON n.rid = r.pid
LEFT JOIN persons p ON p.pid = r.pid
LEFT JOIN spans s ON s.rid = r.rid AND s.left_at IS NULL AND r.state IN ('live', 'out_of_scope')
LEFT JOIN lines l ON l.pid = r.pid AND l.left_at IS NULL AND s.rid IS NOT NULL
""",
    "v_transitions": f"""
SELECT t.seq, {NAME_SQL} AS person_id, r.crm, r.object, r.id AS record_id, t.from_stage, t.to_stage, t.from_value, t.to_value,
    t.at, t.at_exact, t.observed_at, t.source, t.actor_id,
    CASE WHEN j.actor_roles IS NULL OR j.actor_roles = '[]' THEN NULL
        ELSE replace(replace(replace(replace(j.actor_roles, '["', ''), '"]', ''), '","', ', '), '", "', ', ') END AS actor_role,
    COALESCE(j.verdict, CASE WHEN t.adopted = 1 THEN 'adopted' END) AS verdict,
    CASE WHEN t.correction = 1 OR j.correction = 1 THEN 1 ELSE 0 END AS correction,
    {BULK_SQL} AS bulk_id, COALESCE(j.reason, t.reason) AS reason
{_JOINED}
""",
    # A pass lasts from entering the funnel to the next recycle or exit: raw, a blank, an unknown value or a stage outside
    # neither ends it nor begins one (semantics.md H). `step` is 1 in the funnel, 0 where a pass ends, NULL elsewhere.
    "v_spans": f"""
WITH line AS (
    SELECT r.pid, s.rid, s.n, s.stage, s.entered_at, s.left_at, s.entered_exact
    FROM spans s JOIN records r ON r.rid = s.rid WHERE s.in_line = 1
    UNION ALL
    SELECT l.pid, l.rid, l.n, l.stage, l.entered_at, l.left_at, l.entered_exact FROM lines l
), ranked AS (
    SELECT line.*,
        CASE WHEN g.rank IS NOT NULL AND g.role <> 'raw' THEN 1
            WHEN g.role IN ('recycle', 'exit') THEN 0
            WHEN line.stage IS NOT NULL AND NOT EXISTS (SELECT 1 FROM stages) THEN 1 END AS step
    FROM line LEFT JOIN stages g ON g.stage = line.stage
), entered AS (
    SELECT ranked.*,
        CASE WHEN step = 1 AND COALESCE(lag(step) OVER (PARTITION BY pid, step IS NULL ORDER BY entered_at, n), 0) = 0
            THEN 1 ELSE 0 END AS entry
    FROM ranked
)
SELECT {NAME_SQL} AS person_id, r.crm, r.object, r.id AS record_id, e.stage,
    sum(e.entry) OVER (PARTITION BY e.pid ORDER BY e.entered_at, e.n) AS pass_number,
    e.entered_at, e.left_at, e.entered_exact
FROM entered e JOIN records r ON r.rid = e.rid JOIN records n ON n.rid = e.pid
""",
    # A held meeting is both sides' doing: it stands here once as each.
    "v_touches": f"""
SELECT u.touch_id, {NAME_SQL} AS person_id, u.crm, u.kind, u.channel, u.response, d.direction, COALESCE(u.strength, 'strong') AS strength,
    u.actor_id, u.source_id, u.at, u.points, CASE WHEN u.retracted_at IS NULL THEN 0 ELSE 1 END AS retracted
FROM touches u
JOIN (SELECT 'inbound' AS direction UNION ALL SELECT 'outbound') d ON u.direction IN (d.direction, 'both')
LEFT JOIN records r ON r.crm = u.crm AND r.object = u.object AND r.id = u.record_id
LEFT JOIN records n ON n.rid = r.pid
""",
    "v_clocks": f"""
SELECT {NAME_SQL} AS person_id, c.rule AS clock, c.kind, c.owner_id, c.started_at, c.due_at, c.stopped_at,
    c.paused_minutes, c.state, c.void_reason
FROM clocks c JOIN records n ON n.rid = c.pid
""",
    "v_escalations": f"""
SELECT o.effect_id AS escalation_id, {NAME_SQL} AS person_id,
    o.clock, o.rung, o.channel, o.recipient, o.due_at,
    CASE WHEN o.state = 'applied' THEN o.done_at END AS sent_at, o.state
FROM outbox o
LEFT JOIN clocks c ON c.clock_id = o.clock_id
LEFT JOIN records r ON r.crm = o.crm AND r.object = o.object AND r.id = o.record_id
LEFT JOIN records n ON n.rid = COALESCE(c.pid, r.pid)
WHERE o.kind = 'escalation'
""",
    "v_outbox": """
SELECT effect_id, kind, group_id, crm, object, record_id, fields, state, attempts, retry_at, decided_at, done_at, error
FROM outbox
""",
    "v_assignments": f"""
SELECT {NAME_SQL} AS person_id, r.id AS record_id, a.rule, a.pool, a.tier, a.sticky, a.owner_id, a.by, a.at, a.reason
FROM assignments a JOIN records r ON r.rid = a.rid JOIN records n ON n.rid = r.pid
""",
    "v_owners": f"""
SELECT {NAME_SQL} AS person_id, r.id AS record_id, o.owner_id, o.at AS from_at,
    lead(o.at) OVER (PARTITION BY o.rid, o.field ORDER BY o.n) AS to_at, o.by, o.source
FROM owners o JOIN records r ON r.rid = o.rid JOIN records n ON n.rid = r.pid
UNION ALL
SELECT {NAME_SQL}, r.id, r.owner_id, r.created_at, NULL, r.created_by, 'poll'
FROM records r JOIN records n ON n.rid = r.pid WHERE r.owner_rows = 0 AND r.owner_id IS NOT NULL
""",
    "v_opportunities": f"""
SELECT DISTINCT {NAME_SQL} AS person_id, d.id AS opportunity_id, x.role, d.amount, d.currency, d.stage, d.outcome, d.created_at, d.closed_at
FROM opportunities d
JOIN (
    SELECT crm, opportunity_id, 'contact' AS object, contact_id AS record_id, role FROM opportunity_roles WHERE deleted = 0
    UNION ALL
    SELECT crm, id, 'lead', lead_id, NULL FROM opportunities WHERE lead_id IS NOT NULL
    UNION ALL
    SELECT k.crm, k.converted_opportunity_id, k.object, k.id, NULL FROM records k
    WHERE k.converted_opportunity_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM opportunity_roles o JOIN records c ON c.crm = o.crm AND c.object = 'contact' AND c.id = o.contact_id
        WHERE o.crm = k.crm AND o.opportunity_id = k.converted_opportunity_id AND o.deleted = 0 AND c.pid = k.pid
    )
) x ON x.crm = d.crm AND x.opportunity_id = d.id
JOIN records r ON r.crm = x.crm AND r.object = x.object AND r.id = x.record_id
JOIN records n ON n.rid = r.pid
WHERE d.deleted = 0
""",
    "v_cycles": """
SELECT cycle_id, started_at, finished_at, observed, transitions, decided, delivered, failed, api_calls FROM cycles
""",
}


def make_views(con: sqlite3.Connection) -> None:
    """Create the views that are missing or differ from the ones above; runs inside a transaction."""
    there = dict(con.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'"))
    for name, query in VIEWS.items():
        sql = f"CREATE VIEW {name} AS {query.strip()}"
        if there.get(name) != sql:
            con.execute(f"DROP VIEW IF EXISTS {name}")
            con.execute(sql)
