"""Phones and addresses as the libraries read them, and that nobody waits for a library who needs none."""

import subprocess
import sys

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from leadsync.domain.hygiene import Formats
from leadsync.hygiene import FORMATS


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("+49 (0)40 123 4567", None, "+49401234567"), ("040/1234567", "DE", "+49401234567"),
        ("0049-40-1234567", None, "+49401234567"), ("0049 40 1234567", "DE", "+49401234567"),
        ("(415) 555-0100", "US", "+14155550100"), ("+44 20 7946 0958", "US", "+442079460958"),
        ("040 1234567", None, None), ("+49 40 1234567 ext. 12", None, None), ("ask reception", "DE", None),
        ("", "DE", None), ("+49 12", None, None), ("+1 415 555 0100 0100 0100", None, None), ("1234", "DE", None),
    ],
)  # fmt: skip
def test_a_phone_number_is_told_however_it_is_written(text: str, country: str | None, number: str | None) -> None:
    assert FORMATS.phone(text, country) == number


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Ada@Initech.Example ", "ada@initech.example"), ("ada+crm@mail.initech.co.uk", "ada+crm@mail.initech.co.uk"),
        ("ada@xn--mnchen-3ya.de", "ada@münchen.de"), ("ada@sandbox.test", "ada@sandbox.test"), ("ada@intranet.local", None),
        ("ada..l@initech.example", None), ("ada at initech", None), ("ada@initech", None), ("", None),
        ("ada@-initech.com", None), ("ada@initech-.com", None),
    ],
)  # fmt: skip
def test_an_address_is_told_from_what_is_none(text: str, address: str | None) -> None:
    assert FORMATS.email(text) == address


@given(st.from_regex(r"[a-z0-9._+-]{1,24}@[a-z0-9.-]{1,30}\.(com|de|zz|local|example)", fullmatch=True))
def test_the_short_way_says_what_the_library_says(text: str) -> None:
    try:
        wanted = validate_email(text, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        wanted = None
    assert FORMATS.email(text) == wanted


def test_the_rules_may_use_it_and_starting_does_not_load_it() -> None:
    formats: Formats = FORMATS
    assert formats.phone("+49401234567", None)
    code = "import sys, leadsync.app; print(sorted({'phonenumbers', 'email_validator'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
