"""What may be asked of an open ledger by whoever has it, also while another process writes it.

A question here needs nothing but the file; one that depends on what a process remembers is the `Ledger`'s.
"""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from leadsync.domain.effects import OutboxRow
from leadsync.domain.funnel import FunnelLaw
from leadsync.ledger import cycles, outbox, search, turns
from leadsync.ledger.adoption import adopted_rules
from leadsync.ledger.ageing import Ageing, ageing
from leadsync.ledger.bursts import HeldChange, held_changes
from leadsync.ledger.codec import optional_instant, optional_text, text
from leadsync.ledger.connection import guarded
from leadsync.ledger.meta import read_meta

if TYPE_CHECKING:
    # Only its name is needed: whoever reads a ledger need not load all rules.
    from leadsync.domain.daily import Waiter


class Reader:
    """An open ledger that is only asked; used by one thread at a time."""

    def __init__(self, con: sqlite3.Connection) -> None:
        self.con = con

    # Deciding

    @guarded
    def due(self, crm: str, now: datetime, limit: int | None = None) -> list[str]:
        """Return the persons whose time has come, the longest waiting first; whoever just changed comes before all."""
        return turns.due(self.con, crm, text(now), limit)

    @guarded
    def undecided(self, crm: str, limit: int, *, now: datetime | None = None) -> list[str]:
        """Return persons who wait for a decision without hurry: taken over at first sight, or decided by older rules.

        Whoever is due as of `now` is left to `due`; without it, whoever has a `wake_at` at all is.
        """
        return turns.undecided(self.con, crm, limit, optional_text(now))

    @guarded
    def ageing(self, crm: str, after: int, limit: int) -> Sequence[Ageing]:
        """Return the next live records whose age in stage may have to be written, in a fixed order."""
        return ageing(self.con, crm, after, limit)

    # Delivering

    @guarded
    def outbox(
        self,
        states: Sequence[str],
        *,
        now: datetime,
        kinds: Sequence[str] | None = None,
        crm: str | None = None,
        limit: int | None = None,
    ) -> list[OutboxRow]:
        """Return effects in these states whose `retry_at` has come, by priority and then by age.

        `kinds` are of write, membership, escalation and notice.
        """
        return outbox.read_outbox(self.con, states, now=now, kinds=kinds, crm=crm, limit=limit)

    @guarded
    def causes(self, seqs: Collection[int]) -> dict[int, str]:
        """Return what made us write each of these transitions, a rule's name mostly; others' moves are left out."""
        return outbox.causes(self.con, seqs)

    @guarded
    def held_changes(self) -> list[HeldChange]:
        """Return the mass changes that wait for their release."""
        return held_changes(self.con)

    @guarded
    def list_outbox(self, state: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Return rows of v_outbox, the newest first."""
        return search.outbox(self.con, state, limit)

    @guarded
    def group_sizes(self, since: datetime) -> dict[str, int]:
        """Return how many effects of each group were let go since an instant: held and overtaken ones do not count."""
        return outbox.group_sizes(self.con, text(since))

    @guarded
    def address(self, crm: str, user_id: str) -> str | None:
        """Return the e-mail address of a CRM user, None when there is no such user or address."""
        return search.address(self.con, crm, user_id)

    @guarded
    def waiters(self, crm: str) -> list["Waiter"]:
        """Return who has waited past the promised time, or since before going live."""
        from leadsync.ledger.waiters import read_waiters

        return read_waiters(self.con, crm)

    # Keeping book

    @guarded
    def meta(self, key: str) -> str | None:
        """Return a remembered value, None when there is none."""
        return read_meta(self.con, key)

    def go_live(self, crm: str) -> datetime | None:
        """Return since when things have effects in a CRM, None when nothing was ever delivered."""
        return optional_instant(self.meta(f"go_live:{crm}"))

    def recovery(self) -> str | None:
        """Return why nothing may be sent before `recover`: an older ledger was restored. None when all is well."""
        return self.meta("recovery")

    @guarded
    def adopted_rules(self, law: FunnelLaw, now: datetime) -> dict[str, datetime]:
        """Return since when the automatic rules of a law are in force as they are; a rule that the ledger does not know is new.

        Those that were there from the beginning are left out.
        """
        return adopted_rules(self.con, law, now)

    @guarded
    def first_looked(self, crm: str) -> datetime | None:
        """Return when the first cycle of a CRM started, None before it."""
        return cycles.first_looked(self.con, crm)

    @guarded
    def api_calls(self, crm: str, now: datetime) -> list[tuple[float, int]]:
        """Return the API requests that the cycles of the last day made, hour by hour: how many seconds ago, how many."""
        return cycles.api_calls(self.con, crm, now)

    # Looking things up

    @guarded
    def find(self, ref_text: str) -> list[tuple[str, str]]:
        """Return (crm, person id) of everybody whom a record id (15 or 18 letters, GUID), e-mail or person id names."""
        return search.find(self.con, ref_text)

    @guarded
    def history(self, person_id: str) -> list[dict[str, Any]]:
        """Return everything that happened to a person, in order, each with `at`, `what` and `text`."""
        return search.history(self.con, person_id)

    @guarded
    def counts(self) -> dict[str, dict[str, int]]:
        """Return rows by kind: records by state, persons, transitions, outbox by state, open clocks."""
        return search.counts(self.con)

    @guarded
    def stage_ids(self, crm: str, object_name: str) -> Iterator[tuple[str, datetime, str | None, str]]:
        """Yield (id, stamp, stage value, state) of every record of an object in order of id, to compare with the CRM."""
        return search.stage_ids(self.con, crm, object_name)
