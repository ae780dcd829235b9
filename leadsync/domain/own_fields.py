"""The fields that leadsync owns on a record, as they should stand: score, instants, counts, due time (design.md 5.6)."""

from collections.abc import Mapping
from datetime import datetime

from leadsync.domain.ageing import AGE, ENTERED, whole_days
from leadsync.domain.funnel import Stage
from leadsync.domain.instants import from_text
from leadsync.domain.nurturing import opted_out
from leadsync.domain.records import Value
from leadsync.domain.scoring import band_of
from leadsync.domain.standing import Standing
from leadsync.domain.waiting import Waiting
from leadsync.domain.writing import instant, same


def own_fields(standing: Standing, target: Stage | None, waiting: Waiting, *, moving: bool) -> dict[str, Value]:
    """Return leadsync's own fields as they should stand; nothing for people to whom nothing new has happened.

    What depends on the stay waits until a move under way has been read back: its instant is the CRM's, not ours.
    """
    grounds, record = standing.grounds, standing.record
    if not standing.is_new or target is None:
        return {}
    values: dict[str, Value] = {}
    if target.scored and _is_worth_writing(standing):
        values["score"] = standing.score.whole
        values["product"] = _product_label(standing)
    if moving:
        return values
    stay, hold = standing.stay, standing.hold
    if (stay.entered_exact or _was_seen(standing)) and grounds.is_live(stay.entered_at):
        values[ENTERED] = instant(stay.entered_at)
        if not same(record.fields.get(ENTERED), values[ENTERED]):
            # The age of a new stay goes along; that it grows is the daily round's business.
            values[AGE] = whole_days(stay.entered_at, grounds.now)
    values["held_until"] = instant(hold.until) if hold and hold.until and standing.cooling else None
    values["sla_due_at"] = instant(waiting.due_at)
    values["marketable"] = is_marketable(standing)
    if target.rank is not None and record.fields.get("recycle_reason") and _came_back(standing):
        values["recycle_reason"] = None
    return values | _milestones(standing)


def _was_seen(standing: Standing) -> bool:
    """Say whether the stay began between two looks, so that its instant is known but for the time between them.

    The value with which a record was first seen may be of any age.
    """
    entered = standing.stay.entered_by
    first = next((m for m in standing.situation.transitions if entered and m.ref == entered.ref), None)
    return entered is not None and first is not None and first.seq != entered.seq


def _milestones(standing: Standing) -> dict[str, Value]:
    """Return counts and first and last instants, none of which ever takes back what somebody else knows.

    A record may remember more than the ledger saw: it was there before. What leadsync itself wrote last it may correct.
    """
    done, grounds = standing.milestones, standing.grounds
    values: dict[str, Value] = {}
    for name, count in (("recycle_count", done.recycle_count), ("mql_count", done.mql_count)):
        shown = _remembered(standing, name)
        values[name] = max(count, int(shown)) if isinstance(shown, (int, float)) else count
    if done.first_mql_at is not None and grounds.is_live(done.first_mql_at):
        shown = _remembered(standing, "first_mql_at")
        values["first_mql_at"] = instant(min(done.first_mql_at, _instant(shown, done.first_mql_at)))
    if done.last_mql_at is not None and grounds.is_live(done.last_mql_at):
        shown = _remembered(standing, "last_mql_at")
        values["last_mql_at"] = instant(max(done.last_mql_at, _instant(shown, done.last_mql_at)))
    return values


def _remembered(standing: Standing, name: str) -> Value:
    """Return what a record shows in a field unless leadsync wrote it there last."""
    record = standing.record
    written = standing.situation.written.get(record.ref.id, {})
    shown = record.fields.get(name)
    return None if name in written and same(shown, written[name]) else shown


def _instant(shown: Value, otherwise: datetime) -> datetime:
    return from_text(shown) if isinstance(shown, str) and shown else otherwise


def _came_back(standing: Standing) -> bool:
    """Say whether the present stay began on leaving Re-Market or an exit; the reason is cleared then."""
    entered = standing.stay.entered_by
    before = standing.grounds.law.stages.get(entered.from_stage or "") if entered else None
    return before is not None and before.role in ("recycle", "exit")


def _is_worth_writing(standing: Standing) -> bool:
    """Say whether the score moved by `min_change` or crossed the edge of a band since the CRM last got it."""
    scoring = standing.grounds.rulebook.scoring
    shown, whole = standing.record.fields.get("score"), standing.score.whole
    if not isinstance(shown, (int, float)) or isinstance(shown, bool):
        return whole > 0
    return abs(whole - shown) >= scoring.min_change or band_of(scoring, int(shown)) != standing.score.band


def _product_label(standing: Standing) -> Value:
    wanted = standing.score.product
    return next((p.label for p in standing.grounds.rulebook.scoring.products if p.key == wanted), None)


def is_marketable(standing: Standing) -> bool:
    """Say whether marketing may write to a person: their stage allows it and they have not opted out."""
    if standing.stage is None or not standing.stage.marketable or standing.excluded:
        return False
    return not opted_out(standing)


def stage_values(standing: Standing, stage: str, reason: str | None) -> Mapping[str, Value]:
    """Return the status value, with the reason that belongs to it: set on the way out, cleared on the way back."""
    law, mapping = standing.grounds.law, standing.grounds.mapping
    values: dict[str, Value] = {"stage": mapping.value_of_stage[stage]}
    if reason is not None:
        values["recycle_reason"] = law.reasons[reason].label
    elif law.stages[stage].rank is not None and standing.record.fields.get("recycle_reason"):
        values["recycle_reason"] = None
    return values
