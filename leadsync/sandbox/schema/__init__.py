"""What objects there are and which fields they have, as data.

The vocabulary is Salesforce's; a facade for another vendor translates names and ids over the same rows. What the
APIs do with this (describe, refusals) is theirs; the store reads types, defaults and lookups from here.
"""

from leadsync.sandbox.schema.activities import ACTIVITIES
from leadsync.sandbox.schema.fields import Field, ObjectType
from leadsync.sandbox.schema.sales import SALES
from leadsync.sandbox.schema.setup import SETUP

OBJECTS: dict[str, ObjectType] = {o.name: o for o in (*SALES, *ACTIVITIES, *SETUP)}
_BY_LOWER = {name.lower(): o for name, o in OBJECTS.items()}
_BY_PREFIX = {o.prefix: o for o in OBJECTS.values()}


def find_object(name: str) -> ObjectType | None:
    """The object of that name in any case, or None."""
    return _BY_LOWER.get(name.lower())


def object_of(record_id: str) -> ObjectType | None:
    """The object that an id belongs to, told by its prefix, or None."""
    return _BY_PREFIX.get(record_id[:3])


__all__ = ["OBJECTS", "Field", "ObjectType", "find_object", "object_of"]
