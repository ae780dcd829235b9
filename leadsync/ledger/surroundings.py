"""Everything around the records: touches, users, queues, accounts, deals, campaigns. Rows that did not change are not
written; those that did wake the people they concern.
"""

# ruff: noqa: S608 -- only names of columns and tables from this package are joined into statements, never a value

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from leadsync.domain.accounts import account_keys
from leadsync.domain.records import Account, Campaign, Opportunity, OpportunityRole, Queue, User
from leadsync.domain.touches import Touch
from leadsync.hygiene import FORMATS, keys_made_by
from leadsync.ledger.codec import TOUCH_COLUMNS, as_data, from_data, optional_text, text, touch_of, touch_row
from leadsync.ledger.connection import select_in
from leadsync.ledger.derivation import moved_records
from leadsync.ledger.intake import Intake
from leadsync.ledger.meta import read_meta, write_meta


def store_touches(intake: Intake, touches: Sequence[Touch]) -> None:
    """Add touches that are new; of one that is known only its being retracted may change."""
    con = intake.con
    wanted = {touch.touch_id: touch for touch in touches if touch.ref.id}
    wanted |= {touch.touch_id: touch for touch in _taken_back(intake, touches)}
    known = dict(
        select_in(
            con, "SELECT touch_id, retracted_at IS NOT NULL FROM touches WHERE crm = ? AND touch_id IN (*)", wanted,
            (intake.crm,),
        )
    )  # fmt: skip
    new = [touch for touch in wanted.values() if touch.touch_id not in known]
    turned = [touch for touch in wanted.values() if known.get(touch.touch_id, touch.retracted) != touch.retracted]
    con.executemany(
        f"INSERT INTO touches ({TOUCH_COLUMNS}) VALUES ({', '.join('?' * 17)})",
        [touch_row(touch, intake.read_at) for touch in new],
    )
    con.executemany(
        "UPDATE touches SET retracted_at = ? WHERE crm = ? AND touch_id = ?",
        [(intake.read_at if touch.retracted else None, intake.crm, touch.touch_id) for touch in turned],
    )
    rids = moved_records(intake, {(touch.ref.object, touch.ref.id) for touch in (*new, *turned)})
    for touch in (*new, *turned):
        if (rid := rids.get((touch.ref.object, touch.ref.id))) is not None:
            intake.heard(rid, text(touch.at))
    intake.changed += len(new) + len(turned)


def _taken_back(intake: Intake, touches: Sequence[Touch]) -> Iterator[Touch]:
    """Yield as retracted what is known of rows of which only the deletion is told: a touch of each of their people."""
    for touch in touches:
        if touch.ref.id:
            continue
        found = intake.con.execute(
            f"SELECT {TOUCH_COLUMNS} FROM touches WHERE crm = ? AND (touch_id = ? OR touch_id > ? AND touch_id < ?)",
            (intake.crm, touch.touch_id, f"{touch.touch_id}:", f"{touch.touch_id};"),
        )
        yield from (replace(touch_of(row), retracted=True) for row in found.fetchall())


def _news(intake: Intake, table: str, rows: Sequence[Any]) -> list[tuple[Any, str]]:
    """Return the rows, with their stored form, that are not in a table yet as they are."""
    wanted = {row.id: (row, as_data(row)) for row in rows}
    known = dict(
        select_in(intake.con, f"SELECT id, data FROM {table} WHERE crm = ? AND id IN (*)", wanted, (intake.crm,))
    )
    news = [(row, data) for row, data in wanted.values() if known.get(row.id) != data]
    intake.changed += len(news)
    return news


def store_directory(intake: Intake, table: str, rows: Sequence[User] | Sequence[Queue] | Sequence[Campaign]) -> None:
    """Write users, queues or campaigns that changed."""
    news = _news(intake, table, rows)
    intake.con.executemany(
        f"INSERT INTO {table} (crm, id, data) VALUES (?, ?, ?) ON CONFLICT (crm, id) DO UPDATE SET data = excluded.data",
        [(intake.crm, row.id, data) for row, data in news],
    )


def store_accounts(intake: Intake, accounts: Sequence[Account]) -> None:
    """Write accounts that changed and wake the people who work there."""
    news = _news(intake, "accounts", accounts)
    intake.con.executemany(
        "INSERT INTO accounts (crm, id, data, deleted, domain_key, company_key) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (crm, id) DO UPDATE SET data = excluded.data, deleted = excluded.deleted,"
        " domain_key = excluded.domain_key, company_key = excluded.company_key",
        [(intake.crm, account.id, data, int(account.deleted), *_stored_keys(account)) for account, data in news],
    )
    ids = [account.id for account, _ in news]
    for row in select_in(intake.con, "SELECT rid FROM records WHERE crm = ? AND account_id IN (*)", ids, (intake.crm,)):
        # Not dated: whoever is still to be decided for the first time will see it then.
        intake.heard(row[0], "")


def _stored_keys(account: Account) -> tuple[str | None, str | None]:
    """Return the domain and the company name by which an account is looked up."""
    keys = account_keys(account.fields, FORMATS)
    return next(iter(keys.domains), None), keys.company


def key_accounts_anew(con: sqlite3.Connection) -> None:
    """Make the accounts' keys anew if they were made by other tables than today's; runs inside a transaction.

    Leads are looked up by keys of today: an account that keeps an older one would not be found any more.
    """
    made_by = keys_made_by()
    if read_meta(con, "account_keys") == made_by:
        return
    stale = []
    for crm, account_id, data, *known in con.execute("SELECT crm, id, data, domain_key, company_key FROM accounts"):
        keys = _stored_keys(from_data(data, Account))
        if keys != tuple(known):
            stale.append((*keys, crm, account_id))
    con.executemany("UPDATE accounts SET domain_key = ?, company_key = ? WHERE crm = ? AND id = ?", stale)
    write_meta(con, "account_keys", made_by)


def store_opportunities(intake: Intake, deals: Sequence[Opportunity]) -> None:
    """Write opportunities that changed and wake everybody who has a part in them."""
    news = _news(intake, "opportunities", deals)
    intake.con.executemany(
        "INSERT INTO opportunities (crm, id, data, lead_id, stage, outcome, created_at, closed_at, amount, currency, deleted,"
        " account_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (crm, id) DO UPDATE SET data = excluded.data, lead_id = excluded.lead_id, stage = excluded.stage,"
        " outcome = excluded.outcome, created_at = excluded.created_at, closed_at = excluded.closed_at,"
        " amount = excluded.amount, currency = excluded.currency, deleted = excluded.deleted,"
        " account_id = excluded.account_id",
        [
            (intake.crm, deal.id, data, deal.lead_id, deal.stage, deal.outcome, text(deal.created_at),
             optional_text(deal.closed_at), deal.amount, deal.currency, int(deal.deleted), deal.account_id)
            for deal, data in news
        ],
    )  # fmt: skip
    dates = {deal.id: text(max(deal.created_at, deal.closed_at or deal.created_at)) for deal, _ in news}
    for deal_id, rid in select_in(
        intake.con,
        "SELECT converted_opportunity_id, rid FROM records WHERE crm = ? AND converted_opportunity_id IN (*)",
        dates,
        (intake.crm,),
    ):
        intake.heard(rid, dates[deal_id])
    people = [
        ("contact", contact_id, dates[deal_id])
        for contact_id, deal_id in select_in(
            intake.con, "SELECT contact_id, opportunity_id FROM opportunity_roles WHERE crm = ? AND opportunity_id IN (*)",
            dates, (intake.crm,),
        )
    ]  # fmt: skip
    people += [("lead", deal.lead_id, dates[deal.id]) for deal, _ in news if deal.lead_id is not None]
    _wake(intake, people)


def store_roles(intake: Intake, roles: Sequence[OpportunityRole]) -> None:
    """Write contact roles that changed and wake the contacts."""
    news = _news(intake, "opportunity_roles", roles)
    intake.con.executemany(
        "INSERT INTO opportunity_roles (crm, id, data, opportunity_id, contact_id, role, deleted)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (crm, id) DO UPDATE SET data = excluded.data,"
        " opportunity_id = excluded.opportunity_id, contact_id = excluded.contact_id, role = excluded.role,"
        " deleted = excluded.deleted",
        [
            (intake.crm, role.id, data, role.opportunity_id, role.contact_id, role.role, int(role.deleted))
            for role, data in news
        ],
    )
    _wake(intake, [("contact", role.contact_id, text(role.at)) for role, _ in news])


def _wake(intake: Intake, people: Iterable[tuple[str, str, str]]) -> None:
    """Wake the people behind (object, record id, instant of the news)."""
    found = list(people)
    rids = moved_records(intake, {(object_name, record_id) for object_name, record_id, _ in found})
    for object_name, record_id, at in found:
        if (rid := rids.get((object_name, record_id))) is not None:
            intake.heard(rid, at)
