"""How leadsync talks HTTP at all: addresses, time-outs, redirects, what is tried again and for how long."""

import socket
from threading import Event, Thread, Timer
from typing import Any

import pytest
import requests
import responses

from leadsync.clock import SystemClock
from leadsync.errors import ConfigError, CrmAuthFailed, CrmBudgetExhausted, CrmUnavailable, OutcomeUnknown
from leadsync.http import (
    Answer,
    Patience,
    allow_plain_http,
    checked_url,
    exchange,
    new_session,
    read_with_retry,
    retry_after,
)


@pytest.mark.parametrize(
    "url", ["https://acme.my.salesforce.com/", "http://127.0.0.1:8800", "http://localhost:1", "http://[::1]:1"]
)
def test_https_anywhere_and_http_to_this_machine_are_taken(url: Any) -> None:
    assert checked_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url", ["http://acme.my.salesforce.com", "http://127.0.0.1.evil.example", "ftp://localhost", "acme", "https://"]
)
def test_every_other_address_is_refused(url: Any) -> None:
    with pytest.raises(ConfigError):
        checked_url(url)


def test_plain_http_for_a_library_is_only_ever_for_this_machine() -> None:
    with pytest.raises(ConfigError):
        allow_plain_http(new_session(), "http://acme.example")


@responses.activate
def test_a_redirect_is_an_answer_and_is_not_followed(quick_clock: Any) -> None:
    responses.get("https://a.example/x", status=302, headers={"Location": "https://evil.example/"})

    answer = exchange(
        new_session(), "GET", "https://a.example/x", clock=quick_clock, headers={"Authorization": "Bearer t"}
    )

    assert answer.status == 302
    assert len(responses.calls) == 1


@responses.activate
def test_every_request_has_time_outs(quick_clock: Any) -> None:
    responses.get("https://a.example/x")

    exchange(new_session(), "GET", "https://a.example/x", clock=quick_clock)

    sent: Any = responses.calls[0].request
    assert sent.req_kwargs["timeout"] == (10.0, 120.0)


def test_a_client_library_that_names_no_time_out_gets_one(quick_clock: Any) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    session = new_session(timeout=(0.2, 0.2))
    with pytest.raises(requests.ReadTimeout):
        session.get(f"http://127.0.0.1:{listening.getsockname()[1]}/")
    listening.close()


def test_nothing_was_sent_when_nobody_listens(quick_clock: Any) -> None:
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    with pytest.raises(CrmUnavailable) as caught:
        exchange(new_session(), "PATCH", f"http://127.0.0.1:{port}/secret-path", clock=quick_clock)
    assert "secret-path" not in str(caught.value)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut off"])
def test_a_connection_that_breaks_leaves_the_outcome_unknown(quick_clock: Any, said: Any) -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listening.accept()
        connection.recv(65536)
        connection.sendall(said)
        connection.close()

    thread = Thread(target=answer)
    thread.start()
    with pytest.raises(OutcomeUnknown):
        exchange(new_session(), "PATCH", f"http://127.0.0.1:{listening.getsockname()[1]}/", clock=quick_clock)
    thread.join()
    listening.close()


def failing(times: Any, error: Any) -> Any:
    left = [error] * times

    def action() -> Any:
        if left:
            raise left.pop()
        return "well"

    return action


def test_reads_are_tried_again_with_growing_waits(quick_clock: Any) -> None:
    assert read_with_retry(failing(3, OutcomeUnknown("cut")), clock=quick_clock, stop=Event()) == "well"
    assert quick_clock.waits == sorted(quick_clock.waits)
    assert 14 <= sum(quick_clock.waits) <= 17.5


def test_reads_give_up_as_unavailable(quick_clock: Any) -> None:
    with pytest.raises(CrmUnavailable):
        read_with_retry(failing(99, OutcomeUnknown("cut")), clock=quick_clock, stop=Event())
    assert len(quick_clock.waits) == 4


def test_a_server_that_is_down_is_asked_once_at_a_time_until_it_answers(quick_clock: Any) -> None:
    patience = Patience(quick_clock, Event())
    assert patience.seconds(120.0) == 120.0
    with pytest.raises(CrmUnavailable):
        patience.read(failing(5, CrmUnavailable("down")))
    before = len(quick_clock.waits)

    with pytest.raises(CrmUnavailable):
        patience.read(failing(1, CrmUnavailable("still down")))

    assert len(quick_clock.waits) == before == 4
    assert (patience.seconds(120.0), patience.seconds(5.0)) == (20.0, 5.0)
    assert patience.read(failing(0, CrmUnavailable("up"))) == "well"
    assert patience.read(failing(3, CrmUnavailable("hiccups"))) == "well"
    assert patience.seconds(120.0) == 120.0


def test_a_read_waits_as_long_as_it_is_told_but_not_for_hours(quick_clock: Any) -> None:
    read_with_retry(failing(1, CrmUnavailable("busy", 20.0)), clock=quick_clock, stop=Event())
    assert 20 <= quick_clock.waits[0] <= 25

    with pytest.raises(CrmUnavailable):
        read_with_retry(failing(9, CrmUnavailable("busy", 7200.0)), clock=quick_clock, stop=Event())
    assert len(quick_clock.waits) == 1, "a wait that ends too late is not even begun"


@pytest.mark.parametrize("error", [CrmAuthFailed("dead"), CrmBudgetExhausted("used up")])
def test_what_time_does_not_heal_soon_is_not_tried_again(quick_clock: Any, error: Any) -> None:
    with pytest.raises(type(error)):
        read_with_retry(failing(1, error), clock=quick_clock, stop=Event())
    assert quick_clock.waits == []


def test_a_stop_ends_the_waiting() -> None:
    stop = Event()
    clock = SystemClock(stop)
    Timer(0.05, stop.set).start()
    with pytest.raises(CrmUnavailable):
        read_with_retry(failing(99, CrmUnavailable("down")), clock=clock, stop=stop)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30.0), ("0", 1.0), ("86400", 120.0), ("Thu, 19 Nov 2026 12:00:30 GMT", 30.0), ("soon", 7.0), ("", 7.0)],
)
def test_retry_after_is_read_in_both_forms_and_clamped(header: Any, seconds: Any) -> None:
    headers = {"retry-after": header, "date": "Thu, 19 Nov 2026 12:00:00 GMT"}
    assert retry_after(Answer(429, headers, b""), 7.0) == seconds
