"""Is a person's line the truth? `v_spans` against where the CRM says that each of the person's records stood.

Instants are ISO text in whole seconds, which sorts as they do, and nothing changes between two of them: so the line is asked
at every instant at which anything changed. Worked out anew from semantics.md C, not with the ledger's own functions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from leadsync.domain.instants import from_text

CARRIED = timedelta(hours=24)
"""How long after a conversion the contact's first stage may come and still date from the conversion."""


@dataclass(frozen=True, slots=True)
class Step:
    """A record came into a stage; `correction` says that the law takes the step before it for never done."""

    at: str
    stage: str | None
    correction: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """One record as the CRM knows it: its steps in order, its end, and the leads (when, their last stage) that became it.

    `dated` False: readers are not told when it ended, so a line may go on until somebody looked.
    """

    object: str
    id: str
    born: str
    steps: tuple[Step, ...]
    ended: str | None = None
    conversions: tuple[tuple[str, str | None], ...] = ()
    dated: bool = True

    def place(self, at: str) -> int:
        """Return which step is in force at an instant, -1 before the first."""
        return sum(1 for step in self.steps if step.at <= at) - 1

    def stage(self, at: str) -> str | None:
        """Return the stage that counts at an instant: that of the correction, where one followed."""
        place = self.place(at)
        while place + 1 < len(self.steps) and place >= 0 and self.steps[place + 1].correction:
            place += 1
        return self.steps[place].stage if place >= 0 else None

    def is_alive(self, at: str) -> bool:
        """Say whether the record could speak for its person."""
        return self.born <= at and (self.ended is None or at < self.ended)


@dataclass(frozen=True, slots=True)
class Stay:
    """One row of `v_spans`."""

    stage: str | None
    entered_at: str
    left_at: str | None
    pass_number: int


def torn(line: Sequence[Stay]) -> Iterator[str]:
    """Yield where a line overlaps itself or runs backwards; gaps are `untrue` where somebody was alive in them."""
    for stay, following in pairwise(line):
        if stay.left_at is None or stay.left_at > following.entered_at:
            yield f"{stay.stage} until {stay.left_at} overlaps {following.stage} since {following.entered_at}"
    for stay in line:
        if stay.left_at is not None and stay.left_at < stay.entered_at:
            yield f"{stay.stage} ends at {stay.left_at} before it begins at {stay.entered_at}"


def untrue(line: Sequence[Stay], lives: Sequence[Life], ranks: Mapping[str, int]) -> Iterator[str]:
    """Yield the instants at which a line tells another stage than the truth; `ranks` are those of the funnel's stages."""
    edges = {step.at for life in lives for step in life.steps} | {life.born for life in lives}
    edges |= {life.ended for life in lives if life.ended} | {at for life in lives for at, _ in life.conversions}
    before: frozenset[str | None] = frozenset()
    for at in sorted(edges):
        told = [stay.stage for stay in line if stay.entered_at <= at and (stay.left_at is None or at < stay.left_at)]
        alive = [life for life in lives if life.is_alive(at)]
        if not alive:
            if told and all(life.dated for life in lives):
                yield f"{at}: the line tells {told}, but no record is left"
            continue
        speaker = min(alive, key=lambda life: _precedence(life, at, ranks))
        allowed = _carried(speaker, at, before) or frozenset({speaker.stage(at)})
        if len(told) != 1 or told[0] not in allowed:
            yield f"{at}: the line tells {told}, truth {sorted(map(str, allowed))} by {speaker.object} {speaker.id}"
        before = allowed


def _precedence(life: Life, at: str, ranks: Mapping[str, int]) -> tuple[bool, bool, int, str, str]:
    stage = life.stage(at)
    return (stage is None, life.object != "contact", -ranks.get(stage or "", -1), life.born, life.id)


def _carried(life: Life, at: str, before: frozenset[str | None]) -> frozenset[str | None]:
    """Return what a contact's blank after a conversion may stand for: the stage so far, or the one that soon follows it.

    A lead that was converted in the second of its birth has no stay that could go on. A status that stands for no stage
    says as little as a blank.
    """
    place = life.place(at)
    since = life.born
    for step in life.steps[: place + 1]:
        if step.stage is not None:
            since = step.at
    carried = [(when, stage) for when, stage in life.conversions if since <= when <= at]
    if life.stage(at) is not None or not carried or life.stage(carried[-1][0]) is not None:
        return frozenset()
    when, stage = carried[-1]
    later = [step for step in life.steps[place + 1 :] if step.stage is not None]
    soon = {
        step.stage for step in later if step.at == later[0].at and from_text(step.at) - from_text(when) <= CARRIED
    }  # the last of a second is the one that lasted
    return frozenset({*(before or {None}), stage, *soon})


def misnumbered(line: Sequence[Stay], inside: frozenset[str], ends: frozenset[str]) -> Iterator[str]:
    """Yield stays with the wrong pass: one lasts from entering the funnel to the next recycle or exit (semantics.md H)."""
    number, running = 0, False
    for stay in line:
        if stay.stage in inside and not running:
            number, running = number + 1, True
        elif stay.stage in ends:
            running = False
        if stay.pass_number != number:
            yield f"{stay.stage} since {stay.entered_at} counts for pass {stay.pass_number} and belongs to {number}"
