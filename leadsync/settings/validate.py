"""One file's tree against its schema: every error at its place, with what is allowed there.

pydantic says what is wrong by path; here a path becomes a line and column, and its words become an operator's.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from leadsync.settings.loader import Node, Part
from leadsync.settings.problems import Place, Problems, allowed, did_you_mean
from leadsync.settings.schema.calendars import DAYS_PATTERN
from leadsync.settings.schema.crm import NATIVE_PATTERN
from leadsync.settings.schema.types import NAME_PATTERN, shown

Model = TypeVar("Model", bound=BaseModel)
_KEY = "[key]"
_PLAIN_WORDS: Mapping[str, str] = {
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list, [a, b]",
    "dict_type": "must be a block of keys",
    "model_type": "must be a block of keys",
    "model_attributes_type": "must be a block of keys",
    "too_short": "must not be empty",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
}


def validate(node: Node, model: type[Model], problems: Problems) -> Model | None:
    """Return the file's content in the shape of its model, or None after noting every error.

    Keys that nobody knows are noted, and then the rest is taken as it stands, so that what else is wrong
    is found in the same run.
    """
    plain = node.plain()
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        details = error.errors(include_url=False)
    seen: set[Place] = set()
    for detail in details:
        place = _place(node, detail["loc"])
        if place not in seen:
            seen.add(place)
            _note(node, model, detail, place, problems)
    if any(detail["type"] != "extra_forbidden" for detail in details):
        return None
    for detail in details:
        _drop(plain, _path(node, detail["loc"]))
    try:
        return model.model_validate(plain)
    except ValidationError:
        return None


def _path(node: Node, loc: Sequence[str | int]) -> tuple[Part, ...]:
    """Return the part of pydantic's path that exists in the file: tags of unions and short forms are not in it."""
    path: list[Part] = []
    for part in loc:
        if (inner := node.child(part)) is not None:
            path.append(part)
            node = inner
    return tuple(path)


def _place(node: Node, loc: Sequence[str | int]) -> Place:
    path = _path(node, loc)
    named = loc[-1] == _KEY or (path and path[-1] == loc[-1])
    if path and named and isinstance(path[-1], str):
        parent = node.at(*path[:-1])
        value = node.at(*path)
        # A wrong key is shown where the key stands, a wrong value where the value stands.
        return parent.key(path[-1]) if loc[-1] == _KEY else value.place
    return node.at(*path).place


def _note(node: Node, model: type[BaseModel], detail: ErrorDetails, place: Place, problems: Problems) -> None:
    kind, loc = detail["type"], detail["loc"]
    path = _path(node, loc)
    name = ".".join(str(part) for part in path)
    context = detail.get("ctx", {})
    match kind:
        case "extra_forbidden":
            parent, key = path[:-1], str(path[-1])
            known = _known_keys(model, tuple(str(part) for part in parent))
            where = f" under {'.'.join(map(str, parent))}" if parent else ""
            split = node.at(*path).value is None and " " in key
            problems.add(
                node.at(*parent).key(key),
                f'"{key}" is not a key{where}',
                "fix: a comma inside {...} begins a new key; put text that holds one in quotes" if split else "",
                did_you_mean(key, known),
                allowed(known) if not split else "",
            )
        case "missing":
            where = f"{name} needs" if name else "the file needs"
            problems.add(place, f'{where} the key "{loc[-1]}"', f"fix: add {loc[-1]}:")
        case "literal_error" | "enum":
            options = [
                option.strip(" '") for option in str(context.get("expected", "")).replace(" or ", ", ").split(",")
            ]
            problems.add(
                place,
                f"{name}: {shown(detail['input'])} is not possible here",
                did_you_mean(str(detail["input"]), options),
                allowed(options),
            )
        case "string_pattern_mismatch":
            problems.add(place, f"{name}: {shown(detail['input'])} is not written as it should be", _pattern(context))
        case "value":
            problems.add(place, f"{name}: {context['text']}")
        case _:
            words = _PLAIN_WORDS.get(kind)
            said = words.format(**context) if words else detail["msg"].lower()
            raw = detail["input"]
            quotes = kind == "string_type" and isinstance(raw, int | float)
            problems.add(
                place,
                f"{name}: {said}, not {shown(raw)}",
                f'fix: put it in quotes, "{shown(raw)}"' if quotes else "",
            )


_SPELLINGS: Mapping[str, str] = {
    NAME_PATTERN: "names are letters, digits and _, and begin with a letter",
    DAYS_PATTERN: "write a weekday such as mon, or several in a row such as mon-fri",
    NATIVE_PATTERN: "write an API name such as LeadSource, or a path such as RecordType.DeveloperName",
    "^[A-Z]{3}$": "write a code of three capital letters, such as EUR",
    "^[a-z]{2,3}$": "write a language code in small letters, such as en",
    "^([A-Z]{2}|owner)$": "write a country code of two capital letters, such as DE, or owner",
}


def _pattern(context: Mapping[str, Any]) -> str:
    pattern = str(context.get("pattern", ""))
    return _SPELLINGS.get(pattern, f"it must match {pattern}")


def _drop(plain: Any, path: tuple[Part, ...]) -> None:
    for part in path[:-1]:
        plain = plain[part]
    plain.pop(path[-1], None)


@lru_cache(maxsize=16)
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _known_keys(model: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    """Return the keys that the schema allows at a path, read from the schema itself."""
    root = _schema(model)
    level = _open(root, [root])
    for part in path:
        inner: list[dict[str, Any]] = []
        for schema in level:
            properties = schema.get("properties", {})
            any_key = [
                *schema.get("patternProperties", {}).values(),
                schema.get("additionalProperties"),
                schema.get("items"),
            ]
            found = [properties[part]] if part in properties else any_key
            inner += [schema for schema in found if isinstance(schema, dict)]
        level = _open(root, inner)
    return [key for schema in level for key in schema.get("properties", {})]


def _open(root: dict[str, Any], schemas: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the schemas that alternatives and references stand for."""
    opened: list[dict[str, Any]] = []
    todo = list(schemas)
    while todo:
        schema = todo.pop()
        if "$ref" in schema:
            todo.append(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]])
        todo.extend(schema.get("anyOf", []))
        opened.append(schema)
    return opened
