"""DECIDE: decisions a second over people with a past, beside the floor of scoring alone."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.box import box, initialised
from bench.measure import Result, Run, median, python, run

LEADS = 3_000
QUICK_LEADS = 500
RUNS = 3


def measure(*, quick: bool) -> Result:
    """Observe a company that has lived for three months and decide everybody of it."""
    leads = QUICK_LEADS if quick else LEADS
    with TemporaryDirectory(prefix="leadsync-bench-") as name, box(leads, lived=True) as there:
        config = Path(name) / "org"
        initialised(there, config)
        run(python("-m", "bench.deciding", str(RUNS)), cwd=config, env=there.env())
        said = json.loads((config / "words.txt").read_text().splitlines()[-1])
    figures = {
        step: median(f"{step} 1,000 persons", [Run(1000 * cost, 1000 * cost, 0.0) for cost in said[step]])
        for step in ("read", "decide", "stand", "score")
    }
    return Result(
        "decide",
        f"{said['persons']} persons of a company with three months of past",
        tuple(figures.values()),
        {
            "decide / floor of scoring alone": figures["decide"].cpu / figures["score"].cpu,
            "read and decide / floor": (figures["read"].cpu + figures["decide"].cpu) / figures["score"].cpu,
            "decisions a second of CPU, reading included": 1000 / (figures["read"].cpu + figures["decide"].cpu),
        },
        ("wall is not measured apart: nothing here waits",),
    )
