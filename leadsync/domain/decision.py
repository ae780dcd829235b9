"""What the Rulebook wants for one person now: verdicts, stage, owner, score, clocks, and when to look again.

1. Judge the moves that have no verdict; the latest may have to be put back.
2. Else the stage that a conversion or merge brings, else the first automatic move that fits.
3. Route at a door, with the stage as it is about to be.
4. Tick the clocks; a ladder may ask for another owner or for Re-Market.
5. Compare the wished values with the mirrored ones and merge them into one write.

Pure: the same situation, grounds and book give the same decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from leadsync.domain.conditions import holds, next_change
from leadsync.domain.doors import Door, Passage, go_through, open_door
from leadsync.domain.effects import Effect, Priority
from leadsync.domain.fading import next_score_change
from leadsync.domain.facts import next_touch_at
from leadsync.domain.funnel import Stage
from leadsync.domain.judging import Verdicts, correction, judge_all
from leadsync.domain.messages import assigned_notices, hand_raised_notices, put_back_notices, reason_notices, words_for
from leadsync.domain.moves import Move, automatic_move, conversion_move, merge_move, rejection_move
from leadsync.domain.pools import PoolBook
from leadsync.domain.records import Ref, Value
from leadsync.domain.scoring import Score, band_of
from leadsync.domain.situation import Assignment, Situation
from leadsync.domain.sla import Clock
from leadsync.domain.standing import Grounds, Standing, stand
from leadsync.domain.telling import People, fill
from leadsync.domain.transitions import Judgement
from leadsync.domain.waiting import Waiting, wait
from leadsync.domain.writing import current, instant, write_back


@dataclass(frozen=True, slots=True)
class PersonState:
    """What the ledger keeps of a person besides their records: the facts of `v_people` and the next decision's memory."""

    person_id: str
    score: int | None  # hundredths; None in a stage that is not scored
    band: str | None
    product: str | None
    recycle_count: int
    mql_count: int
    first_mql_at: datetime | None
    last_mql_at: datetime | None
    held_until: datetime | None
    passes: int
    outcome: str
    outcome_at: datetime | None
    twin_of: str | None
    marketable: bool
    fired: Mapping[str, str]
    wake_at: datetime | None


@dataclass(frozen=True, slots=True)
class Decision:
    """One person decided. `reasons` are plain sentences, in the order in which they were thought."""

    person_id: str
    ref: Ref
    stage: str | None
    move: Move | None
    score: Score
    judgements: tuple[Judgement, ...]
    assignment: Assignment | None  # only when it is new
    clocks: tuple[Clock, ...]
    effects: tuple[Effect, ...]
    state: PersonState
    reasons: tuple[str, ...]


def decide(situation: Situation, grounds: Grounds, book: PoolBook, who: People, alerts: str) -> Decision:
    """Return the decision on one person; the book is charged for whoever gets them."""
    standing = stand(situation, grounds)
    verdicts = judge_all(standing)
    move, extra, fired, notes = _choose_move(standing, verdicts)
    target = grounds.law.stages[move.stage] if move else standing.stage
    door = open_door(standing, target, None) if standing.is_alive else None
    passage = go_through(door, standing, book) if door else None
    waiting = _wait(standing, passage, book, who, alerts)
    if door is None and move is None and (act := next(iter(waiting.acts), None)) is not None and standing.is_alive:
        if act.act == "recycle":
            move = _recycled(standing)
            target = grounds.law.stages[move.stage] if move else target
        else:
            door = open_door(standing, target, (f"{act.clock.clock_id}:{act.rung}", act.clock.owner_id))
            passage = go_through(door, standing, book) if door else None
            again = _wait(standing, passage, book, who, alerts)
            merged = {clock.clock_id: clock for clock in (*waiting.clocks, *again.clocks)}
            waiting = replace(waiting, clocks=tuple(merged.values()), due_at=again.due_at, next_at=again.next_at)
    effects = _effects(standing, verdicts, move, extra, door, passage, waiting, target)
    reasons = (
        *(f"{j.verdict}: {j.why}" for j in verdicts.judgements),
        *((f"moves to {move.stage}: {move.why}",) if move else ()),
        *notes,
        *((f"goes to {passage.assignment.owner_id or 'nobody'}: {passage.assignment.reason}",) if passage else ()),
    )
    return Decision(
        person_id=situation.person_id,
        ref=standing.record.ref,
        stage=standing.stage.name if standing.stage else None,
        move=move,
        score=standing.score,
        judgements=verdicts.judgements,
        assignment=passage.assignment if passage and passage.is_new else None,
        clocks=waiting.clocks,
        effects=effects,
        state=_state(standing, fired, waiting),
        reasons=reasons,
    )


def _choose_move(
    standing: Standing, verdicts: Verdicts
) -> tuple[Move | None, dict[str, Value], Mapping[str, str], tuple[str, ...]]:
    """Return the one move to make, values that go with it, the memory of the rules, and why rules did not act."""
    fired: Mapping[str, str] = standing.situation.memory.fired
    if not standing.is_alive:
        return None, {}, fired, ()
    if any("stage" in write.values and write.state in ("sent", "unknown") for write in standing.situation.writes):
        return None, {}, fired, ("waits for the end of a write under way",)
    if verdicts.put_back is not None:
        move, extra = correction(verdicts.put_back)
        return move, extra, fired, ()
    if move_on := conversion_move(standing) or merge_move(standing) or rejection_move(standing):
        return move_on, {}, fired, ()
    made, fired, notes = automatic_move(standing)
    return made, {}, fired, notes


def _recycled(standing: Standing) -> Move | None:
    """Return the move that a ladder's `recycle` asks for; it goes by the reason no_response and needs its attempts."""
    law = standing.grounds.law
    klass = next((c for c in law.classes.values() if c.name == "no_response"), None)
    reason = next((r for r in law.reasons.values() if klass and r.klass == klass.name), None)
    if klass is None or reason is None or standing.stage is None or standing.stage.rank is None:
        return None
    if klass.needs is not None and not holds(klass.needs, standing.facts):
        return None
    return Move(klass.to, "sla recycle", "tried long enough without an answer", reason.key)


def _wait(standing: Standing, passage: Passage | None, book: PoolBook, who: People, alerts: str) -> Waiting:
    owner, since = standing.responsible_id, _responsible_since(standing)
    if passage is not None and passage.assignment.owner_id and passage.assignment.owner_id != owner:
        owner, since = passage.assignment.owner_id, standing.grounds.now
    return wait(
        standing,
        book=book,
        who=who,
        alerts=alerts,
        owner_id=owner,
        owner_since=since,
        words=lambda: words_for(standing),
    )


def _responsible_since(standing: Standing) -> datetime | None:
    changes = [c.at for c in standing.situation.owners if c.owner_id == standing.responsible_id]
    return max(changes, default=None)


def _effects(
    standing: Standing,
    verdicts: Verdicts,
    move: Move | None,
    extra: Mapping[str, Value],
    door: Door | None,
    passage: Passage | None,
    waiting: Waiting,
    target: Stage | None,
) -> tuple[Effect, ...]:
    if not standing.is_alive:
        return ()
    grounds = standing.grounds
    effects: list[Effect] = []
    wished: dict[str, Value] = {**_own_fields(standing, target, waiting, moving=move is not None), **extra}
    if move is not None:
        wished |= _stage_values(standing, move)
    if passage is not None:
        wished |= passage.values
        if passage.is_new:
            wished["brief"] = _brief(standing, passage, waiting)
    cause = move.rule if move else (f"door:{door.rules}" if door else "facts")
    write = write_back(
        standing.record,
        wished,
        grounds.mapping,
        grounds.kinds,
        written=standing.situation.written.get(standing.record.ref.id, {}),
        cause=cause,
        priority=_priority(move, door, wished),
        correction=move is not None and move.correction,
    )
    if write is not None and not any(w.state in ("sent", "unknown") for w in standing.situation.writes):
        effects.append(write)
    if "notices" in grounds.kinds:
        effects += waiting.escalations
        if passage is not None and passage.is_new:
            effects += assigned_notices(standing, passage, waiting.due_at)
        if verdicts.put_back is not None:
            effects += put_back_notices(standing, verdicts.put_back, verdicts.judgements)
        effects += reason_notices(standing, verdicts.missing)
        effects += hand_raised_notices(standing)
    return tuple(effects)


def _stage_values(standing: Standing, move: Move) -> dict[str, Value]:
    """Return the status value, with the reason that belongs to it: set on the way out, cleared on the way back."""
    law, mapping = standing.grounds.law, standing.grounds.mapping
    values: dict[str, Value] = {"stage": mapping.value_of_stage[move.stage]}
    if move.reason is not None:
        values["recycle_reason"] = law.reasons[move.reason].label
    elif law.stages[move.stage].rank is not None and standing.record.fields.get("recycle_reason"):
        values["recycle_reason"] = None
    return values


def _own_fields(standing: Standing, target: Stage | None, waiting: Waiting, *, moving: bool) -> dict[str, Value]:
    """Return leadsync's own fields as they should stand; nothing for people to whom nothing new has happened.

    What depends on the stay waits until a move under way has been read back: its instant is the CRM's, not ours.
    """
    grounds, record = standing.grounds, standing.record
    if not standing.is_new or target is None or standing.excluded:
        return {}
    values: dict[str, Value] = {}
    if target.scored and _is_worth_writing(standing):
        values["score"] = standing.score.whole
        values["product"] = _product_label(standing)
    if moving:
        return values
    stay, done = standing.stay, standing.milestones
    if stay.entered_exact and grounds.is_live(stay.entered_at):
        values["stage_entered_at"] = instant(stay.entered_at)
    hold = standing.hold
    values["held_until"] = instant(hold.until) if hold and hold.until and standing.cooling else None
    values["recycle_count"] = done.recycle_count
    values["mql_count"] = done.mql_count
    if grounds.is_live(done.first_mql_at):
        values["first_mql_at"] = instant(done.first_mql_at)
    if grounds.is_live(done.last_mql_at):
        values["last_mql_at"] = instant(done.last_mql_at)
    values["sla_due_at"] = instant(waiting.due_at)
    values["marketable"] = is_marketable(standing)
    if target.rank is not None and record.fields.get("recycle_reason") and _came_back(standing):
        values["recycle_reason"] = None
    return values


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
    fields = standing.grounds.mapping.objects[standing.record.ref.object].fields
    return not any(field.opt_out and standing.record.fields.get(name) is True for name, field in fields.items())


def _brief(standing: Standing, passage: Passage, waiting: Waiting) -> Value:
    message = standing.grounds.rulebook.sla.messages.get("assigned")
    if message is None or not passage.assignment.owner_id:
        return current(standing.record, "brief")
    return fill(message, words_for(standing, due_at=waiting.due_at))[1]


def _priority(move: Move | None, door: Door | None, wished: Mapping[str, Value]) -> Priority:
    if door is not None and door.key.startswith("sla:"):
        return "sla"
    if (move is not None and move.hand_raised) or (door is not None and door.hand_raised):
        return "hand_raiser"
    if "stage" in wished:
        return "stage"
    return "owner" if door is not None else "score"


def _state(standing: Standing, fired: Mapping[str, str], waiting: Waiting) -> PersonState:
    done, deals, hold = standing.milestones, standing.deals, standing.hold
    scored = standing.stage is not None and standing.stage.scored and standing.is_alive
    return PersonState(
        person_id=standing.situation.person_id,
        score=standing.score.points if scored else None,
        band=standing.score.band if scored else None,
        product=standing.score.product if scored else None,
        recycle_count=done.recycle_count,
        mql_count=done.mql_count,
        first_mql_at=done.first_mql_at,
        last_mql_at=done.last_mql_at,
        held_until=hold.until if hold and standing.cooling else None,
        passes=done.passes,
        outcome=deals.outcome,
        outcome_at=deals.ended_at or deals.since,
        twin_of=standing.twin.person_id if standing.twin else None,
        marketable=is_marketable(standing),
        fired=fired,
        wake_at=_wake_at(standing, waiting) if standing.is_alive else None,
    )


def _wake_at(standing: Standing, waiting: Waiting) -> datetime | None:
    """Return the earliest moment at which this decision could change although the CRM shows nothing new."""
    grounds = standing.grounds
    moments = [waiting.next_at, next_touch_at(standing.situation.touches, grounds.now)]
    if standing.is_new:
        if standing.hold is not None:
            moments.append(standing.hold.until)
        if standing.stage is not None and standing.stage.scored:
            scoring, shown = grounds.rulebook.scoring, standing.record.fields.get("score")
            last = int(shown) if isinstance(shown, (int, float)) else standing.score.whole
            moments.append(
                next_score_change(scoring, standing.facts, standing.touches, grounds.now, last_whole=last)
            )
        name = standing.stage.name if standing.stage else None
        for rule in grounds.law.automatic:
            if name in rule.froms:
                moments.append(next_change(rule.when, standing.facts))
    return min((at for at in moments if at is not None and at > grounds.now), default=None)

