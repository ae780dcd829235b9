"""What the Salesforce adapter makes of an org that answers badly, partly, late or not at all."""

from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from leadsync.clock import SystemClock
from leadsync.crm.salesforce import Credentials
from leadsync.domain.records import Gone, Record, User
from leadsync.errors import CrmUnavailable
from leadsync.secret import Secret


def refused(code: str) -> tuple[int, Any]:
    """Return an error list as the answer of a part."""
    return 400, [{"errorCode": code, "message": ""}]


def test_a_hidden_field_blocks_its_object_and_no_other(org: Any, follow: Any) -> None:
    org.leads(1)
    org.put(Contact=[{"LastName": "C"}])
    org.faults(hide_field="Lead.LeadSync_Score__c")
    follower = follow(org.crm())

    found = follower.poll()

    assert {row.ref.object for row in found.of(Record)} == {"contact"}
    assert list(follower.crm.blocked()) == ["lead"]
    assert "LeadSync_Score__c" in follower.crm.blocked()["lead"]
    assert "lead" not in follower.marks

    org.faults(hide_field=[])
    found = follower.poll()
    assert {row.ref.object for row in found.of(Record)} >= {"lead"}
    assert follower.crm.blocked() == {}


def test_an_object_blocked_after_its_first_load_keeps_its_mark(org: Any, follow: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    mark = follower.marks["lead"]
    org.faults(hide_field="Lead.LeadSync_Score__c")
    org.edit(lead, Status="MQL")

    follower.poll()

    assert follower.marks["lead"] == mark
    assert "LeadSync_Score__c" in follower.crm.blocked()["lead"]
    org.faults(hide_field=[])
    assert follower.poll().stages == {lead: "MQL"}


def test_a_name_that_is_no_field_name_never_reaches_a_query(org: Any, follow: Any, mapping: Any) -> None:
    wrong = mapping()
    lead = wrong.objects["lead"]
    bad = replace(lead.fields["title"], native=("Title FROM User",))
    broken = replace(wrong, objects={**wrong.objects, "lead": replace(lead, fields={**lead.fields, "title": bad})})
    follower = follow(org.crm(broken))

    follower.poll()

    assert "no field or object name" in follower.crm.blocked()["lead"]


def test_an_expired_session_is_renewed_without_anybody_noticing(org: Any, follow: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    org.faults(expire_token_after=3)

    found = follower.poll()

    assert found.stages == {lead: "Inquiry"}


def test_reads_survive_passing_faults(org: Any, follow: Any) -> None:
    leads = org.leads(30)
    follower = follow(org.crm())
    org.faults(rate={"503": 0.1, "html": 0.1, "reset": 0.05, "429": 0.05, "timeout_after_apply": 0.05})

    found = follower.poll()

    assert sorted(found.stages) == sorted(leads)


def test_an_org_that_stays_down_is_unavailable(org: Any, follow: Any) -> None:
    follower = follow(org.crm())
    org.faults(rate={"503": 1.0})

    with pytest.raises(CrmUnavailable):
        follower.poll()


def test_stop_ends_a_pass_between_sources(org: Any, follow: Any) -> None:
    stop = Event()
    follower = follow(org.crm(stop=stop))
    pages = follower.crm.changes(follower.marks, "complete")
    next(pages)
    stop.set()

    assert len(list(pages)) <= 1


def test_an_interval_is_halved_when_it_holds_too_many_ids(org: Any, follow: Any, meddled: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm(session=meddled[0]))
    follower.poll()
    org.advance(86400)
    org.edit(lead, Status="MQL")
    crowded = iter([refused("EXCEEDED_ID_LIMIT")] * 2)
    meddled[1].instead = lambda path: next(crowded, None) if "Lead/updated" in path else None

    found = follower.poll()

    last = [page for page in found.pages if page.source == "lead"][-1]
    assert not last.complete
    assert last.mark < "2026-11-19T18:00:00Z"
    assert follower.poll().stages[lead] == "MQL"


def test_an_org_that_takes_no_end_in_the_future_is_asked_up_to_now(org: Any, follow: Any, meddled: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm(session=meddled[0]))
    follower.poll()
    org.advance(300)
    org.edit(lead, Status="MQL")
    org.advance(100)
    meddled[1].instead = lambda path: refused("INVALID_REPLICATION_DATE") if "10%3A08" in path else None

    assert follower.poll().stages[lead] == "MQL"
    assert follower.marks["lead"].mark == "2026-11-19T10:07:00Z"


def test_a_window_about_which_nothing_can_be_said_keeps_the_mark(org: Any, follow: Any, meddled: Any) -> None:
    org.leads(1)
    follower = follow(org.crm(session=meddled[0]))
    follower.poll()
    before = follower.marks["lead"]
    org.advance(300)
    meddled[1].instead = lambda path: refused("INVALID_REPLICATION_DATE") if "Lead/updated" in path else None

    found = follower.poll()

    assert follower.marks["lead"] == before
    assert not any(page.complete for page in found.pages if page.source == "lead")
    assert follower.crm.blocked() == {}


def test_a_lead_deleted_for_good_is_gone_though_no_row_tells_of_it(org: Any, follow: Any, meddled: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm(session=meddled[0]))
    follower.poll()
    org.advance(600)
    follower.poll()
    org.control("delete", object="Lead", id=lead)
    nothing = (200, {"totalSize": 0, "done": True, "records": []})
    meddled[1].instead = lambda path: nothing if "/queryAll?" in path else None

    (gone,) = follower.poll().of(Gone)

    assert (gone.ref.id, gone.merged_into) == (lead, None)


@pytest.mark.parametrize("code", ["QUERY_TIMEOUT", "SERVER_UNAVAILABLE", "INSUFFICIENT_ACCESS"])
def test_one_object_that_does_not_answer_does_not_stop_the_others(
    org: Any, follow: Any, meddled: Any, code: Any
) -> None:
    org.leads(1)
    org.put(Contact=[{"LastName": "C"}])
    follower = follow(org.crm(session=meddled[0]))
    follower.poll()
    org.advance(600)
    for row in (*org.rows("Lead"), *org.rows("Contact")):
        org.edit(row["Id"], Title="CEO")
    meddled[1].instead = lambda path: refused(code) if "FROM%20Lead%20" in path else None

    found = follower.poll()

    assert {row.ref.object for row in found.of(Record)} == {"contact"}
    assert list(follower.crm.blocked()) == ["lead"]
    assert not follower.poll("fast").of(Gone)
    assert list(follower.crm.blocked()) == ["lead"]


def test_a_list_that_cannot_be_read_blocks_its_object_alone(org: Any, follow: Any, meddled: Any) -> None:
    org.leads(1)
    follower = follow(org.crm(session=meddled[0]))
    follower.poll()
    before = follower.marks["lead"]
    org.advance(600)
    odd = (200, {"ids": 5})
    meddled[1].instead = lambda path: odd if "Lead/updated" in path else None

    follower.poll()

    assert "cannot be read" in follower.crm.blocked()["lead"]
    assert follower.marks["lead"] == before
    assert follower.marks["contact"].mark == "2026-11-19T10:10:00Z"


def test_users_come_without_memberships_when_those_may_not_be_read(org: Any, follow: Any, meddled: Any) -> None:
    meddled[1].instead = lambda path: refused("INSUFFICIENT_ACCESS") if "PermissionSetAssignment" in path else None
    follower = follow(org.crm(session=meddled[0]))

    found = follower.poll()

    assert len(found.of(User)) == 2
    assert list(follower.crm.blocked()) == ["user:PermissionSetAssignment"]


def test_every_flow_lets_leadsync_in_as_the_integration_user(org: Any) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    app, secret, user = org.server.client_id, Secret(org.server.client_secret), org.rows("User")[1]["Username"]
    for credentials in (
        Credentials("X", token=Secret(org.server.token)),
        Credentials("X", app, secret),
        Credentials("X", app, private_key=Secret(pem), username=user),
        Credentials("X", app, secret, username=user, password=Secret("whatever")),
    ):
        assert (
            org.crm(credentials=credentials, clock=SystemClock()).connect().user_id == org.server.box.basics.integration
        )
