"""What users may do in the funnel, and what kind of owners they are."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from leadsync.domain import conditions
from leadsync.domain.actors import UserFacts, roles_of
from leadsync.domain.conditions import AnyOf, Condition
from leadsync.domain.durations import Duration
from leadsync.domain.mapping import CrmMapping, FieldMapping, ObjectMapping, ValueMap
from leadsync.domain.members import Member, Pool
from leadsync.domain.owners import is_covered, owner_kind, responsible
from leadsync.domain.records import Queue, Record, Ref, User
from leadsync.domain.routing import AccountMatch, Routing
from leadsync.domain.situation import Directory

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
OWN = "005-leadsync"


def a_user(name: str, **more: Any) -> User:
    email = f"{name}.mail@acme.example"
    return replace(User("salesforce", f"005-{name}", f"{name}@acme.example", email, name.title(), True), **more)


def is_(name: str, *values: str) -> Condition:
    return conditions.Test(name, "equals", values)


def an_object(responsible: Literal["owner", "assignee"]) -> ObjectMapping:
    return ObjectMapping("Lead", FieldMapping("stage", ("S",)), FieldMapping("owner", ("O",)), responsible, {})


MAPPING = CrmMapping(
    crm="salesforce",
    kind="salesforce",
    objects={"lead": an_object("owner"), "contact": an_object("assignee")},
    stage_of_value={},
    value_of_stage={},
    old_values={},
    converted={},
    dispositions={},
    deprecated={},
    touches=(),
    actors={
        "sales": AnyOf((is_("role", "account executive"), is_("pool", "sales"))),
        "ops": AnyOf((is_("profile", "system administrator"), is_("permission_set", "leadsync ops"))),
        "marketing": is_("user", "marketo@acme.example", "mara.mail@acme.example"),
        "automation": AnyOf((is_("security_role", "robot"), is_("team", "robots"), is_("queue", "robot desk"))),
    },
    account={},
    opportunity={},
    loss_reason=ValueMap(None),
    campaign={},
    user={},
    placeholders=("Marketing House", "paper@acme.example"),
    staffed_queues=("Inside Sales Desk",),
)
ROUTING = Routing(
    doors={},
    fallback_queue="Unassigned Leads",
    fallback_user=None,
    lists={},
    territories=(),
    account_match=AccountMatch(60, 30, 10, 70, 10, "Account Check", frozenset()),
    rules={},
    pools={
        "development": Pool("development", "weighted", "office", None, (), "assigned", (Member("lena@acme.example"),)),
        "sales": Pool("sales", "weighted", "office", None, (), "assigned", (Member("ADA.mail@acme.example"),)),
    },
)
DIRECTORY = Directory(
    users={
        user.id: user
        for user in (
            a_user("ada"),
            a_user("mia"),
            replace(a_user("house"), name="marketing house"),
            a_user("paper", email=None),
            a_user("gone", active=False),
            a_user("leadsync"),
        )
    },
    queues={
        "00G-desk": Queue("salesforce", "00G-desk", "Inside Sales Desk"),
        "00G-rest": Queue("salesforce", "00G-rest", "Unassigned Leads"),
    },
    accounts={},
    own_user_id=OWN,
)


def roles(user: User | None) -> tuple[str, ...]:
    return roles_of(MAPPING, ROUTING, user, OWN)


def test_a_user_may_have_several_roles_in_order_of_their_names() -> None:
    assert roles(a_user("ada", permission_sets=("LeadSync Ops", "Other"))) == ("ops", "sales")


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (a_user("eve", role="Account Executive"), ("sales",)),
        (a_user("eve", profile="System Administrator"), ("ops",)),
        (a_user("eve", security_roles=("Reader", "Robot")), ("automation",)),
        (a_user("eve", teams=("Robots",)), ("automation",)),
        (a_user("eve", queues=("Robot Desk",)), ("automation",)),
        (a_user("marketo"), ("marketing",)),
        (a_user("mara"), ("marketing",)),
        (a_user("lena"), ()),
        (a_user("eve"), ()),
    ],
)
def test_roles_come_from_profile_role_permission_team_queue_pool_and_name(
    user: User, expected: tuple[str, ...]
) -> None:
    assert roles(user) == expected


def test_our_own_user_is_leadsync_whatever_else_it_is() -> None:
    assert roles(a_user("leadsync", profile="System Administrator")) == ("leadsync",)


def test_an_editor_whom_the_crm_does_not_show_is_unknown() -> None:
    assert roles(None) == ("unknown",)


def test_nothing_else_may_be_asked_about_a_user() -> None:
    facts = UserFacts(a_user("paper", email=None), ("sales",))

    assert (facts.get("user"), facts.get("pool")) == (("paper@acme.example",), ("sales",))
    assert facts.get("country") is None
    assert facts.now < NOW
    with pytest.raises(ValueError, match="nothing about a user is dated"):
        facts.after(NOW, Duration(1, "days"))


@pytest.mark.parametrize(
    ("owner", "kind", "covered"),
    [
        ("005-ada", "rep", True),
        ("005-mia", "human", True),
        ("005-house", "placeholder", False),
        ("005-paper", "placeholder", False),
        (OWN, "placeholder", False),
        ("005-gone", "inactive", False),
        ("00G-desk", "queue", True),
        ("00G-rest", "queue", False),
        ("005-nobody", "unknown", False),
        (None, "unknown", False),
    ],
)
def test_an_owner_is_of_one_kind_and_covers_or_does_not(owner: str | None, kind: str, covered: bool) -> None:
    assert owner_kind(owner, DIRECTORY, MAPPING, ROUTING) == kind
    assert is_covered(owner, DIRECTORY, MAPPING, ROUTING) is covered


def a_record(kind: str, **fields: Any) -> Record:
    return Record(Ref("salesforce", kind, "1"), None, "005-owner", NOW, NOW, None, NOW, "v1", fields)


def test_a_contacts_assignee_is_responsible_and_else_its_owner() -> None:
    assert responsible(a_record("contact", assignee="005-ada"), MAPPING) == "005-ada"
    assert responsible(a_record("contact", assignee=None), MAPPING) == "005-owner"
    assert responsible(a_record("contact"), MAPPING) == "005-owner"


def test_a_leads_owner_is_responsible_whoever_is_assigned() -> None:
    assert responsible(a_record("lead", assignee="005-ada"), MAPPING) == "005-owner"
