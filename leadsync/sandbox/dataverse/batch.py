"""$batch: many requests in one, change sets that happen as a whole or not at all (Microsoft Learn, "Execute batch
operations using the Web API").

The body is read by hand, because clients differ in blank lines, quotes and line ends. A failed change set is answered by one
part in place of the set, as OData 4.0 has it (which form the real service sends is assumed).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from leadsync.sandbox.calls import Answer, Call
from leadsync.sandbox.dataverse.addresses import Addressed
from leadsync.sandbox.dataverse.desk import Desk
from leadsync.sandbox.dataverse.errors import TOO_MANY_PARTS, ApiError, bad
from leadsync.sandbox.dataverse.guids import named_guid
from leadsync.sandbox.dataverse.schema.columns import Ref
from leadsync.sandbox.dataverse.tables import TABLES

if TYPE_CHECKING:
    from leadsync.sandbox.dataverse.rows import Written

_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]+)"|([^;\s]+))', re.IGNORECASE)
_REQUEST_LINE = re.compile(r"^([A-Z]+)\s+(\S.*?)(?:\s+HTTP/1\.[01])?\s*$")
_MAX_REQUESTS = 1000
_PHRASES = {
    200: "OK", 201: "Created", 204: "No Content", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 412: "Precondition Failed", 429: "Too Many Requests", 500: "Internal Server Error",
}  # fmt: skip
_FAILED = 400


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch; `content_id` is what others of its change set may call it by."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeSet:
    parts: tuple[Part, ...]


def batch(desk: Desk) -> Answer:
    """Execute in order. Without odata.continue-on-error the first failure ends it and is the whole's status."""
    if desk.call.method != "POST":
        raise ApiError(405, "0x80060888", f"The requested resource does not support http method '{desk.call.method}'.")
    items = list(_items(desk.call.body.decode("utf-8", "replace"), desk.call.headers.get("content-type", "")))
    if sum(len(item.parts) if isinstance(item, ChangeSet) else 1 for item in items) > _MAX_REQUESTS:
        raise bad("The batch request exceeds the maximum of 1000 requests.", TOO_MANY_PARTS)
    goes_on = "odata.continue-on-error" in desk.preferences
    boundary = f"batchresponse_{named_guid('batch', desk.call.entry.n)}"
    runner = _Runner(desk)
    texts, status = [], 200
    for place, item in enumerate(items):
        text, worst = runner.run(item, place)
        texts.append(f"--{boundary}\r\n{text}")
        if worst >= _FAILED and not goes_on:
            status = worst
            break
    body = "".join(texts) + f"--{boundary}--\r\n"
    return Answer(status, body.encode(), {"OData-Version": "4.0"}, media_type=f"multipart/mixed; boundary={boundary}")


class _Runner:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._count = 0

    def run(self, item: Part | ChangeSet, place: int) -> tuple[str, int]:
        """The text of the answer to one item, and the status that counts."""
        if isinstance(item, Part):
            call = self._call(item)
            answer = self._desk.org.dispatch(call)
            call.entry.status = answer.status
            return _text(answer, item.content_id), answer.status
        answers = self._together(item)
        if isinstance(answers, Answer):
            return _text(answers, None), answers.status
        boundary = f"changesetresponse_{named_guid('changeset', self._desk.call.entry.n, place)}"
        parts = "".join(f"--{boundary}\r\n{_text(a, p.content_id)}" for a, p in zip(answers, item.parts, strict=True))
        return f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n{parts}--{boundary}--\r\n", 200

    def _together(self, item: ChangeSet) -> list[Answer] | Answer:
        """Make all changes of a set in one transaction: their answers, or the one refusal that undid them all."""
        org, box = self._desk.org, self._desk.box
        guard = next((p.headers["if-match"] for p in item.parts if "if-match" in p.headers), None)
        done: list[tuple[Call, Desk, Written]] = []
        calls = [self._call(part) for part in item.parts]
        declared: dict[str, Ref] = {}
        try:
            with box.store.tx(by=self._desk.call.user, via="api", guard=guard) as tx:
                for part, call in zip(item.parts, calls, strict=True):
                    if part.method == "GET":
                        raise bad("Retrieve operations are not allowed in a changeset.", "0x80060888")
                    view = org.view(tx)
                    found = org.act(_referring(call, declared), tx, Addressed(view, declared))
                    assert not isinstance(found, Answer)
                    inside, written = found
                    done.append((call, inside, written))
                    if part.content_id is not None and written.ref is not None:
                        declared[part.content_id] = written.ref
        except ApiError as error:
            for call in calls:
                call.entry.status = error.status
            return error.answer()
        answers = []
        for call, inside, written in done:
            answer = written.finish(inside.after())
            call.entry.status = answer.status
            answers.append(answer)
        return answers

    def _call(self, part: Part) -> Call:
        self._count += 1
        outer = self._desk.call
        url = urlsplit(part.url)
        path = url.path if url.path.startswith(("/", "$")) else f"{urlsplit(self._desk.api).path}/{url.path}"
        url = url._replace(path=path)
        entry = self._desk.box.log.part(outer.entry, self._count, part.method, url, part.headers, api=False)
        return replace(
            outer, method=part.method, path=url.path, query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers=part.headers, body=part.body, entry=entry,
        )  # fmt: skip


def _referring(call: Call, declared: Mapping[str, Ref]) -> Call:
    """A URL that begins with $1 means the row that the part with that Content-ID made."""
    if not call.path.startswith("$"):
        return call
    name, slash, rest = call.path[1:].partition("/")
    ref = declared.get(name)
    if ref is None:
        raise bad(f"Content-ID Reference: '${name}' does not exist in the batch context.", "0x80060888")
    return replace(call, path=f"/api/data/v9.2/{TABLES[ref.table].set}({ref.guid}){slash}{rest}")


def _items(text: str, content_type: str) -> Iterator[Part | ChangeSet]:
    for headers, body in _split(text, _boundary(content_type)):
        inner = headers.get("content-type", "")
        if inner.lower().startswith("multipart/mixed"):
            yield ChangeSet(tuple(_part(h, b) for h, b in _split(body, _boundary(inner))))
        else:
            yield _part(headers, body)


def _boundary(content_type: str) -> str:
    found = _BOUNDARY.search(content_type)
    if found is None or "multipart/mixed" not in content_type.lower():
        raise bad("The batch request must have a Content-Type of multipart/mixed with a boundary.", "0x80060888")
    return found[1] or found[2]


def _split(text: str, boundary: str) -> Iterator[tuple[dict[str, str], str]]:
    """The parts between the delimiters, with their headers; what stands before the first is no part."""
    pieces = re.split(rf"(?:^|\r?\n)--{re.escape(boundary)}(--)?[ \t]*(?=\r?\n|$)", text)
    # Pieces alternate with what the group caught: the closing mark, or None.
    for place in range(2, len(pieces), 2):
        if pieces[place - 1] is not None:
            return
        yield _headed(pieces[place].lstrip("\r\n"))


def _headed(text: str) -> tuple[dict[str, str], str]:
    """Header lines up to the first blank line, and what follows."""
    lines = text.replace("\r\n", "\n").split("\n")
    headers: dict[str, str] = {}
    for place, line in enumerate(lines):
        name, colon, value = line.partition(":")
        if not line.strip():
            return headers, "\n".join(lines[place + 1 :])
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers, ""


def _part(headers: Mapping[str, str], body: str) -> Part:
    line, _, rest = body.lstrip("\n").partition("\n")
    found = _REQUEST_LINE.match(line.strip())
    if found is None:
        raise bad("A part of the batch request has no request line.", "0x80060888")
    inner, content = _headed(rest) if rest.strip() else ({}, "")
    content_id = headers.get("content-id") or inner.get("content-id")
    return Part(found[1], found[2], inner, content.strip().encode(), content_id)


def _text(answer: Answer, content_id: str | None) -> str:
    content = answer.content()
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        lines.append(f"Content-ID: {content_id}")
    lines += ["", f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, '')}".rstrip()]
    if content:
        lines.append(f"Content-Type: {answer.media_type}")
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join((*lines, "", content.decode(), ""))
