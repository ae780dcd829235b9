"""One office for every scenario, over both CRMs; what it offers stands in `tests/shared/office.py`."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from office import Office
from samples import Kind
from sandboxes import several


@pytest.fixture(params=["salesforce", "dynamics"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of CRM in turn."""
    found: Kind = request.param
    return found


@pytest.fixture
def make_office(kind: Kind, tmp_path: Path) -> Iterator[Callable[..., Office]]:
    """Open offices with options: start, go_live_at, deliver, history; all are closed at the end."""
    numbers = count()
    yield from several(lambda **options: Office(tmp_path / f"office{next(numbers)}", kind, **options))


@pytest.fixture
def office(make_office: Callable[..., Office]) -> Office:
    """An office live since January that delivers everything."""
    return make_office()
