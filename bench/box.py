"""A CRM in a box in its own process, filled with plain rows; what it costs is nobody's CPU here."""

import json
import os
import select
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from bench.measure import ROOT, python, run

START_SECONDS = 300.0
SEED = 3


@dataclass(frozen=True, slots=True)
class Box:
    """A running box: where it is, how to get in."""

    url: str
    client_id: str
    client_secret: str
    token: str

    def env(self) -> dict[str, str]:
        """Return the environment in which leadsync reaches the box."""
        return {
            "LEADSYNC_SALESFORCE_CLIENT_ID": self.client_id,
            "LEADSYNC_SALESFORCE_CLIENT_SECRET": self.client_secret,
            "PYTHONPATH": str(ROOT),
        }

    def call(self, method: str, path: str, body: object = None) -> bytes:
        """Return what the box answers to one request with its token."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            found: bytes = answer.read()
        return found

    def now(self) -> str:
        """Return the box's time as SOQL writes it; its clock stood still while it was filled."""
        with urllib.request.urlopen(f"{self.url}/services/data/") as answer:
            at = parsedate_to_datetime(answer.headers["Date"])
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")

    def write(self, object_name: str, rows: list[dict[str, object]]) -> None:
        """Change rows (each with its Id) as somebody else than leadsync."""
        for start in range(0, len(rows), 200):
            records = [{"attributes": {"type": object_name}, **row} for row in rows[start : start + 200]]
            answers = json.loads(
                self.call("PATCH", "/services/data/v65.0/composite/sobjects", {"allOrNone": False, "records": records})
            )
            assert all(answer["success"] for answer in answers), answers[:1]

    def ids(self, object_name: str, count: int) -> list[str]:
        """Return the first so many ids of an object."""
        query = f"SELECT+Id+FROM+{object_name}+ORDER+BY+Id+LIMIT+{count}"
        found: list[str] = []
        path = f"/services/data/v65.0/query?q={query}"
        while path:
            page = json.loads(self.call("GET", path))
            found += [row["Id"] for row in page["records"]]
            path = page.get("nextRecordsUrl", "")
        return found


@contextmanager
def box(leads: int, *, lived: bool = False) -> Iterator[Box]:
    """Yield a running box with so many leads and contacts together; the same seed makes the same rows.

    Unless it has `lived`, they are plain rows without a past.
    """
    command = python("-P", "-c", LEADSYNC, "sandbox", "--port", "0", "--seed", str(SEED), "--leads", str(leads))
    if not lived:
        command.append("--bare")
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        if not select.select([process.stdout], [], [], START_SECONDS)[0]:
            raise RuntimeError("the box did not start")
        said = json.loads(process.stdout.readline())
        yield Box(said["url"], said["client_id"], said["client_secret"], said["token"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def initialised(there: Box, folder: Path) -> None:
    """Write the sample configuration for this box into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    run(
        python("-P", "-c", LEADSYNC, "init", "salesforce", "--url", there.url),
        cwd=folder,
        env=there.env(),
    )


LEADSYNC = "from leadsync.cli import main; main()"
"""What the `leadsync` command does; said so that the tree at hand is measured and not an installed one."""


def sync() -> list[str]:
    """Return the command of one sync of the configuration in the folder where it runs."""
    return python("-P", "-c", LEADSYNC, "sync")
