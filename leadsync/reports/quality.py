"""`report quality`: what is missing, malformed or there twice, so that somebody can put it right; nothing is changed.

Values are never shown, only where they stand: the report may lie about. Blocks of records that share a key are made in
`blocking.py`.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from leadsync.domain.accounts import own_domains
from leadsync.domain.conditions import FactValue, fold
from leadsync.domain.facts import FROM_ACCOUNT, is_blank
from leadsync.domain.hygiene import Tidied
from leadsync.domain.mapping import FieldMapping
from leadsync.domain.records import Value
from leadsync.domain.rulebook import Rulebook
from leadsync.hygiene import FORMATS
from leadsync.ledger.codec import email_key
from leadsync.reports import queries
from leadsync.reports.answer import Cell, Report, Table, definition_hash
from leadsync.reports.blocking import Blocks
from leadsync.reports.people import EVERYTHING, Person, left_out_notes, read_people, tidied
from leadsync.reports.queries import RecordRow
from leadsync.settings.names import OWN_FIELDS

SHARED_LINE = 5
"""From so many persons on a phone number is a switchboard and says nothing about who is who."""

LISTED = 100_000
"""Rows of a list of records; the counts are always of all."""

EMAIL, PHONE, NAME, MAILBOX, LINE = "email", "phone", "name_company", "shared_mailbox", "shared_line"
_WHY: Mapping[str, str] = {
    EMAIL: "the same e-mail address",
    PHONE: "the same phone number, however it is written",
    NAME: "the same name at the same company's domain",
}
_NAMES = ("first_name", "last_name", "company")
_FORMATTED = ("email", "phone", "country")
_FILLERS = frozenset(
    {
        "unknown",
        "unbekannt",
        "n/a",
        "n.a.",
        "none",
        "not provided",
        "[not provided]",
        "[[unknown]]",
        "tbd",
        "asdf",
        "xx",
        "xxx",
    }
)

DEFINITION = (
    "Every live record of both objects but those that the rules exclude; each is in one part: unusable, else a likely"
    " duplicate, else malformed, else sound. The parts and those left out add up to the live records.",
    "unusable: nobody can be reached (no e-mail that is one and has not bounced, and no phone number), or there is no name.",
    "malformed: a field holds something that is not what it should be: no e-mail address, no phone number, no country's name,"
    " a filler instead of a name. unchecked: a number without its country, of which nothing can be told.",
    "missing: the field is blank; appended: of those, how many are read from the record's own account by the rules.",
    "Likely duplicates are live records of different persons with one key: the exact e-mail, the phone number in international"
    f" form (up to {SHARED_LINE - 1} persons; from {SHARED_LINE} on it is a shared line), or first and last name with the company's domain, never"
    " that of a free-mail provider. Shared mailboxes and shared lines are counted apart and make no duplicates.",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field."""

    field: str
    what: str


@dataclass(slots=True)
class _Tally:
    """What is counted while the records go by."""

    looked_at: Counter[tuple[str, str, str]]  # crm, object, field
    missing: Counter[tuple[str, str, str]]
    appended: Counter[tuple[str, str, str]]
    unchecked: Counter[tuple[str, str, str]]
    faults: Counter[tuple[str, str, str, str]]  # and what is wrong
    left_out: Counter[tuple[str, str]]  # crm, object
    malformed: list[tuple[Cell, ...]]
    unusable: list[tuple[Cell, ...]]


def quality(
    con: sqlite3.Connection, rulebook: Rulebook, as_of: datetime, *, people: Mapping[int, Person] | None = None
) -> Report:
    """Return the quality report as of an instant of the CRM."""
    tally = _Tally(Counter(), Counter(), Counter(), Counter(), Counter(), Counter(), [], [])
    with queries.one_moment(con), Blocks() as blocks:
        people = people if people is not None else read_people(con, rulebook, EVERYTHING, as_of)
        for row in queries.live_records(con):
            _look(row, people[row.pid], rulebook, tally, blocks)
        blocks.find({PHONE: (SHARED_LINE, LINE)}, (MAILBOX, LINE))
        live = {(one.crm, one.object): one.records for one in queries.states(con) if one.state == "live"}
        tables = (
            _sums(live, blocks, tally),
            _fields(tally),
            _malformed(tally),
            _table("duplicates", "Who shares what", ("crm", "key", "blocks", "records", "persons", "duplicates"),
                   [(b.crm, b.kind, b.blocks, b.records, b.persons, "yes" if b.kind in _WHY else "no") for b in blocks.kinds()]),
            _table("unusable_records", "Records nobody can use", ("crm", "object", "record_id", "why"), sorted(tally.unusable, key=str)),
            _table("malformed_records", "Records with a malformed field", ("crm", "object", "record_id", "field", "why"),
                   sorted(tally.malformed, key=str)),
            _table("duplicate_records", "Likely duplicates", ("crm", "key", "block", "persons", "object", "record_id", "why"),
                   [(d.crm, d.kind, d.block, d.persons, d.object, d.record_id, _WHY[d.kind])
                    for kind in _WHY for d in blocks.doubled(kind, LISTED)]),
        )  # fmt: skip
    return Report(
        name="quality",
        definition=DEFINITION,
        definition_hash=definition_hash("quality", DEFINITION, rulebook, shared=sorted(rulebook.law.shared_mailboxes)),
        as_of=as_of,
        tables=tables,
        notes=(*left_out_notes(people), *(f"{table.name} lists the first {LISTED}; the counts are of all"
                                          for table in tables if len(table.rows) >= LISTED)),
    )  # fmt: skip


def _look(row: RecordRow, person: Person, rulebook: Rulebook, tally: _Tally, blocks: Blocks) -> None:
    ref = row.record.ref
    mapping = rulebook.mappings.get(ref.crm)
    if person.left_out is not None or mapping is None:
        tally.left_out[ref.crm, ref.object] += 1
        return
    fields, account = tidied(row, mapping)
    mapped = mapping.objects[ref.object].fields
    faults = _faults(row.record.fields, fields, account, mapped, (ref.crm, ref.object), tally)
    why = _why_unusable(fields, mapped, {fault.field for fault in faults})
    for fault in faults:
        tally.faults[ref.crm, ref.object, fault.field, fault.what] += 1
        if len(tally.malformed) < LISTED:
            tally.malformed.append((ref.crm, ref.object, ref.id, fault.field, fault.what))
    if why and len(tally.unusable) < LISTED:
        tally.unusable.append((ref.crm, ref.object, ref.id, "; ".join(why)))
    keys = _keys(fields, account, mapped, rulebook)
    blocks.add(row.rid, row.pid, (ref.crm, ref.object, ref.id), keys, unusable=bool(why), malformed=bool(faults))


def _faults(
    raw: Mapping[str, Value],
    fields: Tidied,
    account: Tidied,
    mapped: Mapping[str, FieldMapping],
    where: tuple[str, str],
    tally: _Tally,
) -> list[Fault]:
    """Return what is wrong with a record's fields, and count what is filled in; most fields are looked at as they stand."""
    found: list[Fault] = []
    for name, field in mapped.items():
        if name in OWN_FIELDS or field.type == "yes_no":
            continue
        place = (*where, name)
        tally.looked_at[place] += 1
        value = raw.get(name)
        if is_blank(value):
            tally.missing[place] += 1
            tally.appended[place] += not is_blank(account.get(FROM_ACCOUNT.get(name, "")))
        elif field.type not in _FORMATTED and name not in _NAMES:
            continue
        elif _is_unchecked(fields, field):
            tally.unchecked[place] += 1
        elif (what := _what_is_wrong(fields, field, value)) is not None:
            found.append(Fault(name, what))
    return found


def _is_unchecked(fields: Tidied, field: FieldMapping) -> bool:
    """Say whether a phone number could be one if only its country were known."""
    if field.type != "phone" or fields.tidy(field.name) is not None or fields.country is not None:
        return False
    return len(_digits(fields.get(field.name))) >= 5


def _what_is_wrong(fields: Tidied, field: FieldMapping, value: FactValue) -> str | None:
    match field.type:
        case "email" if fields.tidy(field.name) is None:
            return "no e-mail address"
        case "phone" if fields.tidy(field.name) is None:
            return "no phone number"
        case "country" if fields.tidy(field.name) is None:
            return "no country's name"
        case "text" if field.name in _NAMES and _is_filler(value):
            return "a filler"
        case _:
            return None


def _is_filler(value: FactValue) -> bool:
    text = fold(str(value))
    return text in _FILLERS or not any(letter.isalnum() for letter in text)


def _why_unusable(fields: Tidied, mapped: Mapping[str, FieldMapping], wrong: set[str]) -> list[str]:
    """Return why a record is of no use to anybody, nothing when it is of some."""

    def usable(names: Iterable[str]) -> list[str]:
        return [name for name in names if name not in wrong and not is_blank(fields.get(name))]

    emails = [name for name, field in mapped.items() if field.type == "email"]
    phones = [name for name, field in mapped.items() if field.type == "phone"]
    bounced = not is_blank(fields.get("bounced_at"))
    why: list[str] = []
    if (emails or phones) and not usable(phones) and (bounced or not usable(emails)):
        why.append(
            "the e-mail bounced, and no phone number" if usable(emails) else "no e-mail address and no phone number"
        )
    names = [name for name in _NAMES[:2] if name in mapped]
    if names and not usable(names):
        why.append("no name")
    return why


def _keys(
    fields: Tidied, account: Tidied, mapped: Mapping[str, FieldMapping], rulebook: Rulebook
) -> Mapping[str, set[str]]:
    """Return the keys by which a record may be found a second time, by their kind."""
    keys: dict[str, set[str]] = defaultdict(set)
    email = email_key(fields.get("email"))
    if email is not None:
        shared = fold(email.partition("@")[0]) in rulebook.law.shared_mailboxes
        keys[MAILBOX if shared else EMAIL].add(email)
    for name, field in mapped.items():
        if field.type == "phone" and (number := _number(fields, name)):
            keys[PHONE].add(number)
    first, last = _text(fields.get("first_name")), _text(fields.get("last_name"))
    if first and last and not _is_filler(first) and not _is_filler(last):
        free = rulebook.routing.account_match.free_mail
        sites = (email, fields.get("website"), account.get("website"))
        domain = next(own_domains(sites, FORMATS, free), None)
        if domain is not None:
            keys[NAME].add(f"{fold(f'{first} {last}')} {domain}")
    return keys


def _number(fields: Tidied, name: str) -> str | None:
    """Return a phone number in international form; of one that lacks its country the digits, if they are enough."""
    tidy = fields.tidy(name)
    if isinstance(tidy, str):
        return tidy
    digits = _digits(fields.get(name)) if fields.country is None else ""
    return digits if len(digits) >= 7 else None


def _digits(value: FactValue) -> str:
    return "".join(letter for letter in str(value or "") if letter.isdigit())


def _text(value: FactValue) -> str | None:
    return value if isinstance(value, str) else None


def _sums(live: Mapping[tuple[str, str], int], blocks: Blocks, tally: _Tally) -> Table:
    """Return the parts beside the whole, which is counted on its own."""
    found = {(one.crm, one.object): one for one in blocks.parts()}
    rows: list[tuple[Cell, ...]] = []
    for key, whole in sorted(live.items()):
        one, left_out = found.get(key), tally.left_out[key]
        parts = (one.unusable, one.duplicate, one.malformed, one.sound) if one else (0, 0, 0, 0)
        rows.append((*key, whole, *parts, left_out, whole - sum(parts) - left_out))
    columns = ("crm", "object", "live", "unusable", "duplicate", "malformed", "sound", "left_out", "unaccounted")
    return Table("sums", "How good the data are", columns, tuple(rows))


def _fields(tally: _Tally) -> Table:
    wrong: Counter[tuple[str, str, str]] = Counter()
    for (crm, name, field, _), number in tally.faults.items():
        wrong[crm, name, field] += number
    rows = [
        (*place, number, number - tally.missing[place], tally.missing[place], tally.appended[place], wrong[place],
         tally.unchecked[place])
        for place, number in sorted(tally.looked_at.items())
    ]  # fmt: skip
    columns = ("crm", "object", "field", "records", "filled", "missing", "appended", "malformed", "unchecked")
    return _table("fields", "What is filled in", columns, rows)


def _malformed(tally: _Tally) -> Table:
    rows = [(*place, number) for place, number in sorted(tally.faults.items())]
    return _table("malformed", "What is malformed", ("crm", "object", "field", "why", "records"), rows)


def _table(name: str, title: str, columns: tuple[str, ...], rows: Iterable[tuple[Cell, ...]]) -> Table:
    return Table(name, title, columns, tuple(rows))
