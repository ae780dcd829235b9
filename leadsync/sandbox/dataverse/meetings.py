"""Ticks appointments off once they are over, as their organisers do in Dynamics.

The store's events have no state: a meeting that has ended was held. Dataverse tells of it only when the row changes, so the
change is made, by the owner, at the first request after the end.
"""

from datetime import datetime
from heapq import heappop, heappush

from leadsync.sandbox.store import Store

COMPLETED = 3


class Meetings:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = 0
        self._ends: list[tuple[datetime, str]] = []

    def settle(self, now: datetime) -> None:
        """Complete what has ended by now and was neither completed nor canceled."""
        events = self._store.tables["Event"]
        for row in events.since(self._seen):
            if row["EndDateTime"] is not None and row["statuscode"] is None:
                heappush(self._ends, (row["EndDateTime"], row["Id"]))
        self._seen = self._store.version
        while self._ends and self._ends[0][0] <= now:
            end, record_id = heappop(self._ends)
            row = events.rows[record_id]
            if row["EndDateTime"] == end and row["statuscode"] is None and not row["IsDeleted"]:
                with self._store.tx(by=row["OwnerId"], via="person", at=max(end, row["CreatedDate"])) as tx:
                    tx.force("Event", record_id, {"statuscode": COMPLETED})
