"""What rules may ask about one person beyond their fields and touches: stage, deals, owner, attempts, territory."""

from collections.abc import Callable, Mapping

from leadsync.domain.accounts import account_domain
from leadsync.domain.actors import roles_of
from leadsync.domain.conditions import FactValue
from leadsync.domain.deals import Deals
from leadsync.domain.facts import PersonFacts
from leadsync.domain.funnel import Stage
from leadsync.domain.grounds import Grounds
from leadsync.domain.hygiene import Tidied
from leadsync.domain.instants import to_text
from leadsync.domain.owners import owner_kind, responsible
from leadsync.domain.persons import Milestones, Stay
from leadsync.domain.records import Account, Record
from leadsync.domain.routing import territory
from leadsync.domain.touches import Touch, is_inbound, is_outbound

AFTER_THE_SCORE = ("score", "band", "product", "at_the_bar", "cooling", "reason", "reason_class", "twin")
"""Facts that follow from the score and the hold, which themselves ask for facts."""


def facts_of(
    grounds: Grounds,
    record: Record,
    *,
    stage: Stage | None,
    stay: Stay,
    milestones: Milestones,
    touches: tuple[Touch, ...],
    account: Account | None,
    deals: Deals,
    hand_raised: bool,
    known: Mapping[str, FactValue],
) -> PersonFacts:
    """Return the facts of one person; those of `AFTER_THE_SCORE` are read from `known`, which is filled in later."""
    rulebook = grounds.rulebook
    attempts = [t for t in touches if is_outbound(t) and t.at > stay.entered_at and is_by_a_person(t, grounds)]
    answered = bool(attempts) and any(is_inbound(t) and t.at > attempts[0].at for t in touches)
    owner = responsible(record, grounds.mapping)
    facts: PersonFacts
    company = Tidied(account.fields, grounds.mapping.account, grounds.formats) if account else None
    fields = Tidied(
        record.fields,
        grounds.mapping.objects[record.ref.object].fields,
        grounds.formats,
        company,
    )

    def later(name: str) -> Callable[[], FactValue]:
        return lambda: known.get(name)

    facts = PersonFacts(
        fields,
        account=company or {},
        touches=touches,
        scoring=rulebook.scoring,
        free_mail=rulebook.routing.account_match.free_mail,
        conditions=rulebook.conditions,
        now=grounds.now,
        after=grounds.days_after,
        given={
            "crm": lambda: grounds.crm,
            "object": lambda: record.ref.object,
            "stage": lambda: stage.name if stage else None,
            "in_stage_for": lambda: to_text(stay.entered_at),
            "recycle_count": lambda: milestones.recycle_count,
            "attempts": lambda: len(attempts),
            "answered": lambda: answered,
            "hand_raised": lambda: hand_raised,
            "in_open_deal": lambda: deals.outcome == "open",
            "outcome": lambda: deals.outcome,
            "owner_kind": lambda: owner_kind(owner, grounds.directory, grounds.mapping, rulebook.routing),
            "territory": lambda: territory(rulebook.routing, facts),
            "left_stage": lambda: False,
            "account.domain": lambda: account_domain(company or {}, grounds.formats),
            **{name: later(name) for name in AFTER_THE_SCORE},
        },
    )
    return facts


def is_by_a_person(touch: Touch, grounds: Grounds) -> bool:
    """Say whether a follow-up was done by a person: not by us, nor by an integration (semantics.md D)."""
    user = grounds.directory.users.get(touch.actor_id or "")
    roles = roles_of(grounds.mapping, grounds.rulebook.routing, user, grounds.directory.own_user_id)
    return "automation" not in roles and "leadsync" not in roles
