"""What may be asked in which place: of a person, a touch, a user, a member of a pool, or a CRM's own row."""

from collections.abc import Mapping
from dataclasses import dataclass

from leadsync.settings.names import FACTS, Kind, Known, Names


@dataclass(frozen=True, slots=True)
class Asked:
    """What one name stands for: the kind of its values and, where they are a closed set, which there are.

    `spelled` says country or state of a text that facts give by its code, however a rule spells it.
    """

    kind: Kind
    values: Known = None
    spelled: str | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that may be asked in one place.

    `whole` is False when a file that offers names cannot be read; an unknown name is then no problem.
    `free` lets any name pass (a CRM's own field names, which only the CRM knows).
    """

    what: str
    names: Mapping[str, Asked]
    conditions: bool = False
    whole: bool = True
    free: bool = False


def people(names: Names) -> Vocabulary:
    """Return what may be asked of a person: mapped fields, account fields, facts, named conditions."""
    closed: Mapping[str, Known] = {
        "crm": names.crms,
        "object": ("lead", "contact"),
        "stage": names.stages,
        "band": names.bands,
        "product": names.products,
        "seniority": names.seniority,
        "function": names.functions,
        "territory": names.territories,
        "reason": names.reasons,
        "reason_class": names.classes,
        "outcome": ("none", "open", "won", "lost"),
        "owner_kind": ("rep", "human", "queue", "placeholder", "inactive", "unknown"),
    }
    return Vocabulary(
        what="the name",
        names={
            **{name: Asked(kind, spelled=names.spelled.get(name)) for name, kind in (names.fields or {}).items()},
            **{name: Asked(kind, closed.get(name)) for name, kind in FACTS.items()},
            **{
                (theirs := f"account.{name}"): Asked(kind, spelled=names.spelled.get(theirs))
                for name, kind in (names.account_fields or {}).items()
            },
            "account.domain": Asked("text"),
        },
        conditions=True,
        whole=names.fields is not None and names.account_fields is not None and names.conditions is not None,
    )


def touches(names: Names) -> Vocabulary:
    """Return what may be asked of a touch."""
    return Vocabulary(
        "of a touch, the name",
        {
            "channel": Asked("text", names.touch_channels),
            "investment": Asked("text", names.investments),
            "response": Asked("text", names.responses),
            "campaign": Asked("text"),
            "kind": Asked("text"),
        },
    )


def users(names: Names) -> Vocabulary:
    """Return what may be asked of a CRM user."""
    plain = ("user", "role", "profile", "permission_set", "security_role", "team", "queue")
    return Vocabulary(
        "of a user, the name", {**{name: Asked("text") for name in plain}, "pool": Asked("text", names.pools)}
    )


def members(names: Names) -> Vocabulary:
    """Return what may be asked of a member of a pool."""
    return Vocabulary(
        "of a member, the name",
        {
            "user": Asked("text"),
            "senior": Asked("yes_no"),
            "languages": Asked("text"),
            "territories": Asked("text", names.territories),
        },
    )


NATIVE = Vocabulary("the field", {}, free=True)
"""A CRM's own field names: whether they exist is for `check --live` to say."""
