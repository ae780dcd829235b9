"""A lead finds its account by domain, name and country; two that come close are left to a person."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.domain.accounts import (
    Keys,
    Match,
    account_domain,
    domain_of,
    is_free_mail,
    match_account,
    match_keys,
    own_domain,
)
from leadsync.domain.records import Account, Value
from leadsync.domain.routing import AccountMatch
from leadsync.hygiene import FORMATS

RULES = AccountMatch(
    domain=60,
    name=30,
    country=10,
    accept=70,
    ambiguous_within=10,
    ambiguous_queue="Account Check",
    free_mail=frozenset({"mail.example"}),
)


def an_account(account_id: str, *, deleted: bool = False, **fields: Value) -> Account:
    return Account("salesforce", account_id, fields, deleted)


def matched(
    *candidates: Account,
    email: str | None = None,
    website: str | None = None,
    company: str | None = None,
    country: str | None = None,
) -> Match:
    return match_account(
        RULES, FORMATS, email=email, website=website, company=company, country=country, candidates=candidates
    )


INITECH = an_account("001A", name="Initech GmbH", website="https://www.initech.example/de", country="DE")


def test_a_lead_with_the_domain_and_country_of_an_account_belongs_to_it() -> None:
    assert matched(INITECH, email="ada@mail.initech.example", country="de") == Match(INITECH, points=70)


def test_a_country_is_one_however_it_is_written() -> None:
    assert matched(INITECH, email="ada@initech.example", country="Deutschland") == Match(INITECH, points=70)
    somewhere = an_account("001B", website="initech.example", country="Atlantis")
    assert matched(somewhere, email="ada@initech.example", country=" atlantis") == Match(somewhere, points=70)


def test_domain_name_and_country_add_up() -> None:
    found = matched(INITECH, email="ada@initech.example", company="INITECH AG", country="DE")

    assert found == Match(INITECH, points=100)


def test_the_website_of_a_lead_counts_like_its_e_mail_and_only_once() -> None:
    found = matched(INITECH, email="ada@initech.example", website="initech.example", company="Initech")

    assert found == Match(INITECH, points=90)


def test_a_domain_field_of_the_account_counts_when_it_has_no_website() -> None:
    hooli = an_account("001H", name="Hooli", domain="hooli.example")

    assert matched(hooli, email="gavin@hooli.example", company="Hooli, Inc.").account == hooli


def test_a_domain_alone_is_not_enough_when_the_bar_is_higher() -> None:
    assert matched(INITECH, email="ada@initech.example", country="AT") == Match(points=60)


def test_a_lead_without_anything_to_go_by_belongs_nowhere() -> None:
    assert matched(INITECH) == Match()


def test_no_candidates_are_no_match() -> None:
    assert matched(email="ada@initech.example") == Match()


def test_name_and_country_without_the_domain_are_too_little() -> None:
    assert matched(INITECH, company="Initech", country="DE") == Match(points=40)


def test_an_account_without_a_name_or_country_gets_no_points_for_them() -> None:
    bare = an_account("001B", website="initech.example", name=17)

    assert matched(bare, email="ada@initech.example", company="Initech", country="DE") == Match(points=60)


def test_a_misspelt_company_name_is_nearly_equal() -> None:
    umbrella = an_account("001U", name="Umbrella Corporation", website="umbrella.example")

    assert matched(umbrella, email="alice@umbrella.example", company="Umbrela Corp").points == 90
    assert matched(umbrella, email="alice@umbrella.example", company="Unbroken Corp").points == 60


def test_two_subsidiaries_within_ten_points_are_left_to_a_person() -> None:
    german = an_account("001G", name="Globex GmbH", website="globex.example", country="DE")
    american = an_account("001F", name="Globex Inc", website="globex.example", country="US")

    found = matched(american, german, email="hank@globex.example", company="Globex", country="DE")

    assert found == Match(ambiguous=(german, american), points=100)


def test_equal_accounts_come_in_the_order_of_their_ids() -> None:
    twins = (an_account("001Z", website="globex.example"), an_account("001Y", website="globex.example"))

    found = match_account(
        AccountMatch(60, 30, 10, 60, 0, "Account Check", frozenset()),
        FORMATS,
        email="hank@globex.example",
        website=None,
        company=None,
        country=None,
        candidates=twins,
    )

    assert [account.id for account in found.ambiguous] == ["001Y", "001Z"]


def test_an_account_eleven_points_behind_is_no_rival() -> None:
    other = an_account("001X", website="initech.example", country="FR")

    assert matched(other, INITECH, email="ada@initech.example", company="Initech", country="DE").account == INITECH


def test_a_deleted_account_is_no_candidate() -> None:
    gone = an_account("001D", website="initech.example", country="DE", deleted=True)

    assert matched(gone, email="ada@initech.example", country="DE") == Match()


@pytest.mark.parametrize("domain", ["gmail.com", "yahoo.co.uk", "hotmail.fr", "gmx.net", "mail.example"])
def test_a_mail_provider_says_nothing_about_the_company(domain: str) -> None:
    account = an_account("001M", name="Mail", website=f"www.{domain}", country="DE")

    assert matched(account, email=f"ada@{domain}", company="Mail", country="DE") == Match(points=40)
    assert is_free_mail(domain, RULES.free_mail)


def test_a_company_that_is_called_like_a_provider_is_none() -> None:
    assert not is_free_mail("live.events")
    assert not is_free_mail("initech.example")


def test_two_companies_with_a_profile_page_are_not_one() -> None:
    account = an_account("001L", name="Hooli", website="https://www.linkedin.com/company/hooli", country="US")

    found = matched(account, website="linkedin.com/company/initech", company="Initech", country="US")

    assert found == Match(points=10)
    assert own_domain("erlich@linkedin.com", FORMATS) == "linkedin.com"
    assert own_domain("https://linkedin.com", FORMATS) == "linkedin.com"


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Ada@Mail.Initech.Example", "initech.example"),
        ("Ada <ada@initech.example>", "initech.example"),
        ("https://www.initech.co.uk:8443/en?x=1", "initech.co.uk"),
        ("http://ada:secret@shop.initech.com.br/", "initech.com.br"),
        ("initech.example.", "initech.example"),
        ("acme.wordpress.com", "acme.wordpress.com"),
        ("blog.acme.wordpress.com", "acme.wordpress.com"),
        ("müller.de", "müller.de"),
        ("xn--mller-kva.de", "müller.de"),
        ("localhost", None),
        ("192.0.2.7", None),
        ("http://[2001:db8::1]/", None),
        ("http://[broken", None),
        ("ada@", None),
        ("a..b", None),
        ("no website yet", None),
        ("", None),
        (None, None),
    ],
)
def test_the_registrable_domain_is_found_in_addresses_and_urls(text: str | None, domain: str | None) -> None:
    assert domain_of(text, FORMATS) == domain


@given(st.text() | st.emails())
def test_whatever_stands_in_a_field_gives_a_domain_that_is_its_own_domain(text: str) -> None:
    domain = domain_of(text, FORMATS)

    assert domain is None or domain_of(domain, FORMATS) == domain


def test_a_record_is_looked_up_by_its_address_and_its_website_but_never_by_a_mail_provider() -> None:
    assert match_keys(("ada@initech.example", "hooli.example"), "Initech AG", FORMATS) == Keys(
        ("initech.example", "hooli.example"), "initech"
    )
    assert match_keys(("ada@initech.example", "www.initech.example"), 17, FORMATS) == Keys(("initech.example",), None)
    assert match_keys(("ada@gmail.com", "https://hooli.example"), None, FORMATS) == Keys(("hooli.example",), None)
    assert match_keys(("ada@mail.example", None), "", FORMATS, frozenset({"mail.example"})) == Keys((), None)


@pytest.mark.parametrize(
    ("account", "domain"),
    [
        ({"website": "https://www.Initech.example/de?x=1"}, "initech.example"),
        ({"website": "https://shop.initech.co.uk"}, "initech.co.uk"),
        ({"website": "http://me@initech.example./"}, "initech.example"),
        ({"domain": "hooli.example", "website": "initech.example"}, "hooli.example"),
        ({"domain": "", "website": "www.wwwidgets.example"}, "wwwidgets.example"),
        ({"website": "https://linkedin.com/company/initech"}, None),
        ({"website": None}, None),
        ({}, None),
    ],
)
def test_an_account_s_domain_comes_from_its_domain_field_else_its_website(
    account: Mapping[str, Value], domain: str | None
) -> None:
    assert account_domain(account, FORMATS) == domain
