"""How account executives judge what was handed to them: accept, try a few times, meet, convert with or without an opportunity, hand
back with or without a reason - and skip stages, reopen what was disqualified, or give a lead to a colleague by hand.
"""

from datetime import timedelta

from leadsync.sandbox.world import deals, reps
from leadsync.sandbox.world.scene import Prospect, Row, Scene, stage_of
from leadsync.sandbox.world.statuses import (
    COLD,
    DISQUALIFIED,
    HANDED_OVER,
    MQL,
    NO_RESPONSE,
    SAL,
    SQL,
)  # fmt: skip

_HANDED: tuple[tuple[str, int], ...] = (
    ("accept", 45), ("deal", 7), ("convert", 7), ("sql", 6), ("not_now", 12), ("not_ever", 5), ("bad_data", 1), ("not_mine", 4),
    ("give_away", 4), ("put_back", 5), ("again", 4),
)  # fmt: skip
_TALK: tuple[tuple[str, int], ...] = (
    ("deal", 40),
    ("convert", 11),
    ("sql", 9),
    ("meet", 15),
    ("not_now", 15),
    ("not_ever", 6),
    ("again", 4),
)


def decide_selling(scene: Scene, number: int, who: str, plan: int) -> None:
    """Act on what the call, mail or meeting brought."""
    prospect = scene.people[number]
    row = reps.still_mine(scene, prospect, who, plan)
    if row is None:
        return
    rng = scene.stream(who)
    stage = stage_of(row, prospect.object)
    if stage in HANDED_OVER:
        _do(scene, who, prospect, row, rng.choices(_HANDED, weights=[weight for _, weight in _HANDED])[0][0])
    elif stage == SQL:
        _do(scene, who, prospect, row, "deal" if rng.random() < 0.75 else "again")
    elif stage == DISQUALIFIED:
        prospect.reopened += 1
        reps.set_stage(scene, who, prospect, SQL)
    elif stage in COLD:
        _do(scene, who, prospect, row, rng.choice(("accept", "accept", "sql", "pull", "pull", "convert", "deal")))
    elif rng.random() < 0.2 + 0.45 * prospect.interest:
        _do(scene, who, prospect, row, rng.choices(_TALK, weights=[weight for _, weight in _TALK])[0][0])
    elif prospect.attempts >= rng.randrange(1, 5) + 1:
        reps.hand_back(scene, who, prospect, NO_RESPONSE)
    elif rng.random() < 0.9:
        reps.plan_work(scene, prospect, who, rng.uniform(4, 30))


def _do(scene: Scene, who: str, prospect: Prospect, row: Row, outcome: str) -> None:
    rng = scene.stream(who)
    match outcome:
        case "accept":
            reps.set_stage(scene, who, prospect, SAL)
        case "pull":
            reps.set_stage(scene, who, prospect, MQL)
        case "sql":
            reps.set_stage(scene, who, prospect, SQL)
        case "deal" if prospect.object == "Lead":
            deals.convert(scene, who, prospect, row, with_deal=True)
        case "deal" if not scene.open_deals.get(prospect.id):
            deals.open_for_contact(scene, who, prospect, row)
        case "convert" if prospect.object == "Lead":
            deals.convert(scene, who, prospect, row, with_deal=False)
        case "give_away":
            reps.give_away(scene, who, prospect)
        case "meet":
            _book_meeting(scene, who, prospect)
        case _ if outcome in reps.TURNED_AWAY:
            reps.turn_away(scene, who, prospect, outcome)
        case _:
            reps.plan_work(scene, prospect, who, rng.uniform(6, 50))


def _book_meeting(scene: Scene, who: str, prospect: Prospect) -> None:
    rng = scene.stream(who)
    starts = (scene.now + timedelta(days=rng.randrange(1, 8))).replace(
        minute=rng.choice((0, 30)), second=0, microsecond=0
    )
    minutes = rng.choice((30, 60))
    with scene.doing(who) as tx:
        tx.insert(
            "Event",
            {
                "WhoId": prospect.id,
                "OwnerId": who,
                "Subject": rng.choice(("Demo", "First meeting", "Termin", "Site visit")),
                "StartDateTime": starts,
                "EndDateTime": starts + timedelta(minutes=minutes),
                "DurationInMinutes": minutes,
            },
        )
    prospect.heat += 1.0
    reps.plan_work(scene, prospect, who, (starts - scene.now).total_seconds() / 3600 + 2)
