"""What one person does to hundreds at once, over the wire: held until it is released, or let through the doors in drips."""

from office import Office


def test_two_hundred_equal_moves_wait_for_outbox_release_and_then_people_are_routed_and_clocked(office: Office) -> None:
    leads = office.leads(205, country="US", source="Web")
    office.sync()
    for lead in leads[:200]:
        office.edit(lead, by="rep", stage="mql")
    for lead in leads[200:]:
        office.edit(lead, by="ldr", stage="mql")

    held = office.sync(expect=7)[0]["held"]

    [group] = held
    assert held[group] == 200
    assert len(office.view("v_transitions", bulk_id=group, verdict="legal")) == 200
    assert len(office.view("v_assignments")) == 5  # what the other person did goes its way
    [row] = [row for row in office.run("outbox", "list", "--state", "held", "--json") if row["kind"] == "mass change"]
    assert (row["group_id"], row["fields"]) == (group, {"moves": 200})

    office.run("outbox", "release", group)
    office.advance(hours=2)
    office.sync()

    assert len(office.view("v_assignments")) == 205
    assert len(office.view("v_clocks", clock="mql_follow_up", kind="lead")) == 205
    assert office.run("outbox", "list", "--state", "held", "--json") == []


def test_a_thousand_creations_by_one_person_are_routed_fifty_an_hour(office: Office) -> None:
    # Instants and counts of a thousand people at once are over the limits of the sample, which is another matter.
    office.edit_config(
        "  api_reserve: 20%", "  api_reserve: 20%\n  writes: {normal: {per_cycle: 5000, per_day: 50000}}"
    )
    office.sync()
    office.leads(1001, stage="mql", country="US", created_by="marketing")

    office.sync()

    routed = "SELECT count(*) FROM v_assignments"
    assert office.query(routed) == [(50,)]
    office.advance(hours=1)
    office.sync()
    assert office.query(routed) == [(100,)]
    groups = {row["group_id"] for row in office.view("v_outbox", kind="notice")}
    assert [group.startswith("bulk:births:") for group in groups] == [True]
