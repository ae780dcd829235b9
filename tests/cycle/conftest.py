"""The sample's rules and a real ledger; the org and its channels are in `one_org.py` beside this file."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from one_org import OneOrg, the_rules

from leadsync.ledger import Ledger, open_ledger
from leadsync.settings import Loaded


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return the_rules(tmp_path_factory.mktemp("rules"))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "data" / "leadsync.db") as found:
        yield found


@pytest.fixture
def an_org(ledger: Ledger, loaded: Loaded) -> Callable[..., OneOrg]:
    def make(**given: Any) -> OneOrg:
        return OneOrg(ledger, loaded, **given)

    return make
