"""One `leadsync run` with two orgs, one of each kind: the trouble of one is its own, and their people stay apart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from installation import Installation, Org
from running_daemon import Daemon
from samples import ALL
from sandboxes import running


@pytest.fixture
def salesforce() -> Iterator[Org]:
    yield from running(Org, seed=3, leads=40)


@pytest.fixture
def dynamics() -> Iterator[Org]:
    yield from running(Org, seed=4, leads=40)


@pytest.fixture
def both(tmp_path: Path, salesforce: Org, dynamics: Org) -> Installation:
    """An installation with both orgs; Dynamics is entered with a ready token, which nobody can renew."""
    env = {name: value for name, value in salesforce.secrets.items() if "SALESFORCE" in name}
    env["LEADSYNC_DYNAMICS_TOKEN"] = dynamics.server.token
    made = Installation(tmp_path, salesforce.url, env, others={"dynamics": dynamics.url})
    made.write(deliver=ALL)
    return made


@pytest.fixture
def daemon(both: Installation) -> Iterator[Daemon]:
    """It runs, and both orgs are well."""
    started = Daemon(both)
    started.ready()
    yield started
    if started.process.poll() is None:
        started.kill()


def stage_of(made: Installation, key: str) -> list[tuple[Any, ...]]:
    return made.rows("SELECT crm, stage FROM v_people WHERE record_id = ?", key)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ({"rate": {"html": 1.0}}, "crm_down:dynamics"),
        ({"expire_token_after": 1}, "crm_auth:dynamics"),
    ],
    ids=["a web page", "an expired token"],
)
def test_one_crm_in_trouble_is_named_and_the_other_goes_on(
    both: Installation, daemon: Daemon, salesforce: Org, dynamics: Org, trouble: dict[str, Any], reason: str
) -> None:
    dynamics.control("faults", **trouble)
    daemon.until(lambda: reason in daemon.reasons(), 240)

    lead, late = salesforce.lead(Status="MQL"), dynamics.lead(Status="MQL")
    for org in (salesforce, dynamics):
        org.advance(120)
    daemon.until(lambda: stage_of(both, lead) == [("salesforce", "mql")], 240)
    written = "SELECT count(*) FROM v_outbox WHERE record_id = ? AND kind = 'write' AND state = 'applied'"
    daemon.until(lambda: both.rows(written, lead)[0][0] > 0, 240)

    assert {code for code in daemon.reasons() if "salesforce" in code} == set()
    assert reason in daemon.reasons()
    assert daemon.get("/readyz").status_code == 503
    assert daemon.get("/livez").status_code == 200
    failed = {str(line["crm"]) for line in daemon.events("cycle.failed")}
    assert failed == {"dynamics"}
    assert stage_of(both, dynamics.key(late, "dynamics")) == []

    dynamics.control("faults")
    daemon.until(lambda: stage_of(both, dynamics.key(late, "dynamics")) == [("dynamics", "mql")], 240)
    daemon.ready()
    assert daemon.stop() == 0


def test_a_sync_with_one_refused_crm_does_the_other_and_ends_with_the_code_of_credentials(both: Installation) -> None:
    both.env["LEADSYNC_DYNAMICS_TOKEN"] = "of yesterday"

    found = both("sync", "--json")

    assert found.code == 6
    assert "dynamics: not synchronised" in found.err
    assert "LEADSYNC_DYNAMICS_TOKEN" in found.err
    assert "of yesterday" not in found.err
    (report,) = found.data
    assert report["crm"] == "salesforce"
    assert both.rows("SELECT DISTINCT crm FROM v_people") == [("salesforce",)]


def test_one_address_in_both_crms_is_two_persons(both: Installation, salesforce: Org, dynamics: Org) -> None:
    same = {"Email": "same@firm.example", "LastName": "Same"}
    keys = [salesforce.lead(**same), dynamics.key(dynamics.lead(**same), "dynamics")]
    for org in (salesforce, dynamics):
        org.advance(120)
    for _ in range(2):
        assert both("sync", "--json").code == 0

    found = both.rows("SELECT crm, person_id, twin_of FROM v_people WHERE record_id IN (?, ?) ORDER BY crm", *keys)
    assert [(crm, twin) for crm, _, twin in found] == [("dynamics", None), ("salesforce", None)]
    assert len({person for _, person, _ in found}) == 2
    joined = "SELECT person_id FROM v_people GROUP BY person_id HAVING count(DISTINCT crm) > 1"
    assert both.rows(joined) == []
    shown = both("explain", "same@firm.example", "--json").data
    assert len(shown) == 2
