"""mappings/routing.yaml into `Routing`: doors, rules, pools, territories, account match."""

from collections.abc import Mapping, Sequence

from leadsync.domain.accounts import FREE_MAIL
from leadsync.domain.conditions import fold
from leadsync.domain.routing import (
    Absence,
    AccountMatch,
    Caps,
    Member,
    Pool,
    Routing,
    Rule,
    Target,
    Territory,
    ToPool,
    ToQueue,
    ToRelated,
    ToUser,
)
from leadsync.settings.checks import Checks
from leadsync.settings.lists import Beside, absences
from leadsync.settings.loader import Node
from leadsync.settings.schema.routing import CapsSpec, Destination, MemberSpec, PoolSpec, RoutingFile, RuleSpec
from leadsync.settings.vocabulary import members


def routing(
    file: RoutingFile,
    tree: Node,
    checks: Checks,
    *,
    beside: Beside,
    default_calendar: str,
    people_through: tuple[str, ...],
) -> Routing:
    """Return everything that routing.yaml says; calendars and channels left out are those given here."""
    _doors(file, tree, checks)
    away = absences(tree.at("absences", "file"), beside) if file.absences else {}
    match = file.account_match
    return Routing(
        doors=file.doors,
        fallback_queue=file.fallback.queue,
        fallback_user=file.fallback.user,
        lists=checks.conditions.lists,
        territories=_territories(tree, checks),
        account_match=AccountMatch(
            match.domain,
            match.name,
            match.country,
            match.accept,
            match.ambiguous.within,
            match.ambiguous.queue,
            FREE_MAIL | frozenset(fold(domain) for domain in match.more_free_mail),
        ),
        rules={
            name: tuple(_rule(spec, tree.at("rules", name, i), i, rules, checks) for i, spec in enumerate(rules))
            for name, rules in file.rules.items()
        },
        pools={
            name: _pool(
                name,
                spec,
                tree.at("pools", name),
                checks,
                away=away,
                default_calendar=default_calendar,
                people_through=people_through,
            )
            for name, spec in file.pools.items()
        },
    )


def _doors(file: RoutingFile, tree: Node, checks: Checks) -> None:
    node = tree.at("doors")
    checks.keys_exist(node, "the stage", checks.names.stages)
    for stage in file.doors:
        checks.exists(node.at(stage).place, "the list of rules", file.doors[stage], checks.names.rule_lists)
        if stage in checks.names.unrouted:
            checks.problems.add(
                node.key(stage),
                f'the stage "{stage}" has a door, but its people are not routed',
                f"fix: give {stage} routed: true in funnel.yaml, or delete its door",
            )


def _territories(tree: Node, checks: Checks) -> tuple[Territory, ...]:
    found = []
    for name, node in tree.find("territories").items():
        when = checks.conditions.person(node, ("territory",), "a territory cannot depend on itself")
        if when is not None:
            found.append(Territory(name, when))
    return tuple(found)


def _rule(spec: RuleSpec, node: Node, index: int, rules: Sequence[RuleSpec], checks: Checks) -> Rule:
    problems, assign = checks.problems, node.at("assign")
    target = _target(spec, node, checks)
    if any(spec.name == other.name for other in rules[:index]):
        problems.add(node.at("name").place, f'a rule named "{spec.name}" stands above already')
    if not isinstance(target, ToPool):
        for key in ("match", "only"):
            if node.child(key):
                problems.add(node.key(key), f"{key}: asks the members of a pool, but this rule does not assign to one")
    if node.child("within") and spec.assign != "former_owner":
        problems.add(node.key("within"), "within: belongs to assign: former_owner")
    finds_somebody = spec.when is None and not isinstance(target, ToRelated)
    if index == len(rules) - 1 and not finds_somebody:
        problems.add(
            node.at("when").place if spec.when is not None else assign.place,
            f'the last rule "{spec.name}" does not take everybody, so people would be left over',
            "fix: end the list with a rule without when: that assigns to a pool, a queue or a user",
        )
    if index < len(rules) - 1 and finds_somebody and not spec.match and spec.only is None:
        problems.add(
            node.place,
            f'the rule "{spec.name}" takes everybody, so the rules below it are never asked',
            "fix: give it a when:, or move it to the end",
        )
    return Rule(
        spec.name,
        target,
        checks.conditions.person(node.child("when")),
        spec.match,
        checks.conditions.other(node.child("only"), members(checks.names)),
    )


def _target(spec: RuleSpec, node: Node, checks: Checks) -> Target:
    match spec.assign:
        case Destination("pool", name):
            if checks.names.pools is not None and name not in checks.names.pools:
                known = checks.names.pools
                checks.problems.add(
                    node.at("assign", "pool").place,
                    f'rule "{spec.name}" assigns to pool "{name}", which does not exist',
                    f"pools in this file: {', '.join(known) or 'none'}",
                    f'fix: define "{name}" under pools:, or change assign',
                )
            return ToPool(name)
        case Destination("queue", name):
            return ToQueue(name)
        case Destination(_, name):
            return ToUser(name)
        case relation:
            if relation == "former_owner" and spec.within is None:
                checks.problems.add(node.at("assign").place, "former_owner needs within:, such as within: 180d")
            return ToRelated(relation, spec.within)


def _pool(
    name: str,
    spec: PoolSpec,
    node: Node,
    checks: Checks,
    *,
    away: Mapping[str, Sequence[Absence]],
    default_calendar: str,
    people_through: tuple[str, ...],
) -> Pool:
    if spec.calendar is not None:
        checks.exists(node.at("calendar").place, "the calendar", spec.calendar, checks.names.calendars)
    notice = node.find("notice")
    checks.all_exist(notice.find("through"), "the channel", checks.names.channels)
    checks.exists(notice.at("message").place, "the message", spec.notice.message, checks.names.messages)
    checks.unique({node.at("members", i, "user").place: m.user for i, m in enumerate(spec.members)}, "the user")
    return Pool(
        name,
        spec.strategy,
        spec.calendar or default_calendar,
        spec.lead,
        people_through if spec.notice.through is None else spec.notice.through,
        spec.notice.message,
        tuple(_member(m, spec.caps, node.at("members", i), checks, away) for i, m in enumerate(spec.members)),
    )


def _member(
    spec: MemberSpec, caps: CapsSpec, node: Node, checks: Checks, away: Mapping[str, Sequence[Absence]]
) -> Member:
    if spec.calendar is not None:
        checks.exists(node.at("calendar").place, "the calendar", spec.calendar, checks.names.calendars)
    checks.all_exist(node.find("territories"), "the territory", checks.names.territories)
    own = []
    for index, absence in enumerate(spec.absences):
        if absence.from_ > absence.to:
            checks.problems.add(node.at("absences", index).place, "the absence ends before it begins")
        own.append(Absence(absence.from_.isoformat(), absence.to.isoformat()))
    return Member(
        spec.user,
        spec.weight,
        spec.senior,
        spec.languages,
        spec.territories,
        Caps(
            caps.hour if spec.caps.hour is None else spec.caps.hour,
            caps.day if spec.caps.day is None else spec.caps.day,
            caps.open if spec.caps.open is None else spec.caps.open,
        ),
        spec.calendar,
        (*own, *away.get(fold(spec.user), ())),
    )
