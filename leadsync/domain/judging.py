"""Everything the law must still say about a person's moves, and the one correction that may follow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from leadsync.domain.actors import roles_of
from leadsync.domain.funnel import ImportEvidence
from leadsync.domain.moves import Move, writable
from leadsync.domain.conditions import fold
from leadsync.domain.records import Record, Value
from leadsync.domain.stages import Case, PutBack, Ruling, judge
from leadsync.domain.standing import Standing
from leadsync.domain.transitions import Judgement, Transition
from leadsync.domain.writing import kind_of

SETTLED_WITHIN = timedelta(hours=24)
"""A conversion or an opportunity this close to a move explains it: nothing is put back (semantics.md C)."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The judgements on all moves that had none, what must be put back, and what was missing from legal moves."""

    judgements: tuple[Judgement, ...]
    put_back: PutBack | None
    missing: tuple[tuple[Transition, tuple[str, ...]], ...]


def judge_all(standing: Standing) -> Verdicts:
    """Return the law's word on every move of a person that has not been judged, oldest first."""
    judgements: list[Judgement] = []
    missing: list[tuple[Transition, tuple[str, ...]]] = []
    put_back: PutBack | None = None
    by_record: dict[str, list[Transition]] = {}
    for move in standing.situation.transitions:
        earlier = by_record.setdefault(str(move.ref), [])
        known = move
        if move.verdict is None:
            in_bulk = standing.situation.in_bulk.get(move.seq)
            known = replace(move, bulk_id=in_bulk) if in_bulk else move
            ruling = _rule(standing, known, earlier)
            judgement = replace(ruling.judgement, reason=_reason(standing, known))
            judgements.append(judgement)
            put_back = ruling.put_back or put_back
            if ruling.missing:
                missing.append((known, ruling.missing))
            known = replace(
                known, verdict=judgement.verdict, correction=judgement.correction or known.correction, why=judgement.why
            )
        earlier.append(known)
    return Verdicts(tuple(judgements), put_back, tuple(missing))


def _rule(standing: Standing, move: Transition, earlier: Sequence[Transition]) -> Ruling:
    grounds, record = standing.grounds, standing.record
    own = move.ref == record.ref
    moves = [m for m in standing.situation.transitions if m.ref == move.ref]
    latest = own and bool(moves) and moves[-1].seq == move.seq and record.stage_value == move.to_value
    enforced = (
        own
        and standing.is_alive
        and not standing.excluded
        and grounds.is_live(move.at)
        and kind_of("stage", record) in grounds.kinds
        and grounds.mapping.objects[record.ref.object].stage.write
    )
    case = Case(
        move=move,
        earlier=earlier,
        roles=actor_roles(standing, move),
        facts=standing.facts,
        latest=latest,
        enforced=enforced,
        settled=_is_settled(standing, move),
        imported=own and _is_import(standing, move),
        after=grounds.days_after,
    )
    ruling = judge(case, grounds.law, grounds.mapping)
    if ruling.put_back and not writable(grounds.mapping, record, ruling.put_back.stage):
        why = f"{ruling.judgement.why}; left as it is: {ruling.put_back.stage} cannot be written"
        return Ruling(replace(ruling.judgement, verdict="flagged", why=why))
    return ruling


def actor_roles(standing: Standing, move: Transition) -> tuple[str, ...]:
    """Return the roles of whoever moved: known from history and from our own writes, else unknown (semantics.md A)."""
    grounds = standing.grounds
    if move.source == "leadsync":
        return ("leadsync",)
    if move.source == "poll":
        return ("unknown",)
    user = grounds.directory.users.get(move.actor_id or "")
    return roles_of(grounds.mapping, grounds.rulebook.routing, user, grounds.directory.own_user_id)


def _is_settled(standing: Standing, move: Transition) -> bool:
    deals = [deal.created_at for deal in standing.situation.opportunities if not deal.deleted]
    conversions = [m.at for m in standing.situation.transitions if m.reason == "converted"]
    merges = [r.stamp for r in standing.situation.records if r.state == "merged"]
    return any(abs(at - move.at) <= SETTLED_WITHIN for at in (*deals, *conversions, *merges))


def _is_import(standing: Standing, move: Transition) -> bool:
    """Say whether a record was born in a list import and nobody has answered to it (semantics.md C, Raw)."""
    record, law = standing.record, standing.grounds.law
    stage = law.stages.get(move.to_stage or "")
    if record.ref.object != "lead" or stage is None or stage.role != "cold":
        return False
    if standing.facts.get("inbound_touch") is True:
        return False
    return standing.situation.import_burst or _has_evidence(standing, record, law.import_evidence)


def _has_evidence(standing: Standing, record: Record, evidence: ImportEvidence) -> bool:
    source = record.fields.get("source")
    if isinstance(source, str) and fold(source) in evidence.list_sources:
        return True
    creator = standing.grounds.directory.users.get(record.created_by or "")
    return creator is not None and fold(creator.username) in evidence.import_users


def _reason(standing: Standing, move: Transition) -> str | None:
    """Return the key of the reason that goes with a move out of the funnel: what came with it, or what the record names."""
    if move.reason is not None:
        named = standing.grounds.law.reason_by_label(move.reason)
        return named.key if named else move.reason
    stage = standing.grounds.law.stages.get(move.to_stage or "")
    if stage is None or stage.role not in ("recycle", "exit") or move.ref != standing.record.ref:
        return None
    label = standing.record.fields.get("recycle_reason")
    reason = standing.grounds.law.reason_by_label(label if isinstance(label, str) else None)
    return reason.key if reason else None


def correction(put_back: PutBack) -> tuple[Move, dict[str, Value]]:
    """Return the move that carries out a correction, with the other values that it writes."""
    values: dict[str, Value] = {}
    if put_back.kind == "disposition":
        values["disposition"] = put_back.move.to_value
    why = f"{put_back.kind}: {put_back.move.to_value} to {put_back.stage}"
    return Move(put_back.stage, put_back.kind, why, correction=True), values
