"""Text into tokens. Escapes and literals are those of the SOQL and SOSL Reference ("Quoted String Escape Sequences",
"Date Formats and Date Literals"); anything else is MALFORMED_QUERY."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from leadsync.sandbox.soql.refusals import at, malformed

TokenKind = Literal["word", "text", "number", "datetime", "date", "mark", "end"]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^'\\]|\\.)*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?::\d+)?)
    | (?P<mark><=|>=|!=|<>|[=<>(),:])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "N": "\n", "r": "\r", "R": "\r", "t": "\t", "T": "\t", "b": "\b", "B": "\b", "f": "\f",
            "F": "\f", '"': '"', "'": "'", "\\": "\\"}  # fmt: skip
_ESCAPED = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)

MAX_LENGTH = 100_000


@dataclass(frozen=True, slots=True)
class Token:
    kind: TokenKind
    text: str
    at: int


def tokens(soql: str) -> list[Token]:
    """All tokens and an `end`."""
    if len(soql) > MAX_LENGTH:
        raise malformed("SOQL statements cannot be longer than 100000 characters.")
    found: list[Token] = []
    place = 0
    end = len(soql.rstrip())
    while place < end:
        match = _TOKEN.match(soql, place)
        if match is None or match.lastgroup is None:
            where = place + len(soql[place:]) - len(soql[place:].lstrip())
            raise at(soql, where, "MALFORMED_QUERY", f"unexpected token: '{soql[where : where + 1]}'")
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))  # type: ignore[arg-type]
        place = match.end()
    found.append(Token("end", "<EOF>", end))
    return found


def unquote(token: Token, soql: str, *, keep_wildcards: bool = False) -> str:
    r"""The text of a quoted literal. `keep_wildcards` leaves `\_` and `\%` escaped, for LIKE to read."""

    def replace(match: re.Match[str]) -> str:
        sign = match[1]
        if len(sign) > 1:
            return chr(int(sign[1:], 16))
        if sign in "_%":
            return match[0] if keep_wildcards else sign
        if sign not in _ESCAPES:
            raise at(soql, token.at, "MALFORMED_QUERY", f"Illegal character sequence '\\{sign}' in a string literal")
        return "\\\\" if keep_wildcards and sign == "\\" else _ESCAPES[sign]

    return _ESCAPED.sub(replace, token.text[1:-1])


def as_datetime(token: Token, soql: str) -> datetime:
    try:
        return datetime.fromisoformat(token.text).astimezone(UTC)
    except ValueError:
        raise at(soql, token.at, "MALFORMED_QUERY", f"Invalid datetime: {token.text}") from None


def as_date(token: Token, soql: str) -> date:
    try:
        return date.fromisoformat(token.text)
    except ValueError:
        raise at(soql, token.at, "MALFORMED_QUERY", f"Invalid date: {token.text}") from None
