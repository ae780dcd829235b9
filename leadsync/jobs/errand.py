"""Carrying out a plan, or undoing one: a portion of records at a time, each portion read, compared, wished and sent.

1. What an earlier run left in the outbox is looked up and sent first, so that a kill loses nothing and doubles nothing.
2. Every record is read as it stands now; whoever was edited since the plan is left alone, with the reason.
3. The rest becomes guarded write-backs in the outbox, whose ids follow from the plan, and is sent at once.

What was done stands in the outbox alone; the result files (`results.py`) are written from it.

The mass actions of the vendors would take fewer requests, but none of them can be told to leave a record alone that somebody
edited: a Bulk API 2.0 job and an sObject collection of Salesforce take no If-Unmodified-Since for a record, UpdateMultiple of
Dataverse takes no ETag for a row. A status is a person's field, so each write carries its guard: on Salesforce 25 to a composite
request, on Dynamics each an operation of a `$batch` outside of change sets, in which one edited row would undo the others.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from leadsync.clock import Clock
from leadsync.cycle import Cycle
from leadsync.delivery import Report
from leadsync.domain.effects import WriteBack, WriteKind, canonical, effect_id
from leadsync.domain.records import Gone, Record, Ref, Value
from leadsync.domain.writing import current, same
from leadsync.jobs.plan_file import SEED, PlanRow
from leadsync.ledger.jobs import Fate, fates, unknown_writes
from leadsync.ledger.writer import PlanRows

PORTION = 200
"""Records read in one request and sent together: what a kill leaves to be looked up is never more."""

PER_REQUEST = 25
"""Guarded writes in one request, as far as nothing else was seen; also what is sent first to see it, under a budget."""

ROUNDS = 3
PATIENCE = 15.0
"""How often, and how many seconds at most, is waited for records that were locked or had been edited a moment ago."""

FRUITLESS = 2

ENDED = frozenset({"applied", "rejected", "dead"})
Step = Literal["apply", "undo"]
Halt = Literal["limit", "budget", "crm", "hindered"]


@dataclass(frozen=True, slots=True)
class Task:
    """All that an errand wants of one record: the values that it must show, and those that it shall show."""

    ref: Ref
    expected: Mapping[str, Value]
    values: Mapping[str, Value]
    version: str
    rows: tuple[PlanRow, ...]


@dataclass(frozen=True, slots=True)
class Errand:
    """One step over one plan in one CRM."""

    plan_id: str
    step: Step
    tasks: tuple[Task, ...]

    @property
    def group(self) -> str:
        """Return the group of its effects; `remap:` marks them as an operator's job wherever they are read."""
        return group_of(self.plan_id, self.step)

    def effect_id(self, task: Task) -> str:
        """Return the id that this task always has in this errand."""
        return effect_id("job", self.group, task.ref, canonical(task.values))


@dataclass(slots=True)
class Tally:
    """What a run came to, task by task. `stopped` says why some were not reached."""

    skipped: dict[Ref, str] = field(default_factory=dict)
    fates: Mapping[str, Fate] = field(default_factory=dict)
    sendable: int = 0  # records that a dry run would write
    sent: int = 0
    stopped: Halt | None = None
    why: str = ""


Progress = Callable[[int], None]


def group_of(plan_id: str, step: Step) -> str:
    """Return the group of the effects of one step of a plan."""
    return f"remap:{plan_id}" + (":undo" if step == "undo" else "")


def errand_of(plan_id: str, step: Step, rows: Iterable[PlanRow]) -> Errand:
    """Return the errand of these rows, record by record; to undo is to go back over what was done, the last first."""
    by_ref: dict[Ref, list[PlanRow]] = defaultdict(list)
    for row in rows:
        by_ref[row.ref].append(row)
    tasks = [
        Task(
            ref,
            {row.field: row.from_value if step == "apply" else row.to_value for row in some},
            {row.field: row.to_value if step == "apply" else row.from_value for row in some},
            some[0].version,
            tuple(some),
        )
        for ref, some in by_ref.items()
    ]
    return Errand(plan_id, step, tuple(tasks if step == "apply" else reversed(tasks)))


def hindrance(task: Task, found: Record | Gone | None, step: Step, own_user_id: str) -> str | None:
    """Say why a record is left alone, None when it may be written.

    It must show what the plan says, and nobody else may have edited it since: not since the plan, and to be undone not
    since it was applied. What leadsync itself wrote meanwhile does not count.
    """
    match found:
        case None:
            return "the CRM does not know this record"
        case Gone(merged_into=None):
            return "deleted"
        case Gone():
            return f"merged into {found.merged_into}"
        case Record() if found.state != "live":
            return f"it is {found.state.replace('_', ' ')} by now"
    edited = found.modified_by != own_user_id and (step == "undo" or found.version != task.version != "")
    by = f"edited by {found.modified_by} at {found.modified_at:%Y-%m-%dT%H:%M:%SZ}" if edited else ""
    for name, value in task.expected.items():
        if not same(shown := current(found, name), value):
            return "; ".join(
                part for part in (by, f"{name} shows {shown or 'nothing'}, not {value or 'nothing'}") if part
            )
    return by or None


def write_of(errand: Errand, task: Task, record: Record) -> WriteBack:
    """Return the guarded write of one task.

    As a correction it leaves the stay when it began: the old status was a wrong word for where the record was. Only a first
    status is none, since nobody knows when it should have been given.
    """
    kind: WriteKind = "contact_stage" if task.ref.object == "contact" else "lead_stage"
    return WriteBack(
        effect_id=errand.effect_id(task),
        ref=task.ref,
        values=task.values,
        base_version=record.version,
        guarded={name: current(record, name) for name in task.values},
        kinds=(kind,),
        priority="stage",
        group_id=errand.group,
        cause=f"remap:{errand.plan_id}",
        correction=errand.step == "undo" or not errand.plan_id.startswith(SEED),
    )


class Runner:
    """One run of an errand, told in `tally`; `budget` is how many API requests it may make, from the log-in on."""

    def __init__(
        self, cycle: Cycle, errand: Errand, clock: Clock, tally: Tally, *, limit: int | None, budget: int | None,
        progress: Progress,
    ) -> None:  # fmt: skip
        self.cycle, self.errand, self.clock = cycle, errand, clock
        self.limit, self.progress = limit, progress
        self.ceiling = None if budget is None else cycle.crm.usage().calls + budget
        self.per_write, self.per_read = 1 / PER_REQUEST, 1  # requests that these really cost are learned on the way
        self.fruitless = 0  # requests in a row after which nothing had come to an end
        self.report: Report = cycle.new_report()
        self.tally = tally

    def look(self) -> Tally:
        """Read every record that is still to be done and say what would become of it; nothing is written."""
        self.cycle.connect()
        tally = self.tally
        tally.fates = fates(self.cycle.ledger, self.errand.group)
        for portion in self._portions(self._unfinished(tally.fates), writing=False):
            tally.sendable += sum(1 for _ in self._ready(portion))
            self.progress(len(portion))
        return tally

    def carry_out(self) -> Tally:
        """Do what is still to be done, as far as limit and budget reach; what it came to is in the tally's fates."""
        cycle, group, tally = self.cycle, self.errand.group, self.tally
        try:
            cycle.connect()
            cycle.ledger.rescue()
            if self._may_begin() and self._finish_earlier():
                todo = [task for task in self._unfinished(tally.fates) if not self._is_waiting(task)]
                self.progress(len(self.errand.tasks) - len(todo))
                for portion in self._portions(todo, writing=True):
                    writes = tuple(write_of(self.errand, task, record) for task, record in self._ready(portion))
                    if writes:
                        cycle.ledger.commit(PlanRows(effects=writes), cycle.crm.now())
                        if not self._send(len(writes)):
                            break
                    self.progress(len(portion))
                self._wait_for_the_rest()
        finally:
            tally.fates = fates(cycle.ledger, group)
        return tally

    def _unfinished(self, known: Mapping[str, Fate]) -> list[Task]:
        return [
            task
            for task in self.errand.tasks
            if (fate := known.get(self.errand.effect_id(task))) is None or fate.state not in ENDED
        ]

    def _is_waiting(self, task: Task) -> bool:
        fate = self.tally.fates.get(self.errand.effect_id(task))
        return fate is not None and fate.state in ("pending", "held", "sent", "unknown")

    def _left(self) -> int:
        """Return how many API requests may still be made."""
        return 1_000_000 if self.ceiling is None else self.ceiling - self.cycle.crm.usage().calls

    def _affordable(self, calls: int) -> int:
        """Return how many records can be written with so many requests."""
        return max(0, int(round(calls / self.per_write, 6)))

    def _portions(self, tasks: Sequence[Task], *, writing: bool) -> Iterator[Sequence[Task]]:
        """Yield the tasks in portions for which the budget still has the reading and the writing."""
        start = 0
        while start < len(tasks):
            if self.cycle.stopping():
                return
            taken = self.tally.sent + self.tally.sendable
            room = PORTION if self.limit is None else min(PORTION, self.limit - taken)
            if room <= 0:
                self._stop("limit", "the limit is reached")
                return
            if writing and self.ceiling is not None and not self.tally.sent:
                room = min(room, PER_REQUEST)
            left = self._left() - self.per_read
            affordable = self._affordable(left) if writing else (left + 1) * PORTION
            if affordable <= 0:
                self._stop("budget", "the budget of API requests is used up")
                return
            end = start + min(room, affordable)
            yield tasks[start:end]
            start = end

    def _ready(self, portion: Sequence[Task]) -> Iterator[tuple[Task, Record]]:
        """Read a portion and yield what may be written; the others are noted with the reason."""
        org, before = self.cycle.connect(), self.cycle.crm.usage().calls
        found = self.cycle.crm.read([task.ref for task in portion])
        self.per_read = max(self.per_read, self.cycle.crm.usage().calls - before)
        for task in portion:
            record = found.get(task.ref)
            why = hindrance(task, record, self.errand.step, org.user_id)
            if why is None and isinstance(record, Record):
                yield task, record
            else:
                self.tally.skipped[task.ref] = why or ""

    def _may_begin(self) -> bool:
        """Say whether anything may be sent now: not while leadsync is paused, short of disk or to be recovered."""
        found = self.cycle.delivery.hindrance()
        if found is not None:
            self._stop("hindered", found.text)
        return found is None

    def _finish_earlier(self) -> bool:
        """Look up what an earlier process was cut off from, and send what it wished; say whether there is room for more."""
        cycle, tally = self.cycle, self.tally
        if ceil(unknown_writes(cycle.ledger, cycle.crm.name) / PORTION) > self._left():
            self._stop("budget", "the budget of API requests does not cover looking up what an earlier run left")
            return False
        cycle.delivery.look_up(cycle.crm.now(), self.report)
        waiting = sum(1 for fate in fates(cycle.ledger, self.errand.group).values() if fate.state == "pending")
        goes_on = self._send(waiting) if waiting else True
        tally.fates = fates(cycle.ledger, self.errand.group)
        return goes_on

    def _send(self, count: int) -> bool:
        """Send up to so many writes that wait; say whether the CRM takes more."""
        report, ends, tries = self.report, _ends(self.report), _tries(self.report)
        affordable = self._affordable(self._left())
        if self.limit is not None:
            count = min(count, self.limit - self.tally.sent)
        if affordable <= 0 or count <= 0:
            self._stop("budget" if affordable <= 0 else "limit", "no more of it now")
            return False
        count, calls = min(count, affordable), self.cycle.crm.usage().calls
        self.cycle.delivery.deliver_group(self.errand.group, self.cycle.crm.now(), report, most=count)
        self.tally.sent += _tries(report) - tries
        calls = self.cycle.crm.usage().calls - calls
        if calls > ceil(round(count * self.per_write, 6)):
            self.per_write = calls / count
        if report.hindered is not None:
            found = self.cycle.delivery.hindrance()
            self._stop("hindered", found.text if found else report.hindered)
            return False
        # A locked record or two are theirs alone; nothing twice in a row is the CRM's.
        self.fruitless = self.fruitless + 1 if _ends(report) == ends and _tries(report) > tries else 0
        if self.fruitless == FRUITLESS:
            self._stop("crm", "the CRM takes no writes now, or leadsync's share of its daily requests is used up")
        return self.fruitless < FRUITLESS

    def _wait_for_the_rest(self) -> None:
        """Try records again that were locked or edited a moment ago, as long as that costs seconds only.

        Answers that were lost on the way are looked up first.
        """
        for _ in range(ROUNDS):
            if ceil(unknown_writes(self.cycle.ledger, self.cycle.crm.name) / PORTION) <= self._left():
                self.cycle.delivery.look_up(self.cycle.crm.now(), self.report)
            now = self.cycle.crm.now()
            known = fates(self.cycle.ledger, self.errand.group)
            waits = [
                (fate.retry_at - now).total_seconds() if fate.retry_at else 0.0
                for fate in known.values()
                if fate.state == "pending"
            ]
            if (
                not waits
                or min(waits) > PATIENCE
                or self.tally.stopped in ("budget", "hindered")
                or self.cycle.stopping()
            ):
                return
            self.clock.sleep(max(0.0, *(wait for wait in waits if wait <= PATIENCE)))
            if self._left() <= 0:
                return
            most = min(len(waits), self._affordable(self._left()))
            self.cycle.delivery.deliver_group(self.errand.group, self.cycle.crm.now(), self.report, most=most)

    def _stop(self, stopped: Halt, why: str) -> None:
        self.tally.stopped, self.tally.why = stopped, why


def _tries(report: Report) -> int:
    return _ends(report) + report.retrying


def _ends(report: Report) -> int:
    return report.applied + report.rejected + report.superseded + report.unknown + report.dead
