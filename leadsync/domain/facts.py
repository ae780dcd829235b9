"""What rules may ask about one person, each fact worked out when it is first asked for.

Fields come from the person's primary record and its account; what follows from them and from the touches alone is worked
out here. Facts that need the funnel, routing or the clocks are handed in as functions by whoever decides.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from leadsync.domain.accounts import is_free_mail
from leadsync.domain.conditions import Condition, Facts, FactValue, holds
from leadsync.domain.durations import Duration
from leadsync.domain.instants import to_text
from leadsync.domain.languages import language_of
from leadsync.domain.scoring import Scoring, is_hand_raised
from leadsync.domain.titles import NOTHING, TitleMatch, classify
from leadsync.domain.touches import Touch, is_inbound

FROM_ACCOUNT: Final[Mapping[str, str]] = MappingProxyType(
    {"industry": "industry", "employees": "employees", "country": "country", "company": "name"}
)
"""Fields that a record without them takes from its account, and their names there."""

_NOTHING: Mapping[str, FactValue] = MappingProxyType({})


class PersonFacts:
    """Conditions' view of one person; satisfies `conditions.Facts`.

    `given` facts go before everything else of their name and are asked once they are needed; one that answers None may
    know better later, so only other answers are kept. Named conditions are answered as yes or no.
    """

    __slots__ = (
        "_account", "_after", "_asked", "_conditions", "_fields", "_free_mail", "_given", "_known", "_now", "_scoring",
        "_touches",
    )  # fmt: skip

    def __init__(
        self,
        fields: Mapping[str, FactValue],
        *,
        now: datetime,
        after: Callable[[datetime, Duration], datetime],
        account: Mapping[str, FactValue] = _NOTHING,
        touches: Iterable[Touch] = (),
        scoring: Scoring | None = None,
        free_mail: frozenset[str] = frozenset(),
        conditions: Mapping[str, Condition] = MappingProxyType({}),
        given: Mapping[str, Callable[[], FactValue]] = MappingProxyType({}),
    ) -> None:
        self._fields = fields
        self._now = now
        self._after = after
        self._account = account
        self._touches = tuple(touches)
        self._scoring = scoring
        self._free_mail = free_mail
        self._conditions = conditions
        self._given = given
        self._known: dict[str, FactValue] = {}
        self._asked: set[str] = set()

    @property
    def now(self) -> datetime:
        """Return the instant of the decision."""
        return self._now

    def after(self, start: datetime, duration: Duration) -> datetime:
        """Return the instant at which a duration from `start` has passed."""
        return self._after(start, duration)

    def get(self, name: str) -> FactValue:
        """Return a fact, a condition's answer, an account's or a record's field; None when it is missing.

        Raises ValueError when a fact needs its own answer: a scoring rule that asks for the score.
        """
        if name in self._known:
            return self._known[name]
        if name in self._asked:
            raise ValueError(f"{name} cannot be known: working it out asks for {name}")
        self._asked.add(name)
        try:
            return self._answer(name)
        finally:
            self._asked.discard(name)

    def _answer(self, name: str) -> FactValue:
        if name in self._given:
            return self._keep(name, self._given[name]())
        match name:
            case "email_domain":
                return self._keep(name, email_domain(self._fields.get("email")))
            case "free_mail":
                domain = email_domain(self._fields.get("email"))
                return self._keep(name, None if domain is None else is_free_mail(domain, self._free_mail))
            case "language":
                return self._keep(name, language_of(_text(self._fields.get("language")), _text(self._field("country"))))
            case "seniority":
                return self._keep(name, self._title().seniority)
            case "function":
                return self._keep(name, self._title().functions)
            case "inbound_touch":
                weak = self._scoring.weak if self._scoring else frozenset[str]()
                return self._keep(name, has_strong_touch(self._touches, weak, self._now))
            case "last_inbound_at":
                last = last_inbound_at(self._touches, self._now)
                return self._keep(name, to_text(last) if last else None)
        if name in self._conditions:
            # Not kept: a given fact in it may not be known yet.
            return holds(self._conditions[name], self)
        if name.startswith("account."):
            return self._keep(name, self._account.get(name.removeprefix("account.")))
        return self._keep(name, self._field(name))

    def _keep(self, name: str, value: FactValue) -> FactValue:
        if value is not None:
            self._known[name] = value
        return value

    def _field(self, name: str) -> FactValue:
        value = self._fields.get(name)
        if is_blank(value) and name in FROM_ACCOUNT:
            return self._account.get(FROM_ACCOUNT[name])
        return value

    def appended(self) -> Mapping[str, FactValue]:
        """Return the fields that the record lacks and rules take from its account, with what they are there."""
        found = {
            name: self._account.get(theirs) for name, theirs in FROM_ACCOUNT.items() if is_blank(self._fields.get(name))
        }
        return {name: value for name, value in found.items() if not is_blank(value)}

    def _title(self) -> TitleMatch:
        return classify(self._scoring.titles, _text(self._fields.get("title"))) if self._scoring else NOTHING


class Given:
    """Facts with some of them given in their place; satisfies `conditions.Facts`.

    For a question about the person as they were, or as they are about to be. Named conditions look through it.
    """

    __slots__ = ("_facts", "_given")

    def __init__(self, facts: Facts, given: Mapping[str, FactValue]) -> None:
        self._facts = facts
        self._given = given

    @property
    def now(self) -> datetime:
        """Return the instant of the decision."""
        return self._facts.now

    def after(self, start: datetime, duration: Duration) -> datetime:
        """Return the instant at which a duration from `start` has passed."""
        return self._facts.after(start, duration)

    def get(self, name: str) -> FactValue:
        """Return what is given under a name, else the fact."""
        return self._given[name] if name in self._given else self._facts.get(name)


def email_domain(email: FactValue) -> str | None:
    """Return the domain of an e-mail address in lower case, None for what is no address."""
    name, at, domain = (_text(email) or "").strip().rpartition("@")
    return domain.casefold() if name and at and domain else None


def has_strong_touch(touches: Iterable[Touch], weak: frozenset[str], now: datetime) -> bool:
    """Say whether the person has done something that no machine can have done in their place (semantics.md D)."""
    return any(is_inbound(touch) and touch.at <= now and touch.response not in weak for touch in touches)


def last_inbound_at(touches: Iterable[Touch], now: datetime) -> datetime | None:
    """Return when the person last did something, weak signs included, None when they never did."""
    return max((touch.at for touch in touches if is_inbound(touch) and touch.at <= now), default=None)


def hand_raised_at(
    scoring: Scoring, touches: Iterable[Touch], now: datetime, *, since: datetime | None = None
) -> datetime | None:
    """Return when the person last raised a hand after `since` (ever, when it is None), None when they did not."""
    raised = (touch.at for touch in touches if touch.at <= now and is_hand_raised(scoring, touch))
    return max((at for at in raised if since is None or at > since), default=None)


def next_touch_at(touches: Iterable[Touch], now: datetime) -> datetime | None:
    """Return when the next touch begins to count that lies in the future (a meeting until its end), None without one."""
    return min((touch.at for touch in touches if not touch.retracted and touch.at > now), default=None)


def _text(value: FactValue) -> str | None:
    return value if isinstance(value, str) else None


def is_blank(value: FactValue) -> bool:
    """Say whether a field holds nothing: no value, no values, or blanks."""
    return value is None or value == () or (isinstance(value, str) and not value.strip())
