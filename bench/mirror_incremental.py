"""MIRROR-INCREMENTAL: 5,000 changed rows on a ledger that knows the others, and pages delivered again unchanged.

Only the work of observing is counted, without start and rules: what a daemon pays each time.
"""

import json
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench.box import SEED, Box, box, initialised
from bench.measure import Figure, Result, Run, median, python, run, say
from bench.mirror_initial import columns_of

LEADS = 100_000
CHANGED = 5_000
QUICK_LEADS = 10_000
QUICK_CHANGED = 500
RUNS = 3
STATUSES = ("Inquiry", "MAQL", "LAL", "MQL", "SAL")


def measure(*, quick: bool) -> Result:
    """Load once, then in each run change rows, observe them with both, and read everything again."""
    leads, changed = (QUICK_LEADS, QUICK_CHANGED) if quick else (LEADS, CHANGED)
    found: dict[str, list[Run]] = {"first load": [], "changed rows": [], "floor: changed rows": [], "again": []}
    calls: list[int] = []
    with TemporaryDirectory(prefix="leadsync-bench-") as name, box(leads) as there:
        config = Path(name) / "org"
        initialised(there, config)
        columns = columns_of(there, config)
        job: dict[str, object] = {
            "url": there.url,
            "token": there.token,
            "columns": columns,
            "file": str(Path(name) / "floor.db"),
        }
        found["first load"].append(_observed(there, config, "complete")[0])
        _floor(there, config, job)
        random = Random(SEED)
        for number in range(RUNS):
            since = there.now()
            _change(there, changed, random)
            ours, said = _observed(there, config, "complete")
            assert said["changed"] >= changed, said
            calls.append(int(said["api_calls"]))
            found["changed rows"].append(ours)
            found["floor: changed rows"].append(_floor(there, config, {**job, "since": since}, at_least=changed))
            again, said = _observed(there, config, "again")
            assert said["changed"] == 0, said
            found["again"].append(again)
            say(f"  {number + 1}/{RUNS}")
    figures = {name: median(name, runs) for name, runs in found.items()}
    return _result(leads, changed, figures, max(calls))


def _result(leads: int, changed: int, figures: dict[str, Figure], calls: int) -> Result:
    first, ours, floor, again = figures.values()
    return Result(
        "mirror_incremental",
        f"{changed} changed rows on {leads}, and all {leads} once more unchanged",
        tuple(figures.values()),
        {
            "leadsync CPU / floor CPU": ours.cpu / floor.cpu,
            "leadsync wall / floor wall": ours.wall / floor.wall,
            "ms of CPU a changed row": 1000 * ours.cpu / changed,
            "unchanged CPU / first write CPU": again.cpu / first.cpu,
            "API requests of a pass with changes": calls,
        },
        ("the floor asks for the changed rows by their stamp alone and would miss what was in flight or deleted",),
    )


def _change(there: Box, count: int, random: Random) -> None:
    for object_name, field in (("Lead", "Status"), ("Contact", "Contact_Status__c")):
        ids = there.ids(object_name, count)
        picked = random.sample(ids, min(count // 2, len(ids)))
        # A title that was never there, so that every row changes whatever status it had.
        rows: list[dict[str, object]] = [
            {"Id": one, field: random.choice(STATUSES), "Title": f"Buyer {random.random()}"} for one in picked
        ]
        there.write(object_name, rows)


def _observed(there: Box, config: Path, what: str) -> tuple[Run, dict[str, float]]:
    run(python("-m", "bench.observing", what), cwd=config, env=there.env())
    said = json.loads((config / "words.txt").read_text().splitlines()[-1])
    return Run(said["cpu"], said["wall"], said["peak_mb"]), said


def _floor(there: Box, config: Path, job: dict[str, object], *, at_least: int = 0) -> Run:
    whole = run(python("-m", "bench.floor", json.dumps(job)), cwd=config, env=there.env())
    said = json.loads((config / "words.txt").read_text().splitlines()[-1])
    assert said["rows"] >= at_least, said
    return Run(said["cpu"], said["wall"], whole.peak_mb)
