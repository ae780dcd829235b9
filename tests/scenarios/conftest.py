"""One office for every scenario, over both CRMs; what it offers stands in `office.py`."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))
sys.path.insert(0, str(Path(__file__).parent.parent / "daemon"))

from office import Kind, Office


@pytest.fixture(params=["salesforce", "dynamics"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of CRM in turn."""
    found: Kind = request.param
    return found


@pytest.fixture
def make_office(kind: Kind, tmp_path: Path) -> Iterator[Callable[..., Office]]:
    """Open offices with options: start, go_live_at, deliver, history; all are closed at the end."""
    made: list[Office] = []

    def make(**options: Any) -> Office:
        folder = tmp_path / f"office{len(made)}"
        made.append(Office(folder, kind, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def office(make_office: Callable[..., Office]) -> Office:
    """An office live since January that delivers everything."""
    found: Office = make_office()
    return found
