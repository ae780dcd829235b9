"""sandbox: the CRM in a box, alone."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from leadsync.errors import ConfigError


def register(cli: typer.Typer) -> None:
    """Add the command of this module."""
    cli.command("sandbox")(sandbox)


def sandbox(
    port: Annotated[int, Option("--port", min=0, max=65535, help="The port; 0 picks a free one.")] = 0,
    host: Annotated[str, Option("--host", help="The address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, Option("--seed", help="The same seed makes the same company.")] = 1,
    leads: Annotated[int, Option("--leads", min=0, help="How many leads came in over the days of past life.")] = 1000,
    days: Annotated[int, Option("--days", min=0, help="Days of past life, ending at --start.")] = 90,
    start: Annotated[str | None, Option("--start", help="The box's instant at the start; now if left out.")] = None,
    frozen: Annotated[bool, Option("--frozen", help="Time moves only by /sandbox/advance.")] = False,
    clock_speed: Annotated[float | None, Option("--clock-speed", min=0, help="People act, this much faster.")] = None,
    bare: Annotated[bool, Option("--bare", help="Plain rows without lives, for load tests.")] = False,
    empty: Annotated[bool, Option("--empty", help="No leads or contacts at all.")] = False,
    token: Annotated[str | None, Option("--token", help="A bearer token to accept.")] = None,
    tls: Annotated[bool, Option("--tls", help="Speak https with a self-signed certificate.")] = False,
    tls_cert: Annotated[Path | None, Option("--tls-cert", help="The certificate to use.")] = None,
    tls_key: Annotated[Path | None, Option("--tls-key", help="Its key.")] = None,
    public_url: Annotated[str | None, Option("--public-url", help="The address to print in links.")] = None,
    state: Annotated[Path | None, Option("--state", help="A file that keeps the box over restarts.")] = None,
) -> None:
    """Run a CRM in a box: it answers like Salesforce and like Dynamics 365, with a company that lives in it.

    Prints one JSON line with its address and credentials when it is ready. Example: leadsync sandbox --port 8700 --seed 3 --leads 5000
    """
    from leadsync.sandbox.box import Options
    from leadsync.sandbox.running import run

    try:
        begin = datetime.fromisoformat(start) if start else None
    except ValueError as error:
        raise ConfigError(f"--start {start!r} is no instant; write it like 2026-03-02T06:00:00Z") from error
    run(
        Options(
            host=host,
            port=port,
            seed=seed,
            leads=leads,
            days=days,
            start=begin,
            frozen=frozen,
            clock_speed=clock_speed,
            bare=bare,
            empty=empty,
            token=token,
            tls=tls,
            tls_cert=tls_cert,
            tls_key=tls_key,
            public_url=public_url,
            state=state,
        )
    )
