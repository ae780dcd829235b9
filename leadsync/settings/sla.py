"""mappings/sla.yaml into `Sla`: clocks and ladders, who is told in which words, the agreement, the goals."""

from collections.abc import Mapping
from itertools import pairwise

from leadsync.domain.conditions import Test
from leadsync.domain.durations import Duration
from leadsync.domain.sla import ClockRule, Message, NoticeRule, Rung, Sla
from leadsync.domain.telling import INSTEAD_WORDS, TELL_WORDS, WORDS
from leadsync.settings.checks import Checks
from leadsync.settings.loader import Node
from leadsync.settings.schema.sla import ClockSpec, SlaFile
from leadsync.settings.words import wrong_words

NEVER_CLOCKED = ("raw", "outside", "exit")
DIGEST = "digest"


def sla(file: SlaFile, tree: Node, checks: Checks, *, alerts: str) -> Sla:
    """Return everything that sla.yaml says; `alerts` is the channel at the end of every chain of people."""
    telling, node = file.telling, tree.at("telling")
    channels = checks.names.channels
    checks.all_exist(node.find("people_through"), "the channel", channels)
    checks.all_exist(node.find("instead"), "the channel or person", channels, *INSTEAD_WORDS)
    quiet = telling.quiet_hours
    checks.all_exist(node.find("quiet_hours", "except"), "the clock", checks.names.clocks)
    # The last resort is always a channel, so that no message is ever without somebody to read it.
    chain = (
        telling.instead if telling.instead and telling.instead[-1] in (channels or ()) else (*telling.instead, alerts)
    )
    return Sla(
        clocks={name: _clock(name, spec, tree.at("clocks", name), checks) for name, spec in file.clocks.items()},
        people_through=telling.people_through,
        instead=chain,
        digest_above=telling.digest_above,
        managers_daily=telling.managers_daily.strftime("%H:%M"),
        quiet_from=quiet.from_.strftime("%H:%M") if quiet else None,
        quiet_to=quiet.to.strftime("%H:%M") if quiet else None,
        quiet_except=quiet.except_ if quiet else (),
        if_unsure=telling.if_unsure,
        queue_lead=telling.queue_lead,
        messages=_messages(file, tree, checks),
        notices=_notices(file, tree, checks),
        duties=_duties(file, tree, checks),
        agreement=_agreement(file),
        goals=_goals(file, tree, checks),
    )


def _clock(name: str, spec: ClockSpec, node: Node, checks: Checks) -> ClockRule:
    checks.exists(node.at("starts").place, "the stage", spec.starts, checks.names.stages, "hand_raised")
    role = checks.names.roles.get(spec.starts)
    if role in NEVER_CLOCKED:
        checks.problems.add(node.at("starts").place, f'no clock runs in the stage "{spec.starts}": its role is {role}')
    if spec.calendar not in ("owner", "pool"):
        checks.exists(node.at("calendar").place, "the calendar", spec.calendar, checks.names.calendars, "owner", "pool")
    met = checks.conditions.person(node.at("met_when"))
    leaving_alone = met == Test("left_stage", "yes")
    rungs = tuple(_rung(spec, node.at("ladder", index), index, checks) for index in range(len(spec.ladder)))
    for index, (before, after) in enumerate(pairwise(spec.ladder), start=1):
        first, second = _share(before.at, spec.target), _share(after.at, spec.target)
        if first is not None and second is not None and second < first:
            checks.problems.add(
                node.at("ladder", index, "at").place, "this rung comes before the one above it", "fix: swap them"
            )
    return ClockRule(
        name,
        spec.label,
        spec.starts,
        spec.target,
        spec.calendar,
        None if leaving_alone else met,
        checks.conditions.person(node.child("paused_when")),
        spec.when_away,
        rungs,
    )


def _share(at: float | Duration, target: Duration) -> float | None:
    """Return how much of the target a rung stands for, None when the units cannot be compared."""
    if not isinstance(at, Duration):
        return at
    return at.amount / target.amount if at.unit == target.unit else None


def _rung(clock: ClockSpec, node: Node, index: int, checks: Checks) -> Rung:
    spec = clock.ladder[index]
    if not spec.tell and spec.act is None:
        checks.problems.add(node.place, "this rung does nothing", "fix: add tell: or act:")
    checks.all_exist(node.find("tell"), "the person or channel", checks.names.channels, *TELL_WORDS)
    if spec.act == "recycle" and checks.names.reasons is not None and "no_response" not in checks.names.reasons:
        checks.problems.add(
            node.at("act").place, 'act: recycle goes by the reason "no_response", which funnel.yaml lacks'
        )
    checks.exists(node.at("message").place, "the message", spec.message, checks.names.messages)
    return Rung(spec.at, spec.tell, spec.act, spec.message)


def _messages(file: SlaFile, tree: Node, checks: Checks) -> dict[str, Message]:
    for name, spec in file.messages.items():
        for key, text in (("title", spec.title), ("text", spec.text)):
            for what, hints in wrong_words(text, WORDS):
                checks.problems.add(tree.at("messages", name, key).place, what, *hints)
    if DIGEST not in file.messages:
        checks.problems.add(
            tree.key("messages"),
            'the message "digest" is missing: it stands for many messages at once',
            'fix: add digest: {title: "{count} people wait", text: "{list}"}',
        )
    return {name: Message(spec.title, spec.text) for name, spec in file.messages.items()}


def _notices(file: SlaFile, tree: Node, checks: Checks) -> dict[str, NoticeRule]:
    notices: dict[str, NoticeRule] = {}
    for name, spec in file.notices.items():
        node = tree.at("notices", name)
        checks.all_exist(node.find("tell"), "the person or channel", checks.names.channels, *TELL_WORDS)
        checks.exists(node.at("message").place, "the message", spec.message, checks.names.messages)
        notices[name] = NoticeRule(spec.tell, spec.message)
    return notices


def _duties(file: SlaFile, tree: Node, checks: Checks) -> dict[str, str]:
    for stage in file.agreement.duties:
        checks.exists(tree.at("agreement", "duties").key(stage), "the stage", stage, checks.names.stages)
    return dict(file.agreement.duties)


def _agreement(file: SlaFile) -> dict[str, object]:
    agreement = file.agreement
    return {
        "title": agreement.title,
        "parties": dict(agreement.parties),
        "owner": agreement.owner,
        "reviewed": agreement.reviewed.isoformat() if agreement.reviewed else None,
        "next_review": agreement.next_review.isoformat() if agreement.next_review else None,
        "score_tweak_every": agreement.score_tweak_every,
        "training": agreement.training,
        "maintenance": agreement.maintenance,
        "metrics": agreement.metrics,
        "signatories": tuple(
            {"name": one.name, "role": one.role, "signed": one.signed.isoformat()} for one in agreement.signatories
        ),
    }


def _goals(file: SlaFile, tree: Node, checks: Checks) -> Mapping[str, object]:
    """Return the goals; a segment's `when` is a Condition, None for the last, which takes the rest."""
    goals, node = file.goals, tree.at("goals", "segments")
    if goals is None:
        return {}
    segments = []
    for index, spec in enumerate(goals.segments):
        inner = node.at(index)
        last = index == len(goals.segments) - 1
        if last and spec.when is not None:
            checks.problems.add(
                inner.at("when").place,
                "the last segment does not take everybody",
                "fix: end with a segment without when:",
            )
        if not last and spec.when is None:
            checks.problems.add(inner.place, f'the segment "{spec.name}" takes everybody, so those below it are empty')
        for stage in spec.rates:
            checks.exists(inner.at("rates").key(stage), "the stage", stage, checks.names.stages)
        segments.append(
            {
                "name": spec.name,
                "when": checks.conditions.person(inner.child("when")),
                "revenue": spec.revenue,
                "acv": spec.acv,
                "rates": dict(spec.rates),
            }
        )
    checks.unique({node.at(i, "name").place: spec.name for i, spec in enumerate(goals.segments)}, "the segment")
    first, last_day = goals.period
    return {
        "period": (first.isoformat(), last_day.isoformat()),
        "currency": goals.currency,
        "marketing_share": goals.marketing_share,
        "segments": tuple(segments),
    }
