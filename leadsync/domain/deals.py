"""What became of a person's opportunities: outcomes are milestones of the person, not stages (semantics.md C)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leadsync.domain.records import Opportunity
from leadsync.domain.situation import Situation


@dataclass(frozen=True, slots=True)
class Deals:
    """The person's opportunities in one word, with the deals themselves; `since` dates the newest open one."""

    outcome: Literal["none", "open", "won", "lost"]
    open: Opportunity | None = None
    since: datetime | None = None
    ended_at: datetime | None = None
    loss_reason: str | None = None


def deals_of(situation: Situation) -> Deals:
    """Return what became of the person's deals: open before won before lost.

    A deal counts from its own beginning, or from the person's part in it if that came later.
    """
    joined = {role.opportunity_id: role.at for role in situation.roles if not role.deleted}
    deals = [deal for deal in situation.opportunities if not deal.deleted]

    def since(deal: Opportunity) -> datetime:
        return max(deal.created_at, joined.get(deal.id, deal.created_at))

    if still_open := [deal for deal in deals if deal.outcome == "open"]:
        newest = max(still_open, key=lambda deal: (since(deal), deal.id))
        return Deals("open", newest, since(newest))
    for outcome in ("won", "lost"):
        if ended := [deal for deal in deals if deal.outcome == outcome]:
            last = max(ended, key=lambda deal: (deal.closed_at or deal.created_at, deal.id))
            return Deals(outcome, None, since(last), last.closed_at or last.created_at, last.loss_reason)
    return Deals("none")
