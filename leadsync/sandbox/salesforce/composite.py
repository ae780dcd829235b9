"""Composite (one API request whatever its parts do) and composite batch (each part counts).

Parts are calls like any other and have their own lines in the request log. Later parts of a composite may use what
earlier ones answered: @{reference.id}.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from leadsync.sandbox.calls import Answer, Call
from leadsync.sandbox.salesforce.desk import Desk
from leadsync.sandbox.salesforce.errors import ApiError, bad_request
from leadsync.sandbox.transaction import Tx

MOST_PARTS = 25
_MOST_HEAVY = 5
_HEAVY = re.compile(r"/services/data/v\d+\.\d/(query|queryAll|composite/sobjects)\b.*")
_REFERENCE = re.compile(r"@\{([^}]+)\}")
_BARRED = frozenset(("accept", "authorization", "content-type"))
_FIRST_ERROR = 400


class _RolledBack(Exception):
    """A part failed and none may be kept."""


class _Unresolved(Exception):
    """A reference leads nowhere."""


def resources(desk: Desk) -> Answer:
    return Answer(200, {name: f"{desk.root}/composite/{name}" for name in ("batch", "sobjects")})


def composite(desk: Desk) -> Answer:
    """Do up to 25 parts in order; with allOrNone in one transaction."""
    body = desk.call.json()
    parts = body.get("compositeRequest") if isinstance(body, dict) else None
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise bad_request("compositeRequest is required and must be a list")
    _check(parts)
    if not body.get("allOrNone", False):
        return Answer(200, {"compositeResponse": _run(desk, parts, None)})
    done: list[dict[str, Any]] = []
    try:
        with desk.box.store.tx(by=desk.call.user, via="api") as tx:
            done = _run(desk, parts, tx)
            if any(part["httpStatusCode"] >= _FIRST_ERROR for part in done):
                raise _RolledBack
    except _RolledBack:
        done = [part if part["httpStatusCode"] >= _FIRST_ERROR else _halted(part["referenceId"]) for part in done]
    return Answer(200, {"compositeResponse": done})


def _check(parts: list[Any]) -> None:
    if len(parts) > MOST_PARTS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"The maximum number of subrequests is {MOST_PARTS}")
    if sum(1 for part in parts if _HEAVY.fullmatch(str(part.get("url")).partition("?")[0])) > _MOST_HEAVY:
        raise ApiError(
            400, "LIMIT_EXCEEDED", f"At most {_MOST_HEAVY} subrequests may be queries or sObject collections"
        )
    names = [part.get("referenceId") for part in parts]
    if None in names or len(set(names)) != len(names):
        raise bad_request("every subrequest needs a referenceId of its own")


def _run(desk: Desk, parts: list[Mapping[str, Any]], tx: Tx | None) -> list[dict[str, Any]]:
    answers: dict[str, Any] = {}
    done: list[dict[str, Any]] = []
    for k, part in enumerate(parts, start=1):
        name = part["referenceId"]
        if tx is not None and any(d["httpStatusCode"] >= _FIRST_ERROR for d in done):
            done.append(_halted(name))
            continue
        try:
            url, body = _filled(part.get("url"), answers), _filled(part.get("body"), answers)
        except _Unresolved as missing:
            done.append(_halted(name, f"Invalid reference specified. No value for {missing} found"))
            continue
        answer = _part(desk, k, part, str(url), body, tx=tx)
        if answer.status < _FIRST_ERROR:
            answers[name] = answer.body
        done.append(
            {"body": answer.body, "httpHeaders": answer.headers, "httpStatusCode": answer.status, "referenceId": name}
        )
    return done


def batch(desk: Desk) -> Answer:
    """Do up to 25 independent parts; each one counts."""
    body = desk.call.json()
    parts = body.get("batchRequests") if isinstance(body, dict) else None
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise bad_request("batchRequests is required and must be a list")
    if len(parts) > MOST_PARTS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"The maximum number of subrequests is {MOST_PARTS}")
    results: list[dict[str, Any]] = []
    failed = False
    for k, part in enumerate(parts, start=1):
        if failed and body.get("haltOnError"):
            halted = [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted per request"}]
            results.append({"statusCode": 412, "result": halted})
            continue
        url = str(part.get("url", ""))
        if not url.startswith("/services/data/"):
            url = f"/services/data/{url.lstrip('/')}"
        try:
            if k > 1:
                desk.org.spend()
            answer = _part(desk, k, part, url, part.get("richInput"), api=k > 1)
        except ApiError as error:
            answer = error.answer()
        failed = failed or answer.status >= _FIRST_ERROR
        results.append({"statusCode": answer.status, "result": answer.body})
    return Answer(200, {"hasErrors": failed, "results": results})


def _part(
    desk: Desk, k: int, part: Mapping[str, Any], url: str, body: Any, *, tx: Tx | None = None, api: bool = False
) -> Answer:
    """Answer one part. Its own headers win over those of the whole, of which it inherits the Sforce ones (assumed)."""
    outer = {name: value for name, value in desk.call.headers.items() if name.startswith("sforce-")}
    given = part.get("httpHeaders") or {}
    own = {str(name).lower(): str(value) for name, value in given.items() if str(name).lower() not in _BARRED}
    split = urlsplit(url)
    entry = desk.box.log.part(desk.call.entry, k, str(part.get("method", "GET")), split, {**outer, **own}, api=api)
    call: Call = replace(
        desk.call, method=str(part.get("method", "GET")).upper(), path=split.path.rstrip("/"),
        query=dict(parse_qsl(split.query, keep_blank_values=True)), headers={**outer, **own}, body=b"",
        parsed=body if body is not None else {}, entry=entry, tx=tx,
    )  # fmt: skip
    if "/composite" in split.path and not split.path.rstrip("/").startswith(f"{desk.root}/composite/sobjects"):
        answer = ApiError(400, "INVALID_INPUT", "composite requests cannot be nested").answer()
    else:
        answer = desk.org.dispatch(call)
    entry.status = answer.status
    return answer


def _halted(
    name: str, message: str = "The transaction was rolled back since another operation in the same transaction failed."
) -> dict[str, Any]:
    error = {"errorCode": "PROCESSING_HALTED", "message": message}
    return {"body": [error], "httpHeaders": {}, "httpStatusCode": 400, "referenceId": name}


def _filled(value: Any, answers: Mapping[str, Any]) -> Any:
    """A value with its references put in."""
    match value:
        case str():
            whole = _REFERENCE.fullmatch(value)
            if whole:
                return _lookup(whole[1], answers)
            return _REFERENCE.sub(lambda match: quote(str(_lookup(match[1], answers)), safe=""), value)
        case dict():
            return {key: _filled(inner, answers) for key, inner in value.items()}
        case list():
            return [_filled(inner, answers) for inner in value]
        case _:
            return value


def _lookup(path: str, answers: Mapping[str, Any]) -> Any:
    steps = [step for step in re.split(r"[.\[\]]", path) if step]
    found: Any = answers
    for step in steps:
        try:
            found = found[int(step)] if isinstance(found, list) else found[step]
        except (KeyError, IndexError, ValueError, TypeError):
            raise _Unresolved(path) from None
    return found
