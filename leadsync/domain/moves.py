"""The moves that leadsync makes by itself: the first declared rule that fits, at most one per person and decision.

Rules are edge-triggered per person (semantics.md C): one that has fired, or whose target a person has been taken out
of, fires again only after its condition was false, or after a new inbound touch. What a conversion or merge brings is
`conversion.py`, where a hand-back belongs `rejection.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leadsync.domain.conditions import Facts, failing, holds, names
from leadsync.domain.facts import Given
from leadsync.domain.funnel import AutomaticMove, FunnelLaw, Reason
from leadsync.domain.instants import from_text, to_text
from leadsync.domain.records import Record
from leadsync.domain.standing import Standing

FITTED_BEFORE = "they fitted before the rule was adopted, and nothing is new since"

ASKS_FOR_DEALS = frozenset({"in_open_deal", "outcome"})


@dataclass(frozen=True, slots=True)
class Move:
    """A stage change that leadsync wishes for. `reason` is the key of the reason that goes with it.

    `correction` puts back or redirects a move that was seen; `misrouted` puts a person back to be routed to somebody else.
    """

    stage: str
    rule: str
    why: str
    reason: str | None = None
    hand_raised: bool = False
    correction: bool = False
    misrouted: bool = False


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
            fired.setdefault(rule.name, f"{to_text(standing.stay.entered_at)} there")
            continue
        if (out_at := _taken_out_at(target, standing)) is not None:
            fired.setdefault(rule.name, f"{to_text(out_at)} out")
        if chosen is not None or stage is None or stage not in rule.froms:
            continue
        if hindrance := _hindrance(rule, target, standing, fired):
            notes.append(f"{rule.name}: {hindrance}")
            continue
        if _fitted_before(rule, standing):
            fired[rule.name] = f"{to_text(standing.grounds.adopted[rule.name])} before"
            notes.append(f"{rule.name}: {FITTED_BEFORE}")
            continue
        fired[rule.name] = f"{to_text(standing.grounds.now)} {_here(standing)}"
        reason = _reason(rule, standing)
        hand_raised = "hand_raised" in names(rule.when)
        chosen = Move(
            target, rule.name, f"{rule.name}: {stage} to {target}", reason.key if reason else None, hand_raised
        )
    return chosen, fired, tuple(notes)


def _target(rule: AutomaticMove, law: FunnelLaw, record: Record) -> str:
    match rule.to:
        case "qualified_to":
            return law.qualified_to[record.ref.object]
        case "reentry_to":
            return law.reentry_to[record.ref.object]
        case stage:
            return stage


def _reason(rule: AutomaticMove, standing: Standing) -> Reason | None:
    """Return the reason that goes with a move; `from_deal` is the reason of the deals that were lost."""
    key = standing.deals.loss_reason if rule.reason == "from_deal" else rule.reason
    return standing.grounds.law.reasons.get(key or "")


def _here(standing: Standing) -> str:
    """Return a name of the present stay, by which a rule knows whether what it wished for has happened since."""
    return f"{standing.stay.stage}@{to_text(standing.stay.entered_at)}"


def _hindrance(rule: AutomaticMove, target: str, standing: Standing, fired: Mapping[str, str]) -> str | None:
    """Return why a rule whose condition holds does not move this person now, None when it does."""
    law, facts = standing.grounds.law, standing.facts
    if standing.twin is not None:
        return f"twin of {standing.twin.person_id}"
    if not standing.is_new:
        return "nothing has happened since going live"
    if (mass := standing.held_by) is not None:
        return f"part of the mass change {mass}, which nobody has let go"
    if _has_fired(rule, standing, fired):
        fitted_before = fired[rule.name].endswith(" before")
        return FITTED_BEFORE if fitted_before else "it has fired, and nothing is new since"
    promotes = law.stages[target].rank is not None
    asked = names(rule.when)
    if promotes and ASKS_FOR_DEALS.isdisjoint(asked) and standing.guarding_deal is not None:
        return "in an open deal" if standing.deals.open else "their account is in an open deal"
    if promotes and "in_open_deal" not in asked and (held := _held(rule, standing)):
        return held
    reason = _reason(rule, standing)
    klass = law.classes[reason.klass] if reason else None
    if klass is not None and klass.needs is not None and (lacking := failing(klass.needs, facts)):
        return f"{klass.name} needs {'; '.join(lacking)}"
    if law.stages[target].role == "accepted_sales" and facts.get("owner_kind") not in ("rep", "human"):
        return "acceptance by rule needs an active human owner"
    if edge_lacks := edge_lacking(standing, target, reason):
        return edge_lacks
    return unwritable(standing, target)


def _has_fired(rule: AutomaticMove, standing: Standing, fired: Mapping[str, str]) -> bool:
    """Say whether a rule has moved this person and nothing is new since.

    A move that was wished for in this very stay never reached the CRM (somebody else edited the record first): it is
    wished for again.
    """
    before, _, stay = fired.get(rule.name, "").partition(" ")
    if not before or stay == _here(standing):
        return False
    last_touch = standing.facts.get("last_inbound_at")
    if not isinstance(last_touch, str):
        return True
    return from_text(last_touch) <= max(from_text(before), standing.stay.entered_at)


def _taken_out_at(target: str, standing: Standing) -> datetime | None:
    """Return when somebody took the person out of a stage since they were last decided, None when nobody did.

    Who came and went between two looks was never decided there, and is not to be sent back for it.
    """
    decided_at = standing.situation.memory.decided_at
    return max(
        (
            move.at
            for move in standing.moves
            if move.from_stage == target
            and move.to_stage != target
            and move.source != "leadsync"
            and (decided_at is None or decided_at < move.observed_at)
        ),
        default=None,
    )


def _fitted_before(rule: AutomaticMove, standing: Standing) -> bool:
    """Say whether a person, as they are, fitted a rule before it was written or changed: such a rule acts on changes since.

    Whoever was decided since then and is only now to be moved has changed: the condition was false, or something hindered.
    """
    adopted_at, decided_at = standing.grounds.adopted.get(rule.name), standing.situation.memory.decided_at
    if adopted_at is None or (decided_at is not None and decided_at >= adopted_at):
        return False
    return standing.news_at is None or standing.news_at < adopted_at


def _held(rule: AutomaticMove, standing: Standing) -> str | None:
    """Return what holds a recycled, disqualified or just won person back from this promotion."""
    hold = standing.hold
    if hold is None:
        return None
    if hold.hand_raise_breaks_it and standing.facts.get("hand_raised") is True and "hand_raised" in names(rule.when):
        return None
    if hold.until is None:
        return "turned away; only a raised hand revives" if hold.hand_raise_breaks_it else "turned away for good"
    return f"held until {to_text(hold.until)}" if standing.cooling else None


def edge_lacking(standing: Standing, target: str, reason: Reason | None) -> str | None:
    """Return what keeps every edge from letting leadsync make a move, None when one lets it; outside needs no edge.

    The reason that is written together with the stage counts as given.
    """
    if standing.is_blank:
        return None
    here = standing.stage.name if standing.stage else ""
    facts: Facts = standing.facts
    if reason is not None:
        facts = Given(facts, {"reason": reason.key, "reason_class": reason.klass, "recycle_reason": reason.label})
    lacking: tuple[str, ...] = ("an edge that lets leadsync move it",)
    for edge in standing.grounds.law.edges:
        if here in edge.froms and target in edge.tos and (not edge.by or "leadsync" in edge.by):
            lacking = failing(edge.needs, facts) if edge.needs else ()
            if not lacking:
                return None
    return f"needs {'; '.join(lacking)}"


def reopens(standing: Standing, target: str) -> bool:
    """Say whether an edge lets leadsync open a lead for a move that was closed in the CRM (Dynamics closes leads)."""
    here = standing.stage.name if standing.stage else ""
    return any(
        edge.reopen and here in edge.froms and target in edge.tos and (not edge.by or "leadsync" in edge.by)
        for edge in standing.grounds.law.edges
    )


def unwritable(standing: Standing, target: str) -> str | None:
    """Return why leadsync cannot give the record a stage, None when it can.

    Its kind must have a value for it that may be written, and what the CRM closed needs an edge that opens it again.
    """
    mapping, record = standing.grounds.mapping, standing.record
    here = mapping.objects[record.ref.object]
    if target not in mapping.value_of_stage or target in here.observed or not here.stage.write:
        return f"the stage {target} cannot be written on a {record.ref.object}"
    if record.closed and not reopens(standing, target):
        return f"it is closed in the CRM, and no edge opens it again for {target}"
    return None
