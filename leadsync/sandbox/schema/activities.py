"""Tasks and events: what was done with a lead or contact, and what is planned."""

from leadsync.sandbox.schema.fields import (
    Field,
    ObjectType,
    day,
    flag,
    integer,
    long_text,
    lookup,
    moment,
    obj,
    picklist,
    text,
)

_SUBTYPES = ("Task", "Email", "ListEmail", "Cadence", "Call", "LinkedIn")


def _about() -> tuple[Field, ...]:
    return (
        lookup("WhoId", "Name ID", "Contact", "Lead"),
        lookup("WhatId", "Related To ID", "Account", "Opportunity", "Campaign"),
        text("Subject", "Subject"),
        long_text("Description", "Comments"),
        lookup("AccountId", "Account ID", "Account", read_only=True),
        flag("IsArchived", "Archived", read_only=True),
    )


ACTIVITIES: tuple[ObjectType, ...] = (
    obj(
        "Task", "Task", "00T",
        (
            *_about(),
            day("ActivityDate", "Due Date Only"),
            picklist("Status", "Status", ("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred")),
            picklist("Priority", "Priority", ("High", "Normal", "Low")),
            flag("IsClosed", "Closed", read_only=True),
            moment("CompletedDateTime", "Completed Date", read_only=True),
            picklist("Type", "Type", ("Call", "Email", "Meeting", "Other")),
            picklist("TaskSubtype", "Task Subtype", _SUBTYPES),
            picklist("CallType", "Call Type", ("Internal", "Inbound", "Outbound")),
            integer("CallDurationInSeconds", "Call Duration"),
            text("CallDisposition", "Call Result"),
        ),
        owned=("Group", "User"),
    ),
    obj(
        "Event", "Event", "00U",
        (
            *_about(),
            text("Location", "Location"),
            flag("IsAllDayEvent", "All-Day Event"),
            moment("ActivityDateTime", "Due Date Time"),
            day("ActivityDate", "Due Date Only"),
            integer("DurationInMinutes", "Duration"),
            moment("StartDateTime", "Start Date Time"),
            moment("EndDateTime", "End Date Time"),
            picklist("Type", "Type", ("Call", "Email", "Meeting", "Other")),
            picklist("EventSubtype", "Event Subtype", ("Event",)),
        ),
        owned=("User",),
    ),
)  # fmt: skip
