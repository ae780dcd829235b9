"""Reads and decides everybody of a ledger in a process of its own and prints what each step cost a person.

The floor is scoring alone: the same facts and touches, nothing but the sum.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from leadsync.app import open_app
from leadsync.delivery import Report
from leadsync.domain.instants import from_text
from leadsync.domain.plan import make_plan
from leadsync.domain.pools import PoolBook
from leadsync.domain.scoring import score
from leadsync.domain.standing import stand
from leadsync.domain.telling import people

T = TypeVar("T")


def main() -> None:
    """Observe, then decide everybody once for each run; print seconds of CPU a person as one JSON object."""
    runs = int(sys.argv[1])
    gc.set_threshold(50_000, 20, 50)  # as the command line has it
    with open_app(Path("config/leadsync.yaml"), Path("mappings"), dict(os.environ)) as app:
        name, cycle = next(iter(app.cycles().items()))
        cycle.connect()
        cycle.observe("complete", Report(name, "complete"))
        now = app.crms[name].now()
        app.ledger.adopt_rulebook(app.rulebook, now)
        persons = app.ledger.undecided(name, 1_000_000)
        grounds = app.grounds(name, from_text(now.strftime("%Y-%m-%dT%H:%M:%SZ")))
        who = people(grounds.directory.users, frozenset())
        found: dict[str, list[float]] = {"read": [], "decide": [], "stand": [], "score": []}
        for _ in range(runs):
            read = timed(
                lambda: [
                    one
                    for start in range(0, len(persons), 500)
                    for one in app.ledger.situations(name, persons[start : start + 500], law=app.rulebook.law)
                ]
            )
            situations = read[0]
            book = PoolBook(app.rulebook.routing.pools, grounds.directory)
            decided = timed(lambda: [make_plan(situations, grounds, book, who, app.settings.alerts.to, {}, {}, {})])  # noqa: B023
            stood = timed(lambda: [stand(one, grounds) for one in situations])  # noqa: B023
            standings = stood[0]
            # By now every fact was asked once and is kept, so this is the sum over terms and touches and no more.
            scored = timed(lambda: [score(app.rulebook.scoring, one.facts, one.touches, now) for one in standings])  # noqa: B023
            for step, (_, cost) in (("read", read), ("decide", decided), ("stand", stood), ("score", scored)):
                found[step].append(cost / len(situations))
        print(json.dumps({"persons": len(persons), **found}))


def timed(work: Callable[[], list[T]]) -> tuple[list[T], float]:
    """Return what a call returns and the CPU it took, in seconds."""
    cpu = time.process_time()
    answer = work()
    return answer, time.process_time() - cpu


if __name__ == "__main__":
    main()
