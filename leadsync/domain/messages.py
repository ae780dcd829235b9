"""What people are told about a person, in the words of sla.yaml: the brief of an assignment, and every notice."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from leadsync.domain.actors import roles_of
from leadsync.domain.calendars import local_text
from leadsync.domain.effects import Notice, effect_id
from leadsync.domain.funnel import Stage
from leadsync.domain.instants import to_text
from leadsync.domain.passing import Passage
from leadsync.domain.scoring import ScoreLine
from leadsync.domain.stages import PutBack
from leadsync.domain.standing import Standing
from leadsync.domain.telling import fill
from leadsync.domain.touches import is_inbound
from leadsync.domain.transitions import Judgement, Transition

TOP_LINES = 3

NOBODY = frozenset({"leadsync", "automation"})
"""Roles of users who read no messages."""


def words_for(standing: Standing, *, due_at: datetime | None = None, **more: str) -> Mapping[str, str]:
    """Return the words that a message about a person may have filled in; `due` and `more` as given."""
    record, grounds = standing.record, standing.grounds
    fields = record.fields
    users = grounds.directory.users
    stage = standing.stage.name if standing.stage else ""
    inbound = [touch for touch in standing.touches if is_inbound(touch)]
    owner = users.get(standing.responsible_id or "")
    former = next((a for a in reversed(standing.situation.assignments) if a.owner_id != standing.responsible_id), None)
    former_user = users.get(former.owner_id) if former else None
    asked = [touch for touch in inbound if touch.text]
    name = " ".join(str(part) for part in (fields.get("first_name"), fields.get("last_name")) if part)
    words = {
        "person": name or record.ref.id,
        "company": str(standing.facts.get("company") or ""),
        "stage": standing.stage.label if standing.stage else "",
        "score": str(standing.score.whole),
        "top_score_lines": ", ".join(_line(line) for line in _top(standing.score.lines)),
        "last_touches": ", ".join(f"{t.channel or t.kind} {t.response or ''}".strip() for t in inbound[-TOP_LINES:]),
        "form_text": (asked[-1].text or "") if asked else "",
        "owner": owner.name if owner else "",
        "former_owner": former_user.name if former_user else "",
        "reason": standing.hold.reason.label
        if standing.hold and standing.hold.reason
        else (former.reason if former else ""),
        "what_to_do": grounds.rulebook.sla.duties.get(stage, ""),
        "due": local_text(due_at, grounds.rulebook.company.zone) if due_at else "",
        "link": f"{grounds.link}/{record.ref.id}" if grounds.link else record.ref.id,
    }
    return {**words, **more}


def _top(lines: Sequence[ScoreLine]) -> list[ScoreLine]:
    return sorted((line for line in lines if line.points > 0), key=lambda line: -line.points)[:TOP_LINES]


def _line(line: ScoreLine) -> str:
    return f"{line.name} {line.points / 100:+.0f}"


def _notice(
    standing: Standing,
    kind: str,
    message: str,
    to: Sequence[tuple[str, str]],
    cause: str,
    words: Mapping[str, str],
    group_id: str = "notices",
) -> list[Notice]:
    title, text = fill(standing.grounds.rulebook.sla.messages[message], words)
    ref, person = standing.record.ref, standing.situation.person_id
    return [
        Notice(
            effect_id=effect_id("notice", kind, ref, cause, channel, recipient),
            person_id=person,
            ref=ref,
            notice=kind,
            channel=channel,
            recipient=recipient,
            title=title,
            text=text,
            group_id=group_id,
        )
        for channel, recipient in to
    ]


def assigned_notices(
    standing: Standing, target: Stage | None, passage: Passage, due_at: datetime | None
) -> list[Notice]:
    """Return what tells a rep of a new person: who, why, what they did, what to do, due when (semantics.md E)."""
    grounds, made = standing.grounds, passage.assignment
    if made.owner_id not in grounds.directory.users:
        return []
    pool = grounds.rulebook.routing.pools.get(made.pool or "")
    through = pool.notice_through if pool else grounds.rulebook.sla.people_through
    message = pool.notice_message if pool else "assigned"
    if message not in grounds.rulebook.sla.messages:
        return []
    words = brief_words(standing, target, made.owner_id, due_at)
    # A channel that is no person's address (a floor's Slack, a team's Teams) is told itself.
    people_through = grounds.rulebook.sla.people_through
    to = [(name, made.owner_id if name in people_through or name == "crm_task" else name) for name in through]
    return _notice(standing, "assigned", message, to, made.door, words, standing.mass_creation or "notices")


def brief_words(standing: Standing, target: Stage | None, owner_id: str, due_at: datetime | None) -> Mapping[str, str]:
    """Return the words of what a rep is told of a new person, in the stage that they are, or are about to be, in.

    The former owner is who had the person until now.
    """
    users = standing.grounds.directory.users
    new, had = users.get(owner_id), users.get(standing.responsible_id or "")
    more = {"owner": new.name} if new else {}
    if had is not None and had != new:
        more["former_owner"] = had.name
    if target is not None:
        more |= {"stage": target.label, "what_to_do": standing.grounds.rulebook.sla.duties.get(target.name, "")}
    return words_for(standing, due_at=due_at, **more)


def brief(standing: Standing, target: Stage | None, passage: Passage, due_at: datetime | None) -> str | None:
    """Return the brief for the record itself, None when nobody is assigned or no message says how it reads."""
    message = standing.grounds.rulebook.sla.messages.get("assigned")
    if message is None or not passage.assignment.owner_id:
        return None
    return fill(message, brief_words(standing, target, passage.assignment.owner_id, due_at))[1]


def put_back_notices(standing: Standing, put_back: PutBack, judgements: Sequence[Judgement]) -> list[Notice]:
    """Return what tells whoever made a move why it was put back."""
    if put_back.kind not in ("revert", "redirect"):
        return []
    move, law = put_back.move, standing.grounds.law
    why = next((j.why for j in judgements if j.seq == move.seq), move.why)
    words = words_for(
        standing,
        why=why,
        from_stage=law.stages[move.from_stage].label if move.from_stage else "",
        to_stage=law.stages[move.to_stage].label if move.to_stage else "",
        stage=law.stages[put_back.stage].label,
    )
    return _by_rule(standing, "put_back", _cause(move), words, actor_id=move.actor_id)


def reason_notices(standing: Standing, missing: Sequence[tuple[Transition, tuple[str, ...]]]) -> list[Notice]:
    """Return the requests for what a legal move needed and did not bring, once for each move (semantics.md A).

    Where whoever moved is nobody to ask, the owner is (semantics.md G).
    """
    notices: list[Notice] = []
    for move, lacking in missing:
        if standing.grounds.is_live(move.at) and not move.is_held and standing.record.ref == move.ref:
            words = words_for(standing, missing=", ".join(lacking))
            asked = move.actor_id if _is_somebody(standing, move.actor_id) else standing.responsible_id
            notices += _by_rule(standing, "reason_missing", _cause(move), words, actor_id=asked)
    return notices


def _is_somebody(standing: Standing, user_id: str | None) -> bool:
    """Say whether a user is a person who can be asked: active, and neither we nor an integration."""
    grounds = standing.grounds
    user = grounds.directory.users.get(user_id or "")
    roles = roles_of(grounds.mapping, grounds.rulebook.routing, user, grounds.directory.own_user_id)
    return user is not None and user.active and NOBODY.isdisjoint(roles)


def insisted_notices(standing: Standing, insisted: Sequence[Transition], alerts: str) -> list[Notice]:
    """Return what tells operations that a move was made again after it had been put back; nobody fights over it."""
    stages, notices = standing.grounds.law.stages, []
    for move in insisted:
        words = words_for(standing)
        stages_named = [stages[name].label if name else "" for name in (move.from_stage, move.to_stage)]
        text = f"{words['person']} was moved from {stages_named[0]} to {stages_named[1]} again"
        notices.append(
            Notice(
                effect_id=effect_id("notice", "insisted", standing.record.ref, _cause(move), alerts),
                person_id=standing.situation.person_id,
                ref=standing.record.ref,
                notice="insisted",
                channel=alerts,
                recipient=alerts,
                title=text,
                text=f"{text} after it had been put back; it is left as it is. {words['link']}",
            )
        )
    return notices


def doubtful_notices(standing: Standing) -> list[Notice]:
    """Return what tells whom sla.yaml names under `untouched` of a lead that claims an interaction nobody knows of."""
    return _by_rule(standing, "untouched", "untouched", words_for(standing))


def hand_raised_notices(standing: Standing) -> list[Notice]:
    """Return what tells the owner that somebody who is already with sales, or in a deal, asks to be called."""
    at, stage = standing.hand_raised_at, standing.stage
    if at is None or stage is None or not standing.grounds.is_live(at) or standing.twin:
        return []
    cause = f"hand:{to_text(at)}"
    deal = standing.deals.open or standing.guarding_deal
    if deal is not None:
        return _by_rule(standing, "hand_raised_in_deal", cause, words_for(standing), deal_owner_id=deal.owner_id)
    if stage.role in ("handoff", "accepted_sales", "sales_qualified") and at > standing.stay.entered_at:
        return _by_rule(standing, "hand_raised_again", cause, words_for(standing))
    return []


def _by_rule(
    standing: Standing,
    kind: str,
    cause: str,
    words: Mapping[str, str],
    *,
    actor_id: str | None = None,
    deal_owner_id: str | None = None,
) -> list[Notice]:
    """Return a notice of sla.yaml to those it names; a user who is not there any more is not replaced."""
    sla, directory = standing.grounds.rulebook.sla, standing.grounds.directory
    rule = sla.notices.get(kind)
    if rule is None:
        return []
    meant = {"actor": actor_id, "deal_owner": deal_owner_id, "owner": standing.responsible_id}
    owner = directory.users.get(standing.responsible_id or "")
    meant["manager"] = owner.manager_id if owner else None
    to: list[tuple[str, str]] = []
    for word in rule.tell:
        if word not in meant:
            to.append((word, word))
            continue
        user = directory.users.get(meant[word] or "")
        if user is not None and user.active and user.id != directory.own_user_id:
            to += [(channel, user.id) for channel in sla.people_through]
    return _notice(standing, kind, rule.message, to, cause, words)


def _cause(move: Transition) -> str:
    """Return the name of a move that does not depend on the order in which it was read."""
    return f"{to_text(move.at)}:{move.from_value}:{move.to_value}"
