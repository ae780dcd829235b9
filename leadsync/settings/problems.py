"""What is wrong in the YAML files, said so that an operator can mend it: where, what, what is allowed, what to do.

Checks add problems and go on, so that one run names all of them; `settings.load` raises them together.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from leadsync.errors import ConfigError

_MAIL_NAME = re.compile(r"[\w.+-]+@(?=\w)")
LISTED = 12
"""The most names that one hint lists."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file; lines and columns count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend, with hints on how."""

    place: Place
    message: str
    hints: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join((f"{self.place}: {self.message}", *(f"  {hint}" for hint in self.hints)))


@dataclass(slots=True)
class Problems:
    """The problems found so far, of all files."""

    found: set[Problem] = field(default_factory=set)

    def add(self, place: Place, message: str, *hints: str) -> None:
        """Note one problem; hints are printed below it, empty ones left out."""
        self.found.add(
            Problem(place, _without_addresses(message), tuple(_without_addresses(hint) for hint in hints if hint))
        )

    def unknown(self, place: Place, what: str, name: str, known: Iterable[str]) -> None:
        """Note a name that does not exist, with the nearest one that does and the list of them."""
        listed = tuple(known)
        self.add(place, f'{what} "{name}" does not exist', did_you_mean(name, listed), allowed(listed))

    def __bool__(self) -> bool:
        return bool(self.found)

    def refuse(self, files: int, consequence: str) -> NoReturn:
        """Raise ConfigError with every problem in the order of files and lines."""
        problems = tuple(str(problem) for problem in sorted(self.found))
        raise ConfigError(
            f"{count(len(problems), 'problem')} in {count(files, 'file')}; {consequence}",
            problems,
        )


def _without_addresses(text: str) -> str:
    """Return a text without the names in e-mail addresses: problems end up in logs (errors.py)."""
    return _MAIL_NAME.sub("…@", text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name that is nearest, empty when none is near."""
    folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f'did you mean "{folded[near[0]]}"?' if near else ""


def allowed(known: Iterable[str]) -> str:
    """Return a hint that lists what exists."""
    names = list(known)
    if not names:
        return "none are defined"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"known: {', '.join(names[:LISTED])}{more}"


def count(number: int, noun: str) -> str:
    """Return `1 problem` or `3 problems`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
