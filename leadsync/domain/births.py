"""How a lead came into the world: a form whose only trace is the record itself, or a list that somebody imported.

What becomes of an import is the law's (`stages.py`); here it is only told apart (semantics.md C, Raw and Birth as a touch).
"""

from datetime import datetime

from leadsync.domain.conditions import Facts, FactValue, fold, holds
from leadsync.domain.facts import PersonFacts
from leadsync.domain.funnel import Stage
from leadsync.domain.grounds import Grounds
from leadsync.domain.owners import owner_kind
from leadsync.domain.records import Record
from leadsync.domain.touches import Touch

DOUBT = "it claims to have interacted, but there is neither a touch nor evidence of an import"
"""What a lead is flagged for that nobody has touched a day after its birth, and that no list brought."""


def birth_touch(record: Record, grounds: Grounds) -> Touch | None:
    """Return the touch that a lead's source stands for, dated at creation: web forms often leave nothing else."""
    if record.ref.object != "lead":
        return None
    creator = grounds.directory.users.get(record.created_by or "")
    fields: dict[str, FactValue] = {**record.fields, "created_by": creator.username if creator else record.created_by}
    facts = PersonFacts(fields, now=grounds.now, after=grounds.days_after, conditions=grounds.rulebook.conditions)
    for rule in grounds.law.birth_touches:
        if holds(rule.when, facts):
            return Touch(
                touch_id=f"birth:{record.ref.id}",
                ref=record.ref,
                kind="birth",
                direction="inbound",
                at=record.created_at,
                channel=rule.channel,
                investment=rule.investment,
                response=rule.response,
                source_id=record.ref.id,
            )
    return None


def is_untouched(record: Record, stage: Stage | None, facts: Facts) -> bool:
    """Say whether a lead claims to have interacted although nothing of it is known."""
    if record.ref.object != "lead" or stage is None or stage.role != "cold":
        return False
    return facts.get("inbound_touch") is not True


def is_made_by_a_rep(record: Record, grounds: Grounds) -> bool:
    """Say whether a rep entered a lead by hand: such a lead is no import, whatever its source says."""
    return owner_kind(record.created_by, grounds.directory, grounds.mapping, grounds.rulebook.routing) == "rep"


def has_evidence(record: Record, grounds: Grounds) -> bool:
    """Say whether a lead's source or creator is one of list imports."""
    evidence = grounds.law.import_evidence
    source = record.fields.get("source")
    if isinstance(source, str) and fold(source) in evidence.list_sources:
        return True
    creator = grounds.directory.users.get(record.created_by or "")
    return creator is not None and fold(creator.username) in evidence.import_users


def doubtful_from(record: Record, stage: Stage | None, facts: Facts, grounds: Grounds) -> datetime | None:
    """Return when an untouched lead without evidence of an import is flagged; it is left where it is.

    None for leads born before going live, and for one that a rep made by hand.
    """
    if not grounds.is_live(record.created_at) or not is_untouched(record, stage, facts):
        return None
    if is_made_by_a_rep(record, grounds):
        return None
    return grounds.days_after(record.created_at, grounds.law.import_evidence.otherwise_flag_after)
