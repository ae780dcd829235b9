"""A real ledger per test that lives by the sample's rules. How people's stories are told to it is in `report_facts.py`."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from installation import Installation, Org
from report_facts import Funnel
from samples import shipped
from sandboxes import running

from leadsync.domain.rulebook import Rulebook
from leadsync.ledger import open_ledger


@pytest.fixture(scope="session")
def rulebook() -> Rulebook:
    """The shipped sample."""
    return shipped().rulebook


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
    yield from running(Org)


@pytest.fixture
def fresh_org() -> Iterator[Org]:
    """An org of the test's own, whose people are there but nobody they could work on."""
    yield from running(Org, empty=True)


@pytest.fixture
def leadsync(tmp_path: Path, org: Org) -> Installation:
    """An installation that watches the org."""
    made = Installation(tmp_path, org.url, dict(org.secrets))
    made.write()
    return made
