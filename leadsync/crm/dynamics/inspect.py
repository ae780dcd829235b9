"""`check --live` and `doctor` for Dynamics: does the environment have what the mapping names, and may we do what it says?

The description of a table shows every column, also one that a column security profile hides, so a column that is there
may still read as empty.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.metadata import Metadata, Table
from leadsync.crm.dynamics.odata import any_of, literal, path, portions
from leadsync.crm.dynamics.sources import AUDIT, tables_asked
from leadsync.crm.dynamics.stages import OPEN, REASON, STATE, StageValues, known_values
from leadsync.crm.dynamics.touches import CUSTOMER
from leadsync.crm.inspecting import named_users
from leadsync.crm.touching import columns_asked
from leadsync.domain.conditions import fold
from leadsync.domain.mapping import CrmMapping, FieldMapping, ObjectMapping, ValueMap
from leadsync.errors import ObjectBlocked
from leadsync.ports import Finding, Org

SKEW_SECONDS = 60
_UNTRACKED = (
    "switch on Track changes for the table (Power Apps, table, Advanced options); deletions are seen daily until then"
)


def inspect_org(
    client: Client, metadata: Metadata, mapping: CrmMapping, org: Org, users: Sequence[str], wall: datetime
) -> tuple[Finding, ...]:
    """Return one finding per thing looked at; a thing that cannot be looked at is a finding too."""
    metadata.forget()  # what is told must be what is there now
    metadata.load(tables_asked(mapping))
    look = _Look(client, metadata, mapping)
    findings = [
        Finding("org", True, f"organization {org.org_id} on {org.instance}, as user {org.user_id}"),
        look.clock(wall),
    ]
    for name, one in mapping.objects.items():
        findings += look.object(name, one)
        findings += look.stage_values(name, one)
        findings += look.history(name, one)
    findings += look.button()
    findings += look.companions()
    findings += look.tracking()
    findings += look.lists()
    findings += look.users(users)
    return tuple(findings)


class _Look:
    def __init__(self, client: Client, metadata: Metadata, mapping: CrmMapping) -> None:
        self._client, self._metadata, self._mapping = client, metadata, mapping

    def clock(self, wall: datetime) -> Finding:
        skew = abs((wall - self._client.now()).total_seconds())
        ok = skew <= SKEW_SECONDS
        text = f"this machine is {skew:.0f} s off the CRM's time"
        return Finding("clock", ok, text, "" if ok else "set this machine's clock by NTP", warning=not ok)

    def table(self, name: str) -> Table | str:
        """Return a table, or why there is none."""
        try:
            return self._metadata.table(name)
        except ObjectBlocked as error:
            return str(error)

    def object(self, name: str, one: ObjectMapping) -> Iterator[Finding]:
        """Look at a table with its mapped columns and whether it may be read."""
        table = self.table(one.native)
        if isinstance(table, str):
            yield Finding(
                name, False, table, f"grant the application user read access to {one.native}, or change `object:`"
            )
            return
        fields = [one.stage, one.owner, *one.fields.values()]
        fields += [FieldMapping(stage, (native,)) for stage, native in one.entered_from.items()]
        bad = [found for field in fields for native in field.native if (found := self._column(table, native, field))]
        yield from bad
        if not bad:
            yield Finding(name, True, f"{one.native}: all mapped columns are there with the rights they need")
        try:
            self._client.read(path(table.set, (table.key,), top=1), one.native)
        except ObjectBlocked as error:
            yield Finding(name, False, str(error), "grant the application user Read at organization level")

    def _column(self, table: Table, native: str, field: FieldMapping) -> Finding | None:
        topic = f"{table.name}.{native}"
        column = table.attributes.get(native)
        if column is None:
            spelled = next((name for name in table.attributes if name.lower() == native.lower()), None)
            if spelled:
                return Finding(topic, False, f"Dataverse spells it {spelled}", f"write {spelled} in the mapping")
            return Finding(
                topic, False, f"{field.name} is mapped to {topic}, which does not exist",
                "create the column (deploy/), or change the mapping",
            )  # fmt: skip
        if field.write and not (column.updateable or column.is_lookup or native in (STATE, REASON)):
            return Finding(
                topic,
                False,
                f"{field.name} is to be written, but {topic} may not be edited",
                "map it to another column",
            )
        return None

    def stage_values(self, name: str, one: ObjectMapping) -> Iterator[Finding]:
        """Compare the values that leadsync reads and writes with the options."""
        table, topic = self.table(one.native), f"{name} stages"
        column = table.attributes.get(one.stage.native[0]) if isinstance(table, Table) else None
        if column is None or not isinstance(table, Table):
            return
        if not column.options:
            text = f"{one.native}.{column.name} is no choice; any value can be written"
            yield Finding(topic, True, text, warning=True)
            return
        known = known_values(self._mapping)
        values = StageValues(known, column, table.attributes.get(STATE))
        missing = sorted(
            value
            for stage, value in self._mapping.value_of_stage.items()
            if values.native(value) is None and not (column.name == REASON and self._by_qualifying(values, value))
        )
        if missing:
            yield Finding(
                topic, False, f"no option of {one.native}.{column.name} that can be set: {', '.join(missing)}",
                "add these options, or map the stages to others",
            )  # fmt: skip
        unmapped = sorted(option.label for number, option in column.options.items() if values.text(number) not in known)
        if unmapped:
            yield Finding(
                topic, False, f"options of {one.native}.{column.name} that are not mapped: {', '.join(unmapped)}",
                "list them under stages:, dispositions: or deprecated:",
            )  # fmt: skip
        if not (missing or unmapped):
            yield Finding(
                topic,
                True,
                f"all {len(column.options)} options of {one.native} are mapped, and every stage can be written",
            )

    def _by_qualifying(self, values: StageValues, value: str) -> bool:
        """Say whether a status reason is only reached by qualifying or closing, which people do."""
        return any(
            values.text(number) == value and option.state != OPEN for number, option in values.column.options.items()
        )

    def history(self, name: str, one: ObjectMapping) -> Iterator[Finding]:
        """Say whether the stage is audited, and whether the audits may be read."""
        table = self.table(one.native)
        column = table.attributes.get(one.stage.native[0]) if isinstance(table, Table) else None
        if column is None or not isinstance(table, Table):
            return
        if table.audited is not True or column.audited is False:
            yield Finding(
                f"{name} history", True, f"changes of {one.native}.{column.name} are not audited: moves are dated by polls",
                "switch on auditing for the environment, the table and the column", warning=True,
            )  # fmt: skip
            return
        try:
            audits = path("audits", ("auditid",), f"objecttypecode eq {literal(one.native)}", top=1)
            self._client.read(audits, "audit")
        except ObjectBlocked as error:
            yield Finding(f"{name} history", False, str(error), "grant prvReadAuditSummary, or switch auditing off")
            return
        yield Finding(f"{name} history", True, f"changes of {one.native}.{column.name} are audited and can be read")

    def button(self) -> Iterator[Finding]:
        """Look whether the status reasons of the disqualify button are there."""
        button, lead = self._mapping.disqualify_button, self._mapping.objects.get("lead")
        table = self.table(lead.native) if lead else ""
        if button is None or not isinstance(table, Table) or REASON not in table.attributes:
            return
        missing = sorted(label for label in button.reasons if table.attributes[REASON].option(label) is None)
        if missing:
            text = f"status reasons of disqualify_button: that do not exist: {', '.join(missing)}"
            yield Finding("disqualify_button", False, text, "correct the names in the mapping", warning=True)

    def companions(self) -> Iterator[Finding]:
        """Look at the columns of accounts, deals, campaigns, users and touches."""
        mapping = self._mapping
        blocks: tuple[tuple[str, Mapping[str, FieldMapping]], ...] = (
            ("account", mapping.account), ("opportunity", mapping.opportunity), ("campaign", mapping.campaign),
            ("systemuser", mapping.user),
        )  # fmt: skip
        for native, fields in blocks:
            table = self.table(native)
            if isinstance(table, str):
                yield Finding(native, False, table, "grant the application user Read at organization level")
                continue
            for field in fields.values():
                yield from (found for column in field.native if (found := self._column(table, column, field)))
        for touch in mapping.touches:
            table = self.table(touch.object)
            topic = f"touches.{touch.kind}"
            if isinstance(table, str):
                yield Finding(topic, False, table, f"grant read access to {touch.object}, or change the mapping")
                continue
            for asked in dict.fromkeys([*touch.person, *touch.at, *columns_asked(touch)]):
                column = asked.split(".")[0]
                if column != CUSTOMER and (found := self._column(table, column, FieldMapping(topic, (column,)))):
                    yield found
            for value_map in filter(None, (touch.channel, touch.investment, touch.response)):
                yield from self._unlisted(topic, table, value_map)

    def _unlisted(self, topic: str, table: Table, value_map: ValueMap) -> Iterator[Finding]:
        """Name the options that a touch's table leaves out; such rows do not count."""
        if value_map.otherwise is not None or value_map.bands:
            return
        for native in value_map.native or ():
            column = table.attributes.get(native)
            listed = {fold(value) for value in value_map.values}
            options = column.options.values() if column else ()
            left = sorted(one.label for one in options if not listed & {fold(one.label), str(one.number)})
            if left:
                yield Finding(
                    topic, True, f"rows with {table.name}.{native} of {', '.join(left)} do not count",
                    "list the values, or give `otherwise:`", warning=True,
                )  # fmt: skip

    def tracking(self) -> Iterator[Finding]:
        """Name the tables whose changes have to be asked for by time."""
        names = [name for name in tables_asked(self._mapping) if name != AUDIT]
        tables = [found for name in names if isinstance(found := self.table(name), Table)]
        off = sorted(table.name for table in tables if not table.tracked)
        if off:
            yield Finding("change tracking", True, f"off for {', '.join(off)}", _UNTRACKED, warning=True)
        else:
            yield Finding("change tracking", True, f"on for all {len(tables)} tables")

    def lists(self) -> Iterator[Finding]:
        """Look whether the lists that people join while they wait are there."""
        wanted = sorted({one.marketing_list for one in self._mapping.nurture.values() if one.marketing_list})
        if not wanted:
            return
        try:
            rows = self._client.rows(path("lists", ("listname",), any_of("listname", map(literal, wanted))), "list")
        except ObjectBlocked as error:
            yield Finding("nurture", False, str(error), "grant the application user Read and Append on marketing lists")
            return
        if missing := [
            name for name in wanted if name.lower() not in {str(row.get("listname")).lower() for row in rows}
        ]:
            text = f"marketing lists of nurture: that do not exist: {', '.join(missing)}; nobody can join them"
            yield Finding("nurture", False, text, "create the lists, or correct the names in the mapping", warning=True)

    def users(self, wanted: Sequence[str]) -> Iterator[Finding]:
        """Look whether the users that rules name exist and are enabled."""
        known: dict[str, bool] = {}
        names = ("domainname", "internalemailaddress")
        try:
            for some in portions(list(wanted), 20):
                asked = " or ".join(any_of(name, map(literal, some)) for name in names)
                for row in self._client.rows(path("systemusers", (*names, "isdisabled"), asked), "systemuser"):
                    for key in filter(None, (row.get(name) for name in names)):
                        known[str(key).lower()] = known.get(str(key).lower(), False) or not row.get("isdisabled")
        except ObjectBlocked as error:
            yield Finding("users", False, str(error), "grant the application user Read on users")
            return
        yield from named_users(wanted, known, "enable")
