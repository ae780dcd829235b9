"""A daemon beside an org in a box: `running_daemon.py` here, and the installations of the command line's tests."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))
sys.path.insert(0, str(Path(__file__).parent.parent / "cycle"))

from installation import ALL, Installation, Kind, Org
from running_daemon import Daemon


@pytest.fixture
def daemons() -> Iterator[Callable[..., Daemon]]:
    started: list[Daemon] = []

    def start(made: Installation, *args: str) -> Daemon:
        started.append(Daemon(made, *args))
        return started[-1]

    yield start
    for daemon in started:
        if daemon.process.poll() is None:
            daemon.kill()


@pytest.fixture(scope="module")
def shared_org() -> Iterator[Org]:
    org = Org()
    yield org
    org.server.stop()


@pytest.fixture
def org(shared_org: Org) -> Iterator[Org]:
    shared_org.control("faults")
    yield shared_org
    shared_org.control("faults")


@pytest.fixture
def kind() -> Kind:
    """What the org is taken for; tests that hold for every CRM are parametrized over it."""
    return "salesforce"


@pytest.fixture
def made(tmp_path: Path, org: Org, kind: Kind) -> Installation:
    """An installation that delivers everything to the module's org."""
    installation = Installation(tmp_path, org.url, dict(org.secrets), kind)
    installation.write(deliver=ALL)
    return installation
