"""Batches, change sets and the Multiple actions: what happens together and what does not."""

import re
from typing import Any

import pytest

PATH = "/api/data/v9.2"


def part(method: str, url: str, body: str | None = None, *headers: str, content_id: int | None = None) -> list[str]:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    lines += [f"Content-ID: {content_id}"] if content_id else []
    lines += ["", f"{method} {url} HTTP/1.1"]
    lines += ["Content-Type: application/json; type=entry"] if body is not None else ["Accept: application/json"]
    return [*lines, *headers, "", body or ""]


def batch_of(*items: list[str], boundary: str = "batch_1") -> str:
    return "\r\n".join(line for item in items for line in (f"--{boundary}", *item)) + f"\r\n--{boundary}--\r\n"


def change_set(*parts: list[str]) -> list[str]:
    inner = "\r\n".join(line for p in parts for line in ("--set_1", *p)) + "\r\n--set_1--"
    return ['Content-Type: multipart/mixed; boundary="set_1"', "", inner, ""]


def send(crm: Any, body: str, content_type: str = 'multipart/mixed; boundary="batch_1"', **headers: str) -> Any:
    return crm.call("POST", "/$batch", data=body.encode(), headers={"Content-Type": content_type, **headers})


def statuses(answer: Any) -> list[int]:
    return [int(found) for found in re.findall(r"^HTTP/1.1 (\d+)", answer.text, re.MULTILINE)]


def test_requests_of_a_batch_are_answered_in_their_order(crm: Any) -> None:
    lead = crm.lead()
    body = batch_of(
        part("PATCH", f"{PATH}/leads({lead})", '{"leadsync_score":72}', "If-Match: *"),
        part("GET", f"{crm.api}/leads({lead})?$select=leadsync_score"),
        part("GET", f"leads({lead})?$select=statecode"),
    )
    answer = send(crm, body)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    assert statuses(answer) == [204, 200, 200]
    assert '"leadsync_score":72' in answer.text
    assert "\r\n\r\nHTTP/1.1 204 No Content\r\n" in answer.text


def test_each_part_is_logged_as_a_part_and_the_batch_counts_once(crm: Any) -> None:
    lead = crm.lead()
    body = batch_of(
        part("PATCH", f"{PATH}/leads({lead})", "{}", 'If-Match: W/"1"'), part("GET", f"{PATH}/leads({lead})")
    )
    send(crm, body, Prefer="odata.continue-on-error")
    whole, changed, read = crm.requests()[-3:]

    assert (whole["api"], whole["path"], whole["status"]) == (True, f"{PATH}/$batch", 200)
    assert (changed["n"], changed["api"], changed["method"], changed["status"]) == (
        f"{whole['n']}.1",
        False,
        "PATCH",
        412,
    )
    assert (changed["If-Match"], read["n"], read["status"]) == ('W/"1"', f"{whole['n']}.2", 200)


def test_the_first_failure_ends_a_batch_unless_it_is_told_to_go_on(crm: Any) -> None:
    lead = crm.lead()
    body = batch_of(
        part("GET", f"{PATH}/leads({lead})?$select=statecode"),
        part("PATCH", f"{PATH}/leads({lead})", '{"nosuch":1}', "If-Match: *"),
        part("PATCH", f"{PATH}/leads({lead})", '{"jobtitle":"CEO"}', "If-Match: *"),
    )
    stopped = send(crm, body)
    assert (stopped.status_code, statuses(stopped)) == (400, [200, 400])
    assert crm.get(f"/leads({lead})")["jobtitle"] is None
    went_on = send(crm, body, Prefer="odata.continue-on-error")

    assert (went_on.status_code, statuses(went_on)) == (200, [200, 400, 204])
    assert crm.get(f"/leads({lead})")["jobtitle"] == "CEO"


def test_a_change_set_happens_as_a_whole_and_its_parts_may_name_each_other(crm: Any) -> None:
    body = batch_of(
        change_set(
            part("POST", f"{PATH}/leads", '{"lastname":"Set"}', content_id=1),
            part(
                "POST",
                f"{PATH}/tasks",
                '{"subject":"Follow up","regardingobjectid_lead_task@odata.bind":"$1"}',
                content_id=2,
            ),
            part("PATCH", "$1", '{"jobtitle":"Referred"}', content_id=3),
        )
    )
    answer = send(crm, body)
    lead = re.search(r"leads\(([0-9a-f-]{36})\)", answer.text)

    assert (answer.status_code, statuses(answer)) == (200, [204, 204, 204])
    assert "Content-Type: multipart/mixed; boundary=changesetresponse_" in answer.text
    assert re.findall(r"Content-ID: (\d)", answer.text) == ["1", "2", "3"]
    assert lead is not None
    assert crm.get(f"/leads({lead[1]})")["jobtitle"] == "Referred"
    assert crm.get(f"/leads({lead[1]})/Lead_Tasks")["value"][0]["subject"] == "Follow up"


def test_a_change_set_with_one_bad_part_changes_nothing(crm: Any) -> None:
    first, second = crm.lead(), crm.lead()
    body = batch_of(
        change_set(
            part("PATCH", f"{PATH}/leads({first})", '{"jobtitle":"Half"}', "If-Match: *", content_id=1),
            part("PATCH", f"{PATH}/leads({second})", '{"jobtitle":"Half"}', 'If-Match: W/"1"', content_id=2),
        ),
        part("GET", f"{PATH}/leads({first})?$select=jobtitle"),
    )
    answer = send(crm, body, Prefer="odata.continue-on-error")

    assert (answer.status_code, statuses(answer)) == (200, [412, 200])
    assert crm.get(f"/leads({first})")["jobtitle"] is None
    assert "jobtitle" not in {c["field"] for c in crm.truth("lead", first)}


def test_a_reference_that_was_not_declared_is_refused(crm: Any) -> None:
    answer = send(crm, batch_of(change_set(part("PATCH", "$7", '{"jobtitle":"X"}', content_id=1))))

    assert (answer.status_code, statuses(answer)) == (400, [400])


@pytest.mark.parametrize(
    ("change", "content_type"),
    [
        (lambda text: "\r\n" + text, "multipart/mixed;boundary=batch_1"),
        (lambda text: text.replace("\r\n", "\n"), 'multipart/mixed; boundary="batch_1"'),
        (lambda text: "preamble\r\n" + text, "multipart/mixed; boundary=batch_1"),
        (lambda text: text.replace("--set_1\r\n", "\r\n--set_1\r\n"), "multipart/mixed; boundary= batch_1"),
    ],
)
def test_clients_may_differ_in_blank_lines_and_quotes(crm: Any, change: Any, content_type: str) -> None:
    lead = crm.lead()
    body = batch_of(
        part("GET", f"{PATH}/leads({lead})?$select=statecode"),
        change_set(part("PATCH", f"{PATH}/leads({lead})", '{"jobtitle":"CTO"}', "If-Match: *", content_id=1)),
    )
    answer = send(crm, change(body), content_type)

    assert (answer.status_code, statuses(answer)) == (200, [200, 204])


def test_a_batch_that_is_none_is_refused_in_plain_json(crm: Any) -> None:
    answer = send(crm, "{}", "application/json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "0x80060888")


def targets(*rows: dict[str, Any], table: str = "lead") -> dict[str, Any]:
    return {"Targets": [{"@odata.type": f"Microsoft.Dynamics.CRM.{table}", **row} for row in rows]}


def test_many_leads_are_created_and_changed_by_one_action(crm: Any) -> None:
    answer = crm.post("/leads/Microsoft.Dynamics.CRM.CreateMultiple", targets({"lastname": "A"}, {"lastname": "B"}))
    ids = answer.json()["Ids"]
    changed = crm.post(
        "/leads/Microsoft.Dynamics.CRM.UpdateMultiple", targets(*({"leadid": i, "leadsync_score": 5} for i in ids))
    )

    assert (answer.status_code, changed.status_code) == (200, 204)
    assert [crm.get(f"/leads({i})")["leadsync_score"] for i in ids] == [5, 5]


def test_one_bad_row_undoes_all_of_a_multiple_action(crm: Any) -> None:
    lead = crm.lead()
    missing = "11111111-2222-3333-4444-555555555555"
    answer = crm.post(
        "/leads/Microsoft.Dynamics.CRM.UpdateMultiple",
        targets({"leadid": lead, "leadsync_score": 9}, {"leadid": missing, "leadsync_score": 9}),
    )

    assert crm.error(answer) == (404, "0x80040217")
    assert crm.get(f"/leads({lead})")["leadsync_score"] is None
    assert crm.post("/leads/Microsoft.Dynamics.CRM.UpdateMultiple", {"Targets": [{"leadid": lead}]}).status_code == 400


def test_rows_are_upserted_by_their_own_keys(crm: Any) -> None:
    rows = [{"@odata.id": f"contacts(acme_legacyid='U-{n}')", "lastname": str(n)} for n in range(2)]
    assert (
        crm.post("/contacts/Microsoft.Dynamics.CRM.UpsertMultiple", targets(*rows, table="contact")).status_code == 204
    )
    rows[0]["lastname"] = "changed"
    assert (
        crm.post("/contacts/Microsoft.Dynamics.CRM.UpsertMultiple", targets(*rows, table="contact")).status_code == 204
    )

    assert [
        row["lastname"] for row in crm.rows("/contacts?$filter=startswith(acme_legacyid,'U-')&$orderby=acme_legacyid")
    ] == ["changed", "1"]


def test_leads_named_by_their_keys_are_deleted_together(crm: Any) -> None:
    leads = [crm.lead() for _ in range(3)]
    values = [{"Value": lead, "Type": "System.Guid"} for lead in leads[:2]]
    criteria = {
        "FilterOperator": "And",
        "Conditions": [{"AttributeName": "leadid", "Operator": "In", "Values": values}],
    }
    answer = crm.post("/BulkDelete", {"JobName": "Tidy", "QuerySet": [{"EntityName": "lead", "Criteria": criteria}]})

    assert answer.status_code == 200
    assert answer.json()["JobId"]
    assert [crm.call("GET", f"/leads({lead})").status_code for lead in leads] == [404, 404, 200]
    assert crm.post("/BulkDelete", {"QuerySet": [{"EntityName": "lead", "Criteria": {}}]}).status_code == 400
