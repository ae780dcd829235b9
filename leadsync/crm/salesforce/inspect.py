"""`check --live` and `doctor` for Salesforce: does the org have what the mapping names, and may we do what it says?

Describe shows only what the integration user may read, so a missing field is one that is absent or hidden.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from leadsync.crm.inspecting import named_users
from leadsync.crm.salesforce.client import Client
from leadsync.crm.salesforce.soql import Columns, path, select, where
from leadsync.crm.salesforce.touches import at_columns, person_columns
from leadsync.domain.conditions import fold, names
from leadsync.domain.mapping import CrmMapping, FieldMapping, ObjectMapping, ValueMap
from leadsync.errors import CrmBudgetExhausted, CrmUnavailable, ObjectBlocked
from leadsync.ports import Finding, Org

SKEW_SECONDS = 60
_STATUS = Columns(("MasterLabel", "ApiName", "IsConverted"))
_CAMPAIGN = Columns(("Name",))
_USER = Columns(("Username", "Email", "IsActive"))

Described = Mapping[str, Mapping[str, Any]]  # field name in lower case -> describe's entry


def inspect_org(
    client: Client, mapping: CrmMapping, org: Org, users: Sequence[str], wall: datetime
) -> tuple[Finding, ...]:
    """Return one finding per thing looked at; a thing that cannot be looked at is a finding too."""
    look = _Look(client, mapping)
    findings = [
        Finding(
            "org",
            True,
            f"org {org.org_id} on {org.instance}, {'a sandbox' if org.sandbox else 'production'}, as user {org.user_id}",
        ),
        *look.version(),
        look.clock(wall),
        look.limits(),
    ]
    for name, one in mapping.objects.items():
        findings += look.object(name, one)
        findings += look.stage_values(name, one)
    findings += look.companions()
    findings += look.campaigns()
    findings += look.users(users)
    return tuple(findings)


class _Look:
    def __init__(self, client: Client, mapping: CrmMapping) -> None:
        self._client, self._mapping = client, mapping
        self._described: dict[str, dict[str, Any] | str] = {}

    def version(self) -> Iterator[Finding]:
        offered = self._client.versions()
        mine = self._client.api_version
        ok = mine in offered
        yield Finding(
            "api version", ok, f"{mine} is {'offered' if ok else 'not offered'}; the newest is {offered[-1] if offered else 'unknown'}",
            "" if ok else f"set api_version to one of {', '.join(offered[-4:])}",
        )  # fmt: skip

    def clock(self, wall: datetime) -> Finding:
        skew = abs((wall - self._client.now()).total_seconds())
        ok = skew <= SKEW_SECONDS
        return Finding(
            "clock",
            ok,
            f"this machine is {skew:.0f} s off the CRM's time",
            "" if ok else "set this machine's clock by NTP",
            warning=not ok,
        )

    def limits(self) -> Finding:
        try:
            found = self._client.ask(lambda library: library.limits(), "limits")
            day = found["DailyApiRequests"]
            text = f"{day['Remaining']} of {day['Max']} daily API requests left"
        except (ObjectBlocked, CrmUnavailable, KeyError, TypeError) as error:
            if isinstance(error, CrmBudgetExhausted):
                raise
            usage = self._client.usage()
            text = f"{usage.used} of {usage.limit} daily API requests used (the user may not see /limits)"
        return Finding("api requests", True, text)

    def describe(self, native: str) -> dict[str, Any] | str:
        """Return describe's answer, or why there is none."""
        if native not in self._described:
            try:
                self._described[native] = self._client.describe(native)
            except ObjectBlocked as error:
                self._described[native] = str(error)
        return self._described[native]

    def fields(self, native: str) -> Described:
        found = self.describe(native)
        return {} if isinstance(found, str) else {field["name"].lower(): field for field in found["fields"]}

    def object(self, name: str, one: ObjectMapping) -> Iterator[Finding]:
        """Look at an object with its mapped fields and rights."""
        found = self.describe(one.native)
        if isinstance(found, str):
            yield Finding(
                name, False, found, f"grant the integration user read access to {one.native}, or change `object:`"
            )
            return
        bad = []
        for field in (one.stage, one.owner, *one.fields.values()):
            bad += [
                finding for native in field.native if (finding := self._field(one.native, native, field)) is not None
            ]
        bad += [
            finding
            for stage, native in one.entered_from.items()
            if (finding := self._field(one.native, native, FieldMapping(stage, (native,)))) is not None
        ]
        yield from bad
        if not bad:
            yield Finding(name, True, f"{one.native}: all mapped fields are there with the rights they need")
        if any(field.write for field in (one.stage, one.owner, *one.fields.values())) and not found.get("updateable"):
            yield Finding(name, False, f"{one.native} may not be edited", f"grant Edit and Modify All on {one.native}")
        if found.get("deletable"):
            yield Finding(
                name, False, f"the integration user may delete {one.native} records, which leadsync never does",
                f"take Delete on {one.native} away from its permission set", warning=True,
            )  # fmt: skip

    def _field(self, native: str, column: str, field: FieldMapping) -> Finding | None:
        topic = f"{native}.{column}"
        entry = self._entry(native, column)
        if entry is None:
            return Finding(
                topic, False, f"{field.name} is mapped to {topic}, which does not exist or may not be read",
                "create the field (deploy/), grant read access to it, or change the mapping",
            )  # fmt: skip
        spelled = entry["name"]
        if column.rpartition(".")[2] != spelled:
            return Finding(topic, False, f"Salesforce spells it {spelled}", f"write {spelled} in the mapping")
        if field.write and not entry["updateable"]:
            return Finding(
                topic,
                False,
                f"{field.name} is to be written, but {topic} may not be edited",
                "grant edit access to the field",
            )
        return None

    def _entry(self, native: str, column: str) -> Mapping[str, Any] | None:
        parent, _, below = column.partition(".")
        if not below:
            return self.fields(native).get(column.lower())
        for field in self.fields(native).values():
            if field.get("relationshipName") == parent:
                return next((entry for to in field["referenceTo"] if (entry := self._entry(to, below))), None)
        return None

    def stage_values(self, name: str, one: ObjectMapping) -> Iterator[Finding]:
        """Compare the values that leadsync reads and writes with the picklist."""
        topic = f"{name} stages"
        entry = self._entry(one.native, one.stage.native[0])
        if entry is None:
            return
        active = {value["value"]: value for value in entry.get("picklistValues") or () if value.get("active", True)}
        if not active:
            yield Finding(
                topic,
                True,
                f"{one.native}.{one.stage.native[0]} is no picklist; any value can be written",
                warning=True,
            )
            return
        converted = self._converted() if name == "lead" else frozenset()
        missing = sorted(value for value in self._mapping.value_of_stage.values() if value not in active)
        if missing:
            yield Finding(
                topic,
                False,
                f"not in the picklist of {one.native}: {', '.join(missing)}",
                "add these values to the picklist, or map the stages to others",
            )
        forced = sorted(set(self._mapping.value_of_stage.values()) & converted)
        if forced:
            yield Finding(
                topic,
                False,
                f"only a conversion can set: {', '.join(forced)}",
                "map the stages to values that are not converted ones",
            )
        mapped = {
            *self._mapping.stage_of_value,
            *self._mapping.converted,
            *self._mapping.dispositions,
            *self._mapping.deprecated,
        }
        unmapped = sorted(value for value in active if value not in mapped)
        if unmapped:
            yield Finding(
                topic,
                False,
                f"in the picklist of {one.native} but not mapped: {', '.join(unmapped)}",
                "list them under stages:, dispositions: or deprecated:",
            )
        unlisted = sorted(converted - set(self._mapping.converted))
        if unlisted:
            yield Finding(
                topic,
                False,
                f"converted values that are not listed: {', '.join(unlisted)}",
                "list them under converted:",
            )
        if not (missing or forced or unmapped or unlisted):
            yield Finding(
                topic, True, f"all {len(active)} values of {one.native} are mapped, and every stage can be written"
            )

    def _converted(self) -> frozenset[str]:
        try:
            rows = _STATUS.decode(self._client.read(path(select(_STATUS.names, "LeadStatus")), "LeadStatus").body).rows
        except ObjectBlocked:
            return frozenset()
        return frozenset(value or label for label, value, converted in rows if converted)

    def companions(self) -> Iterator[Finding]:
        """Look at the fields of accounts, deals, campaigns and touches."""
        mapping = self._mapping
        for native, fields in (
            ("Account", mapping.account), ("Opportunity", mapping.opportunity), ("Campaign", mapping.campaign), ("User", mapping.user),
        ):  # fmt: skip
            for field in fields.values():
                yield from (
                    found for column in field.native if (found := self._field(native, column, field)) is not None
                )
        for touch in mapping.touches:
            tables = [table for table in (touch.channel, touch.investment, touch.response) if table]
            asked = [*person_columns(touch), *at_columns(touch), *(names(touch.when) if touch.when else ())]
            asked += [column for table in tables for column in table.native or ()]
            for column in dict.fromkeys(asked):
                found = self._field(touch.object, column, FieldMapping(f"touches.{touch.kind}", (column,)))
                if found is not None:
                    yield found
            for table in tables:
                yield from self._unlisted(touch.kind, touch.object, table)

    def _unlisted(self, kind: str, native: str, table: ValueMap) -> Iterator[Finding]:
        """Name the picklist values that a touch's table leaves out; such rows do not count."""
        if table.otherwise is not None or table.bands:
            return
        listed = {fold(value) for value in table.values}
        for column in table.native or ():
            entry = self._entry(native, column) or {}
            left = sorted(
                value["value"] for value in entry.get("picklistValues") or () if fold(value["value"]) not in listed
            )
            if left:
                yield Finding(
                    f"touches.{kind}", True, f"rows with {native}.{column} of {', '.join(left)} do not count",
                    "list the values, or give `otherwise:`", warning=True,
                )  # fmt: skip

    def campaigns(self) -> Iterator[Finding]:
        """Look whether the campaigns that people join while they wait are there."""
        wanted = sorted({one.campaign for one in self._mapping.nurture.values() if one.campaign})
        if not wanted:
            return
        query = select(_CAMPAIGN.names, "Campaign", where("Name IN {wanted}", wanted=wanted))
        try:
            rows = _CAMPAIGN.decode(self._client.read(path(query), "Campaign").body).rows
        except ObjectBlocked as error:
            yield Finding("nurture", False, str(error), "grant the integration user read access to campaigns")
            return
        if missing := [name for name in wanted if name.lower() not in {str(row[0]).lower() for row in rows}]:
            text = f"campaigns of nurture: that do not exist: {', '.join(missing)}; nobody can join them"
            yield Finding(
                "nurture", False, text, "create the campaigns, or correct the names in the mapping", warning=True
            )

    def users(self, wanted: Sequence[str]) -> Iterator[Finding]:
        """Look whether the users that rules name exist and are active."""
        known: dict[str, bool] = {}
        for start in range(0, len(wanted), 100):
            some = list(wanted[start : start + 100])
            query = select(_USER.names, "User", where("Username IN {some} OR Email IN {some}", some=some))
            try:
                answer = self._client.read(path(query), "User")
            except ObjectBlocked as error:
                yield Finding("users", False, str(error), "grant the integration user read access to users")
                return
            for username, email, active in _USER.decode(answer.body).rows:
                for key in filter(None, (username, email)):
                    known[key.lower()] = known.get(key.lower(), False) or bool(active)
        yield from named_users(wanted, known, "activate")
