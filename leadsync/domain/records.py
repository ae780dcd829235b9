"""What the CRM last showed, in leadsync's own field names.

Field values are plain JSON scalars: text, numbers, yes/no; instants and dates are ISO text
(`instants.py`), so that a value is stored, compared and hashed as it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

Value = str | int | float | bool | None
State = Literal["live", "converted", "merged", "deleted", "out_of_scope"]
ObjectName = Literal["lead", "contact"]


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Where a record lives: the CRM's name in config, `lead` or `contact`, and its id there."""

    crm: str
    object: str
    id: str

    def __str__(self) -> str:
        return f"{self.crm}/{self.object}/{self.id}"


class Record(NamedTuple):
    """One Lead or Contact row as the CRM last showed it.

    A tuple and no frozen dataclass, since one is made of every row ever read, and making those takes six times as long.
    `stage_value` is the CRM's own value, `fields` hold everything else by leadsync's names (the owner and the
    leadsync-owned fields included when mapped, e.g. `score`, `recycle_reason`, `assignee`). `version` is what a
    guarded write names as its base (Salesforce: LastModifiedDate; Dataverse: the ETag), `stamp` orders versions of one row.
    """

    ref: Ref
    stage_value: str | None
    owner_id: str | None
    created_at: datetime
    modified_at: datetime
    modified_by: str | None
    stamp: datetime
    version: str
    fields: Mapping[str, Value]
    created_by: str | None = None
    state: State = "live"
    account_id: str | None = None
    converted_to: str | None = None  # the contact's id
    converted_account_id: str | None = None
    converted_opportunity_id: str | None = None
    converted_on: str | None = None  # the CRM says only the day
    merged_into: str | None = None
    operation: str | None = None  # the token of the last write of ours that is still on the row
    closed: bool = False  # the CRM closed it, and would have to open it again for another stage


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the CRM's field history for the stage or the owner of a record.

    `field` is `stage` or `owner`; `move_id` is the CRM's id of the history row.
    """

    ref: Ref
    move_id: str
    field: str
    old: str | None
    new: str | None
    at: datetime
    by: str | None


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that the CRM no longer shows: deleted, or merged into another one.

    `last` is what it showed at the end, where the CRM still tells (Salesforce: from the recycle bin), so that a change
    just before it is not lost.
    """

    ref: Ref
    at: datetime
    merged_into: str | None = None
    last: Record | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A CRM user as far as rules ask: who they are, whom they report to, whether they may own anything.

    `pools` is filled in from routing rules by whoever asks, never by the CRM.
    """

    crm: str
    id: str
    username: str
    email: str | None
    name: str
    active: bool
    manager_id: str | None = None
    role: str | None = None
    profile: str | None = None
    zone: str | None = None
    country: str | None = None
    permission_sets: tuple[str, ...] = ()
    security_roles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    out_of_office_until: str | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """A Salesforce queue or Dynamics team that may own leads."""

    crm: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """A company in the CRM; `fields` by leadsync's names (name, website, industry, employees, country, type, rating, owner)."""

    crm: str
    id: str
    fields: Mapping[str, Value]
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A deal with the people in it; `outcome` is open, won or lost.

    `contact_roles` are (contact id, role, primary, added at) as the CRM lists them.
    """

    crm: str
    id: str
    account_id: str | None
    owner_id: str | None
    stage: str | None
    outcome: Literal["open", "won", "lost"]
    created_at: datetime
    closed_at: datetime | None
    amount: float | None = None
    currency: str | None = None
    loss_reason: str | None = None  # the key of a reason in funnel.yaml
    lead_id: str | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class OpportunityRole:
    """One contact's part in a deal (Salesforce: OpportunityContactRole)."""

    crm: str
    id: str
    opportunity_id: str
    contact_id: str
    role: str | None
    primary: bool
    at: datetime
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign: its name, type and cost, for reports and nurture membership."""

    crm: str
    id: str
    name: str
    type: str | None = None
    cost: float | None = None
