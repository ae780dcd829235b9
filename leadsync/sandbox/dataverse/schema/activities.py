"""Tasks, phone calls, e-mails and appointments over the store's tasks and events."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, time

from leadsync.sandbox.dataverse.schema import choices
from leadsync.sandbox.dataverse.schema.columns import (
    Collection,
    Column,
    Reason,
    Ref,
    States,
    Table,
    choice,
    derived,
    key,
    lookup,
    memo,
    moment,
    states_of,
    table,
    text,
)
from leadsync.sandbox.dataverse.schema.common import owners, stamps, versioned, whole
from leadsync.sandbox.dataverse.schema.parties import parties_of
from leadsync.sandbox.dataverse.view import View, activity_of
from leadsync.sandbox.rows import Row, Value

_ABOUT = ("lead", "contact", "account", "opportunity", "campaign")
_PEOPLE = ("lead", "contact")
_COMPLETED, _CANCELED = 1, 2


def _regarding(view: View, row: Row) -> Ref | None:
    return view.ref(row["WhoId"]) or view.ref(row["WhatId"])


def _set_regarding(view: View, row: Row, value: Value) -> Mapping[str, Value]:
    if value is None:
        return {"WhoId": None, "WhatId": None}
    return {"WhoId" if value.table in _PEOPLE else "WhatId": view.record(value)}


def about(name: str) -> Column:
    """Regarding: one navigation property per target, named after the activity's own table."""
    return derived(
        "lookup", "regardingobjectid", "Regarding", _regarding, targets=_ABOUT, write=_set_regarding,
        navigation={target: f"regardingobjectid_{target}_{name}" for target in _ABOUT},
    )  # fmt: skip


def _due(view: View, row: Row) -> datetime | None:
    """When it is due: the store keeps the day only, unless Dataverse was told the hour."""
    at = row["scheduledend"]
    if at is None and row["ActivityDate"] is not None:
        at = datetime.combine(row["ActivityDate"], time.min, tzinfo=UTC)
    found: datetime | None = whole(at)
    return found


def _set_due(view: View, row: Row, value: Value) -> Mapping[str, Value]:
    return {"scheduledend": value, "ActivityDate": None if value is None else value.date()}


def _task_states(names: tuple[Reason, ...], defaults: Mapping[int, int]) -> States:
    canceled = {reason.value for reason in names if reason.state == _CANCELED}

    def of(row: Row) -> int:
        if row["IsClosed"]:
            return _COMPLETED
        return _CANCELED if row["statuscode"] in canceled else 0

    def to(row: Row, state: int) -> Mapping[str, Value]:
        return (
            {}
            if of(row) == state
            else {"Status": {_COMPLETED: "Completed", _CANCELED: "Deferred"}.get(state, "Not Started")}
        )

    return States({0: "Open", _COMPLETED: "Completed", _CANCELED: "Canceled"}, names, defaults, of, to)


def _direction() -> Column:
    return derived(
        "flag", "directioncode", "Direction", lambda view, row: row["CallType"] != "Inbound", source="CallType",
        write=lambda view, row, value: {"CallType": "Outbound" if value else "Inbound"},
    )  # fmt: skip


def _ended() -> Column:
    return derived(
        "moment", "actualend", "Actual End", lambda view, row: whole(row["CompletedDateTime"] or row["actualend"]),
        source="CompletedDateTime", write=lambda view, row, value: {"CompletedDateTime": value, "actualend": value},
    )  # fmt: skip


def _activity(
    name: str, set_: str, label: str, plural: str, code: int, states: States, *columns: Column, kind: str = "Task",
    born: Mapping[str, Value],
) -> Table:  # fmt: skip
    return table(
        name, set_, "activityid", "subject", label, plural, code,
        (
            key("activityid", label), text("subject", "Subject", "Subject", 200), *stamps(), *owners(), versioned(name),
            *states_of(states), about(name), memo("description", "Description", "Description"),
            choice("prioritycode", "Priority", choices.PRIORITY),
            derived("text", "activitytypecode", "Activity Type", lambda view, row: name),
            *columns,
        ),
        kind=kind, states=states, activity=True, born=born, holds=_only(name, kind),
        collections={f"{name}_activity_parties": Collection("activityparty", rows=parties_of)},
    )  # fmt: skip


def _only(name: str, kind: str) -> Callable[[View, Row], bool] | None:
    return (lambda view, row: activity_of(row) == name) if kind == "Task" else None


_CATEGORIES = {"Call": "Call", "Email": "E-mail", "LinkedIn": "LinkedIn"}

TASK = _activity(
    "task", "tasks", "Task", "Tasks", 4212,
    _task_states((Reason(2, "Not Started", 0), Reason(3, "In Progress", 0), Reason(4, "Waiting on someone else", 0),
                  Reason(7, "Deferred", 0), Reason(5, "Completed", 1), Reason(6, "Canceled", 2)), {0: 2, 1: 5, 2: 6}),
    derived("moment", "scheduledend", "Due Date", _due, source="ActivityDate", write=_set_due), moment("scheduledstart", "Start Date"),
    _ended(),
    derived("text", "category", "Category", length=250, write=lambda view, row, value: {"category": value},
            read=lambda view, row: row["category"] or _CATEGORIES.get(row["TaskSubtype"]) or _CATEGORIES.get(row["Type"])),
    born={"TaskSubtype": "Task", "activity": "task"},
)  # fmt: skip

PHONE_CALL = _activity(
    "phonecall", "phonecalls", "Phone Call", "Phone Calls", 4210,
    _task_states((Reason(1, "Open", 0), Reason(2, "Made", 1), Reason(4, "Received", 1), Reason(3, "Canceled", 2)),
                 {0: 1, 1: 2, 2: 3}),
    derived("moment", "scheduledend", "Due", _due, source="ActivityDate", write=_set_due), moment("scheduledstart", "Start Date"),
    _ended(), _direction(), text("phonenumber", "Phone Number", length=200),
    born={"TaskSubtype": "Call", "CallType": "Outbound", "activity": "phonecall"},
)  # fmt: skip

EMAIL = _activity(
    "email", "emails", "Email Message", "Email Messages", 4202,
    _task_states((Reason(1, "Draft", 0), Reason(8, "Failed", 0), Reason(2, "Completed", 1), Reason(3, "Sent", 1),
                  Reason(4, "Received", 1), Reason(6, "Pending Send", 1), Reason(7, "Sending", 1), Reason(5, "Canceled", 2)),
                 {0: 1, 1: 2, 2: 5}),
    derived("moment", "scheduledend", "Due Date", _due, source="ActivityDate", write=_set_due), _ended(), _direction(),
    text("messageid", "Message ID", length=320),
    born={"TaskSubtype": "Email", "CallType": "Outbound", "activity": "email"},
)  # fmt: skip

APPOINTMENT_STATES = States(
    {0: "Open", 1: "Completed", 2: "Canceled", 3: "Scheduled"},
    (Reason(1, "Free", 0), Reason(2, "Tentative", 0), Reason(3, "Completed", 1), Reason(4, "Canceled", 2), Reason(5, "Busy", 3),
     Reason(6, "Out of Office", 3)),
    {0: 1, 1: 3, 2: 4, 3: 5}, lambda row: {1: 0, 2: 0, 3: 1, 4: 2}.get(row["statuscode"], 3), lambda row, state: {},
)  # fmt: skip

APPOINTMENT = _activity(
    "appointment", "appointments", "Appointment", "Appointments", 4201, APPOINTMENT_STATES,
    moment("scheduledstart", "Start Time", "StartDateTime"), moment("scheduledend", "End Time", "EndDateTime"),
    moment("actualend", "Actual End"), text("location", "Location", "Location", 200),
    kind="Event", born={},
)  # fmt: skip

_KINDS = (TASK, PHONE_CALL, EMAIL, APPOINTMENT)


def _all(view: View) -> Iterator[Row]:
    for kind in _KINDS:
        for row in view.rows(kind):
            values: dict[str, Value] = {
                name: view.raw(kind, kind.columns[name])(row)
                for name in ACTIVITY_POINTER.columns
                if name in kind.columns and name != "versionnumber"
            }
            yield Row(values, version=view.version(kind, row))


ACTIVITY_POINTER: Table = table(
    "activitypointer", "activitypointers", "activityid", "subject", "Activity", "Activities", 4200,
    (
        key("activityid", "Activity"), text("subject", "Subject", length=200),
        Column("activitytypecode", "text", "Activity Type"), moment("createdon", "Created On"),
        moment("modifiedon", "Modified On"), lookup("ownerid", "Owner", "systemuser", "team"),
        lookup("regardingobjectid", "Regarding", *_ABOUT, navigation={t: f"regardingobjectid_{t}" for t in _ABOUT}),
        Column("statecode", "integer", "Activity Status"), Column("statuscode", "integer", "Status Reason"),
        moment("scheduledend", "Due Date"), moment("actualend", "Actual End"), versioned("activitypointer"),
    ),
    rows=_all, writable=False, tracked=False,
)  # fmt: skip

ACTIVITIES: tuple[Table, ...] = (*_KINDS, ACTIVITY_POINTER)
