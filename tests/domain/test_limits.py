"""A group of effects that runs away is held whole, and no other group with it."""

from building import LEAD, NOW

from leadsync.domain.effects import Effect, Escalation, Membership, Notice, WriteBack
from leadsync.domain.limits import Limit, groups_over_limit, limit_name


def a_write(number: int = 1, group: str = "score:facts", kind: str = "score", priority: str = "score") -> WriteBack:
    return WriteBack(f"w{number}", LEAD, {"score": number}, "v1", {}, (kind,), priority, group, "facts")  # type: ignore[arg-type]


def an_escalation() -> Escalation:
    return Escalation("e1", "p1", LEAD, "c1", "mql_follow_up", 0, "email", "005-emil", NOW, "", "")


LIMITS = {"normal": Limit(2, 4), "score": Limit(10, 20)}


def test_effects_fall_under_the_limit_of_their_kind() -> None:
    effects: list[Effect] = [
        a_write(),
        a_write(priority="sla"),
        a_write(priority="hand_raiser"),
        an_escalation(),
        Membership("m1", LEAD, "stay_in_touch", True, "membership:stay_in_touch"),
        Notice("n1", "p1", LEAD, "assigned", "email", "005-emil", "", ""),
    ]

    assert [limit_name(effect) for effect in effects] == ["score", "sla", "hand_raiser", "sla", "membership", "notices"]


def test_a_group_over_its_limit_is_held_whole_and_the_others_go_on() -> None:
    effects = [a_write(n, "lead_stage:rule", "lead_stage") for n in range(3)] + [a_write(n) for n in range(3)]

    assert groups_over_limit(effects, LIMITS, {}, {}) == {"lead_stage:rule": (3, 2)}


def test_what_went_before_in_the_cycle_and_in_the_day_counts_too() -> None:
    effects = [a_write(n, "lead_stage:rule", "lead_stage") for n in range(2)]

    assert groups_over_limit(effects, LIMITS, {}, {}) == {}
    assert groups_over_limit(effects, LIMITS, {}, {"lead_stage:rule": 1}) == {"lead_stage:rule": (3, 2)}
    assert groups_over_limit(effects, LIMITS, {"lead_stage:rule": 3}, {}) == {"lead_stage:rule": (5, 4)}
