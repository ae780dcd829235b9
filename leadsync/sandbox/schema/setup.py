"""The objects that an administrator looks after: the organisation, users, queues, profiles, roles, permission sets."""

from leadsync.sandbox.schema.fields import Field, ObjectType, email, flag, lookup, moment, obj, picklist, text


def _name(length: int = 80) -> Field:
    return Field("Name", "Name", "string", length=length, required=True, nillable=False, name_field=True)


SETUP: tuple[ObjectType, ...] = (
    obj(
        "User", "User", "005",
        (
            text("Username", "Username", 80, required=True),
            text("LastName", "Last Name", 80, required=True),
            text("FirstName", "First Name", 40),
            Field("Name", "Full Name", "string", length=121, nillable=False, createable=False, updateable=False,
                  name_field=True),
            email("Email", "Email"),
            text("Alias", "Alias", 8),
            text("Title", "Title", 80),
            text("Department", "Department", 80),
            text("Country", "Country", 80),
            flag("IsActive", "Active"),
            lookup("UserRoleId", "Role ID", "UserRole"),
            lookup("ProfileId", "Profile ID", "Profile"),
            lookup("ManagerId", "Manager ID", "User"),
            picklist("UserType", "User Type", ("Standard", "CspLitePortal", "AutomatedProcess")),
            text("TimeZoneSidKey", "Time Zone", 40),
            text("LocaleSidKey", "Locale", 40),
            text("LanguageLocaleKey", "Language", 40),
            moment("LastLoginDate", "Last Login", read_only=True),
        ),
    ),
    obj("UserRole", "Role", "00E", (_name(), text("DeveloperName", "Developer Name"), lookup("ParentRoleId", "Parent", "UserRole")),
        writable=False),
    obj("Profile", "Profile", "00e", (_name(), text("UserType", "User Type")), writable=False),
    obj(
        "Group", "Group", "00G",
        (
            _name(40),
            text("DeveloperName", "Developer Name", 80),
            picklist("Type", "Type", ("Regular", "Queue", "Role", "Organization")),
            email("Email", "Email"),
            flag("DoesSendEmailToMembers", "Send Email to Members"),
        ),
    ),
    obj(
        "GroupMember", "Group Member", "011",
        (
            lookup("GroupId", "Group ID", "Group", required=True),
            lookup("UserOrGroupId", "User/Group ID", "User", "Group", required=True),
        ),
    ),
    obj("PermissionSet", "Permission Set", "0PS", (_name(), text("Label", "Label")), writable=False),
    obj(
        "PermissionSetAssignment", "Permission Set Assignment", "0Pa",
        (
            lookup("PermissionSetId", "Permission Set ID", "PermissionSet", required=True),
            lookup("AssigneeId", "Assignee ID", "User", required=True),
        ),
    ),
    obj(
        "RecordType", "Record Type", "012",
        (
            _name(),
            text("DeveloperName", "Record Type Name", 80),
            text("SobjectType", "Object Type"),
            flag("IsActive", "Active"),
        ),
        writable=False,
    ),
    obj(
        "Organization", "Organization", "00D",
        (
            _name(),
            text("InstanceName", "Instance Name"),
            flag("IsSandbox", "Is Sandbox"),
            moment("TrialExpirationDate", "Trial Expiration Date"),
            text("NamespacePrefix", "Namespace Prefix"),
            text("OrganizationType", "Edition"),
            text("TimeZoneSidKey", "Time Zone", 40),
            text("DefaultLocaleSidKey", "Locale", 40),
            text("LanguageLocaleKey", "Language", 40),
        ),
        writable=False,
    ),
)  # fmt: skip
