"""explain and history: why one person stands where they stand, and how they came there."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument

from leadsync.cli import options
from leadsync.cli.output import emit_json, emit_table, quiet_logs, tell
from leadsync.errors import LeadsyncError

if TYPE_CHECKING:
    from leadsync.app import App

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
    from leadsync.app import open_app
    from leadsync.reports.explanation import Explanation, explain_person, to_lines

    moment = options.moment(now)
    quiet_logs()
    with open_app(config, mappings, options.environment(), read_only=True) as app:
        found: list[Explanation] = []
        for crm, person in _persons(app.ledger, ref):
            found.append(explain_person(app.ledger, app.grounds(crm, moment), person))
        if as_json:
            emit_json(found)
            return
        for number, explanation in enumerate(found):
            if number:
                tell("")
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
        names = _names(app)
        emit_table(
            ("at", "what", "object", "text", "by", "verdict", "why"),
            [
                (
                    row["at"], row["what"], row["object"], _named(row["text"], names), _named(row["by"], names),
                    row["verdict"], row["why"],
                )
                for row in rows
            ],
        )  # fmt: skip


def _names(app: "App") -> dict[str, str]:
    """Return the names of the users and queues of every CRM by their ids."""
    names: dict[str, str] = {}
    for crm in app.settings.crms:
        directory = app.grounds(crm, None).directory
        names |= {user.id: user.name for user in directory.users.values()}
        names |= {queue.id: f"queue {queue.name}" for queue in directory.queues.values()}
    return names


def _named(text: str | None, names: dict[str, str]) -> str:
    """Return a text in which ids are names."""
    return " ".join(names.get(word, word) for word in (text or "").split(" "))


def _persons(ledger: Any, ref: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = ledger.find(ref)
    if not found:
        raise NobodyFound(f"the ledger knows nobody by {ref!r}; give a record id, an e-mail address or a person id")
    return found
