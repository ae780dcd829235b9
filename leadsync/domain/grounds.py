"""What all decisions of one cycle and one CRM stand on: the rules, who is there, what time it is, what may be done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leadsync.domain import calendars
from leadsync.domain.durations import Duration
from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.hygiene import Formats
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.rulebook import Rulebook
from leadsync.domain.situation import Directory


@dataclass(frozen=True, slots=True)
class Grounds:
    """What all decisions of one cycle and one CRM stand on.

    `go_live_at` None: nothing was ever delivered, so nothing has an effect yet. `kinds` are the kinds of effect that
    may be wished for (design.md `deliver:`).
    """

    rulebook: Rulebook
    crm: str
    directory: Directory
    now: datetime
    go_live_at: datetime | None
    kinds: frozenset[str]
    formats: Formats
    link: str = ""  # the org's address, before a record's id
    adopted: Mapping[str, datetime] = field(default_factory=dict)
    """Since when automatic rules are in force as they are; those that were there from the beginning are left out."""

    @property
    def law(self) -> FunnelLaw:
        """Return the funnel law."""
        return self.rulebook.law

    @property
    def mapping(self) -> CrmMapping:
        """Return this CRM's mapping."""
        return self.rulebook.mappings[self.crm]

    def is_live(self, at: datetime | None) -> bool:
        """Say whether something that happened then may cause an effect."""
        return at is not None and self.go_live_at is not None and at >= self.go_live_at

    def days_after(self, start: datetime, duration: Duration) -> datetime:
        """Return when a duration from `start` has passed, days in the company's zone, business time in its calendar."""
        zone = self.rulebook.company.zone
        calendar = calendars.calendar_for(self.rulebook.calendars, self.rulebook.calendars.default, None, zone)
        return calendars.after(start, duration, calendar, zone)
