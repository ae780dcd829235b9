"""A daemon beside an org in a box; how it is run is in `tests/shared/running_daemon.py`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from installation import Installation, Org
from running_daemon import Daemon
from samples import ALL, Kind
from sandboxes import running, without_faults


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
    yield from running(Org)


@pytest.fixture
def org(shared_org: Org) -> Iterator[Org]:
    yield from without_faults(shared_org)


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
