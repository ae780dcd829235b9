"""Who is told something about a clock or a move, in which words, and how a storm of messages becomes one.

Sending, quiet hours and trying again belong to the outbox and the channels; escaping a text for its channel too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from leadsync.domain.effects import Escalation, Notice, effect_id
from leadsync.domain.records import User
from leadsync.domain.routing import Pool
from leadsync.domain.sla import Message, Sla
from leadsync.domain.transitions import MASS_CREATION

TELL_WORDS = ("owner", "manager", "pool_lead", "queue_lead", "deal_owner", "actor")
"""What `tell` may say besides the name of a channel."""

INSTEAD_WORDS = ("queue_lead", "next_manager", "pool_lead")
"""What `instead` may say besides the name of a channel."""

WORDS = (
    "person", "company", "stage", "from_stage", "to_stage", "score", "top_score_lines", "last_touches", "form_text",
    "owner", "former_owner", "actor", "reason", "missing", "why", "what_to_do", "clock", "target", "used", "due", "late",
    "attempts", "count", "list", "link",
)  # fmt: skip
"""The words that a message may have filled in."""

CRM_TASK = "crm_task"
"""The channel that makes a task for a person on one record; tasks are never folded into another message."""

_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class People:
    """The CRM's users as those to be told: by id, by user name or e-mail in lower case, and who is away now."""

    users: Mapping[str, User]
    ids: Mapping[str, str]
    absent: frozenset[str] = frozenset()

    def find(self, name: str | None) -> str | None:
        """Return the id of the user with this user name or e-mail."""
        return self.ids.get(name.strip().casefold()) if name else None

    def reachable(self, user_id: str | None) -> str | None:
        """Return the id again if it is that of an active user who is not away."""
        user = self.users.get(user_id) if user_id else None
        return user_id if user and user.active and user_id not in self.absent else None


@dataclass(frozen=True, slots=True)
class Telling:
    """One message to send; `covers` are the effect ids that are accepted with it (its own alone, if it is no digest)."""

    message: Escalation | Notice
    covers: tuple[str, ...]


def people(users: Mapping[str, User], absent: frozenset[str] = frozenset()) -> People:
    """Return the users made ready for `recipients`, once per cycle. A user name beats another user's e-mail."""
    ids = {user.email.strip().casefold(): user_id for user_id, user in users.items() if user.email}
    ids |= {user.username.strip().casefold(): user_id for user_id, user in users.items()}
    return People(users, ids, absent)


def recipients(
    tell: Sequence[str],
    sla: Sla,
    who: People,
    *,
    owner_id: str | None,
    pool: Pool | None = None,
    deal_owner_id: str | None = None,
    actor_id: str | None = None,
    alerts: str,
) -> tuple[tuple[str, str], ...]:
    """Return (channel, user id) for each person to be told and (channel, channel) for each channel, everyone once.

    Somebody who does not exist, is inactive or away is replaced by the first of `instead` who can be told: the lead of
    queues where no user owns the person, the next active manager up the tree from whoever was meant, the pool's lead,
    or a channel; in the end the channel `alerts`. So the answer names at least one as long as `tell` does.
    """
    owner = who.users.get(owner_id) if owner_id else None
    pool_lead, queue_lead = who.find(pool.lead if pool else None), who.find(sla.queue_lead)
    meant = {  # who is meant, and from whom to climb when they cannot be told
        "owner": (owner_id, owner_id),
        "manager": (owner.manager_id if owner else None, owner_id),
        "pool_lead": (pool_lead, pool_lead),
        "queue_lead": (queue_lead, queue_lead),
        "deal_owner": (deal_owner_id, deal_owner_id),
        "actor": (actor_id, actor_id),
    }
    told: dict[tuple[str, str], None] = {}
    for word in tell:
        if word not in meant:
            told[word, word] = None
            continue
        user_id, climb_from = meant[word]
        reached = who.reachable(user_id)
        if reached is None:
            stand_in = _stand_in(sla, who, climb_from, pool, owned=owner is not None)
            if not isinstance(stand_in, User):
                told[stand_in or alerts, stand_in or alerts] = None
                continue
            reached = stand_in.id
        for channel in sla.people_through:
            told[channel, reached] = None
    return tuple(told)


def _stand_in(sla: Sla, who: People, climb_from: str | None, pool: Pool | None, *, owned: bool) -> User | str | None:
    """Return the first user or channel of `instead` that can be told."""
    for word in sla.instead:
        match word:
            case "queue_lead":
                found = None if owned else who.reachable(who.find(sla.queue_lead))
            case "next_manager":
                found = next((boss for boss in _above(who, climb_from) if who.reachable(boss)), None)
            case "pool_lead":
                found = who.reachable(who.find(pool.lead)) if pool else None
            case channel:
                return channel
        if found:
            return who.users[found]
    return None


def _above(who: People, user_id: str | None) -> Iterator[str]:
    """Yield the managers of a user from the next to the topmost; a circle in the CRM's data ends where it closes."""
    seen = {user_id}
    user = who.users.get(user_id) if user_id else None
    while user and user.manager_id and user.manager_id not in seen:
        seen.add(user.manager_id)
        yield user.manager_id
        user = who.users.get(user.manager_id)


def words_of(text: str) -> tuple[str, ...]:
    """Return the words that a text wants filled in, in order; a single `{` or `}` is no word."""
    return tuple(found[1] for found in _BRACES.finditer(text) if found[1] is not None)


def fill(message: Message, words: Mapping[str, str]) -> tuple[str, str]:
    """Return the title and the text with their words filled in.

    A missing or empty value prints `-`, doubled braces print one. A value is put in as it stands and never read again,
    whatever braces it holds.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        return words.get(found[1]) or "-"

    return _BRACES.sub(value, message.title), _BRACES.sub(value, message.text)


def digest(messages: Sequence[Escalation | Notice], digest_above: int, message: Message) -> tuple[Telling, ...]:
    """Return what to send of the messages of one tick, those to one recipient through one channel taken together.

    More than `digest_above` of them become one, and so do all as soon as more than one is late (after down-time nobody
    gets the past rung by rung). Whoever gets people of a mass creation hears of them in one, be it in a task. The digest
    fills {count} and {list} with every title and effect id; its own id follows from the ids it covers, so that sending it
    again after an unknown end is seen as the same message.
    """
    groups: dict[tuple[str, str, str], list[Escalation | Notice]] = {}
    for one in messages:
        created = one.group_id if one.group_id.startswith(MASS_CREATION) else ""
        groups.setdefault((one.channel, one.recipient, created), []).append(one)
    tellings: list[Telling] = []
    for (channel, recipient, created), group in groups.items():
        late = sum(isinstance(one, Escalation) and one.late for one in group)
        several = 1 if created else digest_above
        if (channel == CRM_TASK and not created) or (len(group) <= several and late <= 1):
            tellings.extend(Telling(one, (one.effect_id,)) for one in group)
            continue
        covers = tuple(one.effect_id for one in group)
        lines = "\n".join(f"- {one.title} [{one.effect_id}]" for one in group)
        title, text = fill(message, {"count": str(len(group)), "list": lines})
        folded = Notice(
            effect_id=effect_id("digest", channel, recipient, *sorted(covers)),
            person_id=group[0].person_id,
            ref=group[0].ref,
            notice="digest",
            channel=channel,
            recipient=recipient,
            title=title,
            text=text,
            group_id=group[0].group_id,
        )
        tellings.append(Telling(folded, covers))
    return tuple(tellings)
