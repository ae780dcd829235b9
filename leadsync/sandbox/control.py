"""The control endpoints under /sandbox/: time, people's deeds that no vendor's REST API offers, faults, the truth.

For tests and demos on the loopback: no token. They answer 400 with {"error": ...} when a request makes no sense and are
not in the request log.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from leadsync.sandbox.box import Box
from leadsync.sandbox.calls import Answer, BadJson, Call
from leadsync.sandbox.dataverse import Org as Environment
from leadsync.sandbox.dataverse import by_hand
from leadsync.sandbox.dataverse.errors import ApiError
from leadsync.sandbox.ids import canonical
from leadsync.sandbox.rows import instant
from leadsync.sandbox.schema import find_object, object_of
from leadsync.sandbox.schema.own import OPERATION
from leadsync.sandbox.transaction import NotLive, Tx

_LINES = "application/x-ndjson"
Body = Mapping[str, Any]


class Refused(Exception):
    """The request makes no sense; the text says why."""


def control(box: Box, call: Call, environment: Environment) -> Answer:
    """Answer a control request; one in Dataverse's words (`lead`, GUIDs) is translated on the way."""
    handler = _HANDLERS.get((call.method, call.path.rstrip("/")))
    if handler is None:
        return Answer(404, {"error": f"there is no {call.method} {call.path}"})
    try:
        body = call.json() if call.method == "POST" and call.body else {}
        if not isinstance(body, dict):
            raise Refused("the body is a JSON object")
        translated = _in_dataverse(environment, call, body)
        return handler(box, call, body) if translated is None else translated
    except KeyError as error:
        return Answer(400, {"error": f"missing or unknown: {error.args[0]}"})
    except (Refused, NotLive, ValueError, TypeError, BadJson, ApiError) as error:
        return Answer(400, {"error": str(error)})


def _in_dataverse(environment: Environment, call: Call, body: Body) -> Answer | None:
    """The answer to a request that names tables and rows as Dataverse does, None for any other."""
    name = call.path.rstrip("/").removeprefix("/sandbox/")
    if name == "truth" and by_hand.speaks(call.query.get("object")):
        return _lines(by_hand.truth(environment, call.query["object"]))
    if name == "convert" and by_hand.is_guid(body.get("lead")):
        return Answer(200, by_hand.convert(environment, body))
    if name == "load" and body and all(by_hand.speaks(table) for table in body):
        return Answer(200, by_hand.load(environment, body))
    act = _TRANSLATED.get(name)
    return Answer(200, act(environment, body)) if act is not None and by_hand.speaks(body.get("object")) else None


def _now(box: Box, call: Call, body: Body) -> Answer:
    return Answer(200, {"now": _text(box.clock.now())})


def _advance(box: Box, call: Call, body: Body) -> Answer:
    now = box.advance(float(body["seconds"]), world=bool(body.get("world", True)))
    return Answer(200, {"now": _text(now)})


def _pause(box: Box, call: Call, body: Body) -> Answer:
    box.pause(paused=not body["world"])
    return Answer(200, {"world": not box.paused})


def _load(box: Box, call: Call, body: Body) -> Answer:
    with box.store.tx(by=box.basics.admin, via="world") as tx:
        ids = {name: [tx.insert(_object(name), row) for row in rows] for name, rows in body.items()}
    return Answer(200, ids)


def _edit(box: Box, call: Call, body: Body) -> Answer:
    object_name, record_id = _object(body["object"]), _id(body["id"])
    by = _user(box, body.get("by"))
    at = instant(body["at"]) if body.get("at") else None
    if at is not None and box.store.read_at is not None and at < box.store.read_at:
        raise Refused("an `at` in the past is possible only before the first API read")
    fields = dict(body["fields"])
    if any(name.lower() == OPERATION.lower() for name in fields) and by != box.basics.integration:
        raise Refused(f"{OPERATION} is read-only for people")
    with box.store.tx(by=by, via="person", at=at) as tx:
        tx.update(object_name, record_id, fields)
    return Answer(200, {"id": record_id})


def _convert(box: Box, call: Call, body: Body) -> Answer:
    with box.store.tx(by=_user(box, body.get("by")), via="person") as tx:
        lead_id = _id(body["lead"])
        found = tx.get("Lead", lead_id)
        owner = body.get("owner")
        if owner is None and found is not None and str(found["OwnerId"])[:3] != "005":
            # The real service asks for an owner when a queue owns the lead; here the one who converts takes it.
            owner = tx.by
        result = tx.convert(
            lead_id, contact=_optional_id(body.get("contact")), account=_optional_id(body.get("account")),
            opportunity=bool(body.get("opportunity", False)), status=body.get("status"), owner=_optional_id(owner),
        )  # fmt: skip
    return Answer(200, result)


def _merge(box: Box, call: Call, body: Body) -> Answer:
    def act(tx: Tx) -> None:
        tx.merge(_object(body["object"]), _id(body["master"]), [_id(loser) for loser in body["losers"]])

    return _by_person(box, body, act, {"master": body["master"]})


def _delete(box: Box, call: Call, body: Body) -> Answer:
    return _by_person(box, body, lambda tx: tx.delete(_object(body["object"]), _id(body["id"])), {"id": body["id"]})


def _undelete(box: Box, call: Call, body: Body) -> Answer:
    return _by_person(box, body, lambda tx: tx.undelete(_object(body["object"]), _id(body["id"])), {"id": body["id"]})


def _by_person(box: Box, body: Body, act: Callable[[Tx], None], answer: Body) -> Answer:
    with box.store.tx(by=_user(box, body.get("by")), via="person") as tx:
        act(tx)
    return Answer(200, answer)


def _faults(box: Box, call: Call, body: Body) -> Answer:
    box.faults.set(by_hand.in_the_stores_words(body))
    return Answer(200, {})


def _truth(box: Box, call: Call, body: Body) -> Answer:
    wanted = call.query.get("object")
    kind = find_object(wanted) if wanted else None
    if wanted and kind is None:
        raise Refused(f"there is no object {wanted}")
    return _lines(
        {
            "seq": change.seq, "object": change.object, "id": change.id, "field": change.field,
            "old": _shown(change.old), "new": _shown(change.new), "at": _text(change.at), "by": change.by,
            "via": change.via, "token": change.token, "guard": change.guard,
        }
        for change in box.store.truth
        if kind is None or change.object == kind.name
    )  # fmt: skip


def _requests(box: Box, call: Call, body: Body) -> Answer:
    return _lines(box.log.after(int(call.query.get("after", "0"))))


def _lines(values: Iterable[Mapping[str, Any]]) -> Answer:
    encoder = msgspec.json.Encoder()
    return Answer(200, encoder.encode_lines(list(values)), media_type=_LINES)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _shown(value: object) -> object:
    if isinstance(value, datetime):
        return _text(value)
    return value.isoformat() if isinstance(value, date) else value


def _object(name: str) -> str:
    kind = find_object(name)
    if kind is None:
        raise Refused(f"there is no object {name}")
    return kind.name


def _id(text: object) -> str:
    found = canonical(str(text))
    if found is None or object_of(found) is None:
        raise Refused(f"{text} is no record id")
    return found


def _optional_id(text: object) -> str | None:
    return None if text is None else _id(text)


def _user(box: Box, text: object) -> str:
    """Who acts: a user id or username, the admin when nobody is named."""
    if text is None:
        return box.basics.admin
    return box.store.user(str(text)) if "@" in str(text) else _id(text)


_TRANSLATED: dict[str, Callable[[Environment, Body], Body]] = {
    "edit": by_hand.edit, "merge": by_hand.merge, "delete": by_hand.delete, "undelete": by_hand.undelete,
}  # fmt: skip
_HANDLERS: dict[tuple[str, str], Callable[[Box, Call, Body], Answer]] = {
    ("GET", "/sandbox/now"): _now,
    ("POST", "/sandbox/advance"): _advance,
    ("POST", "/sandbox/pause"): _pause,
    ("POST", "/sandbox/load"): _load,
    ("POST", "/sandbox/edit"): _edit,
    ("POST", "/sandbox/convert"): _convert,
    ("POST", "/sandbox/merge"): _merge,
    ("POST", "/sandbox/delete"): _delete,
    ("POST", "/sandbox/undelete"): _undelete,
    ("POST", "/sandbox/faults"): _faults,
    ("GET", "/sandbox/truth"): _truth,
    ("GET", "/sandbox/requests"): _requests,
}
