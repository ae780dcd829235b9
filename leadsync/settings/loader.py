"""Bytes of one YAML file into a tree whose every value and key knows its line and column.

Scalars are YAML 1.2 with text as the rule: `NO` is Norway, `08:30` a time of day, `0123` a postal code. What makes
files hard to review is refused: anchors, aliases, tags, merge keys, repeated keys, deep nesting. Which keys and values
a file may hold is the business of `schema`.
"""

import io
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from leadsync.settings.problems import Place, Problems

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
END = "..."

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)?\.?[0-9]+([eE][-+]?[0-9]{1,3})?|[-+]?[0-9]+\.([eE][-+]?[0-9]{1,3})?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}

Scalar = str | int | float | bool | None
Part = str | int
Plain = Scalar | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value of a file with its place: a scalar, a list of nodes, or nodes by key (`keys` holds the keys' places)."""

    place: Place
    value: "Scalar | tuple[Node, ...] | Mapping[str, Node]"
    keys: Mapping[str, Place]

    def items(self) -> "tuple[tuple[str, Node], ...]":
        """Return the entries of a block, nothing for any other value."""
        return tuple(self.value.items()) if isinstance(self.value, Mapping) else ()

    def parts(self) -> "tuple[Node, ...]":
        """Return the entries of a list; a single value counts as a list of one, nothing at all as an empty one."""
        if isinstance(self.value, tuple):
            return self.value
        return () if self.value is None else (self,)

    def at(self, *path: Part) -> "Node":
        """Return the node that a path leads to, or the deepest one on the way to it."""
        node = self
        for part in path:
            found = node.child(part)
            if found is None:
                break
            node = found
        return node

    def find(self, *path: Part) -> "Node":
        """Return the node that a path leads to, or one that holds nothing."""
        node: Node | None = self
        for part in path:
            node = node.child(part) if node else None
        return node or Node(self.place, None, {})

    def child(self, part: Part) -> "Node | None":
        """Return the entry of a block or list, None when there is none."""
        if isinstance(self.value, Mapping):
            return self.value.get(str(part))
        if isinstance(self.value, tuple) and isinstance(part, int) and part < len(self.value):
            return self.value[part]
        return None

    def key(self, part: Part) -> Place:
        """Return the place of a key, or of the block when it has no such key."""
        return self.keys.get(str(part), self.at(part).place)

    def plain(self) -> Plain:
        """Return the value without places."""
        match self.value:
            case tuple(parts):
                return [part.plain() for part in parts]
            case Mapping() as entries:
                return {key: node.plain() for key, node in entries.items()}
            case scalar:
                return scalar


def read_bytes(path: Path, name: str, problems: Problems, limit: int = MAX_BYTES) -> bytes | None:
    """Return a file's bytes, or None after noting why it cannot be used."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        problems.add(Place(name), "the file does not exist")
        return None
    except OSError as error:
        problems.add(Place(name), f"the file cannot be read: {error.strerror or type(error).__name__}")
        return None
    if len(content) > limit:
        problems.add(Place(name), f"the file is larger than {limit // 1024} KiB")
        return None
    return content


def parse(name: str, content: bytes, problems: Problems) -> Node | None:
    """Return the tree of one file, or None after noting every reason why there is none."""
    if len(content) > MAX_BYTES:
        problems.add(Place(name), f"the file is larger than {MAX_BYTES // 1024} KiB")
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_of(name, content[: error.start].decode("utf-8", "replace"))
        problems.add(place, "the file is not UTF-8 text", "fix: save it as UTF-8")
        return None
    text = text.replace("\r\n", "\n")
    lines = text.rstrip("\n ").split("\n")
    if lines[-1] != END:
        problems.add(
            Place(name, len(lines), 1),
            f"the last line is not `{END}`, so this may be a half-written file",
            f"fix: end the file with a line of three dots, {END}",
        )
        return None
    found = _Builder(name, problems, len(problems.found))
    try:
        return found.build(YAML(typ="safe", pure=True).parse(io.StringIO(text)))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
        what = " ".join(part for part in (error.context, error.problem) if part)
        problems.add(place, f"this is not YAML: {what}", _syntax_hint(what))
    except ReaderError as error:
        where = error.position if isinstance(error.position, int) else 0
        problems.add(_place_of(name, text[:where]), "the file holds a character that YAML does not allow")
    except _TooDeep:
        return None
    except Exception as error:
        # The parser answers some broken input (wild escapes, for one) with whatever Python raised inside it;
        # to the operator it is all the same: the file is not YAML.
        problems.add(Place(name), f"this is not YAML: {type(error).__name__}")
    return None


def scalar(text: str) -> Scalar:
    """Return what an unquoted scalar means: a number, yes/no, nothing, or (nearly always) text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) < 19:
        return int(text)
    if _FLOAT.fullmatch(text) and not _LEADING_ZERO.match(text) and not _INTEGER.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


@dataclass(slots=True)
class _Builder:
    """Turns the parser's events into nodes; what is refused is noted and then read as if it were plain."""

    name: str
    problems: Problems
    before: int

    def build(self, events: Iterator[Event]) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(event, "a second document begins here", "fix: one document in each file")
                    break
            elif isinstance(event, ScalarEvent | AliasEvent | MappingStartEvent | SequenceStartEvent):
                root = self._node(event, events, 1)
        if len(self.problems.found) > self.before:
            return None
        if root is None or not isinstance(root.value, Mapping):
            self.problems.add(Place(self.name), "the file must hold keys and values, `key: value` on each line")
            return None
        return root

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        self._plainness(event)
        place = self._place(event)
        if depth > MAX_DEPTH:
            self._refuse(event, f"more than {MAX_DEPTH} levels deep", "fix: flatten this part")
            raise _TooDeep
        match event:
            case ScalarEvent():
                text: str = event.value
                return Node(place, scalar(text) if event.style is None else text, {})
            case SequenceStartEvent():
                parts = []
                for inner in events:
                    if isinstance(inner, SequenceEndEvent):
                        break
                    parts.append(self._node(inner, events, depth + 1))
                return Node(place, tuple(parts), {})
            case MappingStartEvent():
                return self._block(place, events, depth)
            case _:
                return Node(place, None, {})

    def _block(self, place: Place, events: Iterator[Event], depth: int) -> Node:
        entries: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            if isinstance(event, ScalarEvent):
                self._plainness(event)
                key: str = event.value
                if key == "<<" and event.style is None:
                    self._refuse(event, "merge keys (`<<`) are not allowed", "fix: write the values out")
                elif key in entries:
                    self._refuse(event, f'the key "{key}" stands here twice', f"first in line {keys[key].line}")
            else:
                self._refuse(event, "a key must be plain text")
                self._node(event, events, depth + 1)
                key = "?"
            keys[key] = self._place(event)
            entries[key] = self._node(next(events), events, depth + 1)
        return Node(place, entries, keys)

    def _plainness(self, event: Event) -> None:
        anchor = getattr(event, "anchor", None)
        if isinstance(event, AliasEvent):
            self._refuse(event, f"aliases (`*{anchor}`) are not allowed", "fix: write the value out, or quote it")
            return
        if anchor:
            self._refuse(event, f"anchors (`&{anchor}`) are not allowed", "fix: write the value out, or quote it")
        if getattr(event, "tag", None):
            self._refuse(event, "tags (`!`) are not allowed", "fix: leave the tag out, or quote the value")

    def _place(self, event: Event) -> Place:
        return Place(self.name, event.start_mark.line + 1, event.start_mark.column + 1)

    def _refuse(self, event: Event, message: str, *hints: str) -> None:
        self.problems.add(self._place(event), message, *hints)


class _TooDeep(Exception):
    """Stops the walk; the reason is already noted."""


def _place_of(name: str, before: str) -> Place:
    return Place(name, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _syntax_hint(what: str) -> str:
    if "'\\t'" in what or "tab" in what:
        return "fix: indent with blanks, not with tabs"
    if "*" in what or "alias" in what:
        return "fix: quote text that begins with *, & or !"
    if "mapping values are not allowed" in what:
        return "fix: quote text that holds a colon and a blank"
    return ""
