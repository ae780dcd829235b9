"""mappings/calendars.yaml into `Calendars`, and public holidays from the `holidays` library when they are asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from leadsync.domain.calendars import Calendar, Calendars, OwnerCalendar, Shift
from leadsync.settings.checks import Checks
from leadsync.settings.loader import Node
from leadsync.settings.problems import allowed, did_you_mean
from leadsync.settings.schema.calendars import WEEKDAYS, CalendarsFile
from leadsync.settings.schema.calendars import Calendar as CalendarSpec

YEARS = range(1990, 2101)
"""Years whose public holidays are known: from the oldest history that a CRM may hold to beyond every review date."""


@dataclass(slots=True)
class PublicHolidays(Mapping[str, frozenset[date]]):
    """Public holidays by `DE`, `DE-BE` or the country's English name, looked up when first asked.

    The library takes a tenth of a second to import, and a country that nobody works in is never needed.
    """

    _known: dict[str, frozenset[date]] = field(default_factory=dict)

    def __getitem__(self, place: str) -> frozenset[date]:
        if place not in self._known:
            country, _, region = place.partition("-")
            found = _lookup(country, region or None)
            if found is None:
                raise KeyError(place)
            self._known[place] = found
        return self._known[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _lookup(country: str, region: str | None) -> frozenset[date] | None:
    import holidays

    code = _country_code(country)
    try:
        return frozenset(holidays.country_holidays(code, subdiv=region, years=YEARS)) if code else None
    except NotImplementedError:
        return None


def _country_code(country: str) -> str | None:
    """Return the ISO code that a code or English name stands for (a user's country in a CRM may be either)."""
    from holidays.registry import COUNTRIES

    wanted = country.strip().casefold().replace(" ", "_")
    for name, (_, *codes) in COUNTRIES.items():
        if wanted == name or wanted in (code.casefold() for code in codes):
            return str(codes[0])
    return None


def calendars(file: CalendarsFile, tree: Node, checks: Checks) -> Calendars:
    """Return all calendars: complete ones, and those that wait for an owner or for holidays."""
    checks.exists(tree.at("default").place, "the calendar", file.default, checks.names.calendars)
    complete: dict[str, Calendar] = {}
    templates: dict[str, OwnerCalendar] = {}
    for name, spec in file.calendars.items():
        node = tree.at("calendars", name)
        if name in ("owner", "pool"):
            checks.problems.add(
                tree.at("calendars").key(name),
                f'"{name}" cannot be the name of a calendar: clocks mean something else by it',
            )
        days, own = _days(spec, node, checks), _own_days(spec, node, checks)
        if spec.zone != "owner" and spec.holidays is None:
            complete[name] = Calendar(name, spec.zone, days, own)
            continue
        country = spec.holidays.country if spec.holidays else None
        _country(spec, node, checks)
        templates[name] = OwnerCalendar(
            name,
            None if spec.zone == "owner" else spec.zone,
            days,
            own,
            None if country == "owner" else country,
            spec.holidays.region if spec.holidays else None,
            country == "owner",
        )
    return Calendars(file.default, complete, templates, PublicHolidays())


def _country(spec: CalendarSpec, node: Node, checks: Checks) -> None:
    """Note a country or region that the library does not know, which would silently mean no holidays."""
    if spec.holidays is None:
        return
    country, region = spec.holidays.country, spec.holidays.region
    if country == "owner":
        if region is not None:
            checks.problems.add(node.at("holidays").key("region"), "region: needs a fixed country")
        return
    import holidays

    code = _country_code(country)
    if code is None or code != country:
        checks.problems.add(
            node.at("holidays", "country").place, f'no public holidays are known for the country "{country}"'
        )
    elif region is not None:
        regions: tuple[str, ...] = tuple(holidays.country_holidays(code).subdivisions)
        if region not in regions:
            checks.problems.add(
                node.at("holidays", "region").place,
                f'no public holidays are known for the region "{region}" of {country}',
                did_you_mean(region, regions),
                allowed(regions),
            )


def _days(spec: CalendarSpec, node: Node, checks: Checks) -> dict[int, tuple[Shift, ...]]:
    days: dict[int, tuple[Shift, ...]] = {}
    for key, shifts in spec.hours.items():
        inner = node.at("hours", key)
        first, _, last = key.partition("-")
        begins, ends = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        if begins > ends:
            checks.problems.add(node.at("hours").key(key), f"{key} runs backwards", "fix: a week runs from mon to sun")
        for weekday in range(begins, ends + 1):
            if weekday in days:
                checks.problems.add(node.at("hours").key(key), f"{WEEKDAYS[weekday]} stands here twice")
            days[weekday] = _in_order(shifts, inner, checks)
    if not any(days.values()):
        checks.problems.add(node.at("hours").place, "this calendar has no working time at all")
    return days


def _own_days(spec: CalendarSpec, node: Node, checks: Checks) -> dict[date, tuple[Shift, ...]]:
    days: dict[date, tuple[Shift, ...]] = {}
    for index, own in enumerate(spec.own_days):
        inner = node.at("own_days", index)
        if own.date in days:
            checks.problems.add(inner.at("date").place, f"{own.date} stands here twice")
        days[own.date] = _in_order(own.hours, inner.at("hours"), checks)
    return days


def _in_order(shifts: tuple[Shift, ...], node: Node, checks: Checks) -> tuple[Shift, ...]:
    """Return the shifts of one day, noting those that overlap or stand in the wrong order."""
    for index, (before, after) in enumerate(pairwise(shifts), start=1):
        if after.start < before.end or before.end.isoformat() == "00:00:00":
            checks.problems.add(node.at(index).place, "this shift begins before the one ahead of it has ended")
    return shifts
