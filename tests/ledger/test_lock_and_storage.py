"""One writer, whole transactions, damaged and full disks, backups."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ledger_facts import Books, a_record, at

from leadsync.errors import LockHeld, StorageFailed, WrongOrg
from leadsync.ledger import open_ledger
from leadsync.ledger.backup import backup, check, export, restore
from leadsync.ledger.lock import refuse_remote

FACTS = str(Path(__file__).parent.parent / "shared")

WRITER = f"""
import sys
sys.path.insert(0, {FACTS!r})
from ledger_facts import *
from leadsync.ledger import open_ledger
books = Books(open_ledger(sys.argv[1]))
print("open", flush=True)
for page in range(10_000):
    books.see(*(a_record(f"00Q{{page * 50 + n:06}}") for n in range(50)), progress=str(page))
    print(page, flush=True)
"""


def a_writer(path: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def test_a_second_process_is_told_that_the_ledger_is_held_and_may_still_read(path: Path) -> None:
    writer = a_writer(path)
    try:
        with pytest.raises(LockHeld, match="another leadsync"):
            open_ledger(path)
        with pytest.raises(LockHeld):
            restore(path, path)
        with open_ledger(path, read_only=True) as reader:
            assert reader.counts()["records"] is not None
            with pytest.raises(StorageFailed):
                reader.set_meta("a", "b")
    finally:
        writer.kill()
        writer.wait()
        assert writer.stdout is not None
        writer.stdout.close()


def test_a_process_killed_at_any_moment_leaves_whole_pages_and_no_lock(path: Path) -> None:
    for number in range(4):
        writer = a_writer(path)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.05 * number)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        assert check(path) == ()
        with open_ledger(path) as ledger:
            records, transitions, spans, persons = (
                ledger.con.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("records", "transitions", "spans", "persons")
            )
            assert records == transitions == spans == persons
            assert records % 50 == 0
            assert ledger.marks("salesforce")["lead"].progress is not None
        path.unlink()


def test_each_start_is_a_later_epoch(path: Path) -> None:
    epochs = []
    for _ in range(3):
        with open_ledger(path) as ledger:
            epochs.append(ledger.epoch)
    assert epochs == [1, 2, 3]


def test_a_process_that_was_taken_over_may_send_nothing(books: Books) -> None:
    books.ledger.set_meta("epoch", "99")
    with pytest.raises(LockHeld):
        books.ledger.claim(["e1"], at(0))


def test_the_ledger_is_nobody_elses_to_read(path: Path) -> None:
    with open_ledger(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_settings_that_keep_the_ledger_safe_are_in_force(books: Books) -> None:
    values = {
        name: books.rows(f"PRAGMA {name}")[0][0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "recursive_triggers", "mmap_size")
    }
    assert values == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "recursive_triggers": 1,
        "mmap_size": 0,
    }  # fmt: skip


def test_a_network_disk_is_refused(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path}/net\\040share nfs4 rw 0 0\n")
    refuse_remote(tmp_path / "local" / "ledger.db", mounts)
    with pytest.raises(StorageFailed, match="network file system"):
        refuse_remote(tmp_path / "net share" / "ledger.db", mounts)


def test_another_programs_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE theirs (a)")
    con.close()
    with pytest.raises(StorageFailed, match="another program"):
        open_ledger(path)


def test_a_damaged_ledger_is_refused_and_left_alone(path: Path) -> None:
    with open_ledger(path) as ledger:
        Books(ledger).see(*(a_record(f"00Q{n:04}") for n in range(300)))
    data = bytearray(path.read_bytes())
    data[40_960:81_920] = b"\xff" * 40_960
    path.write_bytes(data)
    with pytest.raises(StorageFailed, match="restore"):
        open_ledger(path)
    assert path.read_bytes() == bytes(data)


def test_a_newer_releases_ledger_is_refused(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.con.execute("PRAGMA user_version=999")
    with pytest.raises(StorageFailed, match="newer"):
        open_ledger(path)


def test_a_full_disk_stops_everything_and_keeps_what_was_whole(books: Books) -> None:
    books.see(a_record("00Q0"))
    pages = books.rows("PRAGMA page_count")[0][0]
    books.ledger.con.execute(f"PRAGMA max_page_count={pages + 4}")
    with pytest.raises(StorageFailed, match="full"):
        books.see(*(a_record(f"00Q{n:05}") for n in range(1, 2000)))
    assert books.rows("SELECT count(*) FROM records") == [(1,)]
    books.ledger.con.execute("PRAGMA max_page_count=1000000")
    assert books.see(a_record("00Q1")).new == 1


def test_a_backup_made_while_writing_is_whole_and_can_be_restored(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "backups" / "monday.db"
    with open_ledger(path) as ledger:
        books = Books(ledger)
        books.see(a_record("00Q1"))
        backup(path, copy)
        books.see(a_record("00Q2"))
        export(path, tmp_path / "copy.db")
        with pytest.raises(StorageFailed, match="already"):
            export(path, tmp_path / "copy.db")
    assert check(copy) == ()

    with open_ledger(path) as ledger:
        assert ledger.recovery() is None
    restore(copy, path)

    with open_ledger(path) as ledger:
        assert ledger.con.execute("SELECT id FROM records").fetchall() == [("00Q1",)]
        assert ledger.epoch == 3
        assert "epoch 2" in (ledger.recovery() or "")
        ledger.recovered()
        assert ledger.recovery() is None
    assert Path(f"{path}.before-restore").exists()


def test_a_damaged_backup_is_not_restored(path: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.db"
    bad.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StorageFailed):
        restore(bad, path)
    assert not path.exists()


def test_a_ledger_belongs_to_one_org_per_crm(books: Books) -> None:
    books.ledger.belong_to("salesforce", "00D1")
    books.ledger.belong_to("salesforce", "00D1")
    with pytest.raises(WrongOrg, match="00D2"):
        books.ledger.belong_to("salesforce", "00D2")
