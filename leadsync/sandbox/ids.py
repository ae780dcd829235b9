"""Record ids as Salesforce makes them: a prefix that names the object, a counter in base 62, and a suffix of three
characters that keeps the case of the first fifteen.

Suffix rule: three groups of five characters, bit k of a group is set when its k-th character is upper case
(checked against ids printed in Salesforce's documentation).
"""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_POD = "8d0"
_FIRST = 62**4


def id18(id15: str) -> str:
    """The 18-character form of a 15-character id."""
    groups = (id15[start : start + 5] for start in (0, 5, 10))
    return id15 + "".join(_SUFFIX[sum(1 << k for k, c in enumerate(g) if "A" <= c <= "Z")] for g in groups)


def nth_id(prefix: str, n: int) -> str:
    """The id of the n-th row of an object. Ids rise with n, also when compared as text."""
    number, digits = _FIRST + n, ""
    for _ in range(9):
        number, rest = divmod(number, 62)
        digits = _DIGITS[rest] + digits
    return id18(prefix + _POD + digits)


def canonical(text: str) -> str | None:
    """The 18-character id that a caller's text stands for, or None when it is no id (the case of all 18 must agree)."""
    if not text.isascii() or not text.isalnum():
        return None
    if len(text) == 15:
        return id18(text)
    if len(text) == 18 and id18(text[:15]) == text:
        return text
    return None
