"""Worlds to look at: one whose past has just ended, and one that lived on for a month beside a simple stand-in for leadsync."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from leadsync.sandbox.clock import SimClock
from leadsync.sandbox.founding import INTEGRATION_USERNAME, found_basics
from leadsync.sandbox.store import Change, Store
from leadsync.sandbox.world import World, found

START = datetime(2026, 11, 16, 8, tzinfo=UTC)
STEP = timedelta(minutes=30)


@dataclass(frozen=True)
class Story:
    """A store and the world in it, at some instant."""

    store: Store
    world: World

    def live_for(self, span: timedelta) -> None:
        self.world.live(self.store.clock.advance(span.total_seconds()))

    def truth(
        self, object_: str, field: str, *, via: Iterable[str] = ("person", "automation", "world")
    ) -> list[Change]:
        wanted = set(via)
        return [c for c in self.store.truth if c.object == object_ and c.field == field and c.via in wanted]

    def edit(self, object_: str, id_: str, **fields: object) -> None:
        """Write as leadsync would: over the API, by the integration user, now."""
        with self.store.tx(by=self.store.user(INTEGRATION_USERNAME), via="api") as tx:
            tx.update(object_, id_, fields)

    def lead(self, owner: str, status: str, **fields: object) -> str:
        """Have a lead come in over the API."""
        row = {"LastName": "Ohm", "Company": "Ohm AG", "Email": f"ohm{len(self.store.truth)}@ohm.example", **fields}
        with self.store.tx(by=self.store.user(INTEGRATION_USERNAME), via="api") as tx:
            return tx.insert("Lead", {**row, "OwnerId": self.store.user(f"{owner}@acme.example"), "Status": status})


def a_story(seed: int = 7, leads: int = 60, days: int = 30, start: datetime = START) -> Story:
    store = Store(SimClock(start), seed)
    found_basics(store, start)
    return Story(store, found(store, seed=seed, leads=leads, days=days, start=start))


class StandIn:
    """Does by rough rules what leadsync does by good ones, so that the world has something to react to."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.answers: dict[str, int] = {}
        self.changed: dict[tuple[str, str], None] = {}
        self.turn = 0
        story.store.listen(self._heard)

    def _heard(self, object_: str, id_: str, _fields: tuple[str, ...], _by: str, via: str) -> None:
        if via == "api":
            return
        if object_ == "CampaignMember":
            row = self.story.store.get("CampaignMember", id_)
            if row is not None and row["HasResponded"]:
                whom = row["ContactId"] or row["LeadId"]
                self.answers[whom] = self.answers.get(whom, 0) + 1
                self.changed["Contact" if row["ContactId"] else "Lead", whom] = None
        elif object_ in ("Lead", "Contact"):
            self.changed[object_, id_] = None

    def cycle(self) -> None:
        users = [
            self.story.store.user(f"{name}@acme.example") for name in ("ada", "bela", "carla", "emil", "hugo", "liam")
        ]
        for object_, id_ in list(self.changed):
            row = self.story.store.get(object_, id_)
            if row is None or row["IsDeleted"] or row["IsConverted"]:
                continue
            status = row["Status"] if object_ == "Lead" else row["Contact_Status__c"]
            self.turn += 1
            if object_ == "Lead" and status in ("Inquiry", "Re-Market") and self.answers.get(id_, 0) >= 1:
                self.answers[id_] = 0
                self.story.edit("Lead", id_, Status="MAQL", OwnerId=users[self.turn % 3])
            elif object_ == "Lead" and status == "MQL" and row["OwnerId"] in users[:3]:
                self.story.edit("Lead", id_, OwnerId=users[3 + self.turn % 3])
            elif object_ == "Contact" and status in (None, "Re-Market") and self.answers.get(id_, 0) >= 1:
                self.answers[id_] = 0
                self.story.edit("Contact", id_, Contact_Status__c="MQL", LeadSync_Assignee__c=users[3 + self.turn % 3])
            elif row["LeadSync_Misrouted__c"]:
                field = "OwnerId" if object_ == "Lead" else "LeadSync_Assignee__c"
                self.story.edit(object_, id_, **{field: users[3 + self.turn % 3], "LeadSync_Misrouted__c": False})
        self.changed.clear()


@pytest.fixture(scope="session")
def past() -> Story:
    """Ninety days with a thousand leads, without leadsync."""
    return a_story(seed=1, leads=1000, days=90)


@pytest.fixture(scope="session")
def month() -> Story:
    """The same company a month later, with somebody doing leadsync's part every half hour."""
    story = a_story(seed=1, leads=1000, days=90)
    stand_in = StandIn(story)
    for _ in range(30 * 48):
        story.live_for(STEP)
        stand_in.cycle()
    return story


@pytest.fixture(scope="session")
def new_story() -> Callable[..., Story]:
    """Make a small story of one's own: seed, leads, days."""
    return a_story
