"""The ledger: everything leadsync knows, in one SQLite file, and the only package that writes SQL to it."""

from leadsync.ledger.intake import Stored
from leadsync.ledger.ledger import Ledger
from leadsync.ledger.opening import open_ledger
from leadsync.ledger.writer import CommitCounts, PlanRows, TouchValue

__all__ = ["CommitCounts", "Ledger", "PlanRows", "Stored", "TouchValue", "open_ledger"]
