"""An org in a box and an installation beside it; how they work is in `tests/shared/installation.py`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from installation import Installation, Org
from samples import ALL, Kind
from sandboxes import running, without_faults


@pytest.fixture(scope="module")
def shared_org() -> Iterator[Org]:
    yield from running(Org)


@pytest.fixture
def org(shared_org: Org) -> Iterator[Org]:
    """The module's org, without faults before and after."""
    yield from without_faults(shared_org)


@pytest.fixture
def fresh_org() -> Iterator[Org]:
    """An org of the test's own, whose people are there but nobody they could work on."""
    yield from running(Org, empty=True)


@pytest.fixture
def kind() -> Kind:
    """What the org is taken for; tests that hold for every CRM are parametrized over it."""
    return "salesforce"


@pytest.fixture
def leadsync(tmp_path: Path, org: Org, kind: Kind) -> Installation:
    """An installation that watches the org."""
    made = Installation(tmp_path, org.url, dict(org.secrets), kind)
    made.write()
    return made


@pytest.fixture
def beside(tmp_path: Path, fresh_org: Org) -> Installation:
    """An installation that delivers everything to an org of the test's own."""
    made = Installation(tmp_path, fresh_org.url, dict(fresh_org.secrets))
    made.write(deliver=ALL)
    return made
