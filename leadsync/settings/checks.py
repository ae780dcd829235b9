"""What every builder works with: where problems go, which names exist, and how conditions are built."""

from collections.abc import Mapping
from dataclasses import dataclass

from leadsync.settings.conditions import Conditions
from leadsync.settings.loader import Node
from leadsync.settings.names import Known, Names
from leadsync.settings.problems import Place, Problems


@dataclass(frozen=True, slots=True)
class Checks:
    """Shared by the builders of one load."""

    problems: Problems
    names: Names
    conditions: Conditions

    def exists(self, place: Place, what: str, name: str, known: Known, *also: str) -> None:
        """Note a name that no file defines; `also` are words that stand for themselves."""
        if known is not None and name not in known and name not in also:
            self.problems.unknown(place, what, name, (*known, *also))

    def all_exist(self, node: Node, what: str, known: Known, *also: str) -> None:
        """Note every name of a list, or the one name, that no file defines."""
        for part in node.parts():
            self.exists(part.place, what, str(part.value), known, *also)

    def keys_exist(self, node: Node, what: str, known: Known) -> None:
        """Note every key of a block that no file defines."""
        for key in node.keys:
            self.exists(node.key(key), what, key, known)

    def unique(self, places: Mapping[Place, str], what: str) -> None:
        """Note every name that stands here for the second time, without regard to case."""
        first: dict[str, Place] = {}
        for place, name in places.items():
            folded = name.strip().casefold()
            if folded in first:
                self.problems.add(place, f'{what} "{name}" stands here twice', f"first in line {first[folded].line}")
            first.setdefault(folded, place)
