"""The jobs of Bulk API 2.0: what is common to query and ingest jobs, and CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from leadsync.sandbox.rows import Row
from leadsync.sandbox.salesforce.desk import Desk
from leadsync.sandbox.salesforce.encode import encode_instant
from leadsync.sandbox.salesforce.errors import ApiError, not_found
from leadsync.sandbox.schema import ObjectType
from leadsync.sandbox.soql.columns import Column

Operation = Literal["query", "queryAll", "insert", "update", "upsert", "delete", "hardDelete"]
DELIMITERS = {"COMMA": ",", "SEMICOLON": ";", "TAB": "\t", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDS = {"LF": "\n", "CRLF": "\r\n"}
JOB_PREFIX = "750"


@dataclass(slots=True)
class Outcome:
    """What became of one line of an ingest job."""

    line: Sequence[str]
    id: str = ""
    created: bool = False
    error: str | None = None


@dataclass(slots=True)
class Job:
    id: str
    operation: Operation
    object: ObjectType
    version: str
    delimiter: str
    line_end: str
    created_at: datetime
    state: str
    query: str = ""
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    external_key: str | None = None
    content: bytes = b""
    header: list[str] = field(default_factory=list)
    unprocessed: list[list[str]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def is_query(self) -> bool:
        return self.operation in ("query", "queryAll")

    @property
    def csv_format(self) -> tuple[str, str]:
        return DELIMITERS[self.delimiter], LINE_ENDS[self.line_end]


class Jobs:
    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self.queries_made = 0

    def add(self, job: Job) -> None:
        self._jobs[job.id] = job
        self.queries_made += job.is_query

    def next_number(self) -> int:
        return len(self._jobs) + 1

    def get(self, job_id: str, *, query: bool) -> Job:
        job = self._jobs.get(job_id)
        if job is None or job.is_query is not query:
            raise not_found()
        return job

    def all(self, *, query: bool) -> list[Job]:
        return [job for job in self._jobs.values() if job.is_query is query]

    def remove(self, job: Job) -> None:
        if job.state not in ("JobComplete", "Aborted", "Failed"):
            raise ApiError(409, "INVALIDJOBSTATE", f"Deleting is not allowed in state {job.state}")
        del self._jobs[job.id]


def job_format(body: Any) -> tuple[str, str]:
    """The delimiter and line ending that a job's creation asks for, by their names; 400 for unknown ones."""
    if not isinstance(body, dict):
        raise ApiError(400, "INVALIDJOB", "the body is one JSON object")
    delimiter, line_end = body.get("columnDelimiter", "COMMA"), body.get("lineEnding", "LF")
    if body.get("contentType", "CSV") != "CSV" or delimiter not in DELIMITERS or line_end not in LINE_ENDS:
        raise ApiError(400, "INVALIDJOB", "unknown contentType, columnDelimiter or lineEnding")
    return delimiter, line_end


def described(desk: Desk, job: Job) -> dict[str, Any]:
    """A job as the API shows it."""
    body: dict[str, Any] = {
        "id": job.id, "operation": job.operation, "object": job.object.name, "createdById": desk.box.basics.integration,
        "createdDate": encode_instant(job.created_at), "systemModstamp": encode_instant(job.created_at),
        "state": job.state, "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": float(job.version),
        "lineEnding": job.line_end, "columnDelimiter": job.delimiter,
        "jobType": "V2Query" if job.is_query else "V2Ingest",
    }  # fmt: skip
    if job.external_key:
        body["externalIdFieldName"] = job.external_key
    if not job.is_query and job.state == "Open":
        body["contentUrl"] = f"services/data/v{job.version}/jobs/ingest/{job.id}/batches"
    if job.state == "JobComplete":
        done = len(job.rows) if job.is_query else len(job.outcomes)
        body.update(numberRecordsProcessed=done, retries=0, totalProcessingTime=1)
        if not job.is_query:
            failed = sum(1 for outcome in job.outcomes if outcome.error is not None)
            body.update(numberRecordsFailed=failed, apiActiveProcessingTime=1, apexProcessingTime=0)
    return body


def listed(desk: Desk, *, query: bool) -> dict[str, Any]:
    return {
        "done": True,
        "records": [described(desk, j) for j in desk.org.jobs.all(query=query)],
        "nextRecordsUrl": None,
    }


def written(header: Sequence[str], lines: Iterable[Sequence[Any]], delimiter: str, line_end: str) -> bytes:
    """CSV with every value in quotes, as the service writes it; blanks are empty."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows(lines)
    return out.getvalue().encode()
