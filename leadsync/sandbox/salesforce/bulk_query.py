"""Bulk 2.0 query jobs. A job takes its rows when it is created and is complete at the first look
(Bulk API 2.0 Developer Guide, "Query")."""

from collections.abc import Callable, Iterator
from typing import Any

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.ids import nth_id
from leadsync.sandbox.rows import Row
from leadsync.sandbox.salesforce.bulk_jobs import JOB_PREFIX, Job, described, job_format, listed, written
from leadsync.sandbox.salesforce.desk import Desk
from leadsync.sandbox.salesforce.encode import encoder_of
from leadsync.sandbox.salesforce.errors import ApiError
from leadsync.sandbox.soql import parse, run
from leadsync.sandbox.soql.columns import Column
from leadsync.sandbox.soql.run import object_named

_CSV = "text/csv"
_ONLY_BY_REST = frozenset(("LeadStatus",))
_DEFAULT_PAGE = 50_000


def jobs(desk: Desk) -> Answer:
    return Answer(200, listed(desk, query=True))


def create(desk: Desk) -> Answer:
    """Make a job; what Bulk does not support is refused at once."""
    body = desk.call.json()
    delimiter, line_end = job_format(body)
    operation, soql = body.get("operation"), body.get("query")
    if operation not in ("query", "queryAll") or not isinstance(soql, str):
        raise ApiError(400, "INVALIDJOB", "operation is query or queryAll, and query is required")
    parsed = parse(soql)
    kind = object_named(parsed)
    if kind.name in _ONLY_BY_REST:
        raise ApiError(400, "INVALIDENTITY", f"Entity '{kind.name}' is not supported by the Bulk API.")
    if parsed.aggregates or parsed.counts or parsed.offset:
        raise ApiError(
            400, "FEATURENOTENABLED", "Aggregate queries, GROUP BY and OFFSET are not supported by the Bulk API"
        )
    found = run(desk.env, parsed, deleted=operation == "queryAll" or parsed.all_rows)
    job = Job(
        nth_id(JOB_PREFIX, desk.org.jobs.next_number()), operation, kind, desk.version, delimiter, line_end, desk.now,
        "UploadComplete", query=soql, columns=found.columns, rows=found.rows,
    )  # fmt: skip
    desk.org.jobs.add(job)
    return Answer(200, described(desk, job))


def show(desk: Desk, job_id: str) -> Answer:
    job = desk.org.jobs.get(job_id, query=True)
    if job.state == "UploadComplete":
        job.state = "JobComplete"
    return Answer(200, described(desk, job))


def change(desk: Desk, job_id: str) -> Answer:
    """Abort a job."""
    job = desk.org.jobs.get(job_id, query=True)
    body = desk.call.json()
    if not isinstance(body, dict) or body.get("state") != "Aborted":
        raise ApiError(400, "INVALIDJOBSTATE", "the only possible state is Aborted")
    job.state = "Aborted"
    return Answer(200, described(desk, job))


def remove(desk: Desk, job_id: str) -> Answer:
    desk.org.jobs.remove(desk.org.jobs.get(job_id, query=True))
    return Answer(204)


def results(desk: Desk, job_id: str) -> Answer:
    """One page of rows as CSV; Sforce-Locator says where the next begins, `null` on the last. Pages can be read again."""
    job = desk.org.jobs.get(job_id, query=True)
    if job.state == "UploadComplete":
        job.state = "JobComplete"
    if job.state != "JobComplete":
        raise ApiError(400, "INVALIDJOBSTATE", f"results are not available in state {job.state}")
    if desk.version != job.version:
        raise ApiError(409, "API_VERSION_MISMATCH", f"the job was created with API version {job.version}")
    size = desk.call.query.get("maxRecords", "")
    page = int(size) if size.isdigit() and int(size) else _DEFAULT_PAGE
    locator = desk.call.query.get("locator", "")
    start = _place(locator)
    rows = job.rows[start : start + page]
    more = start + page < len(job.rows)
    headers = {
        "Sforce-Locator": _locator(start + page) if more else "null",
        "Sforce-NumberOfRecords": str(len(rows)),
    }
    names = [".".join(column.names) for column in job.columns]
    return Answer(200, written(names, _lines(job.columns, rows), *job.csv_format), headers, _CSV)


def _lines(columns: tuple[Column, ...], rows: tuple[Row, ...]) -> Iterator[list[Any]]:
    readers: list[tuple[Callable[[Row], Any], Callable[[Any], Any] | None]] = [
        (column.read, encoder_of(column.field)) for column in columns
    ]
    for row in rows:
        line = []
        for read, encode in readers:
            value = read(row)
            if value is None:
                value = ""
            elif value is True or value is False:
                value = "true" if value else "false"
            elif encode is not None:
                value = encode(value)
            line.append(value)
        yield line


def _locator(place: int) -> str:
    return f"MTAw{place:X}"


def _place(locator: str) -> int:
    if locator in ("", "null"):
        return 0
    try:
        return int(locator.removeprefix("MTAw"), 16)
    except ValueError:
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator") from None
