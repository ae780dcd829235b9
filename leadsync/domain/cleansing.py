"""What a mapping with `cleanse: write` lets leadsync put in order: a value written anew, or a blank filled from the account.

Nobody's data are replaced: a tidy value has the same letters and digits as the one that stands there. What a person made
of a value that leadsync tidied or filled is theirs and stays.
"""

from collections.abc import Mapping

from leadsync.domain.facts import FROM_ACCOUNT, is_blank
from leadsync.domain.hygiene import Tidied, is_same_but_for_format
from leadsync.domain.mapping import FieldMapping
from leadsync.domain.records import Value
from leadsync.domain.standing import Standing


def cleansed(standing: Standing) -> dict[str, Value]:
    """Return the fields to be put in order with their new values; nothing for people to whom nothing new has happened."""
    record, grounds = standing.record, standing.grounds
    mapped = grounds.mapping.objects[record.ref.object].fields
    asked = [field for field in mapped.values() if field.cleanse == "write"]
    if not asked or not standing.is_new:
        return {}
    account = standing.account.fields if standing.account else {}
    company = Tidied(account, grounds.mapping.account, grounds.formats)
    fields = Tidied(record.fields, mapped, grounds.formats, company)
    written = standing.situation.written.get(record.ref.id, {})
    found: dict[str, Value] = {}
    for field in asked:
        shown = record.fields.get(field.name)
        if field.name in written and _is_what_became_of(shown, written[field.name]):
            continue
        value = _from_account(field, account) if is_blank(shown) else _in_order(field, fields, shown)
        if value is not None:
            found[field.name] = value
    return found


def _from_account(field: FieldMapping, account: Mapping[str, Value]) -> Value:
    """Return what the account says, in its own words: a picklist knows no others."""
    value = account.get(FROM_ACCOUNT.get(field.name, ""))
    return None if is_blank(value) else value


def _in_order(field: FieldMapping, fields: Tidied, shown: Value) -> Value:
    """Return the tidy form of a text that differs from it in nothing but its format, None when there is nothing to do."""
    tidy = fields.tidy(field.name)
    if field.values or not isinstance(shown, str) or not isinstance(tidy, str) or tidy == shown:
        return None
    return tidy if is_same_but_for_format(shown, tidy) else None


def _is_what_became_of(shown: Value, ours: Value) -> bool:
    """Say whether a field shows what leadsync wrote, or a person's emptying or rewriting of it."""
    if is_blank(shown) or shown == ours:
        return True
    return isinstance(shown, str) and isinstance(ours, str) and is_same_but_for_format(shown, ours)
