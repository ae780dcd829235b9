"""The files that `leadsync init` writes, as an installation in a folder, and what they come to."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from leadsync.cycle import ALL_KINDS
from leadsync.domain.mapping import CrmMapping
from leadsync.settings import Loaded, load, sample_files

Kind = Literal["salesforce", "dynamics"]
ADDRESS: dict[Kind, str] = {
    "salesforce": "https://acme.my.salesforce.com",
    "dynamics": "https://acme.crm4.dynamics.com",
}
ALL = f"[{', '.join(sorted(ALL_KINDS))}]"
"""For `deliver:` in config: everything."""


def write_samples(folder: Path, kind: Kind, url: str) -> None:
    """Write config/ and mappings/ for an org at that address."""
    for path, text in sample_files(kind, url).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def load_from(folder: Path) -> Loaded:
    """Return what config/ and mappings/ in that folder say."""
    return load(folder / "config" / "leadsync.yaml", folder / "mappings", {})


@cache
def shipped(kind: Kind = "salesforce") -> Loaded:
    """Return the settings and rules that leadsync ships for a kind of CRM."""
    with TemporaryDirectory() as folder:
        write_samples(Path(folder), kind, ADDRESS[kind])
        return load_from(Path(folder))


def sample_mapping(kind: Kind) -> CrmMapping:
    """Return the mapping that leadsync ships for a kind of CRM."""
    return shipped(kind).rulebook.mappings[kind]
