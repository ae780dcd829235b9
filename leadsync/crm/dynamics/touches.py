"""Rows of campaign responses, calls, e-mails, meetings and tasks to Touches, by the mapping's `touches:`.

A row counts for the first mapping that fits it. Whom it concerns are its activity parties, read for the rows that count;
a row with several people is a touch of each. What lies on a campaign (`regardingobjectid.name`) is read there. Change
tracking can do neither, so a page with touches costs a request or two more, and one without costs none.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.metadata import Metadata, Table
from leadsync.crm.dynamics.odata import Columns, any_of, guids, literal, path, portions
from leadsync.crm.dynamics.people import Memberships
from leadsync.crm.dynamics.rows import labelled_map
from leadsync.crm.touching import Integrations, columns_asked, dated, worth_of
from leadsync.crm.values import Cell, Cells, RowFacts, instant_or_none, named, text
from leadsync.domain.conditions import holds
from leadsync.domain.mapping import CrmMapping, TouchMapping, ValueMap
from leadsync.domain.records import Ref
from leadsync.domain.touches import Touch
from leadsync.ports import Row

CUSTOMER = "customer"
"""The mapping's word for the customer party of a campaign response, which is no column."""
REGARDING = "regardingobjectid"
_LEADS_TO = "@Microsoft.Dynamics.CRM.lookuplogicalname"
_FROM, _TO, _CC, _BCC, _REQUIRED, _OPTIONAL, _ORGANIZER, _ABOUT, _CUSTOMER = 1, 2, 3, 4, 5, 6, 7, 8, 11
# Whom a row concerns: parties of the first kind that names a lead or contact count, else of the next one.
_PARTIES: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "campaignresponse": ((_CUSTOMER,), (_FROM,)),
    "appointment": ((_REQUIRED, _OPTIONAL), (_ORGANIZER,), (_ABOUT,)),
    "phonecall": ((_FROM, _TO), (_ABOUT,)),
    "email": ((_FROM, _TO, _CC, _BCC), (_ABOUT,)),
}
_ANY: tuple[tuple[int, ...], ...] = ((_ABOUT,), (_FROM, _TO, _CC, _BCC, _REQUIRED, _OPTIONAL, _CUSTOMER))
_COMMON = ("createdon", "modifiedon", "createdby", "modifiedby", "ownerid", REGARDING)
_EMAIL = "emailaddress"


class TouchReader:
    """Reads one table's rows; what has no place in the mapping is skipped and counted in `skipped`."""

    def __init__(
        self,
        client: Client,
        metadata: Metadata,
        table: Table,
        mapping: CrmMapping,
        members: Memberships,
        zone: ZoneInfo,
    ) -> None:
        self._client, self._metadata, self._table, self._members = client, metadata, table, members
        self._crm, self._zone = mapping.crm, zone
        self._objects = {one.native: name for name, one in mapping.objects.items()}
        self._emails = {
            one.native: one.fields["email"].native[0] for one in mapping.objects.values() if "email" in one.fields
        }
        self._integrations = Integrations(mapping.actors, mapping.cadence_users)
        self._mappings = tuple(_labelled(touch, table) for touch in mapping.touches if touch.object == table.name)
        asked = [column for touch in self._mappings for column in _columns(touch)]
        self._beyond = sorted({column for column in asked if "." in column})
        plain = [column.split(".")[0] for column in asked]
        own = [name for name in (*_COMMON, _EMAIL) if name in table.attributes]
        self.columns = Columns(table, [*own, *plain])
        self._ways = _PARTIES.get(table.name, _ANY)
        self.skipped: Counter[str] = Counter()

    def rows(self, page: Sequence[Cells], at: datetime) -> list[Row]:
        """Return the touches that a page's rows are."""
        columns = self.columns
        found = [(columns.numbers(cells), named(columns.names, columns.shown(cells))) for cells in page]
        self._look_beyond([row for _, row in found])
        counting: list[tuple[TouchMapping, dict[str, Cell], datetime]] = []
        for numbers, row in found:
            facts = RowFacts({**row, **{name: (row[name], number) for name, number in numbers.items()}}, at, self._zone)
            for mapping in self._mappings:
                when = self._when(mapping, row)
                if when is not None and (mapping.when is None or holds(mapping.when, facts)):
                    # Finished before its end was due: it has happened, and nothing will bring it into view again.
                    if when > at:
                        when = min(instant_or_none(row["modifiedon"]) or at, at)
                    counting.append((mapping, row, when))
                    break
        people = self._people([(mapping, row) for mapping, row, _ in counting])
        return [
            touch
            for mapping, row, when in counting
            for touch in self._touches(mapping, row, when, people.get(self._key(row), ()), at)
        ]

    def gone(self, ids: Sequence[str], at: datetime) -> list[Row]:
        """Return the deleted rows as retracted; only their ids are known."""
        kind = self._mappings[0].kind
        nobody = Ref(self._crm, "lead", "")
        return [Touch(f"{self._table.name}:{key}", nobody, kind, "inbound", at, retracted=True) for key in ids]

    def _touches(
        self, mapping: TouchMapping, row: Mapping[str, Cell], when: datetime, people: Sequence[Ref], at: datetime
    ) -> Iterable[Touch]:
        if mapping.not_engagement and row.get(f"{REGARDING}.typecode") in mapping.not_engagement:
            return
        if not people:
            self.skipped[f"{mapping.kind}: nobody of ours is in it"] += 1
            return
        if mapping.direction == "outbound" and self._by_integration(row, at):
            self.skipped[f"{mapping.kind}: entered by an integration"] += 1
            return
        worth = worth_of(mapping, row, self.skipped)
        if worth is None:
            return
        key = self._key(row)
        for place, ref in enumerate(people):
            yield Touch(
                touch_id=f"{self._table.name}:{key}" if place == 0 else f"{self._table.name}:{key}:{ref.id}", ref=ref,
                kind=mapping.kind, direction=mapping.direction, at=when,
                channel=worth["channel"], investment=worth["investment"], response=worth["response"],
                campaign=text(row.get(mapping.campaign)) if mapping.campaign else None,
                campaign_id=text(row.get(REGARDING)) if self._table.name == "campaignresponse" else None,
                actor_id=text(row.get("ownerid")) if mapping.direction != "inbound" else None,
                by=text(row.get("createdby")), source_id=key,
            )  # fmt: skip

    def _key(self, row: Mapping[str, Cell]) -> str:
        return str(row[self.columns.names[0]])

    def _when(self, mapping: TouchMapping, row: Mapping[str, Cell]) -> datetime | None:
        cell = next((row[column] for column in mapping.at or ("actualend", "createdon") if row.get(column)), None)
        return dated(cell, (instant_or_none(row["modifiedon"]), instant_or_none(row["createdon"])), self._zone)

    def _by_integration(self, row: Mapping[str, Cell], at: datetime) -> bool:
        """Say whether nobody but integrations had a hand in it: a person may finish a task that one made for him."""
        hands = [text(row.get(name)) for name in ("createdby", "modifiedby")]
        if text(row.get("ownerid")) in hands:
            return False
        return self._integrations.did(self._members.hand(hand, at, self._zone) for hand in hands)

    # Beyond the row itself

    def _look_beyond(self, page: Sequence[dict[str, Cell]]) -> None:
        """Fill in the columns that lie on another row."""
        for lookup in dict.fromkeys(column.split(".")[0] for column in self._beyond):
            wanted = [column.split(".", 1)[1] for column in self._beyond if column.startswith(f"{lookup}.")]
            keys = guids(str(row[lookup]) for row in page if row[lookup])
            parents = self._parents(lookup, wanted, keys) if keys else {}
            for row in page:
                parent = parents.get(str(row[lookup]), {})
                row.update({f"{lookup}.{column}": parent.get(column) for column in wanted})

    def _parents(self, lookup: str, wanted: Sequence[str], keys: Sequence[str]) -> dict[str, Mapping[str, Cell]]:
        targets = self._table.attribute(lookup).targets
        target = self._metadata.table("campaign" if not targets or "campaign" in targets else targets[0])
        columns = Columns(target, wanted)
        queries = [columns.query(any_of(target.key, some)) for some in portions(keys)]
        found: dict[str, Mapping[str, Cell]] = {}
        for answer in self._client.gather(queries):
            if answer.status == 200:
                for cells in columns.decode(answer.body).rows:
                    found[str(cells[0])] = named(columns.names, columns.shown(cells))
        return found

    def _people(self, counting: Sequence[tuple[TouchMapping, Mapping[str, Cell]]]) -> dict[str, tuple[Ref, ...]]:
        """Return whom each row concerns, by the row's id."""
        found: dict[str, tuple[Ref, ...]] = {}
        by_party: list[str] = []
        for mapping, row in counting:
            if lookups := [column for column in mapping.person if column != CUSTOMER and column in row]:
                found[self._key(row)] = self._by_lookup(lookups, row)
            else:
                by_party.append(self._key(row))
        found |= self._by_parties(guids(by_party))
        strangers = {
            self._key(row): str(row[_EMAIL]) for _, row in counting if not found.get(self._key(row)) and row.get(_EMAIL)
        }
        return found | self._by_email(strangers)

    def _by_lookup(self, lookups: Sequence[str], row: Mapping[str, Cell]) -> tuple[Ref, ...]:
        """Return the person of a table with its own lookup, which must lead to leads alone or to contacts alone."""
        for column in lookups:
            targets = [self._objects[one] for one in self._table.attribute(column).targets if one in self._objects]
            if targets and (key := text(row[column])):
                return (Ref(self._crm, targets[0], key),)
        return ()

    def _by_parties(self, keys: Sequence[str]) -> dict[str, tuple[Ref, ...]]:
        select = ("_activityid_value", "_partyid_value", "participationtypemask")
        queries = [path("activityparties", select, any_of("_activityid_value", some)) for some in portions(keys)]
        parties: dict[str, dict[int, list[Ref]]] = {}
        for row in self._client.gathered(queries, "activityparty") if queries else ():
            if ref := self._ref(row, "_partyid_value"):
                mask = row.get("participationtypemask")
                parties.setdefault(str(row.get("_activityid_value")), {}).setdefault(int(mask or 0), []).append(ref)
        found = {}
        for key, by_mask in parties.items():
            ways = (sorted({ref for mask in way for ref in by_mask.get(mask, ())}) for way in self._ways)
            found[key] = tuple(next((refs for refs in ways if refs), ()))
        return found

    def _ref(self, row: Mapping[str, Any], column: str) -> Ref | None:
        object_name = self._objects.get(str(row.get(f"{column}{_LEADS_TO}")))
        return Ref(self._crm, object_name, str(row[column])) if object_name and row.get(column) else None

    def _by_email(self, wanted: Mapping[str, str]) -> dict[str, tuple[Ref, ...]]:
        """Return the one contact, or else the one lead, with exactly this address; several are nobody."""
        if not wanted:
            return {}
        addresses = sorted(set(wanted.values()))
        refs: dict[str, dict[str, list[Ref]]] = {}
        for native, email in self._emails.items():
            table = self._metadata.table(native)
            column = table.attribute(email)
            queries = [
                path(table.set, (column.wire,), any_of(column.wire, map(literal, some))) for some in portions(addresses)
            ]
            for row in self._client.gathered(queries, native):
                ref = Ref(self._crm, self._objects[native], str(row.get(table.key)))
                refs.setdefault(str(row.get(column.wire)).lower(), {}).setdefault(ref.object, []).append(ref)
        found = {}
        for key, address in wanted.items():
            known = refs.get(address.lower(), {})
            some = known.get("contact") or known.get("lead") or []
            found[key] = tuple(some) if len(some) == 1 else ()
        return found


def _columns(touch: TouchMapping) -> tuple[str, ...]:
    beyond = (f"{REGARDING}.typecode",) if touch.not_engagement else ()
    return (*(column for column in touch.person if column != CUSTOMER), *touch.at, *columns_asked(touch), *beyond)


def _labelled(touch: TouchMapping, table: Table) -> TouchMapping:
    """Return a touch whose tables name options by label, also where the mapping wrote numbers."""

    def tidy(found: ValueMap | None) -> ValueMap | None:
        return labelled_map(found, table) if found else None

    return replace(touch, channel=tidy(touch.channel), investment=tidy(touch.investment), response=tidy(touch.response))


def tables_of(mapping: CrmMapping) -> tuple[str, ...]:
    """Return the tables of touches, each once, in the mapping's order."""
    return tuple(dict.fromkeys(touch.object for touch in mapping.touches))
