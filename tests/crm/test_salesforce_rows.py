"""How rows of Salesforce read in leadsync's words: values, scope, identity, and which rows are touches."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.crm.salesforce.rows import MoveReader, OpportunityReader, RecordReader, UserReader
from leadsync.crm.salesforce.soql import Columns, id18, ids, select, where
from leadsync.crm.salesforce.sources import Memberships
from leadsync.crm.salesforce.touches import TouchReader
from leadsync.crm.values import RowFacts, parser, to_native, translate
from leadsync.domain.conditions import Not
from leadsync.domain.conditions import Test as Ask
from leadsync.domain.durations import Duration
from leadsync.domain.mapping import FieldMapping, ValueMap
from leadsync.errors import CrmUnavailable, ObjectBlocked

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 19, 10, tzinfo=UTC)
STAMPS = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), "2026-11-19T09:00:00.000+0000")


def read(reader: Any, at: Any = NOW, **row: Any) -> Any:
    given = {**STAMPS, "Id": "00Q8d0000010001EAA", **row}
    return reader(tuple(given.get(name) for name in reader.columns.names), at)


def lead_reader(mapping: Any, **changes: Any) -> Any:
    return RecordReader("salesforce", "lead", replace(mapping.objects["lead"], **changes), BERLIN)


def field(kind: Any, **more: Any) -> Any:
    return FieldMapping("x", ("X",), kind, **more)


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("text", "Acme", "Acme"), ("text", "", None), ("text", None, None), ("text", 250.0, "250"), ("text", True, "true"),
        ("number", 72.0, 72), ("number", "72.5", 72.5), ("number", "many", None), ("number", True, None), ("number", "", None),
        ("date", "2026-11-19", "2026-11-19"), ("date", "2026-11-19T23:30:00.000+0000", "2026-11-19"), ("date", None, None),
        ("datetime", "2026-11-19T16:02:41.000+0000", "2026-11-19T16:02:41Z"),
        ("datetime", "2026-11-19T16:02:41.000Z", "2026-11-19T16:02:41Z"),
        ("datetime", "2026-11-19T17:02:41+01:00", "2026-11-19T16:02:41Z"),
        ("datetime", "2026-11-19", "2026-11-19T00:00:00Z"), ("datetime", "soon", None),
        ("yes_no", True, True), ("yes_no", "false", False), ("yes_no", None, None), ("yes_no", 1.0, True),
        ("user", "0058d000004Qm7RAAS", "0058d000004Qm7RAAS"),
    ],
)  # fmt: skip
def test_a_cell_reads_by_the_type_of_its_field(kind: Any, cell: Any, value: Any) -> None:
    found = parser(field(kind))(cell)
    assert found == value
    assert type(found) is type(value)


def test_a_value_table_speaks_before_the_type_and_goes_back_the_same_way() -> None:
    rating = field("number", values={"Hot": 100, "Warm": 50})
    assert [parser(rating)(cell) for cell in ("Hot", " warm ", "7", "Cold", None)] == [100, 50, 7, None, None]
    assert to_native(rating, 50) == "Warm"
    assert to_native(rating, 7) == 7
    assert to_native(field("text"), "") is None


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_reads_alike_from_json_and_csv(number: Any) -> None:
    assert parser(field("number"))(number) == parser(field("number"))(repr(number))


def test_the_first_filled_of_several_fields_counts(mapping: Any) -> None:
    one = FieldMapping("phone", ("MobilePhone", "Phone"), "phone")
    reader = lead_reader(mapping(), fields={"phone": one})
    assert read(reader, Phone="1", MobilePhone="2").fields["phone"] == "2"
    assert read(reader, Phone="1", MobilePhone="").fields["phone"] == "1"


def test_a_lead_keeps_what_a_write_will_need(mapping: Any) -> None:
    found = read(
        lead_reader(mapping()), Status="MQL", OwnerId="0058d0000010001AAA", LeadSync_Op__c="token", LeadSync_Score__c=72.0,
        **{"RecordType.DeveloperName": "Sales_Lead"},
    )  # fmt: skip

    assert (found.stage_value, found.owner_id, found.operation) == ("MQL", "0058d0000010001AAA", "token")
    assert found.version == "2026-11-19T09:00:00Z"
    assert found.fields == {
        "owner": "0058d0000010001AAA", "score": 72, "record_type": "Sales_Lead", "created_at": "2026-11-19T09:00:00Z",
    }  # fmt: skip


def test_records_outside_the_scope_are_named_so(mapping: Any) -> None:
    reader = lead_reader(mapping(), scope=Ask("record_type", "equals", "sales_lead"))
    assert read(reader, **{"RecordType.DeveloperName": "Sales_Lead"}).state == "live"
    assert read(reader, **{"RecordType.DeveloperName": "Partner"}).state == "out_of_scope"
    assert read(reader).state == "out_of_scope"


def test_a_scope_may_count_in_time(mapping: Any) -> None:
    reader = lead_reader(mapping(), scope=Not(Ask("created_at", "older_than", Duration(30, "days"))))
    assert read(reader).state == "live"
    assert read(reader, CreatedDate="2026-10-01T09:00:00.000+0000").state == "out_of_scope"


@pytest.mark.parametrize(
    ("duration", "passed"),
    [
        (Duration(3600, "elapsed"), datetime(2026, 10, 25, 0, tzinfo=UTC)),
        (Duration(1, "days"), datetime(2026, 10, 26, 0, tzinfo=UTC)),  # the day that has 25 hours in Berlin
        (Duration(2, "business_hours"), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ],
)
def test_durations_in_conditions_on_rows_follow_the_company_zone(duration: Any, passed: Any) -> None:
    assert RowFacts({}, NOW, BERLIN).after(datetime(2026, 10, 24, 23, tzinfo=UTC), duration) == passed


def test_a_person_account_is_never_in_scope(mapping: Any) -> None:
    reader = RecordReader("salesforce", "contact", mapping().objects["contact"], BERLIN, person_accounts=True)
    assert read(reader, IsPersonAccount=True).state == "out_of_scope"
    assert read(reader, IsPersonAccount=True).fields["person_account"] is True
    assert "person_account" not in read(reader, IsPersonAccount=False).fields
    assert read(reader, IsPersonAccount=False).state == "live"
    assert (
        "IsPersonAccount"
        not in RecordReader("salesforce", "contact", mapping().objects["contact"], BERLIN).columns.names
    )


def test_the_date_field_to_believe_for_old_stays_comes_along(mapping: Any) -> None:
    reader = lead_reader(mapping(), entered_from={"mql": "MQL_Date__c"})
    assert read(reader, MQL_Date__c="2025-01-02").fields["entered_from.mql"] == "2025-01-02T00:00:00Z"


def test_display_names_in_the_history_of_an_owner_are_no_move(mapping: Any) -> None:
    reader = MoveReader("salesforce", "lead", mapping().objects["lead"])
    assert reader.fields == ["Owner", "Status"]
    row = {"LeadId": "00Q8d0000010001EAA", "Field": "Owner", "CreatedById": "0058d0000010001AAA"}
    assert read(reader, **row, OldValue="Ada", NewValue="Grace") is None
    move = read(reader, **row, OldValue="0058d0000010001AAA", NewValue="00G8d0000010001EAA")
    assert (move.field, move.new) == ("owner", "00G8d0000010001EAA")


@pytest.mark.parametrize(
    ("closed", "won", "outcome", "reason"),
    [(False, False, "open", None), (True, True, "won", None), (True, False, "lost", "lost_deal")],
)
def test_a_deal_is_open_won_or_lost(mapping: Any, closed: Any, won: Any, outcome: Any, reason: Any) -> None:
    deal = read(
        OpportunityReader("salesforce", mapping(), BERLIN),
        IsClosed=closed,
        IsWon=won,
        CloseDate="2026-11-18",
        Amount=5000.0,
    )
    assert (deal.outcome, deal.loss_reason, deal.amount) == (outcome, reason, 5000.0)
    assert deal.closed_at == (None if outcome == "open" else datetime(2026, 11, 18, 11, tzinfo=UTC))


def test_users_bring_the_memberships_that_actors_ask_for(mapping: Any) -> None:
    members = Memberships(
        {"ops": Ask("permission_set", "equals", "leadsync ops"), "ldr": Ask("queue", "equals", "desk")}
    )
    assert [native for native, _, _ in members.tables()] == ["PermissionSetAssignment", "GroupMember"]
    empty = members.digest()
    members.learn(
        {"PermissionSetAssignment": [("005a", "LeadSync Ops", "LeadSync_Ops")], "GroupMember": [("005a", "Desk")]}
    )
    assert members.digest() != empty
    reader = UserReader(
        "salesforce", {"out_of_office_until": FieldMapping("out_of_office_until", ("Away__c",), "date")}, members.of
    )
    user = read(
        reader, Id="005a", Username="ada@acme.example", IsActive=True, Away__c="2026-12-01", **{"UserRole.Name": "LDR"}
    )
    assert (user.permission_sets, user.queues, user.role) == (("LeadSync Ops", "LeadSync_Ops"), ("Desk",), "LDR")
    assert user.out_of_office_until == "2026-12-01"
    assert Memberships({"ops": Ask("profile", "equals", "x")}).tables() == []


class TestTouches:
    """Which rows are touches, and what they say."""

    @pytest.fixture
    def reader(self, mapping: Any) -> Any:
        def make(native: Any, **changes: Any) -> Any:
            made = replace(mapping(), **changes)
            mine = [touch for touch in made.touches if touch.object == native]
            return TouchReader(
                "salesforce", native, mine, actors=made.actors, cadence_users=made.cadence_users, zone=BERLIN
            )

        return make

    def member(self, reader: Any, **row: Any) -> Any:
        given = {
            "LeadId": "00Q8d0000010001EAA", "HasResponded": True, "Status": "Attended", "FirstRespondedDate": "2026-11-19",
            "Campaign.Type": "Webinar", "Campaign.BudgetedCost": 50000.0, "Campaign.Name": "Autumn", **row,
        }  # fmt: skip
        return read(reader, Id="00v8d0000010001AAA", **given)

    @pytest.mark.parametrize(
        ("row", "at"),
        [
            ({}, "2026-11-19T09:00"),
            ({"SystemModstamp": "2026-11-20T09:00:00.000+0000"}, "2026-11-19T09:00"),
            ({"FirstRespondedDate": "2026-11-17"}, "2026-11-17T11:00"),
            ({"FirstRespondedDate": "2026-07-17"}, "2026-07-17T10:00"),
            # Half past eleven in the evening UTC is the next day in Berlin.
            ({"CreatedDate": "2026-11-16T23:30:00.000+0000", "FirstRespondedDate": "2026-11-17"}, "2026-11-16T23:30"),
            ({"FirstRespondedDate": None}, "2026-11-19T09:00"),
        ],
    )
    def test_a_response_date_is_made_an_instant(self, reader: Any, row: Any, at: Any) -> None:
        assert self.member(reader("CampaignMember"), **row).at == datetime.fromisoformat(at).replace(tzinfo=UTC)

    def test_a_converted_members_touch_is_its_contacts(self, reader: Any) -> None:
        assert self.member(reader("CampaignMember"), ContactId="0038d0000010001AAA").ref.object == "contact"

    @pytest.mark.parametrize(
        "row",
        [
            {"HasResponded": False},
            {"Campaign.Type": "List Purchase"},
            {"LeadId": None},
            {"LeadId": "0018d0000010001AAA"},
        ],
    )
    def test_a_member_without_engagement_is_no_touch(self, reader: Any, row: Any) -> None:
        assert self.member(reader("CampaignMember"), **row) is None

    def test_a_response_that_is_not_listed_is_counted_and_skipped(self, reader: Any) -> None:
        mine = reader("CampaignMember")
        assert self.member(mine, Status="Waved") is None
        assert mine.skipped == {"campaign_response: response Waved is not listed": 1}

    def test_each_responded_status_of_a_member_is_its_own_touch(self, reader: Any) -> None:
        mine = reader("CampaignMember")
        assert self.member(mine).touch_id == "cm:00v8d0000010001AAA:Attended"
        assert self.member(mine, Status="Contact Me").touch_id == "cm:00v8d0000010001AAA:Contact Me"

    def test_a_member_deleted_by_a_merge_takes_nothing_back(self, reader: Any) -> None:
        mine = reader("CampaignMember")
        assert self.member(mine, IsDeleted=True).retracted
        assert not self.member(mine, IsDeleted=True, **{"Lead.MasterRecordId": "00Q8d0000010002EAA"}).retracted

    def task(self, reader: Any, **row: Any) -> Any:
        given = {
            "WhoId": "00Q8d0000010001EAA", "IsClosed": True, "CompletedDateTime": "2026-11-19T09:30:00.000+0000", "TaskSubtype": "Call",
            "OwnerId": "0058d0000010001AAA", "CreatedById": "0058d0000010002AAA", "CreatedBy.Username": "grace@acme.example", **row,
        }  # fmt: skip
        return read(reader, Id="00T8d0000010001AAA", **given)

    def test_a_row_counts_for_the_first_mapping_that_fits(self, reader: Any) -> None:
        mine = reader("Task")
        assert (self.task(mine).kind, self.task(mine, CallType="Inbound").kind) == ("follow_up_task", "inbound_call")
        assert self.task(mine, CallType="Inbound").actor_id is None
        assert self.task(mine, IsClosed=False) is None
        assert self.task(mine, CompletedDateTime=None) is None

    @pytest.mark.parametrize(
        ("who", "counts"),
        [
            ({"CreatedBy.Profile.Name": "Integration User"}, False),
            ({"CreatedBy.Username": "marketo@acme.example"}, False),
            ({"CreatedBy.Username": "AutoProc@acme.example"}, False),
            ({"CreatedBy.Username": "outreach@acme.example", "CreatedBy.Profile.Name": "Integration User"}, True),
            ({"CreatedBy.Profile.Name": "Standard User"}, True),
            ({"CreatedBy.Profile.Name": "Integration User", "CreatedById": "0058d0000010001AAA"}, True),
        ],
    )
    def test_an_integrations_task_is_follow_up_only_if_it_is_a_cadence(
        self, reader: Any, who: Any, counts: Any
    ) -> None:
        edited = {
            name.replace("CreatedBy", "LastModifiedBy"): value
            for name, value in {"CreatedById": "0058d0000010002AAA", **who}.items()
        }
        touch = self.task(reader("Task"), **who, **edited)
        assert (touch is not None) is counts
        if touch:
            assert touch.actor_id == "0058d0000010001AAA"

    def test_a_task_that_an_integration_made_is_follow_up_once_its_owner_finished_it(self, reader: Any) -> None:
        made = {"CreatedBy.Profile.Name": "Integration User"}
        assert self.task(reader("Task"), **made, LastModifiedById="0058d0000010001AAA").actor_id == "0058d0000010001AAA"

    def test_a_meeting_is_none_before_its_end(self, reader: Any) -> None:
        row = {
            "WhoId": "0038d0000010001AAA",
            "EndDateTime": "2026-11-19T10:00:01.000+0000",
            "OwnerId": "0058d0000010001AAA",
        }
        assert read(reader("Event"), **row) is None
        assert read(reader("Event"), datetime(2026, 11, 19, 10, 0, 1, tzinfo=UTC), **row).kind == "meeting"


@pytest.mark.parametrize(
    ("cell", "band"),
    [(0, "low"), (4999.99, "low"), (5000, "medium"), ("50000", "high"), (None, "otherwise"), (-1, "otherwise")],
)
def test_bands_count_from_their_number_up(cell: Any, band: Any) -> None:
    table = ValueMap(("Cost",), bands=((0.0, "low"), (5000.0, "medium"), (50000.0, "high")), otherwise="otherwise")
    assert translate(table, {"Cost": cell}) == band


class TestQueries:
    """What goes to Salesforce and how pages come back."""

    def test_values_are_quoted_and_names_are_checked(self) -> None:
        query = select(("Id", "Owner.Name"), "Lead", where("Name = {n}", n="O'Neill\\"), order="Id", limit=5)
        assert query == r"SELECT Id, Owner.Name FROM Lead WHERE (Name = 'O\'Neill\\') ORDER BY Id LIMIT 5"
        for bad in ("Id, Name", "Id FROM User", "", "1a", "a.b.c.d.e.f", "Id--"):
            with pytest.raises(ObjectBlocked):
                select((bad,), "Lead")

    @given(st.text(alphabet="abcXYZ019", min_size=15, max_size=15))
    def test_an_ids_suffix_says_its_capitals(self, short: Any) -> None:
        full = id18(short)
        assert ids([full, short, full.swapcase(), f"{short}' OR Id != '"]) in (
            [full, short],
            [full, short, full.swapcase()],
        )
        assert len(full) == 18

    def test_known_ids_have_their_known_suffix(self) -> None:
        assert id18("00Q8d00000Kp3aT") == "00Q8d00000Kp3aTEAR"
        assert id18("0058d000004Qm7R") == "0058d000004Qm7RAAS"

    def test_cells_come_in_the_order_of_the_columns_however_deep(self) -> None:
        columns = Columns(("Id", "CreatedBy.Profile.Name", "CreatedBy.Username", "Campaign.Type"))
        body = (
            b'{"totalSize": 2, "done": true, "records": [{"CreatedBy": {"Username": "u", "Profile": {"Name": "P"}}, "Campaign": null, "Id": "1"},'
            b' {"Id": "2", "CreatedBy": {"Username": "v", "Profile": null}, "Campaign": {"Type": "T"}}]}'
        )
        rows = [dict(zip(columns.names, cells, strict=True)) for cells in columns.decode(body).rows]
        assert rows == [
            {"Id": "1", "CreatedBy.Profile.Name": "P", "CreatedBy.Username": "u", "Campaign.Type": None},
            {"Id": "2", "CreatedBy.Profile.Name": None, "CreatedBy.Username": "v", "Campaign.Type": "T"},
        ]

    def test_an_answer_in_another_spelling_names_the_column_instead_of_reading_blanks(self) -> None:
        with pytest.raises(ObjectBlocked, match="status"):
            Columns(("Id", "status")).decode(
                b'{"totalSize": 1, "done": true, "records": [{"Id": "1", "Status": "MQL"}]}'
            )

    @pytest.mark.parametrize("body", [b"", b"<html>", b'{"totalSize": 1, "done": tr'])
    def test_a_truncated_page_is_unavailable(self, body: Any) -> None:
        with pytest.raises(CrmUnavailable):
            Columns(("Id",)).decode(body)

    def test_a_next_page_on_another_host_is_refused(self) -> None:
        body = b'{"totalSize": 9, "done": false, "records": [], "nextRecordsUrl": "https://evil.example/"}'
        with pytest.raises(CrmUnavailable):
            Columns(("Id",)).decode(body)
