"""Observes a box in a process of its own and prints what that cost, start and decisions left out.

`python -m bench.observing complete` stores what changed since the marks (everything, into an empty ledger);
`again` reads every lead and contact once more, although nothing changed.
"""

import gc
import json
import os
import resource
import sys
import time
from pathlib import Path

from leadsync.app import open_app
from leadsync.delivery import Report


def main() -> None:
    """Do one pass of observing in the folder at hand and print its cost as one JSON object."""
    gc.set_threshold(50_000, 20, 50)  # as the command line has it
    with open_app(Path("config/leadsync.yaml"), Path("mappings"), dict(os.environ)) as app:
        name, cycle = next(iter(app.cycles().items()))
        cycle.connect()
        if sys.argv[1] == "again":
            cycle.reread()
        report = Report(name, "complete")
        cpu, wall = time.process_time(), time.perf_counter()
        cycle.observe("complete", report)
        print(
            json.dumps(
                {
                    "cpu": time.process_time() - cpu,
                    "wall": time.perf_counter() - wall,
                    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                    "rows": report.observed,
                    "changed": report.changed,
                    "api_calls": app.crms[name].usage().calls,
                }
            )
        )


if __name__ == "__main__":
    main()
