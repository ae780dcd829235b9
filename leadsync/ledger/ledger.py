"""The ledger: one SQLite file that one process writes and anybody may read.

Every method that writes is one immediate transaction. What is behind each stands in its own module; here is who may,
in which order, and what is remembered between calls. What is merely asked stands in `reader.py`.
"""

import sqlite3
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from leadsync.domain.effects import Outcome
from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.situation import Directory, Situation
from leadsync.errors import LockHeld, WrongOrg
from leadsync.ledger import cycles, outbox, turns
from leadsync.ledger.adoption import adopt_rulebook
from leadsync.ledger.bursts import CameByItself, Crowds, hold_back, release_change
from leadsync.ledger.codec import optional_text, text
from leadsync.ledger.connection import guarded, writing
from leadsync.ledger.directory import DirectoryCache, read_directory
from leadsync.ledger.intake import Intake, Stored
from leadsync.ledger.lock import Lock
from leadsync.ledger.marks import Marks, forget_mark, mark_times, read_marks
from leadsync.ledger.meta import write_meta
from leadsync.ledger.pages import store_page
from leadsync.ledger.people import names_of, pids_of
from leadsync.ledger.postponed import are_postponed, make_indexes, postpone_indexes
from leadsync.ledger.reader import Reader
from leadsync.ledger.situations import read_situations
from leadsync.ledger.twins import twins_of
from leadsync.ledger.vanishing import WholeReads
from leadsync.ledger.writer import CommitCounts, PlanRows, rows_of, store_plan
from leadsync.ports import Mark, Page

if TYPE_CHECKING:
    # Only their names are needed: whoever reads a ledger need not load all rules.
    from leadsync.domain.plan import Plan
    from leadsync.domain.rulebook import Rulebook


class Ledger(Reader):
    """An open ledger, asked and written. Made by `open_ledger`; used by one thread at a time."""

    def __init__(self, path: Path, con: sqlite3.Connection, *, lock: Lock | None, epoch: int) -> None:
        super().__init__(con)
        self.path = path
        self.epoch = epoch
        self._lock = lock
        self._cache = DirectoryCache()
        self._crowds = Crowds()
        self._marks = Marks()
        self._whole_reads = WholeReads()

    def __enter__(self) -> "Ledger":
        """Return the ledger itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Fold the write-ahead log into the file, close it and give the lock back."""
        if self._lock is not None:
            # If it fails, the log stays beside the file and is read at the next start.
            with suppress(sqlite3.Error):
                self._write_marks()
                self.con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.con.close()
        if self._lock is not None:
            self._lock.release()

    # Observing

    @guarded
    def store(
        self,
        page: Page,
        mapping: CrmMapping,
        *,
        go_live_at: datetime | None,
        own_user_id: str,
        history: Collection[str],
    ) -> Stored:
        """Store one page with everything that follows from it, and its mark, in one transaction.

        `history` names the objects whose stage history the CRM keeps. Nothing is kept of a page that fails.
        """
        if self._marks.keep(mapping.crm, page):
            return Stored(0)
        intake = self._intake(page, mapping, go_live_at, own_user_id, frozenset(history))
        seen = self._whole_reads.follow(self.con, mapping.crm, page)
        try:
            with writing(self.con):
                self._marks.write(self.con)
                intake.next_rid = 1 + (self.con.execute("SELECT max(rid) FROM records").fetchone()[0] or 0)
                intake.next_seq = 1 + (self.con.execute("SELECT max(seq) FROM transitions").fetchone()[0] or 0)
                if intake.next_rid == 1 and page.source in ("lead", "contact"):
                    postpone_indexes(self.con)
                    self._cache.count_from_nothing(intake.crm)
                stored = store_page(intake, page, seen)
        except BaseException:
            self._cache.forget_all()
            raise
        self._whole_reads.stored(mapping.crm, page)
        if page.source in ("user", "queue"):
            self._cache.forget(mapping.crm)
        self._cache.note(intake)
        self._crowds.forget()
        return stored

    def _intake(
        self, page: Page, mapping: CrmMapping, go_live_at: datetime | None, own_user_id: str, history: frozenset[str]
    ) -> Intake:
        return Intake(
            con=self.con,
            mapping=mapping,
            crm=mapping.crm,
            read_at=text(page.read_at),
            go_live=optional_text(go_live_at),
            own_user_id=own_user_id,
            history=history,
            forced=frozenset(mapping.converted),
            next_rid=0,
            next_seq=0,
        )

    @guarded
    def marks(self, crm: str) -> dict[str, Mark]:
        """Return how far each source of a CRM is known to be complete."""
        self._write_marks()
        return read_marks(self.con, crm)

    @guarded
    def mark_times(self, crm: str) -> dict[str, datetime]:
        """Return when each source of a CRM was last known complete, in the CRM's time."""
        self._write_marks()
        return mark_times(self.con, crm)

    def _write_marks(self) -> None:
        if self._marks.waiting:
            with writing(self.con):
                self._marks.write(self.con)

    @guarded
    def rewind(self, crm: str, source: str) -> None:
        """Forget the mark of a source, so that it is read whole again."""
        with writing(self.con):
            self._marks.write(self.con)
            forget_mark(self.con, crm, source)

    # Deciding

    @guarded
    def twins_of(self, crm: str, person_ids: Sequence[str], shared: Collection[str]) -> list[str]:
        """Return who shares an e-mail with these persons and has to be decided along with them; no mailbox in `shared` counts."""
        if not self._indexed():
            return []
        pids = twins_of(self.con, crm, set(pids_of(self.con, person_ids).values()), shared)
        names = names_of(self.con, pids)
        return [names[pid] for pid in pids]

    def _indexed(self) -> bool:
        """Say whether records can be looked up, after making what a first load has put off if this process may."""
        if not are_postponed(self.con):
            return True
        if self._lock is None:
            return False
        with writing(self.con):
            make_indexes(self.con)
        return True

    @guarded
    def wake(self, person_ids: Collection[str]) -> None:
        """Make these persons due at once."""
        with writing(self.con):
            turns.wake(self.con, person_ids)

    @guarded
    def situations(
        self, crm: str, person_ids: Sequence[str], *, twins: bool = True, law: FunnelLaw | None = None,
        came_by_itself: CameByItself | None = None,
    ) -> list[Situation]:  # fmt: skip
        """Return the situations of these persons, in order; whoever has no record (any more) is left out.

        Mass changes and list imports are found by the numbers of the law; without a law none are looked for. Who
        `came_by_itself` is no part of an import, though no touch of theirs is stored.
        """
        self._indexed()
        return read_situations(
            self.con, crm, person_ids, twins=twins, law=law, crowds=self._crowds, came_by_itself=came_by_itself
        )

    @guarded
    def directory(self, crm: str, own_user_id: str, now: datetime) -> Directory:
        """Return users, queues, companies and loads of a CRM; loads count people in the routed stages of the rulebook."""
        return read_directory(self.con, self._cache, crm, own_user_id, now)

    @guarded
    def commit(self, plan: "Plan | PlanRows", now: datetime) -> CommitCounts:
        """Write what a batch of decisions came to, in one transaction."""
        rows = plan if isinstance(plan, PlanRows) else rows_of(plan)
        with writing(self.con):
            return store_plan(self.con, rows, now)

    # Delivering

    @guarded
    def claim(self, effect_ids: Sequence[str], now: datetime) -> list[str]:
        """Commit the intent to send these effects and return those that may be sent; only then may a byte leave.

        Raises LockHeld when a later process has taken the ledger over.
        """
        with writing(self.con):
            self._check_epoch()
            return outbox.claim(self.con, effect_ids, self.epoch, text(now))

    def _check_epoch(self) -> None:
        if self.con.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0] != str(self.epoch):
            raise LockHeld(f"{self.path} was taken over by another leadsync; this one stops")

    @guarded
    def finish(self, outcomes: Sequence[Outcome], now: datetime) -> int:
        """Write down what became of attempts; return how many effects that changed."""
        with writing(self.con):
            return outbox.finish(self.con, outcomes, now)

    @guarded
    def release(self, group_id: str, now: datetime) -> int:
        """Let the held effects of a group go, or the moves of a mass change; return how many."""
        with writing(self.con):
            return outbox.release(self.con, group_id) + release_change(self.con, group_id, text(now))

    @guarded
    def hold_back(self, group_ids: Sequence[str], law: FunnelLaw) -> int:
        """Hold what waits to be sent about earlier moves of these mass changes; return how many effects that are."""
        with writing(self.con):
            return sum(hold_back(self.con, group_id, law) for group_id in group_ids)

    @guarded
    def retry(self, effect_id: str) -> bool:
        """Give a dead or rejected effect another try; say whether there was such a one."""
        with writing(self.con):
            return outbox.retry(self.con, effect_id)

    @guarded
    def rescue(self) -> int:
        """Turn what earlier processes left as sent into unknown; return how many."""
        with writing(self.con):
            return outbox.rescue(self.con, self.epoch)

    @guarded
    def void_undelivered(self, now: datetime) -> int:
        """Supersede every effect that was never sent; return how many."""
        with writing(self.con):
            return outbox.void_undelivered(self.con, text(now))

    # Keeping book

    @guarded
    def set_meta(self, key: str, value: str | None) -> None:
        """Remember a value."""
        with writing(self.con):
            write_meta(self.con, key, value)

    def recovered(self) -> None:
        """Note that whoever operates leadsync has looked at what a restored ledger would send."""
        self.set_meta("recovery", None)

    def belong_to(self, crm: str, org_id: str) -> None:
        """Bind a CRM's name to an org at first sight; raises WrongOrg when it is another one than before."""
        known = self.meta(f"org:{crm}")
        if known is None and self._lock is not None:
            self.set_meta(f"org:{crm}", org_id)
        elif known is not None and known != org_id:
            raise WrongOrg(
                f"{crm}: the credentials lead to org {org_id}, this ledger belongs to org {known};"
                " mend url or credentials, or give the other org a ledger of its own"
            )

    def set_go_live(self, crm: str, at: datetime) -> None:
        """Remember since when things have effects; the first instant stays."""
        if self.go_live(crm) is None:
            self.set_meta(f"go_live:{crm}", text(at))

    @guarded
    def adopt_rulebook(self, rulebook: "Rulebook", now: datetime) -> bool:
        """Note the rulebook in force, and its stages for the views; say whether it is another one than before.

        Everybody is then decided anew under it, in slices (`undecided`), since any rule may have changed for anybody.
        """
        if self.meta("rulebook") == rulebook.hash:
            return False
        with writing(self.con):
            adopt_rulebook(self.con, rulebook.law, rulebook.hash, text(now))
        return True

    @guarded
    def begin_cycle(self, crm: str, started_at: datetime) -> int:
        """Note the start of a cycle and return its number."""
        with writing(self.con):
            return cycles.begin(self.con, crm, started_at)

    @guarded
    def end_cycle(
        self, cycle_id: int, finished_at: datetime, *, observed: int = 0, transitions: int = 0, decided: int = 0,
        delivered: int = 0, failed: int = 0, api_calls: int = 0,
    ) -> None:  # fmt: skip
        """Note the end of a cycle and what it did."""
        with writing(self.con):
            self._marks.write(self.con)
            cycles.end(
                self.con, cycle_id, finished_at, observed=observed, transitions=transitions, decided=decided,
                delivered=delivered, failed=failed, api_calls=api_calls,
            )  # fmt: skip
