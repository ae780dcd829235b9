"""Everything in mappings/, validated and immutable, named by its hash."""

from collections.abc import Mapping
from dataclasses import dataclass

from leadsync.domain.calendars import Calendars
from leadsync.domain.conditions import Condition
from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.routing import Routing
from leadsync.domain.scoring import Scoring
from leadsync.domain.sla import Sla


@dataclass(frozen=True, slots=True)
class Company:
    """The company whose days, periods and cool-downs are cut in `zone`."""

    name: str
    zone: str
    fiscal_year_starts: int = 1  # month


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What the business wants. `hash` covers every byte of the files it came from."""

    hash: str
    company: Company
    conditions: Mapping[str, Condition]
    law: FunnelLaw
    scoring: Scoring
    routing: Routing
    sla: Sla
    calendars: Calendars
    mappings: Mapping[str, CrmMapping]  # by the CRM's name in config
