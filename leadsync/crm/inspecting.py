"""What the inspections of all adapters say alike."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from leadsync.ports import Finding

_WORDS = {"enable": ("enabled", "disabled"), "activate": ("active", "inactive")}


def named_users(
    wanted: Sequence[str], known: Mapping[str, bool], remedy: Literal["enable", "activate"]
) -> Iterator[Finding]:
    """Yield whether the users that rules name are there and can work; `known` says it of each name in lower case.

    The names stand in the operator's own files, so they may be repeated to the operator.
    """
    on, off = _WORDS[remedy]
    missing = sum(user.lower() not in known for user in wanted)
    idle = sum(known.get(user.lower()) is False for user in wanted)
    if missing or idle:
        yield Finding(
            "users", False, f"of {len(wanted)} users that rules name, {missing} do not exist and {idle} are {off}: "
            + ", ".join(user for user in wanted if not known.get(user.lower())),
            f"correct the names in routing.yaml and the actors, or {remedy} the users",
        )  # fmt: skip
    elif wanted:
        yield Finding("users", True, f"all {len(wanted)} users that rules name are there and {on}")
