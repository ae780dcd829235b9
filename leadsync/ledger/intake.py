"""What one transaction of observing works with: where it writes, what it must not mix up, and what it has to wake."""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field

from leadsync.domain.mapping import CrmMapping


@dataclass(slots=True)
class Intake:
    """The state of storing one page. Instants are ledger text; `go_live` None: nothing was delivered yet.

    `derive` are records whose transitions must be worked out anew, `relink` those whose links changed. `news` maps a
    record to whether what happened to it is younger than going live: such news wakes even people who were taken over
    and never decided yet, all other news waits until their turn comes. `loads` is by how much more records each user is
    responsible for, by (stage, user id).
    """

    con: sqlite3.Connection
    mapping: CrmMapping
    crm: str
    read_at: str
    go_live: str | None
    own_user_id: str
    history: frozenset[str]
    forced: frozenset[str]
    next_rid: int
    next_seq: int
    derive: set[int] = field(default_factory=set)
    settle: set[int] = field(default_factory=set)
    relink: set[int] = field(default_factory=set)
    owners: set[int] = field(default_factory=set)
    news: dict[int, bool] = field(default_factory=dict)
    former_owners: list[tuple[int, str, str | None, str, str | None]] = field(default_factory=list)
    former_emails: list[str] = field(default_factory=list)
    changed: int = 0
    new: int = 0
    transitions: int = 0
    gaps: int = 0
    vanished: int = 0
    vanished_held: int = 0
    loads: Counter[tuple[str, str]] = field(default_factory=Counter)

    def heard(self, rid: int, at: str) -> None:
        """Note that something happened to a record at this instant."""
        live = self.go_live is not None and at >= self.go_live
        self.news[rid] = self.news.get(rid, False) or live

    def is_adopted(self, at: str, first_seen_at: str) -> bool:
        """Say whether something is older than going live, and thus taken over without a judgement."""
        return at < (self.go_live if self.go_live is not None else first_seen_at)


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing one page came to.

    `rows` were read, `changed` of them differed from the ledger, `new` are records seen for the first time,
    `transitions` were added, `gaps` are polled values that wait for the history to explain them. After a whole read of
    lead or contact `vanished` were found gone; `vanished_held` were too many to be believed and were left as they are.
    """

    rows: int
    changed: int = 0
    transitions: int = 0
    new: int = 0
    gaps: int = 0
    vanished: int = 0
    vanished_held: int = 0
