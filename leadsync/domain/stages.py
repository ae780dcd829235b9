"""The law on one move: is it legal, and if not, what becomes of it.

The verdict is the first that holds of unmapped, coalesced, legal, and then what the policy made of it (design.md 7).
Who may move a stage, and how the actor is known, is semantics.md A; put-backs and their limits are semantics.md C.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadsync.domain.conditions import Facts, failing
from leadsync.domain.durations import Duration
from leadsync.domain.funnel import Edge, FunnelLaw, IllegalMoves
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.transitions import Judgement, Transition, Verdict

CORRECTION_WINDOW = timedelta(minutes=15)
"""A move taken back by the same actor within this time was a slip, not a move (semantics.md C)."""

UNVERIFIED = frozenset({"unknown", "automation"})

DAY = Duration(86400, "elapsed")
"""How long an illegal move that was put back may not return unnoticed, where the policy names no time."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """The correction that the policy asks for: the stage to restore, or to lead to instead."""

    move: Transition
    stage: str
    kind: str  # revert | redirect | disposition | import


@dataclass(frozen=True, slots=True)
class Ruling:
    """A judgement, with what must follow from it."""

    judgement: Judgement
    put_back: PutBack | None = None
    missing: tuple[str, ...] = ()  # what an edge needed and did not find
    insisted: bool = False  # it was put back before, and somebody made the move again


@dataclass(frozen=True, slots=True)
class Case:
    """One move with everything the law looks at. `earlier` are the record's moves before it, in order.

    `latest` says that nothing has moved since, `enforced` that the move is younger than going live and the stage may
    be written, `settled` that a conversion, merge or opportunity came with it, so that nothing is put back.
    `imported` says that a birth is a list import that nobody has answered to (semantics.md C, Raw).
    """

    move: Transition
    earlier: Sequence[Transition]
    roles: tuple[str, ...]
    facts: Facts
    latest: bool
    enforced: bool
    settled: bool
    imported: bool
    after: Callable[[datetime, Duration], datetime]


def judge(case: Case, law: FunnelLaw, mapping: CrmMapping) -> Ruling:
    """Return the law's word on one move, and the correction or the request that follows from it."""
    move = case.move
    if move.reason == "converted":
        return _ruled(case, "legal", _converted(move, law))
    if move.source == "leadsync":
        return _ruled(case, "legal", "made by leadsync by a declared rule", correction=move.correction)
    if move.to_value in mapping.dispositions:
        return _disposition(case, law, mapping)
    if move.to_stage is None and move.to_value is not None:
        if instead := mapping.deprecated.get(move.to_value):
            return _ruled(
                case, "unmapped", f"the value {move.to_value!r} is deprecated, {instead} should take its place"
            )
        return _ruled(case, "unmapped", f"the value {move.to_value!r} stands in no list of the mapping")
    if move.from_stage is None and move.from_value is None and not case.earlier:
        raw = next(iter(law.with_role("raw")), None)
        if case.imported and raw and move.to_stage != raw:
            why = "an import that nobody has answered to is no inquiry"
            if not case.enforced or not case.latest:
                return _ruled(case, "flagged", why)
            return _ruled(case, "redirected", why, put_back=PutBack(move, raw, "import"))
        return _ruled(case, "legal", "a record's first stage needs no edge")
    if move.to_stage is None:
        return _ruled(case, "unmapped" if move.ref.object == "lead" else "flagged", "the status was emptied")
    if _is_slip(move, case.earlier):
        return _ruled(case, "legal", "taken back by the same user within 15 minutes", correction=True)
    if move.coalesced and _path_exists(law, move.from_stage, move.to_stage):
        return _ruled(case, "coalesced", "the moves in between were not seen; a legal path leads here")
    return _by_edge(case, law)


def _converted(move: Transition, law: FunnelLaw) -> str:
    """Return what there is to say of a conversion; that it met a stage of the contact's own stays on record."""
    if move.to_stage is None:
        return "converted; conversion never moves the stage by itself"
    return (
        f"collision: the contact had {move.to_stage}, the lead {move.from_stage or 'none'}; {law.conversion.collision}"
    )


def _by_edge(case: Case, law: FunnelLaw) -> Ruling:
    move = case.move
    assert move.to_stage is not None
    if move.from_stage is None or law.stages[move.from_stage].role == "outside":
        return _ruled(case, "legal", "it came from outside the funnel")
    edges = [edge for edge in law.edges if move.from_stage in edge.froms and move.to_stage in edge.tos]
    allowed = [edge for edge in edges if _may(edge, case.roles)]
    unverified = not allowed and _is_unverified(case, edges) and not _was_put_back(case, _policy(law, move))
    if unverified:
        allowed = edges
    if not allowed:
        why = f"no edge leads from {move.from_stage} to {move.to_stage}"
        return _illegal(case, law, f"{_who(case)} may not make this move" if edges else why)
    # What an imported move needed then cannot be asked of what is known now.
    lacking = [failing(edge.needs, case.facts) if edge.needs and not move.imported else () for edge in allowed]
    if all(lacking):
        return _ruled(case, "flagged", f"legal, but {'; '.join(lacking[0])} was asked for", missing=lacking[0])
    if unverified:
        return _ruled(case, "legal", "actor unverified")
    skipped = _skipped(law, move.from_stage, move.to_stage)
    return _ruled(case, "legal", f"skipped {skipped}" if skipped else "an edge of the law")


def _may(edge: Edge, roles: tuple[str, ...]) -> bool:
    return not edge.by or not edge.by.isdisjoint(roles)


def _who(case: Case) -> str:
    return " and ".join(case.roles) if case.roles else "a user without a role"


def _is_unverified(case: Case, edges: Sequence[Edge]) -> bool:
    """Say whether somebody who is not known may have been one of those who may make a move.

    An edge for leadsync alone is no such doubt: it knows its own moves. An opportunity beside the move explains it anyhow.
    """
    if UNVERIFIED.isdisjoint(case.roles):
        return False
    return any(case.settled or edge.by != {"leadsync"} for edge in edges)


def _policy(law: FunnelLaw, move: Transition) -> IllegalMoves | None:
    return next((line for line in law.illegal if _fits(line, move)), None)


def _illegal(case: Case, law: FunnelLaw, why: str) -> Ruling:
    move = case.move
    policy = _policy(law, move)
    if policy is None or policy.then == "flag":
        return _ruled(case, "flagged", why)
    if hindrance := _hindrance(case):
        return _ruled(case, "flagged", f"{why}; left as it is: {hindrance}")
    if before := _was_put_back(case, policy):
        window = policy.once_in or DAY
        since = case.earlier[case.earlier.index(before) + 1 :]
        told = any(m.to_stage == move.to_stage and m.verdict == "flagged" for m in since)
        again = f"{why}; left as it is: it was put back already within {window}"
        return _ruled(case, "flagged", again, insisted=not told)
    if hindrance := _unproven(case, policy):
        return _ruled(case, "flagged", f"{why}; left as it is: {hindrance}")
    stage = move.from_stage if policy.then == "revert" else policy.stage
    assert stage is not None
    verdict: Verdict = "reverted" if policy.then == "revert" else "redirected"
    return _ruled(case, verdict, why, put_back=PutBack(move, stage, policy.then))


def _fits(line: IllegalMoves, move: Transition) -> bool:
    return (not line.froms or move.from_stage in line.froms) and (not line.tos or move.to_stage in line.tos)


def _hindrance(case: Case) -> str | None:
    """Return why a move is not put back although the policy says so, None when it is."""
    if not case.enforced:
        return "it was made before leadsync went live, or the stage may not be written"
    if not case.latest:
        return "somebody has moved it on since"
    if case.move.is_held:
        return "it is part of a mass change"
    if case.settled:
        return "a conversion, a merge or an opportunity came with it"
    return None


def _unproven(case: Case, policy: IllegalMoves) -> str | None:
    """Return why nobody can be told that their move is reverted: only history says for sure who made it."""
    if policy.then == "revert" and (case.move.source != "history" or not UNVERIFIED.isdisjoint(case.roles)):
        return "who made it is not known from history"
    return None


def _was_put_back(case: Case, policy: IllegalMoves | None) -> Transition | None:
    """Return the last move to the same stage that was put back so lately that nobody fights over it again."""
    if policy is None or policy.then == "flag":
        return None
    window = policy.once_in or DAY
    return next(
        (
            before
            for before in reversed(case.earlier)
            if before.verdict in ("reverted", "redirected")
            and before.to_stage == case.move.to_stage
            and case.after(before.at, window) > case.move.at
        ),
        None,
    )


def _disposition(case: Case, law: FunnelLaw, mapping: CrmMapping) -> Ruling:
    """Take a call result out of the status field: the stage is the one it stands for, or the one before if further."""
    move = case.move
    named = mapping.dispositions[move.to_value or ""]
    before = next((m.to_stage for m in reversed(case.earlier) if m.to_stage is not None), None)
    ranks = {name: stage.rank for name, stage in law.stages.items()}
    before_rank, named_rank = ranks.get(before or ""), ranks[named]
    further = named
    if before is not None and before_rank is not None and named_rank is not None and before_rank >= named_rank:
        further = before
    why = f"{move.to_value!r} is a call result, not a stage"
    if not case.enforced or not case.latest or move.is_held:
        return _ruled(case, "flagged", why)
    return _ruled(case, "redirected", why, put_back=PutBack(move, further, "disposition"))


def _is_slip(move: Transition, earlier: Sequence[Transition]) -> bool:
    if not earlier or move.actor_id is None or move.source != "history":
        return False
    last = earlier[-1]
    return (
        last.from_stage == move.to_stage
        and last.actor_id == move.actor_id
        and last.source == "history"
        and move.at - last.at <= CORRECTION_WINDOW
    )


def _path_exists(law: FunnelLaw, start: str | None, goal: str) -> bool:
    """Say whether moves that the law allows to anybody lead from one stage to another."""
    if start is None:
        return True
    reached, frontier = {start}, [start]
    while frontier:
        here = frontier.pop()
        for edge in law.edges:
            if here in edge.froms:
                frontier.extend(edge.tos - reached)
                reached |= edge.tos
    return goal in reached


def _skipped(law: FunnelLaw, start: str, goal: str) -> int:
    """Return how many ranked stages a move jumped over, forwards."""
    first, last = law.stages[start].rank, law.stages[goal].rank
    return max(0, last - first - 1) if first is not None and last is not None else 0


def _ruled(
    case: Case,
    verdict: Verdict,
    why: str,
    *,
    correction: bool = False,
    put_back: PutBack | None = None,
    missing: tuple[str, ...] = (),
    insisted: bool = False,
) -> Ruling:
    move = case.move
    judgement = Judgement(
        seq=move.seq,
        verdict=verdict,
        actor_roles=case.roles,
        correction=correction,
        why=why,
        reason=move.reason,
        bulk_id=move.bulk_id,
    )
    return Ruling(judgement, put_back, missing, insisted)
