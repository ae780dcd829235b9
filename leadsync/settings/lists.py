"""CSV files beside the mappings: lists for in_list, and absences."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath

from leadsync.domain.conditions import fold
from leadsync.domain.routing import Absence
from leadsync.settings.loader import Node, read_bytes
from leadsync.settings.problems import Place, Problems, allowed, did_you_mean

MAX_LIST_BYTES = 16 * 1024 * 1024


@dataclass(slots=True)
class Beside:
    """Files in the folder of the mappings; what was read counts for the Rulebook's hash."""

    folder: Path
    shown_as: str
    problems: Problems
    read: dict[str, bytes] = field(default_factory=dict)

    def rows(self, node: Node, columns: tuple[str, ...]) -> list[tuple[int, Mapping[str, str]]]:
        """Return the rows of the CSV file that a node names, with their lines; all columns are there."""
        name = str(node.value)
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
            self.problems.add(
                node.place, f'"{name}" leads out of the folder of the mappings', "fix: write lists/NAME.csv"
            )
            return []
        shown = f"{self.shown_as}/{path}"
        content = self.read.get(str(path))
        if content is None:
            if not (self.folder / path).is_file():
                self.problems.add(node.place, f'the file "{shown}" does not exist')
                return []
            content = read_bytes(self.folder / path, shown, self.problems, MAX_LIST_BYTES)
            if content is None:
                return []
            self.read[str(path)] = content
        try:
            text = content.decode("utf-8-sig")
            reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
            header = [str(column).strip() for column in reader.fieldnames or ()]
            reader.fieldnames = header
            for column in columns:
                if column not in header:
                    self.problems.add(
                        Place(shown),
                        f'the file has no column "{column}"',
                        did_you_mean(column, header),
                        allowed(header),
                    )
            if not set(columns) <= set(header):
                return []
            return [(reader.line_num, {column: (row[column] or "").strip() for column in columns}) for row in reader]
        except UnicodeDecodeError:
            self.problems.add(Place(shown), "the file is not UTF-8 text", "fix: save it as UTF-8")
        except csv.Error as error:
            self.problems.add(Place(shown, reader.line_num + 1), f"this is not CSV: {error}")
        return []


def lists(tree: Node | None, beside: Beside) -> dict[str, frozenset[str]]:
    """Return the values behind in_list, folded; a list that is wrong is empty and its shape is noted elsewhere."""
    found: dict[str, frozenset[str]] = {}
    for name, node in tree.find("lists").items() if tree else ():
        file, column = node.child("file"), node.child("column")
        if file and column and isinstance(file.value, str) and isinstance(column.value, str):
            key = column.value
            rows = beside.rows(file, (key,))
            found[name] = frozenset(fold(row[key]) for _, row in rows if row[key])
        else:
            found[name] = frozenset(fold(part.value) for part in node.parts() if isinstance(part.value, str))
    return found


def absences(node: Node, beside: Beside) -> dict[str, list[Absence]]:
    """Return the absences of the file user,from,to by folded user name."""
    found: dict[str, list[Absence]] = {}
    for line, row in beside.rows(node, ("user", "from", "to")):
        place = Place(f"{beside.shown_as}/{PurePosixPath(str(node.value))}", line)
        try:
            first, last = date.fromisoformat(row["from"]), date.fromisoformat(row["to"])
        except ValueError:
            beside.problems.add(place, "from and to must be days such as 2026-12-24")
            continue
        if not row["user"] or first > last:
            beside.problems.add(
                place, "the user is missing" if not row["user"] else "the absence ends before it begins"
            )
            continue
        found.setdefault(fold(row["user"]), []).append(Absence(first.isoformat(), last.isoformat()))
    return found
