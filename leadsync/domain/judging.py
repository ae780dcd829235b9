"""Everything the law must still say about a person's moves, and the one correction that may follow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from leadsync.domain.actors import roles_of
from leadsync.domain.births import DOUBT, has_evidence, is_made_by_a_rep, is_untouched
from leadsync.domain.conditions import failing
from leadsync.domain.facts import Given
from leadsync.domain.moves import Move, unwritable
from leadsync.domain.persons import carried_by_merges, entries
from leadsync.domain.records import Value
from leadsync.domain.stages import Case, PutBack, Ruling, judge
from leadsync.domain.standing import Standing
from leadsync.domain.standing_facts import is_by_a_person
from leadsync.domain.touches import is_outbound
from leadsync.domain.transitions import Judgement, Transition
from leadsync.domain.waking import doubtful_at
from leadsync.domain.writing import kind_of

SETTLED_WITHIN = timedelta(hours=24)
"""A conversion or an opportunity this close to a move explains it: nothing is put back (semantics.md C)."""

PUT_BACK = ("reverted", "redirected")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The judgements on all moves that had none, what must be put back, and what was missing from legal moves.

    `insisted` are the moves that somebody made again after they had been put back.
    """

    judgements: tuple[Judgement, ...]
    put_back: PutBack | None
    missing: tuple[tuple[Transition, tuple[str, ...]], ...]
    insisted: tuple[Transition, ...] = ()


def judge_all(standing: Standing) -> Verdicts:
    """Return the law's word on every move of a person that has not been judged, oldest first.

    A move that was to be put back and still stands is put back once more: that write never reached the CRM. A birth that
    was legal is flagged when its time to prove itself has run out.
    """
    judgements: list[Judgement] = []
    missing: list[tuple[Transition, tuple[str, ...]]] = []
    insisted: list[Transition] = []
    put_back: PutBack | None = None
    by_record: dict[str, list[Transition]] = {}
    for move in standing.situation.transitions:
        earlier = by_record.setdefault(str(move.ref), [])
        known = move
        if move.verdict is None:
            ruling = _rule(standing, known, earlier)
            judgement = replace(ruling.judgement, reason=_reason(standing, known))
            judgements.append(judgement)
            put_back = ruling.put_back or put_back
            if ruling.missing:
                missing.append((known, ruling.missing))
            if ruling.insisted:
                insisted.append(known)
            known = replace(
                known, verdict=judgement.verdict, correction=judgement.correction or known.correction, why=judgement.why
            )
        elif move.verdict == "legal" and _is_doubtful_birth(standing, move):
            known = replace(move, verdict="flagged", why=DOUBT)
            judgements.append(
                Judgement(move.seq, "flagged", move.actor_roles, move.correction, DOUBT, move.reason, move.bulk_id)
            )
        elif move.verdict in PUT_BACK:
            put_back = _rule(standing, move, earlier).put_back or put_back
        elif move.verdict == "flagged" and move.released_at is not None and not move.is_held:
            # What was kept back with a mass change is done now, as far as it is still true.
            ruling = _rule(standing, move, earlier)
            put_back = ruling.put_back or put_back
            if ruling.missing and standing.stay.entered_by is not None and standing.stay.entered_by.seq == move.seq:
                missing.append((known, ruling.missing))
        earlier.append(known)
    return Verdicts(tuple(judgements), put_back, tuple(missing), tuple(insisted))


def _rule(standing: Standing, move: Transition, earlier: Sequence[Transition]) -> Ruling:
    grounds, record = standing.grounds, standing.record
    own = move.ref == record.ref
    moves = [m for m in standing.situation.transitions if m.ref == move.ref]
    case = Case(
        move=move,
        earlier=earlier,
        roles=actor_roles(standing, move),
        facts=standing.facts,
        latest=own and moves[-1].seq == move.seq and record.stage_value == move.to_value,
        enforced=(
            own
            and not move.imported
            and standing.is_alive
            and not standing.excluded
            and grounds.is_live(move.at)
            and kind_of("stage", record) in grounds.kinds
            and grounds.mapping.objects[record.ref.object].stage.write
        ),
        settled=_is_settled(standing, move),
        imported=own and _is_import(standing, move),
        after=grounds.days_after,
    )
    ruling = judge(case, grounds.law, grounds.mapping)
    if move.source == "leadsync" and move.seq in carried_by_merges(standing.situation, entries(standing.moves)):
        why = "the furthest stage of two records that were merged; whether they agree is for people to say"
        return Ruling(replace(ruling.judgement, verdict="flagged", why=why))
    if ruling.put_back and (hindrance := unwritable(standing, ruling.put_back.stage)):
        why = f"{ruling.judgement.why}; left as it is: {hindrance}"
        return Ruling(replace(ruling.judgement, verdict="flagged", why=why))
    if ruling.judgement.verdict == "legal" and _is_doubtful_birth(standing, move):
        return Ruling(replace(ruling.judgement, verdict="flagged", why=DOUBT))
    if ruling.judgement.verdict == "legal" and own and (lacking := _class_lacks(standing, move)):
        why = f"legal, but its reason asks for {'; '.join(lacking)}"
        return replace(ruling, judgement=replace(ruling.judgement, verdict="flagged", why=why), missing=lacking)
    return ruling


def actor_roles(standing: Standing, move: Transition) -> tuple[str, ...]:
    """Return the roles of whoever moved: known from history and from our own writes, else unknown (semantics.md A).

    leadsync is its user and its operation token: what the CRM's own automation does in that name, set off by a write of
    ours, is the automation's.
    """
    grounds = standing.grounds
    if move.source == "leadsync":
        return ("leadsync",)
    if move.source == "poll":
        return ("unknown",)
    if move.actor_id == grounds.directory.own_user_id:
        return ("automation",)
    user = grounds.directory.users.get(move.actor_id or "")
    return roles_of(grounds.mapping, grounds.rulebook.routing, user, grounds.directory.own_user_id)


def _is_settled(standing: Standing, move: Transition) -> bool:
    deals = [deal.created_at for deal in standing.situation.opportunities if not deal.deleted]
    conversions = [m.at for m in standing.situation.transitions if m.reason == "converted"]
    merges = [r.stamp for r in standing.situation.records if r.state == "merged"]
    return any(abs(at - move.at) <= SETTLED_WITHIN for at in (*deals, *conversions, *merges))


def _is_import(standing: Standing, move: Transition) -> bool:
    """Say whether a record was born in a list import and nobody has answered to it (semantics.md C, Raw)."""
    stage = standing.grounds.law.stages.get(move.to_stage or "")
    if not is_untouched(standing.record, stage, standing.facts):
        return False
    if standing.situation.import_burst:
        return True
    return has_evidence(standing.record, standing.grounds) and not is_made_by_a_rep(standing.record, standing.grounds)


def is_doubtful(standing: Standing) -> bool:
    """Say whether a lead has claimed for a day to have interacted although nobody knows of it (semantics.md C, Raw)."""
    at = doubtful_at(standing)
    return at is not None and at <= standing.grounds.now and standing.is_alive and not standing.excluded


def _is_doubtful_birth(standing: Standing, move: Transition) -> bool:
    """Say whether a move is the first stage, in which the lead still stands, and the claim that it makes is in doubt."""
    entered = standing.stay.entered_by
    born_here = entered is not None and entered.seq == move.seq and move.from_value is None and not move.correction
    return born_here and move.reason != "converted" and move.source != "leadsync" and is_doubtful(standing)


def _class_lacks(standing: Standing, move: Transition) -> tuple[str, ...]:
    """Return what the class of a hand-back's reason asks for and the stay that it ended did not have.

    A `no_response` without the attempts that make it one launders a breach (semantics.md F): it is flagged and asked for.
    """
    law, hold = standing.grounds.law, standing.hold
    if (
        move.source == "leadsync"
        or move.imported
        or hold is None
        or hold.reason is None
        or standing.stay.entered_by is None
    ):
        return ()
    needs = law.classes[hold.reason.klass].needs
    if needs is None or standing.stay.entered_by.seq != move.seq:
        return ()
    came = [entry.at for entry in entries(standing.moves) if entry.at < move.at]
    start = came[-1] if came else move.at
    attempts = sum(
        1
        for t in standing.touches
        if is_outbound(t) and start < t.at <= move.at and is_by_a_person(t, standing.grounds)
    )
    return failing(needs, Given(standing.facts, {"attempts": attempts}))


def _reason(standing: Standing, move: Transition) -> str | None:
    """Return the key of the reason that goes with a move out of the funnel: what came with it, or what the record names."""
    law = standing.grounds.law
    if move.reason is not None:
        named = law.reason_by_label(move.reason)
        return named.key if named else move.reason
    stage = law.stages.get(move.to_stage or "")
    if stage is None or stage.role not in ("recycle", "exit") or move.ref != standing.record.ref:
        return None
    label = standing.record.fields.get("recycle_reason")
    reason = law.reason_by_label(label if isinstance(label, str) else None)
    return reason.key if reason else None


def correction(put_back: PutBack) -> tuple[Move, dict[str, Value]]:
    """Return the move that carries out a correction, with the other values that it writes."""
    values: dict[str, Value] = {}
    if put_back.kind == "disposition":
        values["disposition"] = put_back.move.to_value
    why = f"{put_back.kind}: {put_back.move.to_value} to {put_back.stage}"
    return Move(put_back.stage, put_back.kind, why, correction=True), values
