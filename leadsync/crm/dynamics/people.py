"""Who belongs to which team and has which security role, and what is known of single users when a touch asks.

Read only as far as the actors' conditions ask for it; teams also serve to tell owners apart, since an id alone does not
say whether it is a user's or a team's.
"""

import zlib
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.odata import path
from leadsync.crm.dynamics.verdicts import refused
from leadsync.crm.values import RowFacts
from leadsync.domain.conditions import Condition, names
from leadsync.errors import ObjectBlocked

# (what is asked for, its table, how it is read, the columns)
_LINKS = {
    "team": ("teammemberships", ("systemuserid", "teamid"), "teams", ("teamid", "name")),
    "security_role": ("systemuserrolescollection", ("systemuserid", "roleid"), "roles", ("roleid", "name")),
}


class Memberships:
    """Teams and security roles of users."""

    def __init__(self, client: Client, actors: Mapping[str, Condition]) -> None:
        asked = frozenset[str]().union(*(names(condition) for condition in actors.values()))
        self._client = client
        self._kinds = [
            kind for kind, also in (("team", "queue"), ("security_role", "")) if kind in asked or also in asked
        ]
        self._held: dict[str, dict[str, set[str]]] = {}
        self._teams: frozenset[str] = frozenset()
        self._others: set[str] = set()
        self._names: dict[str, tuple[str, ...]] = {}
        self.learnt = False
        self.blocked: dict[str, str] = {}

    def learn(self) -> None:
        """Read everybody's memberships; what may not be read counts as none, for users are worth having without."""
        paths = [
            path(entity_set, columns)
            for kind in self._kinds
            for entity_set, columns in (_LINKS[kind][:2], _LINKS[kind][2:])
        ]
        answers = iter(self._client.gather(paths))
        self._held, self.blocked = {}, {}
        for kind in self._kinds:
            table, (user, key), _, (_, name) = _LINKS[kind]
            links, named = next(answers), next(answers)
            try:
                for answer in (links, named):
                    if answer.status != 200:
                        raise refused(answer, table)
                labels = {str(row.get(key)): str(row.get(name) or "") for row in self._client.following(named, table)}
                held = self._held.setdefault(kind, {})
                for row in self._client.following(links, table):
                    if label := labels.get(str(row.get(key))):
                        held.setdefault(str(row.get(user)), set()).add(label)
            except ObjectBlocked as error:
                self.blocked[f"user:{kind}"] = str(error)
        self.learnt = True

    def digest(self) -> str:
        """Return a short text that changes when anybody's memberships do."""
        held = sorted(
            (kind, user, sorted(found)) for kind, table in self._held.items() for user, found in table.items()
        )
        return f"{zlib.crc32(repr(held).encode()):08x}"

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
