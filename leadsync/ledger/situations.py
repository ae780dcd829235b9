"""Everything a decision may look at about one person, read for many persons in a few statements."""

# ruff: noqa: S608 -- only names of columns and tables from this package are joined into statements, never a value

import sqlite3
from collections import defaultdict
from collections.abc import Sequence

from leadsync.domain.accounts import match_keys
from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.records import Account, Opportunity, OpportunityRole, Record, Value
from leadsync.domain.situation import Assignment, Memory, OpenWrite, OwnerChange, Situation, Twin
from leadsync.domain.sla import Clock
from leadsync.domain.touches import Touch
from leadsync.domain.transitions import Transition
from leadsync.hygiene import FORMATS
from leadsync.ledger.bursts import Bursts, CameByItself, Crowds, bursts, releases
from leadsync.ledger.codec import (
    CLOCK_COLUMNS,
    RECORD_COLUMNS,
    TOUCH_COLUMNS,
    clock_of,
    from_data,
    from_json,
    instant,
    optional_instant,
    record_and_rest,
    touch_of,
)
from leadsync.ledger.connection import chunks, select_in
from leadsync.ledger.people import members, names_of, pids_of
from leadsync.ledger.stays import transitions_in_force

TOGETHER = 400
"""Persons read at once."""


class _Batch:
    """What was read of one batch of persons, sorted by person."""

    def __init__(self, con: sqlite3.Connection, crm: str, person_ids: Sequence[str]) -> None:
        self.con = con
        self.crm = crm
        self.persons = pids_of(con, person_ids)
        self.name_of = {pid: person_id for person_id, pid in self.persons.items()}
        self.records: dict[str, list[Record]] = defaultdict(list)
        self.person_of: dict[int, str] = {}
        self.rid_of: dict[tuple[str, str], int] = {}
        self.initial_owners: dict[int, OwnerChange] = {}
        self.email_of: dict[str, set[str]] = defaultdict(set)
        self._read_records()

    def _read_records(self) -> None:
        found = members(self.con, f"{RECORD_COLUMNS}, rid, pid, owner_rows, email_key, ended_at", self.name_of)
        for row in sorted(found, key=lambda row: (row[5], row[2])):
            record, (rid, pid, owner_rows, email, ended_at) = record_and_rest(row)
            if record.state in ("merged", "deleted") and ended_at is not None:
                # Its last change was its end, though a CRM that tells of no more than that shows no stamp of it.
                record = record._replace(stamp=max(record.stamp, instant(ended_at)))
            person_id = self.name_of[pid]
            self.records[person_id].append(record)
            self.person_of[rid] = person_id
            self.rid_of[record.ref.object, record.ref.id] = rid
            if not owner_rows and record.owner_id is not None:
                self.initial_owners[rid] = OwnerChange(
                    record.ref.id, "owner", record.owner_id, record.created_at, record.created_by
                )
            if email is not None and record.state == "live":
                self.email_of[person_id].add(email)

    def transitions(self) -> dict[str, list[Transition]]:
        found: dict[str, list[Transition]] = defaultdict(list)
        for rid, moves in transitions_in_force(self.con, self.person_of).items():
            found[self.person_of[rid]] += moves
        for moves in found.values():
            moves.sort(key=lambda move: (move.at, move.seq))
        return found

    def touches(self, records: dict[str, list[Record]]) -> dict[str, list[Touch]]:
        """Return the touches of these persons' records in order of time, retracted ones included."""
        home = {(record.ref.object, record.ref.id): person for person, some in records.items() for record in some}
        found: dict[str, list[Touch]] = defaultdict(list)
        for row in select_in(
            self.con,
            f"SELECT {TOUCH_COLUMNS} FROM touches WHERE record_id IN (*) AND crm = ? ORDER BY at, touch_id",
            sorted({record_id for _, record_id in home}),
            after=(self.crm,),
        ):
            if (person_id := home.get((row[2], row[3]))) is not None:
                found[person_id].append(touch_of(row))
        for touches in found.values():
            touches.sort(key=lambda touch: (touch.at, touch.touch_id))
        return found

    def owners(self) -> dict[str, list[OwnerChange]]:
        found: dict[str, list[OwnerChange]] = defaultdict(list)
        for rid, change in self.initial_owners.items():
            found[self.person_of[rid]].append(change)
        for rid, record_id, field, owner_id, at, by in select_in(
            self.con,
            "SELECT o.rid, r.id, o.field, o.owner_id, o.at, o.by FROM owners o JOIN records r ON r.rid = o.rid"
            " WHERE o.rid IN (*) ORDER BY o.rid, o.field, o.n",
            self.person_of,
        ):
            found[self.person_of[rid]].append(OwnerChange(record_id, field, owner_id, instant(at), by))
        for changes in found.values():
            changes.sort(key=lambda change: change.at)
        return found

    def clocks(self) -> dict[str, list[Clock]]:
        found: dict[str, list[Clock]] = defaultdict(list)
        for row in select_in(
            self.con,
            f"SELECT {CLOCK_COLUMNS} FROM clocks WHERE pid IN (*) ORDER BY started_at, clock_id",
            self.name_of,
        ):
            person_id = self.name_of[row[1]]
            found[person_id].append(clock_of(row, person_id))
        return found

    def assignments(self) -> dict[str, list[Assignment]]:
        found: dict[str, list[Assignment]] = defaultdict(list)
        for row in select_in(
            self.con,
            "SELECT a.rid, r.id, a.rule, a.pool, a.tier, a.sticky, a.owner_id, a.by, a.at, a.reason, a.door, a.candidates"
            " FROM assignments a JOIN records r ON r.rid = a.rid WHERE a.rid IN (*) ORDER BY a.at, a.aid",
            self.person_of,
        ):
            person_id = self.person_of[row[0]]
            found[person_id].append(
                Assignment(
                    person_id, row[1], row[2], row[3], row[4], bool(row[5]), row[6], row[7], instant(row[8]), row[9],
                    row[10], tuple((who, why) for who, why in from_json(row[11])),
                )
            )  # fmt: skip
        for group in found.values():
            group.sort(key=lambda assignment: assignment.at)
        return found

    def roles(self) -> dict[str, list[OpportunityRole]]:
        contacts = {
            r.ref.id: person for person, some in self.records.items() for r in some if r.ref.object == "contact"
        }
        found: dict[str, list[OpportunityRole]] = defaultdict(list)
        for data, contact_id in select_in(
            self.con,
            "SELECT data, contact_id FROM opportunity_roles WHERE contact_id IN (*) AND crm = ? ORDER BY id",
            contacts,
            after=(self.crm,),
        ):
            found[contacts[contact_id]].append(from_data(data, OpportunityRole))
        for roles in found.values():
            roles.sort(key=lambda role: (role.at, role.id))
        return found

    def deals(self, roles: dict[str, list[OpportunityRole]]) -> dict[str, list[Opportunity]]:
        wanted: dict[str, set[str]] = defaultdict(set)
        leads: dict[str, str] = {}
        for person_id, records in self.records.items():
            for record in records:
                if record.converted_opportunity_id is not None:
                    wanted[record.converted_opportunity_id].add(person_id)
                if record.ref.object == "lead":
                    leads[record.ref.id] = person_id
        for person_id, some in roles.items():
            for role in some:
                if not role.deleted:
                    wanted[role.opportunity_id].add(person_id)
        for deal_id, lead_id in select_in(
            self.con, "SELECT id, lead_id FROM opportunities WHERE lead_id IN (*) AND crm = ?", leads, after=(self.crm,)
        ):
            wanted[deal_id].add(leads[lead_id])
        found: dict[str, list[Opportunity]] = defaultdict(list)
        for deal_id, data in select_in(
            self.con, "SELECT id, data FROM opportunities WHERE crm = ? AND id IN (*)", sorted(wanted), (self.crm,)
        ):
            deal = from_data(data, Opportunity)
            for person_id in wanted[deal_id]:
                found[person_id].append(deal)
        for deals in found.values():
            deals.sort(key=lambda deal: (deal.created_at, deal.id))
        return found

    def writes(self) -> dict[str, list[OpenWrite]]:
        found: dict[str, list[OpenWrite]] = defaultdict(list)
        home = {record_id: self.person_of[rid] for (_, record_id), rid in self.rid_of.items()}
        for effect_id, object_name, record_id, state, fields in select_in(
            self.con,
            "SELECT effect_id, object, record_id, state, fields FROM outbox WHERE record_id IN (*) AND crm = ?"
            " AND kind = 'write' AND state IN ('pending', 'held', 'sent', 'unknown') ORDER BY decided_at, effect_id",
            home,
            after=(self.crm,),
        ):
            if (object_name, record_id) in self.rid_of:
                found[home[record_id]].append(OpenWrite(effect_id, record_id, state, from_json(fields)))
        return found

    def written(self) -> dict[str, dict[str, dict[str, Value]]]:
        """Return by person and record id what leadsync wrote into each field last and knows to be applied."""
        found: dict[str, dict[str, dict[str, Value]]] = defaultdict(lambda: defaultdict(dict))
        home = {record_id: self.person_of[rid] for (_, record_id), rid in self.rid_of.items()}
        for object_name, record_id, fields in select_in(
            self.con,
            "SELECT object, record_id, fields FROM outbox WHERE record_id IN (*) AND crm = ?"
            " AND kind = 'write' AND state = 'applied' ORDER BY done_at, decided_at",
            home,
            after=(self.crm,),
        ):
            if (object_name, record_id) in self.rid_of:
                found[home[record_id]][record_id].update(from_json(fields))
        return found

    def memories(self) -> dict[str, Memory]:
        return {
            self.name_of[row[0]]: Memory(
                score=row[1],
                product=row[2],
                band=row[3],
                fired=from_json(row[4]) if row[4] else {},
                noticed=tuple(from_json(row[5])) if row[5] else (),
                decided_at=optional_instant(row[6]),
            )
            for row in select_in(
                self.con,
                "SELECT pid, score, product, band, fired, noticed, decided_at FROM persons WHERE pid IN (*)",
                self.name_of,
            )
        }

    def twins(self) -> dict[str, list[Twin]]:
        """Return the live records of other persons that have an e-mail in common with a live record."""
        people = defaultdict(set)
        for person_id, emails in self.email_of.items():
            for email in emails:
                people[email].add(person_id)
        others: dict[str, list[tuple[Record, str | None, int]]] = defaultdict(list)
        for row in select_in(
            self.con,
            f"SELECT {RECORD_COLUMNS}, stage, pid, email_key FROM records WHERE email_key IN (*) AND crm = ?"
            " AND state = 'live' ORDER BY created_at, id",
            sorted(people),
            after=(self.crm,),
        ):
            record, (stage, pid, email) = record_and_rest(row)
            others[email].append((record, stage, pid))
        shared = {email: some for email, some in others.items() if len({pid for _, _, pid in some}) > 1}
        if not shared:
            return {}
        names = names_of(self.con, {pid for some in shared.values() for _, _, pid in some})
        touches = self.touches(self._whole_persons(names))
        found: dict[str, list[Twin]] = defaultdict(list)
        for email, some in shared.items():
            for person_id in people[email]:
                found[person_id] += [
                    Twin(names[pid], record, stage, tuple(touches.get(names[pid], ())))
                    for record, stage, pid in some
                    if names[pid] != person_id
                ]
        return found

    def _whole_persons(self, names: dict[int, str]) -> dict[str, list[Record]]:
        """Return all records of these persons: a twin's touches may be on the lead that became the contact."""
        whole: dict[str, list[Record]] = defaultdict(list)
        for row in members(self.con, f"{RECORD_COLUMNS}, pid", names):
            record, (pid,) = record_and_rest(row)
            whole[names[pid]].append(record)
        return whole

    def account_candidates(self) -> dict[str, list[Account]]:
        """Return accounts with the domain or name of live records that have no account of their own."""
        domains: dict[str, set[str]] = defaultdict(set)
        companies: dict[str, set[str]] = defaultdict(set)
        for person_id, records in self.records.items():
            for record in records:
                if record.account_id is not None or record.state != "live":
                    continue
                fields = record.fields
                keys = match_keys((fields.get("email"), fields.get("website")), fields.get("company"), FORMATS)
                for domain in keys.domains:
                    domains[domain].add(person_id)
                if keys.company is not None:
                    companies[keys.company].add(person_id)
        found: dict[str, dict[str, Account]] = defaultdict(dict)
        for column, by_key in (("domain_key", domains), ("company_key", companies)):
            for key, account_id, data in select_in(
                self.con,
                f"SELECT {column}, id, data FROM accounts WHERE {column} IN (*) AND crm = ? AND deleted = 0 ORDER BY id",
                sorted(by_key),
                after=(self.crm,),
            ):
                for person_id in by_key[key]:
                    found[person_id][account_id] = from_data(data, Account)
        return {person_id: list(accounts.values()) for person_id, accounts in found.items()}

    def account_deals(self, candidates: dict[str, list[Account]]) -> dict[str, list[Opportunity]]:
        """Return the open deals of the accounts that people belong to, or may be found to belong to."""
        people: dict[str, set[str]] = defaultdict(set)
        for person_id, records in self.records.items():
            for account_id in (*(r.account_id for r in records), *(a.id for a in candidates.get(person_id, ()))):
                if account_id is not None:
                    people[account_id].add(person_id)
        found: dict[str, list[Opportunity]] = defaultdict(list)
        for account_id, data in select_in(
            self.con,
            "SELECT account_id, data FROM opportunities WHERE account_id IN (*) AND crm = ? AND outcome = 'open'"
            " AND deleted = 0 ORDER BY created_at, id",
            sorted(people),
            after=(self.crm,),
        ):
            for person_id in people[account_id]:
                found[person_id].append(from_data(data, Opportunity))
        return found


def read_situations(
    con: sqlite3.Connection,
    crm: str,
    person_ids: Sequence[str],
    *,
    twins: bool,
    law: FunnelLaw | None,
    crowds: Crowds,
    came_by_itself: CameByItself | None = None,
) -> list[Situation]:
    """Return the situations of these persons in the order asked for; persons without a record are left out.

    Mass changes are looked for by the numbers of the law; without a law there are none.
    """
    return [
        situation
        for some in chunks(person_ids, TOGETHER)
        for situation in _situations(con, crm, some, twins=twins, law=law, crowds=crowds, came_by_itself=came_by_itself)
    ]


def _situations(
    con: sqlite3.Connection,
    crm: str,
    person_ids: Sequence[str],
    *,
    twins: bool,
    law: FunnelLaw | None,
    crowds: Crowds,
    came_by_itself: CameByItself | None = None,
) -> list[Situation]:
    batch = _Batch(con, crm, person_ids)
    transitions, owners, clocks = batch.transitions(), batch.owners(), batch.clocks()
    assignments, roles, memories = batch.assignments(), batch.roles(), batch.memories()
    touches, writes, candidates = batch.touches(batch.records), batch.writes(), batch.account_candidates()
    deals, written = batch.deals(roles), batch.written()
    others = batch.twins() if twins else {}
    guarding = batch.account_deals(candidates) if law is None or law.open_deal_guard == "account" else {}
    found: dict[str, Bursts] = bursts(con, crm, transitions, law, crowds, came_by_itself) if law is not None else {}
    released = releases(con)
    return [
        Situation(
            person_id=person_id,
            crm=crm,
            records=tuple(batch.records[person_id]),
            transitions=tuple(transitions.get(person_id, ())),
            touches=tuple(touches.get(person_id, ())),
            owners=tuple(owners.get(person_id, ())),
            clocks=tuple(clocks.get(person_id, ())),
            assignments=tuple(assignments.get(person_id, ())),
            opportunities=tuple(deals.get(person_id, ())),
            roles=tuple(roles.get(person_id, ())),
            twins=tuple(others.get(person_id, ())),
            memory=memories.get(person_id, Memory()),
            writes=tuple(writes.get(person_id, ())),
            written=written.get(person_id, {}),
            in_bulk=found.get(person_id, Bursts()).groups,
            released=released,
            import_burst=found.get(person_id, Bursts()).imported,
            account_deals=tuple(guarding.get(person_id, ())),
            account_candidates=tuple(candidates.get(person_id, ())),
        )
        for person_id in person_ids
        if person_id in batch.records
    ]
