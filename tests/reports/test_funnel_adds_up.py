"""Whatever stands in a CRM, the funnel report's lines add up to its live records, and what lies outside is named."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_facts import a_record
from report_facts import STATUS, Funnel, day

from leadsync.domain.records import Gone
from leadsync.domain.rulebook import Rulebook
from leadsync.ledger import open_ledger
from leadsync.reports.funnel import funnel

STRAY = (
    "Left Vmail",
    "Attempting Contact",
    "Hot",
    "Marketing Qualified",
    "Closed - Converted",
    "Whatever",
    "whatever",
    "",
    None,
)
rows = st.tuples(
    st.sampled_from(("lead", "contact")),
    st.sampled_from((*STATUS.values(), *STRAY)),
    st.sampled_from(("live", "live", "live", "converted", "out_of_scope", "deleted")),
    st.sampled_from(("ada@initech.example", "bob@initech.example", "test@acme.example")),
)


@settings(max_examples=150)
@given(st.lists(rows, max_size=25))
def test_the_lines_of_the_snapshot_add_up_to_the_live_records(
    rulebook: Rulebook, people: list[tuple[str, str | None, str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, open_ledger(Path(folder) / "ledger.db") as ledger:
        told = Funnel(ledger, rulebook)
        live: Counter[str] = Counter()
        for number, (name, value, state, email) in enumerate(people):
            record_id = told.new_id(name)
            record = a_record(
                record_id, value, object=name, created_at=day(0), modified_at=day(number), fields={"email": email},
                state="live" if state == "deleted" else state,
            )  # fmt: skip
            told.see(record, source=name, on=300)
            if state == "deleted":
                told.see(Gone(record.ref, day(310)), source=name, on=320)
            live[name] += state == "live"

        report = funnel(ledger.con, rulebook, day(400))

        snapshot, outside = report.tables[0], report.tables[1]
        *lines, total = snapshot.rows
        assert total[0] == "total"
        assert total[3:] == (live["lead"], live["contact"], live.total())
        assert tuple(sum(int(str(line[place])) for line in lines) for place in (3, 4, 5)) == total[3:]
        named = {(row[1], row[2]) for row in outside.rows}
        assert sum(int(str(row[5])) for row in outside.rows) == next(line[5] for line in lines if line[0] == "outside")
        assert ("lead", "Whatever") in named or all(
            (name, value, state) != ("lead", "Whatever", "live") for name, value, state, _ in people
        )
