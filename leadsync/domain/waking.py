"""When to look at a person again although the CRM shows nothing new (design.md 3, `wake_at`)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from leadsync.domain.births import doubtful_from
from leadsync.domain.conditions import next_change
from leadsync.domain.facts import next_touch_at
from leadsync.domain.fading import next_score_change
from leadsync.domain.standing import Standing

LOOK_AT_DEALS = timedelta(hours=1)
"""How often it is asked whether the deal of an account still guards its people."""


def wake_at(standing: Standing, clocks_at: datetime | None) -> datetime | None:
    """Return the earliest moment at which the decision on a person could change by time alone; None for who is gone.

    `clocks_at` is what the person's clocks ask for.
    """
    if not standing.is_alive:
        return None
    now = standing.grounds.now
    moments = [clocks_at, next_touch_at(standing.situation.touches, now), doubtful_at(standing)]
    if standing.is_new:
        moments += _of_rules(standing)
    return min((at for at in moments if at is not None and at > now), default=None)


def doubtful_at(standing: Standing) -> datetime | None:
    """Return from when a lead counts as claiming an interaction that nobody knows of, None for all others."""
    return doubtful_from(standing.record, standing.stage, standing.facts, standing.grounds)


def _of_rules(standing: Standing) -> Iterator[datetime | None]:
    """Yield when a hold ends, a score is worth writing or reaches the bar, and an automatic rule may turn."""
    grounds, stage = standing.grounds, standing.stage
    scoring, law = grounds.rulebook.scoring, grounds.law
    if standing.hold is not None:
        yield standing.hold.until
    if standing.guarding_deal is not None and standing.deals.open is None:
        # Nothing of the person changes when somebody else's deal ends.
        yield grounds.now + LOOK_AT_DEALS
    if stage is None:
        return
    if stage.scored:
        shown = standing.record.fields.get("score")
        last = int(shown) if isinstance(shown, (int, float)) else standing.score.whole
        yield next_score_change(scoring, standing.facts, standing.touches, grounds.now, last_whole=last)
    if stage.role in ("recycle", "exit") and law.basis == "fresh":
        since = standing.stay.entered_at
        yield next_score_change(
            scoring, standing.facts, standing.touches, grounds.now, last_whole=standing.basis.whole, since=since
        )
    for rule in law.automatic:
        if stage.name in rule.froms:
            yield next_change(rule.when, standing.facts)
