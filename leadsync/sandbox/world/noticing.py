"""What people see: each change of a record's stage or owner, whoever made it, and what they plan to do about it, sooner or later or
never.

Nothing here asks who wrote the row: a rep sees the same list view whether a colleague, a marketing platform or leadsync filled it.
"""

from random import Random

from leadsync.sandbox.world import engagement, reps
from leadsync.sandbox.world.scene import Prospect, Row, Scene, responsible_for, stage_of
from leadsync.sandbox.world.statuses import (
    COLD,
    DISQUALIFIED,
    HANDED_OVER,
    IN_DEVELOPMENT,
    IN_SALES,
    MAQL,
    REMARKET,
    SQL,
)


def notice(scene: Scene, object_: str, id_: str) -> None:
    """Look at a record that changed and plan what its responsible will do about it, if anything."""
    row = scene.store.get(object_, id_)
    prospect = scene.prospects.get(id_)
    if row is None or row["IsDeleted"] or row["IsConverted"]:
        if row is not None and prospect is not None and prospect.id == id_:
            _follow(scene, prospect, row)
        return
    if prospect is None or prospect.id != id_:
        prospect = _adopt(scene, object_, row)
    stage = stage_of(row, object_)
    prospect.plan += 1
    if stage != prospect.stage:
        prospect.stage, prospect.attempts = stage, 0
        if stage == REMARKET:
            _put_aside(scene, prospect)
    who = responsible_for(row, object_)
    kind = scene.company.kinds.get(who)
    if kind in ("ldr", "ae"):
        hours = _wait(scene, prospect, who, kind, stage)
        if hours is not None:
            reps.plan_work(scene, prospect, who, hours)
    elif kind in (None, "placeholder", "gone"):
        _plan_rescue(scene, prospect, who, stage)


def notice_task(scene: Scene, task: str) -> None:
    """A task that somebody else put on a rep's list: done with the next attempt, and mostly a push to make one."""
    row = scene.store.get("Task", task)
    prospect = scene.prospects.get(str(row["WhoId"])) if row is not None else None
    if row is None or prospect is None or row["IsClosed"] or row["IsDeleted"]:
        return
    who = str(row["OwnerId"])
    scene.asked[prospect.id] = task
    if scene.company.kinds.get(who) in ("ldr", "ae") and scene.stream(who).random() < 0.6:
        reps.plan_work(scene, prospect, who, scene.stream(who).uniform(0.3, 8))


def notice_user(scene: Scene, id_: str) -> None:
    """Somebody was deactivated and does nothing from now on, or came back."""
    row = scene.store.get("User", id_)
    if row is not None and id_ in scene.company.hired_as:
        scene.company.kinds[id_] = scene.company.hired_as[id_] if row["IsActive"] else "gone"


def _adopt(scene: Scene, object_: str, row: Row) -> Prospect:
    """Get to know a record that the world did not make itself: loaded, written through the API, or back from the bin."""
    rng = Random(f"{scene.seed}:stranger:{row['Id']}")
    return scene.add_person(
        object_, row["Id"], email=row["Email"], country="DE", interest=rng.betavariate(1.5, 1.8), rng=rng
    )


def _follow(scene: Scene, prospect: Prospect, row: Row) -> None:
    """Stay with somebody whose record was converted or merged by others than the world's people."""
    if row["IsConverted"]:
        prospect.object, prospect.id = "Contact", row["ConvertedContactId"]
    elif row["MasterRecordId"]:
        prospect.id = row["MasterRecordId"]
    else:
        return
    known = scene.prospects.setdefault(prospect.id, prospect)
    known.members.update(prospect.members)
    prospect.members = known.members


def _wait(scene: Scene, prospect: Prospect, who: str, kind: str, stage: str | None) -> float | None:
    """Return after how many hours the rep gets to it; None when there is nothing to do, or it is forgotten for good."""
    rng = scene.stream(who)
    if stage in (IN_DEVELOPMENT if kind == "ldr" else IN_SALES):
        return None if stage == SQL and scene.open_deals.get(prospect.id) else _delay(scene, prospect, who, stage)
    if stage in COLD and prospect.object == "Lead":
        return rng.uniform(2, 90) if rng.random() < 0.3 else None
    if stage == DISQUALIFIED and _wants_back(rng, prospect):
        return rng.uniform(2, 20)
    return None


def _delay(scene: Scene, prospect: Prospect, who: str, stage: str | None) -> float | None:
    """Return how long a record with work to do waits: raised hands shortly, most of a day or two, some long, some for ever."""
    rng, habits = scene.stream(who), scene.company.habits[who]
    if reps.raised_lately(scene, prospect) and rng.random() < 0.85:
        return rng.expovariate(0.9) * habits.pace
    draw = rng.random()
    if draw < habits.forgets * (1.0 if stage in (MAQL, *HANDED_OVER) else 0.4):
        return None
    is_late = draw > 1 - habits.late
    if stage == MAQL:
        return rng.uniform(26, 80) if is_late else rng.uniform(0.3, 17) * habits.pace
    if stage in HANDED_OVER:
        return rng.uniform(50, 150) if is_late else rng.uniform(0.5, 38) * habits.pace
    return rng.uniform(60, 160) if is_late else rng.uniform(3, 34) * habits.pace


def _wants_back(rng: Random, prospect: Prospect) -> bool:
    """Whether somebody will not take no for an answer; one whose move was put back once may insist."""
    return rng.random() < (0.14 if prospect.reopened == 0 else 0.6 if prospect.reopened == 1 else 0.0)


def _put_aside(scene: Scene, prospect: Prospect) -> None:
    prospect.heat = 0.0
    if prospect.recycled < 4:
        engagement.warm_up(scene, prospect)
    prospect.recycled += 1
    rng = scene.stream("marketing")
    if not scene.aided and rng.random() < 0.5:
        scene.at_desk_of(
            scene.company.users["mia"], rng.uniform(8, 70), "join_nurture", prospect.number, rng.randrange(2)
        )


def _plan_rescue(scene: Scene, prospect: Prospect, who: str, stage: str | None) -> None:
    """Records of a staffed queue are claimed; qualified ones that nobody owns are handed out by a lead, sometimes."""
    company, rng = scene.company, scene.stream("desk")
    users = company.users
    developers = [users["ada"], users["bela"], users["carla"]]
    if who == company.queues["Inside Sales Desk"] and stage in (*COLD, *IN_DEVELOPMENT) and rng.random() < 0.85:
        rep = scene.turn("desk", developers)
        scene.at_desk_of(rep, rng.uniform(0.2, 30), "claim", prospect.number, rep, prospect.plan)
    elif stage in HANDED_OVER and rng.random() < 0.4:
        rep = company.seller(prospect.country, rng.randrange(6))
        scene.at_desk_of(users["dora"], rng.uniform(12, 90), "claim", prospect.number, rep, prospect.plan)
