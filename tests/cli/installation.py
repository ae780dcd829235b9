"""An installation of leadsync in a folder of its own beside a CRM in a box, and the command line over it."""

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import requests

from leadsync.cli import main
from leadsync.sandbox.box import Options
from leadsync.sandbox.dataverse.guids import guid_of
from leadsync.sandbox.server import Server, serve
from leadsync.settings.write import sample_files

CONFIG = """\
company: {{name: Acme, zone: Europe/Berlin}}
crms:
{crms}
schedule: {{fast: 2s, complete: 5s, sla: 2s}}
ledger: {{location: {folder}/data/leadsync.db}}
deliver: {deliver}
limits:
  api_share: 100%
  api_reserve: 20%
channels:
  email: {{kind: log}}
  crm_task: {{kind: log}}
  sales_floor: {{kind: log}}
  emea_teams: {{kind: log}}
  ops: {{kind: log}}
alerts: {{to: ops}}
web: {{port: 0}}
{more}...
"""
Kind = Literal["salesforce", "dynamics"]
TENANT = "acme.example"
_TENANTS: Mapping[Kind, str] = {"salesforce": "", "dynamics": f", tenant: {TENANT}"}
ALL = "[notices, stage_entered, score, contact_stage, lead_stage, owner, membership]"


@dataclass(slots=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its JSON."""
        return json.loads(self.out)


class Org:
    """A CRM in a box with its controls."""

    def __init__(self, **options: Any) -> None:
        self.server: Server = serve(Options(**{"seed": 3, "leads": 60, "days": 30, "frozen": True, **options})).start()
        ready = self.server.ready()
        self.url = str(ready["url"])
        self.secrets = {
            f"LEADSYNC_{crm}_{name.upper()}": str(ready[name])
            for crm in ("SALESFORCE", "DYNAMICS")
            for name in ("client_id", "client_secret")
        }

    def control(self, what: str, **body: Any) -> Any:
        answer = requests.post(f"{self.url}/sandbox/{what}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance(self, seconds: float, *, world: bool = False) -> None:
        self.control("advance", seconds=seconds, world=world)

    def requests(self, after: int = 0) -> list[Mapping[str, Any]]:
        answer = requests.get(f"{self.url}/sandbox/requests", params={"after": after}, timeout=60)
        return [json.loads(line) for line in answer.text.splitlines() if line]

    def last(self) -> int:
        return max((int(str(line["n"]).partition(".")[0]) for line in self.requests()), default=0)

    def api_calls_since(self, after: int) -> int:
        return sum(1 for line in self.requests(after) if line["api"])

    def truth(self, native: str) -> list[Mapping[str, Any]]:
        answer = requests.get(f"{self.url}/sandbox/truth", params={"object": native}, timeout=60)
        return [json.loads(line) for line in answer.text.splitlines() if line]

    def lead(self, **fields: Any) -> str:
        row = {"LastName": "Person", "Company": "Firm", "Status": "Inquiry", **fields}
        return str(self.control("load", Lead=[row])["Lead"][0])

    def key(self, record_id: str, kind: Kind) -> str:
        """What a CRM of this kind calls a row of the box."""
        return record_id if kind == "salesforce" else guid_of(record_id)

    def edit(self, key: str, **fields: Any) -> None:
        self.control("edit", object={"00Q": "Lead", "003": "Contact"}[key[:3]], id=key, fields=fields)


@dataclass(slots=True)
class Installation:
    """config/ and mappings/ in a folder, and the environment of whoever runs leadsync there.

    `kind` is what the org at `url` is taken for, since a box answers as either; `others` are further orgs beside it.
    """

    folder: Path
    url: str
    env: dict[str, str] = field(default_factory=dict)
    kind: Kind = "salesforce"
    others: Mapping[Kind, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "config" / "leadsync.yaml"

    @property
    def mapping(self) -> Path:
        return self.folder / "mappings" / f"{self.kind}.yaml"

    @property
    def ledger(self) -> Path:
        return self.folder / "data" / "leadsync.db"

    def write(self, *, deliver: str = "false", more: str = "", edit: Callable[[str], str] = lambda text: text) -> None:
        """Write the sample's rules and a config; `edit` changes the config, `more` are further keys of it."""
        crms: dict[Kind, str] = {self.kind: self.url, **self.others}
        for kind, url in reversed(crms.items()):
            for path, text in sample_files(kind, url, None).items():
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / path).write_text(text, encoding="utf-8")
        lines = "\n".join(f"  {kind}: {{kind: {kind}, url: {url}{_TENANTS[kind]}}}" for kind, url in crms.items())
        text = CONFIG.format(crms=lines, folder=self.folder, deliver=deliver, more=more)
        self.config.write_text(edit(text), encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        """Edit one file as an operations person does."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def __call__(self, *args: str) -> Result:
        """Run one command here, in this process."""
        out, err = StringIO(), StringIO()
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        code = 0
        with (
            self.entered(),
            mock.patch.object(sys, "argv", ["leadsync", *args]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
            finally:
                root.handlers[:], root.level = handlers, level
        return Result(code, out.getvalue(), err.getvalue())

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be in the folder, with its environment."""
        before = Path.cwd()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LEADSYNC_")}
        with mock.patch.dict(os.environ, {**kept, **self.env}, clear=True):
            os.chdir(self.folder)
            try:
                yield
            finally:
                os.chdir(before)

    def start(self, *args: str, **given: Any) -> "subprocess.Popen[str]":
        """Start one command in a process of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LEADSYNC_")}
        return subprocess.Popen(
            [sys.executable, "-c", "from leadsync.cli import main; main()", *args],
            cwd=self.folder, env={**kept, **self.env}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **given,
        )  # fmt: skip

    def process(self, *args: str, **given: Any) -> Result:
        """Run one command in a process of its own."""
        process = self.start(*args, **given)
        out, err = process.communicate(timeout=120)
        return Result(process.returncode, out, err)


def plain(text: str) -> str:
    """Text without the frames and line breaks that help and usage errors are drawn with."""
    return re.sub(r"[\s│╭╮╰╯─]+", " ", text)
