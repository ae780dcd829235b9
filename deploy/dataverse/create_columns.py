"""Creates in a Dataverse environment the columns that a mapping names and the tables lack; nothing that is there changes.

Which columns, and the options of choices, come from mappings/*.yaml, so that they fit the stages and reasons in force.
Needs somebody who may customise: an application user with the role System Customizer, which leadsync's own need not have.

    python deploy/dataverse/create_columns.py --dry-run
    LEADSYNC_ADMIN_CLIENT_ID=... LEADSYNC_ADMIN_CLIENT_SECRET=... \\
        python deploy/dataverse/create_columns.py --credentials LEADSYNC_ADMIN --solution leadsync
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from leadsync.cli.output import complain, tell
from leadsync.clock import SystemClock
from leadsync.crm.calls import Budget
from leadsync.crm.dynamics.auth import Credentials, Login
from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.metadata import Metadata
from leadsync.crm.dynamics.verdicts import refused
from leadsync.domain.conditions import fold
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.rulebook import Rulebook
from leadsync.errors import LeadsyncError
from leadsync.http import new_session
from leadsync.settings import load
from leadsync.settings.credentials import credentials

FIRST_OPTION = 100_000_000
LANGUAGE = 1033
_CRM = "Microsoft.Dynamics.CRM."
_NUMBER = ("Integer", {"MinValue": 0, "MaxValue": 999_999, "Format": "None"})
_INSTANT = ("DateTime", {"Format": "DateAndTime", "DateTimeBehavior": {"Value": "UserLocal"}})
_YES_NO = ("Boolean", {"DefaultValue": False})
_TEXT = ("String", {"MaxLength": 255, "FormatName": {"Value": "Text"}})

SHAPES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "score": ("Integer", {"MinValue": 0, "MaxValue": 999, "Format": "None"}),
    "product": _TEXT, "disposition": _TEXT, "queue": _TEXT,
    "brief": ("Memo", {"MaxLength": 4000}),
    "operation": ("String", {"MaxLength": 64, "FormatName": {"Value": "Text"}}),
    "stage_entered_at": _INSTANT, "held_until": _INSTANT, "first_mql_at": _INSTANT, "last_mql_at": _INSTANT,
    "sla_due_at": _INSTANT, "recycle_count": _NUMBER, "mql_count": _NUMBER, "stage_age": _NUMBER,
    "marketable": _YES_NO, "misrouted": _YES_NO,
}  # fmt: skip
"""What leadsync's own fields are in Dataverse; stage and recycle reason are choices, the assignee a lookup."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One column that is missing: its table, its name, and what makes it."""

    table: str
    column: str
    kind: str
    path: str
    body: Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config", type=Path, default=Path("config/leadsync.yaml"))
    parser.add_argument("--mappings", type=Path, default=Path("mappings"))
    parser.add_argument("--crm", default="dynamics", help="the CRM's name in config")
    parser.add_argument("--credentials", help="how the names of the variables begin, by default the CRM's own")
    parser.add_argument("--solution", help="the unmanaged solution that the columns are to belong to")
    parser.add_argument("--dry-run", action="store_true", help="say what would be created, create nothing")
    given = parser.parse_args(arguments)
    try:
        return run(given)
    except LeadsyncError as error:
        complain(error)
        return error.exit_code


def run(given: argparse.Namespace) -> int:
    """Create what is missing and return the exit code."""
    loaded = load(given.config, given.mappings, os.environ)
    connection, mapping = loaded.settings.crms[given.crm], loaded.rulebook.mappings[given.crm]
    prefix = given.credentials or connection.credentials
    found = credentials(prefix, os.environ)
    login = Credentials(
        prefix, found.client_id.reveal() if found.client_id else None, found.client_secret, found.certificate,
        found.private_key, found.password, found.token,
    )  # fmt: skip
    clock, stop = SystemClock(), Event()
    client = Client(
        new_session(), Login(connection.url, connection.tenant or "", login, clock=clock, stop=stop), connection.url,
        connection.api_version, clock=clock, stop=stop, budget=Budget(clock, 1.0, 0.0),
    )  # fmt: skip
    wanted = list(missing(Metadata(client), mapping, loaded.rulebook))
    headers = {"MSCRM.SolutionUniqueName": given.solution} if given.solution else {}
    for one in wanted:
        tell(f"{'would create' if given.dry_run else 'creating'} {one.table}.{one.column} ({one.kind})")
        if not given.dry_run:
            answer = client.send("POST", one.path, body=one.body, headers=headers)
            if answer.status not in (200, 201, 204):
                raise refused(answer, f"{one.table}.{one.column}")
    if wanted and not given.dry_run:
        answer = client.send("POST", "PublishAllXml", body={})
        if answer.status not in (200, 204):
            raise refused(answer, "PublishAllXml")
    tell(f"{len(wanted)} columns {'are missing' if given.dry_run else 'created'}; next: leadsync check --live")
    return 0


def missing(metadata: Metadata, mapping: CrmMapping, rulebook: Rulebook) -> Iterator[Wanted]:
    """Yield the columns of leadsync's own that the mapping names and the tables lack."""
    for objects in mapping.objects.values():
        table = metadata.table(objects.native)
        where = f"EntityDefinitions(LogicalName='{table.name}')/Attributes"
        for name, field in {"stage": objects.stage, **objects.fields}.items():
            column = field.native[0]
            if not field.write or column in table.attributes:
                continue
            if name in ("stage", "recycle_reason"):
                values = _stages(mapping) if name == "stage" else [one.label for one in rulebook.law.reasons.values()]
                # Who moved whom and when is read from the audit of these two.
                more: Mapping[str, Any] = {
                    "OptionSet": _options(values),
                    "IsAuditEnabled": {"Value": True, "CanBeChanged": True},
                }
                yield Wanted(table.name, column, "Picklist", where, _column("Picklist", column, name, more))
            elif name == "assignee":
                yield Wanted(
                    table.name, column, "Lookup", "RelationshipDefinitions", _lookup(table.name, column, "systemuser")
                )
            elif name in SHAPES:
                kind, more = SHAPES[name]
                yield Wanted(table.name, column, kind, where, _column(kind, column, name, more))


def _stages(mapping: CrmMapping) -> list[str]:
    """Return every value that the mapping knows and that is not set by qualifying, each once."""
    known = (*mapping.value_of_stage.values(), *mapping.stage_of_value, *mapping.dispositions, *mapping.deprecated)
    return list({fold(value): value for value in reversed(known) if value not in mapping.converted}.values())[::-1]


def _column(kind: str, column: str, name: str, more: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "Boolean":
        more = {**more, "OptionSet": {
            "@odata.type": f"{_CRM}BooleanOptionSetMetadata",
            "TrueOption": {"Value": 1, "Label": _label("Yes")}, "FalseOption": {"Value": 0, "Label": _label("No")},
        }}  # fmt: skip
    return {
        "@odata.type": f"{_CRM}{kind}AttributeMetadata", "SchemaName": column, "DisplayName": _label(_words(name)),
        "Description": _label(f"leadsync: {_words(name).lower()}"), "RequiredLevel": {"Value": "None"}, **more,
    }  # fmt: skip


def _lookup(table: str, column: str, target: str) -> dict[str, Any]:
    return {
        "@odata.type": f"{_CRM}OneToManyRelationshipMetadata", "SchemaName": f"{column}_{target}_{table}",
        "ReferencedEntity": target, "ReferencedAttribute": f"{target}id", "ReferencingEntity": table,
        "CascadeConfiguration": dict.fromkeys(("Assign", "Merge", "Reparent", "Share", "Unshare"), "NoCascade") | {"Delete": "RemoveLink"},
        "Lookup": {
            "@odata.type": f"{_CRM}LookupAttributeMetadata", "SchemaName": column, "DisplayName": _label("Assignee"),
            "RequiredLevel": {"Value": "None"},
        },
    }  # fmt: skip


def _options(values: Sequence[str]) -> dict[str, Any]:
    return {
        "@odata.type": f"{_CRM}OptionSetMetadata", "IsGlobal": False, "OptionSetType": "Picklist",
        "Options": [{"Value": FIRST_OPTION + place, "Label": _label(value)} for place, value in enumerate(values)],
    }  # fmt: skip


def _label(text: str) -> dict[str, Any]:
    one = {"@odata.type": f"{_CRM}LocalizedLabel", "Label": text, "LanguageCode": LANGUAGE}
    return {"@odata.type": f"{_CRM}Label", "LocalizedLabels": [one]}


def _words(name: str) -> str:
    return " ".join(word.upper() if word in ("mql", "sla") else word.title() for word in name.split("_"))


if __name__ == "__main__":
    sys.exit(main())
