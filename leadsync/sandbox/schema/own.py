"""leadsync's own fields on Lead and Contact, the stages and the values of the status fields.

Values are those of the sample mappings: nine stages, two converted statuses, three deprecated ones, two call results
that people type into the status field, and one older name that means the same as MQL.
"""

from leadsync.sandbox.schema.fields import Field, flag, lookup, moment, number, picklist, text

STAGES = ("Raw", "Inquiry", "MAQL", "LAL", "MQL", "SAL", "SQL", "Re-Market", "Disqualified")
CONVERTED = ("Closed - Converted", "Converted - SQL")
DEPRECATED = ("Open - Not Contacted", "Working - Contacted", "Closed - Not Converted")
DISPOSITIONS = ("Left Vmail", "Attempting Contact")
LEAD_STATUSES = (*STAGES, "Marketing Qualified", *DISPOSITIONS, *DEPRECATED, *CONVERTED)
DEFAULT_STATUS = "Inquiry"

RECYCLE_REASONS = (
    "Timing", "No budget", "Chose another vendor", "Lost deal", "No response", "Not a fit", "Recycled too often",
    "Competitor", "Do not contact", "Wrong or missing data", "Duplicate", "Not mine",
)  # fmt: skip

STAGE_AGE = "LeadSync_Stage_Age__c"
STAGE_ENTERED = "LeadSync_Stage_Entered_At__c"
OPERATION = "LeadSync_Op__c"


def own_fields() -> tuple[Field, ...]:
    """The fields that the deploy kit creates on both objects. The operation token is for the integration user alone."""
    return (
        number("LeadSync_Score__c", "Score", precision=3),
        text("LeadSync_Product__c", "Product"),
        moment(STAGE_ENTERED, "Stage Entered At"),
        Field(
            STAGE_AGE, "Stage Age", "double", precision=18, scale=2, createable=False, updateable=False, calculated=True
        ),
        text("LeadSync_Disposition__c", "Disposition"),
        picklist("LeadSync_Recycle_Reason__c", "Recycle Reason", RECYCLE_REASONS),
        moment("LeadSync_Held_Until__c", "Held Until"),
        number("LeadSync_Recycle_Count__c", "Recycle Count", precision=6),
        number("LeadSync_MQL_Count__c", "MQL Count", precision=6),
        moment("LeadSync_First_MQL_At__c", "First MQL At"),
        moment("LeadSync_Last_MQL_At__c", "Last MQL At"),
        moment("LeadSync_SLA_Due_At__c", "SLA Due At"),
        lookup("LeadSync_Assignee__c", "Assignee", "User"),
        text("LeadSync_Queue__c", "Queue"),
        Field("LeadSync_Brief__c", "Brief", "textarea", length=4000, filterable=False),
        flag("LeadSync_Marketable__c", "Marketable"),
        flag("LeadSync_Misrouted__c", "Misrouted"),
        Field(OPERATION, "Operation", "string", length=64, integration_only=True),
    )


def legacy_id() -> Field:
    """A customer's own key, External ID and Unique, so that upserts have something to hold on to."""
    return Field("Legacy_Id__c", "Legacy ID", "string", length=64, external_id=True, unique=True)
