"""Conversion and merge: the two acts that turn several rows into one person.

Conversion follows the SOAP API Developer Guide, convertLead(): the lead becomes read-only with a converted status
and the ids it led to, campaign members gain the contact, tasks and events move to it. Which lead fields go to which
contact fields is the org's lead field mapping; here: what has the same name, and leadsync's own fields. The stage itself
is not mapped (the contact's status is another field), so a conversion leaves it to whoever watches.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from leadsync.sandbox.rows import Row, Value
from leadsync.sandbox.schema import OBJECTS
from leadsync.sandbox.schema.own import CONVERTED, OPERATION, own_fields

if TYPE_CHECKING:
    from leadsync.sandbox.transaction import Tx

_PERSON = (
    "FirstName", "LastName", "Salutation", "Title", "Email", "Phone", "MobilePhone", "LeadSource", "HasOptedOutOfEmail",
    "DoNotCall", "EmailBouncedDate", "EmailBouncedReason", "Description", "Legacy_Id__c",
)  # fmt: skip
_CARRIED = tuple(f.name for f in own_fields() if not f.calculated and f.name != OPERATION)
_ADDRESS = ("Street", "City", "State", "PostalCode", "Country")
_FIRM = ("Industry", "NumberOfEmployees", "AnnualRevenue", "Website", "Phone", "Rating")


def convert(
    tx: "Tx", lead_id: str, *, contact: str | None, account: str | None, opportunity: bool, status: str | None,
    owner: str | None, person: bool = True, firm: bool = True,
) -> dict[str, str | None]:  # fmt: skip
    """Convert a lead into a new or existing contact at a new or existing account; a ValueError says why not.

    Without `person` or `firm` no new contact or account is made, as Dynamics allows it.
    """
    lead = tx.get("Lead", lead_id)
    if lead is None or lead["IsDeleted"]:
        raise ValueError(f"there is no lead {lead_id}")
    if lead["IsConverted"]:
        raise ValueError(f"lead {lead_id} is converted already")
    status = status or CONVERTED[0]
    if status not in converted_statuses(tx):
        raise ValueError(f"{status} is no converted status")
    owner = owner or lead["OwnerId"]
    if owner[:3] != OBJECTS["User"].prefix:
        raise ValueError("a lead owned by a queue needs an owner to be converted")

    old_contact = tx.get("Contact", contact) if contact else None
    if contact and (old_contact is None or old_contact["IsDeleted"]):
        raise ValueError(f"there is no contact {contact}")
    account = account or (old_contact["AccountId"] if old_contact else None)
    if account is None and firm:
        account = _new_account(tx, lead, owner)
    if old_contact is None and person:
        contact = tx.insert("Contact", {**_as_contact(lead), "AccountId": account, "OwnerId": owner})
    elif old_contact is not None:
        fill = {k: v for k, v in _as_contact(lead).items() if old_contact[k] in (None, "") and v is not None}
        tx.update("Contact", old_contact["Id"], fill)
        contact = old_contact["Id"]
    deal = _new_opportunity(tx, lead, owner, account, contact) if opportunity else None

    values: dict[str, Value] = {
        "Status": status, "IsConverted": True, "ConvertedDate": tx.at.date(), "ConvertedContactId": contact,
        "ConvertedAccountId": account, "ConvertedOpportunityId": deal,
    }  # fmt: skip
    tx.force("Lead", lead_id, values)
    tx.remember("Lead", lead_id, "leadConverted")
    if contact is not None:
        _move(tx, lead_id, contact, account)
    return {"contact": contact, "account": account, "opportunity": deal}


def _move(tx: "Tx", lead_id: str, contact: str, account: str | None) -> None:
    """What hangs on a lead follows to the contact."""
    for member in tx.holding("CampaignMember", "LeadId", lead_id):
        tx.force("CampaignMember", member["Id"], {"ContactId": contact})
    for activity in ("Task", "Event"):
        for row in tx.holding(activity, "WhoId", lead_id):
            tx.force(activity, row["Id"], {"WhoId": contact, "AccountId": account})


def merge(tx: "Tx", object_: str, master: str, losers: Iterable[str], *, fill: bool = True) -> None:
    """Merge rows into a master: what hangs on the losers moves to it, its blanks are filled from them, and they are
    deleted with MasterRecordId set (SOAP API Developer Guide, merge()). ValueError when a row is not there to be merged."""
    from leadsync.sandbox.transaction import DEPENDENTS

    kept = tx.get(object_, master)
    if kept is None or kept["IsDeleted"] or kept["IsConverted"]:
        raise ValueError(f"{object} {master} cannot be a master")
    for loser in losers:
        row = tx.get(object_, loser)
        if row is None or row["IsDeleted"] or loser == master:
            raise ValueError(f"{object} {loser} cannot be merged away")
        for child, field in DEPENDENTS[object_]:
            if OBJECTS[child].history_of:
                continue
            for held in tx.holding(child, field, loser):
                tx.force(child, held["Id"], {field: master})
        kept = tx.get(object_, master) or kept
        blanks = {
            f.name: row[f.name] for f in OBJECTS[object_].fields.values()
            if fill and f.updateable and not f.calculated and f.name != OPERATION and kept[f.name] is None and row[f.name] is not None
        }  # fmt: skip
        tx.force(object_, master, blanks)
        tx.force(object_, loser, {"IsDeleted": True, "MasterRecordId": master})
        tx.remember(object_, master, f"{object_.lower()}Merged")


def converted_statuses(tx: "Tx") -> set[str]:
    return {row["ApiName"] for row in tx.store.rows("LeadStatus") if row["IsConverted"]}


def _as_contact(lead: Row) -> dict[str, Value]:
    fields = {name: lead[name] for name in (*_PERSON, *_CARRIED)}
    fields.update({f"Mailing{part}": lead[part] for part in _ADDRESS})
    return fields


def _new_account(tx: "Tx", lead: Row, owner: str) -> str:
    firm = {name: lead[name] for name in _FIRM}
    firm.update({f"Billing{part}": lead[part] for part in _ADDRESS})
    return tx.insert("Account", {**firm, "Name": lead["Company"] or lead["Name"], "Type": "Prospect", "OwnerId": owner})


def _new_opportunity(tx: "Tx", lead: Row, owner: str, account: str | None, contact: str | None) -> str:
    deal = tx.insert(
        "Opportunity",
        {
            "Name": f"{lead['Company'] or lead['Name']}-"[:120], "AccountId": account, "OwnerId": owner,
            "StageName": "Prospecting", "CloseDate": (tx.at + timedelta(days=90)).date(), "LeadSource": lead["LeadSource"],
            "ContactId": contact,
        },
    )  # fmt: skip
    if contact is not None:
        tx.insert("OpportunityContactRole", {"OpportunityId": deal, "ContactId": contact, "IsPrimary": True})
    return deal
