"""What every handler of the Dataverse side works with: one request being answered, its preferences and its query options."""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from leadsync.sandbox.box import Box
from leadsync.sandbox.calls import Answer, BadJson, Call
from leadsync.sandbox.dataverse.encode import Annotations
from leadsync.sandbox.dataverse.errors import JSON, bad
from leadsync.sandbox.dataverse.view import View
from leadsync.sandbox.transaction import Tx

if TYPE_CHECKING:
    from leadsync.sandbox.dataverse.org import Org

MAX_PAGE = 5000
KNOWN_OPTIONS = frozenset(("$select", "$filter", "$orderby", "$top", "$count", "$expand", "$skiptoken", "$deltatoken"))
_PARAMETER = re.compile(r"(\w+)=(@\w+|'[^']*'|\{.*?\})")
_PREFERENCE = re.compile(r'([\w.-]+)(?:\s*=\s*("[^"]*"|[^,;\s]+))?')


@dataclass(frozen=True)
class Desk:
    """One request at one instant. `view` sees what the transaction it is part of has done so far."""

    org: "Org"
    call: Call
    view: View
    api: str

    @property
    def box(self) -> Box:
        return self.org.box

    def within(self, tx: Tx) -> "Desk":
        return replace(self, view=replace(self.view, tx=tx, _names={}))

    def after(self) -> "Desk":
        """The same request once its transaction is through."""
        return replace(self, view=replace(self.view, tx=None, _names={}))

    @cached_property
    def preferences(self) -> dict[str, str]:
        """The Prefer headers, several of them or several in one; what is unknown does no harm."""
        found = _PREFERENCE.findall(self.call.headers.get("prefer", ""))
        return {name.lower(): value.strip('"') for name, value in found}

    @cached_property
    def annotations(self) -> Annotations:
        wanted = self.preferences.get("odata.include-annotations", "")
        return Annotations(tuple(pattern.strip() for pattern in wanted.split(",") if pattern.strip()))

    @property
    def wants_row(self) -> bool:
        return self.preferences.get("return") == "representation"

    @property
    def page_size(self) -> int:
        asked = self.preferences.get("odata.maxpagesize", "")
        return min(int(asked), MAX_PAGE) if asked.isdigit() and int(asked) > 0 else MAX_PAGE

    def option(self, name: str) -> str | None:
        """A query option; their names are in lower case only."""
        return self.call.query.get(name)

    def parameters(self, given: str) -> dict[str, str]:
        """A function's parameters, inline or as aliases that the query string explains."""
        return {name: self.call.query.get(value, value) for name, value in _PARAMETER.findall(given)}

    def check_options(self) -> None:
        for name in self.call.query:
            if name.startswith("$") and name not in KNOWN_OPTIONS:
                raise bad(f"The query parameter {name} is not supported.")

    def body(self) -> dict[str, Any]:
        """The body as a JSON object; 400 when it is none."""
        try:
            found = self.call.json() if self.call.body or self.call.parsed is not None else {}
        except BadJson as error:
            raise bad(f"An error occurred while parsing the request body: {error}", "0x80048d19") from None
        if not isinstance(found, dict):
            raise bad("An error occurred while parsing the request body: an object is expected.", "0x80048d19")
        return found

    def shown(self, status: int, body: Any, headers: dict[str, str] | None = None) -> Answer:
        """A JSON answer that says which preferences were honoured."""
        honoured = [
            f'{name}="{value}"' if "annotations" in name else f"{name}={value}" if value else name
            for name, value in self.preferences.items()
            if name in ("odata.maxpagesize", "odata.include-annotations", "odata.track-changes")
        ]
        found = {"OData-Version": "4.0", **(headers or {})}
        if self.wants_row and self.call.method in ("POST", "PATCH"):
            honoured.append("return=representation")
        if honoured:
            found["Preference-Applied"] = ",".join(honoured)
        return Answer(status, body, found, media_type=JSON)

    def done(self, headers: dict[str, str] | None = None) -> Answer:
        """204: done, and nothing to show."""
        return Answer(204, None, {"OData-Version": "4.0", **(headers or {})})
