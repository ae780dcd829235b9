"""What is polled in an environment, in the order in which pages may rely on those before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from leadsync.crm.dynamics.audits import DATA, Audited, History, is_audited, qualified_value
from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.companions import AccountReader, CampaignReader, OpportunityReader, TeamReader, UserReader
from leadsync.crm.dynamics.metadata import Metadata
from leadsync.crm.dynamics.odata import path
from leadsync.crm.dynamics.people import Memberships
from leadsync.crm.dynamics.rows import Reader, RecordReader
from leadsync.crm.dynamics.touches import TouchReader, tables_of
from leadsync.domain.mapping import CrmMapping
from leadsync.errors import ObjectBlocked

AUDIT = "audit"
COMPANIONS = ("systemuser", "team", "account", "opportunity", "campaign")


@dataclass(frozen=True, slots=True)
class Source:
    """One polled table; `fast` puts it into the fast pass."""

    name: str
    reader: Reader
    fast: bool = True


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that is polled; `blocked` are the sources that cannot be, with what to do about it."""

    first: tuple[Source, ...]  # before the history
    history: History | None
    rest: tuple[Source, ...]
    audited: frozenset[str]
    blocked: Mapping[str, str]


def tables_asked(mapping: CrmMapping) -> tuple[str, ...]:
    """Return every table that the mapping needs, by logical name."""
    records = [one.native for one in mapping.objects.values()]
    return tuple(dict.fromkeys([*records, *COMPANIONS, *tables_of(mapping), AUDIT]))


def build_sources(
    crm: str, client: Client, metadata: Metadata, mapping: CrmMapping, members: Memberships, zone: ZoneInfo
) -> Sources:
    """Return every source of this mapping; one whose table lacks a mapped column is blocked, the others are not."""
    blocked: dict[str, str] = {}
    table = metadata.table

    def made(name: str, build: Callable[[], Reader], *, fast: bool = True) -> list[Source]:
        try:
            return [Source(name, build(), fast)]
        except ObjectBlocked as error:
            blocked[name] = str(error)
            return []

    first = [
        *made("user", lambda: UserReader(crm, table("systemuser"), mapping.user, members)),
        *made("queue", lambda: TeamReader(crm, table("team")), fast=False),
        *made("account", lambda: AccountReader(crm, table("account"), mapping.account), fast=False),
    ]
    records = [
        source
        for name, one in mapping.objects.items()
        for source in made(
            name,
            lambda name=name, one=one: RecordReader(client, name, table(one.native), mapping, zone),  # type: ignore[misc]
        )
    ]
    rest = [
        *records,
        *made("opportunity", lambda: OpportunityReader(client, table("opportunity"), mapping, zone)),
        *made("campaign", lambda: CampaignReader(crm, table("campaign"), mapping.campaign), fast=False),
    ]
    for native in tables_of(mapping):
        rest += made(
            f"touch:{native}",
            lambda native=native: TouchReader(client, metadata, table(native), mapping, members, zone),  # type: ignore[misc]
        )
    with_data = _has(metadata, AUDIT, DATA)
    keeping = _keeps_audits(client)
    audited = [one for source in records if keeping and (one := _audited(source, mapping)) is not None]
    return Sources(
        tuple(first), History(crm, client, audited, with_data=with_data) if audited else None, tuple(rest),
        frozenset(one.object for one in audited), blocked,
    )  # fmt: skip


def _audited(source: Source, mapping: CrmMapping) -> Audited | None:
    reader, table = source.reader, source.reader.columns.table
    assert isinstance(reader, RecordReader)
    column = reader.stages.column
    if not is_audited(table, column.name):
        return None
    owner = table.attribute(mapping.objects[source.name].owner.native[0])
    return Audited(source.name, table, reader.stages, owner, qualified_value(mapping, table))


def _keeps_audits(client: Client) -> bool:
    """Say whether auditing is on for the environment; whoever may not know takes its tables' word."""
    try:
        rows = client.rows(path("organizations", ("isauditenabled",)), "organization")
    except ObjectBlocked:
        return True
    return all(row.get("isauditenabled") is not False for row in rows)


def _has(metadata: Metadata, table: str, column: str) -> bool:
    try:
        return column in metadata.table(table).attributes
    except ObjectBlocked:
        return False
