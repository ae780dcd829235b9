"""The request log: what clients sent and what they got. Tests count calls with it, so parts of a composite or batch have
lines of their own, numbered n.k, and only what the vendor counts has `api` set."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult

_HEADERS = ("If-Unmodified-Since", "If-Match", "Sforce-Auto-Assign", "Sforce-Query-Options", "Prefer")


@dataclass(slots=True)
class Entry:
    n: int | str
    api: bool
    method: str
    path: str
    query: str
    status: int | None = None
    fault: str | None = None
    headers: dict[str, str | None] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """The entry as the control endpoint shows it; `status` is null when the connection was dropped."""
        return {
            "n": self.n, "api": self.api, "method": self.method, "path": self.path, "query": self.query,
            "status": self.status, "fault": self.fault, **self.headers,
        }  # fmt: skip


class RequestLog:
    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._count = 0

    def open(self, method: str, path: str, query: str, headers: Mapping[str, str], *, api: bool) -> Entry:
        """Begin an entry; whoever answers the request fills in its status."""
        self._count += 1
        return self._add(Entry(self._count, api, method, path, query), headers)

    def part(self, of: Entry, k: int, method: str, url: SplitResult, headers: Mapping[str, str], *, api: bool) -> Entry:
        """Begin the entry of the k-th part of a request (from 1)."""
        return self._add(Entry(f"{of.n}.{k}", api, method, url.path, url.query), headers)

    def after(self, n: int) -> Iterator[dict[str, Any]]:
        """The entries of requests later than n, parts behind their whole."""
        for entry in self._entries:
            if int(str(entry.n).partition(".")[0]) > n:
                yield entry.line()

    def _add(self, entry: Entry, headers: Mapping[str, str]) -> Entry:
        entry.headers = {name: headers.get(name.lower()) for name in _HEADERS}
        self._entries.append(entry)
        return entry
