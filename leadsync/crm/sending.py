"""What the writers of all adapters share: what is urgent, how many go out together, what silence means."""

from collections.abc import Callable, Iterator, Sequence

from leadsync.domain.effects import Membership, OutboxState, Outcome, WriteBack
from leadsync.errors import CrmAuthFailed, CrmBudgetExhausted, CrmUnavailable, LeadsyncError, OutcomeUnknown

BUDGET_PAUSE = 900.0
UNREACHABLE_PAUSE = 30.0
SESSION_PAUSE = 60.0
"""Seconds until the next attempt, where nobody says how long to wait."""


def is_urgent(write: WriteBack) -> bool:
    return write.priority in ("sla", "hand_raiser")


def all_alike(
    wishes: Sequence[WriteBack | Membership], state: OutboxState, error: str, wait: float | None = None
) -> list[Outcome]:
    return [Outcome(wish.effect_id, state, error, wait) for wish in wishes]


def unanswered(writes: Sequence[WriteBack], error: LeadsyncError) -> list[Outcome]:
    """Return what a request without an answer means for each of its writes."""
    match error:
        case OutcomeUnknown():
            return all_alike(writes, "unknown", "NO_ANSWER")
        case CrmBudgetExhausted():
            return all_alike(writes, "pending", "BUDGET", error.retry_after or BUDGET_PAUSE)
        case CrmUnavailable():
            return all_alike(writes, "pending", "UNREACHABLE", error.retry_after or UNREACHABLE_PAUSE)
        case CrmAuthFailed():
            return all_alike(writes, "pending", "CREDENTIALS_REFUSED", SESSION_PAUSE)
        case _:
            return all_alike(writes, "pending", "NOT_SENT", UNREACHABLE_PAUSE)


def portions(places: Sequence[int], size: Callable[[], int], urgent: Callable[[int], bool]) -> Iterator[list[int]]:
    """Yield the places in portions, urgent ones first and apart, because they may spend what the others may not."""
    for group in ([place for place in places if urgent(place)], [place for place in places if not urgent(place)]):
        rest = group
        while rest:
            count = size()
            yield rest[:count]
            rest = rest[count:]
