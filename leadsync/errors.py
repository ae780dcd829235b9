"""Every error leadsync raises on purpose, sorted by who must act.

A message says what, where, and what to do next; it never holds an e-mail address, a phone number, a secret or a body.
"""


class LeadsyncError(Exception):
    """Any failure that leadsync understands; `exit_code` is the command line's (design.md 6)."""

    exit_code = 1


class ConfigError(LeadsyncError):
    """The operator must mend a file or an environment variable. `problems` are whole lines, file:line:column first."""

    exit_code = 2

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class LockHeld(LeadsyncError):
    """Another process writes this ledger."""

    exit_code = 3


class WrongOrg(LeadsyncError):
    """The credentials lead to another org than the one this ledger belongs to."""

    exit_code = 4


class StorageFailed(LeadsyncError):
    """The ledger cannot be read or written; somebody must look at the disk."""

    exit_code = 5


class CrmAuthFailed(LeadsyncError):
    """The CRM refuses the credentials; somebody must mend them. Never retried in a loop."""

    exit_code = 6


class LimitExceeded(LeadsyncError):
    """A safety limit holds effects back; the operator must look."""

    exit_code = 7


class CrmUnavailable(LeadsyncError):
    """Time heals it: the CRM is down, busy, or answered something that is no answer."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CrmBudgetExhausted(CrmUnavailable):
    """The org's daily calls, or leadsync's share of them, are used up."""


class ObjectBlocked(LeadsyncError):
    """One object cannot be read as mapped (field gone, no right); the others go on. The message names the fix."""


class CrmRejected(LeadsyncError):
    """The CRM refuses this record's values; someone must fix the record or the mapping."""


class CrmConflict(LeadsyncError):
    """Somebody changed the record first: re-read and decide again."""


class OutcomeUnknown(LeadsyncError):
    """A write was sent and nobody knows whether it was applied: read before anything is sent again."""


class ChannelFailed(LeadsyncError):
    """A message was not accepted; `permanent` says that trying again is no use."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent
