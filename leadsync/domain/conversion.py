"""What becomes of the stage when records become one: a lead is converted into a contact, or merged into another row.

Neither moves anybody by itself; the stage is carried over, and collisions follow the law (semantics.md C).
"""

from datetime import datetime

from leadsync.domain.moves import Move, unwritable
from leadsync.domain.persons import last_stage, rank
from leadsync.domain.records import Record
from leadsync.domain.standing import Standing
from leadsync.domain.transitions import Transition


def conversion_move(standing: Standing) -> Move | None:
    """Return the stage that a contact takes over from the lead it was converted from, None when it has its stage.

    The explicit map of the converted value comes first, then an opportunity, then acceptance by converting, then the
    stage that the lead had. A contact that had a stage of its own keeps it unless `collision` says otherwise. What a
    person made of the contact since stands.
    """
    found = _conversion(standing)
    if found is None or not standing.grounds.is_live(found[0].at):
        return None
    made, lead = found
    if any(move.ref == standing.record.ref and move.at > made.at for move in standing.moves):
        return None
    carried = last_stage(standing.situation, lead)
    if not standing.is_blank:
        return _collision(standing, lead, carried)
    law, explicit = standing.grounds.law, standing.grounds.mapping.converted.get(lead.stage_value or "")
    if explicit is not None:
        return _to(explicit, standing, f"the lead was converted as {lead.stage_value}")
    if lead.converted_opportunity_id or standing.deals.outcome == "open":
        return _to(law.conversion.with_opportunity, standing, "converted with an opportunity")
    by_owner = (made.actor_id or lead.modified_by) == lead.owner_id
    if by_owner and law.conversion.handoff_by_owner and carried in law.with_role("handoff"):
        return _to(law.conversion.handoff_by_owner, standing, "converted by its owner, which is accepting it")
    wanted = carried if law.conversion.without_opportunity == "carried" else law.conversion.without_opportunity
    return _to(wanted, standing, "converted without an opportunity") if wanted else None


def _conversion(standing: Standing) -> tuple[Transition, Record] | None:
    """Return the last conversion into the person's record, with the lead that was converted."""
    ref = standing.record.ref
    made = next((m for m in reversed(standing.moves) if m.reason == "converted" and m.ref == ref), None)
    leads = [r for r in standing.situation.records if r.state == "converted" and r.converted_to == ref.id]
    if made is None or not leads:
        return None
    return made, max(leads, key=lambda lead: (lead.stamp, lead.ref.id))


def _collision(standing: Standing, lead: Record, carried: str | None) -> Move | None:
    law = standing.grounds.law
    shown = standing.stage.name if standing.stage else None
    match law.conversion.collision:
        case "furthest" if rank(law, carried) > rank(law, shown):
            why = "the lead was further along"
        case "newest" if (at := _last_move_at(standing, lead)) is not None and at > standing.stay.entered_at:
            why = "the lead's stage is the newer one"
        case _:
            return None
    return _to(carried, standing, why) if carried else None


def _last_move_at(standing: Standing, lead: Record) -> datetime | None:
    moves = (move.at for move in standing.situation.transitions if move.ref == lead.ref and move.to_stage is not None)
    return max(moves, default=None)


def _to(stage: str, standing: Standing, why: str) -> Move | None:
    here = standing.stage.name if standing.stage else None
    if here == stage or unwritable(standing, stage):
        return None
    return Move(stage, "conversion", why)


def merge_move(standing: Standing) -> Move | None:
    """Return the furthest stage among the rows merged into this record, None when it is there already.

    It is no promotion past a hold: who waits in Re-Market or was turned away stays. A move made since the merge stands.
    """
    law, record, stage = standing.grounds.law, standing.record, standing.stage
    if law.merge != "furthest" or stage is None or stage.role in ("recycle", "exit"):
        return None
    moved_at = standing.moves[-1].at if standing.moves else None
    merged = [
        last_stage(standing.situation, row)
        for row in standing.situation.records
        if row.state == "merged" and row.merged_into == record.ref.id and standing.grounds.is_live(row.stamp)
        if moved_at is None or moved_at <= row.stamp
    ]
    best = max(merged, key=lambda name: rank(law, name), default=None)
    if best is None or rank(law, best) <= rank(law, stage.name):
        return None
    if unwritable(standing, best):
        return None
    return Move(best, "merge", f"merged with a record that was {best}")
