"""An org in the sandbox whose people wrote old statuses, leadsync installed beside it, and its commands by subprocess or here."""

import csv
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import typer
from typer.testing import CliRunner

from leadsync.cli import cli
from leadsync.errors import LeadsyncError
from leadsync.sandbox.box import Options
from leadsync.sandbox.server import Server
from leadsync.settings.write import sample_files

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)

CONFIG = """\
company: {{name: Acme, zone: Europe/Berlin}}
crms:
  salesforce: {{kind: salesforce, url: {url}}}
ledger: {{location: {location}}}
deliver: {deliver}
go_live_at: {go_live_at}
limits: {{api_share: 100%}}
channels:
  email: {{kind: log}}
  crm_task: {{kind: log}}
  sales_floor: {{kind: log}}
  emea_teams: {{kind: log}}
  ops: {{kind: log}}
alerts: {{to: ops}}
logging: {{level: error}}
...
"""

OLD = {
    "Open - Not Contacted": "Inquiry",
    "Working - Contacted": "LAL",
    "Closed - Not Converted": "Disqualified",
    "Hot Prospect": "MQL",
}
"""Four deprecated values and where they lead."""


class Desk:
    """An operator's desk: the sandbox, the files of an installation, and what its commands say."""

    def __init__(self, folder: Path, *, go_live_at: str, deliver: str) -> None:
        self.server = Server(Options(start=START, frozen=True, empty=True)).start()
        self.folder = folder
        self.calls_seen = 0
        self.said = ""
        for path, text in sample_files("salesforce", self.server.url, None).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        self.location = folder / "ledger" / "leadsync.db"
        config = CONFIG.format(url=self.server.url, location=self.location, go_live_at=go_live_at, deliver=deliver)
        (folder / "config" / "leadsync.yaml").write_text(config, encoding="utf-8")
        mapping = folder / "mappings" / "salesforce.yaml"
        text = mapping.read_text(encoding="utf-8")
        assert "\ndeprecated:" in text
        mapping.write_text(
            text.replace("  Working - Contacted: lal\n", "  Working - Contacted: lal\n  Hot Prospect: mql\n"), "utf-8"
        )
        self.env = {
            **os.environ,
            "LEADSYNC_SALESFORCE_CLIENT_ID": self.server.client_id,
            "LEADSYNC_SALESFORCE_CLIENT_SECRET": self.server.client_secret,
            "LEADSYNC_CONFIG": str(folder / "config" / "leadsync.yaml"),
            "LEADSYNC_MAPPINGS": str(folder / "mappings"),
            "LOGNAME": "ana",
        }

    # The org and its people

    def control(self, name: str, **body: Any) -> Any:
        answer = requests.post(f"{self.server.url}/sandbox/{name}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def leads(self, *statuses: str, **fields: Any) -> list[str]:
        """Create one lead for each status."""
        rows = [
            {
                "LastName": f"L{n}",
                "Company": "Initech",
                "Status": status,
                "Email": f"l{n}.{status[:2].lower()}@initech.example",
                **fields,
            }
            for n, status in enumerate(statuses)
        ]
        found: list[str] = self.control("load", Lead=rows)["Lead"]
        return found

    def edit(self, key: str, **fields: Any) -> None:
        native = {"00Q": "Lead", "003": "Contact"}[key[:3]]
        self.control("edit", object=native, id=key, fields=fields, by=self.server.box.basics.admin)

    def advance(self, seconds: float = 60) -> None:
        self.control("advance", seconds=seconds, world=False)

    def row(self, key: str) -> Mapping[str, Any]:
        return dict(self.server.box.store.get({"00Q": "Lead", "003": "Contact"}[key[:3]], key) or {})

    def statuses(self, keys: Sequence[str]) -> list[str]:
        return [self.row(key)["Status"] for key in keys]

    def written(self, field: str = "Status") -> list[Any]:
        """Every change of a field that came over the API, which is by leadsync."""
        return [change for change in list(self.server.box.store.truth) if change.field == field and change.via == "api"]

    def api_calls(self) -> int:
        """Return how many API requests the org has counted since the last call."""
        answer = requests.get(f"{self.server.url}/sandbox/requests?after={self.calls_seen}", timeout=60)
        lines = [json.loads(line) for line in answer.text.splitlines() if line]
        if lines:
            self.calls_seen = max(int(str(line["n"]).split(".")[0]) for line in lines)
        return sum(1 for line in lines if line["api"])

    # The installation

    def run(self, *words: str, expect: int = 0) -> Any:
        """Run a command in this process and return its JSON, None without any; an unexpected end fails the test."""
        code, out = self.attempt(*words)
        assert code == expect, f"{words}: {code}\n{self.said}"
        return json.loads(out) if "--json" in words and out else None

    def attempt(self, *words: str, cli: typer.Typer = cli) -> tuple[int, str]:
        """Run a command however it ends; return its exit code and its data."""
        result = CliRunner().invoke(cli, list(words), env=self.env)
        error = result.exception
        self.said = f"{result.output}\n{error}\n" + "\n".join(getattr(error, "problems", ()))
        code = error.exit_code if isinstance(error, LeadsyncError) else result.exit_code
        return code, result.stdout

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command as a process of its own."""
        code = "from leadsync.cli import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, *words], env=self.env, cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def sync(self, *words: str) -> Any:
        self.advance()
        return self.run("sync", "--json", *words)

    @property
    def plan_path(self) -> Path:
        return self.folder / "remap.csv"

    def plan(self, *words: str) -> Any:
        self.advance()
        return self.run("remap", "plan", "--out", str(self.plan_path), "--json", *words)

    def apply(self, *words: str, expect: int = 0) -> Any:
        self.advance()
        return self.run("remap", "apply", str(self.plan_path), "--json", *words, expect=expect)

    def undo(self, *words: str, expect: int = 0) -> Any:
        self.advance()
        return self.run("remap", "undo", str(self.plan_path), "--json", *words, expect=expect)

    def csv(self, suffix: str = ".csv") -> list[dict[str, str]]:
        with self.plan_path.with_suffix(suffix).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        con = sqlite3.connect(f"{self.location.as_uri()}?mode=ro", uri=True)
        try:
            return con.execute(sql, values).fetchall()
        finally:
            con.close()

    def ages(self) -> dict[str, tuple[str, int]]:
        """Since when each lead is where it is, and whether that is exact."""
        return {
            key: (at, exact)
            for key, at, exact in self.rows("SELECT record_id, stage_entered_at, entered_exact FROM v_people")
        }


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Any]:
    made: list[Desk] = []

    def make(*, go_live_at: str = "2026-01-01T00:00:00Z", deliver: str = "false") -> Desk:
        made.append(Desk(tmp_path, go_live_at=go_live_at, deliver=deliver))
        return made[-1]

    yield make
    for desk in made:
        desk.server.stop()


@pytest.fixture
def desk(make_desk: Any) -> Desk:
    """A desk of a company that is live since January and delivers what the commands are told to."""
    found: Desk = make_desk()
    return found


@pytest.fixture
def old() -> Mapping[str, str]:
    return OLD
