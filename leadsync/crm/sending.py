"""What the writers of all adapters share: which field a value goes to, what is urgent, how many go out together."""

from collections.abc import Callable, Iterator, Sequence

from leadsync.domain.effects import OutboxState, Outcome, WriteBack
from leadsync.domain.mapping import FieldMapping, ObjectMapping


def field_of(mapping: ObjectMapping, name: str) -> FieldMapping | None:
    """Return the mapping of a field by leadsync's name, `stage` and `owner` included."""
    match name:
        case "stage":
            return mapping.stage
        case "owner":
            return mapping.owner
        case _:
            return mapping.fields.get(name)


def is_urgent(write: WriteBack) -> bool:
    return write.priority in ("sla", "hand_raiser")


def all_alike(writes: Sequence[WriteBack], state: OutboxState, error: str, wait: float | None = None) -> list[Outcome]:
    return [Outcome(write.effect_id, state, error, wait) for write in writes]


def portions(places: Sequence[int], size: Callable[[], int], urgent: Callable[[int], bool]) -> Iterator[list[int]]:
    """Yield the places in portions, urgent ones first and apart, because they may spend what the others may not."""
    for group in ([place for place in places if urgent(place)], [place for place in places if not urgent(place)]):
        rest = group
        while rest:
            count = size()
            yield rest[:count]
            rest = rest[count:]
