"""The one condition language: YAML in, trees of `domain.conditions` out.

Which names may be asked depends on where the question stands: a `Vocabulary` says so. Problems are noted and a condition that always holds stands in, since no rules are loaded then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leadsync.domain.conditions import ALWAYS, All, AnyOf, Condition, Named, Not, Operand, Test, fold
from leadsync.domain.conditions import names as asked
from leadsync.domain.countries import country_code
from leadsync.domain.durations import Duration, parse_duration
from leadsync.domain.instants import from_text
from leadsync.domain.records import Value
from leadsync.domain.states import state_named
from leadsync.settings.loader import Node
from leadsync.settings.names import Kind, Known
from leadsync.settings.problems import Place, Problems
from leadsync.settings.schema.types import is_too_long, shown
from leadsync.settings.vocabulary import Asked, Vocabulary

ORDER = ("at_least", "at_most", "more_than", "less_than")
PARTS = ("contains", "starts_with", "ends_with")
AGES = ("within", "older_than")
OPERATORS = (*ORDER, *PARTS, "in_list", *AGES, "filled")
LOGIC = ("all", "any", "not")


@dataclass(slots=True)
class Conditions:
    """Builds conditions; `lists` are the values behind in_list, `blocks` the named conditions as written."""

    problems: Problems
    people: Vocabulary
    lists: Mapping[str, frozenset[str]]
    list_names: Known
    blocks: Mapping[str, Node]
    _named: dict[str, Condition] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def person(self, node: Node | None, without: Sequence[str] = (), because: str = "") -> Condition | None:
        """Return a condition on a person, None when nothing is written.

        `without` are names that cannot be asked here, not even through a named condition.
        """
        if node is None or node.value is None:
            return None
        condition = self.build(node, self.people)
        for name in sorted(asked(condition) & set(without)):
            self.problems.add(node.place, f'"{name}" cannot be asked here: {because}')
        return condition

    def other(self, node: Node | None, vocabulary: Vocabulary) -> Condition | None:
        """Return a condition on something else than a person, None when nothing is written."""
        return None if node is None or node.value is None else self.build(node, vocabulary)

    def named(self, name: str, place: Place) -> Condition:
        """Return a named condition; one that leads back to itself is a problem."""
        if name in self._open:
            circle = " > ".join((*self._open[self._open.index(name) :], name))
            self.problems.add(place, f"the condition leads back to itself: {circle}")
            return ALWAYS
        if name not in self._named:
            self._open.append(name)
            self._named[name] = Named(name, self.build(self.blocks[name], self.people))
            self._open.pop()
        return self._named[name]

    def build(self, node: Node, vocabulary: Vocabulary) -> Condition:
        """Return the condition that a node says."""
        match node.value:
            case str(name):
                return self._bare(name, node.place, vocabulary)
            case tuple():
                self.problems.add(
                    node.place,
                    "conditions stand in a bare list: nobody can tell whether all or any of them must hold",
                    "fix: write {all: [...]} or {any: [...]}",
                )
            case Mapping() as entries if entries:
                parts = tuple(self._entry(key, node.key(key), inner, vocabulary) for key, inner in entries.items())
                return parts[0] if len(parts) == 1 else All(parts)
            case _:
                self.problems.add(
                    node.place, f"a condition is a name, or a block such as country: DE, not {shown(node.plain())}"
                )
        return ALWAYS

    def _entry(self, key: str, place: Place, node: Node, vocabulary: Vocabulary) -> Condition:
        match key:
            case "all" | "any":
                if not isinstance(node.value, tuple) or not node.value:
                    self.problems.add(node.place, f"{key}: needs a list of conditions", f"fix: write {key}: [..., ...]")
                    return ALWAYS
                parts = tuple(self.build(part, vocabulary) for part in node.value)
                return All(parts) if key == "all" else AnyOf(parts)
            case "not":
                return Not(self.build(node, vocabulary))
            case _:
                return self._about(key, place, node, vocabulary)

    def _bare(self, name: str, place: Place, vocabulary: Vocabulary) -> Condition:
        if vocabulary.conditions and name in self.blocks:
            return self.named(name, place)
        self._known(name, place, vocabulary)
        return Test(name, "yes")

    def _known(self, name: str, place: Place, vocabulary: Vocabulary) -> Asked:
        if name in vocabulary.names:
            return vocabulary.names[name]
        if vocabulary.whole and not vocabulary.free:
            known = (*vocabulary.names, *(self.blocks if vocabulary.conditions else ()))
            if name in OPERATORS:
                self.problems.add(
                    place, f'"{name}" is an operator and needs a name before it', f"fix: write name: {{{name}: ...}}"
                )
            else:
                self.problems.unknown(place, vocabulary.what, name, known)
        return Asked("any")

    def _about(self, name: str, place: Place, node: Node, vocabulary: Vocabulary) -> Condition:
        if vocabulary.conditions and name in self.blocks:
            if not isinstance(node.value, bool):
                self.problems.add(
                    node.place, f'"{name}" is a condition: it is true or false, not {shown(node.plain())}'
                )
            named = self.named(name, place)
            return named if node.value is not False else Not(named)
        about = self._known(name, place, vocabulary)
        match node.value:
            case bool(wanted):
                if about.kind not in ("yes_no", "any"):
                    self.problems.add(
                        node.place,
                        f'"{name}" is not a yes/no field',
                        f"fix: to ask whether it is filled, write {name}: {{filled: {str(wanted).lower()}}}",
                    )
                return Test(name, "yes") if wanted else Not(Test(name, "yes"))
            case Mapping() as operators if operators:
                tests = tuple(
                    self._operator(name, operator, node.key(operator), inner, about)
                    for operator, inner in operators.items()
                )
                return tests[0] if len(tests) == 1 else All(tests)
            case tuple(parts) if parts:
                return Test(name, "equals", tuple(form for part in parts for form in self._forms(name, part, about)))
            case str() | int() | float():
                forms = self._forms(name, node, about)
                return Test(name, "equals", forms[0] if len(forms) == 1 else forms)
            case _:
                self.problems.add(
                    node.place,
                    f'"{name}" is compared with nothing',
                    f"fix: to ask whether it is empty, write {name}: {{filled: false}}",
                )
                return ALWAYS

    def _operator(self, name: str, operator: str, place: Place, node: Node, about: Asked) -> Condition:
        match operator:
            case "filled":
                if not isinstance(node.value, bool):
                    self.problems.add(node.place, f"filled: is true or false, not {shown(node.plain())}")
                return Test(name, "filled", node.value is True)
            case "in_list":
                self._kind(name, place, operator, about, "text")
                return Test(name, "in_list", self._list(node))
            case "within" | "older_than":
                self._kind(name, place, operator, about, "date")
                return Test(name, operator, self._duration(node))
            case "contains" | "starts_with" | "ends_with":
                self._kind(name, place, operator, about, "text")
                texts = tuple(self._text(part) for part in node.parts())
                if not texts:
                    self.problems.add(node.place, f"{operator}: needs a text or a list of texts")
                return Test(name, operator, texts if isinstance(node.value, tuple) else "".join(texts))
            case "at_least" | "at_most" | "more_than" | "less_than":
                return Test(name, operator, self._bound(name, operator, node, about))
            case _:
                self.problems.unknown(place, "the operator", operator, OPERATORS)
                return ALWAYS

    def _kind(self, name: str, place: Place, operator: str, about: Asked, *kinds: Kind) -> None:
        if about.kind not in (*kinds, "any"):
            self.problems.add(
                place, f'{operator} asks for a {" or ".join(kinds)}, but "{name}" is a {_WORD[about.kind]}'
            )

    def _forms(self, name: str, node: Node, about: Asked) -> tuple[Value, ...]:
        """Return what a fact may be to equal a value: a country or state as it is written here, and by its code."""
        value = self._equal(name, node, about)
        code = _code(str(node.value), about)
        return (value,) if code is None or fold(code) == value else (value, fold(code))

    def _equal(self, name: str, node: Node, about: Asked) -> Value:
        value = node.value
        match about.kind:
            case "yes_no":
                self.problems.add(node.place, f'"{name}" is true or false, not {shown(node.plain())}')
            case "duration":
                self.problems.add(
                    node.place, f'"{name}" is a length of time', f"fix: write {name}: {{at_least: 3 business days}}"
                )
            case "number" if not _is_number(value):
                self._not_a_number(name, node)
            case "date":
                return self._instant(name, node)
            case "text" if not isinstance(value, str):
                self._not_a_text(name, node)
        if isinstance(value, str):
            if about.values is not None and fold(value) not in {fold(known) for known in about.values}:
                self.problems.unknown(node.place, f"the {name}", value, about.values)
            return fold(value)
        if _is_number(value):
            return value  # type: ignore[return-value]
        if about.kind == "any":
            self._not_a_text(name, node)
        return None

    def _bound(self, name: str, operator: str, node: Node, about: Asked) -> Operand:
        match about.kind:
            case "yes_no":
                self.problems.add(node.place, f'"{name}" is true or false: {operator} says nothing of it')
            case "duration":
                return self._duration(node)
            case "number":
                if not _is_number(node.value):
                    self._not_a_number(name, node)
                return node.value if _is_number(node.value) else None  # type: ignore[return-value]
            case "date":
                found = _duration_of(node.value)
                return found if found else self._instant(name, node)
            case "text":
                if not isinstance(node.value, str):
                    self._not_a_text(name, node)
                return fold(str(node.value))
            case "any":
                if isinstance(node.value, str):
                    return _duration_of(node.value) or fold(node.value)
                if _is_number(node.value):
                    return node.value  # type: ignore[return-value]
                self._not_a_text(name, node)
        return None

    def _instant(self, name: str, node: Node) -> Value:
        try:
            from_text(str(node.value))
        except (ValueError, OverflowError):
            self.problems.add(
                node.place,
                f'"{name}" is a date, not {shown(node.plain())}',
                "fix: write a day such as 2026-12-24, or an age such as {older_than: 90d}",
            )
        return fold(str(node.value))

    def _duration(self, node: Node) -> Operand:
        found = _duration_of(node.value)
        if found is None:
            self.problems.add(
                node.place,
                f"{shown(node.plain())} is not a duration",
                "fix: write 30s, 15m, 24h, 60d, 1 business hour or 3 business days",
            )
        return found

    def _text(self, node: Node) -> str:
        if not isinstance(node.value, str) or not node.value.strip():
            self.problems.add(
                node.place, f"{shown(node.plain())} is not a text", "fix: write a text, numbers in quotes"
            )
            return ""
        return fold(node.value)

    def _list(self, node: Node) -> tuple[Value, ...]:
        if not isinstance(node.value, str):
            self.problems.add(node.place, f"in_list: is the name of a list in routing.yaml, not {shown(node.plain())}")
        elif self.list_names is not None and node.value not in self.list_names:
            self.problems.unknown(node.place, "the list", node.value, self.list_names)
        else:
            return tuple(sorted(self.lists.get(node.value, ())))
        return ()

    def _not_a_number(self, name: str, node: Node) -> None:
        unquote = isinstance(node.value, str) and node.value.strip().replace(".", "", 1).isdigit()
        self.problems.add(
            node.place,
            f'"{name}" is a number, not {shown(node.plain())}',
            "fix: write the number without quotes" if unquote else "",
        )

    def _not_a_text(self, name: str, node: Node) -> None:
        self.problems.add(
            node.place,
            f'"{name}" is compared with a text, not with {shown(node.plain())}',
            f'fix: write it in quotes, "{node.value}"' if _is_number(node.value) else "",
        )


_WORD: Mapping[Kind, str] = {
    "text": "text",
    "number": "number",
    "date": "date",
    "duration": "length of time",
    "yes_no": "yes/no field",
    "any": "value",
}


def _code(text: str, about: Asked) -> str | None:
    """Return the code of a country or state, None for what names none and for every other kind of value."""
    match about.spelled:
        case "country":
            return country_code(text)
        case "state":
            return state_named(text)
        case _:
            return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _duration_of(value: object) -> Duration | None:
    try:
        found = parse_duration(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if found is None or is_too_long(found) else found
