"""Instants as the ledger keeps them: ISO 8601 UTC text in whole seconds, ending in Z.

The text sorts as the instants do, so SQL and conditions may compare it as it stands.
"""

from datetime import UTC, datetime


def to_text(at: datetime) -> str:
    """Return `2026-11-19T16:02:41Z` for an aware instant; fractions of a second are cut off."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_text(text: str) -> datetime:
    """Return the aware UTC instant that an ISO text names; a bare date is its midnight in UTC.

    Raises ValueError for anything else.
    """
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
