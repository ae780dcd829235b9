"""A sandbox, for as long as one client needs it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.request import Request, urlopen

_LEADSYNC = "from leadsync.cli import main; main()"
_START = "2026-11-02T09:00:00Z"


@dataclass(frozen=True, slots=True)
class Box:
    """A running sandbox and what it said when it was ready."""

    ready: dict[str, str]

    def control(self, what: str, **body: Any) -> Any:
        """Tell the box something behind the client's back."""
        request = Request(f"{self.ready['url']}/sandbox/{what}", json.dumps(body).encode(), method="POST")
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def now(self) -> datetime:
        with urlopen(f"{self.ready['url']}/sandbox/now", timeout=30) as answer:
            return datetime.fromisoformat(json.load(answer)["now"])


@contextmanager
def started(*more: str) -> Iterator[Box]:
    """A box of its own process, empty and with a clock that stands still."""
    words = [sys.executable, "-c", _LEADSYNC, "sandbox", "--port", "0", "--empty", "--frozen", "--start", _START, *more]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise SystemExit("the sandbox did not start: is this the Python that leadsync is installed for?")
            yield Box(json.loads(line))
        finally:
            process.terminate()
