"""Where one person stands now: everything the rules decide from, gathered once per decision."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from leadsync.domain.accounts import match_account
from leadsync.domain.births import birth_touch
from leadsync.domain.conditions import FactValue, Named, holds
from leadsync.domain.deals import Deals, deals_of
from leadsync.domain.facts import PersonFacts
from leadsync.domain.funnel import FunnelLaw, Stage
from leadsync.domain.grounds import Grounds
from leadsync.domain.mass import with_mass_changes
from leadsync.domain.owners import responsible
from leadsync.domain.persons import Milestones, Stay, line, milestones, primary, primary_twin, stay, twins_of
from leadsync.domain.records import Account, Opportunity, Record
from leadsync.domain.recycling import Hold, hold_of, last_out_at
from leadsync.domain.scoring import BAR, Score, is_hand_raised, score
from leadsync.domain.situation import Situation, Twin
from leadsync.domain.standing_facts import facts_of
from leadsync.domain.touches import Touch, is_inbound, is_outbound
from leadsync.domain.transitions import MASS, MASS_CREATION, Transition

__all__ = ["Deals", "Grounds", "Hold", "Standing", "stand"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One person, ready to be judged, moved, scored, routed and clocked."""

    situation: Situation
    grounds: Grounds
    record: Record
    stage: Stage | None  # None: a value outside the mapping, or a blank on a Lead
    stay: Stay
    moves: tuple[Transition, ...]
    milestones: Milestones
    touches: tuple[Touch, ...]
    account: Account | None
    ambiguous_account: bool
    deals: Deals
    hold: Hold | None
    facts: PersonFacts
    score: Score
    basis: Score  # by which they come back: the score on the recycle basis
    hand_raised_at: datetime | None
    twin: Twin | None  # who speaks for the group instead
    excluded: bool
    news_at: datetime | None  # the latest thing that may cause an effect

    @property
    def is_alive(self) -> bool:
        """Say whether the record is there and in scope; nothing is done about any other."""
        return self.record.state == "live"

    @property
    def cooling(self) -> bool:
        """Say whether the hold still lasts."""
        return self.hold is not None and self.hold.lasts(self.grounds.now)

    @property
    def responsible_id(self) -> str | None:
        """Return who must look after the person: the assignee of a Contact, the owner of a Lead."""
        return responsible(self.record, self.grounds.mapping)

    @property
    def is_new(self) -> bool:
        """Say whether something happened since going live, without which nothing has an effect."""
        return self.grounds.is_live(self.news_at)

    @property
    def is_blank(self) -> bool:
        """Say whether the record shows no stage of the funnel: a blank, an unknown value, or one outside."""
        return self.stage is None or self.stage.role == "outside"

    @property
    def is_carried(self) -> bool:
        """Say whether a conversion left the contact blank so far: the stay of the lead goes on meanwhile."""
        return self.is_blank and bool(self.moves) and self.moves[-1].reason == "converted"

    @property
    def write_under_way(self) -> bool:
        """Say whether a write was sent whose end is not known: what it made of the record has to be seen first."""
        return any(write.state in ("sent", "unknown") for write in self.situation.writes)

    @property
    def held_by(self) -> str | None:
        """Return the mass change that brought the person here and waits to be let go.

        None when nothing does, or when the person has done something since, or got a deal.
        """
        entered = self.stay.entered_by
        if entered is None or not entered.is_held or not (entered.bulk_id or "").startswith(MASS):
            return None
        return entered.bulk_id if self.news_at is None or self.news_at <= entered.at else None

    @property
    def mass_creation(self) -> str | None:
        """Return the mass creation whose doors open so many an hour, as long as the person waits for theirs.

        None for everybody else: for whoever has been routed, was led on by a person, or has raised a hand since.
        """
        moves = self.situation.transitions
        born = next((move for move in moves if (move.bulk_id or "").startswith(MASS_CREATION)), None)
        entered = self.stay.entered_by
        if born is None or self.situation.assignments or entered is None:
            return None
        if entered.seq != born.seq and entered.source != "leadsync":
            return None
        return born.bulk_id if self.hand_raised_at is None or self.hand_raised_at <= born.at else None

    @property
    def guarding_deal(self) -> Opportunity | None:
        """Return the open deal that keeps the person from promotion and routing: their own, or one of their account."""
        guard = self.grounds.law.open_deal_guard
        if guard == "none" or self.deals.open is not None:
            return self.deals.open if guard != "none" else None
        if guard == "person" or self.account is None:
            return None
        return next((d for d in reversed(self.situation.account_deals) if d.account_id == self.account.id), None)

    def attempts_since(self, start: datetime, by: Callable[[Touch], bool]) -> tuple[Touch, ...]:
        """Return finished follow-ups after an instant, in order; `by` says whose count."""
        return tuple(touch for touch in self.touches if is_outbound(touch) and start < touch.at and by(touch))


def stand(situation: Situation, grounds: Grounds) -> Standing:
    """Return where a person stands; a situation has at least one record."""
    law, mapping, now = grounds.law, grounds.mapping, grounds.now
    situation = with_mass_changes(situation, grounds)
    record = primary(situation.records, law, mapping)
    moves = line(situation, record)
    here = stay(moves, record, law, mapping)
    stage = _stage(law, record, here)
    done = milestones(situation, moves, law)
    twin = primary_twin(record, twins_of(situation, law), law, mapping)
    touches = _touches(situation, grounds)
    account, ambiguous = _account(situation, grounds, record)
    deals = deals_of(situation)
    scoring = grounds.rulebook.scoring
    hand_raised_at = max((touch.at for touch in touches if is_hand_raised(scoring, touch)), default=None)
    fresh_from = here.entered_at if stage and stage.role in ("recycle", "exit") and law.basis == "fresh" else None
    known: dict[str, FactValue] = {}
    facts = facts_of(
        grounds,
        record,
        stage=stage,
        stay=here,
        milestones=done,
        touches=touches,
        account=account,
        deals=deals,
        hand_raised=_counts(hand_raised_at, moves, grounds),
        known=known,
    )
    full = score(scoring, facts, touches, now)
    basis = score(scoring, facts, touches, now, since=fresh_from) if fresh_from else full
    hold = hold_of(grounds, record, stage, here, deals, situation.memory)
    known.update(
        score=full.whole,
        band=full.band,
        product=full.product,
        at_the_bar=basis.points >= BAR * 100,
        cooling=hold is not None and hold.lasts(now),
        reason=hold.reason.key if hold and hold.reason else None,
        reason_class=hold.reason.klass if hold and hold.reason else None,
        twin=twin is not None,
    )
    return Standing(
        situation=situation,
        grounds=grounds,
        record=record,
        stage=stage,
        stay=here,
        moves=moves,
        milestones=done,
        touches=touches,
        account=account,
        ambiguous_account=ambiguous,
        deals=deals,
        hold=hold,
        facts=facts,
        score=full,
        basis=basis,
        hand_raised_at=hand_raised_at,
        twin=twin,
        excluded=law.excluded is not None and holds(Named("excluded", law.excluded), facts),
        news_at=_news_at(here, touches, deals),
    )


def _stage(law: FunnelLaw, record: Record, here: Stay) -> Stage | None:
    """Return the stage; a blank on a Contact is the stage with the role `outside`, a blank on a Lead is none at all."""
    if here.stage is not None:
        return law.stages[here.stage]
    if record.ref.object == "contact" and not record.stage_value:
        return next((stage for stage in law.stages.values() if stage.role == "outside"), None)
    return None


def _touches(situation: Situation, grounds: Grounds) -> tuple[Touch, ...]:
    """Return the touches of the person and their twins up to now, with those that a lead's birth stands for, in order."""
    found = {touch.touch_id: touch for touch in situation.touches}
    for twin in twins_of(situation, grounds.law):
        found.update((touch.touch_id, touch) for touch in twin.touches)
    for record in situation.records:
        if birth := birth_touch(record, grounds):
            found[birth.touch_id] = birth
    seen = [touch for touch in found.values() if not touch.retracted and touch.at <= grounds.now]
    return tuple(sorted(seen, key=lambda touch: (touch.at, touch.touch_id)))


def _account(situation: Situation, grounds: Grounds, record: Record) -> tuple[Account | None, bool]:
    """Return the record's own account, else the one its domain, name and country point to; and whether two came close."""
    own = grounds.directory.accounts.get(record.account_id) if record.account_id else None
    if own is not None:
        return own, False

    def text(name: str) -> str | None:
        value = record.fields.get(name)
        return value if isinstance(value, str) and value else None

    found = match_account(
        grounds.rulebook.routing.account_match,
        grounds.formats,
        email=text("email"),
        website=text("website"),
        company=text("company"),
        country=text("country"),
        candidates=situation.account_candidates,
    )
    return found.account, bool(found.ambiguous)


def _counts(hand_raised_at: datetime | None, moves: tuple[Transition, ...], grounds: Grounds) -> bool:
    """Say whether a raised hand still counts: since going live, and since the person last left the funnel."""
    if hand_raised_at is None or not grounds.is_live(hand_raised_at):
        return False
    out_at = last_out_at(moves, grounds.law)
    return out_at is None or hand_raised_at > out_at


def _news_at(here: Stay, touches: tuple[Touch, ...], deals: Deals) -> datetime | None:
    entered = here.entered_at if here.entered_by and not here.entered_by.is_adopted else None
    touched = max((touch.at for touch in touches if is_inbound(touch)), default=None)
    return max((at for at in (entered, touched, deals.since, deals.ended_at) if at is not None), default=None)
