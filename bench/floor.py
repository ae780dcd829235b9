"""The floor: the smallest program that does the work of a mirror with a status history, with no product around it.

HTTP read, typed decode by msgspec, upsert by Id, spans of the status, one commit for each page.
"""

import http.client
import json
import sqlite3
import sys
import time
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

STATUS = {"Lead": "Status", "Contact": "Contact_Status__c"}
PAGE = 2000


def main() -> None:
    """Load both objects of the job on the command line into a file, by Id in pages or by stamp from `since`."""
    job = json.loads(sys.argv[1])
    cpu, wall = time.process_time(), time.perf_counter()
    con = sqlite3.connect(job["file"], isolation_level=None)
    con.execute("PRAGMA journal_mode=WAL")
    con.execute("PRAGMA synchronous=FULL")
    con.execute(
        "CREATE TABLE IF NOT EXISTS spans (id TEXT, n INTEGER, status TEXT, entered_at TEXT, left_at TEXT,"
        " PRIMARY KEY (id, n)) WITHOUT ROWID"
    )
    rows = 0
    for native, columns in job["columns"].items():
        rows += load(job, con, native, columns)
    print(json.dumps({"rows": rows, "cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}))


def load(job: dict[str, Any], con: sqlite3.Connection, native: str, columns: list[str]) -> int:
    """Load one object and return how many rows came."""
    # A column of a parent comes as an object of its own; it is kept as it is, since this costs the least.
    wire = [name.split(".")[0] for name in columns]
    row = msgspec.defstruct(
        "Row", [(f"c{n}", msgspec.Raw if "." in name else Any) for n, name in enumerate(columns)],
        rename={f"c{n}": name for n, name in enumerate(wire)}, gc=False,
    )  # fmt: skip
    page = msgspec.defstruct("Page", [("records", list[row]), ("nextRecordsUrl", str | None, None)])  # type: ignore[valid-type]
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(page)
    con.execute(f"CREATE TABLE IF NOT EXISTS {native} ({', '.join(wire)}, PRIMARY KEY (Id))")
    marks = ", ".join("?" * len(columns))
    updates = ", ".join(f"{name} = excluded.{name}" for name in wire if name != "Id")
    upsert = (
        f"INSERT INTO {native} ({', '.join(wire)}) VALUES ({marks}) ON CONFLICT (Id) DO UPDATE SET {updates}"
        f" WHERE excluded.SystemModstamp > {native}.SystemModstamp"
    )
    key, status, stamp = columns.index("Id"), columns.index(STATUS[native]), columns.index("SystemModstamp")
    link = http.client.HTTPConnection(urlsplit(job["url"]).netloc)
    last, rows = "", 0
    while True:
        if job.get("since"):
            query = f"SELECT {', '.join(columns)} FROM {native} WHERE SystemModstamp >= {job['since']}"
        else:
            beyond = f" WHERE Id > '{last}'" if last else ""
            query = f"SELECT {', '.join(columns)} FROM {native}{beyond} ORDER BY Id LIMIT {PAGE}"
        path = f"/services/data/v65.0/query?q={quote(query)}"
        count = 0
        while path:
            link.request("GET", path, headers={"Authorization": f"Bearer {job['token']}"})
            found = decoder.decode(link.getresponse().read())
            page_rows = [msgspec.structs.astuple(one) for one in found.records]
            count += len(page_rows)
            if page_rows:
                last = page_rows[-1][key]
                store(con, upsert, page_rows, key, status, stamp)
            path = found.nextRecordsUrl or ""
        rows += count
        if count < PAGE or job.get("since"):
            return rows


def store(con: sqlite3.Connection, upsert: str, rows: list[Any], key: int, status: int, stamp: int) -> None:
    """Write one page and the spans that follow from it, in one transaction."""
    con.execute("BEGIN IMMEDIATE")
    ids = json.dumps([row[key] for row in rows])
    open_spans = {
        one[0]: one
        for one in con.execute(
            "SELECT id, n, status FROM spans WHERE left_at IS NULL AND id IN (SELECT value FROM json_each(?))", (ids,)
        )
    }
    begun, ended = [], []
    for row in rows:
        before = open_spans.get(row[key])
        if before is None:
            begun.append((row[key], 0, row[status], row[stamp]))
        elif before[2] != row[status]:
            ended.append((row[stamp], row[key], before[1]))
            begun.append((row[key], before[1] + 1, row[status], row[stamp]))
    con.executemany(upsert, rows)
    con.executemany("UPDATE spans SET left_at = ? WHERE id = ? AND n = ?", ended)
    con.executemany("INSERT INTO spans (id, n, status, entered_at) VALUES (?, ?, ?, ?)", begun)
    con.execute("COMMIT")


if __name__ == "__main__":
    main()
