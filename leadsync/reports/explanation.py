"""Why one person has their stage, score, owner and due time, in words a sales manager understands.

The person is decided again from the ledger with the live rules, and nothing of it is kept; what was decided earlier
(verdicts, assignments with all candidates) is read as it was stored.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leadsync.domain.calendars import calendar_for, counted_intervals, local_text
from leadsync.domain.conditions import FactValue
from leadsync.domain.decision import decide
from leadsync.domain.instants import from_text, to_text
from leadsync.domain.pools import PoolBook
from leadsync.domain.records import User
from leadsync.domain.rulebook import Rulebook
from leadsync.domain.scoring import BAR
from leadsync.domain.sla import Clock
from leadsync.domain.standing import Grounds, Standing, stand
from leadsync.domain.telling import people
from leadsync.domain.transitions import Transition
from leadsync.ledger import Ledger
from leadsync.reports.statuses import kind_of
from leadsync.reports.wording import now_in_words, sentence

_ID = re.compile(r"[0-9A-Za-z-]{15,36}")


@dataclass(frozen=True, slots=True)
class ExplainedMove:
    """One move and the law's word on it; `at` in UTC, `exact` false when it is the best that was known.

    `said` is verdict and reason in plain words.
    """

    at: str
    exact: bool
    object: str
    record_id: str
    from_stage: str | None
    to_stage: str | None
    from_label: str
    to_label: str
    by: str
    verdict: str
    why: str
    said: str
    converted: bool
    imported: bool


@dataclass(frozen=True, slots=True)
class ExplainedClock:
    """One clock with the stretches of time that were counted, in the calendar's zone."""

    clock: str
    kind: str
    state: str
    started_at: str
    due_at: str | None
    counted: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one person; `score` in whole points, score lines in points with two decimals, instants in UTC.

    `stage_label` is None for a status that stands for no stage; `status_kind` says what it is then, and `instead` which
    stage should take its place. `zone` is the company's, for whoever shows this.
    `appended` are the fields that the record lacks and rules read from the account, each with its value.
    """

    person_id: str
    crm: str
    object: str
    record_id: str
    zone: str
    stage: str | None
    stage_label: str | None
    stage_value: str | None
    status_kind: str
    instead: str | None
    stage_entered_at: str
    stage_entered_exact: bool
    held_until: str | None
    hold_reason: str | None
    score: int
    score_lines: tuple[tuple[str, str, float], ...]
    basis: int
    owner: str
    owner_reason: str
    candidates: tuple[tuple[str, str], ...]
    account: str | None
    appended: tuple[tuple[str, str], ...]
    clocks: tuple[ExplainedClock, ...]
    moves: tuple[ExplainedMove, ...]
    merged: tuple[str, ...]
    now: tuple[str, ...]
    wake_at: str | None


def explain_person(ledger: Ledger, grounds: Grounds, person_id: str) -> Explanation:
    """Return the explanation of one person as of `grounds.now`."""
    situation = ledger.situations(grounds.crm, [person_id])[0]
    standing = stand(situation, grounds)
    book = PoolBook(grounds.rulebook.routing.pools, grounds.directory)
    decision = decide(situation, grounds, book, people(grounds.directory.users), "log")
    last = situation.assignments[-1] if situation.assignments else None
    hold = standing.hold
    labels = {stage.name: stage.label for stage in grounds.law.stages.values()}
    status = kind_of(grounds.mapping, grounds.law, standing.record.ref.object, standing.record.stage_value)
    since, exact = _since(standing)
    causes = ledger.causes([move.seq for move in situation.transitions if move.source == "leadsync"])
    return Explanation(
        person_id=person_id,
        crm=grounds.crm,
        object=standing.record.ref.object,
        record_id=standing.record.ref.id,
        zone=grounds.rulebook.company.zone,
        stage=standing.stage.name if standing.stage else None,
        stage_label=standing.stage.label if standing.stage else None,
        stage_value=standing.record.stage_value,
        status_kind=status.kind,
        instead=_label(status.stage, None, grounds) if status.stage else None,
        stage_entered_at=to_text(since),
        stage_entered_exact=exact,
        held_until=to_text(hold.until) if hold and hold.until and standing.cooling else None,
        hold_reason=hold.reason.label if hold and hold.reason else None,
        score=standing.score.whole,
        score_lines=tuple((line.family, line.name, line.points / 100) for line in standing.score.lines),
        basis=standing.basis.whole,
        owner=_name(standing.responsible_id, grounds),
        owner_reason=_with_names(last.reason, grounds) if last else "leadsync has not assigned this person",
        candidates=tuple((_name(who, grounds), _with_names(why, grounds)) for who, why in last.candidates)
        if last
        else (),
        account=_account(standing),
        appended=tuple((name, _shown(value)) for name, value in standing.facts.appended().items()),
        clocks=tuple(_clock(clock, standing) for clock in situation.clocks),
        moves=tuple(
            ExplainedMove(
                at=to_text(move.at),
                exact=move.at_exact,
                object=move.ref.object,
                record_id=move.ref.id,
                from_stage=move.from_stage or move.from_value,
                to_stage=move.to_stage or move.to_value,
                from_label=_label(move.from_stage, move.from_value, grounds),
                to_label=_label(move.to_stage, move.to_value, grounds),
                by=_name(move.actor_id, grounds) if move.source != "leadsync" else "leadsync",
                verdict=move.verdict or "not judged yet",
                why=move.why,
                said=_with_names(_said(move, causes.get(move.seq), labels), grounds),
                converted=move.reason == "converted",
                imported=move.imported,
            )
            for move in situation.transitions
        ),
        merged=tuple(
            f"{row.ref.object.capitalize()} {row.ref.id} was merged into {row.merged_into}; both histories are one person's"
            for row in situation.records
            if row.state == "merged"
        ),
        now=tuple(
            _with_names(now_in_words(reason, labels, [rule.name for rule in grounds.law.automatic]), grounds)
            for reason in decision.reasons
        ),
        wake_at=to_text(decision.state.wake_at) if decision.state.wake_at else None,
    )


def _since(standing: Standing) -> tuple[datetime, bool]:
    """Return since when the record shows its status, and whether that is known; of a stage it is the stay that counts."""
    moves = [move for move in standing.moves if move.ref == standing.record.ref]
    if standing.stage is None and moves and moves[-1].to_value == standing.record.stage_value:
        return moves[-1].at, moves[-1].at_exact
    return standing.stay.entered_at, standing.stay.entered_exact


def _said(move: Transition, cause: str | None, labels: Mapping[str, str]) -> str:
    mends = move.correction and move.source == "leadsync"
    why = move.why.replace("by a declared rule", f"by the rule {cause}") if cause else move.why
    return sentence(move.verdict or "not judged yet", why, labels, mends=mends)


def _account(standing: Standing) -> str | None:
    """Return the name of the account that the person belongs to, its id when it has none."""
    account = standing.account
    name = account.fields.get("name") if account else None
    return name if isinstance(name, str) and name else account.id if account else None


def _shown(value: FactValue) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _name(user_id: str | None, grounds: Grounds) -> str:
    if user_id is None or user_id == "":
        return "nobody"
    user, queue = grounds.directory.users.get(user_id), grounds.directory.queues.get(user_id)
    return user.name if user else (f"queue {queue.name}" if queue else user_id)


def _label(stage: str | None, value: str | None, grounds: Grounds) -> str:
    """Return a stage as the business calls it, a status outside the mapping in quotes, and a blank as such."""
    if stage is not None:
        known = grounds.law.stages.get(stage)
        return known.label if known else stage
    return f'"{value}"' if value else "blank"


def _with_names(text: str, grounds: Grounds) -> str:
    """Return a text in which ids of users and queues are their names."""

    def name(found: re.Match[str]) -> str:
        known = found[0] in grounds.directory.users or found[0] in grounds.directory.queues
        return _name(found[0], grounds) if known else found[0]

    return _ID.sub(name, text)


def _clock(clock: Clock, standing: Standing) -> ExplainedClock:
    rulebook: Rulebook = standing.grounds.rulebook
    owner: User | None = standing.grounds.directory.users.get(clock.owner_id or "")
    calendar = calendar_for(rulebook.calendars, clock.calendar, owner, rulebook.company.zone)
    rule = rulebook.sla.clocks.get(clock.rule)
    end: datetime | None = clock.stopped_at or clock.due_at
    counted: Sequence[tuple[datetime, datetime]] = ()
    if rule is not None and rule.target.unit.startswith("business") and end is not None:
        counted = counted_intervals(calendar, clock.started_at, end)
    return ExplainedClock(
        clock=rule.label if rule else clock.rule,
        kind=clock.kind,
        state=clock.state,
        started_at=local_text(clock.started_at, calendar.zone),
        due_at=local_text(clock.due_at, calendar.zone) if clock.due_at else None,
        counted=tuple((local_text(a, calendar.zone), local_text(b, calendar.zone)) for a, b in counted),
    )


FAMILIES: Mapping[str, str] = {
    "demographic": "who they are",
    "firmographic": "their company",
    "behavioural": "what they did",
    "negative": "against them",
}
CLOCK_STATES: Mapping[str, str] = {
    "open": "running",
    "met": "kept",
    "breached": "missed",
    "void": "does not count",
    "backlog": "from before leadsync went live, only counted",
}


def to_lines(told: Explanation) -> list[str]:
    """Return an explanation as lines for a terminal, in the words of whoever sells; instants in company time."""
    lines = [f"{told.object.capitalize()} {told.record_id} in {told.crm} (person {told.person_id})", ""]
    lines += _stage_lines(told)
    short = BAR - told.score
    bar = f"{short} short of the {BAR} that qualify" if short > 0 else f"at or over the {BAR} that qualify"
    lines += ["", f"Score   {told.score} points, {bar}"]
    lines += [f"{points:>14.2f}  {FAMILIES.get(family, family)}: {name}" for family, name, points in told.score_lines]
    if told.basis != told.score:
        lines.append(f"{told.basis:>11}     of them count for coming back")
    if told.appended:
        lines += ["", f"Company {told.account}: what the record lacks is taken from there, for scoring and routing"]
        lines += [f"          {name} {value}" for name, value in told.appended]
    lines += ["", f"Owner   {told.owner}: {told.owner_reason}"]
    lines += [f"          {who}: {why}" for who, why in told.candidates]
    for clock in told.clocks:
        due = f"due {clock.due_at}" if clock.due_at else "no due time"
        whose = "promised to the lead" if clock.kind == "lead" else "counted for the owner"
        lines += [
            "",
            f"Clock   {clock.clock} ({whose}): {CLOCK_STATES.get(clock.state, clock.state)}, from {clock.started_at}, {due}",
        ]
        lines += [f"          working time {start} to {end}" for start, end in clock.counted]
    lines += ["", *(f"Now     {reason}" for reason in told.now or ("nothing is to be done",))]
    if told.wake_at:
        lines.append(
            f"Next    looked at again {_local(told, told.wake_at)} at the latest, or as soon as something changes"
        )
    return lines


def _stage_lines(told: Explanation) -> list[str]:
    since = f"since {_local(told, told.stage_entered_at)}" + ("" if told.stage_entered_exact else " at the latest")
    if told.stage_label is not None:
        shown = f'"{told.stage_value}"' if told.stage_value else "blank"
        lines = [f"Stage   {told.stage_label} ({shown} in {told.crm}), {since}"]
    elif told.status_kind == "disposition":
        lines = [
            f'Stage   none: the status "{told.stage_value}" is the result of a call ({since})',
            f"          leadsync keeps it as such and sets the stage to {told.instead} once it may write stages",
        ]
    elif told.status_kind == "deprecated":
        lines = [
            f'Stage   none: the status "{told.stage_value}" is an old one, {told.instead} should take its place ({since})',
            "          fix: leadsync remap plan",
        ]
    elif told.stage_value:
        lines = [
            f'Stage   none: the status "{told.stage_value}" stands for no stage ({since})',
            f"          fix: write it under stages:, dispositions: or deprecated: in mappings/{told.crm}.yaml",
        ]
    else:
        lines = [f"Stage   none: the status is blank ({since})"]
    if told.held_until:
        why = f" ({told.hold_reason})" if told.hold_reason else ""
        lines.append(f"          held until {_local(told, told.held_until)}{why}: nothing promotes them before that")
    for number, move in enumerate(told.moves):
        if move.converted:
            goes_on = "the stage goes on" if move.to_stage is None else f"goes on as {move.to_label}"
            what = f"converted as {move.from_label}, {goes_on}"
        elif number == 0 and move.from_stage is None:
            what = f"came in as {move.to_label}"
        else:
            what = f"{move.from_label} to {move.to_label}"
        verdict = move.said
        if move.imported:
            verdict += "; from before leadsync went live, for information only"
        at = _local(told, move.at) if move.exact else f"about {_local(told, move.at)}"
        lines.append(f"          {at}  {what}, by {move.by} ({verdict})")
    lines += [f"          {line}" for line in told.merged]
    return lines


def _local(told: Explanation, at: str) -> str:
    return local_text(from_text(at), told.zone)
