"""Tasks in Salesforce: made once for each key, whatever happened to the first attempt; wired as the application does it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from samples import load_from, write_samples
from sandboxes import Sandbox, running
from structlog.testing import capture_logs

from leadsync.building import build_channels, build_crm
from leadsync.channels import LogChannel
from leadsync.clock import SystemClock
from leadsync.crm.salesforce.client import Client
from leadsync.domain.records import Ref
from leadsync.errors import ChannelFailed, ConfigError, OutcomeUnknown
from leadsync.http import Answer
from leadsync.ports import Channel, Crm
from leadsync.settings import Loaded

CONFIG = """\
crms:
  salesforce: {{kind: salesforce, url: "{url}"}}
ledger: {{location: data/leadsync.db}}
channel_hosts: [127.0.0.1]
channels:
  crm_task: {{kind: crm_task}}
  email: {{kind: email, host: 127.0.0.1, sender: leadsync@acme.example}}
  sales_floor: {{kind: slack}}
  emea_teams: {{kind: teams}}
  ops: {{kind: log}}
alerts: {{to: ops}}
...
"""
SECRETS = {
    "LEADSYNC_CHANNEL_SALES_FLOOR_URL": "https://127.0.0.1/x", "LEADSYNC_CHANNEL_EMEA_TEAMS_URL": "https://127.0.0.1/x",
}  # fmt: skip


@pytest.fixture(scope="module")
def org() -> Iterator[Sandbox]:
    yield from running(Sandbox)


@pytest.fixture(scope="module")
def loaded(org: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("settings")
    write_samples(folder, "salesforce", org.url)
    (folder / "config" / "leadsync.yaml").write_text(CONFIG.format(url=org.url), encoding="utf-8")
    return load_from(folder)


@pytest.fixture(scope="module")
def crms(org: Sandbox, loaded: Loaded) -> Mapping[str, Crm]:
    env = {
        "LEADSYNC_SALESFORCE_CLIENT_ID": org.server.client_id,
        "LEADSYNC_SALESFORCE_CLIENT_SECRET": org.server.client_secret,
    }
    return {"salesforce": build_crm("salesforce", loaded.settings.crms["salesforce"], loaded, env, SystemClock())}


@pytest.fixture
def tasks(loaded: Loaded, crms: Mapping[str, Crm]) -> Channel:
    return build_channels(loaded, SECRETS, crms)["crm_task"]


@pytest.fixture
def for_rep(org: Sandbox, notice: Any) -> Callable[..., Any]:
    """A notice about a fresh lead, for a user of the org."""
    made = org.put(Lead=[{"LastName": "Hopper", "Company": "Navy", "Status": "Inquiry"}])
    ref = Ref("salesforce", "lead", made["Lead"][0])
    return lambda **changes: notice(
        **{"channel": "crm_task", "recipient": org.server.box.basics.admin, "ref": ref, **changes}
    )


def tasks_of(org: Sandbox, ref: Ref) -> list[Mapping[str, Any]]:
    return [row for row in org.server.box.store.rows("Task") if row["WhoId"] == ref.id]


def test_a_person_gets_a_task_beside_the_lead(org: Sandbox, tasks: Channel, for_rep: Any) -> None:
    message = for_rep(title="Grace Hopper is yours", text="She asked to be called.\nSoon.")

    tasks.send(message, "ada@acme.example")

    (task,) = tasks_of(org, message.ref)
    assert (task["Subject"], task["OwnerId"]) == ("Grace Hopper is yours", message.recipient)
    assert task["Description"] == f"She asked to be called.\nSoon.\n\nleadsync {message.effect_id}"
    assert not task["IsClosed"]


def test_a_task_is_made_once_for_each_message(org: Sandbox, tasks: Channel, for_rep: Any) -> None:
    first, second = for_rep(), for_rep(effect_id="another")

    for message in (first, first, second, first):
        tasks.send(message, None)

    assert len(tasks_of(org, first.ref)) == 2


def test_a_task_that_was_made_although_the_answer_was_lost_is_not_made_again(
    org: Sandbox, tasks: Channel, for_rep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    message, send = for_rep(), Client.send

    def losing(client: Client, method: str, path: str, **given: Any) -> Answer:
        answer = send(client, method, path, **given)
        if path == "sobjects/Task":
            raise OutcomeUnknown("no answer")
        return answer

    with monkeypatch.context() as lossy:
        lossy.setattr(Client, "send", losing)
        with pytest.raises(ChannelFailed, match="no answer") as failed:
            tasks.send(message, None)

    assert not failed.value.permanent
    assert len(tasks_of(org, message.ref)) == 1
    tasks.send(message, None)
    assert len(tasks_of(org, message.ref)) == 1


def test_who_threw_a_task_away_does_not_get_it_again(org: Sandbox, tasks: Channel, for_rep: Any) -> None:
    message = for_rep()
    tasks.send(message, None)
    (task,) = tasks_of(org, message.ref)
    org.control("delete", object="Task", id=task["Id"])

    tasks.send(message, None)

    assert tasks_of(org, message.ref) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": "005000000000000AAA"}, {"recipient": "not an id"}, {"ref": Ref("salesforce", "lead", "00Q' OR Id != '")},
        {"ref": Ref("salesforce", "lead", "00Q000000000000AAA")}, {"ref": Ref("dynamics", "lead", "1")}, {"ref": Ref("", "", "")},
    ],
)  # fmt: skip
def test_a_task_that_can_never_be_made_is_final(tasks: Channel, for_rep: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(ChannelFailed) as failed:
        tasks.send(for_rep(**changes), None)

    assert failed.value.permanent
    assert "Grace" not in str(failed.value)


@pytest.mark.parametrize("fault", ["503", "429", "html", "reset"])
def test_a_crm_that_is_down_may_heal_and_is_asked_once(org: Sandbox, tasks: Channel, for_rep: Any, fault: str) -> None:
    message = for_rep()
    tasks.send(for_rep(effect_id="logs in"), None)
    org.requests()
    org.faults(rate={fault: 1.0})
    try:
        with pytest.raises(ChannelFailed) as failed:
            tasks.send(message, None)
    finally:
        org.faults()

    assert not failed.value.permanent
    assert sum("/services/data/" in str(line["path"]) for line in org.requests()) == 1


def test_a_very_long_message_fits_into_a_task(org: Sandbox, tasks: Channel, for_rep: Any) -> None:
    message = for_rep(text="x" * 50_000, title="long " * 100)

    tasks.send(message, None)

    (task,) = tasks_of(org, message.ref)
    assert len(task["Subject"]) <= 255
    assert task["Description"].endswith(message.effect_id)


def test_every_missing_secret_is_named_at_once(loaded: Loaded) -> None:
    with pytest.raises(ConfigError) as refused:
        build_channels(loaded, {})

    assert [problem.partition(": ")[0] for problem in refused.value.problems] == [
        "environment:LEADSYNC_CHANNEL_SALES_FLOOR_URL", "environment:LEADSYNC_CHANNEL_EMEA_TEAMS_URL",
    ]  # fmt: skip


def test_a_first_look_needs_nobodys_webhook(loaded: Loaded, notice: Any) -> None:
    channels = build_channels(loaded, {}, watching=True)

    assert isinstance(channels["sales_floor"], LogChannel)
    assert set(channels) == {"log", "crm_task", "email", "sales_floor", "emea_teams", "ops"}
    with capture_logs() as lines:
        channels["sales_floor"].send(notice(), None)
    assert [line["event"] for line in lines] == ["message.sent"]
