"""Who is counted: the person behind each record with their source and segment, and those whom a report leaves out."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

from leadsync.domain import calendars
from leadsync.domain.accounts import account_domain
from leadsync.domain.conditions import Condition, FactValue, Named, fold, holds
from leadsync.domain.durations import Duration
from leadsync.domain.facts import PersonFacts
from leadsync.domain.hygiene import Tidied
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.persons import primary
from leadsync.domain.records import Record
from leadsync.domain.rulebook import Rulebook
from leadsync.errors import ConfigError
from leadsync.hygiene import FORMATS
from leadsync.reports import queries
from leadsync.reports.period import Period
from leadsync.reports.queries import RecordRow

Left = Literal["excluded", "out_of_scope", "filtered"]


@dataclass(frozen=True, slots=True)
class Filters:
    """What of all is asked for; None asks for everything. An empty source is that of people without one."""

    period: Period | None = None
    source: str | None = None
    segment: str | None = None

    def words(self) -> dict[str, str]:
        """Return the filters as they were written."""
        period = {"period": self.period.text} if self.period else {}
        source = {"source": self.source} if self.source is not None else {}
        return {**period, **source, **({"segment": self.segment} if self.segment else {})}

    def covers(self, at: datetime) -> bool:
        """Say whether an instant is asked for."""
        return self.period is None or at in self.period


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class Person:
    """What reports ask of a person; many share one value. `left_out`: why the person is not counted, None for who is."""

    source: str | None
    left_out: Left | None


def read_people(con: sqlite3.Connection, rulebook: Rulebook, filters: Filters, as_of: datetime) -> dict[int, Person]:
    """Return every person by number.

    The source is the original one, of the earliest record that names one. Fields and company of the primary record decide
    about `excluded` and the segment; facts beyond those (touches, score) are unknown to a report.
    Raises ConfigError for a segment that sla.yaml does not have.
    """
    segments = _segments(rulebook)
    if filters.segment is not None and filters.segment not in [name for name, _ in segments]:
        there = ", ".join(name for name, _ in segments) or "none"
        raise ConfigError(f"there is no segment {filters.segment!r}; goals: in mappings/sla.yaml has: {there}")
    wanted = fold(filters.source) if filters.source is not None else None
    questions = _Questions(rulebook, segments, as_of)
    shared: dict[Person, Person] = {}
    people: dict[int, Person] = {}
    for pid, rows in _by_person(queries.records(con)):
        head = _head(rows, rulebook)
        source = _source(rows)
        left_out: Left | None = None
        if (wanted is not None and fold(source or "") != wanted) or (
            filters.segment is not None and questions.segment(head) != filters.segment
        ):
            left_out = "filtered"
        elif head.record.state == "out_of_scope":
            left_out = "out_of_scope"
        elif questions.is_excluded(head):
            left_out = "excluded"
        person = Person(source, left_out)
        people[pid] = shared.setdefault(person, person)
    return people


def _by_person(rows: Iterable[RecordRow]) -> Iterator[tuple[int, list[RecordRow]]]:
    for pid, group in groupby(rows, key=lambda row: row.pid):
        yield pid, list(group)


def _head(rows: list[RecordRow], rulebook: Rulebook) -> RecordRow:
    if len(rows) == 1:
        return rows[0]
    crm = rows[0].record.ref.crm
    if crm not in rulebook.mappings:
        return rows[0]
    best = primary([row.record for row in rows], rulebook.law, rulebook.mappings[crm])
    return next(row for row in rows if row.record is best)


def _source(rows: list[RecordRow]) -> str | None:
    def named(record: Record) -> str | None:
        value = record.fields.get("source")
        return value.strip() or None if isinstance(value, str) else None

    found = [row.record for row in rows if named(row.record)]
    return named(min(found, key=lambda record: record.created_at)) if found else None


def _segments(rulebook: Rulebook) -> list[tuple[str, Condition | None]]:
    goals: Mapping[str, Any] = rulebook.sla.goals
    return [(segment["name"], segment["when"]) for segment in goals.get("segments", ())]


def tidied(row: RecordRow, mapping: CrmMapping) -> tuple[Tidied, Tidied]:
    """Return the fields of a record and of its own account as rules compare them."""
    account = Tidied(row.account, mapping.account, FORMATS)
    objects = mapping.objects.get(row.record.ref.object)
    return Tidied(row.record.fields, objects.fields if objects else {}, FORMATS, account), account


class _Questions:
    """The conditions that a report asks about people, with what all the answers share."""

    def __init__(self, rulebook: Rulebook, segments: list[tuple[str, Condition | None]], as_of: datetime) -> None:
        self._rulebook, self._segments, self._as_of = rulebook, segments, as_of
        excluded = rulebook.law.excluded
        self._excluded = Named("excluded", excluded) if excluded is not None else None

    def is_excluded(self, row: RecordRow) -> bool:
        """Say whether the rules leave a person out."""
        return self._excluded is not None and holds(self._excluded, self._facts(row))

    def segment(self, row: RecordRow) -> str | None:
        """Return the first segment that fits."""
        facts = self._facts(row)
        return next((name for name, when in self._segments if when is None or holds(when, facts)), None)

    def _after(self, start: datetime, duration: Duration) -> datetime:
        rulebook, zone = self._rulebook, self._rulebook.company.zone
        calendar = calendars.calendar_for(rulebook.calendars, rulebook.calendars.default, None, zone)
        return calendars.after(start, duration, calendar, zone)

    def _facts(self, row: RecordRow) -> PersonFacts:
        rulebook, ref = self._rulebook, row.record.ref
        mapping = rulebook.mappings.get(ref.crm)
        fields: Mapping[str, FactValue] = row.record.fields
        account: Mapping[str, FactValue] = row.account
        if mapping is not None:
            fields, account = tidied(row, mapping)
        return PersonFacts(
            fields,
            account=account,
            scoring=rulebook.scoring,
            free_mail=rulebook.routing.account_match.free_mail,
            conditions=rulebook.conditions,
            now=self._as_of,
            after=self._after,
            given={
                "crm": lambda: ref.crm,
                "object": lambda: ref.object,
                "account.domain": lambda: account_domain(account, FORMATS),
            },
        )


def left_out_notes(people: Mapping[int, Person]) -> tuple[str, ...]:
    """Return one line for each kind of person who is not counted, with how many they are."""
    words = {
        "excluded": "persons are left out: the condition `excluded` in funnel.yaml holds for them",
        "out_of_scope": "persons are left out: their record is out of scope",
        "filtered": "persons are left out by the filters",
    }
    counts = dict.fromkeys(words, 0)
    for person in people.values():
        if person.left_out:
            counts[person.left_out] += 1
    return tuple(f"{count} {words[left]}" for left, count in counts.items() if count)
