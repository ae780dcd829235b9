"""Dynamics 365 as leadsync's Crm: puts the parts of this package together and keeps what they share."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from threading import Event
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import requests

from leadsync.clock import Clock, SystemClock
from leadsync.crm.calls import Budget
from leadsync.crm.dynamics.auth import Credentials, Login
from leadsync.crm.dynamics.client import DAILY_REQUESTS, Client
from leadsync.crm.dynamics.inspect import inspect_org
from leadsync.crm.dynamics.membership import Joiner
from leadsync.crm.dynamics.metadata import Metadata
from leadsync.crm.dynamics.odata import any_of, guids, portions
from leadsync.crm.dynamics.people import Memberships
from leadsync.crm.dynamics.poll import Poll
from leadsync.crm.dynamics.rows import RecordReader
from leadsync.crm.dynamics.sources import Sources, build_sources, tables_asked
from leadsync.crm.dynamics.sweep import sweep
from leadsync.crm.dynamics.touches import TouchReader
from leadsync.crm.dynamics.verdicts import refused
from leadsync.crm.dynamics.write import Writer
from leadsync.domain.effects import Membership, Outcome, WriteBack
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Gone, Record, Ref
from leadsync.errors import ObjectBlocked
from leadsync.http import new_session
from leadsync.ports import Finding, Mark, Org, Page, Reach, Swept, Usage

DESCRIBE_AFTER = 3600.0
"""Seconds after which the tables are described anew: people add options and columns while leadsync runs."""


class DynamicsCrm:
    """One Dataverse environment.

    `history` holds the objects whose stage is audited, as far as the environment says so.
    """

    def __init__(
        self, name: str, url: str, tenant: str, api_version: str, credentials: Credentials, mapping: CrmMapping, *,
        company_zone: str, clock: Clock, stop: Event | None = None, session: requests.Session | None = None,
        share: float = 0.2, reserve: float = 0.2, named_users: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Make the adapter; nothing is sent yet.

        `share` is leadsync's part of the tenant's daily requests, `reserve` the part of it kept for urgent writes. `named_users` are the users that rules name, for `inspect`. `stop` ends
        waits and passes early; without it the clock's own does.
        """
        self.name = name
        self._mapping, self._zone, self._named_users = mapping, ZoneInfo(company_zone), tuple(named_users)
        self._stop = stop or (clock.stop if isinstance(clock, SystemClock) else Event())
        login = Login(url, tenant, credentials, clock=clock, stop=self._stop)
        budget = Budget(clock, share, reserve, DAILY_REQUESTS)
        self._client = Client(
            session or new_session(), login, url, api_version, clock=clock, stop=self._stop, budget=budget
        )
        self._clock = clock
        self._metadata = Metadata(self._client)
        self._members = Memberships(self._client, mapping.actors)
        self._writer = Writer(self._client, self._metadata, mapping, self._members)
        self._joiner = Joiner(self._client, mapping.nurture)
        self._sources: Sources | None = None
        self._poll: Poll | None = None
        self._org: Org | None = None
        self._described_at = 0.0
        self.history: frozenset[str] = frozenset()

    def connect(self) -> Org:
        """Log in if needed and return whom we reached; the first time costs three requests, later ones none."""
        if self._org is not None:
            return self._org
        user_id, org_id = self._client.whoami()
        self._describe()
        self._org = Org(org_id, urlsplit(self._client.url).netloc, False, user_id)
        return self._org

    def _describe(self) -> None:
        """Read what the environment says of its tables, and make ready to poll them."""
        self._metadata.load(tables_asked(self._mapping))
        self._sources = build_sources(self.name, self._client, self._metadata, self._mapping, self._members, self._zone)
        self.history = self._sources.audited
        self._poll = Poll(self._client, self._sources, self._members, stop=self._stop)
        self._described_at = self._clock.monotonic()

    def now(self) -> datetime:
        """Return the CRM's time."""
        return self._client.now()

    def changes(self, marks: Mapping[str, Mark], reach: Reach) -> Iterator[Page]:
        """Yield everything that changed since the marks, page by page (ports.Crm)."""
        self.connect()
        old = self._clock.monotonic() - self._described_at > DESCRIBE_AFTER
        if reach == "complete" and self._sources and (old or self._sources.blocked):
            self._metadata.forget()
            self._describe()
        assert self._poll is not None
        yield from self._poll.changes(marks, reach)

    def blocked(self) -> Mapping[str, str]:
        """Return what could not be read in the last pass, and under `write:<object>` what may not be written."""
        unreadable = self._poll.blocked if self._poll else {}
        return {**unreadable, **{f"write:{name}": text for name, text in self._writer.refused.items()}}

    def skipped(self) -> Mapping[str, int]:
        """Return how many touch rows of this process had no place in the mapping, by the reason."""
        found: dict[str, int] = {}
        for source in self._sources.rest if self._sources else ():
            if isinstance(source.reader, TouchReader):
                found.update(source.reader.skipped)
        return found

    def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Record | Gone]:
        """Return these records as they stand now; a deleted one is in no recycle bin, so it is left out."""
        self.connect()
        asked = []
        for source in self._sources.rest if self._sources else ():
            if isinstance(reader := source.reader, RecordReader):
                columns = reader.columns
                keys = guids(ref.id for ref in refs if ref.object == source.name)
                asked += [(reader, columns.query(any_of(columns.table.key, some))) for some in portions(keys)]
        found: dict[Ref, Record | Gone] = {}
        answers = self._client.gather([query for _, query in asked])
        for (reader, _), answer in zip(asked, answers, strict=True):
            if answer.status != 200:
                raise refused(answer, reader.columns.table.name)
            for row in reader.rows(reader.columns.decode(answer.body).rows, answer.date() or self._client.now()):
                assert isinstance(row, (Record, Gone))
                found[row.ref] = row
        return found

    def sweep(self, object_name: str) -> Iterator[Swept]:
        """Yield every lead or contact with its stamp and status (ports.Sweeps), 5,000 to a request."""
        self.connect()
        for source in self._sources.rest if self._sources else ():
            if source.name == object_name and isinstance(source.reader, RecordReader):
                yield from sweep(self._client, source.reader)
                return
        raise ObjectBlocked(self.blocked().get(object_name, f"{object_name} is not mapped"))

    def write(self, writes: Sequence[WriteBack]) -> tuple[Outcome, ...]:
        """Send each write at most once and say what became of it, in order (ports.Crm)."""
        return self._writer.write(writes)

    def join(self, memberships: Sequence[Membership]) -> tuple[Outcome, ...]:
        """Add people to, or take them out of, their marketing lists."""
        return self._joiner.join(memberships)

    def inspect(self) -> tuple[Finding, ...]:
        """Compare the mapping with the environment."""
        org = self.connect()
        return inspect_org(self._client, self._metadata, self._mapping, org, self._named_users, self._clock.wall())

    def count_in(self, earlier: Iterable[tuple[float, int]]) -> None:
        """Count requests of earlier processes (seconds ago, how many) as ours of the day."""
        self._client.budget.count_in(earlier)

    def usage(self) -> Usage:
        """Return how many API requests were made."""
        return self._client.usage()
