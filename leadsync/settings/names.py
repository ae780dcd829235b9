"""Which names each file offers to the others, read from the trees.

Taken from the trees and not from validated files, so that one bad line does not make every other file's use of its
file's names look wrong. A file that is no YAML at all offers None: nobody knows, so nothing is checked against it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from leadsync.settings.loader import Node

Known = tuple[str, ...] | None
Kind = Literal["text", "number", "date", "duration", "yes_no", "any"]

OWN_FIELDS: Mapping[str, str] = {
    "score": "number",
    "product": "text",
    "stage_entered_at": "datetime",
    "stage_age": "number",
    "disposition": "text",
    "recycle_reason": "text",
    "held_until": "datetime",
    "recycle_count": "number",
    "mql_count": "number",
    "first_mql_at": "datetime",
    "last_mql_at": "datetime",
    "sla_due_at": "datetime",
    "assignee": "user",
    "queue": "text",
    "brief": "text",
    "marketable": "yes_no",
    "misrouted": "yes_no",
    "operation": "text",
}
"""The fields that leadsync owns, with their types."""

FACTS: Mapping[str, Kind] = {
    "crm": "text",
    "object": "text",
    "stage": "text",
    "score": "number",
    "band": "text",
    "at_the_bar": "yes_no",
    "product": "text",
    "seniority": "text",
    "function": "text",
    "email_domain": "text",
    "free_mail": "yes_no",
    "language": "text",
    "territory": "text",
    "hand_raised": "yes_no",
    "inbound_touch": "yes_no",
    "last_inbound_at": "date",
    "attempts": "number",
    "answered": "yes_no",
    "in_stage_for": "duration",
    "recycle_count": "number",
    "reason": "text",
    "reason_class": "text",
    "cooling": "yes_no",
    "in_open_deal": "yes_no",
    "outcome": "text",
    "owner_kind": "text",
    "twin": "yes_no",
    "left_stage": "yes_no",
}
"""What rules may ask about a person besides mapped fields."""

MAPPED_FACTS = frozenset({"score", "product", "recycle_count", "language"})
"""Facts that a mapped field may carry too."""

_KINDS: Mapping[str, Kind] = {"number": "number", "date": "date", "datetime": "date", "yes_no": "yes_no"}


@dataclass(frozen=True, slots=True)
class Trees:
    """The parsed files; None stands for a file that is missing or no YAML."""

    config: Node | None
    funnel: Node | None
    scoring: Node | None
    routing: Node | None
    sla: Node | None
    calendars: Node | None
    crms: Mapping[str, Node | None]


@dataclass(frozen=True, slots=True)
class Names:
    """Names by what they name; None when the file that offers them cannot be read."""

    stages: Known
    roles: Mapping[str, str]
    unrouted: frozenset[str]
    conditions: Known
    reasons: Known
    classes: Known
    bands: Known
    products: Known
    seniority: Known
    functions: Known
    touch_channels: Known
    investments: Known
    responses: Known
    territories: Known
    lists: Known
    rule_lists: Known
    pools: Known
    clocks: Known
    messages: Known
    calendars: Known
    crms: Known
    channels: Known
    actors: Known
    nurture: Known
    fields: Mapping[str, Kind] | None
    account_fields: Mapping[str, Kind] | None
    spelled: Mapping[str, str]
    """Names of fields that people write in many ways, and what they are: country or state."""


def collect(trees: Trees) -> Names:
    """Return every name that the files offer."""
    matrix = ("behavioural", "matrix")
    channels = keys(trees.config, "channels")
    return Names(
        stages=keys(trees.funnel, "stages"),
        roles=_roles(trees.funnel),
        unrouted=_unrouted(trees.funnel),
        conditions=keys(trees.funnel, "conditions"),
        reasons=keys(trees.funnel, "recycle", "reasons"),
        classes=keys(trees.funnel, "recycle", "classes"),
        bands=keys(trees.scoring, "bands"),
        products=keys(trees.scoring, "products"),
        seniority=keys(trees.scoring, "titles", "seniority"),
        functions=keys(trees.scoring, "titles", "function"),
        touch_channels=_second_level(trees.scoring, *matrix),
        investments=keys(trees.scoring, *matrix),
        responses=_texts(trees.scoring, "behavioural", "responses"),
        territories=keys(trees.routing, "territories"),
        lists=keys(trees.routing, "lists"),
        rule_lists=keys(trees.routing, "rules"),
        pools=keys(trees.routing, "pools"),
        clocks=keys(trees.sla, "clocks"),
        messages=keys(trees.sla, "messages"),
        calendars=keys(trees.calendars, "calendars"),
        crms=keys(trees.config, "crms"),
        channels=None if channels is None else _unique((*channels, "log")),
        actors=_all(trees.crms.values(), "actors"),
        nurture=_all(trees.crms.values(), "nurture"),
        fields=_fields(trees.crms.values(), ("fields",), ("lead", "fields"), ("contact", "fields")),
        account_fields=_fields(trees.crms.values(), ("account", "fields")),
        spelled=_spelled(trees.crms.values()),
    )


def keys(tree: Node | None, *path: str) -> Known:
    """Return the keys of the block at a path, None without a tree."""
    if tree is None:
        return None
    return tuple(key for key, _ in tree.find(*path).items())


def field_kinds(tree: Node, *paths: tuple[str, ...]) -> dict[str, Kind]:
    """Return the fields that the blocks at these paths map, with the kind of value each has."""
    kinds: dict[str, Kind] = {}
    for path in paths:
        for name, spec in tree.find(*path).items():
            given = spec.child("type")
            native = OWN_FIELDS.get(name) or (given.value if given else "text")
            kinds[name] = _KINDS.get(str(native), "text")
    return kinds


def _roles(tree: Node | None) -> Mapping[str, str]:
    stages = tree.find("stages").items() if tree else ()
    return {name: str(stage.find("role").value) for name, stage in stages}


def _unrouted(tree: Node | None) -> frozenset[str]:
    stages = tree.find("stages").items() if tree else ()
    return frozenset(name for name, stage in stages if stage.find("routed").value is not True)


def _texts(tree: Node | None, *path: str) -> Known:
    return None if tree is None else tuple(str(part.value) for part in tree.find(*path).parts())


def _second_level(tree: Node | None, *path: str) -> Known:
    if tree is None:
        return None
    return _unique(key for _, block in tree.find(*path).items() for key, _ in block.items())


def _all(trees: Collection[Node | None], *path: str) -> Known:
    found = [keys(tree, *path) for tree in trees]
    if not found or any(names is None for names in found):
        return None
    return _unique(name for names in found for name in names or ())


def _fields(trees: Collection[Node | None], *paths: tuple[str, ...]) -> Mapping[str, Kind] | None:
    kinds: dict[str, Kind] = {}
    if not trees:
        return None
    for tree in trees:
        if tree is None:
            return None
        for name, kind in field_kinds(tree, *paths).items():
            kinds[name] = kind if kinds.get(name, kind) == kind else "any"
    return kinds


def _spelled(trees: Iterable[Node | None]) -> dict[str, str]:
    found: dict[str, str] = {}
    for tree in trees:
        for prefix, *path in (
            ("", "fields"),
            ("", "lead", "fields"),
            ("", "contact", "fields"),
            ("account.", "account", "fields"),
        ):
            for name, spec in tree.find(*path).items() if tree else ():
                kind = str(spec.find("type").value)
                if kind in ("country", "state"):
                    found[prefix + name] = kind
    return found


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
