"""/livez, /readyz and /metrics over real HTTP: reasons come and go, a stuck loop is seen, strange hosts are refused."""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from leadsync.web.health import STUCK_AFTER, Health, WebServer, build_web


@dataclass
class HandClock:
    """Monotonic time that moves by hand."""

    passed: float = 1000.0

    def wall(self) -> datetime:
        return datetime(2026, 11, 19, 10, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


@dataclass
class Site:
    """The endpoints of a health under test."""

    health: Health
    clock: HandClock
    url: str
    port: int

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(self.url + path, headers=headers, timeout=5)

    def reasons(self) -> Any:
        answer = self.get("/readyz")
        assert answer.status_code == (503 if answer.json()["reasons"] else 200)
        assert answer.json()["ready"] is not bool(answer.json()["reasons"])
        return answer.json()["reasons"]


def begin(server: WebServer) -> None:
    """Start and wait until it listens, which its thread does."""
    server.start()
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", server.port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError("the endpoints do not answer")


@pytest.fixture
def site() -> Iterator[Site]:
    clock = HandClock()
    health = Health(clock)
    server = WebServer(build_web(health, ("leadsync.acme.example",)), "127.0.0.1", 0)
    begin(server)
    yield Site(health, clock, f"http://127.0.0.1:{server.port}", server.port)
    server.stop()


def test_a_fresh_process_is_alive_and_not_ready(site: Site) -> None:
    assert (site.get("/livez").status_code, site.get("/livez").text) == (200, "ok\n")
    assert site.reasons() == {"starting": "some CRM's first complete cycle has not finished"}


def test_reasons_appear_and_heal_one_by_one(site: Site) -> None:
    site.health.heal("starting")
    assert site.reasons() == {}

    site.health.fault("crm_down:salesforce", "acme.my.salesforce.com cannot be reached")
    site.health.fault("config_stale", "mappings/sla.yaml:3:1: unknown stage")
    assert set(site.reasons()) == {"crm_down:salesforce", "config_stale"}

    site.health.fault("config_stale", "mappings/sla.yaml:4:1: unknown stage")
    site.health.heal("crm_down:salesforce", "never_was_there")
    assert site.reasons() == {"config_stale": "mappings/sla.yaml:4:1: unknown stage"}

    site.health.heal("config_stale")
    assert site.reasons() == {}


def test_reasons_that_were_asked_for_are_a_copy(site: Site) -> None:
    reasons = dict(site.health.reasons())
    site.health.heal("starting")

    assert reasons == {"starting": "some CRM's first complete cycle has not finished"}


def test_only_a_loop_without_progress_is_dead(site: Site) -> None:
    site.health.fault("crm_down:salesforce", "down")
    site.clock.passed += STUCK_AFTER - 1
    assert site.get("/livez").status_code == 200

    site.clock.passed += 1
    assert (site.get("/livez").status_code, site.get("/livez").text) == (503, "stuck\n")

    site.health.progressed()
    assert site.get("/livez").status_code == 200


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "leadsync.acme.example", "leadsync.acme.example:443"],
)
def test_metrics_are_served_under_names_that_config_knows(site: Site, host: str) -> None:
    assert site.get("/metrics", Host=host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "leadsync.acme.example.evil.example", "evil.example:8080", "::1", ""])
def test_metrics_are_refused_under_any_other_name(site: Site, host: str) -> None:
    site.health.metrics.cycles.labels("salesforce", "fast").inc()

    answer = site.get("/metrics", Host=host)

    assert answer.status_code == 421
    assert "leadsync_cycles" not in answer.text


def test_probes_by_address_need_no_name(site: Site) -> None:
    assert site.get("/livez", Host="10.0.0.7:8080").status_code == 200


def test_metrics_can_be_read_by_a_parser_in_both_notations(site: Site) -> None:
    metrics = site.health.metrics
    metrics.cycles.labels("salesforce", "fast").inc(3)
    metrics.failures.labels("salesforce", "crm_down").inc()
    metrics.outbox.labels("unknown").set(2)
    metrics.config_stale.set(1)

    for accept, parse in (("text/plain", plain), ("application/openmetrics-text; version=1.0.0", openmetrics)):
        answer = site.get("/metrics", Accept=accept)
        assert accept.partition(";")[0] in answer.headers["content-type"]
        samples = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in parse(answer.text)
            for sample in family.samples
        }
        assert samples["leadsync_cycles_total", "fast", "salesforce"] == 3
        assert samples["leadsync_cycle_failures_total", "crm_down", "salesforce"] == 1
        assert samples["leadsync_outbox", "unknown"] == 2
        assert samples["leadsync_config_stale",] == 1


def test_two_processes_in_one_keep_their_figures_apart() -> None:
    first, second = Health(HandClock()), Health(HandClock())

    first.metrics.cycles.labels("salesforce", "fast").inc()

    assert first.metrics.registry.get_sample_value("leadsync_cycles_total", {"crm": "salesforce", "reach": "fast"}) == 1
    assert (
        second.metrics.registry.get_sample_value("leadsync_cycles_total", {"crm": "salesforce", "reach": "fast"})
        is None
    )


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_the_endpoints_only_read(site: Site, path: str) -> None:
    assert requests.post(site.url + path, timeout=5).status_code == 405
    assert requests.delete(site.url + path, timeout=5).status_code == 405
    assert site.get(path + "/other").status_code == 404


def test_reasons_may_change_while_they_are_read(site: Site) -> None:
    def change() -> None:
        for number in range(500):
            site.health.fault(f"object_blocked:salesforce:{number}", "x")
            site.health.heal(f"object_blocked:salesforce:{number - 1}")

    changing = Thread(target=change)
    changing.start()
    answers = [site.get("/readyz").status_code for _ in range(20)]
    changing.join()

    assert set(answers) == {503}
    assert set(site.reasons()) == {"starting", "object_blocked:salesforce:499"}


def test_an_answer_comes_at_once(site: Site) -> None:
    session = requests.Session()
    session.get(site.url + "/livez", timeout=5)
    spent = [session.get(site.url + "/livez", timeout=5).elapsed.total_seconds() for _ in range(20)]
    session.close()

    assert min(spent) < 0.03  # with Nagle's algorithm none takes less than 40 ms


def test_a_stopped_server_frees_its_port() -> None:
    server = WebServer(build_web(Health(HandClock()), ()), "127.0.0.1", 0)
    begin(server)
    requests.get(f"http://127.0.0.1:{server.port}/livez", timeout=5)
    server.stop()

    again = WebServer(build_web(Health(HandClock()), ()), "127.0.0.1", server.port)
    begin(again)
    assert requests.get(f"http://127.0.0.1:{server.port}/livez", timeout=5).status_code == 200
    again.stop()
