"""`${VAR}` and `${VAR:-otherwise}` in config/leadsync.yaml: a container's settings without a file of its own.

Only a whole value is looked up, after parsing, and never a key: what a file says stays visible in the file.
"""

import re
from collections.abc import Mapping

from leadsync.settings.loader import Node, scalar
from leadsync.settings.problems import Problems

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def filled_in(node: Node, env: Mapping[str, str], problems: Problems) -> Node:
    """Return the tree with variables replaced by what the environment says."""
    match node.value:
        case tuple(parts):
            return Node(node.place, tuple(filled_in(part, env, problems) for part in parts), node.keys)
        case Mapping() as entries:
            return Node(node.place, {key: filled_in(part, env, problems) for key, part in entries.items()}, node.keys)
        case str(text) if found := _VARIABLE.fullmatch(text):
            name, otherwise = found[1], found[2]
            value = env.get(name, otherwise)
            if value is None:
                problems.add(
                    node.place,
                    f"the environment variable {name} is not set",
                    f"fix: set it, or write ${{{name}:-otherwise}}",
                )
                return node
            return Node(node.place, scalar(value), {})
        case _:
            return node
