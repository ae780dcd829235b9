"""Data hygiene over HTTP: fields put in order where the mapping asks for it and nowhere else, facts from the account, numeric
ages within their budget, and the report on what is missing, malformed or there twice."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from office import Office

PHONE = {
    "salesforce": ("phone: {field: Phone, type: phone}", "phone: {field: Phone, type: phone, cleanse: write}"),
    "dynamics": ("phone: {field: telephone1, type: phone}", "phone: {field: telephone1, type: phone, cleanse: write}"),
}
INDUSTRY = {
    "salesforce": ("    industry: Industry\n    employees: {field: NumberOfEmployees, type: number}\n    country: {field: Country",
                   "    industry: {field: Industry, cleanse: write}\n    employees: {field: NumberOfEmployees, type: number}\n    country: {field: Country"),
    "dynamics": ("industry: {field: industrycode, values: {Durable Manufacturing: Manufacturing}}   #",
                 "industry: {field: industrycode, cleanse: write, values: {Durable Manufacturing: Manufacturing}}   #"),
}  # fmt: skip
AGE = {
    "salesforce": (
        "    company: Company\n",
        "    company: Company\n    stage_age: {field: AnnualRevenue, write: true}\n",
    ),
    "dynamics": (
        "    company: companyname\n",
        "    company: companyname\n    stage_age: {field: revenue, write: true}\n",
    ),
}
COMPANY = {
    "Name": "Initech GmbH",
    "Website": "https://www.initech.example",
    "BillingCountry": "Germany",
    "Industry": "Retail",
}


def writes_of(office: Office, key: str) -> list[dict[str, Any]]:
    """Return the fields of every write-back that was decided for a record, the first one first."""
    rows = sorted(office.view("v_outbox", kind="write", record_id=key), key=lambda row: str(row["decided_at"]))
    return [json.loads(row["fields"]) for row in rows]


def settle(office: Office, cycles: int = 3) -> None:
    for _ in range(cycles):
        office.sync()


def test_a_phone_is_put_in_order_with_the_write_that_goes_anyway_and_by_nobodys_leave_but_the_mappings(
    office: Office,
) -> None:
    office.edit_mapping("crm", *PHONE[office.kind])
    tidied = office.lead(phone="+49 (40) 123-4567", mobile="+49 (170) 123-4567", owner="ldr", country="Germany")
    national = office.lead(phone="040 123 4567", owner="ldr", country="Germany")
    nothing = office.lead(phone="ask for Ada", owner="ldr")
    office.respond(tidied, national, nothing, response="attended")
    settle(office)

    assert office.row(tidied)["phone"] == "+49401234567"
    assert office.row(tidied)["mobile"] == "+49 (170) 123-4567"
    assert (office.row(national)["phone"], office.row(nothing)["phone"]) == ("040 123 4567", "ask for Ada")
    [with_phone] = [fields for fields in writes_of(office, tidied) if "phone" in fields]
    assert "score" in with_phone
    assert len(writes_of(office, tidied)) == len(writes_of(office, national))


def test_a_persons_different_value_is_never_touched_nor_what_they_made_of_ours(office: Office) -> None:
    office.edit_mapping("crm", *PHONE[office.kind])
    key = office.lead(phone="+49 (40) 123-4567", owner="ldr")
    office.respond(key, response="attended")
    settle(office)
    assert office.row(key)["phone"] == "+49401234567"

    for shown in ("+49 40 123 4567", "040 7654321", "ring twice"):
        office.edit(key, "rep", phone=shown)
        settle(office)
        assert office.row(key)["phone"] == shown
    assert len([fields for fields in writes_of(office, key) if "phone" in fields]) == 1


def test_an_edit_between_looking_and_writing_wins_over_a_tidied_value(office: Office) -> None:
    office.edit_mapping("crm", *PHONE[office.kind])
    key = office.lead(phone="+49 (40) 123-4567", owner="ldr")
    office.respond(key, response="attended")
    office.sync()
    pause = office.location.parent / "pause"
    pause.touch()
    office.edit(key, "rep", phone="+49 (30) 765-4321")
    office.sync()  # decides on the new number, sends nothing
    office.edit(key, "rep", phone="+49 (89) 111-2222")
    pause.unlink()
    settle(office)
    assert "+49307654321" not in {change.new for change in office.writes("phone", key)}
    assert office.row(key)["phone"] in ("+49 (89) 111-2222", "+49891112222")


def test_a_blank_is_filled_from_the_matched_account_and_explained_even_where_it_is_not_written(office: Office) -> None:
    office.edit_mapping("crm", *INDUSTRY[office.kind])
    office.put(Account=[COMPANY])
    key = office.lead(email="ada@initech.example", company="Initech", owner="ldr")
    kept = office.lead(email="bob@initech.example", company="Initech", owner="ldr", industry="Consulting")
    office.respond(key, kept, response="attended")
    settle(office)
    assert (office.row(key)["industry"], office.row(kept)["industry"]) == ("Retail", "Consulting")
    assert office.row(key)["country"] is None

    [told] = office.run("explain", key, "--json")
    assert told["account"] == "Initech GmbH"
    assert dict(told["appended"])["country"] == "DE"
    assert "industry" not in dict(told["appended"])  # by now the lead has its own
    code, text = office.attempt("explain", key)
    assert (code, "Company Initech GmbH: what the record lacks is taken from there" in text) == (0, True)

    office.edit(key, "rep", industry=None)
    settle(office)
    assert office.row(key)["industry"] is None


def test_nothing_is_put_in_order_before_the_mapping_says_so(office: Office) -> None:
    office.put(Account=[COMPANY])
    key = office.lead(phone="+49 (40) 123-4567", email="ada@initech.example", first_name=" Ada", owner="ldr")
    office.respond(key, response="attended")
    settle(office)
    assert office.row(key)["phone"] == "+49 (40) 123-4567"
    assert {"phone", "industry", "first_name"}.isdisjoint(
        field for fields in writes_of(office, key) for field in fields
    )


def test_ages_grow_by_a_day_within_their_budget_and_by_no_decision(make_office: Callable[..., Office]) -> None:
    office = make_office()
    office.edit_mapping("crm", *AGE[office.kind])
    office.edit_config("limits:\n", "limits:\n  writes: {stage_age: {per_cycle: 4, per_day: 6}}\n")
    keys = office.leads(10, owner="ldr", stage="inquiry")
    settle(office)

    def ages() -> list[Any]:
        return [held["AnnualRevenue"] or 0 for key in keys if (held := office._held(key))]

    def outgrown() -> int:
        return sum(1 for row in office.view("v_outbox", kind="write") if row["group_id"] == f"stage_age:{office.kind}")

    assert ages() == [0] * 10
    assert outgrown() == 0
    office.advance(days=3)
    office.sync()
    assert sorted(ages()) == [0] * 6 + [3] * 4
    settle(office)
    assert sorted(ages()) == [0] * 4 + [3] * 6
    assert outgrown() == 6
    office.advance(days=1)
    settle(office)
    assert sorted(ages())[:2] + sorted(ages())[-4:] == [3, 3, 4, 4, 4, 4]
    assert {row["state"] for row in office.view("v_outbox", kind="write")} == {"applied"}


def test_the_report_names_twins_shared_lines_and_the_unusable_and_its_parts_add_up(office: Office) -> None:
    lead = office.lead(first_name="Ada", last_name="Lovelace", email="ada@initech.example", owner="ldr")
    contact = office.contact(first_name="A.", last_name="Lovelace", email="ADA@initech.example")
    phones = [office.lead(phone=way, country="Germany") for way in ("+49 40 123 4567", "040/1234567")]
    office.leads(2, email="info@initech.example")
    nobody = office.lead(email=None)
    wrong = office.lead(phone="ask reception")
    office.leads(5, phone="+49 40 7654321")
    office.sync()

    tables = office.report("quality")
    doubles = {(row["key"], row["record_id"]) for row in tables["duplicate_records"]}
    assert doubles == {("email", lead), ("email", contact), *(("phone", key) for key in phones)}
    assert {(row["key"], row["duplicates"]) for row in tables["duplicates"]} == {
        ("email", "yes"), ("phone", "yes"), ("shared_line", "no"), ("shared_mailbox", "no"),
    }  # fmt: skip
    assert [row["record_id"] for row in tables["unusable_records"]] == [nobody]
    assert [(row["record_id"], row["field"]) for row in tables["malformed_records"]] == [(wrong, "phone")]
    by_object = {row["object"]: row for row in tables["sums"]}
    assert by_object["lead"]["live"] == 12
    for row in by_object.values():
        parts = ("unusable", "duplicate", "malformed", "sound", "left_out", "unaccounted")
        assert sum(row[part] for part in parts) == row["live"]
        assert row["unaccounted"] == 0
    assert office.report("audit")["quality"] == tables["sums"]


@pytest.mark.parametrize("form", ["csv", "table"])
def test_the_report_comes_in_every_form(office: Office, form: str) -> None:
    office.lead(email=None)
    office.sync()
    code, text = office.attempt("report", "quality", "--format", form)
    assert code == 0
    assert "no e-mail address and no phone number" in text
