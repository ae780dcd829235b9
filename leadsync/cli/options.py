"""The options that many commands share."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

from typer import Option

from leadsync.domain.instants import from_text
from leadsync.errors import ConfigError

Config = Annotated[Path, Option("--config", envvar="LEADSYNC_CONFIG", help="How leadsync runs.", show_default=True)]
Mappings = Annotated[Path, Option("--mappings", envvar="LEADSYNC_MAPPINGS", help="The folder of the rules.")]
AsJson = Annotated[bool, Option("--json", help="Print JSON for machines.")]
Deliver = Annotated[bool, Option("--deliver", help="Deliver everything, whatever config says.")]
Now = Annotated[str | None, Option("--now", help="Decide as of this instant, e.g. 2026-12-01T08:00:00Z.")]

CONFIG = Path("config/leadsync.yaml")
MAPPINGS = Path("mappings")


def environment() -> dict[str, str]:
    """Return the environment, where alone secrets come from."""
    return dict(os.environ)


def moment(now: str | None) -> datetime | None:
    """Return the instant that `--now` names; raises ConfigError for anything else."""
    if now is None:
        return None
    try:
        return from_text(now)
    except ValueError as error:
        raise ConfigError(f"--now {now!r} is no instant; write it like 2026-12-01T08:00:00Z") from error
