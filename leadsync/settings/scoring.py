"""mappings/scoring.yaml into `Scoring`: points in hundredths, a complete matrix, decay, titles."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

from leadsync.domain.conditions import fold
from leadsync.domain.scoring import Decay, Product, Scoring, Term
from leadsync.domain.titles import Titles
from leadsync.settings.checks import Checks
from leadsync.settings.loader import Node
from leadsync.settings.problems import count
from leadsync.settings.schema.scoring import DecaySpec, ScoreField, ScoringFile, TitleTables
from leadsync.settings.schema.scoring import Term as TermSpec
from leadsync.settings.schema.types import duration
from leadsync.settings.vocabulary import touches

FAMILIES = ("demographic", "firmographic", "account", "negative")
SELF = ("score", "band", "at_the_bar")
_BECAUSE = "the score cannot depend on itself"
DEFAULT_DECAY = Decay("half_life", 30.0)


def scoring(file: ScoringFile, tree: Node, checks: Checks) -> Scoring:
    """Return everything that scoring.yaml says."""
    behaviour, node = file.behavioural, tree.at("behavioural")
    checks.unique({part.place: str(part.value) for part in node.at("responses").parts()}, "the response")
    checks.all_exist(node.find("weak"), "the response", checks.names.responses)
    decays = {}
    for channel, spec in behaviour.decay.items():
        checks.exists(node.at("decay").key(channel), "the channel", channel, checks.names.touch_channels, "default")
        decays[channel] = _decay(spec, node.at("decay", channel), checks)
    default = decays.pop("default", DEFAULT_DECAY)
    families = {family: _family(family, getattr(file, family), tree, checks) for family in FAMILIES}
    vocabulary = touches(checks.names)
    return Scoring(
        score_from=_score_from(file, tree, checks),
        min_change=file.min_change,
        bands=_bands(file, tree, checks),
        caps=_caps(file, tree, checks),
        families=families,
        default_decay=default,
        decay_by_channel=decays,
        weak=frozenset(behaviour.weak),
        matrix=_matrix(file, node, checks),
        fast_lane=checks.conditions.other(tree.child("fast_lane"), vocabulary),
        products=tuple(
            Product(
                key,
                spec.label,
                checks.conditions.build(tree.at("products", key, "when"), vocabulary),
                _decay(spec.decay, tree.at("products", key, "decay"), checks) if spec.decay else default,
            )
            for key, spec in file.products.items()
        ),
        titles=_titles(file.titles, tree, checks),
    )


def _score_from(file: ScoringFile, tree: Node, checks: Checks) -> Literal["rules"] | tuple[str, float]:
    if not isinstance(file.score_from, ScoreField):
        return "rules"
    _number_field(file.score_from.field, tree.at("score_from", "field"), checks)
    if file.score_from.field == "score":
        checks.problems.add(
            tree.at("score_from", "field").place,
            '"score" is the field that leadsync writes',
            "fix: map the platform's field by another name in the CRM's mapping",
        )
    return (file.score_from.field, file.score_from.factor)


def _number_field(name: str, node: Node, checks: Checks) -> None:
    """Note a field that is not mapped, or is no number."""
    people = checks.conditions.people
    fields = {
        **(checks.names.fields or {}),
        **{f"account.{n}": k for n, k in (checks.names.account_fields or {}).items()},
    }
    if name in fields:
        if fields[name] not in ("number", "any"):
            checks.problems.add(
                node.place, f'"{name}" is no number field', "fix: give it type: number in the CRM's mapping"
            )
    elif people.whole:
        checks.problems.unknown(node.place, "the field", name, fields)


def _hundredths(points: float, node: Node, checks: Checks) -> int:
    exact = round(points * 100)
    if abs(points * 100 - exact) > 1e-6:
        checks.problems.add(node.place, f"points have at most two decimals, not {points:g}")
    return exact


def _family(family: str, terms: tuple[TermSpec, ...], tree: Node, checks: Checks) -> tuple[Term, ...]:
    found = []
    checks.unique({tree.at(family, i, "name").place: term.name for i, term in enumerate(terms)}, "the line")
    for index, spec in enumerate(terms):
        node = tree.at(family, index)
        if spec.field is not None:
            _number_field(spec.field, node.at("field"), checks)
            found.append(Term(spec.name, 0, None, spec.field, spec.factor or 0.0))
            continue
        points = _hundredths(spec.points or 0.0, node.at("points"), checks)
        if family == "negative" and points > 0:
            checks.problems.add(
                node.at("points").place,
                f"{spec.points:g} points stand under negative:, which only takes points away",
                "fix: write a negative number",
            )
        when = checks.conditions.person(node.child("when"), SELF, _BECAUSE)
        found.append(Term(spec.name, points, when))
    return tuple(found)


def _bands(file: ScoringFile, tree: Node, checks: Checks) -> tuple[tuple[int, str], ...]:
    bands = tuple(sorted((start, name) for name, start in file.bands.items()))
    node = tree.at("bands")
    for (start, name), (other_start, other) in pairwise(bands):
        if start == other_start:
            checks.problems.add(node.at(other).place, f'the bands "{name}" and "{other}" both begin at {start} points')
    if bands[0][0] != 0:
        checks.problems.add(
            tree.key("bands"),
            f"the lowest band begins at {bands[0][0]} points, so fewer have none",
            "fix: let one begin at 0",
        )
    return bands


def _caps(file: ScoringFile, tree: Node, checks: Checks) -> dict[str, int]:
    caps: dict[str, int] = {}
    for family in (*FAMILIES, "behavioural"):
        cap: float | None = getattr(file.caps, family)
        if cap is None:
            continue
        node = tree.at("caps", family)
        caps[family] = _hundredths(cap, node, checks)
        if cap > 0 and family == "negative":
            checks.problems.add(
                node.place, "the cap of negative: is the least it gives", "fix: write a negative number"
            )
        if cap < 0 and family != "negative":
            checks.problems.add(node.place, f"the cap of {family}: is the most it gives; it cannot be negative")
    return caps


def _decay(spec: DecaySpec, node: Node, checks: Checks) -> Decay:
    if spec.half_life is not None:
        return Decay("half_life", _days(spec.half_life.elapsed().total_seconds()))
    if spec.linear is not None:
        return Decay("linear", _days(spec.linear.elapsed().total_seconds()))
    steps = sorted((_days(duration(age).elapsed().total_seconds()), left) for age, left in (spec.step or {}).items())
    for (_, before), (_, after) in pairwise(steps):
        if after > before:
            checks.problems.add(node.at("step").place, "points only fade: a later step leaves more than an earlier one")
    return Decay("step", steps=tuple(steps))


def _days(seconds: float) -> float:
    return seconds / 86400


def _matrix(file: ScoringFile, node: Node, checks: Checks) -> dict[tuple[str, str, str], int]:
    responses = file.behavioural.responses
    channels = dict.fromkeys(channel for rows in file.behavioural.matrix.values() for channel in rows)
    cells: dict[tuple[str, str, str], int] = {}
    for investment, rows in file.behavioural.matrix.items():
        block = node.at("matrix", investment)
        for channel in channels:
            if channel not in rows:
                checks.problems.add(
                    node.at("matrix").key(investment),
                    f'the investment "{investment}" has no row for the channel "{channel}"',
                    f"fix: add {channel}: with {count(len(responses), 'cell')}, ~ for what cannot happen",
                )
        for channel, row in rows.items():
            inner = block.at(channel)
            if len(row) != len(responses):
                checks.problems.add(
                    inner.place,
                    f'the row "{channel}" of "{investment}" has {count(len(row), "cell")}, but there are '
                    f"{count(len(responses), 'response')}",
                    f"the columns are: {', '.join(responses)}",
                    "fix: one cell for each response, ~ for what cannot happen",
                )
            for index, (response, points) in enumerate(zip(responses, row, strict=False)):
                if points is not None:
                    cells[investment, channel, response] = _hundredths(points, inner.at(index), checks)
    return cells


def _titles(tables: TitleTables, tree: Node, checks: Checks) -> Titles:
    """Return the entries of all languages; one entry at two levels would make the level a matter of chance."""
    node = tree.at("titles", "seniority")
    levels: dict[str, tuple[str, ...]] = {}
    first: dict[str, str] = {}
    for level, languages in tables.seniority.items():
        for language, entries in languages.items():
            for index, entry in enumerate(entries):
                other = first.setdefault(fold(entry), level)
                if other != level:
                    checks.problems.add(
                        node.at(level, language, index).place,
                        f'the title "{entry}" stands under {level} and under {other}',
                        "fix: keep one, or make one of them longer",
                    )
        levels[level] = tuple(dict.fromkeys(entry for entries in languages.values() for entry in entries))
    functions: Mapping[str, tuple[str, ...]] = {name: tuple(dict.fromkeys(e)) for name, e in tables.function.items()}
    return Titles(levels, functions)
