"""Listing every Lead or Contact with stamp and status, to be compared with the ledger: three or four columns, by Id."""

from collections.abc import Iterator

from leadsync.crm.salesforce.client import Client
from leadsync.crm.salesforce.soql import PAGE, Columns, path, select, where
from leadsync.crm.values import first_filled, instant, text
from leadsync.domain.mapping import ObjectMapping
from leadsync.errors import ObjectBlocked
from leadsync.ports import Swept


def sweep(client: Client, mapping: ObjectMapping) -> Iterator[Swept]:
    """Yield every row of an object that is not deleted; raises ObjectBlocked when it cannot be read."""
    columns = Columns(("Id", "SystemModstamp", *mapping.stage.native))
    key, stamp = columns.at("Id"), columns.at("SystemModstamp")
    stage_of = first_filled([columns.at(native) for native in mapping.stage.native])
    last = ""
    while True:
        beyond = where("Id > {last}", last=last) if last else ""
        query = select(columns.names, mapping.native, beyond, order="Id", limit=PAGE)
        more: str | None = path(query)
        count = 0
        while more:
            found = columns.decode(client.read(more, mapping.native).body)
            more = found.more
            count += len(found.rows)
            for cells in found.rows:
                last = str(cells[key])
                try:
                    at = instant(cells[stamp])
                except ValueError:
                    raise ObjectBlocked(f"{mapping.native}: a row without a readable SystemModstamp") from None
                yield Swept(last, at, text(stage_of(cells)))
        if count < PAGE:
            return
