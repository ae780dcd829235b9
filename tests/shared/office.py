"""A company with its CRM in the sandbox and leadsync installed beside it, the same words for Salesforce and for Dynamics.

People act and tests look in leadsync's names: stages, fields, user names. Rows of Leads and Contacts are loaded and edited in
the CRM's own vocabulary, as its mapping spells it; what merely surrounds them (users, campaigns, tasks, deals) goes into the
sandbox's store, which both CRMs show in their own way. Keys are the CRM's ids.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import typer
from ledger_file import read_only, rows
from samples import ALL, Kind, sample_mapping, write_samples
from sandboxes import Sandbox
from typer.testing import CliRunner

from leadsync.cli import cli
from leadsync.cli.demo.stage import TO_THE_LOG
from leadsync.domain.mapping import FieldMapping
from leadsync.errors import LeadsyncError
from leadsync.sandbox.calls import Answer, Call, Dropped
from leadsync.sandbox.dataverse.guids import guid_of, record_of
from leadsync.sandbox.dataverse.schema.choices import LEAD_STATUS
from leadsync.sandbox.schema import object_of
from leadsync.sandbox.world.staff import QUEUES, STAFF, profile_of

Row = dict[str, Any]

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""A Monday morning."""

HISTORY = ["Lead.Status", "Lead.OwnerId", "Contact.Contact_Status__c", "Contact.OwnerId"]

ROLES = {"rep": "emil", "ldr": "ada", "marketing": "mia", "automation": "autoproc", "ops": "revops"}
"""Somebody for each role of the sample's actors; any user name of the staff will do as well."""

CONFIG = """\
company: {{name: Acme, zone: Europe/Berlin}}
crms:
  {crm}: {{kind: {crm}, url: {url}{tenant}}}
ledger: {{location: {location}}}
deliver: {deliver}
go_live_at: {go_live_at}
{to_the_log}logging: {{level: error}}
...
"""

CAMPAIGNS = {
    "web": "Other", "email": "Email", "phone": "Telemarketing", "webinar": "Webinar", "event": "Trade Show",
    "content": "Content", "ads": "Advertisement", "list": "List Purchase",
}  # fmt: skip
"""Campaign types by channel. Dynamics' sample knows email, phone and meeting (a trade show); all else is web there."""

RESPONSES = {
    "sent": "Sent", "clicked": "Clicked", "downloaded": "Downloaded", "registered": "Registered", "attended": "Attended",
    "replied": "Replied", "demo_request": "Demo Request", "contact_me": "Contact Me",
}  # fmt: skip
"""Member statuses by response. Dynamics' sample knows contact_me, demo_request and attended; all else is registered there."""


def iso(at: datetime) -> str:
    """Return an instant as the ledger's views write it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion made: keys of the contact, the account and the opportunity."""

    contact: str
    account: str
    opportunity: str | None


class Office(Sandbox):
    """The org, its people, and an operator's desk with leadsync's files and commands."""

    def __init__(
        self, folder: Path, kind: Kind, *, start: datetime = START, go_live_at: str = "2026-01-01T00:00:00Z",
        deliver: str = ALL, history: bool | None = None,
    ) -> None:  # fmt: skip
        """Begin with staff, queues and campaigns but nobody to sell to.

        `history` says whether the CRM keeps the history of stages and owners; None: of leads only, as the sandbox does.
        """
        super().__init__(start=start)
        self.kind, self.folder, self.mapping = kind, folder, sample_mapping(kind)
        self.said = ""
        self._made = 0
        self._users: dict[str, str] = {
            "admin": self.server.box.basics.admin,
            "leadsync": self.server.box.basics.integration,
        }
        self._campaigns: dict[str, str] = {}
        self._queues: dict[str, str] = {}
        self._found()
        if history is not None:
            self.keep_history(history)
        self.location = folder / "ledger" / "leadsync.db"
        write_samples(folder, kind, self.url)
        ready = self.server.ready()
        config = CONFIG.format(
            to_the_log=TO_THE_LOG, crm=kind, url=ready["url"], location=self.location, go_live_at=go_live_at, deliver=deliver,
            tenant=f", tenant: {ready['tenant']}" if kind == "dynamics" else "",
        )  # fmt: skip
        (folder / "config" / "leadsync.yaml").write_text(config, encoding="utf-8")
        self.env = {
            **os.environ,
            f"LEADSYNC_{kind.upper()}_CLIENT_ID": ready["client_id"],
            f"LEADSYNC_{kind.upper()}_CLIENT_SECRET": ready["client_secret"],
            "LEADSYNC_CONFIG": str(folder / "config" / "leadsync.yaml"),
            "LEADSYNC_MAPPINGS": str(folder / "mappings"),
            "LOGNAME": "ana",
        }

    def _found(self) -> None:
        """Hire the staff of the sample mappings and set up their queues and nurture campaigns."""
        since = iso(self.server.box.clock.now() - timedelta(days=400))
        profiles = sorted({profile_of(hire) for hire in STAFF} - {"System Administrator", "Integration User"})
        roles = sorted({hire.role for hire in STAFF if hire.role})
        found = self.put(
            Profile=[{"Name": name, "UserType": "Standard"} for name in profiles],
            UserRole=[{"Name": name, "DeveloperName": name.replace(" ", "_")} for name in roles],
            Group=[{"Name": name, "DeveloperName": name.replace(" ", "_"), "Type": "Queue"} for name in QUEUES[1:]],
            Campaign=[
                {"Name": f"Nurture - {name}", "Type": "Email", "Status": "In Progress", "IsActive": True}
                for name in ("stay in touch", "win back")
            ],
        )
        profile = {str(row["Name"]): str(row["Id"]) for row in self.server.box.store.rows("Profile")}
        role = dict(zip(roles, found["UserRole"], strict=True))
        self._queues = dict(zip(QUEUES, (self.server.box.basics.queue, *found["Group"]), strict=True))
        for hire in STAFF:
            first, _, last = hire.name.rpartition(" ")
            self._users[hire.user] = self.put(
                User=[
                    {
                        "Username": f"{hire.user}@acme.example", "Email": f"{hire.user}@acme.example", "FirstName": first,
                        "LastName": last, "ProfileId": profile[profile_of(hire)], "UserRoleId": role.get(hire.role),
                        "ManagerId": self._users.get(hire.manager), "TimeZoneSidKey": hire.zone, "Country": hire.country,
                        "Department": hire.team, "CreatedDate": since,
                        "UserType": "AutomatedProcess" if hire.user == "autoproc" else "Standard",
                    }
                ]
            )["User"][0]  # fmt: skip

    # The org: time, faults, and names

    @property
    def now(self) -> datetime:
        """The CRM's time, which moves only by `advance`."""
        return self.server.box.clock.now()

    def advance_to(self, at: datetime) -> None:
        """Let time pass up to an instant that is still to come."""
        self.advance((at - self.now).total_seconds())

    def keep_history(self, kept: bool) -> None:
        """Have the CRM keep the history of stages and owners of leads and contacts from now on, or none."""
        self.faults(history_fields=HISTORY if kept else [])

    def user(self, name: str) -> str:
        """Return the CRM's id of a user, named by role (rep, ldr, marketing, automation, ops, admin) or user name."""
        return self.key(self._users[ROLES.get(name, name)])

    def queue(self, name: str) -> str:
        """Return the CRM's id of a queue."""
        return self.key(self._queues[name])

    def key(self, record_id: str) -> str:
        """The CRM's id of a row of the store."""
        return record_id if self.kind == "salesforce" else guid_of(record_id)

    def _id(self, key: str) -> str:
        """The store's id of a row that the CRM calls so."""
        if self.kind == "salesforce":
            return key
        made = record_of(key)
        assert made is not None, key
        return made[0]

    def object_of(self, key: str) -> str:
        """Say what a key names: lead or contact."""
        kind = object_of(self._id(key))
        assert kind is not None
        return kind.name.lower()

    def _named(self, key: str) -> Row:
        return {"object": self.mapping.objects[self.object_of(key)].native, "id": key}

    # People of whom leadsync knows

    def load(self, object_name: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Create leads or contacts in one request and return their keys.

        Fields go by leadsync's names. `stage` is a stage of the funnel, `status` instead of it the CRM's own value; `owner`,
        `created_by` and `assignee` name users (an owner may be a queue), `account` is an account's key. Names and addresses
        differ unless given. `created_at` dates the record; where history is kept, Dynamics' audit still dates the first stage
        at the load, so to have people who have been somewhere for days, load them and `advance`.
        """
        native = self.mapping.objects[object_name].native
        found = self.control("load", **{native: [self._new(object_name, row) for row in rows]})
        keys: list[str] = found[native]
        return keys

    def lead(self, **fields: Any) -> str:
        return self.load("lead", [fields])[0]

    def contact(self, **fields: Any) -> str:
        return self.load("contact", [fields])[0]

    def leads(self, count: int, **fields: Any) -> list[str]:
        return self.load("lead", [fields] * count)

    def contacts(self, count: int, **fields: Any) -> list[str]:
        return self.load("contact", [fields] * count)

    def _new(self, object_name: str, given: Mapping[str, Any]) -> Row:
        self._made += 1
        n = self._made
        fields: Row = {"last_name": f"Person{n}", "email": f"p{n}@firm{n}.example"}
        if object_name == "lead":
            fields["company"] = f"Firm {n}"
            if "status" not in given:
                fields["stage"] = "inquiry"
        return self._native(object_name, {**fields, **given})

    def _native(self, object_name: str, fields: Mapping[str, Any]) -> Row:
        """Fields by the CRM's names, values in its words."""
        account = "AccountId" if self.kind == "salesforce" else "parentcustomerid"
        return {
            account if name == "account" else self._field(object_name, name).native[0]: self._worded(name, value)
            for name, value in fields.items()
        }

    def _worded(self, name: str, value: Any) -> Any:
        match name:
            case "stage" if value is not None:
                return self.mapping.value_of_stage[value]
            case "owner" | "created_by" | "assignee" if value is not None:
                return self.queue(value) if value in self._queues else self.user(value)
            case _:
                return iso(value) if isinstance(value, datetime) else value

    def _field(self, object_name: str, name: str) -> FieldMapping:
        """Where leadsync finds a field in this CRM; `status` is the stage field by its raw value."""
        mapping = self.mapping.objects[object_name]
        return {"stage": mapping.stage, "status": mapping.stage, "owner": mapping.owner}.get(name) or mapping.fields[
            name
        ]

    def edit(self, key: str, by: str = "admin", at: datetime | None = None, **fields: Any) -> None:
        """Change a record as a person does; an instant in the past is possible only before the first look."""
        when = {} if at is None else {"at": iso(at)}
        native = self._native(self.object_of(key), fields)
        self.control("edit", **self._named(key), fields=native, by=self.user(by), **when)

    def convert(
        self, lead: str, *, by: str = "rep", contact: str | None = None, account: str | None = None,
        opportunity: bool = False, owner: str | None = None, status: str | None = None,
    ) -> Converted:  # fmt: skip
        """Convert a lead, into a new contact or the one given, with or without an opportunity.

        `status` is the converted status that Salesforce shows afterwards; Dynamics has but one.
        """
        found = self.control(
            "convert", lead=lead, contact=contact, account=account, opportunity=opportunity, by=self.user(by),
            owner=None if owner is None else self.user(owner), status=status,
        )  # fmt: skip
        return Converted(found["contact"], found["account"], found["opportunity"])

    def merge(self, winner: str, *losers: str, by: str = "admin") -> None:
        self.control(
            "merge", object=self._named(winner)["object"], master=winner, losers=list(losers), by=self.user(by)
        )

    def delete(self, key: str, by: str = "admin") -> None:
        self.control("delete", **self._named(key), by=self.user(by))

    def undelete(self, key: str, by: str = "admin") -> None:
        self.control("undelete", **self._named(key), by=self.user(by))

    def set_user(self, name: str, *, active: bool) -> None:
        """Deactivate a user, or take them back."""
        self.control("edit", object="User", id=self._users[ROLES.get(name, name)], fields={"IsActive": active})

    # What surrounds them

    def account(self, name: str, *, domain: str | None = None, owner: str = "admin", **fields: Any) -> str:
        """Create an account and return its key; further fields by the store's names (Type, Industry)."""
        site = {"Website": f"https://www.{domain}"} if domain else {}
        row = {"Name": name, "OwnerId": self._users[ROLES.get(owner, owner)], **site, **fields}
        return self.key(self.put(Account=[row])["Account"][0])

    def respond(
        self, *keys: str, response: str = "registered", channel: str = "web", campaign: str | None = None
    ) -> list[str]:
        """Have people respond to a campaign of a channel now; returns the members' ids in the store."""
        name = campaign or f"Campaign: {channel}"
        if name not in self._campaigns:
            row = {"Name": name, "Type": CAMPAIGNS[channel], "Status": "In Progress", "IsActive": True}
            self._campaigns[name] = self.put(Campaign=[row])["Campaign"][0]
        rows = [
            {
                "CampaignId": self._campaigns[name], "Status": RESPONSES[response],
                "LeadId" if self.object_of(key) == "lead" else "ContactId": self._id(key),
            }
            for key in keys
        ]  # fmt: skip
        return self.put(CampaignMember=rows)["CampaignMember"]

    def call(self, key: str, by: str = "ldr", *, inbound: bool = False) -> None:
        """Have somebody finish a phone call with a person now."""
        self._activity(
            "Task", key, by, Subject="Call", Status="Completed", TaskSubtype="Call",
            CallType="Inbound" if inbound else "Outbound", CompletedDateTime=iso(self.now),
        )  # fmt: skip

    def meet(self, key: str, by: str = "rep", *, minutes: int = 30) -> None:
        """Have somebody put a meeting with a person into the CRM that begins now; it is held when its time has passed."""
        self._activity(
            "Event", key, by, Subject="Meeting", StartDateTime=iso(self.now),
            EndDateTime=iso(self.now + timedelta(minutes=minutes)),
        )  # fmt: skip

    def _activity(self, kind: str, key: str, by: str, **fields: Any) -> None:
        who = self._users[ROLES.get(by, by)]
        self.put(
            **{kind: [{"WhoId": self._id(key), "OwnerId": who, "CreatedById": who, "LastModifiedById": who, **fields}]}
        )

    def deal(self, contact: str, *, amount: float = 10_000, owner: str = "rep") -> str:
        """Open an opportunity for a contact and return its id in the store."""
        who = self._users[ROLES.get(owner, owner)]
        held = self._held(contact)
        made = self.put(
            Opportunity=[
                {
                    "Name": "Deal", "AccountId": held["AccountId"], "ContactId": self._id(contact), "OwnerId": who,
                    "StageName": "Prospecting", "Amount": amount, "CloseDate": f"{self.now + timedelta(days=60):%Y-%m-%d}",
                }
            ]
        )["Opportunity"][0]  # fmt: skip
        role = {"OpportunityId": made, "ContactId": self._id(contact), "IsPrimary": True}
        self.put(OpportunityContactRole=[role])
        return made

    def close_deal(self, deal: str, *, won: bool) -> None:
        """Win or lose an opportunity now."""
        fields = {"StageName": "Closed Won" if won else "Closed Lost", "CloseDate": f"{self.now:%Y-%m-%d}"}
        self.control("edit", object="Opportunity", id=self._stored(deal), fields=fields)

    def _stored(self, key: str) -> str:
        return key if len(key) == 18 else self._id(key)

    # What the CRM shows

    def row(self, key: str) -> Row:
        """Return a Lead or Contact as it stands in the CRM, by leadsync's names, with `status` (raw) and `stage`."""
        name = self.object_of(key)
        held = self._held(key)
        words = sample_mapping("salesforce").objects[name]
        row = {field: held[one.native[0]] for field, one in words.fields.items() if "." not in one.native[0]}
        value = held[words.stage.native[0]]
        if value is not None:
            value = self.shown(value)
        return {**row, "status": value, "stage": self.mapping.stage_of_value.get(value or ""), "owner": held["OwnerId"]}

    def shown(self, status: str) -> str:
        """Return what the CRM calls a status of the store."""
        return status if self.kind == "salesforce" else LEAD_STATUS.called.get(status, status)

    def _held(self, key: str) -> Row:
        held = self.server.box.store.get(self.object_of(key).title(), self._id(key))
        assert held is not None, key
        return held

    def stage(self, key: str) -> str | None:
        """Return the stage that a record shows, None for a blank or an unmapped value."""
        found: str | None = self.row(key)["stage"]
        return found

    def owner(self, key: str) -> str:
        """Return whose record it is: a user name of the staff, admin, or a queue's name."""
        names = {made: name for name, made in (*self._users.items(), *((n, q) for n, q in self._queues.items()))}
        return names[self.row(key)["owner"]]

    def stages(self, keys: Iterable[str]) -> Counter[str | None]:
        return Counter(self.stage(key) for key in keys)

    def writes(self, name: str = "stage", key: str | None = None) -> list[Any]:
        """Return every change of a field that leadsync made, in one record or in all; each has id, at, old, new."""
        basics, wanted = self.server.box.basics, self._id(key) if key else None
        fields = {
            ("Lead" if one == "lead" else "Contact", self._sf(one, name)) for one in ("lead", "contact")
        }  # fmt: skip
        return [
            change
            for change in list(self.server.box.store.truth)
            if (change.object, change.field) in fields and change.by == basics.integration
            and wanted in (None, change.id)
        ]  # fmt: skip

    def writes_per_record(self, name: str = "stage") -> Counter[str]:
        """Return how often leadsync wrote a field, by key."""
        return Counter(self.key(change.id) for change in self.writes(name))

    def _sf(self, object_name: str, name: str) -> str:
        words = sample_mapping("salesforce").objects[object_name]
        own = {"stage": words.stage, "status": words.stage, "owner": words.owner}
        return (own.get(name) or words.fields[name]).native[0]

    # The installation

    def edit_mapping(self, name: str, old: str, new: str) -> None:
        """Replace a text in mappings/NAME.yaml; `crm` is the CRM's own file. The text must be there once."""
        self._replace(self.folder / "mappings" / f"{self.kind if name == 'crm' else name}.yaml", old, new)

    def edit_config(self, old: str, new: str) -> None:
        self._replace(self.folder / "config" / "leadsync.yaml", old, new)

    def _replace(self, path: Path, old: str, new: str) -> None:
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path.name} has {text.count(old)} times: {old}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *words: str, expect: int = 0) -> Any:
        """Run a command in this process and return its JSON, None without any; an unexpected end fails the test."""
        code, out = self.attempt(*words)
        assert code == expect, f"{words}: {code}\n{self.said}"
        return json.loads(out) if "--json" in words and out else None

    def attempt(self, *words: str, cli: typer.Typer = cli) -> tuple[int, str]:
        """Run a command however it ends; return its exit code and its data. All it said is in `said`."""
        result = CliRunner().invoke(cli, list(words), env=self.env)
        error = result.exception
        self.said = "\n".join((result.output, str(error), *getattr(error, "problems", ())))
        if error is not None and not isinstance(error, (LeadsyncError, SystemExit)):
            self.said += "".join(traceback.format_exception(error))
        code = error.exit_code if isinstance(error, LeadsyncError) else result.exit_code
        return code, result.stdout

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command as a process of its own."""
        code = "from leadsync.cli import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, *words], env=self.env, cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def kill_after(self, count: int, *words: str) -> None:
        """Start a command and kill it over the answer to the request by which it has set so many statuses."""
        store, front = self.server.box.store, self.server.front
        seen, answer = len(store.truth), front.answer

        def watch(call: Call) -> Answer | Dropped:
            found = answer(call)
            # Whatever changes now is leadsync's doing: nobody else acts meanwhile.
            if sum(1 for change in store.truth[seen:] if change.field == "Status") >= count:
                process.kill()
            return found

        with mock.patch.object(front, "answer", watch):
            process = self.start(*words)
            process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL

    def sync(self, *words: str, expect: int = 0) -> Any:
        """Let a minute pass and run one cycle."""
        self.advance()
        return self.run("sync", "--json", *words, expect=expect)

    def report(self, name: str, *words: str) -> dict[str, list[Row]]:
        """Return the tables of a report by name, each as its rows by column."""
        tables: dict[str, list[Row]] = self.run("report", name, "--json", *words)["tables"]
        return tables

    # The ledger

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return rows(self.location, sql, *values)

    def view(self, name: str, **where: object) -> list[Row]:
        """Return the rows of a view, or of those that fit; v_transitions in their order."""
        terms = " AND ".join(f"{column} IS ?" for column in where) or "1"
        order = {"v_transitions": " ORDER BY seq", "v_spans": " ORDER BY person_id, entered_at"}.get(name, "")
        with read_only(self.location) as con:
            con.row_factory = sqlite3.Row
            found = con.execute(f"SELECT * FROM {name} WHERE {terms}{order}", tuple(where.values()))
            return [dict(row) for row in found]

    def person(self, key: str) -> Row:
        """Return the row of v_people of one record."""
        [row] = self.view("v_people", record_id=key)
        return row

    def transitions(self, key: str) -> list[Row]:
        return self.view("v_transitions", record_id=key)

    def moves(self, key: str) -> list[tuple[str | None, str | None, str]]:
        """Return the transitions of one record, short: from, to, verdict."""
        return [(row["from_stage"], row["to_stage"], row["verdict"]) for row in self.transitions(key)]

    def counts(self) -> Counter[str | None]:
        """Return how many live records the ledger has in each stage."""
        return Counter(row["stage"] for row in self.view("v_people", state="live"))

    def notices(self, notice: str) -> list[Row]:
        """Return the messages of one kind (put_back, reason_missing, insisted) that were sent, one row per recipient."""
        rows = [{**row, **json.loads(row["fields"])} for row in self.view("v_outbox", kind="notice", state="applied")]
        return [row for row in rows if row["notice"] == notice]

    def stage_writes(self, key: str) -> list[str]:
        """Return the statuses that leadsync wrote into one record by v_outbox, in order, however they ended."""
        rows = sorted(self.view("v_outbox", kind="write", record_id=key), key=lambda row: str(row["decided_at"]))
        return [fields["stage"] for row in rows if "stage" in (fields := json.loads(row["fields"]))]

    def verdicts(self) -> Counter[str | None]:
        """Return how many transitions there are of each verdict."""
        return Counter(row["verdict"] for row in self.view("v_transitions"))

    def line(self, key: str) -> list[tuple[str | None, str, str | None]]:
        """Return the spans of a record's person: stage, entered, left."""
        rows = self.view("v_spans", person_id=self.person(key)["person_id"])
        return [(row["stage"], row["entered_at"], row["left_at"]) for row in rows]

    def broken_lines(self) -> list[str]:
        """Return what is wrong with v_spans: a gap, an overlap, an open end of nobody alive, a person without a line."""
        wrong: list[str] = []
        alive = {row["person_id"]: row["state"] in ("live", "out_of_scope") for row in self.view("v_people")}
        for row in self.view("v_people"):
            alive[row["person_id"]] |= row["state"] in ("live", "out_of_scope")
        spans: dict[str, list[Row]] = {person: [] for person in alive}
        for span in self.view("v_spans"):
            spans[span["person_id"]].append(span)
        for person, line in spans.items():
            ends = [span["left_at"] for span in line]
            begins = [span["entered_at"] for span in line]
            if (
                not line
                or ends[:-1] != begins[1:]
                or any(end and end <= at for at, end in zip(begins, ends, strict=True))
            ):
                wrong.append(f"{person}: {list(zip(begins, ends, strict=True))}")
            elif (ends[-1] is None) is not alive[person]:
                wrong.append(f"{person} is {'alive' if alive[person] else 'gone'}, but the line ends {ends[-1]}")
        return wrong

    def nurtured(self, key: str) -> set[str]:
        """Return the nurture campaigns (Dynamics: lists) in which a person is."""
        names = {str(row["Id"]): str(row["Name"]) for row in self.server.box.store.rows("Campaign")}
        held = "LeadId" if self.object_of(key) == "lead" else "ContactId"
        members = self.server.box.store.rows("CampaignMember")
        found = {names[row["CampaignId"]] for row in members if row[held] == self._id(key)}
        return {name for name in found if name.startswith("Nurture - ")}

    def asked_of(self, key: str) -> list[str]:
        """Return every request but reads that named a record since the last look at the requests, and its answer."""
        return [
            f"{line['method']} {line['path']}: {line['status']}"
            for line in self.requests()
            if line["method"] != "GET" and key in str(line["path"])
        ]
