"""The members of pools: what the rule file says of them, whom they are in the CRM, and whether one fits a lead.

Whose turn it is among those who fit is `pools.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from leadsync.domain.conditions import Condition, FactValue, failing, fold
from leadsync.domain.durations import Duration
from leadsync.domain.instants import from_text
from leadsync.domain.records import User


@dataclass(frozen=True, slots=True)
class Caps:
    """The most people a member gets in an hour, in a day, and has open at once; None: no limit."""

    hour: int | None = None
    day: int | None = None
    open: int | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """First and last day away, both as ISO dates in the company's zone."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a pool. `user` is the user name or e-mail in the CRM."""

    user: str
    weight: int = 1
    senior: bool = False
    languages: tuple[str, ...] = ()  # empty: any
    territories: tuple[str, ...] = ()  # empty: any
    caps: Caps = Caps()
    calendar: str | None = None
    absences: tuple[Absence, ...] = ()


@dataclass(frozen=True, slots=True)
class Pool:
    """People who share the work of one kind."""

    name: str
    strategy: Literal["weighted", "least_loaded"]
    calendar: str
    lead: str | None
    notice_through: tuple[str, ...]
    notice_message: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a member must have for this lead; `without` are user ids that must not get it (misrouted, breached)."""

    language: str | None = None
    territory: str | None = None
    only: Condition | None = None
    without: frozenset[str] = frozenset()


class MemberFacts:
    """What `only` may ask about a member: user, senior, languages, territories."""

    __slots__ = ("_values", "now")

    def __init__(self, member: Member, user: User, now: datetime) -> None:
        self.now = now
        self._values: Mapping[str, FactValue] = {
            "user": names_of(user),
            "senior": member.senior,
            "languages": member.languages,
            "territories": member.territories,
        }

    def get(self, name: str) -> FactValue:
        """Return the value of one of the four names, None for any other."""
        return self._values.get(name)

    def after(self, start: datetime, duration: Duration) -> datetime:
        """Raise ValueError: nothing about a member is dated."""
        raise ValueError(f"nothing about a member is dated, so {duration} cannot be asked")


def names_of(user: User) -> tuple[str, ...]:
    """Return the names by which rule files may call a user: the user name and the e-mail."""
    return (user.username, user.email) if user.email else (user.username,)


def by_name(users: Iterable[User]) -> Mapping[str, User]:
    """Return users by folded name: user names before e-mails, active before inactive, then the smaller id."""
    found: dict[str, User] = {}
    ordered = sorted(users, key=lambda user: (not user.active, user.id))
    for user in ordered:
        found.setdefault(fold(user.username), user)
    for user in ordered:
        if user.email:
            found.setdefault(fold(user.email), user)
    return found


def unfit(member: Member, user: User | None, wanted: Wanted, now: datetime) -> str | None:
    """Return why a member never gets this lead, None when they may; room and absence are another question."""
    if user is None:
        return "no user of this name in the CRM"
    if not user.active:
        return "not active in the CRM"
    if user.id in wanted.without:
        return "left out: had this person and gave them back or let them wait"
    if wanted.language and member.languages and not _speaks(member, wanted.language):
        return f"does not speak {wanted.language}"
    if wanted.territory and member.territories and fold(wanted.territory) not in map(fold, member.territories):
        return f"does not cover {wanted.territory}"
    if wanted.only is not None and (missing := failing(wanted.only, MemberFacts(member, user, now))):
        return f"the rule asks for a member with: {', '.join(missing)}"
    return None


def _speaks(member: Member, language: str) -> bool:
    """Say whether a member speaks a language; whoever speaks `de` also speaks `de_AT`."""
    wanted = fold(language).replace("_", "-")
    spoken = {fold(name).replace("_", "-") for name in member.languages}
    return wanted in spoken or wanted.split("-")[0] in spoken


def out_of_office(text: str, now: datetime, zone: str) -> str | None:
    """Return the last day of an out-of-office field that covers `now`, None when it is over or cannot be read.

    A date includes that day, an instant ends at it.
    """
    try:
        until = from_text(text)
    except ValueError:
        return None
    if len(text) <= len("2026-12-24"):
        last = until.date().isoformat()
        return last if day_of(now, zone) <= last else None
    return day_of(until, zone) if now < until else None


def day_of(at: datetime, zone: str) -> str:
    """Return the date that an instant falls on in a zone, as ISO text."""
    return at.astimezone(ZoneInfo(zone)).date().isoformat()


def midnight_of(day: str, zone: str, *, later: int = 0) -> datetime:
    """Return the UTC instant at which an ISO date begins in a zone, or a day so many days later."""
    return datetime.combine(date.fromisoformat(day) + timedelta(days=later), time.min, ZoneInfo(zone)).astimezone(UTC)


@lru_cache(maxsize=64)  # asked for every member of a pool at one and the same instant
def midnight(at: datetime, zone: str) -> datetime:
    """Return the UTC instant at which the day of an instant began in a zone."""
    place = ZoneInfo(zone)
    return datetime.combine(at.astimezone(place).date(), time.min, place).astimezone(UTC)
