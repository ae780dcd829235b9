"""Columns that tables share: stamps, owners, addresses, and leadsync's own."""

from leadsync.sandbox.dataverse.guids import guid_of
from leadsync.sandbox.dataverse.schema.choices import RECYCLE_REASON
from leadsync.sandbox.dataverse.schema.columns import (
    Column,
    Ref,
    choice,
    derived,
    flag,
    integer,
    lookup,
    memo,
    moment,
    text,
)
from leadsync.sandbox.dataverse.view import View
from leadsync.sandbox.rows import Row, Value
from leadsync.sandbox.schema.own import OPERATION, STAGE_AGE, STAGE_ENTERED

_DAY_SECONDS = 86400


def stamps() -> tuple[Column, ...]:
    """Who made and changed a row, and when. The business unit is the one of the whole company."""
    return (
        derived("moment", "createdon", "Created On", lambda view, row: whole(row["CreatedDate"]), source="CreatedDate"),
        derived(
            "moment",
            "modifiedon",
            "Modified On",
            lambda view, row: whole(row["LastModifiedDate"]),
            source="LastModifiedDate",
        ),
        lookup("createdby", "Created By", "systemuser", source="CreatedById", read_only=True),
        lookup("modifiedby", "Modified By", "systemuser", source="LastModifiedById", read_only=True),
        lookup("modifiedonbehalfby", "Modified By (Delegate)", "systemuser", read_only=True),
        moment("overriddencreatedon", "Record Created On"),
    )


def versioned(table: str) -> Column:
    return derived("bigint", "versionnumber", "Version Number", lambda view, row: view.version(view.tables[table], row))


def owners() -> tuple[Column, ...]:
    return (
        lookup("ownerid", "Owner", "systemuser", "team", source="OwnerId"),
        derived("lookup", "owninguser", "Owning User", lambda view, row: _owner(view, row, "systemuser"), targets=("systemuser",)),
        derived("lookup", "owningteam", "Owning Team", lambda view, row: _owner(view, row, "team"), targets=("team",)),
        derived(
            "lookup", "owningbusinessunit", "Owning Business Unit", lambda view, row: view.business_unit,
            targets=("businessunit",),
        ),
    )  # fmt: skip


def _owner(view: View, row: Row, table: str) -> Ref | None:
    found = view.ref(row["OwnerId"])
    return found if found is not None and found.table == table else None


def address(prefix: str) -> tuple[Column, ...]:
    """The first address; the store calls it by what it is for (Mailing, Billing)."""
    return (
        text("address1_line1", "Street 1", f"{prefix}Street", 250),
        text("address1_city", "City", f"{prefix}City", 80),
        text("address1_stateorprovince", "State/Province", f"{prefix}State", 50),
        text("address1_postalcode", "ZIP/Postal Code", f"{prefix}PostalCode", 20),
        text("address1_country", "Country/Region", f"{prefix}Country", 80),
    )


def currency() -> Column:
    return derived(
        "lookup", "transactioncurrencyid", "Currency", lambda view, row: view.currency, targets=("transactioncurrency",)
    )


def own() -> tuple[Column, ...]:
    """leadsync's columns, the same on lead and contact; the choice that holds the stage comes beside them."""
    return (
        integer("leadsync_score", "Score", "LeadSync_Score__c", 999),
        text("leadsync_product", "Product", "LeadSync_Product__c", 255),
        moment("leadsync_stage_entered_at", "Stage Entered At", STAGE_ENTERED),
        derived("decimal", "leadsync_stage_age", "Stage Age", _stage_age, source=STAGE_AGE),
        text("leadsync_disposition", "Disposition", "LeadSync_Disposition__c", 255),
        choice("leadsync_recycle_reason", "Recycle Reason", RECYCLE_REASON, "LeadSync_Recycle_Reason__c"),
        moment("leadsync_held_until", "Held Until", "LeadSync_Held_Until__c"),
        integer("leadsync_recycle_count", "Recycle Count", "LeadSync_Recycle_Count__c", 999999),
        integer("leadsync_mql_count", "MQL Count", "LeadSync_MQL_Count__c", 999999),
        moment("leadsync_first_mql_at", "First MQL At", "LeadSync_First_MQL_At__c"),
        moment("leadsync_last_mql_at", "Last MQL At", "LeadSync_Last_MQL_At__c"),
        moment("leadsync_sla_due_at", "SLA Due At", "LeadSync_SLA_Due_At__c"),
        lookup("leadsync_assignee", "Assignee", "systemuser", source="LeadSync_Assignee__c"),
        text("leadsync_queue", "Queue", "LeadSync_Queue__c", 255),
        memo("leadsync_brief", "Brief", "LeadSync_Brief__c", 4000),
        flag("leadsync_marketable", "Marketable", "LeadSync_Marketable__c"),
        flag("leadsync_misrouted", "Misrouted", "LeadSync_Misrouted__c"),
        text("leadsync_op", "Operation", OPERATION, 64),
        text("acme_legacyid", "Legacy ID", "Legacy_Id__c", 64),
    )


def _stage_age(view: View, row: Row) -> float | None:
    entered = row[STAGE_ENTERED]
    return None if entered is None else round((view.now - entered).total_seconds() / _DAY_SECONDS, 2)


def whole(at: Value) -> Value:
    """An instant in whole seconds, None as it is."""
    return None if at is None else at.replace(microsecond=0)


def originating_lead(field: str) -> Column:
    """The lead that a row was made from when it was qualified (mapping relationships of QualifyLead).

    A row that was there before keeps none: only what came into being on the day of the conversion counts.
    """

    def read(view: View, row: Row) -> Ref | None:
        for lead in view.holding("Lead", field, row["Id"]):
            if lead["IsConverted"] and lead["ConvertedDate"] == row["CreatedDate"].date():
                return Ref("lead", lead["guid"] or guid_of(lead["Id"]))
        return None

    return derived("lookup", "originatingleadid", "Originating Lead", read, targets=("lead",))
