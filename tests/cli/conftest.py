"""An org in a box and an installation beside it; how they work is in `installation.py` beside this file."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from installation import Installation, Kind, Org


@pytest.fixture(scope="module")
def shared_org() -> Iterator[Org]:
    org = Org()
    yield org
    org.server.stop()


@pytest.fixture
def org(shared_org: Org) -> Iterator[Org]:
    """The module's org, without faults before and after."""
    shared_org.control("faults")
    yield shared_org
    shared_org.control("faults")


@pytest.fixture
def fresh_org() -> Iterator[Org]:
    """An org of the test's own, whose people are there but nobody they could work on."""
    org = Org(empty=True)
    yield org
    org.server.stop()


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
    made.write(deliver="[notices, stage_entered, score, contact_stage, lead_stage, owner, membership]")
    return made
