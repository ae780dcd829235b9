"""The worker over orgs in memory: one org's trouble is its own, troubles are told once, ticks keep coming."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from one_org import START, RecordingChannel
from samples import ADDRESS, write_samples
from structlog.testing import capture_logs

from leadsync.app import App, build_rules
from leadsync.crm.memory import MemoryCrm
from leadsync.cycle import ALL_KINDS, Rules
from leadsync.daemon.ticker import Ticker
from leadsync.daemon.troubles import Troubles
from leadsync.daemon.worker import Worker
from leadsync.errors import ChannelFailed, CrmAuthFailed, CrmBudgetExhausted, CrmUnavailable, LockHeld, StorageFailed
from leadsync.ledger import Ledger, open_ledger
from leadsync.settings import Loaded, load
from leadsync.web.health import Health

TWO = """\
company: {zone: Europe/Berlin}
crms:
  salesforce: {kind: salesforce, url: https://one.my.salesforce.com}
  second: {kind: salesforce, url: https://two.my.salesforce.com}
ledger: {location: data/leadsync.db}
channels:
  email: {kind: log}
  crm_task: {kind: log}
  sales_floor: {kind: log}
  emea_teams: {kind: log}
  ops: {kind: log}
  on_call: {kind: log}
  beat: {kind: log}
alerts: {to: ops, urgent: on_call}
heartbeat: beat
...
"""


@dataclass(slots=True)
class HandClock:
    """A clock that moves by hand; waits pass at once. `ahead` is how far this machine's wall clock is off."""

    passed: float = 100.0
    ahead: timedelta = timedelta()

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.passed) + self.ahead

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


@dataclass(slots=True)
class House:
    """A worker over two orgs in memory, with everything around it at hand."""

    app: App
    health: Health
    worker: Worker
    folder: Path
    clock: HandClock
    first: MemoryCrm
    second: MemoryCrm
    told: Mapping[str, RecordingChannel] = field(default_factory=dict)

    def alerts(self, channel: str = "ops") -> list[str]:
        return [message.title for message in self.told[channel].told]

    def complete(self) -> None:
        for crm in (self.first, self.second):
            crm.advance(60)
        self.clock.passed += 60
        self.worker.tick("complete")


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    write_samples(folder, "salesforce", ADDRESS["salesforce"])
    return folder


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "data" / "leadsync.db") as found:
        yield found


@pytest.fixture
def house(rules: Path, tmp_path: Path, ledger: Ledger) -> House:
    (tmp_path / "mappings").mkdir()
    for path in (rules / "mappings").iterdir():
        (tmp_path / "mappings" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "mappings" / "second.yaml").write_text(
        (rules / "mappings" / "salesforce.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    config = tmp_path / "leadsync.yaml"
    config.write_text(TWO, encoding="utf-8")
    loaded = load(config, tmp_path / "mappings", {})
    clock = HandClock()
    crms = {
        name: MemoryCrm(name, mapping, at=clock.wall(), own_user_id="own")
        for name, mapping in loaded.rulebook.mappings.items()
    }
    told = {name: RecordingChannel(name) for name in loaded.settings.channels}
    app = App(loaded, ledger, crms, told, build_rules(loaded, sorted(ALL_KINDS)), clock, Event())
    health = Health(clock)
    worker = Worker(app, health, Troubles(app, health), config, tmp_path / "mappings", {}, sorted(ALL_KINDS))
    return House(app, health, worker, tmp_path, clock, crms["salesforce"], crms["second"], told)


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CrmUnavailable("gone"), "crm_down:second"),
        (CrmAuthFailed("refused"), "crm_auth:second"),
        (CrmBudgetExhausted("used up"), "crm_budget:second"),
        (KeyError("a row nobody foresaw"), "failed:second"),
    ],
)
def test_the_trouble_of_one_crm_leaves_the_other_untouched_and_heals(house: House, error: Exception, code: str) -> None:
    house.complete()
    assert house.health.reasons() == {}
    changes = house.second.changes
    house.second.changes = failing(error)  # type: ignore[method-assign]
    house.first.create("lead", "Inquiry", owner="human", title="Head of Sales")

    house.complete()

    assert set(house.health.reasons()) == {code}
    assert house.first.writes == 1
    house.second.changes = changes  # type: ignore[method-assign]
    house.complete()
    assert house.health.reasons() == {}


def test_a_crm_that_refuses_us_is_told_once_and_urgently_also_over_a_restart(house: House) -> None:
    house.complete()
    house.second.changes = failing(CrmAuthFailed("refused"))  # type: ignore[method-assign]

    for _ in range(3):
        house.complete()
    Troubles(house.app, Health(house.clock)).begin("crm_auth:second", "refused", tell="urgent")

    assert house.alerts("on_call") == ["leadsync: crm auth"]
    assert house.alerts("ops") == []


def test_a_trouble_that_comes_back_is_told_again(house: House) -> None:
    changes = house.second.changes
    for _ in range(2):
        house.second.changes = failing(CrmAuthFailed("refused"))  # type: ignore[method-assign]
        house.complete()
        house.second.changes = changes  # type: ignore[method-assign]
        house.complete()

    assert house.alerts("on_call") == ["leadsync: crm auth"] * 2


def test_an_alert_that_nobody_took_is_tried_again_until_somebody_does(house: House) -> None:
    house.told["on_call"].refuses = ChannelFailed("on_call: no answer", permanent=False)
    house.second.changes = failing(CrmAuthFailed("refused"))  # type: ignore[method-assign]
    house.complete()
    house.complete()
    tried = house.told["on_call"].tries

    house.told["on_call"].refuses = None
    house.complete()
    house.complete()

    assert tried >= 2
    assert house.alerts("on_call") == ["leadsync: crm auth"]


def test_every_crm_refusing_us_ends_the_start_and_one_of_two_does_not(house: House) -> None:
    connect = house.first.connect
    house.second.connect = failing(CrmAuthFailed("refused"))  # type: ignore[method-assign]
    house.worker.sign_in()
    assert set(house.health.reasons()) == {"starting", "crm_auth:second"}

    house.first.connect = failing(CrmAuthFailed("refused"))  # type: ignore[method-assign]
    house.worker.cycles = house.app.cycles()
    with pytest.raises(CrmAuthFailed):
        house.worker.sign_in()
    house.first.connect = connect  # type: ignore[method-assign]


@pytest.mark.parametrize("error", [StorageFailed("full"), LockHeld("taken over")])
def test_what_no_process_should_go_on_with_ends_it(house: House, error: Exception) -> None:
    house.complete()
    house.app.ledger.begin_cycle = failing(error)  # type: ignore[method-assign]

    with pytest.raises(type(error)):
        house.complete()


def test_a_heartbeat_follows_each_finished_cycle_and_silence_when_there_was_none(house: House) -> None:
    house.complete()
    house.second.changes = failing(CrmUnavailable("gone"))  # type: ignore[method-assign]
    house.complete()

    beats = house.alerts("beat")

    assert beats == [f"leadsync: a cycle of {name} has finished" for name in ("salesforce", "second", "salesforce")]
    assert len({message.effect_id for message in house.told["beat"].told}) == 3


def test_a_heartbeat_that_nobody_takes_is_shown_and_given_a_rest(house: House) -> None:
    house.told["beat"].refuses = ChannelFailed("beat: no answer", permanent=False)
    house.complete()
    house.complete()
    assert house.told["beat"].tries == 1
    assert set(house.health.reasons()) == {"heartbeat:beat"}

    house.told["beat"].refuses = None
    house.clock.passed += 300
    house.complete()
    assert house.health.reasons() == {}


def test_a_pause_stops_what_is_sent_until_the_file_is_gone(house: House) -> None:
    house.complete()
    pause = house.folder / "data" / "pause"
    pause.touch()
    house.first.create("lead", "Inquiry", owner="human", title="Head of Sales")

    house.complete()
    assert (set(house.health.reasons()), house.first.writes) == ({"paused"}, 0)

    pause.unlink()
    house.complete()
    assert (house.health.reasons(), house.first.writes) == ({}, 1)
    assert house.alerts() == house.alerts("on_call") == []


def test_a_disk_that_runs_full_stops_what_is_sent_and_goes_on_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.complete()
    house.first.create("lead", "Inquiry", owner="human", title="Head of Sales")
    with monkeypatch.context() as patched:
        patched.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": 10 << 20})())
        house.complete()

        assert set(house.health.reasons()) == {"disk_low"}
        assert house.first.writes == 0
        assert house.alerts("on_call") == ["leadsync: disk low"]
    house.complete()
    assert (house.health.reasons(), house.first.writes) == ({}, 1)


def test_a_group_that_is_held_and_a_wish_that_is_given_up_are_told(house: House) -> None:
    house.complete()
    limits = {"normal": replace(house.app.settings.limits.writes["normal"], per_cycle=1)}
    house.app.rules = Rules(house.app.rulebook, frozenset(ALL_KINDS), None, limits)
    house.worker.cycles = house.app.cycles()
    for _ in range(4):
        house.first.create("lead", "Inquiry", owner="human", title="Head of Sales")

    house.complete()
    house.complete()

    held = [code for code in house.health.reasons() if code.startswith("held:salesforce:")]
    assert len(held) == 1
    assert "outbox release" in house.health.reasons()[held[0]]
    assert house.alerts() == ["leadsync: held"]
    house.app.ledger.release(held[0].removeprefix("held:salesforce:"), house.app.clock.wall())
    house.first.fate = ["locked"] * 1000
    for _ in range(20):
        house.first.advance(3600)
        house.complete()
    assert "leadsync: dead" in house.alerts()
    house.first.fate.clear()
    told = len(house.alerts())
    house.complete()
    assert len(house.alerts()) == told


def test_a_clock_that_is_off_is_told_and_changes_no_decision(house: House) -> None:
    house.complete()
    house.clock.ahead = timedelta(hours=-3)

    house.complete()

    assert house.health.reasons() == {}  # leadsync does its job all the same
    assert house.alerts() == ["leadsync: clock", "leadsync: clock"]  # one for each CRM
    house.clock.ahead = timedelta()
    house.complete()
    house.complete()
    assert len(house.alerts()) == 2


def test_a_jump_of_the_wall_clock_is_logged(house: House) -> None:
    with capture_logs() as lines:
        house.clock.ahead = timedelta(hours=1)
        house.worker._watch_wall_clock()
        house.worker._watch_wall_clock()

    assert [line["seconds"] for line in lines if line["event"] == "clock.stepped"] == [3600.0]


def test_while_a_crm_was_never_reached_its_clocks_go_by_its_last_known_instant(house: House) -> None:
    house.complete()
    seen = house.app.seen_at("second")
    assert seen is not None
    house.second.now = failing(CrmUnavailable("gone"))  # type: ignore[method-assign]
    house.clock.passed += 600

    now = house.worker._now("second", house.worker.cycles["second"])

    assert now <= seen + timedelta(seconds=house.clock.passed)
    assert now > seen


def test_a_bad_file_is_told_once_and_the_last_good_rules_stay(house: House) -> None:
    house.complete()
    good = house.app.rulebook.hash
    path = house.folder / "mappings" / "funnel.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: len(text) // 2], encoding="utf-8")

    for _ in range(3):
        house.complete()
    assert set(house.health.reasons()) == {"config_stale"}
    assert house.alerts() == ["leadsync: config stale"]
    assert house.app.rulebook.hash == good

    path.write_text(text, encoding="utf-8")
    house.complete()
    assert house.health.reasons() == {}


def test_a_daily_backup_is_made_once_and_old_ones_go(house: House) -> None:
    backups = house.folder / "backups"
    house.app.loaded = replace(
        house.app.loaded,
        settings=replace(
            house.app.settings, ledger=replace(house.app.settings.ledger, backups=backups, keep_backups=2)
        ),
    )
    for _ in range(4):
        house.worker._back_up()
        house.worker._back_up()
        house.clock.passed += 86400

    assert len(list(backups.glob("leadsync-*.db"))) == 2


def test_what_was_told_is_remembered_in_the_ledger(house: House) -> None:
    troubles = Troubles(house.app, house.health)
    troubles.begin("restart", "web changed", ready=True)
    assert json.loads(house.app.ledger.meta("alerted") or "") == ["restart"]

    troubles.end("restart")
    assert json.loads(house.app.ledger.meta("alerted") or "") == []


def test_ticks_come_again_after_the_scheduler_has_stalled(rules: Path) -> None:
    loaded: Loaded = load(rules / "config" / "leadsync.yaml", rules / "mappings", {})
    quick = replace(loaded.settings.schedule, fast=timedelta(seconds=1), sla=timedelta(seconds=1))
    clock = HandClock()
    ticker = Ticker(quick, "Europe/Berlin", clock, rearm_after=10)
    ticker.start()
    try:
        assert set(ticker.wait(5)) <= {"fast", "sla"}
        ticker._scheduler.pause()  # as it stands after a clock has jumped back
        while ticker.wait(0.1):
            pass
        clock.passed += 11
        assert ticker.wait(0.1) == []
        assert ticker.wait(5) != []
    finally:
        ticker.stop()


def test_what_ends_every_start_is_told_once_until_a_cycle_has_finished(house: House) -> None:
    for _ in range(3):  # as whoever restarts a container does
        Troubles(house.app, Health(house.clock)).fatal("crm_auth", "refused")
    assert house.alerts("on_call") == ["leadsync: crm auth"]

    again = Troubles(house.app, house.health)
    house.worker.troubles = again
    house.complete()
    Troubles(house.app, house.health).fatal("crm_auth", "refused")

    assert house.alerts("on_call") == ["leadsync: crm auth"] * 2


def test_a_person_on_whom_the_rules_fail_is_told_once_and_the_others_go_on(house: House) -> None:
    situations = house.app.ledger.situations
    spoilt = house.first.create("lead", "Inquiry", owner="human", title="Head of Sales")
    house.first.create("lead", "Inquiry", owner="human", title="Head of Sales")

    def failing_on_one(crm: str, persons: list[str], **given: Any) -> Any:
        if any(spoilt.id in person for person in persons):
            raise TypeError("a value nobody foresaw")
        return situations(crm, persons, **given)

    house.app.ledger.situations = failing_on_one  # type: ignore[assignment,method-assign]
    house.app.rules = replace(house.app.rules, go_live_at=START)
    house.worker.cycles = house.app.cycles()
    for _ in range(3):
        house.complete()

    assert house.first.writes == 1
    assert house.alerts() == ["leadsync: decision"]
    assert house.health.reasons() == {}


def test_an_overdue_review_of_the_agreement_is_told_once_a_week(house: House) -> None:
    house.worker.tick("report")
    assert house.alerts() == []

    house.clock.ahead = timedelta(days=60)  # it was planned for the first of January
    days = []
    for day in range(15):
        house.worker.tick("report")
        house.clock.ahead += timedelta(days=1)
        if len(house.alerts()) > len(days):
            days.append(day)

    assert days == [0, 7, 14]
    assert set(house.alerts()) == {"leadsync: review"}
    assert "2027-01-01" in house.told["ops"].told[0].text


def test_leadsync_is_starting_until_every_crm_has_finished_a_complete_cycle(house: House) -> None:
    asked: list[str] = []
    changes = house.second.changes

    def gone(marks: Mapping[str, Any], reach: str) -> Any:
        asked.append(reach)
        raise CrmUnavailable("gone")

    house.second.changes = gone  # type: ignore[assignment]
    house.complete()
    house.worker.tick("fast")
    assert set(house.health.reasons()) == {"starting", "crm_down:second"}
    assert asked == ["complete", "complete"]

    house.second.changes = changes  # type: ignore[method-assign]
    house.worker.tick("fast")
    assert house.health.reasons() == {}


def test_a_fast_cycle_does_not_end_what_broke_in_a_complete_one(house: House) -> None:
    house.complete()
    changes = house.second.changes

    def broken(marks: Mapping[str, Any], reach: Any) -> Any:
        if reach == "complete":
            raise RuntimeError("a defect of ours")
        return changes(marks, reach)

    house.second.changes = broken  # type: ignore[assignment]
    for _ in range(2):
        house.complete()
        house.worker.tick("fast")
    assert set(house.health.reasons()) == {"failed:second"}
    assert house.alerts() == ["leadsync: failed"]
