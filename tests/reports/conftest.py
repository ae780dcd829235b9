"""A real ledger per test that lives by the sample's rules. How people's stories are told to it is in `report_facts.py`."""

import sys
from collections.abc import Callable, Iterator
from importlib.resources import as_file, files
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "ledger"))
sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))

from installation import Installation, Org
from report_facts import Funnel

from leadsync.domain.rulebook import Rulebook
from leadsync.ledger import open_ledger
from leadsync.settings import load


@pytest.fixture(scope="session")
def rulebook() -> Rulebook:
    """The shipped sample."""
    with as_file(files("leadsync.settings").joinpath("samples")) as samples:
        return load(samples / "config" / "leadsync.yaml", samples / "mappings", {}).rulebook


@pytest.fixture
def funnels(rulebook: Rulebook, tmp_path: Path) -> Iterator[Callable[[], Funnel]]:
    """Make ledgers; all are closed at the end."""
    made: list[Funnel] = []

    def make() -> Funnel:
        made.append(Funnel(open_ledger(tmp_path / f"{len(made)}.db"), rulebook))
        return made[-1]

    yield make
    for one in made:
        one.ledger.close()


@pytest.fixture
def told(funnels: Callable[[], Funnel]) -> Funnel:
    return funnels()


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    made = Org()
    yield made
    made.server.stop()


@pytest.fixture
def leadsync(tmp_path: Path, org: Org) -> Installation:
    """An installation that watches the org."""
    made = Installation(tmp_path, org.url, dict(org.secrets))
    made.write()
    return made
