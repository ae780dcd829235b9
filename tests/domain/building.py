"""Leads, the people who work them and what happened, built in one line each; decided by the law that leadsync ships.

Instants are UTC; companies are in Berlin. Whatever is not said is a lead of Ada's, born after leadsync went live.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import as_file, files
from itertools import count
from typing import Any

from leadsync.domain.decision import Decision, decide
from leadsync.domain.effects import Effect, Escalation, Membership, Notice, WriteBack
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.pools import PoolBook
from leadsync.domain.records import Account, Opportunity, Queue, Record, Ref, User, Value
from leadsync.domain.rulebook import Rulebook
from leadsync.domain.situation import Assignment, Directory, Memory, OwnerChange, Situation, Twin
from leadsync.domain.sla import Clock
from leadsync.domain.standing import Grounds, Standing, stand
from leadsync.domain.telling import people
from leadsync.domain.touches import Touch
from leadsync.domain.transitions import Transition
from leadsync.hygiene import FORMATS
from leadsync.settings import load

ALL_KINDS = frozenset({"notices", "stage_entered", "score", "contact_stage", "lead_stage", "owner", "membership"})
ALERTS = "ops"
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    """Return the UTC instant of `2026-03-01 09:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = at("2026-11-25 10:00")  # a Wednesday; eleven o'clock in Berlin
GO_LIVE = at("2026-01-01 00:00")
_seq = count(1)


@cache
def shipped() -> Rulebook:
    """Return the rules that leadsync ships."""
    with as_file(files("leadsync.settings").joinpath("samples")) as samples:
        return load(samples / "config" / "leadsync.yaml", samples / "mappings", {}).rulebook


RULES = shipped()
MAPPING = RULES.mappings["salesforce"]


def rules_with(**parts: Any) -> Rulebook:
    """Return the shipped rules with parts of the law (`law_...`), the SLA (`sla_...`) or the mapping (`crm_...`) replaced."""
    law = {name.removeprefix("law_"): part for name, part in parts.items() if name.startswith("law_")}
    sla = {name.removeprefix("sla_"): part for name, part in parts.items() if name.startswith("sla_")}
    crm = {name.removeprefix("crm_"): part for name, part in parts.items() if name.startswith("crm_")}
    return replace(
        RULES,
        law=replace(RULES.law, **law),
        sla=replace(RULES.sla, **sla),
        mappings={"salesforce": replace(MAPPING, **crm)},
    )


def a_contact_of(**parts: Any) -> CrmMapping:
    """Return the shipped mapping with parts of the Contact replaced."""
    return replace(MAPPING, objects={**MAPPING.objects, "contact": replace(MAPPING.objects["contact"], **parts)})


def a_user(name: str, /, **more: Any) -> User:
    user = User("salesforce", f"005-{name}", f"{name}@acme.example", f"{name}@acme.example", name.title(), True)
    return replace(user, **more)


_REPS = {
    "005-dora": ["ada", "bela", "carla"],
    "005-greta": ["emil", "frieda", "fabian", "hugo", "ines", "jan"],
    "005-kate": ["liam", "maria", "nora"],
}
_MEMBERS = {"ada": "Lead Development", "bela": "Lead Development", "carla": "Lead Development"}
PEOPLE: tuple[User, ...] = (
    *(
        a_user(n, manager_id=boss, role=_MEMBERS.get(n, "Account Executive"), zone=BERLIN)
        for boss, ns in _REPS.items()
        for n in ns
    ),
    a_user("dora", manager_id="005-boss", zone=BERLIN),
    a_user("greta", manager_id="005-boss", zone=BERLIN),
    a_user("kate", manager_id="005-boss", zone="America/New_York"),
    a_user("boss"),
    a_user("pia", profile="Marketing User"),
    a_user("otto", profile="System Administrator"),
    a_user("robo", profile="Integration User"),
    a_user("house", name="Marketing House"),
    a_user("lead-desk"),
    a_user("leadsync"),
)
QUEUES = ("Unassigned Leads", "Account Check", "Data Desk", "Inside Sales Desk")


def user_id(name: str | None) -> str | None:
    return None if name is None else f"005-{name}"


def queue_id(name: str) -> str:
    return f"00G-{name}"


def a_directory(*, away: Iterable[str] = (), gone: Iterable[str] = (), **more: Any) -> Directory:
    """Return the company's people; those `away` are out of office for the rest of 2026, those `gone` inactive."""
    users = {user.id: user for user in PEOPLE}
    for name in away:
        users[f"005-{name}"] = replace(users[f"005-{name}"], out_of_office_until="2026-12-31")
    for name in gone:
        users[f"005-{name}"] = replace(users[f"005-{name}"], active=False)
    queues = {queue_id(name): Queue("salesforce", queue_id(name), name) for name in QUEUES}
    return replace(Directory(users, queues, {}, "005-leadsync"), **more)


def a_ref(object_name: str = "lead", record_id: str = "00Q-1") -> Ref:
    return Ref("salesforce", object_name, record_id)


LEAD, CONTACT = a_ref(), a_ref("contact", "003-1")


def a_record(stage: str | None = "inquiry", *, owner: str | None = "ada", ref: Ref = LEAD, **more: Any) -> Record:
    """Return a record in a stage; unknown keywords are its fields."""
    named = {name: more.pop(name) for name in tuple(more) if name in Record._fields}
    born = named.pop("created_at", at("2026-02-01 09:00"))
    stamp = named.pop("stamp", born)
    fields: dict[str, Value] = {
        "first_name": "Lena",
        "last_name": "Lang",
        "email": "lena@initrode.example",
        "country": "Germany",
    }
    base = Record(
        ref=ref,
        stage_value=MAPPING.value_of_stage[stage] if stage else None,
        owner_id=queue_id(owner) if owner in QUEUES else user_id(owner),
        created_at=born,
        modified_at=stamp,
        modified_by=None,
        stamp=stamp,
        version=f"v{stamp.isoformat()}",
        fields=fields | more,
    )
    return base._replace(**named)


def moved(
    from_stage: str | None, to_stage: str | None, when: str, *, by: str | None = "pia", **more: Any
) -> Transition:
    """Return a stage change as history tells it; `by` leadsync is our own write."""
    values = MAPPING.value_of_stage
    base = Transition(
        seq=next(_seq),
        ref=LEAD,
        from_stage=from_stage,
        to_stage=to_stage,
        from_value=values[from_stage] if from_stage else None,
        to_value=values[to_stage] if to_stage else None,
        at=at(when),
        at_exact=True,
        observed_at=at(when),
        source="leadsync" if by == "leadsync" else "history",
        actor_id=user_id(by),
    )
    return replace(base, **more)


def judged(move: Transition, verdict: Any = "legal", **more: Any) -> Transition:
    return replace(move, verdict=verdict, **more)


def born(stage: str | None = "inquiry", when: str = "2026-02-01 09:00", **more: Any) -> Transition:
    """Return the first transition of a record, judged legal unless said otherwise."""
    return moved(None, stage, when, **{"verdict": "legal", **more})


def a_touch(response: str | None, when: str, **more: Any) -> Touch:
    """Return an inbound touch of the web."""
    number = next(_seq)
    base = Touch(f"form:{number}", LEAD, "form", "inbound", at(when), "web", "low", response)
    return replace(base, **more)


def a_call(by: str, when: str, **more: Any) -> Touch:
    """Return a finished follow-up."""
    return a_touch(None, when, kind="follow_up_task", direction="outbound", actor_id=user_id(by), channel=None, **more)


def owned(by: str | None, owner: str | None, when: str, *, record: Ref = LEAD, field: str = "owner") -> OwnerChange:
    owner_id = queue_id(owner) if owner in QUEUES else user_id(owner)
    return OwnerChange(record.id, field, owner_id, at(when), user_id(by))


def assigned(owner: str, when: str, door: str, *, pool: str | None = "development", **more: Any) -> Assignment:
    owner_id = queue_id(owner) if owner in QUEUES else f"005-{owner}"
    base = Assignment(
        "p1", LEAD.id, "a rule", pool, "normal", False, owner_id, "leadsync", at(when), "next in turn", door
    )
    return replace(base, **more)


def a_deal(outcome: Any = "open", created: str = "2026-11-20 09:00", **more: Any) -> Opportunity:
    ended = None if outcome == "open" else at("2026-11-24 09:00")
    return replace(
        Opportunity("salesforce", "006-1", None, "005-emil", None, outcome, at(created), ended, lead_id=LEAD.id), **more
    )


def an_account(name: str = "Initech", **fields: Value) -> Account:
    return Account("salesforce", f"001-{name}", {"name": name, **fields})


def a_situation(record: Record | Sequence[Record], *moves: Transition, **more: Any) -> Situation:
    records = (record,) if isinstance(record, Record) else tuple(record)
    moves = tuple(sorted(moves, key=lambda move: (move.at, move.seq)))
    return replace(Situation("p1", "salesforce", records, moves), **more)


def a_twin(record: Record, stage: str | None, *touches: Touch) -> Twin:
    return Twin("p2", record, stage, touches)


def grounds(now: datetime | str = NOW, **more: Any) -> Grounds:
    now = at(now) if isinstance(now, str) else now
    base = Grounds(RULES, "salesforce", a_directory(), now, GO_LIVE, ALL_KINDS, FORMATS, "https://acme.example")
    return replace(base, **more)


def standing(situation: Situation, now: datetime | str = NOW, **more: Any) -> Standing:
    return stand(situation, grounds(now, **more))


def a_book(on: Grounds) -> PoolBook:
    return PoolBook(on.rulebook.routing.pools, on.directory)


def decided(situation: Situation, now: datetime | str = NOW, *, book: PoolBook | None = None, **more: Any) -> Decision:
    """Return the decision on a person, alone in the cycle."""
    on = grounds(now, **more)
    book = book or a_book(on)
    away = {user.id for user in on.directory.users.values() if book.away(user, now=on.now, zone=BERLIN)}
    return decide(situation, on, book, people(on.directory.users, frozenset(away)), ALERTS)


def written(decision: Decision) -> Mapping[str, Value]:
    """Return what the one write of a decision sets, empty when it writes nothing."""
    writes = [effect for effect in decision.effects if isinstance(effect, WriteBack)]
    assert len(writes) <= 1, "one write per record and cycle"
    return writes[0].values if writes else {}


def told(decision: Decision) -> list[tuple[str, str]]:
    """Return (what, to whom) of all that people are told."""
    found: list[tuple[str, str]] = []
    for effect in decision.effects:
        match effect:
            case Notice():
                found.append((effect.notice, effect.recipient))
            case Escalation():
                found.append((f"{effect.clock} {effect.rung}", effect.recipient))
            case _:
                pass
    return found


def joined(decision: Decision) -> list[tuple[str, bool]]:
    return [(effect.nurture, effect.join) for effect in decision.effects if isinstance(effect, Membership)]


def clock_of(decision: Decision, rule: str, kind: str) -> Clock:
    """Return the one clock of a rule and kind that a decision changed."""
    (found,) = [clock for clock in decision.clocks if clock.rule == rule and clock.kind == kind]
    return found


def clocks_after(situation: Situation, decision: Decision) -> tuple[Clock, ...]:
    return tuple(
        (
            {clock.clock_id: clock for clock in situation.clocks} | {clock.clock_id: clock for clock in decision.clocks}
        ).values()
    )


def and_then(situation: Situation, decision: Decision, when: datetime | str) -> Situation:
    """Return the person as the ledger has them once everything of a decision was applied and read back."""
    now = at(when) if isinstance(when, str) else when
    said = {judgement.seq: judgement for judgement in decision.judgements}
    moves = [
        replace(m, verdict=j.verdict, correction=j.correction or m.correction, reason=j.reason, why=j.why)
        if (j := said.get(m.seq))
        else m
        for m in situation.transitions
    ]
    values = dict(written(decision))
    records = []
    for record in situation.records:
        if record.ref == decision.ref and values:
            fields = {**record.fields, **{n: v for n, v in values.items() if n not in ("stage", "owner")}}
            after = record._replace(fields=fields, modified_at=now, stamp=now, version=f"v{now.isoformat()}")
            if "stage" in values:
                stage = MAPPING.stage_of_value[str(values["stage"])]
                before = MAPPING.stage_of_value.get(record.stage_value or "")
                assert decision.move is not None
                move = moved(before, stage, "2026-01-01 00:00", by="leadsync", ref=record.ref)
                moves.append(
                    replace(
                        move,
                        at=now,
                        observed_at=now,
                        from_value=record.stage_value,
                        correction=decision.move.correction,
                        reason=decision.move.reason,
                    )
                )
                after = after._replace(stage_value=str(values["stage"]))
            if "owner" in values:
                after = after._replace(owner_id=str(values["owner"]))
            record = after  # noqa: PLW2901
        records.append(record)
    changes = [
        OwnerChange(decision.ref.id, name, None if values[name] is None else str(values[name]), now, "005-leadsync")
        for name in ("owner", "assignee")
        if name in values
    ]
    return replace(
        situation,
        records=tuple(records),
        transitions=tuple(moves),
        clocks=clocks_after(situation, decision),
        owners=(*situation.owners, *changes),
        assignments=(*situation.assignments, *((decision.assignment,) if decision.assignment else ())),
        memory=Memory(fired=decision.state.fired, decided_at=now),
        written={**situation.written, decision.ref.id: {**situation.written.get(decision.ref.id, {}), **values}},
    )


def new_effects(before: Decision, after: Decision) -> list[Effect]:
    """Return what the later decision wishes that the earlier one did not."""
    known = {effect.effect_id for effect in before.effects}
    return [effect for effect in after.effects if effect.effect_id not in known]
