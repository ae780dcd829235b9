"""The Salesforce CLI against a sandbox: every command that reads or writes rows, as a person types it."""

import csv
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from box import Box

_SECONDS = 180
_SETTINGS = {
    "SF_DISABLE_TELEMETRY": "true",
    "SF_AUTOUPDATE_DISABLE": "true",
    "SF_SKIP_NEW_VERSION_CHECK": "true",
    "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
    # The org's host is the loopback: there is no DNS entry to wait for.
    "SF_DISABLE_DNS_CHECK": "true",
}


@dataclass(frozen=True, slots=True)
class Cli:
    """The command `sf` with a home of its own, logged in to one box."""

    program: Path
    path: str
    folder: Path
    box: Box

    def run(self, *words: str) -> str:
        """What a command prints; AssertionError when it fails."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        # Whatever the caller has set for a CLI of their own stays out of this one.
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("SF_", "SFDX_"))}
        own = {"HOME": str(home), "PATH": self.path, "SF_ACCESS_TOKEN": self.box.ready["token"]}
        environment = {**outside, **_SETTINGS, **own}
        done = subprocess.run(
            [str(self.program), *words], env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, timeout=_SECONDS,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise AssertionError(f"sf {' '.join(words)}: {(done.stdout + done.stderr).strip()}")
        return done.stdout

    def json(self, *words: str) -> Any:
        """The result of a command on the box."""
        answer = json.loads(self.run(*words, "--target-org", "box", "--json"))
        assert answer["status"] == 0, answer
        return answer["result"]

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """What the box answers to a raw request."""
        words = ["api", "request", "rest", path, "--method", method, "--target-org", "box"]
        if body is not None:
            words += ["--body", json.dumps(body), "--header", "Content-Type: application/json"]
        return json.loads(self.run(*words))

    def rows(self, soql: str, *more: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json("data", "query", "--query", soql, *more)["records"]
        return found

    def sheet(self, name: str, rows: list[dict[str, str]]) -> str:
        """A CSV file of rows."""
        path = self.folder / f"{name}.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return str(path)


def steps() -> Iterator[tuple[str, Callable[[Cli], None]]]:
    """The steps in their order: the log-in comes first."""
    yield from (
        ("log in", _log_in), ("query", _query), ("paging", _paging), ("describe", _describe), ("create", _create),
        ("update", _update), ("delete", _delete), ("collections", _collections), ("upsert", _upsert),
        ("updated and deleted", _updated_and_deleted), ("bulk query", _bulk_query), ("bulk ingest", _bulk_ingest),
        ("composite", _composite), ("limits", _limits),
    )  # fmt: skip


def _named(what: str) -> str:
    return f"sf-{what.replace(' ', '-')}"


def _leads(what: str, many: int) -> list[dict[str, str]]:
    return [{"LastName": f"L{n}", "Company": _named(what)} for n in range(many)]


def _of(what: str, columns: str = "Id") -> str:
    return f"SELECT {columns} FROM Lead WHERE Company = '{_named(what)}'"


def _refusal(cli: Cli, soql: str) -> str:
    """What the client says about a query that it cannot have answered; nothing when it is answered."""
    try:
        cli.rows(soql)
    except AssertionError as refused:
        return str(refused)
    return ""


def _log_in(cli: Cli) -> None:
    url = cli.box.ready["url"]
    answer = cli.run("org", "login", "access-token", "--instance-url", url, "--no-prompt", "--alias", "box", "--json")
    assert json.loads(answer)["result"]["username"] == "integration@acme.example", answer
    shown = cli.json("org", "display")
    assert (shown["connectedStatus"], shown["username"]) == ("Connected", "integration@acme.example"), shown


def _query(cli: Cli) -> None:
    cli.box.control("load", Lead=[{"LastName": "Osei", "Company": _named("query"), "LeadSync_Score__c": 72}])
    columns = "Id, Name, LeadSync_Score__c, IsConverted, Owner.Name, CreatedBy.Profile.Name, CreatedDate"
    soql = _of("query", columns)
    (row,) = cli.rows(soql)
    assert (row["Name"], row["LeadSync_Score__c"]) == ("Osei", 72), row
    # Everything but --json asks for the columns of the result in a second request.
    (line,) = csv.DictReader(cli.run("data", "query", "-o", "box", "-q", soql, "-r", "csv").splitlines())
    assert list(line) == [column.strip() for column in columns.split(",")], line
    assert "Osei" in cli.run("data", "query", "-o", "box", "-q", soql)
    grouped = cli.run(
        "data", "query", "-o", "box", "-q", f"{_of('query', 'Status, COUNT(Id) n')} GROUP BY Status", "-r", "csv"
    )
    assert grouped.splitlines() == ["Status,n", "Inquiry,1"], grouped
    assert cli.json("data", "query", "--query", _of("query", "COUNT()"))["totalSize"] == 1
    assert "No such column" in _refusal(cli, "SELECT Nonsense FROM Lead")


def _paging(cli: Cli) -> None:
    cli.box.control("load", Lead=_leads("paging", 2_300))
    assert len({row["Id"] for row in cli.rows(_of("paging"))}) == 2_300


def _describe(cli: Cli) -> None:
    described = cli.json("sobject", "describe", "--sobject", "Lead")
    assert any(field["name"] == "LeadSync_Score__c" for field in described["fields"])
    assert {"Lead", "Contact"} <= set(cli.json("sobject", "list", "--sobject", "all"))


def _created(cli: Cli, what: str) -> str:
    values = f"LastName=Osei Company={_named(what)}"
    made: str = cli.json("data", "create", "record", "--sobject", "Lead", "--values", values)["id"]
    return made


def _create(cli: Cli) -> None:
    made = _created(cli, "create")
    assert cli.json("data", "get", "record", "--sobject", "Lead", "--record-id", made)["LastName"] == "Osei"
    where = f"Company='{_named('create')}' LastName='Osei'"
    assert cli.json("data", "get", "record", "--sobject", "Lead", "--where", where)["Id"] == made


def _update(cli: Cli) -> None:
    made = _created(cli, "update")
    cli.json("data", "update", "record", "--sobject", "Lead", "--record-id", made, "--values", "Title='Chief of all'")
    assert cli.rows(_of("update", "Title"))[0]["Title"] == "Chief of all"


def _delete(cli: Cli) -> None:
    cli.json("data", "delete", "record", "--sobject", "Lead", "--record-id", _created(cli, "delete"))
    assert cli.rows(_of("delete")) == []
    assert len(cli.rows(_of("delete"), "--all-rows")) == 1


def _collections(cli: Cli) -> None:
    records = [{"attributes": {"type": "Lead"}, **lead} for lead in _leads("collections", 2)]
    made = cli.rest(
        "POST", "/services/data/v65.0/composite/sobjects", {"records": [*records, {**records[0], "LastName": None}]}
    )
    assert [item["success"] for item in made] == [True, True, False], made


def _upsert(cli: Cli) -> None:
    path = "/services/data/v65.0/sobjects/Contact/Legacy_Id__c/sf-1"
    made, changed = (cli.rest("PATCH", path, {"LastName": name}) for name in ("x", "y"))
    assert (made["created"], changed["created"], made["id"]) == (True, False, changed["id"])


def _updated_and_deleted(cli: Cli) -> None:
    kept, gone = (_created(cli, "updated") for _ in range(2))
    cli.json("data", "delete", "record", "--sobject", "Lead", "--record-id", gone)
    now = cli.box.now()
    cli.box.control("advance", seconds=120)
    start, end = ((now + timedelta(minutes=n)).strftime("%Y-%m-%dT%H:%M:%SZ") for n in (-1, 1))
    asked = "/services/data/v65.0/sobjects/Lead/{}?start={}&end={}"
    assert kept in cli.rest("GET", asked.format("updated", start, end))["ids"]
    assert gone in {row["id"] for row in cli.rest("GET", asked.format("deleted", start, end))["deletedRecords"]}


def _bulk_query(cli: Cli) -> None:
    cli.box.control("load", Lead=_leads("bulk query", 2_300))
    for form in ("csv", "json"):
        path = cli.folder / f"exported.{form}"
        words = ("--query", _of("bulk query", "Id, LastName"), "--output-file", str(path), "--result-format", form)
        result = cli.json("data", "export", "bulk", *words, "--wait", "2")
        assert result["totalSize"] == 2_300, result
        rows = list(csv.DictReader(path.open(newline=""))) if form == "csv" else json.loads(path.read_text())
        assert len({row["Id"] for row in rows}) == 2_300


def _bulk_ingest(cli: Cli) -> None:
    def load(words: str, rows: list[dict[str, str]], *more: str) -> Any:
        file = cli.sheet(words.partition(" ")[0], rows)
        return cli.json(
            "data", *words.split(), "--sobject", "Lead", "--file", file, "--line-ending", "LF", "--wait", "2", *more
        )

    made = load("import bulk", _leads("bulk", 4))
    assert (made["processedRecords"], made["failedRecords"]) == (4, 0), made
    outcome = cli.json("data", "bulk", "results", "--job-id", made["jobId"])
    assert (outcome["status"], outcome["successfulRecords"]) == ("JobComplete", 4), outcome
    ids = [row["Id"] for row in cli.rows(_of("bulk"))]
    load("update bulk", [{"Id": found, "Title": "CFO"} for found in ids])
    assert {row["Title"] for row in cli.rows(_of("bulk", "Title"))} == {"CFO"}
    load("upsert bulk", [{**lead, "Legacy_Id__c": f"sf bulk {n}"} for n, lead in enumerate(_leads("bulk", 2))],
         "--external-id", "Legacy_Id__c")  # fmt: skip
    load("delete bulk", [{"Id": found} for found in ids])
    assert len(cli.rows(_of("bulk"))) == 2


def _composite(cli: Cli) -> None:
    parts = [{"method": "GET", "url": "/services/data/v65.0/limits", "referenceId": "a"}]
    answer = cli.rest("POST", "/services/data/v65.0/composite", {"compositeRequest": parts})
    assert answer["compositeResponse"][0]["httpStatusCode"] == 200, answer


def _limits(cli: Cli) -> None:
    (daily,) = [limit for limit in cli.json("org", "list", "limits") if limit["name"] == "DailyApiRequests"]
    assert daily["max"] == 100_000, daily
