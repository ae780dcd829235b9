"""What surrounds the records: users, teams, companies, deals, campaigns, each made of its rows by the mapping."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.metadata import Table
from leadsync.crm.dynamics.odata import Columns, path
from leadsync.crm.dynamics.people import Memberships
from leadsync.crm.dynamics.rows import labelled, labelled_map, natives
from leadsync.crm.dynamics.stages import STATE
from leadsync.crm.values import Cell, Cells, fields_reader, instant, named, noon, parser, text, translate
from leadsync.domain.instants import from_text
from leadsync.domain.mapping import CrmMapping, FieldMapping
from leadsync.domain.records import Account, Campaign, Opportunity, OpportunityRole, Queue, User, Value
from leadsync.errors import ObjectBlocked
from leadsync.ports import Row

_ACCESS_TEAM = 1  # teamtype: shares single rows and owns nothing


class UserReader:
    """Reads users with their teams, security roles and time zones."""

    def __init__(self, crm: str, table: Table, fields: Mapping[str, FieldMapping], members: Memberships) -> None:
        away = fields.get("out_of_office_until")
        self._away = fields_reader({"until": away} if away else {})
        self.columns = Columns(table, [
            "domainname", "internalemailaddress", "fullname", "isdisabled", "parentsystemuserid", "address1_country",
            *natives(fields),
        ])  # fmt: skip
        self._crm, self._members = crm, members

    def rows(self, page: Sequence[Cells], at: datetime) -> list[Row]:
        """Return the users."""
        return [self._one(named(self.columns.names, self.columns.shown(cells))) for cells in page]

    def gone(self, ids: Sequence[str], at: datetime) -> list[Row]:
        """Return nothing: users are disabled, not deleted."""
        return []

    def _one(self, row: Mapping[str, Cell]) -> User:
        key = str(row[self.columns.names[0]])
        teams = self._members.of(key, "team")
        return User(
            crm=self._crm, id=key, username=text(row["domainname"]) or "", email=text(row["internalemailaddress"]),
            name=text(row["fullname"]) or "", active=not row["isdisabled"], manager_id=text(row["parentsystemuserid"]),
            country=text(row["address1_country"]), security_roles=self._members.of(key, "security_role"),
            teams=teams, queues=teams, zone=self._members.zone(key), out_of_office_until=text(self._away(row).get("until")),
        )  # fmt: skip


class TeamReader:
    """Reads the teams that may own leads."""

    def __init__(self, crm: str, table: Table) -> None:
        self.columns = Columns(table, ["name", "teamtype"])
        self._crm = crm

    def rows(self, page: Sequence[Cells], at: datetime) -> list[Row]:
        """Return the teams."""
        found = [named(self.columns.names, cells) for cells in page]
        return [
            Queue(self._crm, str(row[self.columns.names[0]]), text(row["name"]) or "")
            for row in found
            if row["teamtype"] != _ACCESS_TEAM
        ]

    def gone(self, ids: Sequence[str], at: datetime) -> list[Row]:
        """Return nothing: a team that is gone owns nothing any more, its name may still be told."""
        return []


class AccountReader:
    """Reads companies, by the mapped fields alone."""

    def __init__(self, crm: str, table: Table, fields: Mapping[str, FieldMapping]) -> None:
        self.columns = Columns(table, natives(fields) or ["name"])
        self._crm = crm
        self._fields = fields_reader({name: labelled(field, table) for name, field in fields.items()})

    def rows(self, page: Sequence[Cells], at: datetime) -> list[Row]:
        """Return the companies."""
        found: list[Row] = []
        for cells in page:
            row = named(self.columns.names, self.columns.shown(cells))
            filled = {name: value for name, value in self._fields(row).items() if value is not None}
            found.append(Account(self._crm, str(cells[0]), filled))
        return found

    def gone(self, ids: Sequence[str], at: datetime) -> list[Row]:
        """Return the deleted companies."""
        return [Account(self._crm, key, {}, deleted=True) for key in ids]


class OpportunityReader:
    """Reads deals with the contacts in them: parent contact and customer. An outcome is what the state says."""

    def __init__(self, client: Client, table: Table, mapping: CrmMapping, zone: ZoneInfo) -> None:
        self._client, self._crm, self._zone = client, mapping.crm, zone
        self._loss = labelled_map(mapping.loss_reason, table)
        self._fields = fields_reader({name: labelled(field, table) for name, field in mapping.opportunity.items()})
        own = (
            STATE, "createdon", "ownerid", "parentaccountid", "parentcontactid", "customerid", "originatingleadid",
            "transactioncurrencyid",
        )  # fmt: skip
        present = [name for name in own if name in table.attributes]
        self.columns = Columns(table, [*present, *natives(mapping.opportunity), *(self._loss.native or ())])
        self._currencies: dict[str, str] | None = None

    def rows(self, page: Sequence[Cells], at: datetime) -> list[Row]:
        """Return the deals and the parts of contacts in them."""
        names = self.columns.names
        found: list[Row] = []
        for cells in page:
            raw, row = named(names, cells), named(names, self.columns.shown(cells))
            deal = self._deal(raw, row)
            found.append(deal)
            found += self._roles(deal, row)
        return found

    def gone(self, ids: Sequence[str], at: datetime) -> list[Row]:
        """Return the deleted deals."""
        return [Opportunity(self._crm, key, None, None, None, "open", at, None, deleted=True) for key in ids]

    def _deal(self, raw: Mapping[str, Cell], row: Mapping[str, Cell]) -> Opportunity:
        value = self._fields(row)
        states: dict[Cell, Literal["open", "won", "lost"]] = {1: "won", 2: "lost"}
        outcome = states.get(raw[STATE], "open")
        amount = parser(FieldMapping("amount", (), "number"))(value.get("amount"))
        return Opportunity(
            crm=self._crm, id=str(raw[self.columns.names[0]]), account_id=text(row.get("parentaccountid")),
            owner_id=text(row.get("ownerid")), stage=text(value.get("stage")), outcome=outcome,
            created_at=instant(row["createdon"]),
            closed_at=self._closed(value.get("closed_at")) if outcome != "open" else None,
            amount=float(amount) if isinstance(amount, (int, float)) else None,
            currency=text(value.get("currency")) or self._currency(text(row.get("transactioncurrencyid"))),
            loss_reason=translate(self._loss, row) if outcome == "lost" else None,
            lead_id=text(row.get("originatingleadid")),
        )  # fmt: skip

    def _roles(self, deal: Opportunity, row: Mapping[str, Cell]) -> list[Row]:
        """Return who is in the deal; a customer that is a company names nobody, whose id then leads to no contact."""
        parent, customer = text(row.get("parentcontactid")), text(row.get("customerid"))
        customer = None if customer in (parent, deal.account_id) else customer
        return [
            OpportunityRole(
                self._crm, f"{deal.id}:{slot}", deal.id, contact, None, primary=slot == "parent", at=deal.created_at
            )
            for slot, contact in (("parent", parent), ("customer", customer))
            if contact
        ]

    def _closed(self, value: Value) -> datetime | None:
        if isinstance(value, str) and len(value) == 10:
            return noon(value, self._zone)
        return from_text(value) if isinstance(value, str) and value else None

    def _currency(self, key: str | None) -> str | None:
        if key is None:
            return None
        if self._currencies is None:
            try:
                found = self._client.rows(path("transactioncurrencies", ("isocurrencycode",)), "transactioncurrency")
            except ObjectBlocked:
                found = []
            self._currencies = {str(row.get("transactioncurrencyid")): str(row.get("isocurrencycode")) for row in found}
        return self._currencies.get(key)


class CampaignReader:
    """Reads campaigns; a deleted one is left as it was known."""

    def __init__(self, crm: str, table: Table, fields: Mapping[str, FieldMapping]) -> None:
        self.columns = Columns(table, ["name", *natives(fields)])
        self._crm = crm
        self._fields = fields_reader({name: labelled(field, table) for name, field in fields.items()})

    def rows(self, page: Sequence[Cells], at: datetime) -> list[Row]:
        """Return the campaigns."""
        found: list[Row] = []
        for cells in page:
            row = named(self.columns.names, self.columns.shown(cells))
            value = self._fields(row)
            cost = parser(FieldMapping("cost", (), "number"))(value.get("cost"))
            found.append(
                Campaign(
                    self._crm, str(cells[0]), text(value.get("name")) or text(row["name"]) or "", text(value.get("type")),
                    float(cost) if isinstance(cost, (int, float)) else None,
                )
            )  # fmt: skip
        return found

    def gone(self, ids: Sequence[str], at: datetime) -> list[Row]:
        """Return nothing."""
        return []
