"""Accounts are looked up by domain and name; keys that older tables made are made anew when the ledger is opened."""

from pathlib import Path

from ledger_facts import Books, a_record

from leadsync.domain.records import Account
from leadsync.ledger import open_ledger

SCHOOL = Account("salesforce", "0011", {"name": "Initech", "website": "https://www.initech.asso.fr/de"})
BANK = Account("salesforce", "0012", {"name": "Hooli d.d."})
OLD_KEYS = (("asso.fr", "initech", "0011"), (None, "hooli dd", "0012"))
"""As they were made before the public suffix list and cleanco were asked."""


def keys(books: Books) -> list[tuple[str | None, str | None]]:
    return books.rows("SELECT domain_key, company_key FROM accounts ORDER BY id")


def candidates(books: Books, record_id: str) -> list[str]:
    (situation,) = books.ledger.situations("salesforce", [books.person(record_id)])
    return [account.id for account in situation.account_candidates]


def test_accounts_of_a_ledger_with_keys_of_old_are_found_again(path: Path) -> None:
    with open_ledger(path) as ledger:
        books = Books(ledger)
        books.see(SCHOOL, BANK, source="account")
        books.see(
            a_record("00Q1", fields={"email": "ada@initech.asso.fr", "company": "Initech Society"}),
            a_record("00Q2", fields={"email": "bob@gmail.com", "company": "Hooli"}),
        )
        today = keys(books)
        books.ledger.con.executemany("UPDATE accounts SET domain_key = ?, company_key = ? WHERE id = ?", OLD_KEYS)
        books.ledger.con.execute("DELETE FROM meta WHERE key = 'account_keys'")
        assert (candidates(books, "00Q1"), candidates(books, "00Q2")) == ([], [])

    with open_ledger(path) as ledger:
        books = Books(ledger)
        assert keys(books) == today == [("initech.asso.fr", "initech"), (None, "hooli")]
        assert (candidates(books, "00Q1"), candidates(books, "00Q2")) == (["0011"], ["0012"])


def test_keys_of_today_are_not_made_again_at_every_start(path: Path) -> None:
    with open_ledger(path) as ledger:
        books = Books(ledger)
        books.see(BANK, source="account")
        books.ledger.con.execute("UPDATE accounts SET company_key = 'untouched'")

    with open_ledger(path) as ledger:
        assert keys(Books(ledger)) == [(None, "untouched")]


def test_a_lead_is_looked_up_by_its_website_too(books: Books) -> None:
    """The address may be at a provider of which only the rules know."""
    books.see(Account("salesforce", "0013", {"name": "Globex", "domain": "globex.example"}), source="account")
    books.see(a_record(fields={"email": "ada@mail.example", "website": "www.globex.example"}))
    assert candidates(books, "00Q1") == ["0013"]
