"""What a run of the demo came to: counted from the ledger's views, the sandbox's truth and its request log."""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadsync.domain.rulebook import Rulebook

VERDICTS = ("legal", "flagged", "reverted", "redirected", "coalesced", "unmapped", "adopted")
WRITEBACKS = ("applied", "rejected", "superseded", "dead")


@dataclass(slots=True)
class Figures:
    """The figures of one run; `differences` explain a ledger that does not equal the truth."""

    days: int
    cycles: int
    records: int = 0
    persons: int = 0
    transitions: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    scored: int = 0
    routed: int = 0
    unowned_routed: int = 0
    recycled: int = 0
    reentered: int = 0
    second_mqls: int = 0
    dispositions: int = 0
    escalations: int = 0
    notices: int = 0
    writebacks: dict[str, int] = field(default_factory=dict)
    api_calls: int = 0
    human_edits_overwritten: int = 0
    ledger_equals_truth: bool = False
    per_owner: dict[str, int] = field(default_factory=dict)
    funnel: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)


def count(location: Path, figures: Figures, rulebook: Rulebook, covered: Mapping[str, bool]) -> None:
    """Fill in everything that the ledger says; `covered` tells of each owner whether their people are looked after."""
    con = sqlite3.connect(f"{location.resolve().as_uri()}?mode=ro", uri=True)
    try:
        _count(con, figures, rulebook, covered)
    finally:
        con.close()


def funnel(location: Path) -> dict[str, int]:
    """Return how many live records are in each stage, what lies outside under its own name."""
    con = sqlite3.connect(f"{location.resolve().as_uri()}?mode=ro", uri=True)
    try:
        found = con.execute(
            "SELECT COALESCE(stage, CASE WHEN stage_value IS NULL THEN 'blank' ELSE 'outside the mapping' END), count(*)"
            " FROM v_people WHERE state = 'live' GROUP BY 1"
        )
        return dict(found.fetchall())
    finally:
        con.close()


def _count(con: sqlite3.Connection, figures: Figures, rulebook: Rulebook, covered: Mapping[str, bool]) -> None:
    def one(sql: str, *values: Any) -> int:
        return int(con.execute(sql, values).fetchone()[0])

    law = rulebook.law
    recycle, exits = law.with_role("recycle"), law.with_role("exit", "outside")
    ranked = [name for name in law.stages if name not in (*recycle, *exits)]
    figures.records = one("SELECT count(*) FROM v_people")
    figures.persons = one("SELECT count(DISTINCT person_id) FROM v_people")
    figures.transitions = one("SELECT count(*) FROM v_transitions")
    verdicts = Counter(dict(con.execute("SELECT verdict, count(*) FROM v_transitions GROUP BY verdict").fetchall()))
    figures.verdicts = {name: verdicts.get(name, 0) for name in VERDICTS}
    figures.scored = one("SELECT count(DISTINCT person_id) FROM v_people WHERE score IS NOT NULL")
    figures.routed = one("SELECT count(*) FROM v_assignments")
    figures.recycled = one(
        "SELECT count(*) FROM v_transitions WHERE to_stage IN (SELECT value FROM json_each(?)) AND source <> 'import'",
        json.dumps(recycle),
    )
    figures.reentered = one(
        "SELECT count(*) FROM v_transitions WHERE from_stage IN (SELECT value FROM json_each(?)) AND source <> 'import'"
        " AND to_stage IN (SELECT value FROM json_each(?))",
        json.dumps(recycle),
        json.dumps(ranked),
    )
    figures.second_mqls = one(
        "SELECT count(DISTINCT person_id) FROM v_people WHERE object = 'contact' AND mql_count > 1"
    )
    figures.escalations = one("SELECT count(*) FROM v_escalations WHERE state = 'applied'")
    figures.notices = one("SELECT count(*) FROM v_outbox WHERE kind = 'notice' AND state = 'applied'")
    figures.dispositions = one(
        "SELECT count(*) FROM v_outbox WHERE kind = 'write' AND state = 'applied'"
        " AND json_extract(fields, '$.disposition') IS NOT NULL"
    )
    states = dict(con.execute("SELECT state, count(*) FROM v_outbox WHERE kind = 'write' GROUP BY state").fetchall())
    figures.writebacks = {name: states.get(name, 0) for name in WRITEBACKS}
    figures.per_owner = dict(
        con.execute("SELECT owner_id, count(*) FROM v_assignments GROUP BY owner_id ORDER BY 2 DESC, 1").fetchall()
    )
    figures.unowned_routed = sum(
        1
        for owner, assignee, parked in con.execute(
            "SELECT p.owner_id, p.assignee_id, (SELECT count(*) FROM v_assignments a WHERE a.person_id = p.person_id)"
            " FROM v_people p WHERE p.state = 'live' AND p.twin_of IS NULL AND p.stage_entered_at >="
            " (SELECT min(decided_at) FROM v_outbox)"
            " AND p.stage IN (SELECT value FROM json_each(?))",
            [json.dumps([stage.name for stage in law.stages.values() if stage.routed])],
        )
        if not parked and not covered.get(assignee or owner or "", False)
    )
