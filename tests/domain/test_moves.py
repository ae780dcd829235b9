"""The moves that leadsync makes by itself: declared, one at a time, and never the same one twice for the same reason."""

from dataclasses import replace
from typing import Any

from building import (
    CONTACT,
    MAPPING,
    RULES,
    a_deal,
    a_directory,
    a_record,
    a_situation,
    a_touch,
    a_twin,
    an_account,
    and_then,
    at,
    born,
    decided,
    moved,
    rules_with,
    standing,
    written,
)

from leadsync.domain.moves import automatic_move, edge_lacking, reopens
from leadsync.domain.situation import Memory, Situation

FIT: dict[str, Any] = {
    "title": "Director Operations",
    "industry": "Manufacturing",
    "employees": 500,
}  # 25 + 10 + 20 + 20 + 5


def a_fit_lead(stage: str = "inquiry", *moves: Any, **more: Any) -> Situation:
    """Return a lead with 80 points of fit and a demo request of the day before: 109 points."""
    touches = more.pop("touches", (a_touch("demo_request", "2026-11-24 10:00"),))
    record = more.pop("record", None) or a_record(stage, **FIT)
    return a_situation(record, *(moves or (born(),)), touches=touches, **more)


def rule_of(situation: Situation, when: str = "2026-11-25 10:00", **more: Any) -> str | None:
    move = decided(situation, when, **more).move
    return move.rule if move else None


def notes(situation: Situation, **more: Any) -> tuple[str, ...]:
    return decided(situation, **more).reasons


def test_a_hundred_points_make_a_qualified_lead() -> None:
    decision = decided(a_fit_lead())

    assert (decision.move and decision.move.stage, written(decision)["stage"]) == ("maql", "MAQL")
    assert decision.score.whole >= 100


def test_the_first_real_touch_leads_out_of_raw_and_a_mere_opening_does_not() -> None:
    raw = a_situation(a_record("raw"), born("raw"))

    assert rule_of(replace(raw, touches=(a_touch("opened", "2026-11-25 09:00", channel="email"),))) is None
    assert rule_of(replace(raw, touches=(a_touch("downloaded", "2026-11-25 09:00"),))) == "first real touch"


def test_a_contact_without_a_status_gets_its_first_one_with_its_first_touch() -> None:
    contact = a_situation(
        a_record(None, ref=CONTACT), touches=(a_touch("downloaded", "2026-11-25 09:00", ref=CONTACT),)
    )

    assert rule_of(contact) == "first real touch"


def test_a_raised_hand_goes_to_sales_from_anywhere_before_it() -> None:
    for stage in ("raw", "inquiry", "maql", "lal"):
        situation = a_situation(a_record(stage), born(stage), touches=(a_touch("contact_me", "2026-11-25 09:00"),))
        assert rule_of(situation) == "hand raised"
    assert (
        rule_of(a_situation(a_record("mql"), born("mql"), touches=(a_touch("contact_me", "2026-11-25 09:00"),))) is None
    )


def test_a_hand_raised_before_going_live_or_before_the_last_recycle_raises_nobody() -> None:
    old = a_situation(
        a_record("maql"),
        born("maql", "2025-06-01 09:00", verdict="adopted"),
        touches=(a_touch("contact_me", "2025-07-01 09:00"), a_touch("clicked", "2026-11-25 09:00")),
    )
    spent = a_situation(
        a_record("maql"),
        born("mql"),
        moved("mql", "remarket", "2026-03-01 09:00", verdict="legal"),
        moved("remarket", "maql", "2026-11-20 09:00", by="leadsync", verdict="legal"),
        touches=(a_touch("contact_me", "2026-02-02 09:00"), a_touch("clicked", "2026-11-25 09:00")),
    )

    assert rule_of(old) is None
    assert rule_of(spent) is None


def test_a_rule_that_fired_fires_again_only_on_something_new() -> None:
    situation = a_fit_lead()
    qualified = and_then(situation, decided(situation), "2026-11-25 10:01")
    refused = replace(
        qualified,
        records=(qualified.records[0]._replace(stage_value="Inquiry"),),
        transitions=(*qualified.transitions, moved("maql", "inquiry", "2026-11-25 12:00", by="pia", verdict="legal")),
    )
    engaged = replace(refused, touches=(*refused.touches, a_touch("downloaded", "2026-11-26 09:00")))

    assert rule_of(refused, "2026-11-25 12:05") is None
    assert rule_of(engaged, "2026-11-26 09:05") == "hundred points"


def test_a_move_that_never_reached_the_crm_is_wished_for_again() -> None:
    situation = a_fit_lead()
    first = decided(situation)
    edited = replace(
        situation, memory=Memory(fired=first.state.fired), records=(situation.records[0]._replace(version="v2"),)
    )

    assert rule_of(edited, "2026-11-25 10:05") == "hundred points"


def test_whoever_a_person_took_out_of_the_target_stays_out_until_something_is_new() -> None:
    at_target = a_fit_lead("maql", born("maql"))
    fired = decided(at_target).state.fired
    back = a_fit_lead(
        "inquiry",
        born("maql"),
        moved("maql", "inquiry", "2026-11-25 09:00", by="pia", verdict="legal"),
        memory=Memory(fired=fired),
    )

    assert "hundred points" in fired
    assert rule_of(back) is None


def test_a_rule_whose_condition_was_false_is_armed_again() -> None:
    fired = {"hundred points": "2026-11-25T12:00:00Z there"}
    cold = a_situation(a_record(), born(), memory=Memory(fired=fired))

    assert decided(cold).state.fired == {}


def test_a_fired_rule_stays_fired_where_nothing_ever_came_in() -> None:
    fired = {"deals lost": "2026-11-24T12:00:00Z there"}
    lost = a_situation(
        a_record("sql"),
        born("sql"),
        opportunities=(a_deal("lost", loss_reason="no_budget"),),
        memory=Memory(fired=fired),
    )

    assert rule_of(lost) is None
    assert rule_of(replace(lost, memory=Memory())) == "deals lost"


def test_lost_deals_recycle_with_the_reason_of_the_deal_and_wait_without_one() -> None:
    lost = a_situation(a_record("sql"), born("sql"), opportunities=(a_deal("lost", loss_reason="no_budget"),))
    values = written(decided(lost))
    unexplained = replace(lost, opportunities=(a_deal("lost"),))

    assert (values["stage"], values["recycle_reason"]) == ("Re-Market", "No budget")
    assert "deals lost: needs reason" in notes(unexplained)


def test_an_open_deal_leads_to_sql_and_keeps_every_other_promotion_back() -> None:
    deal = a_fit_lead(opportunities=(a_deal(),))
    no_rule = rules_with(law_automatic=tuple(rule for rule in RULES.law.automatic if rule.name != "deal opened"))

    assert rule_of(deal) == "deal opened"
    assert "hundred points: in an open deal" in notes(deal, rulebook=no_rule)
    unguarded = replace(no_rule, law=replace(no_rule.law, open_deal_guard="none"))
    assert rule_of(deal, rulebook=unguarded) == "hundred points"


def test_while_cooling_nothing_promotes_and_on_the_day_it_ends_the_score_does() -> None:
    moves = (born("sql"), moved("sql", "remarket", "2026-03-01 09:00", by="emil", verdict="legal", reason="timing"))
    record = a_record("remarket", owner="emil", recycle_reason="Timing", **FIT)
    situation = a_situation(record, *moves, touches=(a_touch("demo_request", "2026-04-20 09:00"),))

    waiting = decided(situation, "2026-04-20 10:00")
    assert "ready again: held until 2026-04-30T08:00:00Z" in waiting.reasons  # summer time began: the same time of day
    assert waiting.state.wake_at is not None
    assert waiting.state.wake_at <= at("2026-04-30 08:00")
    assert written(waiting)["held_until"] == "2026-04-30T08:00:00Z"
    after = decided(situation, "2026-04-30 08:00")
    assert after.move is not None
    assert (after.move.rule, after.move.stage) == ("ready again", "maql")
    assert written(after)["recycle_reason"] is None


def test_points_from_before_the_recycle_do_not_count_for_coming_back() -> None:
    moves = (born("sql"), moved("sql", "remarket", "2026-03-01 09:00", by="emil", verdict="legal"))
    record = a_record("remarket", owner="emil", recycle_reason="Timing", **FIT)
    before = a_situation(
        record, *moves, touches=(a_touch("demo_request", "2026-02-28 09:00"), a_touch("clicked", "2026-11-25 09:00"))
    )

    assert rule_of(before, "2026-05-10 09:00") is None
    assert standing(before, "2026-03-02 09:00").basis.whole < standing(before, "2026-03-02 09:00").score.whole
    every = rules_with(law_basis="all")
    assert standing(before, "2026-03-02 09:00", rulebook=every).basis.whole >= 100


def test_a_raised_hand_breaks_a_cool_down_but_no_hard_reason() -> None:
    def raised(stage: str, reason: str) -> str | None:
        record = a_record(stage, owner="emil", recycle_reason=reason)
        moves = (born("sql"), moved("sql", stage, "2026-11-20 09:00", by="emil", verdict="legal"))
        return rule_of(a_situation(record, *moves, touches=(a_touch("contact_me", "2026-11-25 09:00"),)))

    assert raised("remarket", "Timing") == "hand raised"
    assert raised("disqualified", "Not a fit") == "hand raised"
    assert raised("disqualified", "Competitor") is None
    assert raised("disqualified", "Duplicate") is None


def test_whoever_was_turned_away_comes_back_by_score_only_where_the_reason_says_when() -> None:
    def reason(label: str, when: str = "2026-11-25 10:00") -> tuple[str | None, tuple[str, ...]]:
        record = a_record("disqualified", owner="emil", recycle_reason=label, **FIT)
        moves = (born("sql"), moved("sql", "disqualified", "2026-02-10 09:00", by="emil", verdict="legal"))
        touches = (a_touch("demo_request", "2026-11-25 09:00"), a_touch("demo_request", "2027-02-20 09:00"))
        decision = decided(a_situation(record, *moves, touches=touches), when)
        return decision.move.rule if decision.move else None, decision.reasons

    assert "ready again: turned away; only a raised hand revives" in reason("Not a fit")[1]
    assert "ready again: turned away for good" in reason("Competitor")[1]
    assert reason("Recycled too often")[0] is None
    assert reason("Recycled too often", "2027-02-20 10:00")[0] == "ready again"


def test_a_customer_comes_back_after_the_rest_that_follows_a_win() -> None:
    def won(when: str) -> str | None:
        deal = a_deal("won", closed_at=at("2026-06-01 09:00"))
        touches = (a_touch("demo_request", "2026-06-20 09:00"), a_touch("demo_request", "2026-09-20 09:00"))
        return rule_of(
            a_situation(a_record("sql", owner="emil", **FIT), born("sql"), opportunities=(deal,), touches=touches), when
        )

    assert won("2026-06-21 09:00") is None
    assert won("2026-09-21 09:00") == "customer is back"


def test_acceptance_by_rule_needs_an_owner_who_works() -> None:
    def accepted(owner: str) -> tuple[str, ...]:
        record = a_record("mql", owner=owner, account_id="001-Initech", **FIT)
        account = an_account("Initech", website="https://initech.example")
        directory = a_directory(accounts={account.id: account})
        return decided(
            a_situation(record, born("mql"), touches=(a_touch("downloaded", "2026-11-25 09:00"),)), directory=directory
        ).reasons

    assert any("moves to sal: accepted by rule" in reason for reason in accepted("emil"))
    assert "accepted by rule: acceptance by rule needs an active human owner" in accepted("house")


def test_nobody_is_recycled_for_want_of_an_answer_without_the_attempts() -> None:
    situation = a_situation(a_record("sal", owner="emil"), born("sal", "2026-11-02 09:00"))

    assert any("no_response needs attempts at least 3" in reason for reason in notes(situation))


def test_a_twin_an_adopted_lead_and_an_excluded_one_are_not_moved() -> None:
    contact = a_record("inquiry", ref=CONTACT)
    twin = a_fit_lead(twins=(a_twin(contact, "inquiry"),))
    adopted = a_fit_lead(
        "inquiry",
        born("inquiry", "2025-06-01 09:00", verdict="adopted"),
        touches=(a_touch("demo_request", "2025-12-31 10:00"),),
    )
    excluded = a_fit_lead(record=a_record("inquiry", **{**FIT, "email": "sam@acme.example"}))

    assert "hundred points: twin of p2" in notes(twin)
    assert rule_of(adopted, "2026-01-01 09:00") is None
    assert decided(excluded).effects == ()


def test_a_rule_says_so_when_nothing_happened_since_going_live() -> None:
    adopted = a_fit_lead("inquiry", born("inquiry", "2026-02-01 09:00", verdict="adopted"))

    assert "hundred points: nothing has happened since going live" in notes(adopted, go_live_at=at("2026-11-25 00:00"))


def test_a_stage_that_cannot_be_written_is_not_moved_to() -> None:
    rules = rules_with(crm_value_of_stage={"inquiry": "Inquiry"})

    assert "hundred points: the stage maql cannot be written on a lead" in notes(a_fit_lead(), rulebook=rules)
    lead = replace(MAPPING.objects["lead"], observed=frozenset({"maql"}))
    only_seen = rules_with(crm_objects={**MAPPING.objects, "lead": lead})
    assert "hundred points: the stage maql cannot be written on a lead" in notes(a_fit_lead(), rulebook=only_seen)


def test_a_rule_leaves_what_the_crm_closed_unless_its_edge_opens_it_again() -> None:
    closed = a_record("disqualified", **FIT, closed=True)
    history = (born(), moved("inquiry", "disqualified", "2026-10-01 09:00", by="emil", verdict="legal"))
    deal = a_fit_lead("disqualified", *history, record=closed, opportunities=(a_deal(),))

    assert "deal opened: it is closed in the CRM, and no edge opens it again for sql" in notes(deal)
    assert "stage" not in written(decided(deal))
    open_ = replace(deal, records=(closed._replace(closed=False),))
    assert written(decided(open_))["stage"] == "SQL"


def test_a_rule_without_an_edge_for_leadsync_does_not_move() -> None:
    rules = rules_with(law_edges=())

    assert "hundred points: needs an edge that lets leadsync move it" in notes(a_fit_lead(), rulebook=rules)


def test_an_edge_whose_reason_is_written_with_the_stage_lacks_nothing() -> None:
    here = standing(a_situation(a_record("sal"), born("sal")))

    assert edge_lacking(here, "remarket", None) == "needs reason"
    assert edge_lacking(here, "remarket", RULES.law.reasons["timing"]) is None


def test_a_closed_lead_may_be_opened_where_an_edge_for_leadsync_says_so() -> None:
    here = standing(a_situation(a_record("disqualified"), born("disqualified")))

    assert reopens(here, "mql")
    assert not reopens(here, "sql")
    assert not reopens(standing(a_situation(a_record("inquiry"), born())), "mql")
    assert not reopens(standing(a_situation(a_record(None))), "mql")


def test_recycled_too_often_ends_in_disqualified() -> None:
    moves = [born("sql")]
    for month in range(2, 7):
        moves.append(moved("sql", "remarket", f"2026-0{month}-10 09:00", by="emil", verdict="legal"))
        moves.append(moved("remarket", "sql", f"2026-0{month}-20 09:00", by="emil", verdict="legal"))
    situation = a_situation(a_record("remarket", owner="emil", recycle_reason="Timing"), *moves[:-1])

    assert rule_of(situation, "2026-06-11 09:00") == "recycled too often"


def test_a_lead_outside_the_mapping_is_left_where_it_is() -> None:
    unknown = a_fit_lead(record=a_record("inquiry", **FIT)._replace(stage_value="On Fire"))

    assert automatic_move(standing(unknown))[0] is None
    assert rule_of(a_fit_lead(record=a_record("inquiry", **FIT)._replace(state="deleted"))) is None
