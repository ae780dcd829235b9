"""Makes a box as the options say: from a kept state, empty, with plain rows, or with a world that has lived."""

import pickle
from datetime import UTC, datetime
from pathlib import Path

from leadsync.sandbox.bare import fill
from leadsync.sandbox.box import Box, Options, World
from leadsync.sandbox.clock import SimClock
from leadsync.sandbox.founding import Basics, found_basics
from leadsync.sandbox.store import Store


def make_box(options: Options) -> Box:
    """Return a box that is ready to be served."""
    kept = _kept(options.state) if options.state else None
    if kept is not None:
        now, store, basics, world = kept
        store.clock = SimClock(now, _speed(options))
        return Box(options, store, basics, world)
    start = (options.start or datetime.now(UTC)).astimezone(UTC)
    # While the past is written the clock stands still at the start; it runs from there.
    store = Store(SimClock(start), options.seed)
    basics = found_basics(store, start)
    world = None
    if options.bare:
        fill(store, basics, leads=options.leads, days=options.days, start=start)
    elif not options.empty:
        # The world builds on the store and is not needed by a box without one.
        from leadsync.sandbox.world import found

        world = found(store, seed=options.seed, leads=options.leads, days=options.days, start=start)
    store.clock = SimClock(start, _speed(options))
    return Box(options, store, basics, world)


def _speed(options: Options) -> float:
    return 0.0 if options.frozen else options.clock_speed or 1.0


def keep(box: Box) -> None:
    """Write the box's state to its file, if it has one; replaced as a whole, so a crash leaves the old one."""
    path = box.options.state
    if path is None:
        return
    with box.store.lock:
        content = pickle.dumps((box.clock.now(), box.store, box.basics, box.world))
    draft = path.with_suffix(path.suffix + ".new")
    draft.write_bytes(content)
    draft.replace(path)


def _kept(path: Path) -> tuple[datetime, Store, Basics, World | None] | None:
    """What `keep` wrote; only ever a file that the operator of this box named."""
    if not path.exists():
        return None
    kept: tuple[datetime, Store, Basics, World | None] = pickle.loads(path.read_bytes())  # noqa: S301
    return kept
