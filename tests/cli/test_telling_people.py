"""What `explain` and `history` tell of a person, and that no value of the CRM can play with a terminal."""

import pytest
from installation import Installation, Org


@pytest.fixture
def ada(org: Org, leadsync: Installation) -> str:
    lead = org.lead(FirstName="Ada", LastName="Muster", Email="ada@firma.example", Title="Head of Sales", Status="MQL")
    assert leadsync("sync").code == 0
    return lead


def test_a_person_is_explained_by_id_short_id_email_and_person_id(leadsync: Installation, ada: str) -> None:
    whole = leadsync("explain", ada, "--json")

    assert whole.code == 0
    (told,) = whole.data
    assert told["record_id"] == ada
    assert told["stage"] == "mql"
    for ref in (ada[:15], "ada@firma.example", "ADA@firma.example", told["person_id"]):
        assert ada in {one["record_id"] for one in leadsync("explain", ref, "--json").data}


def test_an_explanation_names_stage_score_owner_and_moves_in_plain_words(leadsync: Installation, ada: str) -> None:
    text = leadsync("explain", ada).out

    assert f"Lead {ada} in salesforce" in text
    assert 'Stage   MQL ("MQL" in salesforce), since ' in text
    assert "of the 100 that qualify" in text
    assert "who they are: " in text
    assert "Owner   " in text
    assert "came in as MQL" in text
    assert "(from before leadsync went live: taken over as it was, not judged)" in text


def test_an_explanation_adds_up(leadsync: Installation, ada: str) -> None:
    (told,) = leadsync("explain", ada, "--json").data

    assert told["score"] == int(sum(points for _, _, points in told["score_lines"]) + 1e-9)


def test_everybody_whom_an_email_names_is_told(leadsync: Installation, org: Org) -> None:
    two = {org.lead(LastName=name, Email="info@shared.example") for name in ("One", "Two")}
    leadsync("sync")

    assert {told["record_id"] for told in leadsync("explain", "info@shared.example", "--json").data} == two
    assert {row["record_id"] for row in leadsync("history", "info@shared.example", "--json").data} == two


def test_a_history_is_in_order_and_names_people(leadsync: Installation, ada: str, org: Org) -> None:
    org.advance(60)
    org.edit(ada, Status="SAL")
    org.advance(60)
    leadsync("sync")

    rows, table = leadsync("history", ada, "--json").data, leadsync("history", ada).out

    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert "mql to sal" in table
    assert "0058d" not in table


def test_a_value_of_the_crm_cannot_play_with_the_terminal(leadsync: Installation, org: Org) -> None:
    lead = org.lead(LastName="Evil", Status="Inquiry\x1b[2J\x07")
    leadsync("sync")

    found = leadsync("explain", lead)

    assert found.code == 0
    assert "\x1b" not in found.out
    assert "\x07" not in found.out
    assert "Inquiry" in found.out
