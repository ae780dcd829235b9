"""explain and history: why one person stands where they stand, and how they came there."""

from typing import Annotated, Any

import typer
from typer import Argument

from leadsync.cli import options
from leadsync.cli.output import emit_json, emit_table, tell
from leadsync.errors import LeadsyncError

Ref = Annotated[str, Argument(help="A record id, an e-mail address or a person id.")]


def register(cli: typer.Typer) -> None:
    """Add the commands of this module."""
    cli.command("explain")(explain)
    cli.command("history")(history)


class NobodyFound(LeadsyncError):
    """The ledger knows nobody by this name."""


def explain(
    ref: Ref,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    now: options.Now = None,
    as_json: options.AsJson = False,
) -> None:
    """Show why a person has their stage, owner, score and due time.

    Example: leadsync explain 00Q5f000001AbCdEAK
    """
    from leadsync.app import open_app, parse_now
    from leadsync.reports.explanation import Explanation, explain_person, to_lines

    moment = parse_now(now)
    with open_app(config, mappings, options.environment(), read_only=True) as app:
        found: list[Explanation] = []
        for crm, person in _persons(app.ledger, ref):
            found.append(explain_person(app.ledger, app.grounds(crm, moment), person))
        if as_json:
            emit_json(found)
            return
        for explanation in found:
            for line in to_lines(explanation):
                tell(line)


def history(
    ref: Ref,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    as_json: options.AsJson = False,
) -> None:
    """Show everything the ledger holds of one person, in order.

    Example: leadsync history ada@acme.example --json
    """
    from leadsync.app import open_app

    with open_app(config, mappings, options.environment(), read_only=True) as app:
        rows: list[dict[str, Any]] = []
        for _crm, person in _persons(app.ledger, ref):
            rows += [dict(row) for row in app.ledger.history(person)]
        if as_json:
            emit_json(rows)
            return
        columns = list(rows[0]) if rows else []
        emit_table(columns, [list(row.values()) for row in rows])


def _persons(ledger: Any, ref: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = ledger.find(ref)
    if not found:
        raise NobodyFound(f"the ledger knows nobody by {ref!r}; give a record id, an e-mail address or a person id")
    return found
