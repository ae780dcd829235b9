"""One-off jobs of operators: statuses remapped, statuses seeded, history filled in; each planned, applied and undone by hand.

A plan is a CSV that a person reads and edits (`plan_file.py`). What it proposes is `remapping.py` and `seeding.py`;
carrying it out, and undoing it, is `errand.py`.
"""
