"""What is known of users besides their own rows: teams, security roles, time zones, and names when a touch asks for them.

Teams and roles are read only as far as the actors' conditions ask for them; teams also serve to tell owners apart, since an
id alone does not say whether it is a user's or a team's.
"""

import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.odata import path
from leadsync.crm.dynamics.verdicts import refused
from leadsync.crm.values import RowFacts
from leadsync.domain.conditions import Condition, names
from leadsync.errors import ObjectBlocked
from leadsync.http import Answer

# (what is asked for, its table, how it is read, the columns)
_LINKS = {
    "team": ("teammemberships", ("systemuserid", "teamid"), "teams", ("teamid", "name")),
    "security_role": ("systemuserrolescollection", ("systemuserid", "roleid"), "roles", ("roleid", "name")),
}
_SETTINGS = ("usersettingscollection", ("systemuserid", "timezonecode"))
_ZONES = ("timezonedefinitions", ("timezonecode", "standardname"))
"""A user's settings hold the code of a time zone, whose definition holds its name on Windows (Microsoft Learn, "Specify time
zone settings for a user")."""


class Memberships:
    """Teams, security roles and time zones of users."""

    def __init__(self, client: Client, actors: Mapping[str, Condition]) -> None:
        asked = frozenset[str]().union(*(names(condition) for condition in actors.values()))
        self._client = client
        self._kinds = [
            kind for kind, also in (("team", "queue"), ("security_role", "")) if kind in asked or also in asked
        ]
        self._held: dict[str, dict[str, set[str]]] = {}
        self._zones: dict[str, str] = {}
        self._teams: frozenset[str] = frozenset()
        self._others: set[str] = set()
        self._names: dict[str, tuple[str, ...]] = {}
        self.learnt = False
        self.blocked: dict[str, str] = {}

    def learn(self) -> None:
        """Read everybody's memberships and zones; what may not be read counts as none: users are worth having without."""
        links_and_names = [asked for kind in self._kinds for asked in (_LINKS[kind][:2], _LINKS[kind][2:])]
        paths = [path(entity_set, columns) for entity_set, columns in (*links_and_names, _SETTINGS, _ZONES)]
        answers = iter(self._client.gather(paths))
        self._held, self.blocked = {}, {}
        for kind in self._kinds:
            table, (user, key), _, (_, name) = _LINKS[kind]
            links, named = next(answers), next(answers)
            try:
                labels = {str(row.get(key)): str(row.get(name) or "") for row in self._rows(named, table)}
                held = self._held.setdefault(kind, {})
                for row in self._rows(links, table):
                    if label := labels.get(str(row.get(key))):
                        held.setdefault(str(row.get(user)), set()).add(label)
            except ObjectBlocked as error:
                self.blocked[f"user:{kind}"] = str(error)
        settings, zones = next(answers), next(answers)
        try:
            by_code = {row.get("timezonecode"): str(row.get("standardname")) for row in self._rows(zones, _ZONES[0])}
            self._zones = {
                str(row.get("systemuserid")): zone
                for row in self._rows(settings, _SETTINGS[0])
                if (zone := win_tz.get(by_code.get(row.get("timezonecode"), "")))
            }
        except ObjectBlocked as error:
            self._zones = {}
            self.blocked["user:zone"] = str(error)
        self.learnt = True

    def _rows(self, answer: Answer, table: str) -> list[dict[str, Any]]:
        if answer.status != 200:
            raise refused(answer, table)
        return self._client.following(answer, table)

    def digest(self) -> str:
        """Return a short text that changes when anybody's memberships or time zone do."""
        held = sorted(
            (kind, user, sorted(found)) for kind, table in self._held.items() for user, found in table.items()
        )
        return f"{zlib.crc32(repr((held, sorted(self._zones.items()))).encode()):08x}"

    def zone(self, user_id: str) -> str | None:
        """Return the IANA name of a user's time zone, None when it is not known."""
        return self._zones.get(user_id)

    def of(self, user_id: str, kind: str) -> tuple[str, ...]:
        """Return the names of a user's teams (`team`) or security roles (`security_role`)."""
        return tuple(sorted(self._held.get(kind, {}).get(user_id, ())))

    def is_team(self, owner_id: str) -> bool:
        """Say whether an owner is a team; the teams are read when an owner comes up for the first time."""
        if owner_id not in self._teams and owner_id not in self._others:
            rows = self._client.rows(path("teams", ("teamid",)), "team")
            self._teams = frozenset(str(row.get("teamid")) for row in rows)
            self._others |= {owner_id} - self._teams
        return owner_id in self._teams

    def hand(self, user_id: str | None, at: datetime, zone: ZoneInfo) -> RowFacts:
        """Return what is known of a user, by the names that actors' conditions use."""
        if not self.learnt:
            self.learn()
        key = user_id or ""
        if key not in self._names:
            columns = ("systemuserid", "domainname", "internalemailaddress")
            rows = self._client.rows(path("systemusers", columns), "systemuser")
            self._names = {
                str(row.get("systemuserid")): tuple(str(row[name]) for name in columns[1:] if row.get(name))
                for row in rows
            }
            # Whoever is not even there now need not be looked for again with every touch.
            self._names.setdefault(key, ())
        teams = self.of(key, "team")
        known = {
            "user": self._names[key], "team": teams, "queue": teams, "security_role": self.of(key, "security_role"),
        }  # fmt: skip
        return RowFacts(known, at, zone)
