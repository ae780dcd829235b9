"""Cool-downs, revivals and the rest after a win: what holds a person back, and for how long (semantics.md G)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from leadsync.domain.deals import Deals
from leadsync.domain.durations import Duration
from leadsync.domain.funnel import FunnelLaw, Reason, Stage
from leadsync.domain.grounds import Grounds
from leadsync.domain.persons import Stay, entries
from leadsync.domain.records import Record
from leadsync.domain.transitions import Transition


@dataclass(frozen=True, slots=True)
class Hold:
    """How long nothing promotes a person who was recycled or turned away; `until` None: by time alone, never."""

    reason: Reason | None
    until: datetime | None
    hand_raise_breaks_it: bool

    def lasts(self, now: datetime) -> bool:
        """Say whether the hold is still on at `now`."""
        return self.until is None or now < self.until


def hold_of(grounds: Grounds, record: Record, stage: Stage | None, stay: Stay, deals: Deals) -> Hold | None:
    """Return what keeps a person back: the cool-down of a recycle, the revival rule of an exit, the rest after a win.

    Days are calendar days of the company from the entry. A hard reason is broken by nothing, not even a raised hand.
    """
    law = grounds.law
    if stage is None:
        return None
    shown = record.fields.get("recycle_reason")
    reason = law.reason_by_label(shown if isinstance(shown, str) else None)
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


def last_out_at(moves: Sequence[Transition], law: FunnelLaw) -> datetime | None:
    """Return when the person last came into a recycle or exit stage, None when they never did.

    What they did before that is spent: a hand raised in the pass before raises nobody in this one.
    """
    out = law.with_role("recycle", "exit")
    return max((entry.at for entry in entries(moves) if entry.to_stage in out), default=None)
