"""Deliver: what the outbox holds is claimed, sent once, and settled by what the CRM or the channel said.

A claim is committed before the first byte leaves, so that a killed process leaves nothing worse than a write of unknown
fate, which is looked up before anything is sent again (reliability.md 6 and 7).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

from leadsync import logs
from leadsync.domain.effects import Escalation, Membership, Notice, OutboxRow, OutboxState, Outcome, WriteBack
from leadsync.domain.quiet import quiet_until
from leadsync.domain.records import Gone, Record, Ref
from leadsync.domain.rulebook import Rulebook
from leadsync.domain.telling import digest
from leadsync.domain.writing import current, same
from leadsync.errors import ChannelFailed, CrmAuthFailed, CrmBudgetExhausted, CrmUnavailable, LeadsyncError
from leadsync.ledger import Ledger
from leadsync.ports import Channel, Crm, Reach

log = logs.get("leadsync.delivery")
T = TypeVar("T")

SEND_BATCH = 200
"""Effects claimed together: what a crash leaves to be looked up is never more."""

MAX_ATTEMPTS = 12
GIVE_UP_AFTER = timedelta(hours=8)
"""An effect that was tried so often for so long is given up, and somebody is told (reliability.md 6: attempts and age)."""

UNAVAILABLE = "unavailable"

SHORT_WAITS = 3
"""Attempts whose wait is what the CRM asked for, however short; later ones wait longer each time."""


class Stopped(Exception):
    """The process was told to stop in the middle of a cycle; what was stored stands, the rest is done next time."""


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


class Delivery:
    """Sends what the outbox holds for one CRM, and tells people through `channels`."""

    def __init__(
        self,
        crm: Crm,
        ledger: Ledger,
        rulebook: Rulebook,
        channels: Mapping[str, Channel],
        *,
        stopping: Callable[[], bool] = lambda: False,
        unset: Mapping[str, str] = MappingProxyType({}),
        hindrance: Callable[[], Hindrance | None] = lambda: None,
    ) -> None:
        """`stopping` says that it is time to end.

        `unset` names channels that lack something, with what to set: their messages wait. While there is a `hindrance`
        nothing is claimed.
        """
        self.crm = crm
        self.ledger = ledger
        self.rulebook = rulebook
        self.channels = channels
        self.stopping = stopping
        self.unset = unset
        self.hindrance = hindrance

    def deliver(self, now: datetime, report: Report) -> None:
        """Send what the outbox holds: unknown fates are looked up first, then wishes by priority."""
        self.tell(now, report)
        self.look_up(now, report)
        waiting = self.ledger.outbox(("pending",), now=now, kinds=("write", "membership"), crm=self.crm.name)
        self._send([row for row in waiting if isinstance(row.effect, WriteBack)], now, report)
        self._send([row for row in waiting if isinstance(row.effect, Membership)], now, report)

    def deliver_group(self, group_id: str, now: datetime, report: Report, *, most: int) -> None:
        """Send writes of one group that wait, at most so many, and nothing else."""
        waiting = self.ledger.outbox(("pending",), now=now, kinds=("write",), crm=self.crm.name)
        self._send([row for row in waiting if row.effect.group_id == group_id][:most], now, report)

    def _send(self, rows: Sequence[OutboxRow], now: datetime, report: Report) -> None:
        """Claim and send effects by the batch, the most urgent first."""
        for batch in batches(rows, SEND_BATCH):
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

    def look_up(self, now: datetime, report: Report) -> None:
        """Find out what became of effects of unknown fate; one read serves 200 writes, none is made when there are none.

        A write is applied if its token or values stand on the record, else sent again. A membership is simply sent
        again: adapters ask first who is a member.
        """
        rows = self.ledger.outbox(("unknown",), now=now, kinds=("write", "membership"), crm=self.crm.name)
        joins = [row for row in rows if isinstance(row.effect, Membership)]
        self._settle(joins, [Outcome(row.effect.effect_id, "pending", "looked up", 0.0) for row in joins], now, report)
        for batch in batches([row for row in rows if isinstance(row.effect, WriteBack)], SEND_BATCH):
            found = self.crm.read([row.effect.ref for row in batch])
            self._settle(batch, [_fate(row, found) for row in batch], now, report)

    def tell(self, now: datetime, report: Report) -> None:
        """Send escalations and notices: those to somebody who sleeps wait, a storm becomes one digest.

        All that a digest covers is claimed before it is sent, and settled together.
        """
        rulebook = self.rulebook
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
        rulebook = self.rulebook
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


def batches(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """Yield items by so many at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
