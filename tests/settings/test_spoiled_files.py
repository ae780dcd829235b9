"""Whatever becomes of a file on disk, the answer is a Rulebook or a list of problems, never a crash."""

import re
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from leadsync.settings.build import build
from leadsync.settings.lists import Beside
from leadsync.settings.loader import Node, parse
from leadsync.settings.names import Trees
from leadsync.settings.problems import Problems
from leadsync.settings.write import sample

FILES = {
    "config": "config/leadsync.yaml",
    **{name: f"mappings/{name}.yaml" for name in ("funnel", "scoring", "routing", "sla", "calendars", "salesforce")},
}
PIECES = (
    "~",
    "[]",
    "{}",
    "-1",
    "0d",
    "99999999999999999999d",
    "x: y",
    "{a: b}",
    "[icp]",
    "true",
    "",
    "é",
    "'",
    "\t",
    "{",
    "#",
    "1e5",
    "owner",
    "none",
    "maql",
)


@cache
def tree(name: str) -> Node:
    node = parse(FILES[name], sample(FILES[name]).encode(), Problems())
    assert node is not None
    return node


@cache
def values(name: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(r"[^\s,:{}\[\]#\"]+", sample(FILES[name]))]


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a file with some words replaced, deleted or repeated, or with raw bytes changed."""
    name = draw(st.sampled_from(sorted(FILES)))
    text = sample(FILES[name])
    spans = draw(st.lists(st.sampled_from(values(name)), min_size=1, max_size=3, unique=True))
    for start, end in sorted(spans, reverse=True):
        piece = draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)))
        text = text[:start] + piece + text[end:]
    content = bytearray(text.encode("utf-8", "surrogatepass"))
    if draw(st.integers(0, 3)) == 0:
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return name, bytes(content)


@settings(max_examples=200, deadline=None)
@given(spoiled())
def test_a_spoiled_file_is_loaded_or_refused(file: tuple[str, bytes]) -> None:
    name, content = file
    problems = Problems()
    trees: dict[str, Node | None] = {other: tree(other) for other in FILES if other != name}
    trees[name] = parse(FILES[name], content, problems)
    mapping = trees.pop("salesforce")
    built = build(
        Trees(**trees, crms={"salesforce": mapping}), {}, Beside(Path("nowhere"), "mappings", problems), problems
    )
    assert (built.rulebook is None) == bool(problems)
    for problem in problems.found:
        assert problem.place.line >= 1
        assert str(problem).startswith(f"{problem.place.file}:")
