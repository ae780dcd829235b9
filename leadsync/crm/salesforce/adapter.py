"""Salesforce as leadsync's Crm: puts the parts of this package together and keeps what they share."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from threading import Event
from zoneinfo import ZoneInfo

import msgspec
import requests

from leadsync.clock import Clock, SystemClock
from leadsync.crm.calls import Budget
from leadsync.crm.salesforce.auth import Credentials, Login
from leadsync.crm.salesforce.bulk import Bulk
from leadsync.crm.salesforce.client import Client, Part
from leadsync.crm.salesforce.inspect import inspect_org
from leadsync.crm.salesforce.load import Load
from leadsync.crm.salesforce.membership import Joiner
from leadsync.crm.salesforce.poll import Poll
from leadsync.crm.salesforce.rows import MoveReader, RecordReader
from leadsync.crm.salesforce.soql import IDS_PER_QUERY, Columns, ids, path, select, where
from leadsync.crm.salesforce.sources import Memberships, Source, build_sources
from leadsync.crm.salesforce.sweep import sweep
from leadsync.crm.salesforce.touches import TouchReader
from leadsync.crm.salesforce.write import Writer
from leadsync.domain.effects import Membership, Outcome, WriteBack
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Gone, Move, Record, Ref
from leadsync.errors import CrmAuthFailed, ObjectBlocked
from leadsync.http import new_session
from leadsync.ports import Finding, Mark, Org, Page, Reach, Swept, Usage

_ORGANISATION = Columns(("Id", "InstanceName", "IsSandbox"))
_PROBE = Columns(("Id",))


class _Whoami(msgspec.Struct):
    user_id: str


class SalesforceCrm:
    """One Salesforce org.

    `history` holds the objects whose stage has field history: its query works and at least one row of that field was
    ever seen. A first row may arrive in any pass, so ask for it again with every page that is stored.
    """

    def __init__(
        self, name: str, url: str, api_version: str, credentials: Credentials, mapping: CrmMapping, *,
        company_zone: str, clock: Clock, stop: Event | None = None, session: requests.Session | None = None,
        share: float = 0.2, reserve: float = 0.2, bulk_above: int = 100_000, named_users: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Make the adapter; nothing is sent yet.

        `share` is leadsync's part of the org's daily requests, `reserve` the part of it kept for urgent writes. `named_users` are the users that rules name, for `inspect`. `stop` ends
        waits and passes early; without it the clock's own does.
        """
        self.name = name
        self._mapping, self._zone, self._named_users = mapping, ZoneInfo(company_zone), tuple(named_users)
        self._stop = stop or (clock.stop if isinstance(clock, SystemClock) else Event())
        session = session or new_session()
        login = Login(session, url, credentials, clock=clock, stop=self._stop)
        self._client = Client(
            session, login, api_version, clock=clock, stop=self._stop, budget=Budget(clock, share, reserve)
        )
        self._clock = clock
        bulk = Bulk(self._client, clock=clock, stop=self._stop)
        self._load = Load(name, self._client, bulk, bulk_above=bulk_above)
        self._members = Memberships(mapping.actors)
        self._writer = Writer(self._client, mapping)
        self._joiner = Joiner(self._client, self._load, mapping.nurture)
        self._sources: tuple[Source, ...] = ()
        self._poll: Poll | None = None
        self._org: Org | None = None
        self.history: frozenset[str] = frozenset()

    def connect(self) -> Org:
        """Log in if needed and return whom we reached; the first time costs one request, later ones none."""
        token = self._client.token()
        if self._org is not None:
            return self._org
        moves = {name: MoveReader(self.name, name, one) for name, one in self._mapping.objects.items()}
        probes = [
            Part(
                path(
                    select(
                        _PROBE.names,
                        f"{one.native}History",
                        where("Field IN {f}", f=sorted(moves[name].stage_fields)),
                        limit=1,
                    )
                )
            )
            for name, one in self._mapping.objects.items()
        ]
        contact = self._mapping.objects["contact"].native if "contact" in self._mapping.objects else "Contact"
        asked = [Part(path(select(_ORGANISATION.names, "Organization"))), Part(f"sobjects/{contact}/describe"), *probes]
        (organisation, described, *found), _ = self._client.composite(asked)
        rows = _ORGANISATION.decode(organisation.body).rows if organisation.status == 200 else []
        if not rows:
            raise CrmAuthFailed(
                "the integration user may not read Organization, so nobody knows which org this is; grant API Enabled"
            )
        org_id, instance, sandbox = rows[0]
        user_id = token.user_id or self._whoami()
        for name, answer in zip(self._mapping.objects, found, strict=False):
            if answer.status == 200 and _PROBE.decode(answer.body).rows:
                self.history |= {name}
        self._sources = build_sources(
            self.name, self._mapping, self._zone, self._members.of,
            person_accounts=described.status == 200 and b'"IsPersonAccount"' in bytes(described.body),
        )  # fmt: skip
        self._poll = Poll(self._client, self._sources, self._members, self._load, stop=self._stop)
        self._org = Org(org_id, instance, bool(sandbox), user_id)
        return self._org

    def _whoami(self) -> str:
        try:
            answer = self._client.read("/services/oauth2/userinfo", "userinfo")
            return msgspec.json.decode(answer.body, type=_Whoami).user_id
        except (ObjectBlocked, msgspec.MsgspecError):
            raise CrmAuthFailed("the org does not say whose token this is; let the app grant the scope api") from None

    def now(self) -> datetime:
        """Return the CRM's time."""
        return self._client.now()

    def changes(self, marks: Mapping[str, Mark], reach: Reach) -> Iterator[Page]:
        """Yield everything that changed since the marks, page by page (ports.Crm)."""
        self.connect()
        assert self._poll is not None
        for page in self._poll.complete(marks) if reach == "complete" else self._poll.fast(marks):
            if page.source.endswith("_history"):
                self.history |= {row.ref.object for row in page.rows if isinstance(row, Move) and row.field == "stage"}
            yield page

    def blocked(self) -> Mapping[str, str]:
        """Return what could not be read in the last pass, and under `write:<object>` what may not be written."""
        unreadable = self._poll.blocked if self._poll else {}
        return {**unreadable, **{f"write:{name}": text for name, text in self._writer.refused.items()}}

    def skipped(self) -> Mapping[str, int]:
        """Return how many touch rows of this process had no place in the mapping, by the reason."""
        found: dict[str, int] = {}
        for source in self._sources:
            if isinstance(source.reader, TouchReader):
                found.update(source.reader.skipped)
        return found

    def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Record | Gone]:
        """Return these records as they stand now, deleted ones as gone; one query per 200 ids, five to a request."""
        self.connect()
        parts, readers = [], []
        for source in self._sources:
            if not isinstance(source.reader, RecordReader):
                continue
            keys = ids(list(dict.fromkeys(ref.id for ref in refs if ref.object == source.name)))
            for start in range(0, len(keys), IDS_PER_QUERY):
                asked = where("Id IN {ids}", ids=keys[start : start + IDS_PER_QUERY])
                query = select(source.reader.columns.names, source.native, asked)
                parts.append(Part(path(query, include_deleted=True)))
                readers.append((source, source.reader))
        found: dict[Ref, Record | Gone] = {}
        answers, at = self._client.composites(parts)
        for (source, reader), answer in zip(readers, answers, strict=True):
            for page in self._load.following(reader.columns, answer, source.native):
                for cells in page.rows:
                    row = reader(cells, at)
                    found[row.ref] = row
        return found

    def sweep(self, object_name: str) -> Iterator[Swept]:
        """Yield every lead or contact with its stamp and status (ports.Sweeps), 2,000 to a request."""
        self.connect()
        yield from sweep(self._client, self._mapping.objects[object_name])

    def write(self, writes: Sequence[WriteBack]) -> tuple[Outcome, ...]:
        """Send each write at most once and say what became of it, in order (ports.Crm)."""
        return self._writer.write(writes)

    def join(self, memberships: Sequence[Membership]) -> tuple[Outcome, ...]:
        """Add people to, or take them out of, their nurture campaigns."""
        return self._joiner.join(memberships)

    def inspect(self) -> tuple[Finding, ...]:
        """Compare the mapping with the org."""
        org = self.connect()
        return inspect_org(self._client, self._mapping, org, self._named_users, self._clock.wall())

    def count_in(self, earlier: Iterable[tuple[float, int]]) -> None:
        """Count requests of earlier processes (seconds ago, how many) as ours of the day."""
        self._client.budget.count_in(earlier)

    def usage(self) -> Usage:
        """Return how many API requests were made."""
        return self._client.usage()
