"""What people read: answers computed from the ledger, never written to it."""
