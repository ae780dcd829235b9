"""What a cycle costs when nothing has happened, and that a first installation works with nothing but credentials."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from installation import Installation, Org
from samples import ALL, Kind
from sandboxes import running

EVERY_CRM = pytest.mark.parametrize("kind", ["salesforce", "dynamics"])
REQUESTS: Mapping[Kind, int] = {"salesforce": 3, "dynamics": 17}
"""What a look of a new process may cost: Salesforce puts everything into one call; Dynamics has twelve tables and their
audits, and of who we are, what the tables look like, whether they are audited and who is in which team one each."""
COUNTED: Mapping[Kind, int] = {"salesforce": 3, "dynamics": 22}
"""What of it counts for the budget: the parts of a batch, here the teams, the roles and the time zones, one by one."""


@pytest.fixture
def lively() -> Iterator[Org]:
    yield from running(Org, seed=5, leads=120)


@EVERY_CRM
def test_a_second_look_at_an_org_where_nothing_happened_costs_few_requests(leadsync: Installation, org: Org) -> None:
    first = leadsync("sync", "--json")
    org.requests()

    second = leadsync("sync", "--json")

    assert first.code == second.code == 0
    assert first.data[0]["observed"] > 0
    assert second.data[0]["changed"] == 0
    assert second.data[0]["silent"] is True
    asked = org.api_requests()
    assert asked <= REQUESTS[leadsync.kind]
    assert asked <= second.data[0]["api_calls"] <= COUNTED[leadsync.kind]


@EVERY_CRM
def test_a_cycle_after_its_own_writes_were_read_back_writes_nothing(tmp_path: Path, lively: Org, kind: Kind) -> None:
    made = Installation(tmp_path, lively.url, dict(lively.secrets), kind)
    made.write()
    assert made("sync", "--deliver").code == 0
    lively.advance(2 * 86400, world=True)
    written = made("sync", "--deliver", "--json").data[0]["applied"]
    lively.control("pause", world=False)
    for _ in range(8):
        lively.advance(120)
        if made("sync", "--deliver", "--json").data[0]["silent"]:
            break
    lively.advance(120)
    lively.requests()
    told = len(lively.truth("Lead")) + len(lively.truth("Contact"))

    last = made("sync", "--deliver", "--json")

    assert written > 0
    assert last.data[0]["silent"] is True
    assert lively.api_requests() <= REQUESTS[kind]
    assert len(lively.truth("Lead")) + len(lively.truth("Contact")) == told


@EVERY_CRM
def test_what_init_writes_works_at_once_without_any_secret_of_a_channel(
    tmp_path: Path, lively: Org, kind: Kind
) -> None:
    made = Installation(tmp_path, lively.url, dict(lively.secrets), kind)
    wrote = made("init", kind, "--url", lively.url)
    assert wrote.code == 0, wrote.err
    assert "config/leadsync.yaml" in wrote.err
    made.change("config/leadsync.yaml", "smtp.acme.example, hooks", "127.0.0.1, hooks")
    made.change("config/leadsync.yaml", "host: smtp.acme.example, port: 587", "host: 127.0.0.1, port: 9")

    assert made("check").code == 0
    assert made("check", "--live").code == 0
    assert made("sync").code == 0
    assert made("sync", "--deliver").code == 0
    lively.advance(3 * 86400, world=True)
    second = made("sync", "--deliver")

    assert second.code == 0, second.err
    assert "channel email: its messages wait" in second.err
    waiting = made("outbox", "list", "--state", "pending", "--json").data
    silent = [row for row in waiting if row["kind"] in ("notice", "escalation")]
    assert silent != []
    assert sum(row["attempts"] for row in silent) <= 1  # one attempt tells that the mail server is not there
    asked = made("check", "--channels")
    assert asked.code == 1
    for variable in ("LEADSYNC_CHANNEL_SALES_FLOOR_URL", "LEADSYNC_CHANNEL_ON_CALL_TOKEN"):
        assert variable in asked.out


@pytest.mark.parametrize("deliver", ["false", ALL])
def test_logs_never_mix_with_data(leadsync: Installation, deliver: str) -> None:
    leadsync.write(deliver=deliver)

    assert isinstance(leadsync("sync", "--json").data, list)
    assert isinstance(leadsync("check", "--live", "--json").data, list)
    assert isinstance(leadsync("doctor", "--json").data, list)
