"""Phones, addresses, domains and company names as the libraries read them, and that nobody waits for one who needs none."""

import subprocess
import sys

import pytest
from cleanco import basename
from cleanco.clean import get_unique_terms
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from leadsync import hygiene
from leadsync.domain.accounts import FREE_MAIL
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


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.initech.co.uk", "initech.co.uk"), ("initech.com.br", "initech.com.br"), ("Mail.Initech.Example", "initech.example"),
        ("initech.k12.ca.us", "initech.k12.ca.us"), ("shop.initech.gv.at", "initech.gv.at"), ("a.b.c.kobe.jp", "b.c.kobe.jp"),
        ("www.city.kobe.jp", "city.kobe.jp"), ("co.uk", None), ("uk", None), ("", None), ("a..b", None), ("192.0.2.7", None),
        ("müller.com.cn", "müller.com.cn"), ("www.xn--mller-kva.de", "müller.de"), ("初創.公司.cn", "初創.公司.cn"), ("公司.cn", None), ("no host", None),
        ("xn--\u0661.de", None), (f"{'ü' * 64}.de", None), ("xn--a.de", "xn--a.de"),
    ],
)  # fmt: skip
def test_a_domain_is_what_is_registered_below_a_public_suffix(host: str, domain: str | None) -> None:
    assert FORMATS.domain(host) == domain


@pytest.mark.parametrize(
    "host", ["github.io", "wordpress.com", "blogspot.com", "myshopify.com", "weebly.com", "vercel.app"]
)
def test_the_customers_of_a_host_are_companies_of_their_own_and_so_is_the_host(host: str) -> None:
    assert FORMATS.domain(f"www.acme.{host}") == f"acme.{host}"
    assert FORMATS.domain(host) == host


def test_no_mail_provider_and_no_place_for_profiles_is_a_public_suffix() -> None:
    assert {domain for domain in FREE_MAIL if FORMATS.domain(f"mx.{domain}") != domain} == set()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Müller & Söhne GmbH & Co. KG", "muller sohne"),
        ("Müller und Söhne GmbH und Co. KGaA", "muller und sohne"),
        ("Initech, Inc.", "initech"),
        ("INITECH INCORPORATED", "initech"),
        ("Foo S.A.", "foo"),
        ("Foo S. A.", "foo"),
        ("Foo S A", "foo"),
        ("Plan B S.A.", "plan b"),
        ("Foo Sp. z o.o.", "foo"),
        ("Foo sp. z o. o.", "foo"),
        ("Foo Spółka z o.o.", "foo"),
        ("Foo Sp. z o.o. Sp. k.", "foo"),
        ("Foo S.p.A.", "foo"),
        ("Foo S. de R.L. de C.V.", "foo"),
        ("Foo, S.A. de C.V.", "foo"),
        ("Foo B.V.", "foo"),
        ("Foo Pty. Ltd.", "foo"),
        ("Foo Pvt Ltd", "foo"),
        ("Foo Sdn. Bhd.", "foo"),
        ("Foo d.o.o.", "foo"),
        ("Hooli, spol. s r.o.", "hooli"),
        ("Hooli spol. s r. o.", "hooli"),
        ("Acme UG (haftungsbeschränkt)", "acme"),
        ("Acme Aktiengesellschaft", "acme"),
        ("Acme e.K.", "acme"),
        ("Hijos de Acme y Cía. Ltda.", "hijos de acme"),
        ("Foo and Company", "foo"),
        ("Ørsted A/S", "orsted"),
        ("Łódź Stal", "lodz stal"),
        ("Weiß AG", "weiss"),
        ("O'Reilly Media", "oreilly media"),
        ("J.P. Morgan & Co.", "jp morgan"),
        ("J P Morgan", "jp morgan"),
        ("Marks and Spencer", "marks and spencer"),
        ("San Diego Zoo", "san diego zoo"),
        ("Vitamin E", "vitamin e"),
        ("Initech UK", "initech uk"),
        ("Initech NL B.V.", "initech nl"),
        ("Studio 5 A", "studio 5 a"),
        ("The Trade Desk, Inc.", "trade desk"),
        ("PT Telkom Indonesia Tbk", "telkom indonesia tbk"),
        ("ООО Ромашка", "ромашка"),
        ("株式会社トヨタ", "トヨタ"),
        ("㈱トヨタ", "トヨタ"),
        ("阿里巴巴有限公司", "阿里巴巴"),
        ("삼성전자 주식회사", FORMATS.company("삼성전자")),
        ("(주)삼성전자", FORMATS.company("삼성전자")),
        ("AG", "ag"),
        ("The", "the"),
        ("S.A.", "sa"),
        ("GmbH & Co. KG", "gmbh co kg"),
        ("Company Inc.", "company"),
        ("!!!", None),
        ("", None),
    ],
)
def test_a_company_is_known_without_its_legal_form(name: str, key: str | None) -> None:
    assert FORMATS.company(name) == key


@given(st.text(max_size=40))
def test_a_company_key_is_a_text_or_nothing_and_ignores_outer_blanks(name: str) -> None:
    key = FORMATS.company(name)

    assert key is None or key.strip() == key != ""
    assert FORMATS.company(f"  {name}  ") == key


@given(st.lists(st.sampled_from([*sorted(get_unique_terms()), "Zoo", "&", "und"]), max_size=4))
def test_nothing_is_left_that_the_library_would_take_from_a_name(more: list[str]) -> None:
    left = FORMATS.company(" ".join(("Acme", *more))) or ""
    assert basename(left) == left or left.split()[-1] in hygiene._NO_FORMS


@pytest.mark.parametrize(
    ("one", "other", "likeness"),
    [("umbrella", "umbrela", 0.9333), ("umbrela", "umbrella", 0.9333), ("acme", "acme", 1.0), ("acme", "hulk", 0.0)],
)
def test_names_are_the_more_alike_the_more_letters_they_share_in_order(one: str, other: str, likeness: float) -> None:
    assert FORMATS.likeness(one, other) == pytest.approx(likeness, abs=0.0001)


def test_the_rules_may_use_it_and_starting_does_not_load_it() -> None:
    formats: Formats = FORMATS
    assert formats.phone("+49401234567", None)
    libraries = "{'phonenumbers', 'email_validator', 'publicsuffixlist', 'cleanco', 'rapidfuzz'}"
    code = f"import sys, leadsync.app; print(sorted({libraries} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
