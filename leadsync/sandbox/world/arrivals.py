"""Leads that arrive: how many on which day, at what time where they live, from which source, and what stands in the row.

A day's arrivals come one by one, except that fairs and bought lists fill up until a batch is worth importing. What people do after
their first day is `engagement.py`'s.
"""

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from leadsync.sandbox.world import engagement, mishaps
from leadsync.sandbox.world.company import draw_culture
from leadsync.sandbox.world.identities import draw_identity
from leadsync.sandbox.world.names import CULTURES, Culture
from leadsync.sandbox.world.scene import Scene

if TYPE_CHECKING:
    from leadsync.sandbox.store import Via

DAY = timedelta(days=1)
_WEEK = (1.1, 1.25, 1.2, 1.15, 0.95, 0.25, 0.2)
_SINGLE_SOURCES: tuple[tuple[str, int], ...] = (
    ("Web", 20), ("Website", 10), ("Contact Form", 8), ("Webinar", 14), ("Seminar", 2), ("Phone Inquiry", 6),
    ("Partner Referral", 7), ("External Referral", 2), ("Word of Mouth", 1), ("Advertisement", 6), ("Employee Referral", 1),
    ("Other", 3), ("", 2),
)  # fmt: skip
_BATCHES = {
    "fair": (("Trade Show", 3), ("Conference", 2)),
    "list": (("Purchased List", 3), ("List Import", 2), ("Other List", 1)),
}
_BATCH_SHARE = {"fair": 0.14, "list": 0.16}
_FIRST_STATUS: tuple[tuple[str | None, int], ...] = (
    ("Inquiry", 186), (None, 4), ("Open - Not Contacted", 4), ("Working - Contacted", 2), ("Left Vmail", 3), ("Attempting Contact", 1),
)  # fmt: skip


def day_counts(rng: Random, leads: int, days: int, first: datetime) -> list[int]:
    """Return how many leads each of the past days brings; together they are exactly `leads`."""
    weights = [_weight(rng, first + DAY * index) for index in range(days)]
    total, passed, given, counts = sum(weights), 0.0, 0, []
    for weight in weights:
        passed += weight
        upto = round(leads * passed / total)
        counts.append(upto - given)
        given = upto
    return counts


def plan_arrivals(scene: Scene, count: int) -> None:
    """Plan one day of the past, whose number of arrivals is settled."""
    _plan(scene, count)
    _import_batches(scene, at_least=max(4.0, scene.arrivals_per_day * 1.4))


def clear_batches(scene: Scene) -> None:
    """Import on this day whatever still waits for its batch to fill up."""
    _import_batches(scene, at_least=1.0)


def begin_day(scene: Scene) -> None:
    """Plan one day of the future at the rate of the past, and the day after it."""
    rng = scene.stream("arrivals")
    due = scene.waiting.get("single", 0.0) + scene.arrivals_per_day * _weight(rng, scene.now) * len(_WEEK) / sum(_WEEK)
    count = int(due)
    scene.waiting["single"] = due - count
    plan_arrivals(scene, count)
    scene.later(scene.now + DAY, "begin_day")


def _weight(rng: Random, day: datetime) -> float:
    return _WEEK[(day + DAY / 2).weekday()] * rng.uniform(0.75, 1.25)


def _plan(scene: Scene, count: int) -> None:
    rng = scene.stream("arrivals")
    for _ in range(count):
        draw = rng.random()
        if draw < _BATCH_SHARE["list"]:
            scene.waiting["list"] = scene.waiting.get("list", 0.0) + 1
        elif draw < _BATCH_SHARE["list"] + _BATCH_SHARE["fair"]:
            scene.waiting["fair"] = scene.waiting.get("fair", 0.0) + 1
        else:
            source = rng.choices(_SINGLE_SOURCES, weights=[weight for _, weight in _SINGLE_SOURCES])[0][0]
            culture = CULTURES.index(draw_culture(rng))
            scene.later(_moment(rng, scene.now, CULTURES[culture]), "arrive", source, culture)


def _import_batches(scene: Scene, *, at_least: float) -> None:
    rng = scene.stream("arrivals")
    is_weekend = (scene.now + DAY / 2).weekday() >= 5
    for pool, sources in _BATCHES.items():
        waiting = int(scene.waiting.get(pool, 0.0))
        if waiting >= at_least and (at_least <= 1.0 or not is_weekend):
            scene.waiting[pool] = 0.0
            source = rng.choices(sources, weights=[weight for _, weight in sources])[0][0]
            at = _moment(rng, scene.now, CULTURES[0], at_night=0.0)
            drive = rng.randrange(len(scene.company.drives["event"]))
            room = scene.now + DAY - timedelta(seconds=1) - at
            for index in range(waiting):
                is_near = pool == "fair" and rng.random() < 0.6
                nation = rng.randrange(4) if is_near else CULTURES.index(draw_culture(rng))
                scene.later(at + min(timedelta(seconds=2 * index), room), "arrive", source, nation, drive)


def _moment(rng: Random, window: datetime, culture: Culture, at_night: float = 0.1) -> datetime:
    """Return an instant within 24 hours of `window`, mostly in office hours there, at times at night."""
    hour = rng.gauss(11.0, 1.6) if rng.random() < 0.5 else rng.gauss(15.0, 1.6)
    if rng.random() < at_night:
        hour = rng.uniform(18.0, 30.0)
    local = window.astimezone(ZoneInfo(culture.zone))
    wished = int(hour * 3600) + rng.randrange(60)
    return window + timedelta(seconds=(wished - local.hour * 3600 - local.minute * 60 - local.second) % 86399)


def arrive(scene: Scene, source: str, nation: int, drive: int = -1) -> None:
    """One lead arrives and begins to live."""
    # Counted apart from other people, so that a lead is the same whoever else has come in over the API.
    scene.arrived += 1
    rng = Random(f"{scene.seed}:lead:{scene.arrived}")
    row = draw_identity(scene, rng, CULTURES[nation])
    row["LeadSource"] = source or None
    is_list = source in ("Purchased List", "List Import", "Other List")
    row["Status"] = "Inquiry" if is_list else rng.choices(_FIRST_STATUS, weights=[w for _, w in _FIRST_STATUS])[0][0]
    creator, via, row["OwnerId"] = _origin(scene, rng, source, CULTURES[nation])
    if scene.has_left(creator):
        creator, via = scene.company.users["admin"], "automation"
    with scene.doing(creator, via) as tx:
        id_ = tx.insert("Lead", row)
        if row["Status"] is None:
            # The store fills in the default, as the real service does; the blank ones were blanked by a tool.
            tx.update("Lead", id_, {"Status": None})
    interest = rng.betavariate(1.5, 1.8) * (0.12 if is_list else 1.0)
    prospect = scene.add_person(
        "Lead", id_, email=row.get("Email"), country=CULTURES[nation].code, interest=interest, rng=rng
    )
    engagement.first_day(scene, prospect, source, drive)
    engagement.plan_journey(scene, prospect)
    mishaps.plan_for_lead(scene, prospect)


def _origin(scene: Scene, rng: Random, source: str, culture: Culture) -> "tuple[str, Via, str]":
    """Return who creates the row, how, and whose it is at first."""
    users, house = scene.company.users, scene.company.users["marketing-house"]
    match source:
        case "Purchased List" | "List Import" | "Other List":
            return users["dataloader"], "automation", house
        case "Trade Show" | "Conference":
            return users["mia"], "person", house
        case "Webinar" | "Seminar":
            return users["marketo"], "automation", house
        case "Phone Inquiry":
            rep = scene.who_answers()
            return rep, "person", rep
        case "Partner Referral" | "Employee Referral" | "Word of Mouth":
            rep = scene.company.seller(culture.code, rng.randrange(6))
            owner = rep if rng.random() < 0.5 else house
            if scene.is_working(rep):
                return rep, "person", owner
            return users["autoproc"], "automation", owner
        case "Contact Form" if rng.random() < 0.3:
            return users["autoproc"], "world", scene.company.queues["Inside Sales Desk"]
        case _:
            return users["marketo" if rng.random() < 0.7 else "autoproc"], "world", house
