"""A remap that is killed, limited, out of budget or met by faults goes on where it was, and writes nothing twice."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest


def aged_leads(desk: Any, old: Mapping[str, str], count: int) -> list[str]:
    names = list(old)
    keys: list[str] = desk.showing(*(names[n % len(names)] for n in range(count)))
    desk.advance(86400)
    return keys


def written_once(desk: Any, keys: list[str]) -> None:
    """No record was written twice, and no token stands for two writes."""
    changes = desk.writes()
    assert Counter(change.id for change in changes) == Counter(keys)
    assert len({change.token for change in changes}) == len(changes)


@pytest.mark.parametrize("count", [1, 40])
def test_killed_again_and_again_every_lead_is_written_once(desk: Any, old: Mapping[str, str], count: int) -> None:
    keys = aged_leads(desk, old, 150)
    desk.plan()
    desk.advance()
    for _ in range(2):
        desk.kill_after(count, "remap", "apply", str(desk.plan_path), "--yes")

    done = desk.apply("--yes")

    assert (done["done"], done["left"]) == (150, 0)
    written_once(desk, keys)
    assert desk.query("SELECT count(*), count(finished_at) FROM jobs WHERE step = 'apply'") == [(3, 1)]


def test_an_undo_that_was_killed_goes_on(desk: Any, old: Mapping[str, str]) -> None:
    keys = aged_leads(desk, old, 120)
    desk.plan()
    desk.apply("--yes")
    desk.advance()
    desk.kill_after(40, "remap", "undo", str(desk.plan_path), "--yes")

    done = desk.undo("--yes")

    assert (done["done"], done["left"]) == (120, 0)
    assert desk.statuses(keys) == [list(old)[n % 4] for n in range(120)]
    assert Counter(change.id for change in desk.writes()) == Counter(dict.fromkeys(keys, 2))


def test_a_limit_does_the_plan_by_and_by(desk: Any, old: Mapping[str, str]) -> None:
    keys = aged_leads(desk, old, 30)
    desk.plan()
    desk.edit(keys[0], status="SAL")

    counts = [desk.apply("--yes", "--limit", "12") for _ in range(3)]

    assert [(one["done"], one["left"], one["stopped"]) for one in counts] == [
        (12, 17, "limit"),
        (24, 5, "limit"),
        (29, 0, None),
    ]
    assert all(one["skipped"] == 1 for one in counts)
    written_once(desk, keys[1:])


def test_a_budget_is_kept_to_the_request_and_the_next_run_goes_on(desk: Any, old: Mapping[str, str]) -> None:
    keys = aged_leads(desk, old, 120)
    desk.plan()
    desk.api_requests()
    spent, runs = [], 0
    while True:
        done = desk.apply("--yes", "--budget", "4")
        spent.append(desk.api_requests())
        runs += 1
        if not done["left"]:
            break
        assert done["stopped"] == "budget"
        assert runs < 10

    assert runs > 1
    assert max(spent) <= 4
    written_once(desk, keys)


def test_lost_answers_and_locked_rows_are_looked_up_and_tried_again(
    desk: Any, old: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = aged_leads(desk, old, 150)
    desk.plan()
    monkeypatch.setattr("leadsync.clock.SystemClock.sleep", lambda _, seconds: desk.advance(seconds))
    desk.control("faults", rate={"timeout_after_apply": 0.3, "reset": 0.1, "lock_row": 0.2})
    for _ in range(3):
        desk.attempt("remap", "apply", str(desk.plan_path), "--yes", "--json")
        desk.advance(120)
    desk.control("faults", rate={})
    assert desk.query("SELECT max(attempts) > 1 FROM outbox") == [(1,)]

    done = desk.apply("--yes")

    assert (done["done"], done["failed"], done["left"]) == (150, 0, 0)
    written_once(desk, keys)


def test_one_locked_record_does_not_keep_the_others_waiting(
    desk: Any, old: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from leadsync.crm.salesforce import SalesforceCrm
    from leadsync.domain.effects import Outcome

    keys = aged_leads(desk, old, 30)
    desk.plan()
    monkeypatch.setattr("leadsync.clock.SystemClock.sleep", lambda _, seconds: desk.advance(seconds))
    write = SalesforceCrm.write

    def locked(crm: Any, writes: Any) -> Any:
        free = [one for one in writes if one.ref.id != keys[0]]
        ends = iter(write(crm, free))
        return tuple(
            Outcome(one.effect_id, "pending", "UNABLE_TO_LOCK_ROW", 10.0) if one.ref.id == keys[0] else next(ends)
            for one in writes
        )

    monkeypatch.setattr(SalesforceCrm, "write", locked)
    first = desk.apply("--yes", "--limit", "1")
    assert (first["done"], first["left"]) == (0, 30)

    second = desk.apply("--yes")

    assert (second["done"], second["left"]) == (29, 1)
    monkeypatch.setattr(SalesforceCrm, "write", write)
    assert desk.apply("--yes")["done"] == 30
    written_once(desk, keys)


def test_a_crm_that_takes_no_writes_ends_the_run_before_all_is_wished(
    desk: Any, old: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from leadsync.crm.salesforce import SalesforceCrm
    from leadsync.domain.effects import Outcome

    aged_leads(desk, old, 500)
    desk.plan()

    def busy(_: Any, writes: Any) -> Any:
        return tuple(Outcome(one.effect_id, "pending", "HTTP_429", 300.0) for one in writes)

    monkeypatch.setattr(SalesforceCrm, "write", busy)
    done = desk.apply("--yes", expect=1)

    assert (done["done"], done["left"], done["stopped"]) == (0, 500, "crm")
    assert desk.query("SELECT count(*) FROM outbox") == [(400,)]


def test_a_refused_record_is_reported_and_the_others_go_on(desk: Any, old: Mapping[str, str]) -> None:
    keys = aged_leads(desk, old, 8)
    desk.plan()
    rows = desk.plan_path.read_text(encoding="utf-8").replace("Disqualified", "SQL", 1)
    desk.plan_path.write_text(rows, encoding="utf-8")
    desk.control("faults", validation_rule={"object": "Lead", "field": "Status", "value": "SQL"})

    done = desk.apply("--yes")

    assert (done["done"] + done["failed"], done["failed"]) == (8, 1)
    assert desk.csv(".error.csv")[0]["why"].startswith("refused: FIELD_CUSTOM_VALIDATION_EXCEPTION")
    assert len({change.id for change in desk.writes()}) == len(keys) - 1


def test_a_daemon_at_work_keeps_the_remap_out_but_not_its_rehearsal(desk: Any, old: Mapping[str, str]) -> None:
    from leadsync.ledger import open_ledger

    aged_leads(desk, old, 4)
    desk.plan()
    with open_ledger(desk.location):
        desk.apply("--yes", expect=3)
        assert desk.apply()["would_write"] == 4
    assert desk.writes() == []


def test_while_leadsync_is_paused_nothing_is_wished_or_written(desk: Any, old: Mapping[str, str]) -> None:
    aged_leads(desk, old, 4)
    desk.plan()
    (desk.location.parent / "pause").touch()

    done = desk.apply("--yes", expect=1)

    assert (done["stopped"], done["left"]) == ("hindered", 4)
    assert desk.query("SELECT count(*) FROM outbox") == [(0,)]
    assert desk.writes() == []
    (desk.location.parent / "pause").unlink()
    assert desk.apply("--yes")["done"] == 4


def test_the_command_line_says_the_same_as_a_process(desk: Any, old: Mapping[str, str]) -> None:
    aged_leads(desk, old, 4)
    desk.advance()
    planned = desk.start("remap", "plan", "--out", str(desk.plan_path))
    out, err = planned.communicate(timeout=60)
    assert planned.returncode == 0, err
    assert "Hot Prospect" in out
    assert f"leadsync remap apply {desk.plan_path}" in err
    again = desk.start("remap", "plan", "--out", str(desk.plan_path))
    assert again.communicate(timeout=60)[1].startswith(f"leadsync: {desk.plan_path} exists already")
    assert again.returncode == 2
    applied = desk.start("remap", "apply", str(desk.plan_path), "--yes", "--json")
    out, err = applied.communicate(timeout=60)
    assert (applied.returncode, json.loads(out)["done"]) == (0, 4), err
    assert "4 done, 0 left alone, 0 refused, 0 still to do" in err
