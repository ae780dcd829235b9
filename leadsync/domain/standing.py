"""Where one person stands now: the facts from which every rule decides, gathered once per decision."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leadsync.domain import calendars
from leadsync.domain.accounts import match_account
from leadsync.domain.actors import roles_of
from leadsync.domain.conditions import FactValue, Named, holds
from leadsync.domain.countries import country_code
from leadsync.domain.durations import Duration
from leadsync.domain.facts import PersonFacts
from leadsync.domain.funnel import FunnelLaw, Reason, Stage
from leadsync.domain.instants import to_text
from leadsync.domain.mapping import CrmMapping, FieldMapping
from leadsync.domain.owners import owner_kind, responsible
from leadsync.domain.persons import Milestones, Stay, line, milestones, primary, primary_twin, stay
from leadsync.domain.records import Account, Opportunity, Record, Value
from leadsync.domain.routing import territory
from leadsync.domain.rulebook import Rulebook
from leadsync.domain.scoring import BAR, Score, is_hand_raised, score
from leadsync.domain.situation import Directory, Situation, Twin
from leadsync.domain.touches import Touch, is_inbound, is_outbound
from leadsync.domain.transitions import Transition


@dataclass(frozen=True, slots=True)
class Grounds:
    """What all decisions of one cycle and one CRM stand on.

    `go_live_at` None: nothing was ever delivered, so nothing has an effect yet. `kinds` are the kinds of effect that
    may be wished for (design.md `deliver:`).
    """

    rulebook: Rulebook
    crm: str
    directory: Directory
    now: datetime
    go_live_at: datetime | None
    kinds: frozenset[str]
    link: str = ""  # the org's address, before a record's id

    @property
    def law(self) -> FunnelLaw:
        """Return the funnel law."""
        return self.rulebook.law

    @property
    def mapping(self) -> CrmMapping:
        """Return this CRM's mapping."""
        return self.rulebook.mappings[self.crm]

    def is_live(self, at: datetime | None) -> bool:
        """Say whether something that happened then may cause an effect."""
        return at is not None and self.go_live_at is not None and at >= self.go_live_at

    def days_after(self, start: datetime, duration: Duration) -> datetime:
        """Return when a duration from `start` has passed, days in the company's zone, business time in its calendar."""
        zone = self.rulebook.company.zone
        calendar = calendars.calendar_for(self.rulebook.calendars, self.rulebook.calendars.default, None, zone)
        return calendars.after(start, duration, calendar, zone)


@dataclass(frozen=True, slots=True)
class Deals:
    """The person's opportunities in one word, with the deals themselves; `since` dates the newest open one."""

    outcome: Literal["none", "open", "won", "lost"]
    open: Opportunity | None = None
    since: datetime | None = None
    ended_at: datetime | None = None
    loss_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """How long nothing promotes a person who was recycled or turned away; `until` None: by time alone, never."""

    reason: Reason | None
    until: datetime | None
    hand_raise_breaks_it: bool


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
        return self.hold is not None and (self.hold.until is None or self.grounds.now < self.hold.until)

    @property
    def responsible_id(self) -> str | None:
        """Return who must look after the person: the assignee of a Contact, the owner of a Lead."""
        return responsible(self.record, self.grounds.mapping)

    @property
    def is_new(self) -> bool:
        """Say whether something happened since going live, without which nothing has an effect."""
        return self.grounds.is_live(self.news_at)

    def attempts_since(self, start: datetime, by: Callable[[str | None], bool] | None = None) -> tuple[Touch, ...]:
        """Return finished follow-ups by people after an instant, in order; `by` narrows whose count."""
        return tuple(
            touch
            for touch in self.touches
            if is_outbound(touch) and start < touch.at <= self.grounds.now and (by is None or by(touch.actor_id))
        )


def stand(situation: Situation, grounds: Grounds) -> Standing:
    """Return where a person stands; a situation has at least one record."""
    law, mapping, now = grounds.law, grounds.mapping, grounds.now
    record = primary(situation.records, law, mapping)
    assert record is not None
    moves = line(situation, record)
    here = stay(moves, record, law, mapping)
    stage = _stage(law, record, here)
    twin = primary_twin(record, situation.twins, law, mapping) if law.twins == "exact_email" else None
    touches = _touches(situation, grounds, record)
    account, ambiguous = _account(situation, grounds, record)
    deals = _deals(situation, record)
    raised = [touch.at for touch in touches if is_inbound(touch) and is_hand_raised(grounds.rulebook.scoring, touch)]
    hand_raised_at = max(raised, default=None)
    fresh_from = here.entered_at if stage and stage.role in ("recycle", "exit") and law.basis == "fresh" else None
    known: dict[str, FactValue] = {}
    facts = _facts(situation, grounds, record, stage, here, touches, account, deals, hand_raised_at, known)
    scoring = grounds.rulebook.scoring
    full = score(scoring, facts, touches, now)
    basis = score(scoring, facts, touches, now, since=fresh_from) if fresh_from else full
    hold = _hold(grounds, record, stage, here, deals)
    cooling = hold is not None and (hold.until is None or now < hold.until)
    known.update(
        score=full.whole,
        band=full.band,
        product=full.product,
        at_the_bar=basis.points >= BAR * 100,
        cooling=cooling,
        reason=hold.reason.key if hold and hold.reason else None,
        reason_class=hold.reason.klass if hold and hold.reason else None,
        twin=twin is not None,
    )
    excluded = law.excluded is not None and holds(Named("excluded", law.excluded), facts)
    inbound = [touch.at for touch in touches if is_inbound(touch) and touch.at <= now]
    entered = here.entered_at if here.entered_by and here.entered_by.verdict != "adopted" else None
    news = [at for at in (entered, max(inbound, default=None), deals.since, deals.ended_at) if at is not None]
    return Standing(
        situation=situation,
        grounds=grounds,
        record=record,
        stage=stage,
        stay=here,
        moves=moves,
        milestones=milestones(situation, moves, law),
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
        excluded=excluded,
        news_at=max(news, default=None),
    )


def _stage(law: FunnelLaw, record: Record, here: Stay) -> Stage | None:
    """Return the stage; a blank on a Contact is the stage with the role `outside`, a blank on a Lead is none at all."""
    if here.stage is not None:
        return law.stages[here.stage]
    if record.ref.object == "contact" and not record.stage_value:
        return next((stage for stage in law.stages.values() if stage.role == "outside"), None)
    return None


def _touches(situation: Situation, grounds: Grounds, record: Record) -> tuple[Touch, ...]:
    """Return the touches of the person and their twins, with those that a record's birth stands for, in order."""
    found = {touch.touch_id: touch for touch in situation.touches}
    for twin in situation.twins if grounds.law.twins == "exact_email" else ():
        found.update((touch.touch_id, touch) for touch in twin.touches)
    for other in situation.records:
        if other.ref.object == "lead" and (birth := _birth_touch(other, grounds)):
            found.setdefault(birth.touch_id, birth)
    alive = [touch for touch in found.values() if not touch.retracted and touch.at <= grounds.now]
    return tuple(sorted(alive, key=lambda touch: (touch.at, touch.touch_id)))


def _birth_touch(record: Record, grounds: Grounds) -> Touch | None:
    """Return the touch that a lead's source stands for: a web form often leaves only the record itself."""
    creator = grounds.directory.users.get(record.created_by or "")
    fields: dict[str, FactValue] = {**record.fields, "created_by": creator.username if creator else record.created_by}
    facts = PersonFacts(fields, now=grounds.now, after=grounds.days_after, conditions=grounds.rulebook.conditions)
    for rule in grounds.law.birth_touches:
        if holds(rule.when, facts):
            return Touch(
                touch_id=f"birth:{record.ref.id}",
                ref=record.ref,
                kind="birth",
                direction="inbound",
                at=record.created_at,
                channel=rule.channel,
                investment=rule.investment,
                response=rule.response,
                source_id=record.ref.id,
            )
    return None


def _account(situation: Situation, grounds: Grounds, record: Record) -> tuple[Account | None, bool]:
    """Return the record's own account, else the one its domain, name and country point to; and whether two came close."""
    own = grounds.directory.accounts.get(record.account_id) if record.account_id else None
    if own is not None:
        return own, False
    found = match_account(
        grounds.rulebook.routing.account_match,
        email=_text(record.fields.get("email")),
        website=_text(record.fields.get("website")),
        company=_text(record.fields.get("company")),
        country=_text(record.fields.get("country")),
        candidates=situation.account_candidates,
    )
    return found.account, bool(found.ambiguous)


def _deals(situation: Situation, record: Record) -> Deals:
    """Return what became of the person's deals: open before won before lost (semantics.md C, Outcomes)."""
    roles = {role.opportunity_id: role for role in situation.roles if not role.deleted}
    deals = [deal for deal in situation.opportunities if not deal.deleted]

    def since(deal: Opportunity) -> datetime:
        role = roles.get(deal.id)
        return max(deal.created_at, role.at) if role else deal.created_at

    still_open = [deal for deal in deals if deal.outcome == "open"]
    if still_open:
        newest = max(still_open, key=lambda deal: (since(deal), deal.id))
        return Deals("open", newest, since(newest))
    for outcome in ("won", "lost"):
        ended = [deal for deal in deals if deal.outcome == outcome]
        if ended:
            last = max(ended, key=lambda deal: (deal.closed_at or deal.created_at, deal.id))
            return Deals(outcome, None, since(last), last.closed_at or last.created_at, last.loss_reason)
    return Deals("none")


def _hold(grounds: Grounds, record: Record, stage: Stage | None, here: Stay, deals: Deals) -> Hold | None:
    """Return what keeps a person back: the cool-down of a recycle, the revival rule of an exit, the rest after a win."""
    law = grounds.law
    if stage is None:
        return None
    reason = law.reason_by_label(_text(record.fields.get("recycle_reason")))
    if stage.role == "recycle":
        cool_down = reason.cool_down if reason else law.default_cool_down
        return Hold(reason, grounds.days_after(here.entered_at, cool_down), not (reason and reason.hard))
    if stage.role == "exit":
        revive = reason.revive if reason else "hand_raise_only"
        until = grounds.days_after(here.entered_at, revive) if isinstance(revive, Duration) else None
        return Hold(reason, until, not (reason and reason.hard) and revive != "never")
    if stage.role == "sales_qualified" and deals.outcome == "won" and deals.ended_at is not None:
        return Hold(None, grounds.days_after(deals.ended_at, law.won_cool_down), hand_raise_breaks_it=False)
    return None


def _facts(
    situation: Situation,
    grounds: Grounds,
    record: Record,
    stage: Stage | None,
    here: Stay,
    touches: tuple[Touch, ...],
    account: Account | None,
    deals: Deals,
    hand_raised_at: datetime | None,
    known: Mapping[str, FactValue],
) -> PersonFacts:
    rulebook = grounds.rulebook
    attempts = [t for t in touches if is_outbound(t) and t.at > here.entered_at and _by_a_person(t, grounds)]
    answered = bool(attempts) and any(is_inbound(t) and t.at > attempts[0].at for t in touches)
    raised = hand_raised_at is not None and _raises(hand_raised_at, here, stage)
    owner = responsible(record, grounds.mapping)
    facts: PersonFacts

    def later(name: str) -> Callable[[], FactValue]:
        return lambda: known.get(name)

    facts = PersonFacts(
        normalised(record.fields, grounds.mapping.objects[record.ref.object].fields),
        account=normalised(account.fields, grounds.mapping.account) if account else {},
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
            "in_stage_for": lambda: to_text(here.entered_at),
            "recycle_count": lambda: milestones(situation, line(situation, record), grounds.law).recycle_count,
            "attempts": lambda: len(attempts),
            "answered": lambda: answered,
            "hand_raised": lambda: raised,
            "in_open_deal": lambda: deals.outcome == "open",
            "outcome": lambda: deals.outcome,
            "owner_kind": lambda: owner_kind(owner, grounds.directory, grounds.mapping, rulebook.routing),
            "territory": lambda: territory(rulebook.routing, facts),
            "left_stage": lambda: False,
            **{name: later(name) for name in _AFTER_THE_SCORE},
        },
    )
    return facts


def normalised(fields: Mapping[str, Value], mapped: Mapping[str, FieldMapping]) -> dict[str, FactValue]:
    """Return field values as rules compare them: a country by its ISO code however it was written; the rest as it is."""
    found: dict[str, FactValue] = dict(fields)
    for name, field in mapped.items():
        value = fields.get(name)
        if field.type == "country" and isinstance(value, str):
            found[name] = country_code(value) or value
    return found


_AFTER_THE_SCORE = ("score", "band", "product", "at_the_bar", "cooling", "reason", "reason_class", "twin")


def _raises(at: datetime, here: Stay, stage: Stage | None) -> bool:
    """Say whether a raised hand still counts: it came in this stay, or brought the person to a stage before sales.

    Outside recycle and exit a hand raised on the day a lead was born may be older than its first stage change.
    """
    if stage is not None and stage.role in ("recycle", "exit"):
        return at > here.entered_at
    return here.entry_number <= 1 or at >= here.entered_at


def _by_a_person(touch: Touch, grounds: Grounds) -> bool:
    user = grounds.directory.users.get(touch.actor_id or "")
    roles = roles_of(grounds.mapping, grounds.rulebook.routing, user, grounds.directory.own_user_id)
    return "automation" not in roles and "leadsync" not in roles


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

