"""The first status of contacts that have none: what their deals and the leads they came from prove (semantics.md A).

Only evidence of the last two years counts; everybody else stays blank until something happens to them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.persons import last_stage
from leadsync.domain.standing import Grounds, Standing, stand
from leadsync.domain.writing import current, is_writable
from leadsync.jobs.plan_file import PlanRow
from leadsync.ledger import Ledger
from leadsync.ledger.jobs import people_without_status

EVIDENCE_COUNTS_FOR = timedelta(days=730)
TOGETHER = 400


@dataclass(frozen=True, slots=True)
class _Evidence:
    stage: str
    at: datetime
    why: str
    reason: str | None = None  # the key of a reason to recycle


def seed_rows(ledger: Ledger, grounds: Grounds) -> list[PlanRow]:
    """Return a row for every live Contact without a status whose past proves one, excluded persons left out."""
    persons = people_without_status(ledger, grounds.crm)
    rows: list[PlanRow] = []
    for start in range(0, len(persons), TOGETHER):
        for situation in ledger.situations(grounds.crm, persons[start : start + TOGETHER], twins=False):
            rows += _rows(stand(situation, grounds))
    return rows


def _rows(standing: Standing) -> Iterator[PlanRow]:
    record, grounds = standing.record, standing.grounds
    mapping, law = grounds.mapping, grounds.law
    if record.ref.object != "contact" or record.stage_value or not standing.is_alive or standing.excluded:
        return
    found = _from_deals(standing, law) or _from_conversion(standing, mapping)
    if found is None or found.at < grounds.now - EVIDENCE_COUNTS_FOR or found.stage not in mapping.value_of_stage:
        return
    if law.stages[found.stage].role in ("raw", "outside") or not is_writable(mapping, record, "stage"):
        return
    why = f"{found.why}, {found.at:%Y-%m-%d}"
    yield PlanRow(record.ref, "stage", None, mapping.value_of_stage[found.stage], record.version, why)
    if found.reason is not None and is_writable(mapping, record, "recycle_reason"):
        label, shown = law.reasons[found.reason].label, current(record, "recycle_reason")
        if shown != label:
            yield PlanRow(record.ref, "recycle_reason", str(shown) if shown else None, label, record.version, why)


def _from_deals(standing: Standing, law: FunnelLaw) -> _Evidence | None:
    """Return what the person's deals prove: open and won ones that sales took them on, lost ones that they wait again."""
    deals = standing.deals
    qualified, recycle = law.with_role("sales_qualified"), law.with_role("recycle")
    match deals.outcome:
        case "open" if deals.since and qualified:
            return _Evidence(qualified[0], deals.since, "in an open opportunity since")
        case "won" if deals.ended_at and qualified:
            return _Evidence(qualified[0], deals.ended_at, "won an opportunity")
        case "lost" if deals.ended_at and recycle:
            reason = law.reasons.get(deals.loss_reason or "")
            return _Evidence(recycle[0], deals.ended_at, "lost an opportunity", reason.key if reason else None)
        case _:
            return None


def _from_conversion(standing: Standing, mapping: CrmMapping) -> _Evidence | None:
    """Return what the lead proves that was converted into this contact: the stage it had, or what its last value says."""
    record = standing.record
    made = [move for move in standing.moves if move.reason == "converted" and move.ref == record.ref]
    leads = [
        one for one in standing.situation.records if one.state == "converted" and one.converted_to == record.ref.id
    ]
    if not made or not leads:
        return None
    lead = max(leads, key=lambda one: (one.stamp, one.ref.id))
    stage = mapping.converted.get(lead.stage_value or "") or last_stage(standing.situation, lead)
    return _Evidence(stage, made[-1].at, f"converted from the lead {lead.ref.id}") if stage else None
