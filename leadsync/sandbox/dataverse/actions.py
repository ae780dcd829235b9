"""Functions and actions: WhoAmI, QualifyLead, Merge, the Multiple actions, marketing lists, closing a deal, audit history."""

from collections.abc import Callable, Mapping
from typing import Any

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.dataverse import auditing, rows, writes
from leadsync.sandbox.dataverse.addresses import Addressed, KeyValues, missing
from leadsync.sandbox.dataverse.desk import Desk
from leadsync.sandbox.dataverse.errors import INVALID, NOT_FOUND, SEGMENT, STATE, UNEXPECTED, ApiError, bad, no_row
from leadsync.sandbox.dataverse.guids import guid_of, named_guid
from leadsync.sandbox.dataverse.rows import Written
from leadsync.sandbox.dataverse.schema.columns import Ref, Table
from leadsync.sandbox.dataverse.schema_query import retrieve_changes
from leadsync.sandbox.dataverse.tables import TABLES
from leadsync.sandbox.dataverse.view import is_merged
from leadsync.sandbox.rows import Row
from leadsync.sandbox.transaction import Tx

Key = str | KeyValues
_TYPE = "@odata.type"
_PREFIX = "Microsoft.Dynamics.CRM."
_MERGED = ("lead", "contact", "account")
_DEFAULT_REASON = -1


def who_am_i(desk: Desk, given: str) -> Answer:
    """GET WhoAmI: the application user."""
    return desk.shown(
        200,
        {
            "@odata.context": f"{desk.api}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
            "BusinessUnitId": desk.view.business_unit.guid, "UserId": guid_of(desk.call.user),
            "OrganizationId": desk.view.organization,
        },
    )  # fmt: skip


def qualify(desk: Desk, tx: Tx, table: Table, key: Key, addressed: Addressed) -> Written:
    """QualifyLead: the lead's contact, account and opportunity come into being as asked, and the lead is closed as qualified.

    A contact or an account that the lead is linked to already, or the customer that is named, is taken instead of a new one.
    """
    body, row = desk.body(), addressed.row(table, key)
    if table.name != "lead":
        raise ApiError(404, SEGMENT, "Resource not found for the segment 'QualifyLead'.")
    if row is None:
        raise missing(table, key)
    for name in ("CreateAccount", "CreateContact", "CreateOpportunity", "Status"):
        if name not in body:
            raise bad(f"Required parameter '{name}' is missing", INVALID)
    assert table.states is not None
    if table.states.of(row) != 0:
        # Which code the service has for this is not documented; this one is assumed.
        raise bad(f"The lead with Id = {desk.view.guid(table, row)} is closed and cannot be qualified.", STATE)
    reason = int(body["Status"])
    reason = table.states.defaults[1] if reason == _DEFAULT_REASON else reason
    if not any(r.value == reason and r.state == 1 for r in table.states.reasons):
        raise bad(f"{reason} is not a valid status code for state code LeadState.Qualified on lead", STATE)
    customer = _entity(desk, body.get("OpportunityCustomerId"))
    known = {name: _linked(desk, row, f"parent{name}id", customer) for name in ("account", "contact")}
    made = tx.convert(
        row["Id"], contact=known["contact"], account=known["account"], opportunity=bool(body["CreateOpportunity"]),
        owner=row["OwnerId"] if str(row["OwnerId"]).startswith("005") else tx.by,
        person=bool(body["CreateContact"]), firm=bool(body["CreateAccount"]),
    )  # fmt: skip
    tx.force("Lead", row["Id"], {"statuscode": reason})
    created = [
        (name, made[name]) for name, wish in
        (("account", "CreateAccount"), ("contact", "CreateContact"), ("opportunity", "CreateOpportunity"))
        if body[wish] and made[name] is not None and made[name] != known.get(name)
    ]  # fmt: skip
    value = [{_TYPE: f"#{_PREFIX}{name}", TABLES[name].key: guid_of(str(made_id))} for name, made_id in created]
    answer = {"@odata.context": f"{desk.api}/$metadata#Collection(mscrm.crmbaseentity)", "value": value}
    return Written(None, lambda after: after.shown(200, answer))


def _linked(desk: Desk, row: Row, column: str, customer: Ref | None) -> str | None:
    if customer is not None and f"parent{customer.table}id" == column:
        return desk.view.record(customer)
    held: Ref | None = row[column]
    return None if held is None else desk.view.record(held)


def _entity(desk: Desk, given: Any) -> Ref | None:
    """A record-valued parameter: an object with its type and key."""
    if given is None:
        return None
    name = str(given.get(_TYPE, "")).lstrip("#").removeprefix(_PREFIX)
    table = TABLES.get(name)
    if table is None or table.key not in given:
        raise bad("An entity parameter needs its @odata.type and key", INVALID)
    ref = Ref(name, str(given[table.key]).lower())
    if desk.view.find(table, ref.guid) is None:
        raise no_row(name, ref.guid)
    return ref


def merge(desk: Desk, tx: Tx, addressed: Addressed) -> Written:
    """Merge: the subordinate is deactivated, not deleted, what hangs on it moves, the target takes the content given."""
    body = desk.body()
    target, subordinate = _entity(desk, body.get("Target")), _entity(desk, body.get("Subordinate"))
    if target is None or subordinate is None or target.table != subordinate.table or target.table not in _MERGED:
        raise bad("Merge needs a Target and a Subordinate of one table: lead, contact or account.", INVALID)
    table = desk.view.tables[target.table]
    kept, lost = desk.view.find(table, target.guid), desk.view.find(table, subordinate.guid)
    assert kept is not None
    assert lost is not None
    if is_merged(kept) or is_merged(lost) or target == subordinate:
        raise bad("A deactivated row cannot be merged.", UNEXPECTED)
    # What the target lacks is not filled from the other row: the service takes only what UpdateContent names.
    tx.merge(str(table.kind), kept["Id"], [lost["Id"]], fill=False)
    content = {k: v for k, v in (body.get("UpdateContent") or {}).items() if k not in (_TYPE, table.key)}
    changes = writes.Reader(desk.view, table, addressed).read(content, kept)
    writes.update(desk.view, tx, table, tx.get(str(table.kind), kept["Id"]) or kept, changes)
    return Written(None, lambda after: after.done())


def create_multiple(desk: Desk, tx: Tx, table: Table, addressed: Addressed) -> Written:
    """CreateMultiple: all of the rows or none."""
    ids = []
    for target in _targets(desk, table):
        changes = writes.Reader(desk.view, table, addressed).read(target, None)
        ids.append(rows.made_ref(desk.view, table, writes.insert(desk.view, tx, table, changes)).guid)
    body = {"@odata.context": f"{desk.api}/$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse", "Ids": ids}
    return Written(None, lambda after: after.shown(200, body))


def update_multiple(desk: Desk, tx: Tx, table: Table, addressed: Addressed) -> Written:
    """UpdateMultiple: all of the rows or none; without preconditions."""
    for target in _targets(desk, table):
        row = addressed.row(table, _key(table, target))
        if row is None:
            key = target.get(table.key, target.get("@odata.id"))
            raise ApiError(404, NOT_FOUND, f"{table.label} With Ids = {key} Do Not Exist")
        _update(desk, tx, table, row, target, addressed)
    return Written(None, lambda after: after.done())


def upsert_multiple(desk: Desk, tx: Tx, table: Table, addressed: Addressed) -> Written:
    """UpsertMultiple: by primary key or alternate key, all of the rows or none."""
    for target in _targets(desk, table):
        key = _key(table, target)
        row = addressed.row(table, key)
        if row is not None:
            _update(desk, tx, table, row, target, addressed)
            continue
        named = dict(key.values) if isinstance(key, KeyValues) else {table.key: key}
        changes = writes.Reader(desk.view, table, addressed).read({**target, **named}, None)
        writes.insert(desk.view, tx, table, changes)
    return Written(None, lambda after: after.done())


def _update(desk: Desk, tx: Tx, table: Table, row: Row, target: Mapping[str, Any], addressed: Addressed) -> None:
    payload = {name: value for name, value in target.items() if name != table.key}
    writes.update(desk.view, tx, table, row, writes.Reader(desk.view, table, addressed).read(payload, row))


def _targets(desk: Desk, table: Table) -> list[Mapping[str, Any]]:
    targets = desk.body().get("Targets")
    if not isinstance(targets, list) or not targets:
        raise bad("The parameter 'Targets' is missing or empty.", INVALID)
    for target in targets:
        if str(target.get(_TYPE, "")).lstrip("#") != f"{_PREFIX}{table.name}":
            raise bad(f"Each target needs the @odata.type {_PREFIX}{table.name}.", INVALID)
    return targets


def _key(table: Table, target: Mapping[str, Any]) -> Key:
    from leadsync.sandbox.dataverse.addresses import key_of

    if table.key in target:
        return key_of(table, str(target[table.key]))
    named = str(target.get("@odata.id", ""))
    if "(" not in named:
        raise bad("A target needs its primary key or an @odata.id.", INVALID)
    return key_of(table, named.partition("(")[2].removesuffix(")"))


def add_member(desk: Desk, tx: Tx, table: Table, key: Key, addressed: Addressed) -> Written:
    """AddMemberList: a lead or contact joins a marketing list of its kind."""
    held = _list(table, key, addressed)
    member = _join(desk, tx, held, str(desk.body().get("EntityId", "")).lower())
    body = {
        "@odata.context": f"{desk.api}/$metadata#Microsoft.Dynamics.CRM.AddMemberListResponse",
        "Id": guid_of(member, TABLES["listmember"].tag),
    }
    return Written(None, lambda after: after.shown(200, body))


def add_members(desk: Desk, tx: Tx, addressed: Addressed) -> Written:
    """AddListMembersList: several at once."""
    body = desk.body()
    ref = _entity(desk, body.get("List"))
    if ref is None or ref.table != "list":
        raise bad("The parameter 'List' is missing.", INVALID)
    held = desk.view.find(TABLES["list"], ref.guid)
    assert held is not None
    for member in body.get("Members", ()):
        found = _entity(desk, member)
        if found is not None:
            _join(desk, tx, held, found.guid)
    return Written(None, lambda after: after.done())


def remove_member(desk: Desk, tx: Tx, table: Table, key: Key, addressed: Addressed) -> Written:
    """RemoveMemberList: whoever is not on the list stays so."""
    held = _list(table, key, addressed)
    name, field = _people_of(held)
    person = desk.view.record(Ref(name, str(desk.body().get("EntityId", "")).lower()))
    for member in tx.holding("CampaignMember", "CampaignId", held["Id"]):
        if person is not None and member[field] == person and not member["IsDeleted"]:
            tx.delete("CampaignMember", member["Id"])
    return Written(None, lambda after: after.done())


def _list(table: Table, key: Key, addressed: Addressed) -> Row:
    row = addressed.row(table, key)
    if table.name != "list" or row is None:
        raise missing(table, key)
    return row


def _people_of(held: Row) -> tuple[str, str]:
    return ("lead", "LeadId") if held["createdfromcode"] == 4 else ("contact", "ContactId")


def _join(desk: Desk, tx: Tx, held: Row, guid: str) -> str:
    """The id of the campaign member; who is on the list already stays the member they were."""
    name, field = _people_of(held)
    if desk.view.find(TABLES[name], guid) is None:
        raise ApiError(400, NOT_FOUND, f"{name} With Id = {guid} Does Not Exist: the list is of {name}s.")
    person = desk.view.record(Ref(name, guid))
    for member in tx.holding("CampaignMember", "CampaignId", held["Id"]):
        if member[field] == person and not member["IsDeleted"]:
            return str(member["Id"])
    return tx.insert("CampaignMember", {"CampaignId": held["Id"], field: person})


def win(desk: Desk, tx: Tx, addressed: Addressed) -> Written:
    """WinOpportunity."""
    return _close(desk, tx, addressed, 1)


def lose(desk: Desk, tx: Tx, addressed: Addressed) -> Written:
    """LoseOpportunity."""
    return _close(desk, tx, addressed, 2)


def _close(desk: Desk, tx: Tx, addressed: Addressed, state: int) -> Written:
    body = desk.body()
    closing = body.get("OpportunityClose") or {}
    named = closing.get("opportunityid@odata.bind")
    if named is None:
        raise bad("OpportunityClose needs opportunityid@odata.bind.", INVALID)
    table = TABLES["opportunity"]
    row = desk.view.find(table, addressed.ref(str(named)).guid)
    assert row is not None
    payload: dict[str, Any] = {"statecode": state}
    if body.get("Status", _DEFAULT_REASON) != _DEFAULT_REASON:
        payload["statuscode"] = body["Status"]
    if "actualend" in closing:
        payload["actualclosedate"] = closing["actualend"]
    writes.update(desk.view, tx, table, row, writes.Reader(desk.view, table, addressed).read(payload, row))
    return Written(None, lambda after: after.done())


def bulk_delete(desk: Desk, tx: Tx, addressed: Addressed) -> Written:
    """BulkDelete of rows named by their key; the real service does it in a job of its own, here it is done at once."""
    queries = desk.body().get("QuerySet") or ()
    if not queries:
        raise bad("The parameter 'QuerySet' is missing or empty.", INVALID)
    for query in queries:
        table = TABLES.get(str(query.get("EntityName")))
        conditions = (query.get("Criteria") or {}).get("Conditions") or ()
        named = [
            c
            for c in conditions
            if table and c.get("AttributeName") == table.key and c.get("Operator") in ("In", "Equal")
        ]
        if table is None or len(named) != 1 or len(conditions) != 1:
            raise bad("BulkDelete takes one condition here: the primary key In a list of values.", INVALID)
        for value in named[0].get("Values", ()):
            row = desk.view.find(table, str(value.get("Value")).lower())
            if row is not None:
                writes.delete(desk.view, tx, table, row)
    context = f"{desk.api}/$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse"
    answer = {"@odata.context": context, "JobId": named_guid("job", desk.call.entry.n)}
    return Written(None, lambda after: after.shown(200, answer))


FUNCTIONS: Mapping[str, Callable[[Desk, str], Answer]] = {
    "WhoAmI": who_am_i,
    "RetrieveMetadataChanges": retrieve_changes,
    "RetrieveRecordChangeHistory": auditing.record_history,
    "RetrieveAttributeChangeHistory": auditing.attribute_history,
}
ROW_FUNCTIONS: Mapping[str, Callable[[Desk, Table, Key], Answer]] = {"RetrieveAuditDetails": auditing.details}
UNBOUND: Mapping[str, Callable[[Desk, Tx, Addressed], Written]] = {
    "Merge": merge, "AddListMembersList": add_members, "WinOpportunity": win, "LoseOpportunity": lose,
    "BulkDelete": bulk_delete,
}  # fmt: skip
OF_SET: Mapping[str, Callable[[Desk, Tx, Table, Addressed], Written]] = {
    "CreateMultiple": create_multiple, "UpdateMultiple": update_multiple, "UpsertMultiple": upsert_multiple,
}  # fmt: skip
OF_ROW: Mapping[str, Callable[[Desk, Tx, Table, Key, Addressed], Written]] = {
    "QualifyLead": qualify, "AddMemberList": add_member, "RemoveMemberList": remove_member,
}  # fmt: skip
