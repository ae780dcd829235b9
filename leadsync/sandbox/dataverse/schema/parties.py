"""Activity parties: who sent, received, attended, responded. The store keeps the person and the owner of an activity;
parties that were given in full are kept beside it."""

from collections.abc import Iterable, Iterator

from leadsync.sandbox.dataverse.guids import named_guid
from leadsync.sandbox.dataverse.schema import choices
from leadsync.sandbox.dataverse.schema.columns import Ref, Table, choice, key, lookup, table, text
from leadsync.sandbox.dataverse.view import View, is_live
from leadsync.sandbox.rows import Row

SENDER, RECIPIENT, ATTENDEE, ORGANIZER, REGARDING, OWNER, CUSTOMER = 1, 2, 5, 7, 8, 9, 11
_PERSON_FIRST = ("ContactId", "LeadId", "WhoId")
ACTIVITIES = {"Task": "WhoId", "Event": "WhoId", "CampaignMember": "LeadId"}


def parties_of(view: View, row: Row) -> Iterable[Row]:
    """The parties of one activity, as rows of activityparty."""
    activity = view.ref(row["Id"])
    if activity is None:
        return
    for place, (mask, party) in enumerate(_parties(view, row, activity.table)):
        yield Row(
            activitypartyid=named_guid(activity.guid, place), activityid=activity, partyid=party, participationtypemask=mask,
            version=view.version(view.tables[activity.table], row),
        )  # fmt: skip


def _parties(view: View, row: Row, table_name: str) -> Iterator[tuple[int, Ref]]:
    person = next((view.ref(row[field]) for field in _PERSON_FIRST if row[field]), None)
    owner = view.ref(row["OwnerId"])
    given: tuple[tuple[int, Ref], ...] | None = row["parties"]
    if given is not None:
        yield from given
    elif table_name == "campaignresponse":
        if person is not None:
            yield CUSTOMER, person
        return
    elif table_name == "appointment":
        yield from _known((ORGANIZER, owner), (ATTENDEE, person))
    elif table_name in ("phonecall", "email"):
        sent = row["CallType"] != "Inbound"
        yield from _known((SENDER, owner if sent else person), (RECIPIENT, person if sent else owner))
    if table_name != "campaignresponse":
        yield from _known((REGARDING, view.ref(row["WhoId"] or row["WhatId"])), (OWNER, owner))


def _known(*parties: tuple[int, Ref | None]) -> Iterator[tuple[int, Ref]]:
    return ((mask, party) for mask, party in parties if party is not None)


def _all(view: View) -> Iterator[Row]:
    for kind in ACTIVITIES:
        for row in view.box.store.tables[kind].rows.values():
            if is_live(row):
                yield from parties_of(view, row)


ACTIVITY_PARTY: Table = table(
    "activityparty", "activityparties", "activitypartyid", "", "Activity Party", "Activity Parties", 135,
    (
        key("activitypartyid", "Activity Party"),
        lookup("activityid", "Activity", "activitypointer"),
        lookup("partyid", "Party", "systemuser", "lead", "contact", "account",
               navigation={t: f"partyid_{t}" for t in ("systemuser", "lead", "contact", "account")}),
        choice("participationtypemask", "Participation Type", choices.PARTICIPATION),
        text("addressused", "Address"),
    ),
    rows=_all, writable=False, tracked=False,
)  # fmt: skip
