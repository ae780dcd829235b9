"""The world's motor: founds the company, lives through its past, and from then on acts for everything that is due.

All plans lie in one heap keyed by instant and a counter, so that a seed always tells the same story. Commits, also those of
the API, are noted by the store's listener and looked at before the next act.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop
from random import Random
from typing import TYPE_CHECKING

from leadsync.sandbox.world import (
    arrivals,
    deals,
    development,
    engagement,
    mishaps,
    noticing,
    old_ways,
    past,
    reps,
    selling,
)
from leadsync.sandbox.world.company import found_company
from leadsync.sandbox.world.scene import Scene

if TYPE_CHECKING:
    from leadsync.sandbox.store import Store

PRELUDE_DAYS = 150
"""How long before the first lead the company was founded."""

ACTS: dict[str, Callable[..., None]] = {
    act.__name__: act
    for act in (
        arrivals.arrive, arrivals.begin_day, arrivals.clear_batches, arrivals.plan_arrivals,
        deals.fill_contact_status, deals.give_up, deals.move_deal,
        development.decide_development,
        engagement.attend_webinar, engagement.call_in, engagement.fill_form, engagement.join_nurture, engagement.touch,
        mishaps.bounce, mishaps.delete, mishaps.leave, mishaps.merge, mishaps.opt_out, mishaps.reassign, mishaps.tidy,
        mishaps.type_again, mishaps.undelete,
        old_ways.promote,
        past.meet_contact,
        reps.add_reason, reps.claim, reps.take_back, reps.work,
        selling.decide_selling,
    )
}  # fmt: skip


class World:
    """The people around the CRM. Nothing in it but plain data and the store, so that both can be pickled together."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        scene.store.listen(scene.committed)

    def live(self, until: datetime) -> None:
        """Act for everything planned up to and including `until`, in order of time.

        What came due while others worked and the world did not act happens after the last thing that they saw or did, so
        that no reader finds an act in his own past.
        """
        scene = self.scene
        for seen in (scene.store.read_at, scene.store.truth[-1].at if scene.store.truth else None):
            if seen is not None and seen < until:
                self.skip(seen)
        self._see()
        while scene.heap and scene.heap[0][0] <= until:
            at, _, act, arguments = heappop(scene.heap)
            scene.now = max(at, scene.now)
            ACTS[act](scene, *arguments)
            self._see()
        self.skip(until)

    def skip(self, to: datetime) -> None:
        """Let time pass without people: what comes due meanwhile happens as soon as they live on, in its order."""
        self.scene.now = max(to, self.scene.now)

    def _see(self) -> None:
        noticed = self.scene.noticed
        while noticed:
            object_, id_ = noticed.popleft()
            match object_:
                case "Task":
                    noticing.notice_task(self.scene, id_)
                case "User":
                    noticing.notice_user(self.scene, id_)
                case _:
                    noticing.notice(self.scene, object_, id_)


def found(store: "Store", *, seed: int, leads: int, days: int, start: datetime) -> World:
    """Found Acme in the store, live through `days` of past in which `leads` leads arrive, and return the world at `start`.

    The past is life without leadsync; from `start` on, the moves that leadsync makes are left to it. Raises
    LookupError when the store lacks its basics (an administrator).
    """
    start = start.astimezone(UTC)
    past_begins = start - timedelta(days=days)
    founded = past_begins - timedelta(days=PRELUDE_DAYS)
    rng = Random(f"{seed}:company")
    company = found_company(store, rng, founded=founded, start=start, leads=leads)
    scene = Scene(store, seed, company, now=founded + timedelta(days=3))
    scene.arrivals_per_day = leads / days if days else 0.0
    world = World(scene)
    past.plan_contacts(scene, rng, 20 + leads // 8, PRELUDE_DAYS - 3)
    for index, count in enumerate(arrivals.day_counts(rng, leads, days, past_begins)):
        scene.later(past_begins + arrivals.DAY * index, "plan_arrivals", count)
    scene.later(start - arrivals.DAY, "clear_batches")
    scene.later(past_begins + arrivals.DAY * (days * 0.6), "leave")
    scene.later(start, "begin_day")
    # Up to, but not including, the start: that instant belongs to the future.
    world.live(start - timedelta(microseconds=1))
    scene.aided = True
    return world
