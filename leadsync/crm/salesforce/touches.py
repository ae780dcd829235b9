"""Rows of campaign members, tasks, events and other objects to Touches, by the mapping's `touches:`.

A row counts for the first mapping that fits it. A meeting counts once it has ended: until then it is no touch, and
`sources.py` brings it into view again at its end. What has no place in the mapping is skipped and counted in `skipped`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from leadsync.crm.salesforce.soql import Columns
from leadsync.crm.touching import Integrations, columns_asked, dated, worth_of
from leadsync.crm.values import Cell, Cells, RowFacts, instant_or_none, named, text
from leadsync.domain.conditions import Condition, holds
from leadsync.domain.mapping import TouchMapping
from leadsync.domain.records import Ref
from leadsync.domain.touches import Touch

MEMBER = "CampaignMember"
_PERSON = {MEMBER: ("ContactId", "LeadId"), "Task": ("WhoId",), "Event": ("WhoId",)}
_AT = {MEMBER: ("FirstRespondedDate",), "Task": ("CompletedDateTime",), "Event": ("EndDateTime",)}
_MEMBER_COLUMNS = (
    "Status",
    "HasResponded",
    "FirstRespondedDate",
    "CampaignId",
    "Campaign.Type",
    "Lead.MasterRecordId",
    "Contact.MasterRecordId",
)
_HANDS = ("CreatedBy", "LastModifiedBy")
_OBJECT_OF_PREFIX = {"00Q": "lead", "003": "contact"}


def person_columns(mapping: TouchMapping) -> tuple[str, ...]:
    """Return the lookups to the person, the first filled one counts; a converted member's contact comes first."""
    return mapping.person or _PERSON.get(mapping.object, ("WhoId",))


def at_columns(mapping: TouchMapping) -> tuple[str, ...]:
    """Return the fields that date a touch, the first filled one counts."""
    return mapping.at or _AT.get(mapping.object, ("CreatedDate",))


class TouchReader:
    """Reads one native object's rows.

    Follow-up that integrations entered and finished (users with the role `automation` or `marketing`, not the owner)
    counts only for the users in `cadence_users`, and then as the task owner's.
    """

    def __init__(
        self, crm: str, native: str, mappings: Sequence[TouchMapping], *,
        actors: Mapping[str, Condition], cadence_users: Sequence[str], zone: ZoneInfo,
    ) -> None:  # fmt: skip
        self._crm, self._native, self._zone = crm, native, zone
        self._mappings = tuple(mappings)
        self._integrations = Integrations(actors, cadence_users)
        self._owned = native in ("Task", "Event")
        self.columns = Columns([column for mapping in mappings for column in _asked(mapping)] + self._common())
        self.skipped: Counter[str] = Counter()

    def _common(self) -> list[str]:
        common = ["Id", "IsDeleted", "CreatedDate", "CreatedById", "SystemModstamp"]
        if self._owned:
            asked = ("Id", ".Username", ".Email", ".Profile.Name", ".UserRole.Name")
            common += ["OwnerId", *(hand + what for hand in _HANDS for what in asked)]
        return [*common, *_MEMBER_COLUMNS] if self._native == MEMBER else common

    def __call__(self, cells: Cells, at: datetime) -> Touch | None:
        """Return the touch that a row is, None when it is none (yet)."""
        row = named(self.columns.names, cells)
        facts = RowFacts(row, at, self._zone)
        for mapping in self._mappings:
            ref = self._person(mapping, row)
            when = self._when(mapping, row)
            if ref is None or when is None or (mapping.when is not None and not holds(mapping.when, facts)):
                continue
            if when > at or (self._native == MEMBER and not row["HasResponded"]):
                return None
            return self._touch(mapping, row, ref, when)
        return None

    def _touch(self, mapping: TouchMapping, row: Mapping[str, Cell], ref: Ref, when: datetime) -> Touch | None:
        if mapping.not_engagement and row.get("Campaign.Type") in mapping.not_engagement:
            return None
        if mapping.direction == "outbound" and self._by_integration(row, when):
            self.skipped[f"{mapping.kind}: entered by an integration"] += 1
            return None
        found = worth_of(mapping, row, self.skipped)
        if found is None:
            return None
        return Touch(
            touch_id=self._touch_id(row), ref=ref, kind=mapping.kind, direction=mapping.direction, at=when,
            channel=found["channel"], investment=found["investment"], response=found["response"],
            campaign=text(row.get(mapping.campaign)) if mapping.campaign else None, campaign_id=text(row.get("CampaignId")),
            actor_id=text(row.get("OwnerId")) if mapping.direction != "inbound" else None,
            by=text(row["CreatedById"]), source_id=text(row["Id"]),
            retracted=bool(row["IsDeleted"]) and not self._merged_away(row),
        )  # fmt: skip

    def _touch_id(self, row: Mapping[str, Cell]) -> str:
        if self._native == MEMBER:
            return f"cm:{row['Id']}:{text(row['Status']) or ''}"
        return f"{self._native.lower()}:{row['Id']}"

    def _person(self, mapping: TouchMapping, row: Mapping[str, Cell]) -> Ref | None:
        for column in person_columns(mapping):
            key = row[column]
            if isinstance(key, str) and (object_name := _OBJECT_OF_PREFIX.get(key[:3])):
                return Ref(self._crm, object_name, key)
        return None

    def _when(self, mapping: TouchMapping, row: Mapping[str, Cell]) -> datetime | None:
        """Return when it happened. A bare day is the change's or the creation's instant if either fell on it, else noon."""
        cell = next((row[column] for column in at_columns(mapping) if row[column]), None)
        changed, created = instant_or_none(row["SystemModstamp"]), instant_or_none(row["CreatedDate"])
        if cell is None and self._native == MEMBER and row["HasResponded"]:
            return changed
        return dated(cell, (changed, created), self._zone)

    def _by_integration(self, row: Mapping[str, Cell], at: datetime) -> bool:
        """Say whether nobody but integrations had a hand in it: a person may finish a task that one made for him."""
        if any(row.get(f"{hand}Id") == row.get("OwnerId") for hand in _HANDS):
            return False
        return self._integrations.did(
            RowFacts(
                {
                    "user": tuple(filter(None, (text(row.get(f"{hand}.Username")), text(row.get(f"{hand}.Email"))))),
                    "profile": text(row.get(f"{hand}.Profile.Name")),
                    "role": text(row.get(f"{hand}.UserRole.Name")),
                },
                at,
                self._zone,
            )
            for hand in _HANDS
        )

    def _merged_away(self, row: Mapping[str, Cell]) -> bool:
        """Say whether a member was deleted by a merge of its person, which takes nothing back."""
        return bool(row.get("Lead.MasterRecordId") or row.get("Contact.MasterRecordId"))


def _asked(mapping: TouchMapping) -> tuple[str, ...]:
    return (*person_columns(mapping), *at_columns(mapping), *columns_asked(mapping))
