"""The demo's stage: sandboxes with living companies, one for each CRM, an installation of leadsync beside them, and one
clock for all."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import requests

from leadsync.app import App, open_app
from leadsync.cycle import ALL_KINDS
from leadsync.errors import CrmUnavailable
from leadsync.settings.write import sample_files

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""A Monday morning; fixed, so that the same seed gives the same figures on any day."""

PAST_DAYS = 90

Kind = Literal["salesforce", "dynamics"]
Choice = Literal["salesforce", "dynamics", "both"]

KINDS: Mapping[Choice, tuple[Kind, ...]] = {
    "salesforce": ("salesforce",),
    "dynamics": ("dynamics",),
    "both": ("salesforce", "dynamics"),  # the first one's rules stand, which know the fields of both
}
_CONNECTION: Mapping[Kind, str] = {
    "salesforce": "{{kind: salesforce, url: {url}}}",
    "dynamics": "{{kind: dynamics, url: {url}, tenant: {tenant}}}",
}

TO_THE_LOG = """\
limits:
  api_share: 100%
  api_reserve: 20%
channels:
  email: {kind: log}
  crm_task: {kind: log}
  sales_floor: {kind: log}
  emea_teams: {kind: log}
  ops: {kind: log}
alerts: {to: ops}
"""
"""The part of config for an org that is leadsync's own: every channel of the sample's rules writes to the log."""

CONFIG = """\
# The demo's own configuration: everything is delivered, and what people are told goes to the log.
company: {{name: Acme, zone: Europe/Berlin}}
crms:
{crms}
ledger: {{location: {location}}}
deliver: [notices, stage_entered, score, contact_stage, lead_stage, owner, membership]
{to_the_log}logging: {{level: error}}
...
"""


class SteppedClock:
    """A clock that stands still but for the demo's own steps, so that the same seed gives the same figures on any machine."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def wall(self) -> datetime:
        """Return the demo's instant."""
        return START + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Return the seconds of the demo."""
        return self._seconds

    def sleep(self, seconds: float) -> None:
        """Let so much of the demo's time pass at once."""
        self._seconds += seconds


@dataclass(frozen=True, slots=True)
class Box:
    """A running sandbox that stands for one CRM."""

    url: str
    session: requests.Session

    def control(self, what: str, **body: Any) -> Mapping[str, Any]:
        """Ask the sandbox for something that no CRM's API offers: to load rows, to pause its people."""
        answer = self.session.post(f"{self.url}/sandbox/{what}", json=body, timeout=300)
        if answer.status_code != 200:
            raise CrmUnavailable(f"the sandbox refuses {what}: {answer.text[:200]}")
        found: Mapping[str, Any] = answer.json()
        return found

    def api_calls(self) -> int:
        """Return how many requests the sandbox has counted against the org's limit."""
        import msgspec

        answer = self.session.get(f"{self.url}/sandbox/requests", params={"after": 0}, timeout=300)
        return sum(1 for line in answer.content.splitlines() if line and msgspec.json.decode(line)["api"])


@dataclass(slots=True)
class Stage:
    """Running sandboxes by the CRM's name, with leadsync beside them."""

    boxes: Mapping[str, Box]
    folder: Path
    app: App
    config: Path
    mappings: Path
    clock: SteppedClock
    env: Mapping[str, str]

    @property
    def box(self) -> Box:
        """Return the only sandbox of a stage that has one."""
        (found,) = self.boxes.values()
        return found

    @property
    def location(self) -> Path:
        """Return the ledger's file."""
        return Path(self.app.settings.ledger.location)

    def control(self, what: str, **body: Any) -> None:
        """Ask the same of every sandbox; time that passes in them passes for leadsync too."""
        for box in self.boxes.values():
            box.control(what, **body)
        if what == "advance":
            self.clock.sleep(float(body["seconds"]))


@contextmanager
def set_up(*, seed: int, leads: int, crm: Choice = "salesforce") -> Iterator[Stage]:
    """Yield sandboxes frozen at their first morning, and leadsync ready for its first cycle; all are gone afterwards.

    Each CRM has a company of its own, with the seeds that follow each other.
    """
    from leadsync.sandbox.box import Options
    from leadsync.sandbox.server import serve

    folder = Path(tempfile.mkdtemp(prefix="leadsync-demo-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        session = stack.enter_context(requests.Session())
        ready: dict[Kind, Mapping[str, str]] = {}
        for place, kind in enumerate(KINDS[crm]):
            server = serve(Options(seed=seed + place, leads=leads, days=PAST_DAYS, start=START, frozen=True)).start()
            stack.callback(server.stop)
            ready[kind] = server.ready()
        _write_files(folder, ready)
        env = {
            f"LEADSYNC_{kind.upper()}_{name.upper()}": found[name]
            for kind, found in ready.items()
            for name in ("client_id", "client_secret")
        }
        clock = SteppedClock()
        config, mappings = folder / "config" / "leadsync.yaml", folder / "mappings"
        app = stack.enter_context(open_app(config, mappings, env, deliver=sorted(ALL_KINDS), clock=clock))
        boxes = {str(kind): Box(found["url"], session) for kind, found in ready.items()}
        yield Stage(boxes, folder, app, config, mappings, clock, env)


def _write_files(folder: Path, ready: Mapping[Kind, Mapping[str, str]]) -> None:
    """Write the sample installation for these CRMs."""
    texts: dict[str, str] = {}
    for kind, found in ready.items():
        texts = {**sample_files(kind, found["url"], None), **texts}
    crms = "\n".join(f"  {kind}: {_CONNECTION[kind].format(**found)}" for kind, found in ready.items())
    texts["config/leadsync.yaml"] = CONFIG.format(
        crms=crms, location=folder / "ledger" / "leadsync.db", to_the_log=TO_THE_LOG
    )
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
