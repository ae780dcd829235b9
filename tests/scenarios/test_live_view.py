"""What somebody sees who watches the demo: five stories, each told as it happens."""

from io import StringIO

from rich.console import Console

from leadsync.cli.demo.run import STEP
from leadsync.cli.demo.screen import Screen
from leadsync.cli.demo.stage import set_up


def test_the_live_view_tells_what_came_moved_was_mended_was_given_and_went_stale() -> None:
    with set_up(seed=7, leads=500) as stage:
        [cycle] = stage.app.cycles().values()
        names = {"005": "nobody"}
        with Screen(names, watched=True) as screen:
            for _ in range(3 * 86400 // STEP):
                screen.show(cycle.run("complete"), stage.location, cycle.crm.now())
                stage.control("advance", seconds=STEP)
            console = Console(record=True, width=150, height=60, file=StringIO())
            console.print(screen._live.renderable)
    shown = console.export_text()

    for title in ("What came in", "What moved", "Who got what", "What went stale", "What was mended", "Live records"):
        assert title in shown
    assert " as inquiry" in shown
    assert ", by leadsync" in shown
    assert ": told " in shown
    assert any(mended in shown for mended in ("put back", "sent on to the right stage", "reported"))
