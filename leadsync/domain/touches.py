"""Dated signs of engagement and follow-up, already translated out of the CRM's own rows.

Which CRM row is a touch stands in `touches:` of a CRM mapping and is applied by the adapter;
what a touch is worth stands in scoring.yaml and is applied by `scoring.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leadsync.domain.records import Ref

Direction = Literal["inbound", "outbound", "both"]


@dataclass(frozen=True, slots=True)
class Touch:
    """One dated sign of engagement (inbound) or follow-up (outbound) of one record.

    `touch_id` names the thing itself (`cm:<member>:<status>`, `task:<id>`), so that reading it twice counts once.
    `actor_id` is the CRM user who did a follow-up (the task's owner), `by` who entered it, `source_id` the CRM row.
    `text` is what a person wrote in a form, for the brief; it is never logged.
    """

    touch_id: str
    ref: Ref
    kind: str
    direction: Direction
    at: datetime
    channel: str | None = None
    investment: str | None = None
    response: str | None = None
    campaign: str | None = None
    campaign_id: str | None = None
    actor_id: str | None = None
    by: str | None = None
    source_id: str | None = None
    text: str | None = None
    retracted: bool = False


def is_inbound(touch: Touch) -> bool:
    """Say whether the person did something (a held meeting counts for both sides)."""
    return touch.direction in ("inbound", "both") and not touch.retracted


def is_outbound(touch: Touch) -> bool:
    """Say whether somebody of ours did something."""
    return touch.direction in ("outbound", "both") and not touch.retracted
