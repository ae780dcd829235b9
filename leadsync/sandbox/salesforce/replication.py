"""The replication resources: which rows were updated or deleted in a span of time, and how far that is complete.

Seconds are ignored, spans are half-open. `latestDateCovered` is the earliest of the end, now, and the start of the oldest
transaction that is not visible yet (REST API Developer Guide, "Get Updated"; Object Reference, GetUpdatedResult).
"""

from datetime import UTC, datetime, timedelta

from leadsync.sandbox.box import whole_minute
from leadsync.sandbox.calls import Answer
from leadsync.sandbox.rows import instant
from leadsync.sandbox.salesforce.desk import Desk
from leadsync.sandbox.salesforce.encode import encode_instant
from leadsync.sandbox.salesforce.errors import ApiError

_UPDATED_REACH, _DELETED_REACH = timedelta(days=30), timedelta(days=15)
_MOST_IDS = 600_000


def updated(desk: Desk, name: str) -> Answer:
    """Ids of rows created or changed in the span."""
    kind = desk.object(name)
    start, end = _span(desk, _UPDATED_REACH)
    table = desk.box.store.tables[kind.name]
    index = table.stamps["SystemModstamp" if "SystemModstamp" in kind.fields else "CreatedDate"]
    ids = [row["Id"] for row in index.walk(table.rows, start, end) if not row["IsDeleted"]]
    _check_count(len(ids))
    return Answer(200, {"ids": ids, "latestDateCovered": _covered(desk, end)})


def deleted(desk: Desk, name: str) -> Answer:
    """Ids of rows deleted in the span and not restored since."""
    kind = desk.object(name)
    start, end = _span(desk, _DELETED_REACH)
    gone = desk.box.store.tables[kind.name].deletions(start, end)
    _check_count(len(gone))
    return Answer(
        200,
        {
            "deletedRecords": [{"id": record_id, "deletedDate": encode_instant(at)} for at, record_id in gone],
            "earliestDateAvailable": encode_instant(whole_minute(desk.now - _DELETED_REACH)),
            "latestDateCovered": _covered(desk, end),
        },
    )


def _span(desk: Desk, reach: timedelta) -> tuple[datetime, datetime]:
    try:
        start, end = (
            whole_minute(instant(desk.call.query[name].replace(" ", "+"))).astimezone(UTC) for name in ("start", "end")
        )
    except KeyError as error:
        raise ApiError(400, "INVALID_REPLICATION_DATE", f"{error.args[0]} is required") from None
    except ValueError:
        raise ApiError(400, "INVALID_REPLICATION_DATE", "start and end are ISO 8601 date/times") from None
    if start >= end:
        raise ApiError(400, "INVALID_REPLICATION_DATE", "startDate before endDate is required, by a minute at least")
    if start < whole_minute(desk.now - reach):
        raise ApiError(400, "INVALID_REPLICATION_DATE", f"startDate cannot be more than {reach.days} days ago")
    return start, end


def _covered(desk: Desk, end: datetime) -> str:
    ends = [end, whole_minute(desk.now)]
    oldest = desk.box.store.oldest_in_flight()
    return encode_instant(min(*ends, oldest) if oldest is not None else min(ends))


def _check_count(count: int) -> None:
    if count > _MOST_IDS:
        raise ApiError(400, "EXCEEDED_ID_LIMIT", "too many ids in the span of time: use a narrower one")
