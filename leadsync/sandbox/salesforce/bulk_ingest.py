"""Bulk 2.0 ingest jobs: open, upload CSV, close, look; then the lines that succeeded, failed or were never tried."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.ids import canonical, nth_id
from leadsync.sandbox.salesforce import writes
from leadsync.sandbox.salesforce.bulk_jobs import JOB_PREFIX, Job, Outcome, described, job_format, listed, written
from leadsync.sandbox.salesforce.desk import Desk
from leadsync.sandbox.salesforce.errors import ApiError
from leadsync.sandbox.salesforce.rows import external_key, matching, transaction
from leadsync.sandbox.schema import ObjectType

_CSV = "text/csv"
_MOST_BYTES = 150_000_000
_OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
_CLEAR = "#N/A"


def jobs(desk: Desk) -> Answer:
    return Answer(200, listed(desk, query=False))


def create(desk: Desk) -> Answer:
    body = desk.call.json()
    delimiter, line_end = job_format(body)
    operation = body.get("operation")
    if operation not in _OPERATIONS:
        raise ApiError(400, "INVALIDJOB", f"operation is one of {', '.join(_OPERATIONS)}")
    kind = desk.object(str(body.get("object")))
    key = body.get("externalIdFieldName")
    if operation == "upsert" and (key is None or external_key(desk, kind, key) is None):
        raise ApiError(400, "INVALIDJOB", f"Field name not found or no external ID: {key}")
    job = Job(
        nth_id(JOB_PREFIX, desk.org.jobs.next_number()), operation, kind, desk.version, delimiter, line_end, desk.now,
        "Open", external_key=key,
    )  # fmt: skip
    desk.org.jobs.add(job)
    return Answer(200, described(desk, job))


def upload(desk: Desk, job_id: str) -> Answer:
    """Take the job's CSV; there is one upload per job."""
    job = desk.org.jobs.get(job_id, query=False)
    if job.state != "Open" or job.content:
        raise ApiError(400, "INVALIDJOBSTATE", f"data cannot be uploaded in state {job.state} or twice")
    if len(desk.call.body) > _MOST_BYTES:
        raise ApiError(413, "REQUEST_TOO_LARGE", "at most 150 MB of data per job")
    job.content = desk.call.body
    return Answer(201)


def change(desk: Desk, job_id: str) -> Answer:
    """Close the upload or abort the job."""
    job = desk.org.jobs.get(job_id, query=False)
    body = desk.call.json()
    state = body.get("state") if isinstance(body, dict) else None
    if job.state not in ("Open", "UploadComplete") or state not in ("UploadComplete", "Aborted"):
        raise ApiError(400, "INVALIDJOBSTATE", f"a job in state {job.state} cannot become {state}")
    job.state = state
    lines = list(
        csv.reader(io.StringIO(job.content.decode("utf-8-sig", "replace"), newline=""), delimiter=job.csv_format[0])
    )
    job.header, job.unprocessed = (lines[0], lines[1:]) if lines else ([], [])
    return Answer(200, described(desk, job))


def show(desk: Desk, job_id: str) -> Answer:
    """The job; a closed one is processed at the first look."""
    job = desk.org.jobs.get(job_id, query=False)
    if job.state == "UploadComplete":
        _process(desk, job)
    return Answer(200, described(desk, job))


def remove(desk: Desk, job_id: str) -> Answer:
    desk.org.jobs.remove(desk.org.jobs.get(job_id, query=False))
    return Answer(204)


def results(desk: Desk, job_id: str, which: str) -> Answer:
    """The lines that succeeded, failed, or were not processed, with their outcome in front."""
    job = desk.org.jobs.get(job_id, query=False)
    if job.state == "UploadComplete":
        _process(desk, job)
    match which:
        case "successfulResults":
            header = ["sf__Id", "sf__Created", *job.header]
            done = [o for o in job.outcomes if o.error is None]
            lines = [[o.id, "true" if o.created else "false", *o.line] for o in done]
        case "failedResults":
            header = ["sf__Id", "sf__Error", *job.header]
            lines = [[o.id, o.error, *o.line] for o in job.outcomes if o.error is not None]
        case _:
            header, lines = job.header, job.unprocessed
    return Answer(200, written(header, lines, *job.csv_format), {"Sforce-NumberOfRecords": str(len(lines))}, _CSV)


def _process(desk: Desk, job: Job) -> None:
    for line in job.unprocessed:
        job.outcomes.append(_line(desk, job, line))
    job.unprocessed, job.content, job.state = [], b"", "JobComplete"


def _line(desk: Desk, job: Job, line: Sequence[str]) -> Outcome:
    given = dict(zip(job.header, line, strict=False))
    record_id = next((value for name, value in given.items() if name.lower() == "id"), "")
    # An empty cell leaves the field as it is and #N/A clears it (assumed).
    values = {n: None if v == _CLEAR else v for n, v in given.items() if v != "" and n.lower() != "id"}
    try:
        with transaction(desk) as tx:
            match job.operation:
                case "insert":
                    return Outcome(line, writes.insert(desk, tx, job.object, values), created=True)
                case "upsert":
                    return _upserted(desk, job, line, {**values, **({"Id": record_id} if record_id else {})})
                case "update":
                    found = _id(job.object, record_id)
                    writes.update(desk, tx, job.object, found, values)
                case _:
                    found = _id(job.object, record_id)
                    writes.delete(desk, tx, job.object, found)
            return Outcome(line, found)
    except ApiError as error:
        return Outcome(line, record_id, error=f"{error.code}:{error.message}:{' '.join(error.fields or ())} --")


def _upserted(desk: Desk, job: Job, line: Sequence[str], values: Mapping[str, Any]) -> Outcome:
    key = external_key(desk, job.object, job.external_key or "")
    assert key is not None
    given = next((v for n, v in values.items() if n.lower() == key.name.lower()), None)
    plain = {n: v for n, v in values.items() if n.lower() != "id"}
    with transaction(desk) as tx:
        matches = matching(desk, job.object, key, str(given)) if given else []
        if len(matches) > 1:
            raise ApiError(
                400, "DUPLICATE_EXTERNAL_ID", f"{key.name}: more than one record found for external id field"
            )
        if matches:
            writes.update(desk, tx, job.object, matches[0]["Id"], plain)
            return Outcome(line, matches[0]["Id"])
        if key.name != "Id" and not given:
            raise ApiError(400, "MISSING_ARGUMENT", f"{key.name} not specified")
        return Outcome(line, writes.insert(desk, tx, job.object, plain), created=True)


def _id(kind: ObjectType, text: str) -> str:
    found = canonical(text)
    if found is None or found[:3] != kind.prefix:
        raise ApiError(400, "MALFORMED_ID", f"bad id {text}")
    return found
