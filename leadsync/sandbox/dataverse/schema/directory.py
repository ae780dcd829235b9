"""Users, teams, business units, security roles, time zones, the organisation and its currency.

Dynamics knows no profiles: a profile or role of the store is a security role here. The store's queues are teams, and so
is each department.
"""

from collections.abc import Callable, Iterator

from leadsync.sandbox.dataverse.guids import guid_of, named_guid
from leadsync.sandbox.dataverse.schema import choices
from leadsync.sandbox.dataverse.schema.columns import (
    Collection,
    Column,
    Ref,
    Table,
    choice,
    derived,
    flag,
    integer,
    key,
    lookup,
    moment,
    table,
    text,
)
from leadsync.sandbox.dataverse.schema.common import stamps, versioned
from leadsync.sandbox.dataverse.view import View, is_live
from leadsync.sandbox.rows import Row, Value

EXPIRE_AFTER_DAYS = 7
_ROLES = {
    "Marketing User": "Marketing Professional", "Account Executive": "Salesperson", "Sales Manager": "Sales Manager",
    "Standard User": "Basic User",
}  # fmt: skip
_MARKETING_MACHINES = ("marketo@acme.example", "pardot@acme.example")
"""The connectors of the marketing platform: on Dynamics a machine is told by the role it was given."""
# Windows' names and Dataverse's codes of the time zones that the company's people live in.
_ZONES = {
    "UTC": (92, "UTC"), "Europe/Berlin": (110, "W. Europe Standard Time"), "Europe/Amsterdam": (110, "W. Europe Standard Time"),
    "Europe/Warsaw": (100, "Central European Standard Time"), "Europe/Lisbon": (85, "GMT Standard Time"),
    "Europe/London": (85, "GMT Standard Time"), "Europe/Paris": (105, "Romance Standard Time"),
    "Europe/Madrid": (105, "Romance Standard Time"), "America/New_York": (35, "Eastern Standard Time"),
    "America/Chicago": (20, "Central Standard Time"), "America/Los_Angeles": (4, "Pacific Standard Time"),
}  # fmt: skip


def _is_system(row: Row) -> bool:
    return bool(row["UserType"] == "AutomatedProcess")


def _user_name(view: View, row: Row) -> Value:
    return "SYSTEM" if _is_system(row) else row["Name"]


def _role_names(view: View, row: Row) -> list[str]:
    names = []
    for kind, field in (("Profile", "ProfileId"), ("UserRole", "UserRoleId")):
        held = view.row(kind, row[field]) if row[field] else None
        if held is not None:
            names.append(_ROLES.get(str(held["Name"]), str(held["Name"])))
    if row["Username"] in _MARKETING_MACHINES:
        names.append("Marketing Professional")
    return list(dict.fromkeys(names))


def _role(name: str) -> Ref:
    return Ref("role", named_guid("role", name))


def _roles_of(view: View, row: Row) -> Iterator[Row]:
    return (
        Row(roleid=_role(name).guid, name=name, businessunitid=view.business_unit) for name in _role_names(view, row)
    )


def _roles(view: View) -> Iterator[Row]:
    names = {name for user in view.box.store.rows("User") for name in _role_names(view, user)}
    return (Row(roleid=_role(name).guid, name=name, businessunitid=view.business_unit) for name in sorted(names))


def _user_roles(view: View) -> Iterator[Row]:
    for user in view.box.store.rows("User"):
        for name in _role_names(view, user):
            user_id = guid_of(user["Id"])
            yield Row(systemuserroleid=named_guid(user_id, name), systemuserid=user_id, roleid=_role(name).guid)


def _teams(view: View) -> Iterator[Row]:
    """Queues as they are in the store, then the departments."""
    store = view.box.store
    for group in store.tables["Group"].rows.values():
        if is_live(group):
            yield Row(
                teamid=group["guid"] or guid_of(group["Id"]), Name=group["Name"], teamtype=0, Email=group["Email"],
                createdon=group["CreatedDate"], modifiedon=group["LastModifiedDate"], businessunitid=view.business_unit,
                version=store.tables["Group"].versions[group["Id"]], Id=group["Id"],
            )  # fmt: skip
    for name in sorted({str(user["Department"]) for user in store.rows("User") if user["Department"]}):
        yield Row(teamid=_department(name), Name=name, teamtype=0, businessunitid=view.business_unit)


def _department(name: str) -> str:
    return named_guid("team", name)


def _memberships(view: View) -> Iterator[Row]:
    store = view.box.store
    for user in store.rows("User"):
        if user["Department"]:
            yield _membership(guid_of(user["Id"]), _department(str(user["Department"])))
    for member in store.rows("GroupMember"):
        user_ref = view.ref(member["UserOrGroupId"])
        team = view.ref(member["GroupId"])
        if user_ref is not None and team is not None and user_ref.table == "systemuser":
            yield _membership(user_ref.guid, team.guid)


def _membership(user: str, team: str) -> Row:
    return Row(teammembershipid=named_guid(user, team), systemuserid=user, teamid=team)


def _teams_of(view: View, row: Row) -> Iterator[Row]:
    user = view.guid(view.tables["systemuser"], row)
    mine = {held["teamid"] for held in _memberships(view) if held["systemuserid"] == user}
    return (team for team in _teams(view) if team["teamid"] in mine)


def _users_of(view: View, row: Row) -> Iterator[Row]:
    members = {held["systemuserid"] for held in _memberships(view) if held["teamid"] == row["teamid"]}
    return (user for user in view.rows(view.tables["systemuser"]) if guid_of(user["Id"]) in members)


def _zone(row: Row) -> tuple[int, str]:
    return _ZONES.get(str(row["TimeZoneSidKey"]), _ZONES["UTC"])


def _settings(view: View) -> Iterator[Row]:
    return (
        Row(systemuserid=guid_of(user["Id"]), timezonecode=_zone(user)[0], uilanguageid=1033, localeid=1033)
        for user in view.box.store.rows("User")
    )


def _zones(view: View) -> Iterator[Row]:
    return (
        Row(
            timezonedefinitionid=named_guid("timezone", code),
            timezonecode=code,
            standardname=name,
            userinterfacename=name,
        )
        for code, name in sorted(set(_ZONES.values()))
    )


SYSTEM_USER = table(
    "systemuser", "systemusers", "systemuserid", "fullname", "User", "Users", 8,
    (
        key("systemuserid", "User"), derived("text", "fullname", "Full Name", _user_name, source="Name"),
        text("firstname", "First Name", "FirstName"), text("lastname", "Last Name", "LastName", required=True),
        text("internalemailaddress", "Primary Email", "Email"),
        derived("text", "domainname", "User Name", lambda view, row: "" if _is_system(row) else row["Username"], source="Username",
                write=lambda view, row, value: {"Username": value}),
        derived("flag", "isdisabled", "Status", lambda view, row: not row["IsActive"], source="IsActive",
                write=lambda view, row, value: {"IsActive": not value}),
        derived("text", "azureactivedirectoryobjectid", "Microsoft Entra ID Object ID",
                lambda view, row: named_guid("entra", row["Id"])),
        derived("text", "applicationid", "Application ID",
                lambda view, row: named_guid("app") if row["Id"] == view.box.basics.integration else None),
        lookup("parentsystemuserid", "Manager", "systemuser", source="ManagerId"),
        derived("lookup", "businessunitid", "Business Unit", lambda view, row: view.business_unit, targets=("businessunit",)),
        text("title", "Title", "Title"), text("address1_country", "Country/Region", "Country"),
        derived("integer", "accessmode", "Access Mode", lambda view, row: 4 if row["Id"] == view.box.basics.integration else 0),
        *stamps(), versioned("systemuser"),
    ),
    kind="User",
    collections={
        "systemuserroles_association": Collection("role", rows=_roles_of),
        "teammembership_association": Collection("team", rows=_teams_of),
    },
)  # fmt: skip

TEAM = table(
    "team", "teams", "teamid", "name", "Team", "Teams", 9,
    (
        key("teamid", "Team"), text("name", "Team Name", "Name", 160, required=True), choice("teamtype", "Team Type", choices.TEAM_TYPE),
        lookup("businessunitid", "Business Unit", "businessunit"), text("emailaddress", "Email", "Email"),
        moment("createdon", "Created On"), moment("modifiedon", "Modified On"), versioned("team"),
    ),
    kind="Group", rows=_teams, writable=False,
    collections={"teammembership_association": Collection("systemuser", rows=_users_of)},
)  # fmt: skip


def _made_up(
    name: str,
    set_: str,
    id_: str,
    title: str,
    label: str,
    code: int,
    rows: Callable[[View], Iterator[Row]],
    *columns: Column,
) -> Table:
    return table(
        name,
        set_,
        id_,
        title,
        label,
        f"{label}s",
        code,
        (key(id_, label), *columns),
        rows=rows,
        writable=False,
        tracked=False,
    )


DIRECTORY: tuple[Table, ...] = (
    SYSTEM_USER, TEAM,
    _made_up("businessunit", "businessunits", "businessunitid", "name", "Business Unit", 10,
             lambda view: iter((Row(businessunitid=view.business_unit.guid, name="Acme", isdisabled=False),)),
             text("name", "Name"), flag("isdisabled", "Is Disabled"), lookup("parentbusinessunitid", "Parent Business", "businessunit")),
    _made_up("role", "roles", "roleid", "name", "Security Role", 1036, _roles, text("name", "Name"),
             lookup("businessunitid", "Business Unit", "businessunit")),
    _made_up("systemuserroles", "systemuserrolescollection", "systemuserroleid", "", "System User Role", 15, _user_roles,
             Column("systemuserid", "guid", "User"), Column("roleid", "guid", "Role")),
    _made_up("teammembership", "teammemberships", "teammembershipid", "", "Team Membership", 23, _memberships,
             Column("systemuserid", "guid", "User"), Column("teamid", "guid", "Team")),
    _made_up("usersettings", "usersettingscollection", "systemuserid", "", "User Settings", 150, _settings,
             integer("timezonecode", "Time Zone"), integer("uilanguageid", "UI Language"), integer("localeid", "Locale")),
    _made_up("timezonedefinition", "timezonedefinitions", "timezonedefinitionid", "standardname", "Time Zone", 4810, _zones,
             integer("timezonecode", "Code"), text("standardname", "Standard Name"), text("userinterfacename", "Name")),
    _made_up("organization", "organizations", "organizationid", "name", "Organization", 1019,
             lambda view: iter((Row(organizationid=view.organization, name="Acme", isauditenabled=True, languagecode=1033,
                                    expirechangetrackingindays=EXPIRE_AFTER_DAYS, maxuploadfilesize=5242880,
                                    basecurrencyid=view.currency),)),
             text("name", "Name"), flag("isauditenabled", "Auditing"), integer("languagecode", "Language"),
             integer("expirechangetrackingindays", "Days to Expire Change Tracking"), integer("maxuploadfilesize", "Max File Size"),
             lookup("basecurrencyid", "Currency", "transactioncurrency")),
    _made_up("transactioncurrency", "transactioncurrencies", "transactioncurrencyid", "currencyname", "Currency", 9105,
             lambda view: iter((Row(transactioncurrencyid=view.currency.guid, currencyname="Euro", isocurrencycode="EUR",
                                    currencysymbol="€"),)),
             text("currencyname", "Name"), text("isocurrencycode", "Code"), text("currencysymbol", "Symbol")),
)  # fmt: skip
