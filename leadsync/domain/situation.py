"""Everything a decision about one person may look at, gathered by the ledger; and the directory all decisions share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leadsync.domain.records import Account, Opportunity, OpportunityRole, Queue, Record, User, Value
from leadsync.domain.sla import Clock
from leadsync.domain.touches import Touch
from leadsync.domain.transitions import Transition


@dataclass(frozen=True, slots=True)
class Assignment:
    """One assignment that leadsync made: by which rule, to whom, and why the others lost."""

    person_id: str
    record_id: str
    rule: str
    pool: str | None
    tier: str  # normal | hand_raiser
    sticky: bool
    owner_id: str  # user or queue
    by: str  # leadsync
    at: datetime
    reason: str
    door: str = ""  # what opened it: the cause, e.g. t:812
    candidates: tuple[tuple[str, str], ...] = ()  # (who, why they lost or won)


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """An owner or assignee who came to a record, by anybody; `at` is the CRM's instant."""

    record_id: str
    field: str  # owner | assignee
    owner_id: str | None
    at: datetime
    by: str | None


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier decisions left behind for the next one.

    `fired` maps an automatic rule to the cause it last fired for; a rule re-arms when its condition was seen false
    (its entry is dropped) or a new inbound touch came. Beside them stands the reason of a recycle or exit that counts. `score` is in hundredths, None before the first decision.
    """

    score: int | None = None
    product: str | None = None
    band: str | None = None
    fired: Mapping[str, str] = field(default_factory=dict)
    noticed: tuple[str, ...] = ()
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Twin:
    """Another live person with the same e-mail."""

    person_id: str
    record: Record
    stage: str | None
    touches: tuple[Touch, ...]


@dataclass(frozen=True, slots=True)
class OpenWrite:
    """A write-back of this person's records whose end is not known yet."""

    effect_id: str
    record_id: str
    state: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Situation:
    """One person as the ledger knows them. Sequences are in order of time."""

    person_id: str
    crm: str
    records: tuple[Record, ...]
    transitions: tuple[Transition, ...]
    touches: tuple[Touch, ...] = ()
    owners: tuple[OwnerChange, ...] = ()
    clocks: tuple[Clock, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    opportunities: tuple[Opportunity, ...] = ()
    roles: tuple[OpportunityRole, ...] = ()
    twins: tuple[Twin, ...] = ()
    memory: Memory = Memory()
    writes: tuple[OpenWrite, ...] = ()
    in_bulk: Mapping[int, str] = field(default_factory=dict)  # transition seq -> bulk group
    written: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """Record id -> field -> the value that leadsync wrote there last and knows to be applied."""
    released: Mapping[str, datetime] = field(default_factory=dict)  # mass changes that were let go, and when
    import_burst: bool = False  # born among many untouched records of one creator
    account_deals: tuple[
        Opportunity, ...
    ] = ()  # open ones at the accounts that may be the person's; only if guarded by
    account_candidates: tuple[Account, ...] = ()  # by domain or name, for a record without an account of its own


@dataclass(frozen=True, slots=True)
class Directory:
    """People, queues and companies of one CRM, shared by all decisions of a cycle."""

    users: Mapping[str, User]
    queues: Mapping[str, Queue]
    accounts: Mapping[str, Account]
    own_user_id: str
    open_load: Mapping[str, int] = field(default_factory=dict)  # user id -> routed people they are responsible for
    assigned: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)  # user id -> recent assignments
    virtual_time: Mapping[tuple[str, str, str], float] = field(default_factory=dict)  # (pool, tier, user id)
    opened: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)  # mass creation -> doors of the last hour
    colleagues: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Account id -> (person id, responsible user id) of the live people there whom somebody works."""
