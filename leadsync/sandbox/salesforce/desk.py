"""What every handler of the Salesforce side works with: the box, the caller, and the answers to who may see what."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from leadsync.sandbox.box import Box
from leadsync.sandbox.calls import Call
from leadsync.sandbox.ids import canonical
from leadsync.sandbox.salesforce.errors import ApiError, not_found
from leadsync.sandbox.schema import Field, ObjectType, find_object
from leadsync.sandbox.soql.columns import Env

if TYPE_CHECKING:
    from leadsync.sandbox.salesforce.org import Org


@dataclass(frozen=True, slots=True)
class Desk:
    """One request being worked on, at one instant."""

    box: Box
    org: "Org"
    call: Call
    now: datetime

    @property
    def env(self) -> Env:
        return Env(self.box.store, self.now, self.box.faults.hidden)

    @property
    def version(self) -> str:
        return self.call.version

    @property
    def root(self) -> str:
        """The path of this API version."""
        return f"/services/data/v{self.call.version}"

    def object(self, name: str) -> ObjectType:
        """The object of that name in any case; 404 when there is none."""
        kind = find_object(name)
        if kind is None:
            raise not_found()
        return kind

    def field(self, kind: ObjectType, name: str) -> Field | None:
        """The field of that name in any case, None when there is none or it is hidden from the caller."""
        field = kind.field(name)
        return None if field is None or (kind.name, field.name) in self.box.faults.hidden else field

    def fields(self, kind: ObjectType) -> list[Field]:
        """The fields that the caller may see."""
        return [f for f in kind.fields.values() if (kind.name, f.name) not in self.box.faults.hidden]


def record_id(kind: ObjectType, text: str) -> str:
    """The id that a path or a body names. 400 for what is no id, 404 for an id of another object."""
    found = canonical(text)
    if found is None:
        if len(text) in (15, 18) and text.isalnum():
            raise ApiError(400, "MALFORMED_ID", f"malformed id {text}")
        raise ApiError(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {text}")
    if found[:3] != kind.prefix:
        raise not_found()
    return found
