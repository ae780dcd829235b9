"""One cycle: observe, decide, deliver.

1. Observe: every page of changes goes into the ledger in one transaction, the last one with the new mark.
2. Decide: persons who changed or whose `wake_at` has come are decided by the rules, in one transaction per batch.
3. Deliver: what the outbox holds is claimed, sent once, and settled by what the CRM or the channel said.

The same functions serve the daemon, `sync`, `plan` and the tests. Only the worker thread calls them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from leadsync import logs
from leadsync.domain.decision import Decision
from leadsync.domain.effects import PRIORITIES, Escalation, Membership, Notice, OutboxRow, Outcome, WriteBack
from leadsync.domain.limits import Limit
from leadsync.domain.plan import Plan, make_plan
from leadsync.domain.records import Gone, Record
from leadsync.domain.rulebook import Rulebook
from leadsync.domain.standing import Grounds
from leadsync.errors import ChannelFailed, CrmAuthFailed, CrmBudgetExhausted, CrmUnavailable
from leadsync.ledger import Ledger
from leadsync.ports import Channel, Crm, Org, Page, Reach

log = logs.get("leadsync.cycle")
T = TypeVar("T")

BATCH = 500
"""Persons decided in one transaction: large enough that a commit costs little, small enough to hold in memory."""

BASELINE = 1000
"""Adopted persons given their first score in one cycle, so that a first load is not held up by them."""

ALL_KINDS = frozenset({"notices", "stage_entered", "score", "contact_stage", "lead_stage", "owner", "membership"})

MAX_ATTEMPTS = 12
"""Attempts after which an effect is given up and somebody is told; with the waits below, about two days."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the cycle needs to know besides the ledger and the ports."""

    rulebook: Rulebook
    deliver: frozenset[str]
    go_live_at: datetime | None  # config: an instant, or None for the first delivering cycle
    limits: Mapping[str, Limit]


@dataclass(slots=True)
class Report:
    """What one cycle did; the counts are of this cycle alone."""

    crm: str
    reach: Reach
    observed: int = 0
    changed: int = 0
    transitions: int = 0
    gaps: int = 0
    decided: int = 0
    wished: int = 0
    held: dict[str, int] = field(default_factory=dict)
    applied: int = 0
    rejected: int = 0
    superseded: int = 0
    unknown: int = 0
    dead: int = 0
    retrying: int = 0
    told: int = 0
    api_calls: int = 0
    blocked: dict[str, str] = field(default_factory=dict)

    def is_silent(self) -> bool:
        """Say whether nothing happened: nothing new was seen, moved, decided to be written, or is under way."""
        return not (
            self.changed or self.transitions or self.gaps or self.wished or self.applied or self.rejected
            or self.superseded or self.unknown or self.retrying or self.told
        )  # fmt: skip


class Cycle:
    """The cycle of one CRM over one ledger. `channels` are where people are told something, by name."""

    def __init__(self, crm: Crm, ledger: Ledger, rules: Rules, channels: Mapping[str, Channel]) -> None:
        self.crm = crm
        self.ledger = ledger
        self.rules = rules
        self.channels = channels
        self.org: Org | None = None

    def connect(self) -> Org:
        """Log in, make sure it is the org this ledger belongs to, and return it."""
        self.org = self.crm.connect()
        self.ledger.belong_to(self.crm.name, self.org.org_id)
        return self.org

    def run(
        self, reach: Reach = "complete", *, now: datetime | None = None, progress: "Progress | None" = None
    ) -> Report:
        """Do one whole cycle and return what it did; `now` replaces the decision's instant alone."""
        report = Report(self.crm.name, reach)
        calls = self.crm.usage().calls
        self.org = self.org or self.connect()
        started = now or self.crm.now()
        cycle_id = self.ledger.begin_cycle(self.crm.name, started)
        try:
            self._go_live(started)
            self.observe(reach, report, progress)
            self.decide(now or self.crm.now(), report, progress)
            if self.rules.deliver:
                self.deliver(now, report)
        finally:
            report.api_calls = self.crm.usage().calls - calls
            self.ledger.end_cycle(
                cycle_id,
                self.crm.now(),
                observed=report.observed,
                transitions=report.transitions,
                decided=report.decided,
                delivered=report.applied + report.told,
                failed=report.rejected + report.dead,
                api_calls=report.api_calls,
            )
        return report

    def _go_live(self, now: datetime) -> None:
        """Fix the instant of going live at the first cycle that delivers; older wishes are void (semantics.md B)."""
        if self.rules.deliver and self.go_live_at() is None:
            self.ledger.void_undelivered(now)
            self.ledger.set_go_live(self.crm.name, self.rules.go_live_at or now)

    def go_live_at(self) -> datetime | None:
        """Return since when things have effects; None while nothing was ever delivered and config names no instant."""
        return self.rules.go_live_at or self.ledger.go_live(self.crm.name)

    def observe(self, reach: Reach, report: Report, progress: "Progress | None" = None) -> None:
        """Store every change since the marks."""
        assert self.org is not None
        for page in self.crm.changes(self.ledger.marks(self.crm.name), reach):
            stored = self.ledger.store(
                page,
                self.rules.rulebook.mappings[self.crm.name],
                go_live_at=self.go_live_at(),
                own_user_id=self.org.user_id,
                history=self.crm.history,
            )
            report.observed += stored.rows
            report.changed += stored.changed
            report.transitions += stored.transitions
            report.gaps += stored.gaps
            if progress:
                progress(page, stored.rows)
        report.blocked = dict(self.crm.blocked())

    def decide(self, now: datetime, report: Report, progress: "Progress | None" = None) -> list[Plan]:
        """Decide everybody who changed or whose time has come, and put the wishes into the outbox."""
        plans: list[Plan] = []
        due = self.ledger.due(self.crm.name, now)
        baseline = self.ledger.undecided(self.crm.name, BASELINE)
        for people in _batches([*due, *baseline], BATCH):
            plan = self.plan(people, now, kinds=self.rules.deliver)
            self.ledger.commit(plan, now)
            report.decided += len(plan.decisions)
            report.wished += len(plan.effects)
            for group, size in plan.held.items():
                report.held[group] = size[0]
            plans.append(plan)
        return plans

    def plan(self, people: Sequence[str], now: datetime, *, kinds: frozenset[str]) -> Plan:
        """Return the decisions on these persons; nothing is stored."""
        assert self.org is not None
        grounds = Grounds(
            rulebook=self.rules.rulebook,
            crm=self.crm.name,
            directory=self.ledger.directory(self.crm.name, self.org.user_id, now),
            now=now,
            go_live_at=self.go_live_at(),
            kinds=kinds,
            history=self.crm.history,
        )
        situations = self.ledger.situations(self.crm.name, people)
        return make_plan(situations, grounds, self.rules.limits, self.ledger.group_sizes(now - timedelta(days=1)))

    def deliver(self, now: datetime | None, report: Report) -> None:
        """Send what the outbox holds: unknown fates are looked up first, then wishes by priority."""
        moment = now or self.crm.now()
        self._tell(moment, report)
        self._resolve_unknown(moment, report)
        rows = self.ledger.outbox(("pending",), now=moment, kinds=("write", "membership"))
        writes = [row for row in rows if isinstance(row.effect, WriteBack)]
        joins = [row for row in rows if isinstance(row.effect, Membership)]
        writes.sort(key=lambda row: (PRIORITIES.index(row.effect.priority), row.decided_at, row.effect.effect_id))  # type: ignore[union-attr]
        self._send(writes, self.crm.write, moment, report)
        self._send(joins, self.crm.join, moment, report)

    def _send(
        self,
        rows: Sequence[OutboxRow],
        send: Callable[[Sequence[object]], tuple[Outcome, ...]],
        now: datetime,
        report: Report,
    ) -> None:
        for batch in _batches(rows, 200):
            claimed = set(self.ledger.claim([row.effect.effect_id for row in batch], now))
            ready = [row for row in batch if row.effect.effect_id in claimed]
            if not ready:
                continue
            try:
                outcomes = send([row.effect for row in ready])
            except (CrmUnavailable, CrmAuthFailed) as error:
                # Raised before anything was sent: an adapter answers `unknown` for what it cannot vouch for.
                wait = getattr(error, "retry_after", None) or 60.0
                self._settle(ready, [Outcome(r.effect.effect_id, "pending", "unavailable", wait) for r in ready], now, report)
                if isinstance(error, CrmBudgetExhausted):
                    return
                raise
            self._settle(ready, outcomes, now, report)

    def _resolve_unknown(self, now: datetime, report: Report) -> None:
        """Read the records of writes of unknown fate: applied if their token or values stand there, else to be sent again."""
        rows = [row for row in self.ledger.outbox(("unknown",), now=now, kinds=("write",))]
        for batch in _batches(rows, 200):
            found = self.crm.read([row.effect.ref for row in batch])
            self._settle(batch, [_fate(row, found) for row in batch], now, report)

    def _tell(self, now: datetime, report: Report) -> None:
        """Send escalations and notices, each through its channel, each claimed before it is sent."""
        for row in self.ledger.outbox(("pending", "unknown"), now=now, kinds=("escalation", "notice")):
            message = row.effect
            assert isinstance(message, (Escalation, Notice))
            if message.effect_id not in self.ledger.claim([message.effect_id], now):
                continue
            channel = self.channels.get(message.channel)
            if channel is None:
                outcome = Outcome(message.effect_id, "dead", "no such channel")
            else:
                try:
                    channel.send(message, self.ledger.address(self.crm.name, message.recipient))
                    outcome = Outcome(message.effect_id, "applied")
                except ChannelFailed as error:
                    state = "rejected" if error.permanent else "pending"
                    outcome = Outcome(message.effect_id, state, str(error), None if error.permanent else 60.0)
            self._settle([row], [outcome], now, report)

    def _settle(
        self, rows: Sequence[OutboxRow], outcomes: Iterable[Outcome], now: datetime, report: Report
    ) -> None:
        """Store what became of each attempt, and wake the person behind every wish that came to nothing."""
        final: list[Outcome] = []
        for row, outcome in zip(rows, outcomes, strict=True):
            settled = _settled(row, outcome)
            final.append(settled)
            match settled.state:
                case "applied" if isinstance(row.effect, (Escalation, Notice)):
                    report.told += 1
                case "applied":
                    report.applied += 1
                case "rejected":
                    report.rejected += 1
                case "superseded":
                    report.superseded += 1
                case "unknown":
                    report.unknown += 1
                case "dead":
                    report.dead += 1
                case _:
                    report.retrying += 1
            if settled.state in ("rejected", "superseded", "dead", "unknown"):
                log.info(f"writeback.{settled.state}", ref=str(row.effect.ref), effect_id=settled.effect_id, error=settled.error)
        self.ledger.finish(final, now)


Progress = Callable[[Page, int], None]


def _settled(row: OutboxRow, outcome: Outcome) -> Outcome:
    """Return the outcome as the outbox keeps it: a conflict is decided anew, too many attempts are the end."""
    if outcome.state == "pending" and outcome.error == "conflict":
        return replace(outcome, state="superseded")
    if outcome.state == "pending" and row.attempts + 1 >= MAX_ATTEMPTS:
        return replace(outcome, state="dead")
    if outcome.state == "pending" and outcome.retry_after is None:
        return replace(outcome, retry_after=retry_after(row.attempts + 1))
    return outcome


def retry_after(attempts: int) -> float:
    """Return the seconds to wait before the next attempt: 15 s doubled each time, at most 6 hours."""
    return min(15.0 * 2 ** (attempts - 1), 21600.0)


def _fate(row: OutboxRow, found: Mapping[object, Record | Gone]) -> Outcome:
    """Return what a fresh look at the record says of a write of unknown fate."""
    write = row.effect
    assert isinstance(write, WriteBack)
    record = found.get(write.ref)
    if not isinstance(record, Record) or record.state != "live":
        return Outcome(write.effect_id, "superseded", "gone")
    if record.operation == write.token():
        return Outcome(write.effect_id, "applied")
    from leadsync.domain.writing import current, same

    if all(same(current(record, name), value) for name, value in write.values.items()):
        return Outcome(write.effect_id, "applied")
    if record.version != write.base_version:
        return Outcome(write.effect_id, "superseded", "conflict")
    return Outcome(write.effect_id, "pending", "not applied", 0.0)


def _batches(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
