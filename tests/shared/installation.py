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
from typing import Any
from unittest import mock

from ledger_file import rows
from samples import Kind, write_samples
from sandboxes import Sandbox

from leadsync.cli import main
from leadsync.cli.demo.stage import TO_THE_LOG
from leadsync.sandbox.dataverse.guids import guid_of

CONFIG = """\
company: {{name: Acme, zone: Europe/Berlin}}
crms:
{crms}
schedule: {{fast: 2s, complete: 5s, sla: 2s}}
ledger: {{location: {folder}/data/leadsync.db}}
deliver: {deliver}
{to_the_log}web: {{port: 0}}
{more}...
"""
TENANT = "acme.example"
_TENANTS: Mapping[Kind, str] = {"salesforce": "", "dynamics": f", tenant: {TENANT}"}


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


class Org(Sandbox):
    """A CRM in a sandbox with a company in it that has sold for a month."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"empty": False, "seed": 3, "leads": 60, "days": 30, **options})
        ready = self.server.ready()
        self.secrets = {
            f"LEADSYNC_{crm}_{name.upper()}": str(ready[name])
            for crm in ("SALESFORCE", "DYNAMICS")
            for name in ("client_id", "client_secret")
        }

    def lead(self, **fields: Any) -> str:
        row = {"LastName": "Person", "Company": "Firm", "Status": "Inquiry", **fields}
        return self.put(Lead=[row])["Lead"][0]

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
            write_samples(self.folder, kind, url)
        lines = "\n".join(f"  {kind}: {{kind: {kind}, url: {url}{_TENANTS[kind]}}}" for kind, url in crms.items())
        text = CONFIG.format(crms=lines, folder=self.folder, deliver=deliver, more=more, to_the_log=TO_THE_LOG)
        self.config.write_text(edit(text), encoding="utf-8")

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what a query finds in the ledger."""
        return rows(self.ledger, sql, *values)

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
