"""Changes to a YAML text at the places that the loader knows: every comment and all layout around them stay."""

import json
import re
from dataclasses import dataclass, field

from leadsync.settings.loader import scalar
from leadsync.settings.problems import Place

_COMMENT = re.compile(r"\s+#.*$")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/()+&'-]*")


@dataclass(slots=True)
class Edits:
    """Edits of one text, collected first and applied together, so that no edit moves another's place."""

    text: str
    _replaced: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    _deleted: set[int] = field(default_factory=set)
    _added: dict[int, list[str]] = field(default_factory=dict)

    def replace(self, place: Place, old: str, new: str) -> None:
        """Write `new` where `old` stands."""
        self._replaced[place.line, place.column] = (len(old), new)

    def replace_rest(self, place: Place, new: str) -> None:
        """Write `new` from a place to the end of its line or to the comment there."""
        line = self.text.split("\n")[place.line - 1]
        comment = _COMMENT.search(line, place.column - 1)
        end = comment.start() if comment else len(line)
        self._replaced[place.line, place.column] = (end - place.column + 1, new)

    def delete_line(self, line: int) -> None:
        """Leave out a whole line."""
        self._deleted.add(line)

    def add_after(self, line: int, *lines: str) -> None:
        """Add lines after a line."""
        self._added.setdefault(line, []).extend(lines)

    def result(self) -> str:
        """Return the edited text."""
        lines = self.text.split("\n")
        for (number, column), (length, new) in sorted(self._replaced.items(), reverse=True):
            line = lines[number - 1]
            lines[number - 1] = line[: column - 1] + new + line[column - 1 + length :]
        done: list[str] = []
        for number, line in enumerate(lines, start=1):
            if number not in self._deleted:
                done.append(line)
            done += self._added.get(number, ())
        return "\n".join(done)


def quoted(text: str) -> str:
    """Return a text as YAML, in quotes only where it would be read as something else without them."""
    plain = _PLAIN.fullmatch(text) and text == text.strip() and isinstance(scalar(text), str)
    return text if plain else json.dumps(text, ensure_ascii=False)
