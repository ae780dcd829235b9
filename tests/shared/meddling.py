"""A session whose answers a test may replace on their way back."""

from collections.abc import Callable
from typing import Any

import msgspec
import requests
from requests.adapters import HTTPAdapter

from leadsync.http import new_session


class Meddler(HTTPAdapter):
    """Replaces answers on their way back: by what `instead` returns for a URL, or else with the body that `change` makes.

    The parts of a composite are replaced one by one, each by its path. A batch's answers and refusals are not changed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.instead: Callable[[str], tuple[int, Any] | None] = lambda where: None
        self.change: Callable[[str, Any], Any] = lambda url, body: body

    def send(self, request: requests.PreparedRequest, *args: Any, **given: Any) -> requests.Response:
        response = super().send(request, *args, **given)
        url = str(request.url)
        if (replaced := self.instead(url)) is not None:
            response.content  # noqa: B018 - read before it is replaced
            response.status_code, body = replaced
        elif not response.ok or "json" not in response.headers.get("Content-Type", ""):
            return response
        else:
            body = self.change(url, response.json())
        if url.endswith("/composite"):
            parts = msgspec.json.decode(request.body or b"")["compositeRequest"]
            for part, one in zip(parts, body["compositeResponse"], strict=True):
                if (replaced := self.instead(part["url"])) is not None:
                    one["httpStatusCode"], one["body"] = replaced
        response._content = msgspec.json.encode(body)
        response.headers.pop("Content-Length", None)
        return response


def meddled_session() -> tuple[requests.Session, Meddler]:
    """Return a session for an adapter, and what may change its answers."""
    session, meddler = new_session(), Meddler()
    session.mount("http://", meddler)
    return session, meddler
