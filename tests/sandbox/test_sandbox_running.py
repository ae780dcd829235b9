"""The box as a process: how it starts, tells time, stops, remembers, and what its world does."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from leadsync.sandbox import Options, build_app, serve
from leadsync.sandbox.box import Box
from leadsync.sandbox.making import keep, make_box
from leadsync.sandbox.soql import Env, parse
from leadsync.sandbox.soql.plan import candidates
from leadsync.sandbox.soql.run import object_named

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def started(*flags: Any) -> Any:
    process = subprocess.Popen(
        [sys.executable, "-c", "from leadsync.cli import main; main()", "sandbox", "--empty", "--start", "2026-11-02T09:00:00Z", *flags],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def ended(process: Any) -> Any:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    return process.returncode


def ask(ready: Any, method: Any, path: Any, **given: Any) -> Any:
    headers = {"Authorization": f"Bearer {ready['token']}"}
    return requests.request(method, ready["url"] + path, headers=headers, timeout=60, **given)


def test_a_process_says_how_to_get_in_and_keeps_its_rows_across_a_restart(tmp_path: Any) -> None:
    state = str(tmp_path / "box.state")
    process, ready = started("--frozen", "--token", "mine", "--state", state)
    made = ask(
        ready, "POST", "/services/data/v65.0/sobjects/Lead", json={"LastName": "Osei", "Company": "Initech"}
    ).json()
    ask(ready, "POST", "/sandbox/advance", json={"seconds": 90})

    assert set(ready) == {"url", "now", "client_id", "client_secret", "token", "tenant"}
    assert (ready["now"], ready["token"]) == ("2026-11-02T09:00:00Z", "mine")
    assert ended(process) == 0

    process, again = started("--frozen", "--token", "mine", "--state", state)
    assert again["now"] == "2026-11-02T09:01:30Z"
    assert ask(again, "GET", f"/services/data/v65.0/sobjects/Lead/{made['id']}").json()["LastName"] == "Osei"
    assert ended(process) == 0


def test_a_process_serves_https_with_a_certificate_of_its_own() -> None:
    server = serve(Options(empty=True, frozen=True, start=START, tls=True)).start()
    try:
        # The certificate stands for the chain: verifying against it proves that the server holds its key.
        answer = requests.get(f"{server.url}/services/data/", verify=str(server.certificate), timeout=60)
        token = requests.post(
            f"{server.url}/services/oauth2/token",
            data={"grant_type": "client_credentials", "client_id": server.client_id, "client_secret": server.client_secret},
            verify=str(server.certificate), timeout=60,
        ).json()  # fmt: skip
    finally:
        server.stop()

    assert answer.status_code == 200
    assert server.url.startswith("https://127.0.0.1:")
    assert token["instance_url"] == server.url


def test_links_begin_as_the_client_addressed_the_box_or_as_it_was_told(fresh_crm: Any) -> None:
    crm = fresh_crm
    port = crm.server.url.rpartition(":")[2]
    assert (
        crm.call("GET", "/", headers={"Host": f"crm.example:{port}"})
        .json()["identity"]
        .startswith(f"http://crm.example:{port}/id/")
    )

    server = serve(Options(empty=True, frozen=True, token="t", public_url="https://public.example")).start()
    try:
        local = f"http://127.0.0.1:{server._socket.getsockname()[1]}"
        root = requests.get(f"{local}/services/data/v65.0/", headers={"Authorization": "Bearer t"}, timeout=60).json()
    finally:
        server.stop()
    assert root["identity"].startswith("https://public.example/id/")


def test_every_answer_carries_the_crm_s_own_date_in_whole_seconds(fresh_crm: Any) -> None:
    crm = fresh_crm
    crm.advance(3600.7)

    for answer in (crm.get("/limits"), crm.get("/nonsense"), crm.get("/sandbox/now")):
        assert answer.headers["Date"] == "Mon, 02 Nov 2026 10:00:00 GMT"
        assert "Server" not in answer.headers


def test_a_frozen_clock_stands_and_a_running_one_runs_at_its_speed() -> None:
    frozen = make_box(Options(empty=True, frozen=True, start=START)).clock
    fast = make_box(Options(empty=True, clock_speed=1000, start=START)).clock
    real = make_box(Options(empty=True, start=START)).clock
    time.sleep(0.05)

    assert frozen.now() == START
    assert fast.now() >= START + timedelta(seconds=50)
    assert START < real.now() < START + timedelta(seconds=30)


class Diary:
    """A world that writes down until when it lived."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.lived: list[datetime] = []
        self.planned = START

    def live(self, until: Any) -> None:
        self.lived.append(until)


def with_diary(**given: Any) -> tuple[Box, Diary]:
    box = make_box(Options(empty=True, start=START, **given))
    box.world = diary = Diary(box.store)
    return box, diary


def test_people_act_when_time_is_advanced_unless_only_time_is_to_pass_or_they_are_paused() -> None:
    box, diary = with_diary(frozen=True)
    box.advance(60, world=True)
    box.advance(60, world=False)
    box.pause(paused=True)
    box.advance(60, world=True)
    box.pause(paused=False)
    box.advance(60, world=True)

    assert diary.lived == [START + timedelta(seconds=60), START + timedelta(seconds=240)]


def test_people_act_by_themselves_only_at_a_chosen_clock_speed() -> None:
    box, diary = with_diary()
    box.catch_up()
    assert diary.lived == []

    box, diary = with_diary(clock_speed=60)
    now = box.catch_up()
    assert diary.lived == [now]


def test_time_never_runs_backwards() -> None:
    box = make_box(Options(empty=True, frozen=True, start=START))
    with pytest.raises(ValueError, match="forward"):
        box.advance(-1, world=False)


def test_bare_rows_are_half_leads_half_contacts_and_come_without_lives() -> None:
    box = make_box(Options(bare=True, leads=1001, days=10, frozen=True, start=START))
    leads, contacts = (list(box.store.rows(kind)) for kind in ("Lead", "Contact"))

    assert (len(leads), len(contacts)) == (501, 500)
    assert box.store.truth == []
    assert list(box.store.rows("LeadHistory")) == []
    assert all(START - timedelta(days=10) <= row["SystemModstamp"] < START for row in leads)
    assert {row["OwnerId"] for row in leads} <= {row["Id"] for row in box.store.rows("User")}
    assert all(row["AccountId"] in box.store.tables["Account"].rows for row in contacts)


def test_bare_rows_are_the_same_for_the_same_seed() -> None:
    def rows(seed: Any) -> Any:
        return list(make_box(Options(bare=True, leads=50, seed=seed, start=START)).store.rows("Lead"))

    assert rows(3) == rows(3)
    assert rows(3) != rows(4)


@pytest.mark.parametrize(
    ("soql", "looked_at"),
    [
        ("SELECT Id FROM Lead WHERE SystemModstamp >= 2026-11-02T08:58:00Z", 1),
        ("SELECT Id FROM Lead WHERE SystemModstamp > 2026-11-02T09:00:00Z OR CreatedDate = TOMORROW", 1000),
        ("SELECT Id FROM Lead WHERE Id IN ('00Q8d0000010001EAA') AND Title != null", 1),
        ("SELECT Id FROM LeadHistory WHERE LeadId = '00Q8d0000010001EAA'", 0),
    ],
)
def test_an_idle_poll_looks_only_at_what_may_have_changed(soql: str, looked_at: int) -> None:
    box = make_box(Options(bare=True, leads=2_000, days=1, frozen=True, start=START))
    query = parse(soql)

    found = candidates(Env(box.store, START), object_named(query), query)
    assert len(list(found.rows)) == looked_at


def test_a_world_that_was_kept_lives_on_as_if_nothing_had_happened(tmp_path: Any) -> None:
    options = Options(leads=40, days=5, frozen=True, start=START, state=tmp_path / "box.state")
    box = make_box(options)
    keep(box)
    again = make_box(options)
    for each in (box, again):
        each.advance(24 * 3600, world=True)

    assert again.clock.now() == START + timedelta(days=1)
    assert again.store.truth == box.store.truth
    assert any(change.at > START for change in box.store.truth)


class Overdue(Diary):
    """A world that does a minute ago what it does."""

    def live(self, until: Any) -> None:
        with self.store.tx(by="0058d0000010000AAA", via="person", at=self.planned) as tx:
            tx.insert("Lead", {"LastName": "x", "Company": "y"})


def test_what_people_had_planned_for_a_time_without_them_happens_when_they_go_on() -> None:
    box, _ = with_diary(frozen=True)
    box.world = world = Overdue(box.store)
    world.planned = START + timedelta(seconds=30)
    box.advance(60, world=False)
    box.advance(60, world=True)

    assert [row["SystemModstamp"] for row in box.store.rows("Lead")] == [START + timedelta(seconds=60)]


def test_controls_refuse_what_makes_no_sense(fresh_crm: Any) -> None:
    crm = fresh_crm
    lead = crm.lead()

    for what, body in [
        ("advance", {"seconds": "soon"}),
        ("load", {"Nonsense": [{}]}),
        ("load", {"Lead": [{"Nonsense": 1}]}),
        ("edit", {"object": "Lead", "id": "00Q"}),
        ("edit", {"object": "Lead", "id": lead, "fields": {"Title": "x"}, "at": "2020-01-01T00:00:00Z"}),
        ("convert", {"lead": lead, "status": "SQL"}),
        ("merge", {"object": "Lead", "master": lead, "losers": [lead]}),
        ("undelete", {"object": "Lead", "id": lead}),
    ]:
        answer = crm.call("POST", f"/sandbox/{what}", json=body)
        assert (answer.status_code, list(answer.json())) == (400, ["error"]), what
    assert crm.get("/sandbox/nonsense").status_code == 404


def test_the_past_can_be_edited_before_anybody_reads() -> None:
    server = serve(Options(empty=True, frozen=True, start=START)).start()
    try:
        with requests.Session() as session:
            load = {"Lead": [{"LastName": "x", "Company": "y", "CreatedDate": "2026-10-01T00:00:00Z"}]}
            lead = session.post(f"{server.url}/sandbox/load", json=load, timeout=60).json()["Lead"][0]
            edit = {"object": "Lead", "id": lead, "fields": {"Status": "MAQL"}, "at": "2026-10-15T12:00:00Z"}
            assert session.post(f"{server.url}/sandbox/edit", json=edit, timeout=60).status_code == 200
    finally:
        server.stop()
    row = server.box.store.tables["Lead"].rows[lead]
    assert row["SystemModstamp"] == datetime(2026, 10, 15, 12, tzinfo=UTC)


def test_paths_may_begin_with_two_slashes_and_headers_are_spelled_as_the_vendor_spells_them(fresh_crm: Any) -> None:
    answer = fresh_crm.session.get(f"{fresh_crm.server.url}//services/data/v65.0/limits", timeout=60)

    assert answer.status_code == 200
    assert {"Content-Type", "Content-Length", "Date", "Sforce-Limit-Info"} == set(answer.headers)


def test_the_controls_answer_on_the_loopback_only() -> None:
    app = build_app(make_box(Options(empty=True, frozen=True, start=START)))

    def status(client: str, path: str) -> int:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [],
            "client": (client, 1), "server": ("box", 80), "scheme": "http", "root_path": "",
        }  # fmt: skip
        asyncio.run(app(scope, receive, send))
        return int(sent[0]["status"])

    assert status("127.0.0.1", "/sandbox/now") == 200
    assert status("10.1.2.3", "/sandbox/now") == 403
    assert status("10.1.2.3", "//sandbox/now") == 403
    assert status("10.1.2.3", "/services/data") == 200
