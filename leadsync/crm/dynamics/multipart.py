"""`$batch` byte for byte: several requests in one body and their answers out of one (crm/dataverse.md 9).

Line ends are CRLF on the way out; on the way in bare LF, a preamble, missing blank lines and quoted boundaries are borne.
Answers are matched to requests by their order.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from leadsync.errors import CrmUnavailable
from leadsync.http import Answer

BOUNDARY = "batch_leadsync"
"""No JSON of ours can hold it on a line of its own, so it need not be random."""
_BOUNDARY = re.compile(r'boundary="?([^";,\s]+)"?', re.IGNORECASE)
_STATUS = re.compile(rb"^HTTP/\d(?:\.\d)? (\d{3})")


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch; the path is below the version root, or a whole address."""

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


def batch_body(parts: Sequence[Part], root: str) -> bytes:
    """Return the body that asks for all of these, each on its own."""
    lines: list[bytes] = []
    for part in parts:
        lines += [
            f"--{BOUNDARY}".encode(), b"Content-Type: application/http", b"Content-Transfer-Encoding: binary", b"",
            f"{part.method} {part.path if part.path.startswith('http') else root + part.path} HTTP/1.1".encode(),
            b"Accept: application/json", *(f"{name}: {value}".encode() for name, value in part.headers.items()),
        ]  # fmt: skip
        if part.body is not None:
            lines += [b"Content-Type: application/json; type=entry", b"", msgspec.json.encode(part.body)]
        else:
            lines += [b"", b""]
    return b"\r\n".join([*lines, f"--{BOUNDARY}--".encode(), b""])


def batch_answers(answer: Answer, count: int) -> list[Answer]:
    """Return the answers in a batch's answer, as many as were asked for; raises CrmUnavailable when they are not there."""
    found = parted(answer)
    if len(found) != count:
        raise CrmUnavailable("the answer to a batch does not fit what was asked")
    return found


def parted(answer: Answer) -> list[Answer]:
    """Return the answers in a multipart body, those of change sets in their place; none when it is no multipart."""
    return _parted(answer.headers.get("content-type", ""), answer.body)


def _parted(kind: str, body: bytes) -> list[Answer]:
    boundary = _BOUNDARY.search(kind)
    if boundary is None or not kind.lower().lstrip().startswith("multipart/"):
        return []
    mark = b"--" + boundary[1].encode()
    # A boundary stands at the beginning of a line; what is before the first and behind the last is no part.
    pieces = (b"\n" + body).split(b"\n" + mark)[1:]
    found: list[Answer] = []
    for piece in pieces:
        if piece.startswith(b"--"):
            break
        headers, content = _split(piece.lstrip(b"\r\n "))
        if headers.get("content-type", "").lower().startswith("multipart/"):
            found += _parted(headers["content-type"], content)
        else:
            found.append(_answer(content))
    return found


def _answer(content: bytes) -> Answer:
    content = content.lstrip(b"\r\n ")
    line, _, rest = content.partition(b"\n")
    status = _STATUS.match(line)
    if status is None:
        raise CrmUnavailable("a part of a batch's answer cannot be read")
    headers, body = _split(rest)
    return Answer(int(status[1]), headers, body.strip(b"\r\n"))


def _split(piece: bytes) -> tuple[dict[str, str], bytes]:
    """Return headers and content: whatever comes behind the first line that is no header."""
    headers: dict[str, str] = {}
    rest = piece
    while rest:
        line, _, after = rest.partition(b"\n")
        name, colon, value = line.strip(b"\r ").partition(b":")
        if not line.strip(b"\r "):
            return headers, after
        if not colon or not re.fullmatch(rb"[A-Za-z][\w-]*", name):
            return headers, rest
        headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
        rest = after
    return headers, b""
