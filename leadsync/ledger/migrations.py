"""The tables of the ledger, as numbered steps that only ever go forward. The views on them are `views.py`.

Instants are ISO text in UTC whole seconds, yes/no is 0 or 1, points are hundredths, lists and field values are JSON.
Facts (transitions, judgements, withdrawals, touches, assignments) are only added; triggers refuse the rest, but that a
legal verdict may become a flag.
A new step is appended below; a shipped one is never edited. `user_version` counts them.
"""

from sqlite_utils import Database, Migrations

from leadsync.domain.records import Opportunity
from leadsync.ledger.codec import from_data
from leadsync.ledger.first_tables import TABLES

steps = Migrations("ledger")

_FACTS = ("transitions", "withdrawals", "judgements", "assignments", "touches", "moves")
_TOUCH_FACTS = (
    "crm", "touch_id", "object", "record_id", "kind", "direction", "at", "channel", "investment", "response",
    "campaign", "campaign_id", "actor_id", "by", "source_id", "text",
)  # fmt: skip


@steps()
def m001_first(db: Database) -> None:
    """Create everything of the first release."""
    for statement in TABLES.split(";\n"):
        if statement.strip():
            db.execute(statement)
    for table in _FACTS:
        columns = f" OF {', '.join(_TOUCH_FACTS)}" if table == "touches" else ""
        for event, name in ((f"UPDATE{columns}", "update"), ("DELETE", "delete")):
            db.execute(
                f"CREATE TRIGGER {table}_no_{name} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are only ever added'); END"
            )
    db.execute("PRAGMA user_version=1")


@steps()
def m002_jobs(db: Database) -> None:
    """Create the book of one-off jobs: who did which step of which plan, and what came of it."""
    db.execute(
        "CREATE TABLE jobs ("
        " job_id INTEGER PRIMARY KEY,"
        " crm TEXT NOT NULL,"
        " plan_id TEXT NOT NULL,"
        " step TEXT NOT NULL CHECK (step = 'plan' OR step = 'apply' OR step = 'undo' OR step = 'backfill'),"
        " group_id TEXT NOT NULL,"  # of its effects in the outbox
        " operator TEXT NOT NULL,"
        " started_at TEXT NOT NULL,"
        " finished_at TEXT,"  # NULL: it was cut off, or is under way
        " counts TEXT"
        ") STRICT"
    )
    db.execute("CREATE INDEX jobs_by_group ON jobs (group_id)")
    db.execute("PRAGMA user_version=2")


@steps()
def m003_mass_changes(db: Database) -> None:
    """Note which mass changes were let go."""
    db.execute("CREATE TABLE releases (group_id TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT, WITHOUT ROWID")
    db.execute("CREATE INDEX judgements_by_bulk ON judgements (bulk_id) WHERE bulk_id IS NOT NULL")
    db.execute("PRAGMA user_version=3")


@steps()
def m004_automatic_rules(db: Database) -> None:
    """Note since when each automatic rule is in force as it is."""
    db.execute(
        "CREATE TABLE automatic_rules ("
        " name TEXT PRIMARY KEY,"
        " definition TEXT NOT NULL,"
        " adopted_at TEXT"  # NULL: it was there from the beginning
        ") STRICT, WITHOUT ROWID"
    )
    db.execute("PRAGMA user_version=4")


@steps()
def m005_accounts_of_deals(db: Database) -> None:
    """Keep the account of a deal where it can be asked for."""
    db.execute("ALTER TABLE opportunities ADD COLUMN account_id TEXT")
    rows = [
        (from_data(data, Opportunity).account_id, crm, deal_id)
        for crm, deal_id, data in db.execute("SELECT crm, id, data FROM opportunities").fetchall()
    ]
    db.conn.executemany("UPDATE opportunities SET account_id = ? WHERE crm = ? AND id = ?", rows)
    db.execute(
        "CREATE INDEX opportunities_open_by_account ON opportunities (account_id, crm)"
        " WHERE account_id IS NOT NULL AND outcome = 'open' AND deleted = 0"
    )
    db.execute("PRAGMA user_version=5")


@steps()
def m006_births_in_doubt(db: Database) -> None:
    """Let a legal verdict become a flag: a birth has a day to prove itself. All else of a judgement stays as it is."""
    db.execute("DROP TRIGGER judgements_no_update")
    db.execute(
        "CREATE TRIGGER judgements_no_update BEFORE UPDATE ON judgements"
        " WHEN OLD.verdict <> 'legal' OR NEW.verdict <> 'flagged' OR NEW.seq <> OLD.seq"
        " OR NEW.actor_roles <> OLD.actor_roles OR NEW.correction <> OLD.correction OR NEW.reason IS NOT OLD.reason"
        " OR NEW.bulk_id IS NOT OLD.bulk_id BEGIN SELECT RAISE(ABORT, 'judgements are only ever added'); END"
    )
    db.execute("PRAGMA user_version=6")


@steps()
def m007_closed_records(db: Database) -> None:
    """Keep whether the CRM closed a record; of those there it is known once they change."""
    db.execute("ALTER TABLE records ADD COLUMN closed INTEGER NOT NULL DEFAULT 0 CHECK (closed BETWEEN 0 AND 1)")
    db.execute("PRAGMA user_version=7")
