"""Where a hand-back belongs by the class of its reason: back to marketing, out, to a desk, or to another rep (semantics.md G)."""

from leadsync.domain.moves import Move, edge_lacking, unwritable
from leadsync.domain.standing import Standing
from leadsync.domain.transitions import Transition


def rejection_move(standing: Standing) -> Move | None:
    """Return the stage to which the class of a person's reason leads, None when the person is there.

    `stays` puts the person back to where they were handed back from, to be routed to somebody else. Any other stage needs
    an edge that lets leadsync make the move; without one the person's choice stands.
    """
    hold, stage, entered = standing.hold, standing.stage, _handed_back_by_a_person(standing)
    if stage is None or hold is None or hold.reason is None or entered is None or entered.from_stage is None:
        return None
    klass = standing.grounds.law.classes[hold.reason.klass]
    stays = klass.to == "stays"
    goal = entered.from_stage if stays else klass.to
    if goal == stage.name or unwritable(standing, goal):
        return None
    if not stays and edge_lacking(standing, goal, hold.reason):
        return None
    why = f"handed back as {hold.reason.label!r}, which belongs to {klass.to}"
    reason = None if stays else hold.reason.key
    return Move(goal, f"class {klass.name}", why, reason, correction=stays, misrouted=stays)


def _handed_back_by_a_person(standing: Standing) -> Transition | None:
    """Return the move by which a person, since going live, took somebody out of the funnel."""
    stage, entered = standing.stage, standing.stay.entered_by
    if stage is None or stage.role not in ("recycle", "exit") or entered is None:
        return None
    if entered.source == "leadsync" or entered.is_held or not standing.grounds.is_live(entered.at):
        return None
    return entered


def desk_of(standing: Standing) -> str | None:
    """Return the queue where somebody repairs what a hand-back complains of, None when its class names none."""
    if _handed_back_by_a_person(standing) is None or standing.hold is None or standing.hold.reason is None:
        return None
    return standing.grounds.law.classes[standing.hold.reason.klass].queue
