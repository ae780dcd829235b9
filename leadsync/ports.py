"""What leadsync asks of a CRM and of a channel. Adapters live in `crm/` and `channels/`; nothing else talks to them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from leadsync.domain.effects import Escalation, Membership, Notice, Outcome, WriteBack
from leadsync.domain.records import (
    Account,
    Campaign,
    Gone,
    Move,
    Opportunity,
    OpportunityRole,
    Queue,
    Record,
    Ref,
    User,
)
from leadsync.domain.touches import Touch

Row = Record | Move | Gone | User | Queue | Account | Opportunity | OpportunityRole | Campaign | Touch
Reach = Literal["fast", "complete"]


@dataclass(frozen=True, slots=True)
class Org:
    """Which org the credentials lead to; `user_id` is leadsync's own user there."""

    org_id: str
    instance: str
    sandbox: bool
    user_id: str


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a poll of one source is known to be complete, in the CRM's time and the adapter's own notation.

    `progress` is the resume point inside an unfinished first load; it is None once `mark` is set.
    """

    mark: str | None = None
    progress: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows that belong into one transaction, with the mark that is true once they are stored.

    `source` names the polled object in leadsync's words (lead contact lead_history contact_history account user queue
    opportunity opportunity_role campaign, and the touch kinds' objects as `touch:<native>`). `mark` None: nothing is
    proved by this page (fast pass, or not the last page). `full` on the last page of a whole read of the source;
    `complete` on the last page of a complete pass, after which gaps in that source may be settled.
    `read_at` is the CRM's time of the answer. `total` is the expected number of rows of this pass if known (progress bars).
    """

    source: str
    rows: tuple[Row, ...]
    read_at: datetime
    mark: str | None = None
    progress: str | None = None
    full: bool = False
    complete: bool = False
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `check --live` and `doctor`: what was looked at, whether it is well, and what to do if not."""

    topic: str
    ok: bool
    text: str
    fix: str = ""
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """API requests: what this process made, and what the CRM says of the org's day (None: it does not say)."""

    calls: int
    used: int | None = None
    limit: int | None = None


class Crm(Protocol):
    """One org of one CRM. Every method may raise CrmUnavailable, CrmAuthFailed or CrmBudgetExhausted."""

    name: str
    history: frozenset[str]  # the objects (lead, contact) whose stage history the org keeps; known after connect()

    def connect(self) -> Org:
        """Log in if needed and return whom we reached."""

    def now(self) -> datetime:
        """Return the CRM's time: its last Date header carried on by monotonic time."""

    def changes(self, marks: Mapping[str, Mark], reach: Reach) -> Iterator[Page]:
        """Yield everything that changed since the marks, page by page.

        A source without a mark is loaded whole and resumably. A source that cannot be read yields no page and is
        reported by `blocked`; the others go on. The order lets a page rely on those before it: users and queues,
        accounts, histories, leads, contacts, opportunities and roles, campaigns, touches.
        """

    def blocked(self) -> Mapping[str, str]:
        """Return the sources that the last pass could not read, each with a message that says what to do."""

    def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Record | Gone]:
        """Return these records as they stand now; a record that is in no recycle bin either is left out."""

    def write(self, writes: Sequence[WriteBack]) -> tuple[Outcome, ...]:
        """Send each write at most once and say what became of it, in order.

        Guarded writes are refused by the CRM when the record is newer than their base version (state `pending` with
        error `conflict`: read, and decide again). Unknown fates are `unknown`.
        """

    def join(self, memberships: Sequence[Membership]) -> tuple[Outcome, ...]:
        """Add people to, or take them out of, what they join while they wait."""

    def inspect(self) -> tuple[Finding, ...]:
        """Compare the mapping with the org: fields, rights, picklists, users."""

    def count_in(self, earlier: Iterable[tuple[float, int]]) -> None:
        """Count requests that earlier processes made, each some seconds ago, into the budget of the day.

        Where the CRM itself tells what the org used, no more than that is counted.
        """

    def usage(self) -> Usage:
        """Return how many API requests were made."""


@dataclass(frozen=True, slots=True)
class Swept:
    """A lead or contact as a sweep lists it: its id, the stamp of its version, its status; not what has become of it."""

    id: str
    stamp: datetime
    value: str | None


@runtime_checkable
class Sweeps(Protocol):
    """A Crm that can list what it holds, to be compared with the ledger; `audit` does without where one cannot."""

    def sweep(self, object_name: str) -> Iterator[Swept]:
        """Yield every lead or every contact that is not deleted, converted ones and those out of scope included, read only.

        Stamps and values are those that `changes` would give to a Record. Raises ObjectBlocked when the object cannot
        be read, and what any method of a Crm raises.
        """


class Channel(Protocol):
    """One place where people are told something."""

    name: str

    def send(self, message: Escalation | Notice, address: str | None) -> None:
        """Deliver one message, or raise ChannelFailed; `address` is the recipient's e-mail if it is a person."""
