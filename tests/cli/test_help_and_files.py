"""Help with an example for every command, quick help, and the ledger's file handled from the command line."""

import json
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from installation import Installation, plain

from leadsync.cli import cli
from leadsync.ledger import open_ledger


def _commands(name: str, command: Any) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name
        return
    for word, one in inner.items():
        yield from _commands(f"{name} {word}".strip(), one)


@pytest.mark.parametrize("name", sorted(_commands("", typer.main.get_command(cli))))
def test_a_command_explains_itself_with_an_example(leadsync: Installation, name: str) -> None:
    found = leadsync(*name.split(), "--help")

    assert found.code == 0
    assert f"Example: leadsync {name}" in plain(found.out)


def test_help_needs_half_a_second_of_work_at_most() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", "from leadsync.cli import main; main()", "--help"], check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_the_version_is_told(leadsync: Installation) -> None:
    found = leadsync("--version")

    assert (found.code, found.out.split()[0]) == (0, "leadsync")


def test_a_ledger_is_backed_up_exported_checked_and_restored(leadsync: Installation, tmp_path: Path) -> None:
    leadsync("sync")
    copy, export = tmp_path / "copy.db", tmp_path / "export.db"

    assert leadsync("ledger", "backup", str(copy)).code == 0
    assert leadsync("ledger", "export", str(export)).code == 0
    assert leadsync("ledger", "export", str(export)).code == 5
    assert leadsync("ledger", "check", "--json").data == {"problems": []}
    with sqlite3.connect(export) as con:
        assert con.execute("SELECT count(*) > 0 FROM v_people").fetchone() == (1,)
    restored = leadsync("ledger", "restore", str(copy))
    assert restored.code == 0, restored.err
    assert ".before-restore" in restored.err


def test_a_restored_ledger_sends_nothing_until_somebody_has_looked(leadsync: Installation, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    leadsync("sync")
    leadsync("ledger", "backup", str(copy))
    leadsync("sync")
    leadsync("ledger", "restore", str(copy))

    held = leadsync("sync", "--deliver")
    assert "nothing was sent (recovery)" in held.err
    assert leadsync("recover").code == 2
    assert leadsync("recover", "--discard").code == 0
    assert "nothing was sent" not in leadsync("sync", "--deliver").err
    assert leadsync("recover", "--discard").code == 1


def test_a_backup_that_is_none_is_not_restored(leadsync: Installation, tmp_path: Path) -> None:
    leadsync("sync")
    content = leadsync.ledger.read_bytes()
    wrong = tmp_path / "letter.db"
    wrong.write_text("dear aunt" * 1000, encoding="utf-8")

    assert leadsync("ledger", "restore", str(wrong)).code == 5
    assert leadsync("ledger", "restore", str(tmp_path / "nothing.db")).code == 5
    assert leadsync.ledger.read_bytes() == content


def test_a_retry_names_what_it_cannot_find(leadsync: Installation) -> None:
    leadsync("sync")

    found = leadsync("outbox", "retry", "no-such-effect")

    assert found.code == 1
    assert "no-such-effect" in found.err


def test_a_pause_file_stops_what_is_sent_but_not_what_is_seen(leadsync: Installation) -> None:
    leadsync.ledger.parent.mkdir()
    (leadsync.ledger.parent / "pause").touch()

    found = leadsync("sync", "--deliver")

    assert found.code == 0
    assert "nothing was sent (paused)" in found.err
    with open_ledger(leadsync.ledger) as ledger:
        assert ledger.counts()["persons"]["decided"] > 0


def test_schemas_are_written_for_editors(leadsync: Installation, tmp_path: Path) -> None:
    assert leadsync("check", "--schema", str(tmp_path / "schemas")).code == 0
    assert "properties" in json.loads((tmp_path / "schemas" / "leadsync.json").read_text())


def test_a_file_that_nobody_reads_is_noted(leadsync: Installation) -> None:
    (leadsync.folder / "mappings" / "hubspot.yaml").write_text("a: 1\n...\n", encoding="utf-8")

    found = leadsync("check")

    assert found.code == 0
    assert "hubspot.yaml: no CRM in config has this name" in found.out
