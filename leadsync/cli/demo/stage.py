"""The demo's stage: a sandbox with a living company, an installation of leadsync beside it, and one clock for both."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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

CONFIG = """\
# The demo's own configuration: everything is delivered, and what people are told goes to the log.
company: {{name: Acme, zone: Europe/Berlin}}
crms:
  {crm}: {{kind: {crm}, url: {url}{tenant}}}
ledger: {{location: {location}}}
deliver: [notices, stage_entered, score, contact_stage, lead_stage, owner, membership]
limits:
  api_share: 100%
  api_reserve: 20%
channels:
  email: {{kind: log}}
  crm_task: {{kind: log}}
  sales_floor: {{kind: log}}
  emea_teams: {{kind: log}}
  ops: {{kind: log}}
alerts: {{to: ops}}
logging: {{level: error}}
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


@dataclass(slots=True)
class Stage:
    """A running sandbox with leadsync beside it."""

    url: str
    folder: Path
    app: App
    config: Path
    mappings: Path
    session: requests.Session
    clock: SteppedClock

    @property
    def location(self) -> Path:
        """Return the ledger's file."""
        return Path(self.app.settings.ledger.location)

    def control(self, what: str, **body: Any) -> Mapping[str, Any]:
        """Ask the sandbox for something that no CRM's API offers: to let time pass, to pause its people."""
        answer = self.session.post(f"{self.url}/sandbox/{what}", json=body, timeout=300)
        if answer.status_code != 200:
            raise CrmUnavailable(f"the sandbox refuses {what}: {answer.text[:200]}")
        found: Mapping[str, Any] = answer.json()
        if what == "advance":
            self.clock.sleep(float(body["seconds"]))
        return found

    def api_calls(self) -> int:
        """Return how many requests the sandbox has counted against the org's limit."""
        import msgspec

        answer = self.session.get(f"{self.url}/sandbox/requests", params={"after": 0}, timeout=300)
        return sum(1 for line in answer.content.splitlines() if line and msgspec.json.decode(line)["api"])


@contextmanager
def set_up(*, seed: int, leads: int, crm: Kind = "salesforce") -> Iterator[Stage]:
    """Yield a sandbox frozen at its first morning, and leadsync ready for its first cycle; both are gone afterwards."""
    from leadsync.sandbox.box import Options
    from leadsync.sandbox.server import serve

    folder = Path(tempfile.mkdtemp(prefix="leadsync-demo-"))
    server = serve(Options(seed=seed, leads=leads, days=PAST_DAYS, start=START, frozen=True)).start()
    try:
        ready = server.ready()
        url = str(ready["url"])
        for path, text in sample_files(crm, url, None).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        config = folder / "config" / "leadsync.yaml"
        tenant = f", tenant: {ready['tenant']}" if crm == "dynamics" else ""
        location = folder / "ledger" / "leadsync.db"
        config.write_text(CONFIG.format(crm=crm, url=url, tenant=tenant, location=location), encoding="utf-8")
        prefix = f"LEADSYNC_{crm.upper()}"
        env = {
            f"{prefix}_CLIENT_ID": str(ready["client_id"]),
            f"{prefix}_CLIENT_SECRET": str(ready["client_secret"]),
        }
        clock = SteppedClock()
        with (
            requests.Session() as session,
            open_app(config, folder / "mappings", env, deliver=sorted(ALL_KINDS), clock=clock) as app,
        ):
            yield Stage(url, folder, app, config, folder / "mappings", session, clock)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
