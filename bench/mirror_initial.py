"""MIRROR-INITIAL: a first load of leads and contacts into an empty ledger, beside the naive script and the floor.

leadsync does its whole `sync`: start, login, rules, users, accounts, records with their transitions, spans and persons,
and the first thousand decisions. The others only mirror the two tables.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.box import Box, box, initialised, sync
from bench.measure import Figure, Result, Run, in_turns, python, run

LEADS = 100_000
QUICK_LEADS = 20_000
FEW = 1_000
RUNS = 5


def measure(*, quick: bool) -> Result:
    """Run all three in turns, over many rows and over few, and return the medians with the ratios."""
    leads = QUICK_LEADS if quick else LEADS
    many, few = _figures(leads), _figures(FEW)
    ours, naive, floor = (many[name] for name in ("leadsync", "naive", "floor"))
    rate = {name: (leads - FEW) / (many[name].wall - few[name].wall) for name in many}
    return Result(
        "mirror_initial",
        f"{leads} leads and contacts into an empty file",
        tuple(many.values()),
        {
            "naive CPU / leadsync CPU": naive.cpu / ours.cpu,
            "naive wall / leadsync wall": naive.wall / ours.wall,
            "leadsync rate / naive rate": rate["leadsync"] / rate["naive"],
            "leadsync CPU / floor CPU": ours.cpu / floor.cpu,
            "leadsync wall / floor wall": ours.wall / floor.wall,
            "leadsync records a second": rate["leadsync"],
            "naive records a second": rate["naive"],
            "leadsync peak MB": ours.peak_mb,
        },
        (
            "leadsync's figure is the whole command, start, rules and first decisions included",
            f"the rate is that of the rows beyond the first {FEW}, so that it does not hang on what a start costs",
        ),
    )


def _figures(leads: int) -> Mapping[str, Figure]:
    with TemporaryDirectory(prefix="leadsync-bench-") as name, box(leads) as there:
        folder = Path(name)
        config = folder / "org"
        initialised(there, config)
        columns = columns_of(there, config)
        programs = {
            "leadsync": lambda: _sync(there, config),
            "naive": lambda: peer(there, "bench.naive", columns, folder),
            "floor": lambda: peer(there, "bench.floor", columns, folder),
        }
        return in_turns(programs, RUNS)


def columns_of(there: Box, config: Path) -> dict[str, list[str]]:
    """Return the columns of Lead and Contact that the configuration in a folder asks for."""
    run(python("-m", "bench.columns"), cwd=config, env=there.env())
    found: dict[str, list[str]] = json.loads((config / "words.txt").read_text())
    return found


def _sync(there: Box, config: Path) -> Run:
    for old in config.glob("data/*"):
        old.unlink()
    return run(sync(), cwd=config, env=there.env())


def peer(there: Box, module: str, columns: dict[str, list[str]], folder: Path) -> Run:
    """Run a peer into an empty file."""
    file = folder / "peer.db"
    for old in folder.glob("peer.db*"):
        old.unlink()
    job = {"url": there.url, "token": there.token, "columns": columns, "file": str(file)}
    return run(python("-m", module, json.dumps(job)), cwd=folder, env=there.env())
