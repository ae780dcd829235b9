"""Running programs and measuring them: CPU, wall and peak memory of each fresh process, taken in turns.

The machine is shared, so ratios of medians from one interleaved run are what counts; times only give a scale.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one program: seconds of CPU (user and system), seconds of wall time, peak memory in MB."""

    cpu: float
    wall: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of a program's runs, and how far apart the quickest and the slowest were, as a share of the median."""

    name: str
    runs: int
    cpu: float
    wall: float
    peak_mb: float
    spread: float


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found; `ratios` are the figures that mean something on another machine."""

    name: str
    what: str
    figures: tuple[Figure, ...]
    ratios: Mapping[str, float]
    notes: tuple[str, ...] = ()


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> Run:
    """Run a program to its end and return what it cost; raises RuntimeError with its last words when it fails."""
    words = cwd / "words.txt"
    with words.open("wb") as out:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=out, stderr=out)
        # wait4 and not getrusage(RUSAGE_CHILDREN): the box is a child too, and peaks do not add up.
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said = words.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(command[:6])} ended with {process.returncode}:\n{said}")
    return Run(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def in_turns(programs: Mapping[str, Callable[[], Run]], runs: int) -> dict[str, Figure]:
    """Run every program so many times, one after the other in turns, and return the medians by name."""
    found: dict[str, list[Run]] = {name: [] for name in programs}
    for number in range(runs):
        for name, program in programs.items():
            measured = program()
            found[name].append(measured)
            say(
                f"  {number + 1}/{runs} {name}: {measured.cpu:.2f} s CPU, {measured.wall:.2f} s, {measured.peak_mb:.0f} MB"
            )
    return {name: median(name, measured) for name, measured in found.items()}


def median(name: str, runs: Sequence[Run]) -> Figure:
    """Return the median of runs; of memory the highest."""
    cpus = [one.cpu for one in runs]
    middle = statistics.median(cpus)
    return Figure(
        name,
        len(runs),
        middle,
        statistics.median(one.wall for one in runs),
        max(one.peak_mb for one in runs),
        (max(cpus) - min(cpus)) / middle if middle else 0.0,
    )


def timed(work: Callable[[], object], runs: int) -> list[Run]:
    """Return what each of so many calls in this process costs; memory is not measured."""
    found = []
    for _ in range(runs):
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        found.append(Run(time.process_time() - cpu, time.perf_counter() - wall, 0.0))
    return found


def compared(works: Mapping[str, Callable[[], object]], runs: int) -> dict[str, Figure]:
    """Return the medians of calls in this process, made in turns."""
    return in_turns({name: lambda work=work: timed(work, 1)[0] for name, work in works.items()}, runs)  # type: ignore[misc]


def say(line: str) -> None:
    """Say something to the person at the terminal."""
    print(line, file=sys.stderr, flush=True)


def python(*words: str) -> list[str]:
    """Return the command line of this interpreter."""
    return [sys.executable, *words]
