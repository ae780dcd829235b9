"""Cool-downs, revivals and the rest after a win: what holds a person back, and for how long (semantics.md G)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadsync.domain.deals import Deals
from leadsync.domain.durations import Duration
from leadsync.domain.funnel import FunnelLaw, Reason, Role, Stage
from leadsync.domain.grounds import Grounds
from leadsync.domain.instants import to_text
from leadsync.domain.persons import Stay, entries
from leadsync.domain.records import Record
from leadsync.domain.situation import Memory
from leadsync.domain.transitions import Transition

REASON_WITHIN = timedelta(hours=24)
"""A reason counts for a stay if it came with it or this soon after; what is put there later is another story."""

_REASON = ":reason"
_OUT: tuple[Role, ...] = ("recycle", "exit")


@dataclass(frozen=True, slots=True)
class Hold:
    """How long nothing promotes a person who was recycled or turned away; `until` None: by time alone, never."""

    reason: Reason | None
    until: datetime | None
    hand_raise_breaks_it: bool

    def lasts(self, now: datetime) -> bool:
        """Say whether the hold is still on at `now`."""
        return self.until is None or now < self.until


def hold_of(
    grounds: Grounds, record: Record, stage: Stage | None, stay: Stay, deals: Deals, memory: Memory
) -> Hold | None:
    """Return what keeps a person back: the cool-down of a recycle, the revival rule of an exit, the rest after a win.

    Days are calendar days of the company from the entry. A hard reason is broken by nothing, not even a raised hand.
    """
    law = grounds.law
    if stage is None:
        return None
    reason = _reason(law, record, stay, memory) if stage.role in _OUT else None
    if stage.role == "recycle":
        cool_down = reason.cool_down if reason else law.default_cool_down
        return Hold(reason, grounds.days_after(stay.entered_at, cool_down), not (reason and reason.hard))
    if stage.role == "exit":
        revive = reason.revive if reason else "hand_raise_only"
        until = grounds.days_after(stay.entered_at, revive) if isinstance(revive, Duration) else None
        return Hold(reason, until, not (reason and reason.hard) and revive != "never")
    if stage.role == "sales_qualified" and deals.outcome == "won" and deals.ended_at is not None:
        return Hold(None, grounds.days_after(deals.ended_at, law.won_cool_down), hand_raise_breaks_it=False)
    return None


def _reason(law: FunnelLaw, record: Record, stay: Stay, memory: Memory) -> Reason | None:
    """Return the reason that counts for a stay.

    A record that was last edited too late may show another one by now: then it is the one of earlier looks. One that came
    since a look at which it could still come in time gets the benefit of the doubt.
    """
    named = record.fields.get("recycle_reason")
    shown = law.reason_by_label(named if isinstance(named, str) else None)
    kept, until = reason_kept(memory, stay.entered_at), stay.entered_at + REASON_WITHIN
    if kept is None or record.modified_at <= until:
        return shown
    if not kept and memory.decided_at is not None and memory.decided_at < until:
        return shown
    return law.reasons.get(kept)


def reason_kept(memory: Memory, entered_at: datetime) -> str | None:
    """Return the key of the reason that counted when a stay was last looked at, blank for none, None for another stay."""
    at, _, key = memory.fired.get(_REASON, "").partition(" ")
    return key if at == to_text(entered_at) else None


def with_reason(fired: Mapping[str, str], stage: Stage | None, stay: Stay, hold: Hold | None) -> Mapping[str, str]:
    """Return the memory of what rules did together with the reason that counts for a stay out of the funnel."""
    if stage is None or stage.role not in _OUT:
        return fired
    key = hold.reason.key if hold and hold.reason else ""
    return {**fired, _REASON: f"{to_text(stay.entered_at)} {key}"}


def last_out_at(moves: Sequence[Transition], law: FunnelLaw) -> datetime | None:
    """Return when the person last came into a recycle or exit stage, None when they never did.

    What they did before that is spent: a hand raised in the pass before raises nobody in this one.
    """
    out = law.with_role(*_OUT)
    return max((entry.at for entry in entries(moves) if entry.to_stage in out), default=None)
