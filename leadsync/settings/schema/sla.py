"""The shape of mappings/sla.yaml: clocks, telling, messages, the agreement and the goals."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from leadsync.domain.durations import Duration
from leadsync.settings.schema.types import (
    DURATION_PATTERN,
    Block,
    Condition,
    Count,
    DayText,
    Name,
    Names,
    PartText,
    PeriodText,
    TargetText,
    Text,
    Texts,
    TimeText,
    positive_duration,
    share,
)

Notice = Literal["put_back", "reason_missing", "hand_raised_again", "hand_raised_in_deal", "untouched"]


def _at(raw: Any) -> float | Duration:
    if isinstance(raw, str) and raw.strip().endswith("%"):
        return share(raw)
    return positive_duration(raw)


class RungSpec(Block):
    """One step of a ladder."""

    at: Annotated[
        Any,
        PlainValidator(_at),
        WithJsonSchema({"type": "string", "pattern": rf"^\d+(\.\d+)?\s*%$|{DURATION_PATTERN}"}),
    ]
    """How much of the target is gone, or a time."""
    tell: Names = ()
    """Whom: owner manager pool_lead queue_lead deal_owner actor, or a channel."""
    act: Literal["reassign", "recycle", "crm_task"] | None = None
    """What leadsync does."""
    message: Name = "overdue"
    """The words, below."""


class ClockSpec(Block):
    """One clock."""

    label: Text
    """What people call it."""
    starts: Name
    """A stage, or hand_raised."""
    target: TargetText
    """24h, 60d: on the clock on the wall; business hours and days: in the calendar."""
    calendar: Name = "pool"
    """owner, pool, or a calendar of calendars.yaml."""
    met_when: Condition
    """What stops it; left_stage: leaving the stage alone."""
    paused_when: Condition = None
    """Time does not count while this holds."""
    when_away: Literal["reassign", "wait", "run"] = "reassign"
    """An owner away for longer than what is left."""
    ladder: Annotated[tuple[RungSpec, ...], Field(strict=False)] = ()
    """What happens when nobody acts."""


class QuietHours(Block):
    """Messages wait, clocks run; in the time zone of whoever is told."""

    from_: TimeText = Field(alias="from")
    """Begin."""
    to: TimeText
    """End."""
    except_: Annotated[tuple[Name, ...], Field(strict=False)] = Field(default=(), alias="except")
    """Clocks that tell at any time."""


class Telling(Block):
    """How people are reached."""

    people_through: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]
    """How owner, manager, pool_lead and deal_owner are reached."""
    instead: Annotated[tuple[Name, ...], Field(strict=False)] = ("pool_lead",)
    """Nobody there, or away: the first of these, at the end the alerts channel."""
    digest_above: Count = 10
    """More messages than this for one person at once become one."""
    managers_daily: TimeText = Field(default="08:30", validate_default=True)
    """Open breaches and backlog, in the manager's time."""
    quiet_hours: QuietHours | None = None
    """When messages wait."""
    if_unsure: Literal["resend", "hold"] = "resend"
    """A message of unknown fate."""
    queue_lead: Text | None = None
    """Who is told about people whom a queue owns."""


class MessageSpec(Block):
    """A title and a text; {words} in braces are filled in."""

    title: Text
    """One line."""
    text: Text
    """The rest."""


class NoticeSpec(Block):
    """Who is told, in which words."""

    tell: Names
    """Whom."""
    message: Name
    """The words."""


class Signatory(Block):
    """Who signed."""

    name: Text
    """The person."""
    role: Text
    """What they answer for."""
    signed: DayText
    """When."""


class Agreement(Block):
    """What sales and marketing have signed; `leadsync agreement` prints it."""

    title: Text = "Service level agreement between marketing and sales"
    """The heading."""
    parties: dict[str, Text] = Field(default_factory=dict)
    """Who agrees."""
    owner: Text | None = None
    """Who keeps it up to date."""
    reviewed: DayText | None = None
    """The last review with both sides in one room."""
    next_review: DayText | None = None
    """Overdue: an alert once a week."""
    score_tweak_every: TargetText | None = None
    """How often the points are tweaked."""
    duties: dict[Name, Text] = Field(default_factory=dict)
    """Per stage, in plain words; {what_to_do} in messages."""
    training: Text | None = None
    """How new people learn it."""
    maintenance: Text | None = None
    """How often what is changed."""
    metrics: Texts = ()
    """What both sides look at."""
    signatories: Annotated[tuple[Signatory, ...], Field(strict=False)] = ()
    """Who signed."""


Money = Annotated[float, Field(gt=0, le=1_000_000_000_000_000)]


class Segment(Block):
    """A part of the market with its own target."""

    name: Text
    """What people call it."""
    when: Condition = None
    """Who belongs to it; left out only for the last."""
    revenue: Money
    """The target."""
    acv: Money
    """What one deal is worth a year."""
    rates: dict[Name, PartText] = Field(default_factory=dict)
    """Share of each stage that gets to the next; used only where history is too short."""


class Goals(Block):
    """The revenue target that `leadsync report goals` works back from."""

    period: PeriodText
    """First and last day."""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    """ISO code."""
    marketing_share: PartText
    """Of the revenue that marketing shall bring."""
    segments: Annotated[tuple[Segment, ...], Field(strict=False, min_length=1)]
    """The first that fits; together they are the whole."""


class SlaFile(Block):
    """Clocks on people who wait, and the agreement."""

    clocks: dict[Name, ClockSpec]
    """Clocks by name."""
    telling: Telling
    """How people are reached."""
    messages: Annotated[dict[Name, MessageSpec], Field(min_length=1)]
    """Words by name."""
    notices: dict[Notice, NoticeSpec] = Field(default_factory=dict)
    """What else is told, to whom."""
    agreement: Agreement = Field(default_factory=Agreement)
    """What sales and marketing have signed."""
    goals: Goals | None = None
    """The revenue target."""
