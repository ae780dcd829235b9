"""init and check: write the files, and prove that they are right."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import Argument, Option

from leadsync.cli import options
from leadsync.cli.output import emit_json, quiet_logs, say, tell
from leadsync.errors import ConfigError, CrmAuthFailed, CrmUnavailable, LeadsyncError
from leadsync.ports import Finding

if TYPE_CHECKING:
    from leadsync.settings import Loaded


def register(cli: typer.Typer) -> None:
    """Add the commands of this module."""
    cli.command("init")(init)
    cli.command("check")(check)


def init(
    kind: Annotated[Literal["salesforce", "dynamics"], Argument(help="Which CRM.")],
    url: Annotated[str, Option("--url", help="The org's address.")],
    target: Annotated[Path, Option("--to", help="The folder to write config/ and mappings/ into.")] = Path(),
    force: Annotated[bool, Option("--force", help="Overwrite files that exist.")] = False,
) -> None:
    """Write config/ and mappings/ with comments, from the org's own picklists when it can be reached.

    Example: leadsync init salesforce --url https://acme.my.salesforce.com
    """
    from leadsync.building import picklists_of
    from leadsync.settings.write import sample_files

    quiet_logs()
    existing = [str(target / path) for path in sample_files(kind, url, None) if (target / path).exists()]
    if existing and not force:
        raise ConfigError(f"{', '.join(existing)} exist already; say --force to overwrite them")
    picklists, hindrance = picklists_of(kind, url, options.environment())
    files = {target / path: text for path, text in sample_files(kind, url, picklists).items()}
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        say(f"wrote {path}")
    if hindrance:
        say(f"the org was not asked for its picklists: {hindrance}; the stages are the sample's, so check them")
    say("next: leadsync check --live, then leadsync plan")


def check(
    live: Annotated[bool, Option("--live", help="Compare with the CRM: fields, picklists, users, rights.")] = False,
    schema: Annotated[
        Path | None, Option("--schema", help="Write the JSON Schemas for editors into this folder.")
    ] = None,
    channels: Annotated[
        bool, Option("--channels", help="Check that every channel has its secrets and may be reached.")
    ] = False,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    as_json: options.AsJson = False,
) -> None:
    """Validate every YAML file; every problem is named with file, line and column.

    Example: leadsync check --live
    """
    from leadsync.building import build_crm
    from leadsync.clock import SystemClock
    from leadsync.settings import load, schemas

    if schema is not None:
        schema.mkdir(parents=True, exist_ok=True)
        for name, content in schemas().items():
            (schema / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        say(f"wrote the schemas into {schema}")
    quiet_logs()
    env = options.environment()
    loaded = load(config, mappings, env)
    findings = [Finding("files", True, f"{len(loaded.files)} files are valid; rules {loaded.rulebook.hash[:12]}")]
    findings += [Finding("files", False, note, warning=True) for note in loaded.notes]
    failed: list[LeadsyncError] = []
    if channels:
        findings += _channels(loaded, env)
    for name, connection in loaded.settings.crms.items() if live else ():
        try:
            crm = build_crm(name, connection, loaded, env, SystemClock())
            crm.connect()
            findings += crm.inspect()
        except (CrmUnavailable, CrmAuthFailed) as error:
            findings.append(Finding(name, False, str(error)))
            failed.append(error)
    if as_json:
        emit_json(findings)
    else:
        show(findings)
    if failed:
        raise typer.Exit(max(error.exit_code for error in failed))
    if any(not finding.ok and not finding.warning for finding in findings):
        raise typer.Exit(1)


def _channels(loaded: "Loaded", env: Mapping[str, str]) -> list[Finding]:
    """Return whether every channel has what it needs, and what is to be set where it has not."""
    from leadsync.building import build_channels

    try:
        built = build_channels(loaded, env)
    except ConfigError as error:
        return [Finding("channels", False, problem) for problem in error.problems]
    return [Finding("channels", True, f"{len(built)} channels have what they need: {', '.join(built)}")]


def show(findings: Sequence[Finding]) -> None:
    """Print findings, the troubles with what to do about them."""
    for finding in findings:
        sign = "ok  " if finding.ok else ("note" if finding.warning else "FAIL")
        tell(f"{sign} {finding.topic}: {finding.text}")
        if finding.fix and not finding.ok:
            tell(f"       {finding.fix}")
