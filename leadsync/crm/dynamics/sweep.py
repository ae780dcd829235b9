"""Listing every lead or contact with stamp and status, to be compared with the ledger: a few columns, in pages."""

from collections.abc import Iterator

from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.odata import PAGE, Columns
from leadsync.crm.dynamics.rows import RecordReader
from leadsync.crm.dynamics.stages import REASON, STATE
from leadsync.crm.values import instant, named
from leadsync.errors import ObjectBlocked
from leadsync.ports import Swept


def sweep(client: Client, reader: RecordReader) -> Iterator[Swept]:
    """Yield every row of a table but those merged away; raises ObjectBlocked when it cannot be read."""
    table = reader.columns.table
    columns = Columns(table, reader.sweep_columns)
    more: str | None = columns.query(order=f"{table.key} asc")
    while more:
        answer = client.read(more, table.name, headers={"Prefer": f"odata.maxpagesize={PAGE}"})
        found = columns.decode(answer.body)
        more = found.more
        for cells in found.rows:
            row = named(columns.names, cells)
            if row.get("merged"):
                continue
            try:
                at = instant(row["modifiedon"])
            except ValueError:
                raise ObjectBlocked(f"{table.name}: a row without a readable modifiedon") from None
            stage = row[reader.stages.column.name]
            yield Swept(str(cells[0]), at, reader.stage_value(stage, row.get(STATE), row.get(REASON))[0])
