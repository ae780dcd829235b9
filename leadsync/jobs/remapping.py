"""What the mapping wants of records that show a deprecated status or a call result: the rows of a remap plan."""

from collections.abc import Iterator

from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.persons import rank
from leadsync.domain.writing import current, is_writable
from leadsync.jobs.plan_file import PlanRow
from leadsync.ledger import Ledger
from leadsync.ledger.jobs import Showing, records_showing


def remap_rows(ledger: Ledger, mapping: CrmMapping, law: FunnelLaw) -> list[PlanRow]:
    """Return a row for every live Lead and Contact whose status the mapping lists under `deprecated` or `dispositions`.

    A call result goes to the field for it, and the status to what it stands for, or stays with what it was if that was
    further along. Records whose status may not be written are left out.
    """
    found = records_showing(ledger, mapping.crm, {*mapping.deprecated, *mapping.dispositions})
    return [row for showing in found for row in _rows(showing, mapping, law)]


def _rows(showing: Showing, mapping: CrmMapping, law: FunnelLaw) -> Iterator[PlanRow]:
    record, value = showing.record, showing.record.stage_value or ""
    is_result = value in mapping.dispositions
    stage = mapping.dispositions[value] if is_result else mapping.deprecated[value]
    why = f"{value} stands for {stage}"
    before = showing.last_stage
    if is_result and before in mapping.value_of_stage and rank(law, before) >= rank(law, stage) >= 0:
        stage, why = str(before), f"{value} is a call result, the stage before it was {before}"
    if stage not in mapping.value_of_stage or not is_writable(mapping, record, "stage"):
        return
    yield PlanRow(record.ref, "stage", value, mapping.value_of_stage[stage], record.version, why)
    if is_result and is_writable(mapping, record, "disposition"):
        shown = current(record, "disposition")
        yield PlanRow(
            record.ref, "disposition", str(shown) if shown else None, value, record.version, "where call results belong"
        )
