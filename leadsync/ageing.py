"""The daily round that writes ages in stage as numbers, where a mapping asks for it, within a budget of writes.

One round a day, in company time. It goes through the records in a fixed order, a slice in each complete cycle, and what the day's
budget does not cover is taken up the next day where it ended. Nobody is decided for it.
"""

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from leadsync.domain.ageing import group_of, is_asked_for, stage_age_write
from leadsync.domain.limits import Limit
from leadsync.domain.rulebook import Rulebook
from leadsync.ledger import Ledger
from leadsync.ledger.writer import PlanRows

SLICE = 5000
"""Records looked at in one cycle: so many are read in well under a second."""


def wish_ages(ledger: Ledger, rulebook: Rulebook, crm: str, budget: Limit, now: datetime) -> int:
    """Put the ages that are due into the outbox, at most what is left of the budget, and return how many.

    Once a day's round is over nothing is read until the next day.
    """
    objects = {name for name in rulebook.mappings[crm].objects if is_asked_for(rulebook.mappings[crm], name)}
    if not objects:
        return 0
    key, today = f"ageing:{crm}", now.astimezone(ZoneInfo(rulebook.company.zone)).date().isoformat()
    stored = ledger.meta(key)
    after, over = json.loads(stored) if stored else (0, None)
    spent = ledger.group_sizes(now - timedelta(days=1)).get(group_of(crm), 0)
    left = min(budget.per_cycle, budget.per_day - spent)
    if over == today or left <= 0:
        return 0
    rows = ledger.ageing(crm, after, SLICE)
    writes = []
    for row in rows:
        after = row.rid
        write = stage_age_write(row.ref, row.version, row.fields, now) if row.ref.object in objects else None
        if write is not None:
            writes.append(write)
        if len(writes) == left:
            break
    at_the_end = len(rows) < SLICE and (not rows or after == rows[-1].rid)
    ledger.commit(PlanRows(effects=tuple(writes)), now)
    ledger.set_meta(key, json.dumps((0, today) if at_the_end else (after, None)))
    return len(writes)
