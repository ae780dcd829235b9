"""Stages are data: with every one of them renamed to nonsense in every mapping file, all comes out the same but for the names."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from leadsync.app import App, open_app
from leadsync.cli.demo.stage import Stage, set_up
from leadsync.cycle import ALL_KINDS
from leadsync.ledger import open_ledger

STEPS, SECONDS = 16, 6 * 3600


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Return a YAML text in which stages go by other names: as keys and as values, but not as what else the word may mean."""
    tokens = list(yaml.scan(text))
    for place in range(len(tokens) - 1, -1, -1):
        token = tokens[place]
        if isinstance(token, yaml.ScalarToken) and token.plain and token.value in names:
            asked = [
                before.value for before in tokens[max(0, place - 3) : place] if isinstance(before, yaml.ScalarToken)
            ]
            if asked[-1:] in (["role"], ["outcome"]) and isinstance(tokens[place - 1], yaml.ValueToken):
                continue
            text = text[: token.start_mark.index] + names[token.value] + text[token.end_mark.index :]
    return text


def rename_all(folder: Path) -> dict[str, str]:
    """Rename every stage in the files of a folder; return the old names by the new ones."""
    stages = yaml.safe_load((folder / "funnel.yaml").read_text(encoding="utf-8").removesuffix("...\n"))["stages"]
    names = {stage: f"s{number}" for number, stage in enumerate(stages, start=1)}
    for path in folder.glob("*.yaml"):
        path.write_text(renamed(path.read_text(encoding="utf-8"), names), encoding="utf-8")
    return {new: old for old, new in names.items()}


def live(stage: Stage, app: App) -> None:
    """Live some days, with a cycle every six hours, then let all come to rest."""
    cycle = next(iter(app.cycles().values()))
    cycle.run("complete")
    for _ in range(STEPS):
        stage.control("advance", seconds=SECONDS)
        cycle.run("complete")
    stage.control("pause", world=False)
    for _ in range(6):
        stage.control("advance", seconds=180, world=False)
        cycle.run("complete")


def told(path: Path, names: Mapping[str, str]) -> dict[str, list[tuple[Any, ...]]]:
    """Return what the ledger says, its stages by their first names."""
    queries = {
        "people": "SELECT object, record_id, stage, stage_value, stage_entered_at, score, owner_id, assignee_id, mql_count,"
        " recycle_count, held_until, passes, marketable, state FROM v_people ORDER BY object, record_id",
        "moves": "SELECT record_id, at, from_stage, to_stage, to_value, source, actor_role, verdict, correction, reason"
        " FROM v_transitions ORDER BY record_id, at, seq",
        "lines": "SELECT person_id, stage, entered_at, left_at, pass_number FROM v_spans ORDER BY 1, 3, 4, 2",
        "writes": "SELECT record_id, kind, fields, state FROM v_outbox WHERE kind = 'write' AND fields NOT LIKE '%brief%'"
        " ORDER BY 1, decided_at, 3",
        "assignments": "SELECT record_id, rule, pool, owner_id, at FROM v_assignments ORDER BY 1, 5",
        "clocks": "SELECT person_id, clock, kind, owner_id, started_at, due_at, state FROM v_clocks ORDER BY 1, 2, 3, 5, 4",
    }
    with open_ledger(path, read_only=True) as ledger, closing(ledger.con.cursor()) as cursor:
        return {
            name: [tuple(names.get(cell, cell) for cell in row) for row in cursor.execute(query)]
            for name, query in queries.items()
        }


def test_with_every_stage_renamed_to_nonsense_everything_else_comes_out_the_same(tmp_path: Path) -> None:
    with set_up(seed=5, leads=60) as stage:
        live(stage, stage.app)
        expected = told(stage.location, {})
    with set_up(seed=5, leads=60) as stage:
        names = rename_all(stage.mappings)
        location = tmp_path / "renamed.db"
        config = stage.config.read_text(encoding="utf-8").replace(str(stage.location), str(location))
        stage.config.write_text(config, encoding="utf-8")
        with open_app(stage.config, stage.mappings, stage.env, deliver=sorted(ALL_KINDS), clock=stage.clock) as app:
            assert set(app.rulebook.law.stages) == set(names)
            live(stage, app)
        found = told(location, names)

    assert {row[2] for row in found["people"]} >= {"inquiry", "maql", "mql", "sal"}
    for name, rows in expected.items():
        assert found[name] == rows, name
