"""The moves that leadsync makes by itself: the first declared rule that fits, at most one per person and decision.

Rules are edge-triggered per person (semantics.md C): one that has fired, or whose target a person has been taken out
of, fires again only after its condition was false, or after a new inbound touch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from leadsync.domain.conditions import failing, holds, names
from leadsync.domain.funnel import AutomaticMove, FunnelLaw
from leadsync.domain.instants import from_text, to_text
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Record
from leadsync.domain.situation import Situation
from leadsync.domain.standing import Standing


@dataclass(frozen=True, slots=True)
class Move:
    """A stage change that leadsync wishes for. `reason` is the key of the reason that goes with it."""

    stage: str
    rule: str
    why: str
    reason: str | None = None
    hand_raised: bool = False
    correction: bool = False


def automatic_move(standing: Standing) -> tuple[Move | None, Mapping[str, str], tuple[str, ...]]:
    """Return the move to make or None, which rules have fired (the next decision's memory), and why others did not."""
    law = standing.grounds.law
    stage = standing.stage.name if standing.stage else None
    fired = dict(standing.situation.memory.fired)
    notes: list[str] = []
    chosen: Move | None = None
    for rule in law.automatic:
        target = _target(rule, law, standing.record)
        if not holds(rule.when, standing.facts):
            fired.pop(rule.name, None)
            continue
        if stage == target:
            # Whoever is where the rule leads has had it: taken out by a person, they stay out until something new.
            fired.setdefault(rule.name, to_text(standing.stay.entered_at))
            continue
        if chosen is not None or stage is None or stage not in rule.froms:
            continue
        if hindrance := _hindrance(rule, target, standing, fired):
            notes.append(f"{rule.name}: {hindrance}")
            continue
        fired[rule.name] = to_text(standing.grounds.now)
        hand_raised = "hand_raised" in names(rule.when)
        chosen = Move(target, rule.name, f"{rule.name}: {stage} to {target}", _reason(rule, standing), hand_raised)
    return chosen, fired, tuple(notes)


def _target(rule: AutomaticMove, law: FunnelLaw, record: Record) -> str:
    match rule.to:
        case "qualified_to":
            return law.qualified_to[record.ref.object]
        case "reentry_to":
            return law.reentry_to[record.ref.object]
        case stage:
            return stage


def _reason(rule: AutomaticMove, standing: Standing) -> str | None:
    """Return the key of the reason that goes with a move; `from_deal` is the reason of the deals that were lost."""
    return standing.deals.loss_reason if rule.reason == "from_deal" else rule.reason


def _hindrance(rule: AutomaticMove, target: str, standing: Standing, fired: Mapping[str, str]) -> str | None:
    """Return why a rule whose condition holds does not move this person now, None when it does."""
    law, facts = standing.grounds.law, standing.facts
    if standing.excluded:
        return "excluded by its condition"
    if standing.twin is not None:
        return f"twin of {standing.twin.person_id}"
    if not standing.is_new:
        return "nothing has happened since going live"
    if _has_fired(rule, standing, fired):
        return "it has fired, and nothing is new since"
    goal = law.stages[target]
    asks_for_deals = not {"in_open_deal", "outcome"}.isdisjoint(names(rule.when))
    guarded = goal.rank is not None and not asks_for_deals and law.open_deal_guard != "none"
    if guarded and standing.deals.outcome == "open":
        return "in an open deal"
    if goal.rank is not None and "in_open_deal" not in names(rule.when) and (held := _held(rule, standing)):
        return held
    reason = law.reasons.get(_reason(rule, standing) or "")
    klass = law.classes[reason.klass] if reason else None
    if klass is not None and klass.needs is not None and (lacking := failing(klass.needs, facts)):
        return f"{klass.name} needs {'; '.join(lacking)}"
    if goal.role == "accepted_sales" and facts.get("owner_kind") not in ("rep", "human"):
        return "acceptance by rule needs an active human owner"
    if edge_lacks := _edge_lacks(law, standing, target):
        return edge_lacks
    if not writable(standing.grounds.mapping, standing.record, target):
        return f"the stage {target} cannot be written on a {standing.record.ref.object}"
    return None


def _has_fired(rule: AutomaticMove, standing: Standing, fired: Mapping[str, str]) -> bool:
    before = fired.get(rule.name)
    if before is None:
        return False
    last_touch = standing.facts.get("last_inbound_at")
    if not isinstance(last_touch, str):
        return True
    return from_text(last_touch) <= max(from_text(before), standing.stay.entered_at)


def _held(rule: AutomaticMove, standing: Standing) -> str | None:
    """Return what holds a recycled, disqualified or just won person back from this promotion."""
    hold, raised = standing.hold, standing.facts.get("hand_raised") is True
    if hold is None or standing.stage is None:
        return None
    if raised and "hand_raised" in names(rule.when) and hold.hand_raise_breaks_it:
        return None
    if standing.stage.role == "exit" and hold.until is None:
        return "turned away; only a raised hand revives" if hold.hand_raise_breaks_it else "turned away for good"
    if standing.cooling and hold.until is not None:
        return f"held until {to_text(hold.until)}"
    return None


def _edge_lacks(law: FunnelLaw, standing: Standing, target: str) -> str | None:
    assert standing.stage is not None
    if standing.stage.role == "outside":
        return None
    lacking: tuple[str, ...] = ("an edge that lets leadsync move it",)
    for edge in law.edges:
        if standing.stage.name in edge.froms and target in edge.tos and (not edge.by or "leadsync" in edge.by):
            lacking = failing(edge.needs, standing.facts) if edge.needs else ()
            if _needs_only_a_reason(lacking, standing):
                return None
    return f"needs {'; '.join(lacking)}"


def _needs_only_a_reason(lacking: tuple[str, ...], standing: Standing) -> bool:
    # leadsync writes the reason together with the stage, so a reason that is still missing keeps nothing back.
    return not lacking or lacking == ("reason",) or lacking == ("reason is filled",)


def writable(mapping: CrmMapping, record: Record, stage: str) -> bool:
    """Say whether a stage has a value that leadsync may write on this kind of record."""
    return stage in mapping.value_of_stage and mapping.objects[record.ref.object].stage.write


def conversion_move(standing: Standing) -> Move | None:
    """Return the stage that a contact takes over from the lead it was converted from (semantics.md C, Conversion).

    The explicit map of the converted value comes first, then an opportunity, then acceptance by converting, then the
    stage that the lead had. A contact that had a stage of its own keeps it unless `collision` says otherwise.
    """
    law, mapping, situation = standing.grounds.law, standing.grounds.mapping, standing.situation
    record = standing.record
    conversion = next((m for m in reversed(standing.moves) if m.reason == "converted" and m.ref == record.ref), None)
    leads = [r for r in situation.records if r.state == "converted" and r.converted_to == record.ref.id]
    if conversion is None or not leads or not standing.grounds.is_live(conversion.at):
        return None
    lead = max(leads, key=lambda r: (r.stamp, r.ref.id))
    carried = _last_stage(situation, lead)
    stage = standing.stage
    blank = stage is None or stage.role == "outside"
    if not blank:
        moved_since = any(m.ref == record.ref and m.at > conversion.at for m in standing.moves)
        if law.conversion.collision == "keep" or moved_since or carried is None or stage is None:
            return None
        if law.conversion.collision == "furthest" and _rank(law, carried) <= _rank(law, stage.name):
            return None
        return _conversion_to(carried, standing, "the lead was further along")
    explicit = mapping.converted.get(lead.stage_value or "")
    if explicit is not None:
        return _conversion_to(explicit, standing, f"the lead was converted as {lead.stage_value}")
    if lead.converted_opportunity_id or standing.deals.outcome == "open":
        return _conversion_to(law.conversion.with_opportunity, standing, "converted with an opportunity")
    role = law.stages[carried].role if carried else None
    by_owner = lead.modified_by == lead.owner_id
    if role == "handoff" and by_owner and law.conversion.handoff_by_owner:
        return _conversion_to(law.conversion.handoff_by_owner, standing, "converted by its owner, which is accepting it")
    wanted = carried if law.conversion.without_opportunity == "carried" else law.conversion.without_opportunity
    return _conversion_to(wanted, standing, "converted without an opportunity") if wanted else None


def merge_move(standing: Standing) -> Move | None:
    """Return the furthest stage among the rows merged into this record, None when it is there already."""
    law, record = standing.grounds.law, standing.record
    if law.merge != "furthest" or standing.stage is None:
        return None
    losers = [
        r
        for r in standing.situation.records
        if r.state == "merged" and r.merged_into == record.ref.id and standing.grounds.is_live(r.stamp)
    ]
    best = max((_last_stage(standing.situation, r) or "" for r in losers), key=lambda s: _rank(law, s), default="")
    moved_since = bool(standing.moves) and any(standing.moves[-1].at > r.stamp for r in losers)
    if not best or moved_since or _rank(law, best) <= _rank(law, standing.stage.name):
        return None
    if standing.stage.role in ("recycle", "exit") or not writable(standing.grounds.mapping, record, best):
        return None
    return Move(best, "merge", f"merged with a record that was {best}", correction=True)


def rejection_move(standing: Standing) -> Move | None:
    """Return where a hand-back belongs by the class of its reason, None when it is there (semantics.md G, Rejection).

    `stays` puts the person back to where they were handed back from; the door for misrouted people does the rest.
    """
    law, hold, stage = standing.grounds.law, standing.hold, standing.stage
    entered = standing.stay.entered_by
    if stage is None or stage.role != "recycle" or hold is None or hold.reason is None or entered is None:
        return None
    klass = law.classes[hold.reason.klass]
    by_a_person = entered.source != "leadsync" and standing.grounds.is_live(entered.at) and entered.bulk_id is None
    if not by_a_person or klass.to == stage.name or entered.from_stage is None:
        return None
    goal = entered.from_stage if klass.to == "stays" else klass.to
    if not writable(standing.grounds.mapping, standing.record, goal):
        return None
    why = f"handed back as {hold.reason.label!r}, which belongs to {klass.to}"
    return Move(goal, f"class {klass.name}", why, correction=klass.to == "stays")


def _conversion_to(stage: str, standing: Standing, why: str) -> Move | None:
    if standing.stage is not None and standing.stage.name == stage:
        return None
    if not writable(standing.grounds.mapping, standing.record, stage):
        return None
    return Move(stage, "conversion", why)


def _last_stage(situation: Situation, record: Record) -> str | None:
    own = [m for m in situation.transitions if m.ref == record.ref and m.to_stage is not None]
    return max(own, key=lambda m: (m.at, m.seq)).to_stage if own else None


def _rank(law: FunnelLaw, stage: str) -> int:
    found = law.stages.get(stage)
    return -1 if found is None or found.rank is None else found.rank
