"""The directory all decisions of a cycle share: users, queues, companies, and how loaded everybody is."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from leadsync.domain.records import Account, Queue, User
from leadsync.domain.situation import Directory
from leadsync.ledger.codec import from_data, instant, text
from leadsync.ledger.intake import Intake
from leadsync.ledger.people import names_of

LAST_HOUR = timedelta(hours=1)

RECENT = timedelta(hours=50)
"""Assignments this young may count against a cap per day, the day being cut in any zone."""


class Accounts(Mapping[str, Account]):
    """The companies of one CRM by id, each read when it is asked for; deleted ones are not there."""

    def __init__(self, con: sqlite3.Connection, crm: str) -> None:
        self._con = con
        self._crm = crm
        self._known: dict[str, Account | None] = {}

    def __getitem__(self, key: str) -> Account:
        """Return the company, or raise KeyError."""
        if key not in self._known:
            row = self._con.execute(
                "SELECT data FROM accounts WHERE crm = ? AND id = ? AND deleted = 0", (self._crm, key)
            ).fetchone()
            self._known[key] = from_data(row[0], Account) if row else None
        account = self._known[key]
        if account is None:
            raise KeyError(key)
        return account

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of all companies."""
        rows = self._con.execute("SELECT id FROM accounts WHERE crm = ? AND deleted = 0 ORDER BY id", (self._crm,))
        return (row[0] for row in rows.fetchall())

    def __len__(self) -> int:
        """Return how many companies there are."""
        count: int = self._con.execute(
            "SELECT count(*) FROM accounts WHERE crm = ? AND deleted = 0", (self._crm,)
        ).fetchone()[0]
        return count


class Colleagues(Mapping[str, tuple[tuple[str, str], ...]]):
    """By account: (person id, responsible user id) of its live people in a routed stage, the longest known first."""

    def __init__(self, con: sqlite3.Connection, crm: str) -> None:
        self._con = con
        self._crm = crm

    def __getitem__(self, key: str) -> tuple[tuple[str, str], ...]:
        """Return the people of one account whom somebody works; none for an account without any."""
        rows = self._con.execute(
            "SELECT r.pid, COALESCE(r.assignee_id, r.owner_id) FROM records r JOIN stages s ON s.stage = r.stage"
            " WHERE r.account_id = ? AND r.crm = ? AND r.state = 'live' AND s.routed = 1"
            " AND COALESCE(r.assignee_id, r.owner_id) IS NOT NULL ORDER BY r.created_at, r.id",
            (key, self._crm),
        ).fetchall()
        names = names_of(self._con, [pid for pid, _ in rows])
        return tuple((names[pid], user_id) for pid, user_id in rows)

    def __iter__(self) -> Iterator[str]:
        """Yield the accounts that have live people."""
        rows = self._con.execute(
            "SELECT DISTINCT account_id FROM records WHERE account_id IS NOT NULL AND crm = ? AND state = 'live'",
            (self._crm,),
        )
        return (row[0] for row in rows.fetchall())

    def __len__(self) -> int:
        """Return how many accounts have live people."""
        return sum(1 for _ in self)


class DirectoryCache:
    """What a directory is made of, kept between cycles and dropped when it changes.

    Loads are counted once and then kept up by what is stored: counting a million records each minute would not do.
    """

    def __init__(self) -> None:
        self._users: dict[str, dict[str, User]] = {}
        self._queues: dict[str, dict[str, Queue]] = {}
        self._loads: dict[str, Counter[tuple[str, str]]] = {}

    def forget(self, crm: str) -> None:
        """Drop users and queues of one CRM."""
        self._users.pop(crm, None)
        self._queues.pop(crm, None)

    def forget_all(self) -> None:
        """Drop everything, when a transaction failed and nobody knows what was counted."""
        self._users.clear()
        self._queues.clear()
        self._loads.clear()

    def count_from_nothing(self, crm: str) -> None:
        """Begin with a ledger that holds no record."""
        self._loads[crm] = Counter()

    def note(self, intake: Intake) -> None:
        """Carry the loads on by what one page changed."""
        if intake.crm in self._loads:
            self._loads[intake.crm].update(intake.loads)

    def users(self, con: sqlite3.Connection, crm: str) -> Mapping[str, User]:
        """Return the users of one CRM by id."""
        if crm not in self._users:
            rows = con.execute("SELECT id, data FROM users WHERE crm = ?", (crm,))
            self._users[crm] = {row[0]: from_data(row[1], User) for row in rows}
        return self._users[crm]

    def queues(self, con: sqlite3.Connection, crm: str) -> Mapping[str, Queue]:
        """Return the queues of one CRM by id."""
        if crm not in self._queues:
            rows = con.execute("SELECT id, data FROM queues WHERE crm = ?", (crm,))
            self._queues[crm] = {row[0]: from_data(row[1], Queue) for row in rows}
        return self._queues[crm]

    def loads(self, con: sqlite3.Connection, crm: str) -> Counter[tuple[str, str]]:
        """Return how many live records each user (assignee, else owner) is responsible for, by (stage, user id)."""
        if crm not in self._loads:
            rows = con.execute(
                "SELECT stage, COALESCE(assignee_id, owner_id), count(*) FROM records"
                " WHERE crm = ? AND state = 'live' AND stage IS NOT NULL AND COALESCE(assignee_id, owner_id) IS NOT NULL"
                " GROUP BY 1, 2",
                (crm,),
            )
            self._loads[crm] = Counter({(stage, user_id): count for stage, user_id, count in rows})
        return self._loads[crm]


def read_directory(
    con: sqlite3.Connection, cache: DirectoryCache, crm: str, own_user_id: str, now: datetime
) -> Directory:
    """Return the directory of one CRM as of now."""
    routed = {row[0] for row in con.execute("SELECT stage FROM stages WHERE routed = 1")}
    any_known = routed or con.execute("SELECT 1 FROM stages").fetchone()
    open_load: Counter[str] = Counter()
    for (stage, user_id), count in cache.loads(con, crm).items():
        if stage in routed or not any_known:
            open_load[user_id] += count
    assigned: dict[str, list[datetime]] = {}
    for owner_id, at in con.execute(
        "SELECT a.owner_id, a.at FROM assignments a JOIN records r ON r.rid = a.rid"
        " WHERE a.at > ? AND r.crm = ? ORDER BY a.at",
        (text(now - RECENT), crm),
    ):
        assigned.setdefault(owner_id, []).append(instant(at))
    return Directory(
        users=cache.users(con, crm),
        queues=cache.queues(con, crm),
        accounts=Accounts(con, crm),
        colleagues=Colleagues(con, crm),
        own_user_id=own_user_id,
        open_load={user_id: count for user_id, count in open_load.items() if count > 0},
        assigned={user_id: tuple(times) for user_id, times in assigned.items()},
        opened=_opened(con, now),
        virtual_time={
            (pool, tier, user_id): vt
            for pool, tier, user_id, vt in con.execute("SELECT pool, tier, user_id, vt FROM pool_state")
        },
    )


def _opened(con: sqlite3.Connection, now: datetime) -> dict[str, tuple[datetime, ...]]:
    """Return when each mass creation opened doors in the last hour."""
    opened: dict[str, list[datetime]] = {}
    for group, at in con.execute(
        "SELECT j.bulk_id, a.at FROM assignments a JOIN transitions t ON t.rid = a.rid AND t.kind = 'birth'"
        " JOIN judgements j ON j.seq = t.seq WHERE a.at > ? AND j.bulk_id IS NOT NULL ORDER BY a.at",
        (text(now - LAST_HOUR),),
    ):
        opened.setdefault(group, []).append(instant(at))
    return {group: tuple(times) for group, times in opened.items()}
