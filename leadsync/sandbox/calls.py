"""A request and an answer, free of any web framework, so that a part of a composite is a request like any other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from leadsync.sandbox.requests_log import Entry
from leadsync.sandbox.transaction import Tx


class BadJson(Exception):
    """The body is no JSON."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `headers` have lower-case names; `base` is the scheme and host that the client used."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str
    entry: Entry
    parsed: Any = None
    user: str = ""
    version: str = ""
    tx: Tx | None = None

    def json(self) -> Any:
        """The body read as JSON; BadJson when it is none."""
        if self.parsed is not None:
            return self.parsed
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadJson(str(error)) from None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a JSON-able body, ready bytes, or nothing at all (204)."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json;charset=UTF-8"

    def content(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)


@dataclass(frozen=True, slots=True)
class Dropped:
    """No answer: the connection is closed, or reset."""

    reset: bool
