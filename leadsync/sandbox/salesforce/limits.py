"""GET /limits. What the org may still do; the header Sforce-Limit-Info is `Org`'s."""

from typing import TYPE_CHECKING

from leadsync.sandbox.calls import Answer

if TYPE_CHECKING:
    from leadsync.sandbox.salesforce.desk import Desk

DEFAULT_LIMIT = 100_000
_QUERY_JOBS = 10_000


def limits(desk: "Desk") -> Answer:
    """The limits that clients look at."""

    def amount(most: int, used: int = 0) -> dict[str, int]:
        return {"Max": most, "Remaining": max(0, most - used)}

    return Answer(
        200,
        {
            "DailyApiRequests": amount(desk.org.limit, desk.org.used()),
            "DailyBulkApiBatches": amount(15_000),
            "DailyBulkV2QueryJobs": amount(_QUERY_JOBS, desk.org.jobs.queries_made),
            "DailyBulkV2QueryFileStorageMB": amount(976_562),
            "DailyAsyncApexExecutions": amount(250_000),
            "DailyStreamingApiEvents": amount(10_000),
            "DataStorageMB": amount(10_240),
            "FileStorageMB": amount(10_240),
            "HourlyODataCallout": amount(1_000),
            "SingleEmail": amount(5_000),
        },
    )
