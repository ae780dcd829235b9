"""What the ledger keeps of a record: the columns in their order, and the row of a record."""

from typing import Any

from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Record
from leadsync.ledger.codec import email_key, text, to_json
from leadsync.ledger.intake import Intake

CONTENT = (
    "stage_value", "stage", "owner_id", "assignee_id", "email_key", "created_at", "created_by", "modified_at",
    "modified_by", "stamp", "version", "state", "account_id", "converted_to", "converted_account_id",
    "converted_opportunity_id", "converted_on", "merged_into", "operation", "closed", "fields",
)  # fmt: skip
(
    STAGE_VALUE, STAGE, OWNER, ASSIGNEE, EMAIL_KEY, CREATED, CREATED_BY, MODIFIED, _MODIFIED_BY, STAMP, VERSION, STATE, ACCOUNT,
    CONVERTED_TO, _CONVERTED_ACCOUNT, _CONVERTED_DEAL, CONVERTED_ON, MERGED_INTO, OPERATION, CLOSED, FIELDS,
) = range(len(CONTENT))  # fmt: skip


def content(record: Record, mapping: CrmMapping) -> tuple[Any, ...]:
    """Return what the ledger keeps of a record, in the order of its columns; equal content is no change."""
    fields = record.fields
    value = record.stage_value
    return (
        value,
        mapping.stage_of_value.get(value) if value is not None else None,
        record.owner_id,
        fields.get("assignee"),
        email_key(fields.get("email")),
        text(record.created_at),
        record.created_by,
        text(record.modified_at),
        record.modified_by,
        text(record.stamp),
        record.version,
        record.state,
        record.account_id,
        record.converted_to,
        record.converted_account_id,
        record.converted_opportunity_id,
        record.converted_on,
        record.merged_into,
        record.operation,
        int(record.closed),
        to_json(fields),
    )


def end_of(row: tuple[Any, ...], known: str | None) -> str | None:
    """Return when a record ended; the instant of a conversion is worked out with its transitions."""
    match row[STATE]:
        case "live" | "out_of_scope":
            return None
        case "converted":
            return known
        case _:
            return known or str(row[MODIFIED])


def note_load(intake: Intake, row: tuple[Any, ...], step: int) -> None:
    """Count a row in or out of what its owner carries."""
    responsible = row[ASSIGNEE] or row[OWNER]
    if responsible and row[STATE] == "live" and row[STAGE] is not None:
        intake.loads[row[STAGE], responsible] += step
