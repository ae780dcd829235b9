"""Record ids as GUIDs and back.

The first fifteen characters of an id are a number in base 62 and fit into a GUID with room to spare, so the translation
needs no table and is the same in every run. Some rows of the store are shown as more than one Dataverse row (a campaign
also as a marketing list); a tag of one hexadecimal digit tells them apart. Rows that no object of the store stands for
have GUIDs made from their names.
"""

import hashlib
import re
from functools import lru_cache

from leadsync.sandbox.ids import id18

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUE = {digit: value for value, digit in enumerate(_DIGITS)}
_ID_LENGTH = 15
_NODE = "000d3a"
_OURS = re.compile(rf"(.{{8}})-(.{{4}})-8(.)(.{{2}})-b(.{{3}})-{_NODE}(.{{6}})")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@lru_cache(maxsize=1 << 17)
def guid_of(record_id: str, tag: int = 0) -> str:
    """The GUID of a record id. Its lowest digits come first, so that rows made one after the other look apart."""
    number = 0
    for character in record_id[:_ID_LENGTH]:
        number = number * 62 + _VALUE[character]
    h = f"{number:023x}"
    return f"{h[15:]}-{h[11:15]}-8{tag:x}{h[9:11]}-b{h[6:9]}-{_NODE}{h[:6]}"


@lru_cache(maxsize=1 << 15)
def record_of(guid: str) -> tuple[str, int] | None:
    """The record id and tag that a GUID stands for, or None when it was not made from an id."""
    found = _OURS.fullmatch(guid)
    if found is None:
        return None
    low, second, tag, third, fourth, high = found.groups()
    number, text = int(high + fourth + third + second + low, 16), ""
    for _ in range(_ID_LENGTH):
        number, rest = divmod(number, 62)
        text = _DIGITS[rest] + text
    return (id18(text), int(tag, 16)) if number == 0 else None


@lru_cache(maxsize=1 << 16, typed=True)
def named_guid(*names: object) -> str:
    """A GUID made from names: the same names give the same GUID."""
    h = hashlib.sha256("\0".join(map(str, names)).encode()).hexdigest()
    return f"{h[:8]}-{h[8:12]}-5{h[13:16]}-a{h[17:20]}-{h[20:32]}"


def read_guid(text: object) -> str | None:
    """The GUID in its canonical form, lower case without braces, or None when the text is none."""
    if not isinstance(text, str):
        return None
    found = text.strip().strip("{}").lower()
    return found if _GUID.fullmatch(found) else None
