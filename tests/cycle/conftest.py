"""The sample's rules and a real ledger; the org and its channels are in `tests/shared/one_org.py`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from one_org import OneOrg
from samples import shipped

from leadsync.ledger import Ledger, open_ledger
from leadsync.settings import Loaded


@pytest.fixture(scope="session")
def loaded() -> Loaded:
    return shipped()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "data" / "leadsync.db") as found:
        yield found


@pytest.fixture
def an_org(ledger: Ledger, loaded: Loaded) -> Callable[..., OneOrg]:
    def make(**given: Any) -> OneOrg:
        return OneOrg(ledger, loaded, **given)

    return make
