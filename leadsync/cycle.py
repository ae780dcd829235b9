"""One cycle: observe, decide, deliver.

1. Observe: every page of changes goes into the ledger in one transaction, the last one with the new mark.
2. Decide: persons who changed or whose `wake_at` has come are decided by the rules, in one transaction per batch.
3. Deliver: what the outbox holds is claimed, sent once, and settled by what the CRM or the channel said.

The same functions serve the daemon, `sync`, `plan` and the tests. Only the worker thread calls them.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

from leadsync import logs
from leadsync.domain.effects import Escalation, Membership, Notice, OutboxRow, OutboxState, Outcome, WriteBack
from leadsync.domain.instants import from_text, to_text
from leadsync.domain.limits import Limit
from leadsync.domain.plan import Plan, make_plan
from leadsync.domain.pools import PoolBook
from leadsync.domain.quiet import quiet_until
from leadsync.domain.records import Gone, Record, Ref
from leadsync.domain.rulebook import Rulebook
from leadsync.domain.standing import Grounds
from leadsync.domain.telling import digest, people
from leadsync.domain.writing import current, same
from leadsync.errors import ChannelFailed, CrmAuthFailed, CrmBudgetExhausted, CrmUnavailable, LeadsyncError
from leadsync.ledger import Ledger
from leadsync.ports import Channel, Crm, Org, Page, Reach

log = logs.get("leadsync.cycle")
T = TypeVar("T")

BATCH = 500
"""Persons decided in one transaction: large enough that a commit costs little, small enough to hold in memory."""

BASELINE = 1000
"""Persons decided in one cycle who are in no hurry: adopted ones, and everybody after the rules changed."""

SEND_BATCH = 200
"""Effects claimed together: what a crash leaves to be looked up is never more."""

ALL_KINDS = frozenset({"notices", "stage_entered", "score", "contact_stage", "lead_stage", "owner", "membership"})

MAX_ATTEMPTS = 12
GIVE_UP_AFTER = timedelta(hours=8)
"""An effect that was tried so often for so long is given up, and somebody is told (reliability.md 6: attempts and age)."""

UNAVAILABLE = "unavailable"

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)

SHORT_WAITS = 3
"""Attempts whose wait is what the CRM asked for, however short; later ones wait longer each time."""


class Stopped(Exception):
    """The process was told to stop in the middle of a cycle; what was stored stands, the rest is done next time."""


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
    channels: dict[str, str] = field(default_factory=dict)  # those that took no message, each with the reason
    hindered: str | None = None  # why nothing was claimed: the code of a hindrance
    broken: list[str] = field(default_factory=list)  # persons on whom the rules failed

    def is_silent(self) -> bool:
        """Say whether nothing happened: nothing new was seen, moved, decided to be written, or is under way."""
        return not (
            self.changed or self.transitions or self.gaps or self.wished or self.applied or self.rejected
            or self.superseded or self.unknown or self.retrying or self.told
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why nothing may be sent now although the rules want it: a code (paused, disk_low, recovery) and what to do."""

    code: str
    text: str


class Cycle:
    """The cycle of one CRM over one ledger. `channels` are where people are told something, by name."""

    def __init__(
        self,
        crm: Crm,
        ledger: Ledger,
        rules: Rules,
        channels: Mapping[str, Channel],
        *,
        alerts: str,
        link: str = "",
        stopping: Callable[[], bool] = lambda: False,
        unset: Mapping[str, str] = MappingProxyType({}),
        hindrance: Callable[[], Hindrance | None] = lambda: None,
    ) -> None:
        """`alerts` is the channel of last resort, `link` the org's address, `stopping` says that it is time to end.

        `unset` names channels that lack something, with what to set: their messages wait. While there is a `hindrance`
        nothing is claimed.
        """
        self.crm = crm
        self.ledger = ledger
        self.rules = rules
        self.channels = channels
        self.alerts = alerts
        self.link = link
        self.stopping = stopping
        self.unset = unset
        self.hindrance = hindrance
        self.org: Org | None = None
        self._wished: Counter[str] = Counter()

    def connect(self) -> Org:
        """Log in, make sure it is the org this ledger belongs to, and return it; a second call costs nothing."""
        if self.org is not None:
            return self.org
        org = self.crm.connect()
        self.ledger.belong_to(self.crm.name, org.org_id)
        if self.ledger.meta(f"user:{self.crm.name}") != org.user_id:
            self.ledger.set_meta(f"user:{self.crm.name}", org.user_id)
        self.org = org
        return self.org

    def run(
        self, reach: Reach = "complete", *, now: datetime | None = None, progress: "Progress | None" = None
    ) -> Report:
        """Do one whole cycle and return what it did; `now` replaces the decision's instant alone."""
        report = Report(self.crm.name, reach)
        calls = self.crm.usage().calls
        self.connect()
        started = now or self.crm.now()
        self.ledger.adopt_rulebook(self.rules.rulebook, started)
        cycle_id = self.ledger.begin_cycle(self.crm.name, started)
        try:
            self._go_live(started)
            self.observe(reach, report, progress)
            self.decide(now or self.crm.now(), report)
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
        self.ledger.set_meta(f"seen:{self.crm.name}", to_text(self.crm.now()))
        return report

    def _go_live(self, now: datetime) -> None:
        """Note whether things are delivered, and since when they may be.

        Turning delivery on, also again, voids what was wished and never sent, and decides it afresh (semantics.md B).
        """
        key, delivering = f"delivering:{self.crm.name}", "yes" if self.rules.deliver else "no"
        if self.ledger.meta(key) == delivering:
            return
        if self.rules.deliver:
            waiting = self.ledger.outbox(("pending", "held"), now=FOREVER, crm=self.crm.name)
            self.ledger.finish([Outcome(row.effect.effect_id, "superseded", "decided before") for row in waiting], now)
            records = {row.effect.ref.id for row in waiting}
            self.ledger.wake(sorted({person for record in records for _, person in self.ledger.find(record)}))
            if self.go_live_at() is None:
                self.ledger.set_go_live(self.crm.name, now)
        self.ledger.set_meta(key, delivering)

    def go_live_at(self) -> datetime | None:
        """Return since when things have effects; None while nothing was ever delivered and config names no instant."""
        return self.rules.go_live_at or self.ledger.go_live(self.crm.name)

    def new_report(self) -> Report:
        """Return an empty report of this cycle."""
        return Report(self.crm.name, "complete")

    def reread(self) -> None:
        """Let the next complete pass read every Lead and Contact again: the daily proof that nothing was missed."""
        for source in ("lead", "contact"):
            self.ledger.rewind(self.crm.name, source)

    def observe(self, reach: Reach, report: Report, progress: "Progress | None" = None) -> None:
        """Store every change since the marks; raises Stopped between two pages, and the next pass goes on from there."""
        org = self.connect()
        if self.first_look() is None:
            self.ledger.set_meta(f"first_look:{self.crm.name}", to_text(self.crm.now()))
        for page in self.crm.changes(self.ledger.marks(self.crm.name), reach):
            stored = self.ledger.store(
                page,
                self.rules.rulebook.mappings[self.crm.name],
                go_live_at=self.go_live_at(),
                own_user_id=org.user_id,
                history=self.crm.history,
            )
            report.observed += stored.rows
            report.changed += stored.changed
            report.transitions += stored.transitions
            report.gaps += stored.gaps
            if progress:
                progress(page, stored.rows)
            if self.stopping():
                raise Stopped
        report.blocked = dict(self.crm.blocked())

    def first_look(self) -> datetime | None:
        """Return when this ledger first looked at the org, None before that."""
        seen = self.ledger.meta(f"first_look:{self.crm.name}")
        return from_text(seen) if seen else None

    def decide(self, now: datetime, report: Report) -> None:
        """Decide everybody who changed or whose time has come, and put the wishes into the outbox."""
        self._wished.clear()
        due = self.ledger.due(self.crm.name, now)
        baseline = self.ledger.undecided(self.crm.name, BASELINE, now=now)
        for plan in self._plans([*due, *baseline], now, self.rules.deliver, self.go_live_at(), report):
            counts = self.ledger.commit(plan, now)
            report.decided += len(plan.decisions)
            report.wished += counts.wished
            for group, (size, _) in plan.held.items():
                report.held[group] = size

    def rehearse(self, now: datetime | None) -> Iterator[Plan]:
        """Yield what would be decided now if everything were delivered; nothing is kept.

        Before the first delivery it is as if leadsync had gone live when it first looked. With `now` given the CRM is
        not asked for anything.
        """
        moment = now or self.crm.now()
        self._wished.clear()
        due = self.ledger.due(self.crm.name, moment)
        persons = [*due, *self.ledger.undecided(self.crm.name, BASELINE, now=moment)]
        since = self.go_live_at() or self.first_look()
        yield from self._plans(persons, moment, ALL_KINDS, since, self.new_report())

    def _plans(
        self, persons: Sequence[str], now: datetime, kinds: frozenset[str], go_live_at: datetime | None, report: Report
    ) -> Iterator[Plan]:
        own_user_id = self.ledger.meta(f"user:{self.crm.name}") or self.connect().user_id
        batches = deque(_batches(persons, BATCH))
        while batches:
            if self.stopping():
                raise Stopped
            people_now = batches.popleft()
            directory = self.ledger.directory(self.crm.name, own_user_id, now)
            grounds = Grounds(
                rulebook=self.rules.rulebook,
                crm=self.crm.name,
                directory=directory,
                now=now,
                go_live_at=go_live_at,
                kinds=kinds,
                link=self.link,
            )
            try:
                plan = self._plan(people_now, grounds)
            except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
                # One person whom the rules cannot take must not keep the others waiting: halve until it is alone.
                if len(people_now) > 1:
                    batches.extendleft(reversed(list(_batches(people_now, (len(people_now) + 1) // 2))))
                    continue
                log.error("decision.failed", person_id=people_now[0], error=type(error).__name__, exc_info=True)
                report.broken.append(people_now[0])
                continue
            self._wished.update(effect.group_id for effect in plan.effects)
            yield plan

    def _plan(self, persons: Sequence[str], grounds: Grounds) -> Plan:
        """Decide one batch."""
        directory, zone = grounds.directory, self.rules.rulebook.company.zone
        book = PoolBook(self.rules.rulebook.routing.pools, directory)
        away = frozenset(user.id for user in directory.users.values() if book.away(user, now=grounds.now, zone=zone))
        return make_plan(
            self.ledger.situations(self.crm.name, persons, law=self.rules.rulebook.law),
            grounds,
            book,
            people(directory.users, away),
            self.alerts,
            self.rules.limits,
            self.ledger.group_sizes(grounds.now - timedelta(days=1)),
            self._wished,
        )

    def run_clocks(self, *, now: datetime | None = None) -> Report:
        """Decide and deliver what is due by time alone, without asking the CRM for news; it works while the CRM is down."""
        report = Report(self.crm.name, "fast")
        moment = now or self.crm.now()
        self.decide(moment, report)
        if self.rules.deliver:
            self._tell(moment, report)
        return report

    def deliver(self, now: datetime | None, report: Report) -> None:
        """Send what the outbox holds: unknown fates are looked up first, then wishes by priority."""
        moment = now or self.crm.now()
        self._tell(moment, report)
        self._resolve_unknown(moment, report)
        waiting = self.ledger.outbox(("pending",), now=moment, kinds=("write", "membership"), crm=self.crm.name)
        self._send([row for row in waiting if isinstance(row.effect, WriteBack)], moment, report)
        self._send([row for row in waiting if isinstance(row.effect, Membership)], moment, report)

    def look_up(self, now: datetime, report: Report) -> None:
        """Find out what became of writes of unknown fate; costs one read for 200 of them, none when there are none."""
        self._resolve_unknown(now, report)

    def deliver_group(self, group_id: str, now: datetime, report: Report, *, most: int) -> None:
        """Send writes of one group that wait, at most so many, and nothing else."""
        waiting = self.ledger.outbox(("pending",), now=now, kinds=("write",), crm=self.crm.name)
        self._send([row for row in waiting if row.effect.group_id == group_id][:most], now, report)

    def _send(self, rows: Sequence[OutboxRow], now: datetime, report: Report) -> None:
        """Claim and send effects by the batch, the most urgent first."""
        for batch in _batches(rows, SEND_BATCH):
            if self.stopping():
                raise Stopped
            if self._is_hindered(report):
                return
            claimed = set(self.ledger.claim([row.effect.effect_id for row in batch], now))
            ready = [row for row in batch if row.effect.effect_id in claimed]
            if not ready:
                continue
            try:
                writes = [row.effect for row in ready if isinstance(row.effect, WriteBack)]
                joins = [row.effect for row in ready if isinstance(row.effect, Membership)]
                outcomes = self.crm.write(writes) if writes else self.crm.join(joins)
            except (CrmUnavailable, CrmAuthFailed) as error:
                # Raised before anything was sent: an adapter answers `unknown` for what it cannot vouch for.
                wait = (error.retry_after if isinstance(error, CrmUnavailable) else None) or 60.0
                back = [Outcome(row.effect.effect_id, "pending", UNAVAILABLE, wait) for row in ready]
                self._settle(ready, back, now, report)
                if isinstance(error, CrmBudgetExhausted):
                    return
                raise
            except LeadsyncError as error:
                # Nobody knows how far it came: each record is read before anything is sent again.
                self._settle(
                    ready, [Outcome(row.effect.effect_id, "unknown", str(error)) for row in ready], now, report
                )
                raise
            self._settle(ready, outcomes, now, report)

    def _is_hindered(self, report: Report) -> bool:
        """Say whether nothing may be claimed now, and note why."""
        found = self.hindrance()
        if found is not None:
            report.hindered = found.code
        return found is not None

    def _may_tell(self, channel: str, report: Report) -> bool:
        """Say whether a message may be tried through a channel; one that failed in this cycle is left alone until the next."""
        if channel in self.unset:
            report.channels[channel] = self.unset[channel]
        if self.stopping():
            raise Stopped
        return channel not in report.channels and not self._is_hindered(report)

    def _resolve_unknown(self, now: datetime, report: Report) -> None:
        """Read the records of writes of unknown fate: applied if their token or values stand there, else to be sent again."""
        rows = self.ledger.outbox(("unknown",), now=now, kinds=("write",), crm=self.crm.name)
        for batch in _batches(rows, 200):
            found = self.crm.read([row.effect.ref for row in batch])
            self._settle(batch, [_fate(row, found) for row in batch], now, report)

    def _tell(self, now: datetime, report: Report) -> None:
        """Send escalations and notices: those to somebody who sleeps wait, a storm becomes one digest.

        All that a digest covers is claimed before it is sent, and settled together.
        """
        rulebook = self.rules.rulebook
        states = ("pending", "unknown") if rulebook.sla.if_unsure == "resend" else ("pending",)
        found = self.ledger.outbox(states, now=now, kinds=("escalation", "notice"), crm=self.crm.name)
        rows = {row.effect.effect_id: row for row in found}
        for telling in digest(self._awake(found, now), rulebook.sla.digest_above, rulebook.sla.messages["digest"]):
            message = telling.message
            if not self._may_tell(message.channel, report):
                continue
            claimed = self.ledger.claim(telling.covers, now)
            if not claimed:
                continue
            channel = self.channels.get(message.channel)
            state: OutboxState = "applied"
            error: str | None = None
            if channel is None:
                state, error = "dead", "no such channel"
            else:
                try:
                    channel.send(message, self.ledger.address(self.crm.name, message.recipient))
                except ChannelFailed as failure:
                    if not failure.permanent:
                        report.channels[message.channel] = str(failure)
                    state, error = "rejected" if failure.permanent else "pending", str(failure)
            covered = [rows[effect_id] for effect_id in claimed]
            self._settle(covered, [Outcome(row.effect.effect_id, state, error) for row in covered], now, report)

    def _awake(self, rows: Sequence[OutboxRow], now: datetime) -> list[Escalation | Notice]:
        """Return the messages whose reader has no quiet hours now."""
        messages = [row.effect for row in rows if isinstance(row.effect, (Escalation, Notice))]
        if not messages:
            return []
        rulebook = self.rules.rulebook
        users = self.ledger.directory(self.crm.name, self.ledger.meta(f"user:{self.crm.name}") or "", now).users
        return [m for m in messages if quiet_until(m, rulebook.sla, users, now, rulebook.company.zone) is None]

    def _settle(self, rows: Sequence[OutboxRow], outcomes: Iterable[Outcome], now: datetime, report: Report) -> None:
        """Store what became of each attempt, and wake the person behind every wish that came to nothing."""
        final: list[Outcome] = []
        disappointed: set[str] = set()
        for row, outcome in zip(rows, outcomes, strict=True):
            settled = _settled(row, outcome, now)
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
                log.info(
                    _EVENTS[settled.state], ref=str(row.effect.ref), effect_id=settled.effect_id, error=settled.error
                )
            if settled.state == "superseded" and isinstance(person := row.extra.get("person_id"), str):
                disappointed.add(person)
        self.ledger.finish(final, now)
        if disappointed:
            self.ledger.wake(sorted(disappointed))


Progress = Callable[[Page, int], None]

_EVENTS = {
    "rejected": "writeback.rejected",
    "superseded": "writeback.superseded",
    "dead": "writeback.given_up",
    "unknown": "writeback.lost",
}


def _settled(row: OutboxRow, outcome: Outcome, now: datetime) -> Outcome:
    """Return the outcome as the outbox keeps it: a conflict is decided anew, too many attempts are the end."""
    if outcome.state != "pending":
        return outcome
    if outcome.error == "conflict":
        return replace(outcome, state="superseded")
    attempts = row.attempts + 1
    # While the CRM cannot be reached nothing is wrong with the effect, so that never ends it.
    if attempts >= MAX_ATTEMPTS and now - row.decided_at >= GIVE_UP_AFTER and outcome.error != UNAVAILABLE:
        return replace(outcome, state="dead")
    asked = outcome.retry_after
    if asked is not None and (attempts <= SHORT_WAITS or outcome.error == UNAVAILABLE):
        return outcome
    return replace(outcome, retry_after=max(asked or 0.0, retry_after(attempts)))


def retry_after(attempts: int) -> float:
    """Return the seconds to wait before the next attempt: 15 s doubled each time, at most 6 hours."""
    return min(15.0 * 2.0 ** (attempts - 1), 21600.0)


def _fate(row: OutboxRow, found: Mapping[Ref, Record | Gone]) -> Outcome:
    """Return what a fresh look at the record says of a write of unknown fate."""
    write = row.effect
    assert isinstance(write, WriteBack)
    record = found.get(write.ref)
    if not isinstance(record, Record) or record.state != "live":
        return Outcome(write.effect_id, "superseded", "gone")
    if record.operation == write.token():
        return Outcome(write.effect_id, "applied")
    if all(same(current(record, name), value) for name, value in write.values.items()):
        return Outcome(write.effect_id, "applied")
    if record.version != write.base_version:
        return Outcome(write.effect_id, "superseded", "conflict")
    return Outcome(write.effect_id, "pending", "not applied", 0.0)


def _batches(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
