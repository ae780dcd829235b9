"""doctor: is everything well, and if not, what to do."""

import sqlite3
from pathlib import Path

import typer

from leadsync.cli import options
from leadsync.cli.files import show
from leadsync.cli.output import emit_json, quiet_logs
from leadsync.errors import LeadsyncError
from leadsync.ports import Finding

SAFE_SQLITE = (3, 51, 3)
"""The first release without the WAL-reset race; 3.50.7 and 3.44.6 have the fix too (reliability.md 3)."""


def register(cli: typer.Typer) -> None:
    """Add the command of this module."""
    cli.command("doctor")(doctor)


def doctor(
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    as_json: options.AsJson = False,
) -> None:
    """Look at connection, rights, limits, clock skew and ledger; each line says what to do.

    Example: leadsync doctor
    """
    from leadsync.building import build_crm
    from leadsync.clock import SystemClock
    from leadsync.settings import load

    quiet_logs()
    env = options.environment()
    loaded = load(config, mappings, env)
    findings = [Finding("rules", True, f"{len(loaded.files)} files are valid; rules {loaded.rulebook.hash[:12]}")]
    findings += _ledger(Path(loaded.settings.ledger.location))
    clock = SystemClock()
    worst = 0
    for name, connection in loaded.settings.crms.items():
        try:
            crm = build_crm(name, connection, loaded, env, clock)
            org = crm.connect()
            findings.append(Finding(name, True, f"connected to {org.instance} as user {org.user_id}"))
            skew = (clock.wall() - crm.now()).total_seconds()
            findings.append(
                Finding(
                    f"{name} clock",
                    abs(skew) <= 60,
                    f"this machine is {skew:+.0f} s from the CRM",
                    "set this machine's clock by NTP; leadsync decides in the CRM's time all the same",
                    warning=True,
                )
            )
            findings += crm.inspect()
            usage = crm.usage()
            if usage.limit:
                share = (usage.used or 0) / usage.limit
                text = f"{usage.used} of {usage.limit} API requests of the day are used"
                findings.append(
                    Finding(f"{name} limits", share < 0.9, text, "find out who uses the org's API", warning=True)
                )
        except LeadsyncError as error:
            worst = max(worst, error.exit_code)
            findings.append(Finding(name, False, str(error)))
    if as_json:
        emit_json(findings)
    else:
        show(findings)
    if worst or any(not finding.ok and not finding.warning for finding in findings):
        raise typer.Exit(worst or 1)


def _ledger(location: Path) -> list[Finding]:
    from leadsync.ledger import backup

    version = tuple(int(part) for part in sqlite3.sqlite_version.split("."))
    safe = version >= SAFE_SQLITE or (
        version[:2] in ((3, 50), (3, 44)) and version[2] >= (7 if version[1] == 50 else 6)
    )
    findings = [
        Finding(
            "sqlite",
            safe,
            f"SQLite {sqlite3.sqlite_version}",
            "leadsync writes through one connection, which is safe; let no other program write to the ledger",
            warning=True,
        )
    ]
    if not location.exists():
        return [
            *findings,
            Finding("ledger", True, f"{location} does not exist yet; the first `leadsync sync` makes it"),
        ]
    try:
        problems = backup.check(location)
    except LeadsyncError as error:
        return [*findings, Finding("ledger", False, str(error))]
    text = "the ledger is whole" if not problems else "; ".join(problems[:3])
    fix = "stop the daemon and restore a backup: `leadsync ledger restore FILE`"
    return [*findings, Finding("ledger", not problems, text, fix)]
