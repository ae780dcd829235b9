"""All tables of the Web API, by logical name and by entity set."""

from leadsync.sandbox.dataverse.schema.activities import ACTIVITIES
from leadsync.sandbox.dataverse.schema.audits import AUDIT
from leadsync.sandbox.dataverse.schema.columns import Table
from leadsync.sandbox.dataverse.schema.directory import DIRECTORY
from leadsync.sandbox.dataverse.schema.parties import ACTIVITY_PARTY
from leadsync.sandbox.dataverse.schema.people import PEOPLE
from leadsync.sandbox.dataverse.schema.sales import SALES

TABLES: dict[str, Table] = {t.name: t for t in (*PEOPLE, *SALES, *ACTIVITIES, ACTIVITY_PARTY, *DIRECTORY, AUDIT)}
SETS: dict[str, Table] = {t.set: t for t in TABLES.values()}
