"""What a Crm must do, whoever's it is: the port's promises as sentences, asked of each adapter alike."""

from datetime import timedelta
from typing import Any

import pytest

from leadsync.domain.records import Gone, Move, Record, Ref, User
from leadsync.ports import Mark

# Connecting and time


def test_connecting_says_whom_we_reached_and_says_the_same_again(org: Any) -> None:
    first = org.crm.connect()
    assert first.org_id
    assert first.user_id
    assert org.crm.connect() == first
    assert org.again().connect() == first


def test_the_time_is_the_orgs(org: Any) -> None:
    org.crm.read([org.create("lead", stage="Inquiry")])
    before = org.crm.now()
    org.pass_time(3600)
    org.crm.read([org.create("lead", stage="Inquiry")])
    assert timedelta(minutes=59) < org.crm.now() - before < timedelta(minutes=62)


def test_requests_are_counted(org: Any) -> None:
    org.crm.connect()
    before = org.crm.usage().calls
    org.crm.read([org.create("lead", stage="Inquiry")])
    assert org.crm.usage().calls > before


# Observing


def test_a_first_complete_pass_shows_everybody_whole(org: Any, follow: Any) -> None:
    lead = org.create("lead", stage="Inquiry", title="CEO", email="grace@navy.example")
    contact = org.create("contact", stage="MQL")
    found = follow(org.crm).poll()
    assert found.people[lead].stage_value == "Inquiry"
    assert found.people[lead].fields["title"] == "CEO"
    assert found.people[lead].fields["email"] == "grace@navy.example"
    assert found.people[lead].state == "live"
    assert found.people[contact].stage_value == "MQL"
    last = {page.source: page for page in found.pages}
    assert all(last[name].full and last[name].complete and last[name].mark for name in ("lead", "contact"))
    assert any(isinstance(row, User) for row in found.rows)


def test_users_come_before_leads_and_leads_before_contacts(org: Any, follow: Any) -> None:
    org.create("lead", stage="Inquiry")
    sources = list(dict.fromkeys(page.source for page in follow(org.crm).poll().pages))
    assert sources.index("user") < sources.index("lead") < sources.index("contact")


def test_when_nothing_happened_nothing_is_shown(org: Any, follow: Any) -> None:
    org.create("lead", stage="Inquiry")
    follower = follow(org.crm)
    follower.poll()
    org.pass_time(300)
    follower.poll()
    org.pass_time(300)
    assert follower.poll().people == {}


@pytest.mark.parametrize("reach", ["fast", "complete"])
def test_an_edit_is_shown_by_the_next_pass_of_either_kind(org: Any, follow: Any, reach: Any) -> None:
    lead, other = org.create("lead", stage="Inquiry"), org.create("lead", stage="Inquiry")
    follower = follow(org.crm)
    before = follower.poll().people[lead]
    org.pass_time(300)
    follower.poll()
    org.edit(lead, title="CTO")
    after = follower.poll(reach).people
    assert after[lead].fields["title"] == "CTO"
    assert after[lead].version != before.version
    assert after[lead].modified_at > before.modified_at
    assert other not in after


def test_a_fast_pass_loads_nothing_for_the_first_time(org: Any, follow: Any) -> None:
    org.create("lead", stage="Inquiry")
    assert follow(org.crm).poll("fast").rows == []


def test_a_deleted_lead_is_told_as_gone(org: Any, follow: Any) -> None:
    lead = org.create("lead", stage="Inquiry")
    follower = follow(org.crm)
    follower.poll()
    org.pass_time(120)
    org.delete(lead)
    org.pass_time(120)
    found = follower.poll().people[lead]
    assert isinstance(found, Gone)
    assert found.merged_into is None
    assert not isinstance(org.crm.read([lead]).get(lead), Record)


def test_a_merged_lead_is_gone_into_another(org: Any, follow: Any) -> None:
    winner, loser = org.create("lead", stage="MQL"), org.create("lead", stage="Inquiry")
    follower = follow(org.crm)
    follower.poll()
    org.pass_time(120)
    org.merge(winner, loser)
    org.pass_time(120)
    found = follower.poll().people
    assert isinstance(found[loser], Gone)
    assert found[loser].merged_into == winner.id


def test_a_converted_lead_names_its_contact(org: Any, follow: Any) -> None:
    lead = org.create("lead", stage="SAL")
    follower = follow(org.crm)
    follower.poll()
    org.pass_time(120)
    contact = org.convert(lead)
    org.pass_time(120)
    found = follower.poll().people
    assert (found[lead].state, found[lead].converted_to) == ("converted", contact.id)
    assert found[lead].converted_on == f"{found[contact].created_at:%Y-%m-%d}"
    assert found[contact].state == "live"


def test_a_move_is_told_with_its_instant_and_who_made_it_where_history_is_kept(org: Any, follow: Any) -> None:
    lead = org.create("lead", stage="Inquiry")
    follower = follow(org.crm)
    follower.poll()
    org.pass_time(120)
    org.edit(lead, stage="LAL")
    org.edit(lead, stage="MQL")
    org.pass_time(120)
    found = follower.poll()
    moves = [row for row in found.rows if isinstance(row, Move) and row.ref == lead and row.field == "stage"]
    assert "lead" in org.crm.history
    assert [(move.old, move.new) for move in moves] == [("Inquiry", "LAL"), ("LAL", "MQL")]
    assert moves[0].at < moves[1].at <= found.people[lead].modified_at
    assert len({move.by for move in moves} - {None, org.crm.connect().user_id}) == 1
    sources = [page.source for page in found.pages if page.rows]
    assert sources.index("lead_history") < sources.index("lead"), "what explains a change comes before it"


def test_another_process_goes_on_where_the_marks_stand(org: Any, follow: Any) -> None:
    lead, other = org.create("lead", stage="Inquiry"), org.create("lead", stage="Inquiry")
    follower = follow(org.crm)
    follower.poll()
    org.pass_time(300)
    follower.poll()
    org.edit(lead, title="CTO")
    org.pass_time(120)
    found = follow(org.again(), follower.marks).poll().people
    assert found[lead].fields["title"] == "CTO"
    assert other not in found


def test_without_a_mark_a_source_is_read_whole_again(org: Any, follow: Any) -> None:
    lead = org.create("lead", stage="Inquiry")
    follower = follow(org.crm)
    follower.poll()
    follower.marks["lead"] = Mark()
    found = follower.poll()
    assert found.people[lead].stage_value == "Inquiry"
    assert any(page.source == "lead" and page.full for page in found.pages)


def test_nothing_is_blocked_in_an_org_that_has_what_the_mapping_names(org: Any, follow: Any) -> None:
    follow(org.crm).poll()
    assert dict(org.crm.blocked()) == {}


# Reading single records


def test_records_are_read_as_they_stand_now(org: Any, seen: Any) -> None:
    lead, contact = org.create("lead", stage="Inquiry"), org.create("contact", stage="MQL")
    org.edit(lead, stage="LAL")
    found = org.crm.read([lead, contact, lead])
    assert {ref: record.stage_value for ref, record in found.items()} == {lead: "LAL", contact: "MQL"}


def test_what_no_org_has_is_left_out(org: Any) -> None:
    lead = org.create("lead", stage="Inquiry")
    strangers = [
        Ref(lead.crm, "lead", lead.id[:-4] + "0000"),
        Ref(lead.crm, "lead", "no id' or 1 eq 1"),
        Ref(lead.crm, "contact", ""),
    ]
    assert list(org.crm.read([lead, *strangers])) == [lead]
    assert dict(org.crm.read([])) == {}


# Writing back


def test_a_write_changes_what_it_names_and_leaves_its_token(org: Any, follow: Any, seen: Any, write_of: Any) -> None:
    lead = org.create("lead", stage="Inquiry", title="CEO")
    before = seen(lead)
    write = write_of(
        before, stage="MQL", score=72, marketable=True, product="Pumps", first_mql_at="2026-11-19T10:00:00Z"
    )
    (outcome,) = org.crm.write([write])
    assert (outcome.effect_id, outcome.state) == (write.effect_id, "applied")
    after = seen(lead)
    assert after.stage_value == "MQL"
    assert {name: after.fields.get(name) for name in ("score", "marketable", "product", "first_mql_at", "title")} == {
        "score": 72, "marketable": True, "product": "Pumps", "first_mql_at": "2026-11-19T10:00:00Z", "title": "CEO",
    }  # fmt: skip
    assert after.operation == write.token()
    assert after.modified_by == org.crm.connect().user_id
    assert after.version != before.version


def test_a_field_can_be_emptied(org: Any, seen: Any, write_of: Any) -> None:
    lead = org.create("lead", stage="Inquiry", disposition="Left Vmail")
    (outcome,) = org.crm.write([write_of(seen(lead), disposition=None)])
    assert outcome.state == "applied"
    assert seen(lead).fields.get("disposition") is None


def test_a_new_owner_is_set(org: Any, follow: Any, seen: Any, write_of: Any) -> None:
    users = [row for row in follow(org.crm).poll().rows if isinstance(row, User) and row.active]
    lead = org.create("lead", stage="Inquiry", owner=users[0].id)
    (outcome,) = org.crm.write([write_of(seen(lead), owner=users[1].id)])
    assert (outcome.state, seen(lead).owner_id) == ("applied", users[1].id)


def test_a_write_is_shown_by_the_next_pass_as_ours(org: Any, follow: Any, seen: Any, write_of: Any) -> None:
    lead = org.create("lead", stage="Inquiry")
    follower = follow(org.crm)
    follower.poll()
    write = write_of(seen(lead), stage="MQL")
    org.crm.write([write])
    org.pass_time(120)
    found = follower.poll()
    assert found.people[lead].operation == write.token()
    moves = [row for row in found.rows if isinstance(row, Move) and row.ref == lead and row.field == "stage"]
    assert [(move.new, move.by) for move in moves][-1:] == [("MQL", org.crm.connect().user_id)]


def test_a_guarded_write_on_a_stale_version_conflicts_and_changes_nothing(org: Any, seen: Any, write_of: Any) -> None:
    lead = org.create("lead", stage="Inquiry")
    decided_on = seen(lead)
    org.edit(lead, stage="LAL")
    org.pass_time(5)
    (outcome,) = org.crm.write([write_of(decided_on, guarded=True, stage="MQL")])
    assert (outcome.state, outcome.error) == ("pending", "conflict")
    assert seen(lead).stage_value == "LAL"


def test_a_guarded_write_on_the_version_that_stands_is_applied(org: Any, seen: Any, write_of: Any) -> None:
    lead = org.create("lead", stage="Inquiry")
    (outcome,) = org.crm.write([write_of(seen(lead), guarded=True, stage="MQL")])
    assert (outcome.state, seen(lead).stage_value) == ("applied", "MQL")


def test_an_unguarded_write_minds_no_version(org: Any, seen: Any, write_of: Any) -> None:
    lead = org.create("lead", stage="Inquiry")
    decided_on = seen(lead)
    org.edit(lead, title="CTO")
    org.pass_time(5)
    (outcome,) = org.crm.write([write_of(decided_on, score=40)])
    after = seen(lead)
    assert (outcome.state, after.fields["score"], after.fields["title"]) == ("applied", 40, "CTO")


def test_a_deleted_lead_is_not_brought_back_by_a_write(org: Any, follow: Any, seen: Any, write_of: Any) -> None:
    lead, other = org.create("lead", stage="Inquiry"), org.create("lead", stage="Inquiry")
    decided_on, too = seen(lead), seen(other)
    org.delete(lead)
    outcomes = org.crm.write([write_of(decided_on, score=40), write_of(too, score=41)])
    assert [one.state for one in outcomes] == ["superseded", "applied"]
    org.pass_time(120)
    assert not isinstance(follow(org.crm).poll().people.get(lead), Record)


def test_every_write_has_its_own_end_in_order(org: Any, seen: Any, write_of: Any) -> None:
    leads = [org.create("lead", stage="Inquiry") for _ in range(6)]
    contact = org.create("contact", stage="Inquiry")
    records = [seen(ref) for ref in (*leads, contact)]
    org.edit(leads[2], title="CTO")
    org.pass_time(5)
    writes = [write_of(record, guarded=place % 2 == 0, stage="MQL") for place, record in enumerate(records)]
    outcomes = org.crm.write(writes)
    assert [one.effect_id for one in outcomes] == [write.effect_id for write in writes]
    assert [one.state for one in outcomes] == [
        "applied",
        "applied",
        "pending",
        "applied",
        "applied",
        "applied",
        "applied",
    ]
    stages = [seen(ref).stage_value for ref in (*leads, contact)]
    assert stages == ["MQL", "MQL", "Inquiry", "MQL", "MQL", "MQL", "MQL"]


@pytest.mark.parametrize(("when", "stands"), [("before", "Inquiry"), ("after", "MQL")])
def test_a_lost_answer_is_unknown_until_the_record_is_read(
    org: Any, seen: Any, write_of: Any, when: Any, stands: str
) -> None:
    lead = org.create("lead", stage="Inquiry")
    write = write_of(seen(lead), stage="MQL")
    org.lose_answers(when)
    (outcome,) = org.crm.write([write])
    org.lose_answers(None)
    assert outcome.state == "unknown"
    after = seen(lead)
    assert after.stage_value == stands
    assert (after.operation == write.token()) is (when == "after")


def test_nothing_to_write_is_nothing_done(org: Any) -> None:
    org.crm.connect()
    before = org.crm.usage().calls
    assert tuple(org.crm.write([])) == ()
    assert tuple(org.crm.join([])) == ()
    assert org.crm.usage().calls - before <= 2  # MemoryCrm counts the calls of its port


# Joining


def test_joining_and_leaving_may_be_asked_for_twice(org: Any, membership_of: Any) -> None:
    people = [org.create("lead", stage="Re-Market"), org.create("contact", stage="Re-Market")]
    make_a_list(org)
    for join in (True, True, False, False, True):
        outcomes = org.crm.join([membership_of(ref, join=join) for ref in people])
        assert [one.state for one in outcomes] == ["applied", "applied"], join


def make_a_list(org: Any) -> None:
    """Make what people join while they wait, where the org does not come with it."""
    nurture = org.mapping.nurture["stay_in_touch"]
    if nurture.campaign and hasattr(org, "control"):
        org.control("load", Campaign=[{"Name": nurture.campaign, "IsActive": True}])
    elif hasattr(org, "control"):
        org.control(
            "load", list=[{"listname": nurture.marketing_list, "createdfromcode": code} for code in ("Lead", "Contact")]
        )


# Looking closer


def test_an_org_that_has_what_the_mapping_names_is_found_well(org: Any) -> None:
    make_a_list(org)
    findings = org.crm.inspect()
    assert findings
    assert [finding for finding in findings if not finding.ok and not finding.warning] == []
    assert all(finding.fix for finding in findings if not finding.ok)


def test_a_wish_that_is_sent_twice_ends_as_if_sent_once(org: Any, seen: Any, write_of: Any) -> None:
    """Sending one wish twice ends where sending it once does: leadsync may crash between sending and noting it."""
    lead = org.create("lead", stage="Inquiry")
    write = write_of(seen(lead), score=40)
    (first,) = org.crm.write([write])
    (again,) = org.crm.write([write])
    assert (first.state, again.state) == ("applied", "applied")
    assert seen(lead).fields["score"] == 40
