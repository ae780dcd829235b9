"""Whose turn it is in a pool: fair shares, caps and absences, and why everybody else lost.

Nothing is random: the same ledger and the same rules always name the same member. Which pool is asked is decided by
`routing.py`, and virtual time is kept by the ledger between cycles.

**Fair shares.** Every lead that a member gets moves their virtual time on by 1/weight. Among the members who could take
a lead, whoever would then have more than their share rounded up waits, and of the others the one whose next turn ends
first gets it (the quota method of Balinski and Young, "The Quota Method of Apportionment", 1975). So at any moment each
member is within one lead of weight/total; the smallest virtual time alone would let small weights run ahead.

**Those who cannot take a turn.** Whoever is away, or inactive in the CRM, has no claim to what came meanwhile: their
virtual time goes along with the pool's minimum, so that nothing floods them afterwards; a new member begins at it too
(semantics.md E). Whoever is only full, or lacks the language of a lead, keeps the turns that others took, but a balance
beyond CREDIT leads is forgiven to either side: a rep who alone speaks German sits out for the others after a rush of
German leads, but not for weeks, and nobody makes up for a quiet month with a flood.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import fsum

from leadsync.domain.conditions import fold
from leadsync.domain.drip import Drip
from leadsync.domain.members import (
    Absence,
    Member,
    Pool,
    Wanted,
    by_name,
    day_of,
    midnight,
    midnight_of,
    out_of_office,
    unfit,
)
from leadsync.domain.records import User
from leadsync.domain.situation import Directory

CREDIT = 10
"""The most leads by which a member may be short of their share, or beyond it, and have it made up for."""

_CLOSE = 1e-6  # virtual times nearer than this are equal: sums of 1/3 are not exact


@dataclass(frozen=True, slots=True)
class Pick:
    """Who got the lead, None when nobody could; `full_or_away` says that somebody fits but has no room today.

    `candidates` are all members with why they lost or won, as (user id, or the rule file's name of a user whom the CRM
    does not know, reason).
    """

    user: User | None
    candidates: tuple[tuple[str, str], ...]
    full_or_away: bool = False


@dataclass(frozen=True, slots=True)
class _Seat:
    """A member at one moment, with why they have no room today."""

    member: Member
    user: User | None
    away: str | None = None
    full: str | None = None

    @property
    def who(self) -> str:
        return self.user.id if self.user else self.member.user

    @property
    def is_present(self) -> bool:
        return self.user is not None and self.user.active and self.away is None


class PoolBook:
    """The turns, caps and loads of all pools through the decisions of one cycle of one CRM, so that picks see each other.

    It starts from the ledger's directory and changes nothing there: `charges` are what has to be kept.
    """

    def __init__(self, pools: Mapping[str, Pool], directory: Directory) -> None:
        self.drip = Drip(directory.opened)
        self._pools = pools
        self._directory = directory
        self._users = by_name(directory.users.values())
        self._member: dict[tuple[str, str], Member] = {}  # (pool, user id)
        self._absences: dict[str, list[Absence]] = {}
        for pool in pools.values():
            for member in pool.members:
                if user := self.find(member.user):
                    self._member.setdefault((pool.name, user.id), member)
                    self._absences.setdefault(user.id, []).extend(member.absences)
        self._times: dict[tuple[str, str], dict[str, float]] = {}
        self._assigned: dict[str, list[datetime]] = {}
        self._open: dict[str, int] = {}

    def find(self, name: str) -> User | None:
        """Return the user of this user name or e-mail; a user name goes first, then an active user."""
        return self._users.get(fold(name))

    def membership(self, user_id: str, pools: Iterable[str]) -> tuple[Pool, Member] | None:
        """Return the first of these pools that the user is a member of, with the member; None when in none."""
        name = next((name for name in pools if (name, user_id) in self._member), None)
        return (self._pools[name], self._member[name, user_id]) if name is not None else None

    def away(self, user: User, *, now: datetime, zone: str) -> str | None:
        """Return the last day of an absence that covers the company's day of `now`, None for whoever is there.

        A person is away from every pool, whichever of them lists the absence. The CRM's out-of-office field counts too:
        a date includes that day, an instant ends at it; one that is neither is ignored.
        """
        last: list[str] = []
        if absences := self._absences.get(user.id):
            today = day_of(now, zone)
            last.extend(absence.last for absence in absences if absence.first <= today <= absence.last)
        if user.out_of_office_until and (until := out_of_office(user.out_of_office_until, now, zone)):
            last.append(until)
        return max(last, default=None)

    def leaves_at(self, user: User, *, now: datetime, zone: str) -> datetime | None:
        """Return when the user's next absence begins that the rule file lists, None without one."""
        today = day_of(now, zone)
        coming = [absence.first for absence in self._absences.get(user.id, ()) if absence.first > today]
        first = min(coming, default=None)
        return midnight_of(first, zone) if first else None

    def full(self, member: Member, user_id: str, *, now: datetime, zone: str) -> str | None:
        """Return which cap leaves no room for one more, None when there is room.

        The hour is the last 60 minutes, the day is the company's; both count assignments of all pools.
        """
        caps = member.caps
        if caps.open is not None and (load := self.open_load(user_id)) >= caps.open:
            return f"{load} open, the cap is {caps.open}"
        if caps.hour is None and caps.day is None:
            return None
        assigned = self._assigned_to(user_id)
        if caps.hour is not None:
            count = len(assigned) - bisect_right(assigned, now - timedelta(hours=1))
            if count >= caps.hour:
                return f"{count} in the last hour, the cap is {caps.hour}"
        if caps.day is not None:
            count = len(assigned) - bisect_left(assigned, midnight(now, zone))
            if count >= caps.day:
                return f"{count} today, the cap is {caps.day}"
        return None

    def open_load(self, user_id: str) -> int:
        """Return how many routed people the user is responsible for, this cycle's assignments included."""
        return self._directory.open_load.get(user_id, 0) + self._open.get(user_id, 0)

    def pick(self, pool: str, tier: str, wanted: Wanted, *, now: datetime, zone: str) -> Pick:
        """Return whose turn it is in a pool, charged already, with why everybody else lost."""
        asked = self._pools[pool]
        seats = self._seats(asked, now, zone)
        reasons: dict[str, str] = {}
        eligible: list[_Seat] = []
        full_or_away = False
        for seat in seats:
            never = unfit(seat.member, seat.user, wanted, now)
            reason = never or seat.away or seat.full
            if reason is None:
                eligible.append(seat)
            else:
                reasons[seat.who] = reason
                full_or_away = full_or_away or never is None
        if asked.strategy == "weighted":
            self._settle(asked, tier, seats)
        if not eligible:
            return Pick(None, tuple(reasons.items()), full_or_away)
        if asked.strategy == "weighted":
            winner = _next_in_turn(self._times_of(asked, tier), eligible, reasons)
            self._take(asked, tier, seats, winner.who, winner.member.weight)
        else:
            winner = self._least_loaded(eligible, reasons)
        self._count(winner.who, now)
        return Pick(winner.user, tuple((seat.who, reasons[seat.who]) for seat in seats))

    def charge(self, pool: str | None, tier: str, user_id: str, *, now: datetime, zone: str) -> None:
        """Count an assignment that was no pick: an account's owner, a former rep, somebody whom a person chose.

        With `pool` None it counts for caps and loads only.
        """
        found = self.membership(user_id, [pool]) if pool is not None else None
        if found is not None and found[0].strategy == "weighted":
            asked, member = found
            seats = self._seats(asked, now, zone)
            self._settle(asked, tier, seats)
            self._take(asked, tier, seats, user_id, member.weight)
        self._count(user_id, now)

    def credit(self, pool: str, tier: str, user_id: str) -> None:
        """Give a turn back for a misroute, a duplicate or a void; caps stay as counted, for the work was there.

        Nothing happens when the pool is gone, the user left it, or never had a turn.
        """
        if (found := self.membership(user_id, [pool])) is None:
            return
        times = self._times_of(found[0], tier)
        if user_id in times:
            times[user_id] -= 1 / found[1].weight

    def charges(self) -> Mapping[tuple[str, str, str], float]:
        """Return the virtual times that differ from the directory's, by (pool, tier, user id): what has to be kept."""
        before = self._directory.virtual_time
        return {
            (pool, tier, user_id): at
            for (pool, tier), times in self._times.items()
            for user_id, at in times.items()
            if before.get((pool, tier, user_id)) != at
        }

    def _seats(self, pool: Pool, now: datetime, zone: str) -> tuple[_Seat, ...]:
        return tuple(self._seat(member, now, zone) for member in pool.members)

    def _seat(self, member: Member, now: datetime, zone: str) -> _Seat:
        user = self.find(member.user)
        if user is None or not user.active:
            return _Seat(member, user)
        until = self.away(user, now=now, zone=zone)
        return _Seat(member, user, until and f"away until {until}", self.full(member, user.id, now=now, zone=zone))

    def _times_of(self, pool: Pool, tier: str) -> dict[str, float]:
        if (pool.name, tier) not in self._times:
            kept = self._directory.virtual_time
            ids = [user.id for member in pool.members if (user := self.find(member.user))]
            self._times[pool.name, tier] = {i: kept[pool.name, tier, i] for i in ids if (pool.name, tier, i) in kept}
        return self._times[pool.name, tier]

    def _settle(self, pool: Pool, tier: str, seats: Sequence[_Seat]) -> None:
        """Let new members begin and forgive old balances, before a turn is given."""
        times = self._times_of(pool, tier)
        present = [seat for seat in seats if seat.is_present]
        floor = _minimum(times, seats)
        for seat in present:
            times.setdefault(seat.who, floor)
        _forgive(times, present)

    def _take(self, pool: Pool, tier: str, seats: Sequence[_Seat], user_id: str, weight: int) -> None:
        """Count a turn; the virtual time of whoever is not there goes along with the pool."""
        times = self._times_of(pool, tier)
        times[user_id] = times.get(user_id, 0.0) + 1 / weight
        floor = _minimum(times, seats)
        for seat in seats:
            if not seat.is_present and seat.who in times:
                times[seat.who] = max(times[seat.who], floor)

    def _least_loaded(self, eligible: Sequence[_Seat], reasons: dict[str, str]) -> _Seat:
        winner = min(eligible, key=lambda seat: self.open_load(seat.who))
        fewest = self.open_load(winner.who)
        for seat in eligible:
            reasons[seat.who] = f"{self.open_load(seat.who)} open, {winner.who} has {fewest}"
        reasons[winner.who] = f"fewest open: {fewest}"
        return winner

    def _assigned_to(self, user_id: str) -> list[datetime]:
        if user_id not in self._assigned:
            self._assigned[user_id] = sorted(self._directory.assigned.get(user_id, ()))
        return self._assigned[user_id]

    def _count(self, user_id: str, now: datetime) -> None:
        insort(self._assigned_to(user_id), now)
        self._open[user_id] = self._open.get(user_id, 0) + 1


def _next_in_turn(times: Mapping[str, float], eligible: Sequence[_Seat], reasons: dict[str, str]) -> _Seat:
    """Return who gets the next lead by the quota method, and write down why."""
    total = sum(seat.member.weight for seat in eligible)
    # After this turn everybody together stands here; whoever is there now would exceed their share.
    level = (fsum(seat.member.weight * times[seat.who] for seat in eligible) + 1) / total
    waiting = [seat for seat in eligible if times[seat.who] < level - _CLOSE]
    winner = min(waiting, key=lambda seat: round(times[seat.who] + 1 / seat.member.weight, 6))
    reasons.update((seat.who, "has had their share for now") for seat in eligible)
    reasons.update((seat.who, f"{winner.who} is next in turn") for seat in waiting)
    reasons[winner.who] = "next in turn"
    return winner


def _minimum(times: Mapping[str, float], seats: Sequence[_Seat]) -> float:
    """Return the least virtual time of the members with room: one who is full for a week holds nobody back."""
    roomy = [times[seat.who] for seat in seats if seat.is_present and not seat.full and seat.who in times]
    return min(roomy or times.values(), default=0.0)


def _forgive(times: dict[str, float], seats: Sequence[_Seat]) -> None:
    """Bring everybody who is more than CREDIT leads short of their share, or beyond it, to exactly that.

    Moving one moves the level by which shares are measured, so the level is sought at which the balances, cut off at
    CREDIT, add up to nothing: they fall as it rises, in straight lines between the points where somebody reaches
    CREDIT.
    """
    weights = {seat.who: seat.member.weight for seat in seats}

    def balance(level: float) -> float:
        return fsum(max(-CREDIT, min(CREDIT, weight * (times[who] - level))) for who, weight in weights.items())

    mean = fsum(weight * times[who] for who, weight in weights.items()) / (sum(weights.values()) or 1)
    if all(abs(weight * (times[who] - mean)) <= CREDIT + _CLOSE for who, weight in weights.items()):
        return
    points = sorted(times[who] + sign * CREDIT / weight for who, weight in weights.items() for sign in (-1, 1))
    above = bisect_left(points, 0.0, key=lambda level: -balance(level))
    low, high = points[above - 1], points[above]
    level = low + (high - low) * balance(low) / (balance(low) - balance(high))
    for who, weight in weights.items():
        times[who] = min(max(times[who], level - CREDIT / weight), level + CREDIT / weight)
