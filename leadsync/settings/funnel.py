"""mappings/funnel.yaml into the `FunnelLaw`: stages, edges, automatic moves, recycling."""

from collections import deque
from collections.abc import Mapping
from typing import Literal

from leadsync.domain.conditions import Condition, fold
from leadsync.domain.conditions import names as asked
from leadsync.domain.durations import Duration
from leadsync.domain.funnel import (
    UNRANKED,
    AutomaticMove,
    BirthTouch,
    Bulk,
    Conversion,
    Edge,
    FunnelLaw,
    IllegalMoves,
    ImportEvidence,
    Reason,
    ReasonClass,
    Stage,
)
from leadsync.settings.checks import Checks
from leadsync.settings.conditions import LOGIC, OPERATORS
from leadsync.settings.loader import Node
from leadsync.settings.names import FACTS
from leadsync.settings.schema.funnel import Automatic, ByObject, FunnelFile, Redirect

Then = Literal["flag", "revert", "redirect"]
OBJECTS = ("lead", "contact")
TARGETS = ("qualified_to", "reentry_to")
_ORDER = ("raw", "cold", "qualified", "accepted_ldr", "handoff", "accepted_sales", "sales_qualified")


def conditions(tree: Node, checks: Checks) -> dict[str, Condition]:
    """Return the named conditions; names that mean something else already are problems."""
    block = tree.find("conditions")
    for name in block.keys:
        if name in FACTS or name in LOGIC or name in OPERATORS:
            checks.problems.add(
                block.key(name), f'"{name}" cannot be the name of a condition: it has a meaning already'
            )
    return {name: checks.conditions.named(name, block.key(name)) for name in block.keys}


def funnel_law(file: FunnelFile, tree: Node, named: Mapping[str, Condition], checks: Checks) -> FunnelLaw:
    """Return the funnel law."""
    stages = _stages(file, tree, checks)
    for key in TARGETS:
        for name in OBJECTS:
            checks.all_exist(tree.find(key, name), "the stage", checks.names.stages)
    edges = tuple(_edge(file, tree, index, checks) for index in range(len(file.edges)))
    automatic = tuple(_automatic(file, tree, index, edges, checks) for index in range(len(file.automatic)))
    _reachable(file, tree, edges, automatic, checks)
    _conversion(tree, checks)
    recycle = file.recycle
    evidence = file.import_evidence
    return FunnelLaw(
        stages=stages,
        qualified_to=_by_object(file.qualified_to),
        reentry_to=_by_object(file.reentry_to),
        edges=edges,
        illegal=_illegal(file, tree, checks),
        automatic=automatic,
        open_deal_guard=file.open_deal_guard,
        conversion=Conversion(
            file.conversion.with_opportunity,
            file.conversion.without_opportunity,
            file.conversion.handoff_by_owner,
            file.conversion.collision,
        ),
        merge=file.merge,
        twins=file.twins,
        shared_mailboxes=frozenset(fold(box) for box in file.shared_mailboxes),
        basis=recycle.basis,
        default_cool_down=recycle.default_cool_down,
        won_cool_down=recycle.won_cool_down,
        classes=_classes(file, tree.at("recycle", "classes"), checks),
        reasons=_reasons(file, tree.at("recycle", "reasons"), checks),
        import_evidence=ImportEvidence(
            frozenset(fold(source) for source in evidence.list_sources),
            frozenset(fold(user) for user in evidence.import_users),
            evidence.creations,
            evidence.within,
            evidence.otherwise_flag_after,
        ),
        birth_touches=tuple(_birth_touch(file, tree, index, checks) for index in range(len(file.birth_touch))),
        bulk=Bulk(file.bulk.moves, file.bulk.creations, file.bulk.within, file.bulk.drip_per_hour),
        excluded=named.get("excluded"),
    )


def _by_object(spec: ByObject) -> dict[str, str]:
    return {"lead": spec.lead, "contact": spec.contact}


def _stages(file: FunnelFile, tree: Node, checks: Checks) -> dict[str, Stage]:
    node = tree.at("stages")
    stages: dict[str, Stage] = {}
    rank, furthest = 0, ""
    for name, spec in file.stages.items():
        if name in (*TARGETS, "carried", "stays", "by_law", "hand_raised", "anyone"):
            checks.problems.add(node.key(name), f'"{name}" cannot be the name of a stage: it has a meaning of its own')
        ranked = spec.role not in UNRANKED
        if ranked and furthest and _ORDER.index(spec.role) < _ORDER.index(file.stages[furthest].role):
            checks.problems.add(
                node.key(name),
                f'the stage "{name}" ({spec.role}) stands after "{furthest}" ({file.stages[furthest].role}), but belongs before it',
                "fix: the order of stages is their rank; move it up",
            )
        elif ranked:
            furthest = name
        stages[name] = Stage(
            name, spec.label, spec.role, rank if ranked else None, spec.scored, spec.routed, spec.marketable, spec.means
        )
        rank += ranked
    handoffs = [name for name, spec in file.stages.items() if spec.role == "handoff"]
    if not handoffs:
        checks.problems.add(
            tree.key("stages"),
            "no stage has the role handoff, where marketing hands people to sales",
            "fix: give exactly one stage role: handoff",
        )
    for role, many in (("handoff", handoffs), ("outside", [n for n, s in file.stages.items() if s.role == "outside"])):
        for name in many[1:]:
            checks.problems.add(
                node.at(name, "role").place, f'the stages "{many[0]}" and "{name}" both have the role {role}; one can'
            )
    checks.unique({node.at(name, "label").place: spec.label for name, spec in file.stages.items()}, "the label")
    return stages


def _edge(file: FunnelFile, tree: Node, index: int, checks: Checks) -> Edge:
    spec, node = file.edges[index], tree.at("edges", index)
    checks.all_exist(node.find("from"), "the stage", checks.names.stages)
    checks.all_exist(node.find("to"), "the stage", checks.names.stages)
    checks.all_exist(node.find("by"), "the actor", checks.names.actors, "anyone", "leadsync")
    for stage in sorted(set(spec.from_) & set(spec.to)):
        checks.problems.add(node.at("to").place, f'the edge leads from "{stage}" to itself')
    by = frozenset() if "anyone" in spec.by else frozenset(spec.by)
    needs = checks.conditions.person(node.child("needs"))
    return Edge(frozenset(spec.from_), frozenset(spec.to), by, needs, spec.reopen)


def _illegal(file: FunnelFile, tree: Node, checks: Checks) -> tuple[IllegalMoves, ...]:
    lines: list[IllegalMoves] = []
    everything = False
    for index, spec in enumerate(file.illegal_moves):
        node = tree.at("illegal_moves", index)
        if everything:
            checks.problems.add(node.place, "this line is never reached: the one before fits every move")
        for key in ("from", "to"):
            checks.all_exist(node.find(key), "the stage", checks.names.stages)
        stage = spec.then.stage if isinstance(spec.then, Redirect) else None
        then: Then = "redirect" if isinstance(spec.then, Redirect) else spec.then
        if stage is not None:
            checks.exists(node.at("then", "redirect").place, "the stage", stage, checks.names.stages)
        if spec.once_in and then != "revert":
            checks.problems.add(node.key("once_in"), "once_in: belongs to then: revert")
        lines.append(IllegalMoves(frozenset(spec.from_ or ()), frozenset(spec.to or ()), then, stage, spec.once_in))
        everything = everything or not (spec.from_ or spec.to)
    if not everything:
        lines.append(IllegalMoves(frozenset(), frozenset(), "flag"))
    return tuple(lines)


def _automatic(file: FunnelFile, tree: Node, index: int, edges: tuple[Edge, ...], checks: Checks) -> AutomaticMove:
    spec, node = file.automatic[index], tree.at("automatic", index)
    checks.all_exist(node.find("from"), "the stage", checks.names.stages)
    checks.exists(node.at("to").place, "the stage", spec.to, checks.names.stages, *TARGETS)
    if spec.reason is not None:
        checks.exists(node.at("reason").place, "the reason", spec.reason, checks.names.reasons, "from_deal")
    if any(spec.name == other.name for other in file.automatic[:index]):
        checks.problems.add(node.at("name").place, f'an automatic move named "{spec.name}" stands above already')
    named = {"qualified_to": file.qualified_to, "reentry_to": file.reentry_to}
    targets = _by_object(named[spec.to]).values() if spec.to in named else (spec.to,)
    for start in spec.from_:
        for target in dict.fromkeys(targets):
            if start in file.stages and target in file.stages:
                _may_move(file, spec, node, checks, start=start, target=target, edges=edges)
    when = checks.conditions.build(node.at("when"), checks.conditions.people)
    if spec.applies_to == "existing":
        checks.problems.add(
            node.at("applies_to").place,
            "a rule for people who fitted before it was written needs a passed simulation, which this version cannot make",
            "fix: leave applies_to: out; the rule then acts on what changes after its adoption",
        )
    return AutomaticMove(spec.name, frozenset(spec.from_), spec.to, when, spec.reason)


def _may_move(
    file: FunnelFile,
    spec: Automatic,
    node: Node,
    checks: Checks,
    *,
    start: str,
    target: str,
    edges: tuple[Edge, ...],
) -> None:
    place = next((part.place for part in node.at("from").parts() if part.value == start), node.place)
    if start == target:
        checks.problems.add(place, f'the automatic move "{spec.name}" leads from "{start}" to itself')
        return
    if file.stages[start].role == "outside":
        return
    legal = [
        edge for edge in edges if start in edge.froms and target in edge.tos and (not edge.by or "leadsync" in edge.by)
    ]
    if not legal:
        checks.problems.add(
            place,
            f'the automatic move "{spec.name}" leads from "{start}" to "{target}", but no edge lets leadsync make it',
            f"fix: add {{from: {start}, to: {target}, by: leadsync}} under edges:, or leave it out of from:",
        )
    elif spec.reason is None and all(edge.needs and "reason" in asked(edge.needs) for edge in legal):
        checks.problems.add(
            node.place,
            f'the automatic move "{spec.name}" leads from "{start}" to "{target}", which needs a reason',
            "fix: add reason:",
        )


def _reachable(
    file: FunnelFile, tree: Node, edges: tuple[Edge, ...], automatic: tuple[AutomaticMove, ...], checks: Checks
) -> None:
    """Note stages that nobody can get to, and stages that nobody can leave."""
    ways: dict[str, set[str]] = {name: set() for name in file.stages}
    for edge in edges:
        for start in edge.froms & ways.keys():
            ways[start] |= edge.tos & ways.keys()
    for move in automatic:
        named = {"qualified_to": file.qualified_to, "reentry_to": file.reentry_to}
        targets = set(_by_object(named[move.to]).values()) if move.to in named else {move.to}
        for start in move.froms & ways.keys():
            ways[start] |= targets & ways.keys()
    births = [name for name, spec in file.stages.items() if spec.role in ("outside", "raw", "cold")]
    seen, todo = set(births), deque(births)
    while todo:
        for target in ways[todo.popleft()] - seen:
            seen.add(target)
            todo.append(target)
    node = tree.at("stages")
    for name, spec in file.stages.items():
        if name not in seen:
            checks.problems.add(
                node.key(name),
                f'nobody can get to the stage "{name}": no chain of edges leads there',
                f"fix: add an edge with to: {name}",
            )
        if not ways[name] and spec.role not in ("exit", "outside"):
            checks.problems.add(
                node.key(name),
                f'the stage "{name}" is a dead end: no edge leads out of it',
                f"fix: add an edge with from: {name}, or give it role: exit",
            )


def _conversion(tree: Node, checks: Checks) -> None:
    node = tree.at("conversion")
    for key in ("with_opportunity", "without_opportunity", "handoff_by_owner"):
        also = ("carried",) if key == "without_opportunity" else ()
        checks.all_exist(node.find(key), "the stage", checks.names.stages, *also)


def _classes(file: FunnelFile, node: Node, checks: Checks) -> dict[str, ReasonClass]:
    classes: dict[str, ReasonClass] = {}
    for name, spec in file.recycle.classes.items():
        checks.exists(node.at(name, "to").place, "the stage", spec.to, checks.names.stages, "stays")
        needs = checks.conditions.person(node.at(name).child("needs"))
        classes[name] = ReasonClass(name, spec.to, needs, spec.queue)
    return classes


def _reasons(file: FunnelFile, node: Node, checks: Checks) -> dict[str, Reason]:
    reasons: dict[str, Reason] = {}
    labels = {node.at(name, "label").place: spec.label for name, spec in file.recycle.reasons.items()}
    checks.unique(labels, "the label")
    for name, spec in file.recycle.reasons.items():
        inner = node.at(name)
        checks.exists(inner.at("class").place, "the class", spec.class_, checks.names.classes)
        if spec.nurture is not None:
            checks.exists(inner.at("nurture").place, "the nurture list", spec.nurture, checks.names.nurture)
        other = next(
            (n for n, s in file.recycle.reasons.items() if n != name and s.label.casefold() == name.casefold()), None
        )
        if other:
            checks.problems.add(
                node.key(name), f'the key "{name}" is the label of the reason "{other}"', "fix: rename one"
            )
        if spec.hard and isinstance(spec.revive, Duration):
            checks.problems.add(inner.key("revive"), "hard: and revive: after a time contradict each other")
        reasons[name] = Reason(
            name,
            spec.label,
            spec.class_,
            spec.cool_down or file.recycle.default_cool_down,
            spec.nurture,
            spec.revive,
            spec.hard,
        )
    return reasons


def _birth_touch(file: FunnelFile, tree: Node, index: int, checks: Checks) -> BirthTouch:
    spec, node = file.birth_touch[index], tree.at("birth_touch", index)
    names = checks.names
    checks.exists(node.at("channel").place, "the channel", spec.channel, names.touch_channels)
    checks.exists(node.at("investment").place, "the investment", spec.investment, names.investments)
    checks.exists(node.at("response").place, "the response", spec.response, names.responses)
    when = checks.conditions.build(node.at("when"), checks.conditions.people)
    return BirthTouch(when, spec.channel, spec.investment, spec.response)
