"""Stage changes in the past tense, what the law said of them, and the stays between them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from leadsync.domain.records import Ref

Source = Literal["history", "poll", "leadsync", "import"]
MASS = "bulk:"
MASS_CREATION = "bulk:births:"
"""How the names of mass changes by one person begin, and of those that create records."""

Verdict = Literal["adopted", "legal", "flagged", "reverted", "redirected", "coalesced", "unmapped"]


@dataclass(frozen=True, slots=True)
class Transition:
    """One stage change of one record. `from_stage`/`to_stage` are None for a value outside the mapping or a blank.

    `seq` orders transitions in the ledger, `at` is the CRM's instant (`at_exact` false: the best that was known),
    `coalesced` says that moves in between were not seen. The verdict fields are None until it was judged.
    """

    seq: int
    ref: Ref
    from_stage: str | None
    to_stage: str | None
    from_value: str | None
    to_value: str | None
    at: datetime
    at_exact: bool
    observed_at: datetime
    source: Source
    actor_id: str | None
    coalesced: bool = False
    reason: str | None = None  # the recycle reason's key, or `converted`
    verdict: Verdict | None = None
    actor_roles: tuple[str, ...] = ()
    correction: bool = False
    bulk_id: str | None = None
    why: str = ""
    released_at: datetime | None = None  # when somebody let the mass change go that it is part of
    imported: bool = False  # a move of the time before going live, which the law judges for information only

    @property
    def is_adopted(self) -> bool:
        """Say whether it is older than going live: it causes nothing."""
        return self.imported or self.verdict == "adopted"

    @property
    def is_held(self) -> bool:
        """Say whether it is part of a mass change that nobody has let go: it causes nothing (semantics.md B).

        Mass creations are not held, their doors drip. What an operator's job moved is never let go.
        """
        if self.bulk_id is None or self.bulk_id.startswith(MASS_CREATION):
            return False
        return self.released_at is None or self.at > self.released_at


@dataclass(frozen=True, slots=True)
class Judgement:
    """The law's word on one transition, with the reason in plain words."""

    seq: int
    verdict: Verdict
    actor_roles: tuple[str, ...]
    correction: bool
    why: str
    reason: str | None = None
    bulk_id: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A stay of one record in a stage; `left_at` None while it lasts."""

    ref: Ref
    stage: str | None
    entered_at: datetime
    left_at: datetime | None
    entered_exact: bool


def spans(transitions: Sequence[Transition], ended_at: datetime | None = None) -> tuple[Span, ...]:
    """Return the contiguous stays of one record from its transitions in order.

    A change between two values of one stage is no move. A correction undoes the move before it (semantics.md C): led back
    to the stay before, that one goes on as if never left; led elsewhere (a redirect), the record has been there since the
    wrong move. `ended_at` closes the last stay of a record that is no longer live.
    """
    stays: list[Span] = []
    for move in transitions:
        if move.correction and stays:
            wrong = stays.pop()
            if stays and stays[-1].stage == move.to_stage:
                stays[-1] = replace(stays[-1], left_at=None)
            else:
                stays.append(Span(move.ref, move.to_stage, wrong.entered_at, None, wrong.entered_exact))
            continue
        if stays and stays[-1].stage == move.to_stage:
            continue
        if stays:
            stays[-1] = replace(stays[-1], left_at=move.at)
        stays.append(Span(move.ref, move.to_stage, move.at, None, move.at_exact))
    if stays and ended_at is not None:
        stays[-1] = replace(stays[-1], left_at=ended_at)
    return tuple(stays)
