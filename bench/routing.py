"""ROUTE: conditions of 200 rules, about 130 tried for each record, beside the floor of a plain loop over closures."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from bench.measure import Result, compared
from leadsync.domain.conditions import All, Condition, Test, fold, holds
from leadsync.domain.durations import Duration
from leadsync.domain.facts import PersonFacts
from leadsync.domain.records import Value

RECORDS = 2_000
QUICK_RECORDS = 200
RULES = 200
RUNS = 5
SEED = 3
NOW = datetime(2026, 11, 2, tzinfo=UTC)
COUNTRIES = tuple(f"C{number}" for number in range(60))
INDUSTRIES = ("manufacturing", "retail", "transport", "technology", "health", "energy")


def measure(*, quick: bool) -> Result:
    """Find the first rule that fits for every record with both, and see that they agree."""
    random = Random(SEED)
    wanted = [
        (frozenset(random.sample(COUNTRIES, 2)), random.choice(INDUSTRIES), random.choice((50, 200, 1000)))
        for _ in range(RULES)
    ]
    rules: list[Condition] = [
        All(
            (
                Test("country", "equals", tuple(sorted(map(fold, countries)))),
                Test("industry", "equals", industry),
                Test("employees", "at_least", size),
            )
        )
        for countries, industry, size in wanted
    ]
    records: list[dict[str, Value]] = [
        {
            "country": random.choice(COUNTRIES),
            "industry": random.choice(INDUSTRIES),
            "employees": random.choice((20, 100, 500, 5000)),
        }
        for _ in range(QUICK_RECORDS if quick else RECORDS)
    ]
    closures = [_closure(*one) for one in wanted]

    def ours() -> list[int]:
        found = []
        for fields in records:
            facts = PersonFacts(fields, now=NOW, after=_after)
            found.append(next((n for n, rule in enumerate(rules) if holds(rule, facts)), -1))
        return found

    def floor() -> list[int]:
        return [next((n for n, fits in enumerate(closures) if fits(fields)), -1) for fields in records]

    answer = ours()
    assert answer == floor()
    tried = sum(RULES if place < 0 else place + 1 for place in answer)
    figures = compared({"leadsync": ours, "floor: closures": floor}, RUNS)
    mine, plain = figures.values()
    return Result(
        "routing",
        f"{len(records)} records, {tried / len(records):.0f} rules tried for each",
        tuple(figures.values()),
        {"leadsync CPU / closures CPU": mine.cpu / plain.cpu, "us a record": 1e6 * mine.cpu / len(records)},
        ("conditions fold case and accents, take lists on either side and tell why they fail; the closures do not",),
    )


def _after(start: datetime, duration: Duration) -> datetime:
    return start + timedelta(seconds=duration.amount)


def _closure(countries: frozenset[str], industry: str, size: int) -> Callable[[dict[str, Value]], bool]:
    folded = frozenset(fold(country) for country in countries)

    def fits(fields: dict[str, Value]) -> bool:
        employees = fields["employees"]
        return (
            fold(str(fields["country"])) in folded
            and fields["industry"] == industry
            and isinstance(employees, int)
            and employees >= size
        )

    return fits
