"""A cycle over an org in memory: the sample's rules, a real ledger, and channels that remember what they were told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from leadsync.crm.memory import MemoryCrm
from leadsync.cycle import ALL_KINDS, Cycle, Rules
from leadsync.delivery import Report
from leadsync.domain.effects import Escalation, Notice
from leadsync.domain.limits import Limit
from leadsync.domain.records import Ref, User
from leadsync.errors import ChannelFailed
from leadsync.ledger import Ledger
from leadsync.settings import Loaded

START = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)  # a Wednesday morning


def at(text: str) -> datetime:
    """Return an instant of the tests: `2026-11-18 09:00`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(slots=True)
class RecordingChannel:
    """Remembers what it was told; `refuses` is raised instead while it is set."""

    name: str
    told: list[Escalation | Notice] = field(default_factory=list)
    tries: int = 0
    refuses: ChannelFailed | None = None

    def send(self, message: Escalation | Notice, address: str | None) -> None:
        self.tries += 1
        if self.refuses is not None:
            raise self.refuses
        self.told.append(message)


class OneOrg:
    """One org in memory with a cycle over a ledger; time passes by `pass_by` alone."""

    def __init__(self, ledger: Ledger, loaded: Loaded, *, name: str = "salesforce", **rules: Any) -> None:
        self.loaded = loaded
        self.ledger = ledger
        self.crm = MemoryCrm(name, loaded.rulebook.mappings["salesforce"], at=START)
        self.channels = {
            name: RecordingChannel(name)
            for name in ("email", "crm_task", "sales_floor", "emea_teams", "ops", "on_call", "data_lake", "log")
        }
        self.rules(**rules)
        for member in sorted({m.user for pool in loaded.rulebook.routing.pools.values() for m in pool.members}):
            self.crm.put(User(name, member, member, member, member.partition("@")[0], active=True))
        self.crm.put(User(name, "human", "human@acme.example", "human@acme.example", "Hanna", active=True))
        self.crm.put(User(name, "own", "leadsync@acme.example", None, "leadsync", active=True))

    def rules(
        self,
        *,
        deliver: frozenset[str] = ALL_KINDS,
        go_live_at: datetime | None = START,
        limits: Mapping[str, Limit] | None = None,
        **given: Any,
    ) -> None:
        """Go by other rules from now on; `given` goes to the cycle."""
        found = Rules(self.loaded.rulebook, deliver, go_live_at, limits or {"normal": Limit(500, 5000)})
        self.cycle = Cycle(self.crm, self.ledger, found, self.channels, alerts="ops", **given)

    def run(self, **given: Any) -> Report:
        """Do one cycle, a minute after the last thing that happened."""
        self.crm.advance(60)
        return self.cycle.run("complete", **given)

    def pass_by(self, **span: float) -> None:
        """Let time pass: `hours=1`."""
        self.crm.advance(timedelta(**span).total_seconds())

    def states(self, kind: str = "write") -> dict[str, int]:
        """Return how many effects of a kind are in each state."""
        found: dict[str, int] = {}
        for row in self.ledger.list_outbox():
            if row["kind"] == kind:
                found[row["state"]] = found.get(row["state"], 0) + 1
        return found

    def newcomer(self, **fields: Any) -> Ref:
        """A lead who came in by the front door and whom leadsync has something to write about."""
        given = {"first_name": "Ada", "last_name": "Muster", "title": "Head of Sales", "company": "Firm", **fields}
        return self.crm.create("lead", given.pop("stage", "Inquiry"), owner="human", **given)

    def at_rest(self, most: int = 12) -> None:
        """Let cycles run until one has nothing to do."""
        for _ in range(most):
            if self.run().is_silent():
                return
        raise AssertionError("it did not come to rest")
