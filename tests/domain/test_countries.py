"""Countries however people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.domain import countries
from leadsync.domain.conditions import fold
from leadsync.domain.countries import country_code

COUNTRIES = sorted(countries._NAMES)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Germany", "DE"),
        ("DEUTSCHLAND ", "DE"),
        ("Niemcy", "DE"),
        ("deu", "DE"),
        ("Österreich", "AT"),
        ("Oesterreich", "AT"),
        ("the Netherlands", "NL"),
        ("Die Schweiz", "CH"),
        ("Países Bajos", "NL"),
        ("U.S.A.", "US"),
        ("Stany Zjednoczone", "US"),
        ("Royaume-Uni", "GB"),
        ("England.", "GB"),
        ("no", "NO"),
        ("Côte d'Ivoire", "CI"),
        ("South Korea", "KR"),
        ("Kosovo", "XK"),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_a_country_is_known_however_it_is_written(text: str, code: str | None) -> None:
    assert country_code(text) == code


def test_every_iso_country_is_there_and_no_name_stands_for_two() -> None:
    assert len(COUNTRIES) == 249 + 1  # and Kosovo, which ISO has no code for
    named = [(fold(name), code) for code in COUNTRIES for name in {*countries._NAMES[code].split("|"), code}]
    assert len({name for name, _ in named}) == len(set(named))


@given(st.sampled_from(COUNTRIES))
def test_every_code_and_every_name_leads_to_its_country(code: str) -> None:
    assert {country_code(name) for name in (code, *countries._NAMES[code].split("|"))} == {code}
