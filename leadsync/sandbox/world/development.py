"""How lead development reps judge: they accept, hand over to sales, send to Re-Market, disqualify - and make the mistakes that
such teams make: dispositions typed into the status, reviewed leads put back to inquiry, reasons forgotten.
"""

from leadsync.sandbox.world import reps
from leadsync.sandbox.world.scene import Prospect, Scene, stage_of
from leadsync.sandbox.world.statuses import (
    COLD,
    DISPOSITIONS,
    DISQUALIFIED,
    LAL,
    MAQL,
    MQL,
    NO_RESPONSE,
)  # fmt: skip

_REVIEW: tuple[tuple[str, int], ...] = (
    ("accept", 50), ("hand_over", 11), ("not_now", 11), ("not_ever", 7), ("bad_data", 2), ("put_back", 7), ("disposition", 9), ("not_mine", 3),
)  # fmt: skip
_TALK: tuple[tuple[str, int], ...] = (
    ("hand_over", 58),
    ("not_now", 22),
    ("not_ever", 10),
    ("bad_data", 3),
    ("put_back", 5),
    ("not_mine", 2),
)
MOST_ATTEMPTS = 4


def decide_development(scene: Scene, number: int, who: str, plan: int) -> None:
    """Act on what the call or mail brought."""
    prospect = scene.people[number]
    row = reps.still_mine(scene, prospect, who, plan)
    if row is None:
        return
    rng = scene.stream(who)
    stage = stage_of(row, prospect.object)
    if stage == MAQL:
        _do(scene, who, prospect, rng.choices(_REVIEW, weights=[weight for _, weight in _REVIEW])[0][0])
    elif stage == DISQUALIFIED:
        prospect.reopened += 1
        reps.set_stage(scene, who, prospect, MQL)
    elif stage in COLD:
        if prospect.heat >= 0.4 or reps.raised_lately(scene, prospect):
            _do(scene, who, prospect, "hand_over" if rng.random() < 0.3 else "accept")
    elif rng.random() < 0.2 + 0.4 * prospect.interest:
        _do(scene, who, prospect, rng.choices(_TALK, weights=[weight for _, weight in _TALK])[0][0])
    elif prospect.attempts >= MOST_ATTEMPTS or rng.random() < 0.06:
        reps.hand_back(scene, who, prospect, NO_RESPONSE)
    elif rng.random() < 0.92:
        reps.plan_work(scene, prospect, who, rng.uniform(5, 40))


def _do(scene: Scene, who: str, prospect: Prospect, outcome: str) -> None:
    rng = scene.stream(who)
    match outcome:
        case "accept":
            reps.set_stage(scene, who, prospect, LAL)
        case "hand_over":
            # With leadsync at work the owner follows from its rules; without it the rep picks one of sales.
            by_hand = not scene.aided and prospect.object == "Lead"
            seller = scene.company.seller(prospect.country, rng.randrange(6)) if by_hand else None
            reps.set_stage(scene, who, prospect, MQL, owner=seller)
        case "disposition" if prospect.object == "Lead":
            reps.set_stage(scene, who, prospect, rng.choice(DISPOSITIONS))
        case _ if outcome in reps.TURNED_AWAY:
            reps.turn_away(scene, who, prospect, outcome)
        case _:
            reps.plan_work(scene, prospect, who, rng.uniform(5, 30))
