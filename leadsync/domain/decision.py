"""What the Rulebook wants for one person now: verdicts, stage, owner, score, clocks, and when to look again.

1. Judge the moves that have no verdict; the latest may have to be put back.
2. Else the stage that a conversion or merge brings, or where a hand-back belongs, else the first automatic move that fits.
3. Route at a door, with the stage as it is about to be.
4. Tick the clocks; a ladder may ask for another owner or for Re-Market.
5. Compare the wished values with the mirrored ones and merge them into one write.

Pure: the same situation, grounds and book give the same decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from leadsync.domain.births import DOUBT
from leadsync.domain.cleansing import cleansed
from leadsync.domain.conditions import holds
from leadsync.domain.conversion import conversion_move, merge_move
from leadsync.domain.doors import Door, open_door, reassign_door, why_not_routed
from leadsync.domain.effects import Effect, Priority
from leadsync.domain.funnel import Stage
from leadsync.domain.instants import to_text
from leadsync.domain.judging import Verdicts, correction, is_doubtful, judge_all
from leadsync.domain.messages import (
    assigned_notices,
    brief,
    doubtful_notices,
    hand_raised_notices,
    insisted_notices,
    put_back_notices,
    reason_notices,
    words_for,
)
from leadsync.domain.moves import Move, automatic_move, reopens, unwritable
from leadsync.domain.nurturing import memberships
from leadsync.domain.own_fields import is_marketable, own_fields, stage_values
from leadsync.domain.passing import Passage, give_back, go_through
from leadsync.domain.pools import PoolBook
from leadsync.domain.records import Ref, Value
from leadsync.domain.recycling import with_reason
from leadsync.domain.rejection import rejection_move
from leadsync.domain.scoring import Score
from leadsync.domain.situation import Assignment, Situation
from leadsync.domain.sla import Clock
from leadsync.domain.standing import Grounds, Standing, stand
from leadsync.domain.starting import Owned
from leadsync.domain.telling import People
from leadsync.domain.transitions import Judgement
from leadsync.domain.waiting import Waiting, put_off, wait
from leadsync.domain.waking import wake_at
from leadsync.domain.worth import TouchWorth, touch_worths
from leadsync.domain.writing import kind_of, write_back

NO_RESPONSE = "no_response"
"""The class of reasons by which a ladder recycles (semantics.md F)."""

DUPLICATE = "duplicate"
"""The class of reasons that gives a rep's turn back (semantics.md E)."""


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
    touches: tuple[TouchWorth, ...] = ()


@dataclass(frozen=True, slots=True)
class _Choice:
    """The one move to make, values that go with it, the memory of the rules, and why rules did not act."""

    move: Move | None
    values: Mapping[str, Value]
    fired: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Course:
    """Where the person goes in this decision: the stage about to be, the door and what came of it, and the clocks."""

    move: Move | None
    target: Stage | None
    door: Door | None
    passage: Passage | None
    waiting: Waiting
    opens_at: datetime | None = None  # when the door that has to wait for its turn may open


def decide(situation: Situation, grounds: Grounds, book: PoolBook, who: People, alerts: str) -> Decision:
    """Return the decision on one person; the book is charged for whoever gets them."""
    standing = stand(situation, grounds)
    verdicts = judge_all(standing)
    _credit_duplicates(standing, verdicts, book)
    choice = _choose(standing, verdicts)
    course = _course(standing, choice.move, book, who, alerts)
    passage = course.passage
    return Decision(
        person_id=situation.person_id,
        ref=standing.record.ref,
        stage=standing.stage.name if standing.stage else None,
        move=course.move,
        score=standing.score,
        judgements=verdicts.judgements,
        assignment=passage.assignment if passage and passage.is_new else None,
        clocks=course.waiting.clocks,
        effects=_effects(standing, verdicts, choice, course, alerts) if _may_act(standing) else (),
        state=_state(standing, choice.fired, course),
        reasons=_reasons(standing, verdicts, choice, course),
        touches=touch_worths(standing),
    )


def _may_act(standing: Standing) -> bool:
    return standing.is_alive and not standing.excluded


def _may_move(standing: Standing) -> bool:
    """Say whether stages are delivered; where they are not, nobody is routed by a stage that is never written."""
    return kind_of("stage", standing.record) in standing.grounds.kinds


def _credit_duplicates(standing: Standing, verdicts: Verdicts, book: PoolBook) -> None:
    """Give a turn back for whoever was found to be a duplicate; a move is judged once, so it is given back once."""
    law = standing.grounds.law
    reasons = (law.reasons.get(judgement.reason or "") for judgement in _of_now(standing, verdicts))
    if any(reason is not None and reason.klass == DUPLICATE for reason in reasons) and standing.is_new:
        give_back(standing, book)


def _of_now(standing: Standing, verdicts: Verdicts) -> list[Judgement]:
    """Return the judgements that may cause something: imported history is judged for information only."""
    past = {move.seq for move in standing.situation.transitions if move.imported}
    return [judgement for judgement in verdicts.judgements if judgement.seq not in past]


def _choose(standing: Standing, verdicts: Verdicts) -> _Choice:
    fired = standing.situation.memory.fired
    if not _may_act(standing):
        return _Choice(None, {}, fired)
    if any("stage" in write.values and write.state in ("sent", "unknown") for write in standing.situation.writes):
        return _Choice(None, {}, fired, ("waits for the end of a write under way",))
    if not _may_move(standing):
        return _Choice(None, {}, fired, ("stages are not delivered",))
    if verdicts.put_back is not None:
        move, values = correction(verdicts.put_back)
        return _Choice(move, values, fired)
    if brought := conversion_move(standing) or merge_move(standing) or rejection_move(standing):
        return _Choice(brought, {}, fired)
    made, fired, notes = automatic_move(standing)
    return _Choice(made, {}, fired, notes)


def _course(standing: Standing, move: Move | None, book: PoolBook, who: People, alerts: str) -> _Course:
    """Return where the person goes: by the move and through the door, else where the ladder of a clock sends them."""
    target = standing.grounds.law.stages[move.stage] if move else standing.stage
    door = open_door(standing, target, move) if standing.is_alive else None
    opens_at = _turn_at(standing, book) if door else None
    if opens_at is not None:
        door = None
    passage = go_through(door, standing, book, moving=move is not None) if door else None
    if passage is not None and passage.is_new and standing.mass_creation is not None:
        book.drip.note(standing.mass_creation, standing.grounds.now)
    waiting = _wait(standing, passage, book, who, alerts)
    if move is not None or door is not None:
        return _Course(move, target, door, passage, put_off(waiting), opens_at)
    for act in waiting.acts:
        if act.act == "recycle":
            if (recycled := _recycled(standing)) is not None:
                return _Course(recycled, standing.grounds.law.stages[recycled.stage], None, None, waiting)
        elif (again := reassign_door(standing, act.cause, act.clock.owner_id)) is not None:
            passage = go_through(again, standing, book)
            after = _wait(standing, passage, book, who, alerts)
            return _Course(None, target, again, passage, replace(after, escalations=waiting.escalations))
    return _Course(None, target, None, None, waiting, opens_at)


def _turn_at(standing: Standing, book: PoolBook) -> datetime | None:
    """Return when the door of somebody who came in a mass creation may open, None when it may now."""
    group, grounds = standing.mass_creation, standing.grounds
    return book.drip.next_at(group, grounds.law.bulk.drip_per_hour, grounds.now) if group is not None else None


def _recycled(standing: Standing) -> Move | None:
    """Return the move that a ladder's `recycle` asks for; it goes by the reason no_response and needs its attempts.

    With too few attempts, or an answer since, nobody is recycled and the ladder goes on.
    """
    law = standing.grounds.law
    reason = next((reason for reason in law.reasons.values() if reason.klass == NO_RESPONSE), None)
    if reason is None or standing.facts.get("answered") is True or not _may_move(standing):
        return None
    klass = law.classes[reason.klass]
    if (klass.needs is not None and not holds(klass.needs, standing.facts)) or unwritable(standing, klass.to):
        return None
    return Move(klass.to, "sla recycle", "tried long enough without an answer", reason.key)


def _wait(standing: Standing, passage: Passage | None, book: PoolBook, who: People, alerts: str) -> Waiting:
    owner = standing.responsible_id
    owned = Owned(owner, max((c.at for c in standing.situation.owners if c.owner_id == owner), default=None))
    if passage is not None and passage.assignment.owner_id not in ("", owner):
        owned = Owned(passage.assignment.owner_id, standing.grounds.now)
    return wait(standing, owned, book=book, who=who, alerts=alerts, words=lambda: words_for(standing))


def _effects(
    standing: Standing, verdicts: Verdicts, choice: _Choice, course: _Course, alerts: str
) -> tuple[Effect, ...]:
    grounds, move, passage, due_at = standing.grounds, course.move, course.passage, course.waiting.due_at
    effects: list[Effect] = []
    wished: dict[str, Value] = own_fields(standing, course.target, course.waiting, moving=move is not None)
    wished |= cleansed(standing)
    wished |= choice.values
    if move is not None:
        wished |= stage_values(standing, move.stage, move.reason)
    if passage is not None:
        wished |= passage.values
        if passage.is_new and (told := brief(standing, course.target, passage, due_at)) is not None:
            wished["brief"] = told
    write = write_back(
        standing.record,
        wished,
        grounds.mapping,
        grounds.kinds,
        written=standing.situation.written.get(standing.record.ref.id, {}),
        cause=_cause(move, course.door),
        priority=_priority(move, course.door, wished),
        correction=move is not None and move.correction,
        reopen=move is not None and reopens(standing, move.stage),
    )
    if write is not None and not standing.write_under_way:
        effects.append(write)
    if "membership" in grounds.kinds and verdicts.put_back is None:
        effects += memberships(standing)
    if "notices" in grounds.kinds:
        effects += course.waiting.escalations
        if passage is not None and passage.is_new:
            effects += assigned_notices(standing, course.target, passage, due_at)
        if verdicts.put_back is not None:
            effects += put_back_notices(standing, verdicts.put_back, verdicts.judgements)
        effects += reason_notices(standing, verdicts.missing)
        effects += insisted_notices(standing, verdicts.insisted, alerts)
        effects += hand_raised_notices(standing)
        effects += doubtful_notices(standing) if is_doubtful(standing) else []
    return tuple(effects)


def _cause(move: Move | None, door: Door | None) -> str:
    if move is not None:
        return move.rule
    return f"door:{door.rules or door.key.partition(':')[0]}" if door else "facts"


def _priority(move: Move | None, door: Door | None, wished: Mapping[str, Value]) -> Priority:
    if door is not None and door.key.startswith("sla:"):
        return "sla"
    if (move is not None and move.hand_raised) or (door is not None and door.hand_raised):
        return "hand_raiser"
    if "stage" in wished:
        return "stage"
    return "owner" if door is not None else "score"


def _reasons(standing: Standing, verdicts: Verdicts, choice: _Choice, course: _Course) -> tuple[str, ...]:
    reasons = [f"{judgement.verdict}: {judgement.why}" for judgement in _of_now(standing, verdicts)]
    if course.move is not None:
        reasons.append(f"moves to {course.move.stage}: {course.move.why}")
    elif standing.record.closed:
        reasons.append("closed in the CRM: only an edge with reopen lets leadsync open it again")
    reasons += choice.notes
    if course.passage is not None:
        made = course.passage.assignment
        reasons.append(f"goes to {made.owner_id or 'nobody'}: {made.reason}")
    elif (parked := why_not_routed(standing, course.target)) is not None:
        reasons.append(f"not routed: {parked}")
    if course.opens_at is not None:
        reasons.append(f"their turn is at {to_text(course.opens_at)}")
    if is_doubtful(standing) and (doubt := f"flagged: {DOUBT}") not in reasons:
        reasons.append(doubt)
    return tuple(reasons)


def _state(standing: Standing, fired: Mapping[str, str], course: _Course) -> PersonState:
    done, deals, hold = standing.milestones, standing.deals, standing.hold
    scored = standing.stage is not None and standing.stage.scored and standing.is_alive
    look_at = min((at for at in (course.waiting.next_at, course.opens_at) if at is not None), default=None)
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
        fired=with_reason(fired, standing.stage, standing.stay, hold),
        wake_at=wake_at(standing, look_at),
    )
