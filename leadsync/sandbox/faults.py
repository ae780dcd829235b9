"""The knobs that make the box misbehave, as the real services do on bad days. Chances are drawn from the seed, so a run
can be repeated exactly."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from leadsync.sandbox.schema import find_object
from leadsync.sandbox.store import DEFAULT_HISTORY, Store

RATES = ("503", "500", "429", "html", "timeout_before_apply", "timeout_after_apply", "reset", "lock_row", "token")
"""What can happen to a request with a chance. `lock_row` is drawn per written row; `token` is a 503 of the token endpoint."""

PROTECTIONS = ("requests", "time", "concurrency")
"""The limits of Dataverse's service protection: number of requests, execution time, requests at once."""

_MAX_HISTORY_FIELDS = 20


class Faults:
    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        self._random = Random(f"{seed}:faults")
        self.rate: dict[str, float] = {}
        self.expire_token_after: int | None = None
        self.assignment_rule_resets_owner = False
        self.hidden: frozenset[tuple[str, str]] = frozenset()
        self.validation_rules: tuple[Mapping[str, Any], ...] = ()
        self.api_limit: int | None = None
        self.delta_tokens_from = 0
        """The version below which delta tokens have expired."""
        self.protection: str | None = None
        self.retry_after = 1

    def set(self, given: Mapping[str, Any]) -> None:
        """Take over the knobs that are named; an empty mapping puts all back. ValueError for a knob that is unknown."""
        if not given:
            given = {
                "rate": {}, "expire_token_after": None, "late_commit_seconds": 0, "assignment_rule_resets_owner": False,
                "hide_field": [], "validation_rule": [], "api_limit": None, "history_fields": None,
                "expire_delta_tokens": False, "protection": None, "retry_after": 1,
            }  # fmt: skip
        for knob, value in given.items():
            match knob:
                case "rate":
                    self.rate = _rates(value)
                case "expire_token_after":
                    self.expire_token_after = value
                case "late_commit_seconds":
                    self._store.late_commit = timedelta(seconds=value or 0)
                case "assignment_rule_resets_owner":
                    self.assignment_rule_resets_owner = bool(value)
                case "hide_field":
                    self.hidden = frozenset(_field_named(name) for name in _several(value))
                case "validation_rule":
                    self.validation_rules = tuple(_several(value))
                case "api_limit":
                    self.api_limit = value
                case "history_fields":
                    self._store.history_fields = _history(value)
                case "expire_delta_tokens":
                    self._expire_delta_tokens(bool(value))
                case "protection":
                    if value not in (None, *PROTECTIONS):
                        raise ValueError(f"there is no protection {value}; known: {', '.join(PROTECTIONS)}")
                    self.protection = value
                case "retry_after":
                    self.retry_after = int(value)
                case _:
                    raise ValueError(f"there is no fault {knob}")

    def _expire_delta_tokens(self, expired: bool) -> None:
        """All delta tokens issued until now have expired; later ones are good."""
        if expired:
            # The next version is nobody's, so that a token issued from now on is told from the last one before.
            self._store.version += 1
        self.delta_tokens_from = self._store.version if expired else 0

    def drawn_protection(self) -> str:
        """Which of Dataverse's three limits a 429 is about: the one that was set, else one by chance."""
        return self.protection or self._random.choice(PROTECTIONS)

    def strikes(self, kind: str) -> bool:
        """Whether this fault happens now."""
        chance = self.rate.get(kind, 0.0)
        return chance > 0 and self._random.random() < chance

    def drawn(self) -> str | None:
        """The fault that befalls a request, or None."""
        return next((kind for kind in RATES if kind not in ("lock_row", "token") and self.strikes(kind)), None)


def _rates(value: Mapping[str, float]) -> dict[str, float]:
    unknown = set(value) - set(RATES)
    if unknown:
        raise ValueError(f"there is no rate {', '.join(sorted(unknown))}; known: {', '.join(RATES)}")
    return {kind: float(chance) for kind, chance in value.items()}


def _several(value: Any) -> Iterable[Any]:
    if value is None or value == "":
        return ()
    return value if isinstance(value, list) else (value,)


def _field_named(name: str) -> tuple[str, str]:
    object_name, _, field_name = name.partition(".")
    kind = find_object(object_name)
    field = kind.field(field_name) if kind else None
    if kind is None or field is None:
        raise ValueError(f"there is no field {name}")
    return kind.name, field.name


def _history(value: Iterable[str] | None) -> dict[str, tuple[str, ...]]:
    if value is None:
        return dict(DEFAULT_HISTORY)
    fields: dict[str, tuple[str, ...]] = {}
    for name in value:
        kind, field = _field_named(name)
        fields[kind] = (*fields.get(kind, ()), field)
        if len(fields[kind]) > _MAX_HISTORY_FIELDS:
            raise ValueError(f"{kind}: at most {_MAX_HISTORY_FIELDS} fields keep history")
    return fields
