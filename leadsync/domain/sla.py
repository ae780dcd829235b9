"""Clocks on people who wait: when they start, what stops and pauses them, and the rungs of their ladders."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from leadsync.domain.conditions import Condition
from leadsync.domain.durations import Duration

Act = Literal["reassign", "recycle", "crm_task"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder: at a share of the target or after a duration, tell somebody or do something."""

    at: float | Duration  # 0.5 is 50 % of the target
    tell: tuple[str, ...] = ()
    act: Act | None = None
    message: str = "overdue"


@dataclass(frozen=True, slots=True)
class ClockRule:
    """One clock of sla.yaml. `starts` is a stage or `hand_raised`; `met_when` None: leaving the stage stops it."""

    name: str
    label: str
    starts: str
    target: Duration
    calendar: str  # owner | pool | the name of a calendar
    met_when: Condition | None
    paused_when: Condition | None
    when_away: Literal["reassign", "wait", "run"]
    ladder: tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A title and a text with {words}; the words were checked at load."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """Who is told, and in which words."""

    tell: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Sla:
    """Everything sla.yaml says about clocks and telling; the agreement's text is kept as plain data for rendering."""

    clocks: Mapping[str, ClockRule]
    people_through: tuple[str, ...]
    instead: tuple[str, ...]
    digest_above: int
    managers_daily: str
    quiet_from: str | None
    quiet_to: str | None
    quiet_except: tuple[str, ...]
    if_unsure: Literal["resend", "hold"]
    queue_lead: str | None
    messages: Mapping[str, Message]
    notices: Mapping[str, NoticeRule]
    duties: Mapping[str, str] = field(default_factory=dict)
    agreement: Mapping[str, object] = field(default_factory=dict)
    goals: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clock:
    """One running or ended clock of one person.

    `kind` is `lead` (from stage entry, never reset) or `owner` (from assignment, carries the ladder). Its identity is
    (person_id, rule, kind, start_cause, owner_id); `due_at` is computed once when it starts and again only after a pause.
    `rungs_done` are indexes of the ladder whose escalation was decided. Paused time is business or elapsed minutes by the target's unit.
    """

    clock_id: str
    person_id: str
    rule: str
    kind: Literal["lead", "owner"]
    start_cause: str  # the transition or touch that started it, e.g. t:1234 or touch id
    owner_id: str | None
    calendar: str
    started_at: datetime
    due_at: datetime | None
    state: Literal["open", "met", "breached", "void", "backlog"]
    stopped_at: datetime | None = None
    paused_since: datetime | None = None
    paused_minutes: int = 0
    breached_at: datetime | None = None
    void_reason: str | None = None  # also on a breached clock that ended so
    followed_up: bool = False
    rungs_done: tuple[int, ...] = ()
    rung_times: tuple[datetime, ...] = ()  # when each rung of the ladder is due
