"""One cycle: observe, decide, deliver.

1. Observe: every page of changes goes into the ledger in one transaction, the last one with the new mark.
2. Decide: persons who changed or whose `wake_at` has come are decided by the rules, in one transaction per batch.
3. Deliver: what the outbox holds is claimed, sent once, and settled by what the CRM or the channel said.

The same functions serve the daemon, `sync`, `plan` and the tests. Only the worker thread calls them.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

from leadsync import logs
from leadsync.ageing import wish_ages
from leadsync.delivery import Delivery, Hindrance, Report, Stopped, batches
from leadsync.domain.births import birth_touch
from leadsync.domain.daily import daily_digests, is_anybodys_time
from leadsync.domain.effects import Outcome
from leadsync.domain.instants import from_text, to_text
from leadsync.domain.limits import Limit
from leadsync.domain.plan import Plan, make_plan
from leadsync.domain.pools import PoolBook
from leadsync.domain.rulebook import Rulebook
from leadsync.domain.standing import Grounds
from leadsync.domain.telling import People, people
from leadsync.hygiene import FORMATS
from leadsync.ledger import Ledger, PlanRows
from leadsync.ports import Channel, Crm, Org, Page, Reach

log = logs.get("leadsync.cycle")
T = TypeVar("T")

BATCH = 500
"""Persons decided in one transaction: large enough that a commit costs little, small enough to hold in memory."""

BASELINE = 1000
"""Persons decided in one cycle who are in no hurry: adopted ones, and everybody after the rules changed."""

ALL_KINDS = frozenset({"notices", "stage_entered", "score", "contact_stage", "lead_stage", "owner", "membership"})

EVERY_MINUTE = timedelta(minutes=1)

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)

Progress = Callable[[Page, int], None]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the cycle needs to know besides the ledger and the ports."""

    rulebook: Rulebook
    deliver: frozenset[str]
    go_live_at: datetime | None  # config: an instant, or None for the first delivering cycle
    limits: Mapping[str, Limit]


class Cycle:
    """The cycle of one CRM over one ledger; the arguments that it does not keep are its `delivery`'s."""

    def __init__(
        self,
        crm: Crm,
        ledger: Ledger,
        rules: Rules,
        channels: Mapping[str, Channel],
        *,
        alerts: str,
        link: str = "",
        stopping: Callable[[], bool] = lambda: False,
        unset: Mapping[str, str] = MappingProxyType({}),
        hindrance: Callable[[], Hindrance | None] = lambda: None,
    ) -> None:
        """`alerts` is the channel of last resort, `link` the org's address, `stopping` says that it is time to end."""
        self.crm = crm
        self.ledger = ledger
        self.rules = rules
        self.alerts = alerts
        self.link = link
        self.stopping = stopping
        self.delivery = Delivery(
            crm, ledger, rules.rulebook, channels, stopping=stopping, unset=unset, hindrance=hindrance
        )
        self.org: Org | None = None
        self._wished: Counter[str] = Counter()

    def connect(self) -> Org:
        """Log in, make sure it is the org this ledger belongs to, and return it; a second call costs nothing."""
        if self.org is not None:
            return self.org
        org = self.crm.connect()
        self.ledger.belong_to(self.crm.name, org.org_id)
        if self.ledger.meta(f"user:{self.crm.name}") != org.user_id:
            self.ledger.set_meta(f"user:{self.crm.name}", org.user_id)
        self.crm.count_in(self.ledger.api_calls(self.crm.name, self.crm.now()))
        self.org = org
        return self.org

    def run(
        self, reach: Reach = "complete", *, now: datetime | None = None, progress: Progress | None = None
    ) -> Report:
        """Do one whole cycle and return what it did; `now` replaces the decision's instant alone."""
        report = Report(self.crm.name, reach)
        calls = self.crm.usage().calls
        self.connect()
        started = now or self.crm.now()
        self.ledger.adopt_rulebook(self.rules.rulebook, started)
        cycle_id = self.ledger.begin_cycle(self.crm.name, started)
        try:
            self._go_live(started)
            self.observe(reach, report, progress)
            self.decide(now or self.crm.now(), report)
            if reach == "complete" and "stage_entered" in self.rules.deliver:
                budget = self.rules.limits.get("stage_age", self.rules.limits["normal"])
                moment = now or self.crm.now()
                report.wished += wish_ages(self.ledger, self.rules.rulebook, self.crm.name, budget, moment)
            self.tell_managers(now or self.crm.now())
            if self.rules.deliver:
                self.delivery.deliver(now or self.crm.now(), report)
        finally:
            report.api_calls = self.crm.usage().calls - calls
            self.ledger.end_cycle(
                cycle_id,
                self.crm.now(),
                observed=report.observed,
                transitions=report.transitions,
                decided=report.decided,
                delivered=report.applied + report.told,
                failed=report.rejected + report.dead,
                api_calls=report.api_calls,
            )
        self.ledger.set_meta(f"seen:{self.crm.name}", to_text(self.crm.now()))
        return report

    def _go_live(self, now: datetime) -> None:
        """Note whether things are delivered, and since when they may be.

        Turning delivery on, also again, voids what was wished and never sent, and decides it afresh (semantics.md B).
        """
        key, delivering = f"delivering:{self.crm.name}", "yes" if self.rules.deliver else "no"
        if self.ledger.meta(key) == delivering:
            return
        if self.rules.deliver:
            waiting = self.ledger.outbox(("pending", "held"), now=FOREVER, crm=self.crm.name)
            self.ledger.finish([Outcome(row.effect.effect_id, "superseded", "decided before") for row in waiting], now)
            records = {row.effect.ref.id for row in waiting}
            self.ledger.wake(sorted({person for record in records for _, person in self.ledger.find(record)}))
            if self.go_live_at() is None:
                self.ledger.set_go_live(self.crm.name, now)
        self.ledger.set_meta(key, delivering)

    def go_live_at(self) -> datetime | None:
        """Return since when things have effects; None while nothing was ever delivered and config names no instant."""
        return self.rules.go_live_at or self.ledger.go_live(self.crm.name)

    def new_report(self) -> Report:
        """Return an empty report of this cycle."""
        return Report(self.crm.name, "complete")

    def reread(self) -> None:
        """Let the next complete pass read every Lead and Contact again: the daily proof that nothing was missed."""
        for source in ("lead", "contact"):
            self.ledger.rewind(self.crm.name, source)

    def observe(self, reach: Reach, report: Report, progress: Progress | None = None) -> None:
        """Store every change since the marks; raises Stopped between two pages, and the next pass goes on from there."""
        org = self.connect()
        if self.first_look() is None:
            self.ledger.set_meta(f"first_look:{self.crm.name}", to_text(self.crm.now()))
        for page in self.crm.changes(self.ledger.marks(self.crm.name), reach):
            stored = self.ledger.store(
                page,
                self.rules.rulebook.mappings[self.crm.name],
                go_live_at=self.go_live_at(),
                own_user_id=org.user_id,
                history=self.crm.history,
            )
            report.observed += stored.rows
            report.changed += stored.changed
            report.transitions += stored.transitions
            report.gaps += stored.gaps
            if progress:
                progress(page, stored.rows)
            if self.stopping():
                raise Stopped
        report.blocked = dict(self.crm.blocked())

    def first_look(self) -> datetime | None:
        """Return when this ledger first looked at the org, None before that."""
        seen = self.ledger.meta(f"first_look:{self.crm.name}")
        return from_text(seen) if seen else None

    def decide(self, now: datetime, report: Report) -> None:
        """Decide everybody who changed or whose time has come, and put the wishes into the outbox."""
        self._wished.clear()
        moved: set[str] = set()
        for plan in self._plans(self._waiting(now), now, self.rules.deliver, self.go_live_at(), report):
            counts = self.ledger.commit(plan, now)
            report.decided += len(plan.decisions)
            report.wished += counts.wished
            for group, (size, _) in plan.held.items():
                report.held[group] = size
            moved |= {j.bulk_id for decision in plan.decisions for j in decision.judgements if j.bulk_id is not None}
        if moved and self.rules.deliver:
            found = [change for change in self.ledger.held_changes() if change.crm == self.crm.name]
            report.held |= {change.group_id: change.moves for change in found if change.group_id in moved}
            self.ledger.hold_back(sorted(report.held.keys() & moved), self.rules.rulebook.law)

    def _waiting(self, now: datetime) -> list[str]:
        """Return whom to decide: who is due, their twins, and a slice of those who are in no hurry."""
        law = self.rules.rulebook.law
        due = self.ledger.due(self.crm.name, now)
        twins = self.ledger.twins_of(self.crm.name, due, law.shared_mailboxes) if law.twins == "exact_email" else []
        return list(dict.fromkeys([*due, *twins, *self.ledger.undecided(self.crm.name, BASELINE, now=now)]))

    def tell_managers(self, now: datetime) -> None:
        """Wish for the daily digests whose time has come since this was last asked; the first time nothing has."""
        key = f"managers_daily:{self.crm.name}"
        asked = self.ledger.meta(key)
        if "notices" not in self.rules.deliver or (asked is not None and now - from_text(asked) < EVERY_MINUTE):
            return
        self.ledger.set_meta(key, to_text(now))
        if asked is None:
            return
        own_user_id = self.ledger.meta(f"user:{self.crm.name}") or ""
        directory = self.ledger.directory(self.crm.name, own_user_id, now)
        grounds = Grounds(
            self.rules.rulebook, self.crm.name, directory, now, self.go_live_at(), self.rules.deliver, formats=FORMATS
        )
        if not is_anybodys_time(grounds, from_text(asked)):
            return
        book, who = self._company(grounds)
        waiters = self.ledger.waiters(self.crm.name)
        digests = daily_digests(waiters, grounds, book, who, self.alerts, from_text(asked))
        self.ledger.commit(PlanRows(effects=tuple(digests)), now)

    def rehearse(self, now: datetime | None) -> Iterator[Plan]:
        """Yield what would be decided now if everything were delivered; nothing is kept.

        Before the first delivery it is as if leadsync had gone live when it first looked. With `now` given the CRM is
        not asked for anything.
        """
        moment = now or self.crm.now()
        self._wished.clear()
        persons = self._waiting(moment)
        since = self.go_live_at() or self.first_look()
        yield from self._plans(persons, moment, ALL_KINDS, since, self.new_report())

    def _plans(
        self, persons: Sequence[str], now: datetime, kinds: frozenset[str], go_live_at: datetime | None, report: Report
    ) -> Iterator[Plan]:
        own_user_id = self.ledger.meta(f"user:{self.crm.name}") or self.connect().user_id
        portions = deque(batches(persons, BATCH))
        adopted = self.ledger.adopted_rules(self.rules.rulebook.law, now) if persons else {}
        while portions:
            if self.stopping():
                raise Stopped
            people_now = portions.popleft()
            directory = self.ledger.directory(self.crm.name, own_user_id, now)
            grounds = Grounds(
                rulebook=self.rules.rulebook,
                crm=self.crm.name,
                directory=directory,
                now=now,
                go_live_at=go_live_at,
                kinds=kinds,
                link=self.link,
                adopted=adopted,
                formats=FORMATS,
            )
            try:
                plan = self._plan(people_now, grounds)
            except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
                # One person whom the rules cannot take must not keep the others waiting: halve until it is alone.
                if len(people_now) > 1:
                    portions.extendleft(reversed(list(batches(people_now, (len(people_now) + 1) // 2))))
                    continue
                log.error("decision.failed", person_id=people_now[0], error=type(error).__name__, exc_info=True)
                report.broken.append(people_now[0])
                continue
            self._wished.update(effect.group_id for effect in plan.effects)
            yield plan

    def _plan(self, persons: Sequence[str], grounds: Grounds) -> Plan:
        """Decide one batch."""
        book, who = self._company(grounds)
        return make_plan(
            self.ledger.situations(
                self.crm.name,
                persons,
                law=self.rules.rulebook.law,
                came_by_itself=lambda record: birth_touch(record, grounds) is not None,
            ),
            grounds,
            book,
            who,
            self.alerts,
            self.rules.limits,
            self.ledger.group_sizes(grounds.now - timedelta(days=1)),
            self._wished,
        )

    def _company(self, grounds: Grounds) -> tuple[PoolBook, People]:
        """Return the turns of the pools and the people to be told, as they are now."""
        directory, zone = grounds.directory, self.rules.rulebook.company.zone
        book = PoolBook(self.rules.rulebook.routing.pools, directory)
        away = frozenset(user.id for user in directory.users.values() if book.away(user, now=grounds.now, zone=zone))
        return book, people(directory.users, away)

    def run_clocks(self, *, now: datetime | None = None) -> Report:
        """Decide and deliver what is due by time alone, without asking the CRM for news; it works while the CRM is down."""
        report = Report(self.crm.name, "fast")
        moment = now or self.crm.now()
        self.decide(moment, report)
        self.tell_managers(moment)
        if self.rules.deliver:
            self.delivery.tell(moment, report)
        return report
