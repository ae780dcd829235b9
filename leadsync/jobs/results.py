"""What a run came to, as files beside the plan: what was done, and what was not, each row with the reason.

Both are written whole from the outbox after every run, so that after a resume they are what they would have been
without the interruption.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from leadsync.domain.instants import to_text
from leadsync.jobs.errand import ENDED, Errand, Step, Tally, Task
from leadsync.jobs.plan_file import COLUMNS, cells_of, write_csv

SUCCESS = (*COLUMNS, "done_at", "effect_id")
ERROR = (*COLUMNS, "why")


@dataclass(frozen=True, slots=True)
class Result:
    """Where each record of an errand stands: done, left alone or refused with the reason, or still to be done."""

    done: tuple[tuple[Task, str, str], ...]  # with the instant and the effect's id
    not_done: tuple[tuple[Task, str], ...]
    skipped: int
    failed: int
    left: int


def result_of(errand: Errand, tally: Tally) -> Result:
    """Return where each record stands after a run."""
    done, not_done, skipped, failed, left = [], [], 0, 0, 0
    for task in errand.tasks:
        key = errand.effect_id(task)
        fate = tally.fates.get(key)
        if fate is not None and fate.state == "applied":
            done.append((task, to_text(fate.done_at) if fate.done_at else "", key))
        elif fate is not None and fate.state in ENDED:
            failed += 1
            not_done.append((task, f"refused: {fate.error or fate.state}"))
        elif task.ref in tally.skipped:
            skipped += 1
            not_done.append((task, f"skipped: {tally.skipped[task.ref]}"))
        elif fate is not None and fate.state == "superseded":
            skipped += 1
            not_done.append((task, "skipped: somebody changed it in the same moment"))
        else:
            left += 1
    return Result(tuple(done), tuple(not_done), skipped, failed, left)


def result_paths(plan: Path, step: Step) -> tuple[Path, Path]:
    """Return the files for what was done and what was not."""
    infix = ".undo" if step == "undo" else ""
    return plan.with_suffix(f"{infix}.success.csv"), plan.with_suffix(f"{infix}.error.csv")


def write_results(plan: Path, step: Step, plan_id: str, results: Sequence[Result]) -> tuple[Path, Path]:
    """Write both files and return where they are."""
    success, error = result_paths(plan, step)
    done = (one for result in results for one in result.done)
    not_done = (one for result in results for one in result.not_done)
    write_csv(success, SUCCESS, _rows(plan_id, ((task, (at, key)) for task, at, key in done)))
    write_csv(error, ERROR, _rows(plan_id, ((task, (why,)) for task, why in not_done)))
    return success, error


def _rows(plan_id: str, found: Iterable[tuple[Task, tuple[str, ...]]]) -> Iterable[tuple[str, ...]]:
    for task, more in found:
        for row in task.rows:
            yield (*cells_of(plan_id, row), *more)
