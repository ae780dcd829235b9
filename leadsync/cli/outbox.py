"""outbox: what leadsync wishes to do, has done, and holds back."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import Argument, Option

from leadsync.cli import options
from leadsync.cli.output import emit_json, emit_table, say
from leadsync.domain.instants import to_text
from leadsync.domain.transitions import MASS
from leadsync.errors import LeadsyncError

if TYPE_CHECKING:
    from leadsync.ledger.bursts import HeldChange

COLUMNS = (
    "effect_id", "kind", "group_id", "object", "record_id", "state", "attempts", "retry_at", "decided_at", "error",
)  # fmt: skip


def register(cli: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="What leadsync wishes to do, has done, and holds back.")
    group.command("list")(list_effects)
    group.command("retry")(retry)
    group.command("release")(release)
    cli.add_typer(group, name="outbox")


def list_effects(
    state: Annotated[
        Literal["pending", "held", "sent", "unknown", "applied", "rejected", "superseded", "dead"] | None,
        Option("--state", help="Only this state."),
    ] = None,
    limit: Annotated[int, Option("--limit", min=1, help="At most this many.")] = 100,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    as_json: options.AsJson = False,
) -> None:
    """List effects, the newest first.

    Example: leadsync outbox list --state held
    """
    from leadsync.app import open_app

    with open_app(config, mappings, options.environment(), read_only=True) as app:
        changes = app.ledger.held_changes() if state in (None, "held") else []
        rows = [*map(_as_row, changes), *(dict(row) for row in app.ledger.list_outbox(state, limit))]
    if as_json:
        emit_json(rows)
        return
    emit_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows])


def _as_row(change: "HeldChange") -> dict[str, object]:
    """Return a mass change that waits as a row among the effects: it has none before it is let go."""
    empty = dict.fromkeys(("effect_id", "object", "record_id", "retry_at", "done_at", "error"))
    return {
        **empty,
        "kind": "mass change",
        "group_id": change.group_id,
        "crm": change.crm,
        "fields": {"moves": change.moves},
        "state": "held",
        "attempts": 0,
        "decided_at": to_text(change.at),
    }


def retry(
    effect_id: Annotated[str, Argument(help="The effect's id, from `outbox list`.")],
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
) -> None:
    """Try a rejected or dead effect again; it keeps its id.

    Example: leadsync outbox retry 6f1d1c1e-6a1b-5c6e-9d53-2b8c7d0c9a11
    """
    from leadsync.app import open_app

    with open_app(config, mappings, options.environment()) as app:
        if not app.ledger.retry(effect_id):
            raise LeadsyncError(f"no rejected or dead effect has the id {effect_id}; see `leadsync outbox list`")
    say("it will be tried in the next cycle")


def release(
    group: Annotated[str, Argument(help="The group's name, from `outbox list --state held`.")],
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
) -> None:
    """Let a group go that a safety limit holds back, or a mass change of moves: what it asks for is then decided.

    Example: leadsync outbox release "lead_stage:hundred points"
    """
    from leadsync.app import open_app

    with open_app(config, mappings, options.environment()) as app:
        seen = [at for name in app.crms if (at := app.seen_at(name)) is not None]
        count = app.ledger.release(group, max(seen, default=app.clock.wall()))
    if not count:
        raise LeadsyncError(f"nothing of the group {group!r} is held; see `leadsync outbox list --state held`")
    what = "moves of a mass change" if group.startswith(MASS) else "effects"
    say(f"{count} {what} released; the next cycle acts on them")
