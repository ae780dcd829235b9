"""Writing back: numbers behind labels, owners and lookups, states that are not written, batches, and every refusal."""

from dataclasses import replace
from typing import Any

import pytest
import responses

from leadsync.crm.dynamics import Credentials, DynamicsCrm
from leadsync.crm.dynamics.tasks import tasks_of
from leadsync.domain.effects import Membership
from leadsync.domain.mapping import FieldMapping
from leadsync.domain.records import Queue, Ref, User
from leadsync.errors import CrmRejected, CrmUnavailable, ObjectBlocked
from leadsync.http import Answer
from leadsync.secret import Secret

ANSWER = "batchresponse_1"


@pytest.fixture
def one(org: Any, follow: Any) -> Any:
    """Return an adapter and a lead as it read it."""
    (key,) = org.leads(1)
    crm = org.crm()
    return crm, crm.read([Ref("dynamics", "lead", key)])[Ref("dynamics", "lead", key)]


def test_a_choice_is_written_by_its_number_and_read_by_its_label(org: Any, one: Any, write_of: Any) -> None:
    crm, lead = one
    (outcome,) = crm.write([write_of(lead, stage="Re-Market", recycle_reason="No budget")])
    assert outcome.state == "applied"
    row = org.row(f"leads({lead.ref.id})", "leadsync_leadstatus,leadsync_recycle_reason,leadsync_op")
    assert isinstance(row["leadsync_leadstatus"], int)
    after = crm.read([lead.ref])[lead.ref]
    assert (after.stage_value, after.fields["recycle_reason"]) == ("Re-Market", "No budget")


def test_only_what_is_wished_goes_out(org: Any, one: Any, write_of: Any) -> None:
    crm, lead = one
    org.requests()
    crm.write([write_of(lead, score=40)])
    lines = org.requests()
    (part,) = [line for line in lines if "." in str(line["n"])]
    assert (part["method"], part["If-Match"]) == ("PATCH", "*")
    crm.write([write_of(lead, guarded=True, cause="t:2", stage="MQL")])
    (part,) = [line for line in org.requests() if "." in str(line["n"])]
    assert part["If-Match"] == lead.version
    changed = {line["field"] for line in org.truth("lead") if line["via"] == "api"}
    assert changed == {"leadsync_score", "leadsync_op"}


def test_an_owner_is_a_user_or_a_team(org: Any, one: Any, follow: Any, write_of: Any) -> None:
    crm, lead = one
    found = follow(crm).poll()
    team = found.of(Queue)[0].id
    user = next(row.id for row in found.of(User) if row.active and row.id != lead.owner_id)
    for owner, column in ((team, "_owningteam_value"), (user, "_owninguser_value")):
        (outcome,) = crm.write([write_of(lead, cause=owner, owner=owner)])
        assert outcome.state == "applied", outcome
        assert org.row(f"leads({lead.ref.id})", column)[column] == owner


def test_an_assignee_is_set_and_taken_away(org: Any, one: Any, follow: Any, write_of: Any) -> None:
    crm, lead = one
    user = next(row.id for row in follow(crm).poll().of(User) if row.active)
    assert crm.write([write_of(lead, assignee=user)])[0].state == "applied"
    assert crm.read([lead.ref])[lead.ref].fields["assignee"] == user
    assert crm.write([write_of(lead, cause="t:2", assignee=None)])[0].state == "applied"
    assert "assignee" not in crm.read([lead.ref])[lead.ref].fields


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"stage": "Nowhere"}, "NOT_SETTABLE:leadsync_leadstatus"), ({"title": "CEO"}, "NOT_WRITABLE:title"),
        ({"recycle_reason": "Boredom"}, "NO_SUCH_OPTION:leadsync_recycle_reason"), ({"owner": "ada"}, "NO_ID:ownerid"),
        ({"shoe": 42}, "NOT_WRITABLE:shoe"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_never_sent(org: Any, one: Any, write_of: Any, values: Any, error: str) -> None:
    crm, lead = one
    org.requests()
    (outcome,) = crm.write([write_of(lead, **values)])
    assert (outcome.state, outcome.error) == ("rejected", error)
    assert org.requests() == []


def test_two_writes_of_one_record_do_not_race(one: Any, write_of: Any) -> None:
    crm, lead = one
    first, second = crm.write([write_of(lead, score=1), write_of(lead, cause="t:2", score=2)])
    assert (first.state, second.state) == ("applied", "pending")


def test_many_writes_go_out_in_batches_of_fifty(org: Any, write_of: Any) -> None:
    refs = [Ref("dynamics", "lead", key) for key in org.leads(120)]
    crm = org.crm()
    records = crm.read(refs)
    org.requests()
    outcomes = crm.write([write_of(records[ref], score=10) for ref in refs])
    assert {outcome.state for outcome in outcomes} == {"applied"}
    assert len([line for line in org.requests() if "." not in str(line["n"])]) == 3


def test_what_is_urgent_goes_first(org: Any, write_of: Any) -> None:
    first, second = (Ref("dynamics", "lead", key) for key in org.leads(2))
    crm = org.crm()
    records = crm.read([first, second])
    org.requests()
    crm.write([write_of(records[first], score=1), write_of(records[second], priority="sla", score=2)])
    parts = [str(line["path"]) for line in org.requests() if "." in str(line["n"])]
    assert second.id in parts[0]
    assert first.id in parts[1]


# The state of a lead


def test_a_lead_closed_by_the_button_reads_as_disqualified_with_its_reason(org: Any, one: Any) -> None:
    crm, lead = one
    org.api("PATCH", f"leads({lead.ref.id})", {"statecode": 2, "statuscode": 5}, **{"If-Match": "*"})
    after = crm.read([lead.ref])[lead.ref]
    assert (after.stage_value, after.fields["recycle_reason"], after.state) == ("Disqualified", "bad_data", "live")
    assert (lead.closed, after.closed) == (False, True)


def test_where_the_button_stands_for_no_stage_a_closed_lead_takes_any_stage(
    org: Any, mapping: Any, write_of: Any
) -> None:
    (key,) = org.leads(1)
    org.api("PATCH", f"leads({key})", {"statecode": 2, "statuscode": 5}, **{"If-Match": "*"})
    ref, crm = Ref("dynamics", "lead", key), org.crm(mapping(disqualify_button=None))
    lead = crm.read([ref])[ref]
    assert (lead.stage_value, lead.closed) == ("Inquiry", False)
    assert crm.write([write_of(lead, guarded=True, stage="MQL")])[0].state == "applied"
    assert org.row(f"leads({key})", "statecode")["statecode"] == 2


def test_a_stage_that_says_the_same_keeps_its_own_reason(org: Any, one: Any, write_of: Any) -> None:
    crm, lead = one
    crm.write([write_of(lead, stage="Disqualified", recycle_reason="Competitor")])
    org.api("PATCH", f"leads({lead.ref.id})", {"statecode": 2, "statuscode": 5}, **{"If-Match": "*"})
    after = crm.read([lead.ref])[lead.ref]
    assert (after.stage_value, after.fields["recycle_reason"]) == ("Disqualified", "Competitor")


def test_a_closed_lead_is_opened_when_it_gets_another_stage_by_an_edge_that_reopens(
    org: Any, one: Any, write_of: Any
) -> None:
    crm, lead = one
    org.api("PATCH", f"leads({lead.ref.id})", {"statecode": 2, "statuscode": 5}, **{"If-Match": "*"})
    closed = crm.read([lead.ref])[lead.ref]
    (refused,) = crm.write([write_of(closed, guarded=True, stage="MQL")])
    assert (refused.state, refused.error) == ("rejected", "CLOSED_AND_NO_EDGE_REOPENS_IT")
    assert org.row(f"leads({lead.ref.id})", "statecode")["statecode"] == 2
    (outcome,) = crm.write([write_of(closed, guarded=True, reopen=True, stage="MQL")])
    assert outcome.state == "applied"
    row = org.row(f"leads({lead.ref.id})", "statecode,statuscode")
    assert (row["statecode"], row["statuscode"]) == (0, 1)
    assert crm.read([lead.ref])[lead.ref].stage_value == "MQL"


def test_whether_leads_are_closed_is_asked_for_all_of_them_at_once(org: Any, ref_of: Any, write_of: Any) -> None:
    keys = org.leads(6, leadsync_leadstatus="Disqualified")
    for key in keys[:2]:
        org.api("PATCH", f"leads({key})", {"statecode": 2, "statuscode": 5}, **{"If-Match": "*"})
    crm = org.crm()
    records = crm.read([ref_of(key) for key in keys])
    before = crm.usage().calls

    outcomes = crm.write([write_of(records[ref_of(key)], guarded=True, reopen=True, stage="MQL") for key in keys])

    assert {outcome.state for outcome in outcomes} == {"applied"}
    assert crm.usage().calls - before == 1 + len(keys)
    assert [org.row(f"leads({key})", "statecode")["statecode"] for key in keys] == [0] * 6


def test_an_open_lead_keeps_its_status_reason(org: Any, one: Any, write_of: Any) -> None:
    crm, lead = one
    org.api("PATCH", f"leads({lead.ref.id})", {"statecode": 0, "statuscode": 2}, **{"If-Match": "*"})
    crm.write([write_of(lead, stage="Disqualified")])
    crm.write([write_of(crm.read([lead.ref])[lead.ref], guarded=True, cause="t:2", stage="MQL")])
    assert org.row(f"leads({lead.ref.id})", "statuscode")["statuscode"] == 2


@pytest.fixture
def by_reason(mapping: Any, mapped: Any) -> Any:
    """Return a mapping that keeps the lead's stage in the status reason."""
    lead = replace(mapping().objects["lead"], stage=FieldMapping("stage", ("statuscode",), write=True))
    values = {"Open/New": "inquiry", "Open/Contacted": "mql", "Disqualified/Lost": "disqualified"}
    return mapping(
        objects={**mapping().objects, "lead": lead}, stage_of_value=values, disqualify_button=None,
        value_of_stage={"inquiry": "Open/New", "mql": "Open/Contacted", "disqualified": "Disqualified/Lost", "sql": "Qualified/Qualified"},
    )  # fmt: skip


def test_a_status_reason_is_a_pair_with_its_state(org: Any, by_reason: Any, write_of: Any) -> None:
    (key,) = org.leads(1)
    ref, crm = Ref("dynamics", "lead", key), org.crm(by_reason)
    lead = crm.read([ref])[ref]
    assert lead.stage_value == "Open/New"
    assert crm.write([write_of(lead, stage="Open/Contacted")])[0].state == "applied"
    assert org.row(f"leads({key})", "statuscode")["statuscode"] == 2


@pytest.mark.parametrize("value", ["Disqualified/Lost", "Qualified/Qualified"])
def test_moves_across_states_are_never_written(org: Any, by_reason: Any, write_of: Any, value: str) -> None:
    (key,) = org.leads(1)
    ref, crm = Ref("dynamics", "lead", key), org.crm(by_reason)
    (outcome,) = crm.write([write_of(crm.read([ref])[ref], stage=value)])
    assert (outcome.state, outcome.error) == ("rejected", "NOT_SETTABLE:statuscode")
    assert org.row(f"leads({key})", "statecode")["statecode"] == 0


def test_a_closed_lead_of_that_mapping_is_opened_by_an_edge_that_reopens_alone(
    org: Any, by_reason: Any, write_of: Any
) -> None:
    (key,) = org.leads(1)
    org.api("PATCH", f"leads({key})", {"statecode": 2, "statuscode": 4}, **{"If-Match": "*"})
    ref, crm = Ref("dynamics", "lead", key), org.crm(by_reason)
    closed = crm.read([ref])[ref]
    assert (closed.stage_value, closed.closed) == ("Disqualified/Lost", True)
    (refused,) = crm.write([write_of(closed, guarded=True, stage="Open/Contacted")])
    assert (refused.state, refused.error) == ("rejected", "CLOSED_AND_NO_EDGE_REOPENS_IT")
    (opened,) = crm.write([write_of(closed, guarded=True, reopen=True, stage="Open/Contacted")])
    assert opened.state == "applied"
    row = org.row(f"leads({key})", "statecode,statuscode")
    assert (row["statecode"], row["statuscode"]) == (0, 2)


def test_a_qualified_lead_of_that_mapping_shows_the_forced_value(org: Any, by_reason: Any) -> None:
    (key,) = org.leads(1)
    org.control("convert", lead=key, contact=None, account=None, opportunity=False, status=None)
    ref, crm = Ref("dynamics", "lead", key), org.crm(by_reason)
    assert (crm.read([ref])[ref].stage_value, crm.read([ref])[ref].state) == ("Qualified", "converted")


# Refusals


def test_every_fault_has_its_end(org: Any, one: Any, write_of: Any) -> None:
    crm, lead = one
    for kind, state in (
        ("503", "unknown"), ("500", "unknown"), ("html", "unknown"), ("timeout_before_apply", "unknown"), ("reset", "unknown"),
    ):  # fmt: skip
        org.faults(rate={kind: 1})
        (outcome,) = crm.write([write_of(lead, cause=kind, score=40)])
        assert outcome.state == state, (kind, outcome)
    org.faults(rate={})


@pytest.mark.parametrize("limit", ["requests", "time", "concurrency"])
def test_a_limit_makes_writes_wait_and_batches_smaller(org: Any, write_of: Any, limit: str, quick_clock: Any) -> None:
    refs = [Ref("dynamics", "lead", key) for key in org.leads(50)]
    crm = org.crm(clock=quick_clock)
    records = crm.read(refs)
    org.faults(rate={"429": 1}, protection=limit, retry_after=20)
    outcomes = crm.write([write_of(records[ref], score=1) for ref in refs])
    assert {outcome.state for outcome in outcomes} == {"pending"}
    assert all(outcome.retry_after and outcome.retry_after >= 19 for outcome in outcomes)
    org.faults(rate={}, protection=None)
    org.requests()
    (held,) = crm.write([write_of(records[refs[0]], score=1)])
    assert held.state == "pending", "nothing is sent before the pause is over"
    assert org.requests() == []
    quick_clock.passed += 21
    crm.write([write_of(records[ref], score=1) for ref in refs])
    batches = [line for line in org.requests() if "." not in str(line["n"])]
    assert len(batches) == (1 if limit == "requests" else 2)


def test_a_spent_budget_keeps_its_reserve_for_what_is_urgent(org: Any, write_of: Any) -> None:
    refs = [Ref("dynamics", "lead", key) for key in org.leads(2)]
    crm = org.crm(share=0.004, reserve=0.5)  # two thousand requests a day, half of them for what is urgent
    records = crm.read(refs)
    crm._client.budget.spend(urgent=True, requests=1000 - crm.usage().calls)
    late, soon = crm.write(
        [write_of(records[refs[0]], score=1), write_of(records[refs[1]], priority="hand_raiser", score=1)]
    )
    assert (late.state, late.error) == ("pending", "BUDGET")
    assert soon.state == "applied"


def test_two_environments_have_budgets_of_their_own(environment: Any) -> None:
    first, second = environment(), environment()
    one, two = first.crm(), second.crm()
    one.connect()
    assert (one.usage().calls > 0, two.usage().calls) == (True, 0)


# Against answers that the sandbox does not give

URL = "https://acme.crm4.dynamics.com"
ROOT = f"{URL}/api/data/v9.2"


@pytest.fixture
def refused(org: Any, one: Any, write_of: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what becomes of one write when the only part of its batch is answered like this."""
    crm, lead = one

    def ask(status: int, code: str = "", message: str = "m", *, whole: bool = False, **headers: str) -> Any:
        body = f'{{"error":{{"code":"{code}","message":"{message}"}}}}'.encode() if code else b""
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
        part = b"HTTP/1.1 %d X\r\n" % status + head + b"\r\n" + body
        multipart = b"--b_1\r\nContent-Type: application/http\r\n\r\n" + part + b"\r\n--b_1--\r\n"
        answer = (
            Answer(status, {name.lower(): value for name, value in headers.items()}, body)
            if whole
            else Answer(200, {"content-type": "multipart/mixed; boundary=b_1"}, multipart)
        )
        monkeypatch.setattr("leadsync.crm.dynamics.client.Client.batch", lambda *_, **__: answer)
        (outcome,) = crm.write([write_of(lead, score=1)])
        return outcome

    ask.crm = crm  # type: ignore[attr-defined]
    return ask


def test_a_missing_right_is_told_and_forgotten_once_it_is_there(refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = refused(403, "0x80040220", "Principal user is missing prvWriteLead privilege")
    assert (outcome.state, outcome.error) == ("rejected", "PRIVILEGE_DENIED:prvWriteLead")
    assert "prvWriteLead" in refused.crm.blocked()["write:lead"]
    assert refused(204).state == "applied"
    assert dict(refused.crm.blocked()) == {}


@pytest.mark.parametrize("whole", [False, True])
def test_a_plugins_refusal_is_tried_again_later(refused: Any, whole: bool) -> None:
    outcome = refused(400, "0x80040265", whole=whole)
    assert (outcome.state, outcome.error, outcome.retry_after) == ("pending", "PLUGIN_REFUSED", 900.0)


def test_a_part_that_is_told_to_wait_waits(refused: Any) -> None:
    outcome = refused(429, "0x80072321", **{"Retry-After": "37"})
    assert (outcome.state, outcome.retry_after) == ("pending", 37.0)


def test_a_batch_that_is_too_large_is_halved(refused: Any) -> None:
    assert (refused(413, whole=True).state, refused.crm._writer._lot) == ("pending", 25)


def test_an_answer_that_is_no_batch_is_unknown(refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(200, whole=True).state == "unknown"
    assert refused(502, whole=True).state == "unknown"


@pytest.mark.parametrize(("status", "state"), [(404, "pending"), (302, "unknown"), (204, "unknown")])
def test_an_address_that_is_not_the_api_supersedes_nothing(refused: Any, status: int, state: str) -> None:
    assert refused(status, whole=True).state == state


def test_a_stranger_waits_for_an_application_user(refused: Any) -> None:
    assert refused(403, "0x80072560", whole=True).state == "pending"


def test_options_that_changed_are_read_anew(org: Any, refused: Any) -> None:
    org.requests()
    assert refused(400, "0x80048408").state == "rejected"
    refused(204)
    assert refused.crm._writer._stale is False


def test_a_ready_token_that_is_refused_is_told(quick_clock: Any, mapping: Any) -> None:
    crm = DynamicsCrm(
        "dynamics", URL, "t", "9.2", Credentials("LEADSYNC_DYNAMICS", token=Secret("old")), mapping(), company_zone="UTC",
        clock=quick_clock,
    )  # fmt: skip
    with responses.RequestsMock() as wire:
        wire.get(f"{ROOT}/WhoAmI", status=401)
        with pytest.raises(Exception, match="LEADSYNC_DYNAMICS_TOKEN"):
            crm.connect()


# Lists


def test_a_name_may_stand_for_a_list_of_each_kind(org: Any, ref_of: Any) -> None:
    (lead,) = org.leads(1)
    contact = org.put(contact=[{"lastname": "Hopper"}])["contact"][0]
    org.put(list=[{"listname": "Nurture - win back", "createdfromcode": "Lead"}])
    crm = org.crm()
    wishes = [
        Membership("a", ref_of(lead), "win_back", True, "g"), Membership("b", ref_of(contact, "contact"), "win_back", True, "g"),
        Membership("c", ref_of(lead), "stay_in_touch", True, "g"), Membership("d", ref_of(lead), "nothing", True, "g"),
    ]  # fmt: skip
    outcomes = {one.effect_id: (one.state, one.error) for one in crm.join(wishes)}
    assert outcomes == {
        "a": ("applied", None), "b": ("rejected", "NO_LIST_OF_CONTACTS"), "c": ("rejected", "NO_LIST_OF_LEADS"),
        "d": ("rejected", "NO_LIST_MAPPED"),
    }  # fmt: skip


@pytest.fixture
def joined(org: Any, ref_of: Any) -> Any:
    """A lead on its list, and what may be asked of the list."""
    (lead,) = org.leads(1)
    org.put(list=[{"listname": "Nurture - win back", "createdfromcode": "Lead"}])
    crm = org.crm()
    assert crm.join([Membership("in", ref_of(lead), "win_back", True, "g")])[0].state == "applied"

    def leave() -> Any:
        return crm.join([Membership("out", ref_of(lead), "win_back", False, "g")])[0]

    return leave


def test_who_cannot_be_removed_by_the_action_is_removed_by_the_members_row(
    joined: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def answers(_: Any, parts: Any) -> list[Answer]:
        sent.extend(f"{part.method} {part.path.split('(')[0]}" for part in parts)
        return [Answer(204 if part.method == "DELETE" else 404, {}, b"") for part in parts]

    monkeypatch.setattr("leadsync.crm.dynamics.membership.Joiner._answers", answers)
    assert joined().state == "applied"
    assert sent == ["POST lists", "DELETE listmembers"]


@pytest.mark.parametrize(
    ("answer", "state"),
    [(Answer(404, {}, b'{"error":{"code":"0x80040217","message":"m"}}'), "applied"), (Answer(503, {}, b""), "unknown"),
     (Answer(429, {"retry-after": "5"}, b""), "pending"), (Answer(403, {}, b'{"error":{"code":"0x80040220","message":"m"}}'), "rejected")],
)  # fmt: skip
def test_leaving_ends_in_the_class_of_its_answer(
    joined: Any, monkeypatch: pytest.MonkeyPatch, answer: Answer, state: str
) -> None:
    monkeypatch.setattr("leadsync.crm.dynamics.membership.Joiner._answers", lambda _, parts: [answer for _ in parts])
    assert joined().state == state


@pytest.mark.parametrize(("kind", "state"), [("timeout_after_apply", "unknown"), ("503", "unknown")])
def test_a_list_that_does_not_answer_is_asked_again(
    org: Any, joined: Any, monkeypatch: pytest.MonkeyPatch, kind: str, state: str
) -> None:
    from leadsync.crm.dynamics.membership import Joiner

    answers = Joiner._answers

    def failing(joiner: Joiner, parts: Any) -> list[Answer]:
        org.faults(rate={kind: 1})
        try:
            return answers(joiner, parts)
        finally:
            org.faults(rate={})

    with monkeypatch.context() as broken:
        broken.setattr(Joiner, "_answers", failing)
        assert joined().state == state
    assert joined().state == "applied"
    org.faults(rate={"429": 1})
    assert joined().state == "pending", "who is on the list cannot be asked"


# Tasks


def test_a_task_is_made_once_for_each_key(org: Any, one: Any) -> None:
    crm, lead = one
    tasks = tasks_of(crm)
    owner = org.admin
    for key in ("k1", "k1", "k2"):
        tasks.create("Grace  is\nyours", "She asked to be called.", owner, lead.ref, key)
    found = org.api("GET", "tasks?$select=subject,description,_regardingobjectid_value,_ownerid_value")["value"]
    assert len(found) == 2
    assert {row["subject"] for row in found} == {"Grace is yours"}
    assert {row["_regardingobjectid_value"] for row in found} == {lead.ref.id}
    assert {row["_ownerid_value"] for row in found} == {owner}


def test_a_task_that_can_never_be_made_is_final(org: Any, one: Any) -> None:
    crm, lead = one
    tasks = tasks_of(crm)
    with pytest.raises(CrmRejected):
        tasks.create("s", "t", "ada", lead.ref, "k")
    with pytest.raises(ObjectBlocked):
        tasks.create("s", "t", org.admin, Ref("dynamics", "lead", "00000000-0000-0000-0000-000000000001"), "k")
    org.faults(rate={"503": 1})
    with pytest.raises(CrmUnavailable):
        tasks.create("s", "t", org.admin, lead.ref, "k")
