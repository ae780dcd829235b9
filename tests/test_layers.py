"""Imports point down only, the CRM's name and the customer's stages stay where they belong, and help is quick.

Read from the source with ast, so that an import inside a function or under TYPE_CHECKING counts like any other.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "leadsync"

LAYERS = (
    ("domain",),
    ("http", "ports", "errors", "clock", "secret", "logs", "hygiene"),
    ("crm", "ledger", "channels", "settings"),
    ("cycle", "delivery", "ageing", "simulate", "reports", "learn", "jobs"),
    ("building",),
    ("app",),
    ("cli", "daemon", "web"),
)
"""From the bottom to the top; a unit is a package or a module directly under leadsync/."""

RANK = {unit: rank for rank, layer in enumerate(LAYERS) for unit in layer}
STRANGERS = frozenset(LAYERS[2])
"""Ports' two sides and the two stores: none of them knows that the others exist."""

APART = "sandbox"
"""Reached by URL only, as a CRM is."""

MAY_SERVE_THE_SANDBOX = ("leadsync.cli.sandbox", "leadsync.cli.demo")

CRMS = frozenset({"salesforce", "dynamics"})
SAMPLE_STAGES = frozenset({"inquiry", "maql", "lal", "mql", "sal", "sql", "remarket", "disqualified"})
MAY_SPELL: Mapping[tuple[str, str], str] = {
    ("reports/recycling.py", "disqualified"): "a column of the report: left by a stage with the role exit",
    ("reports/velocity.py", "disqualified"): "a column of the report: left by a stage with the role exit",
    ("settings/crm.py", "disqualified"): "Microsoft's name of a state of leads",
}
"""Words of the program that happen to be a sample's stage too, by module, and what they mean there."""
HEAVY = frozenset(
    {"simple_salesforce", "pandas", "zeep", "lxml", "numpy", "sklearn", "uvicorn", "starlette", "msal", "holidays"}
)


@cache
def trees() -> Mapping[str, ast.Module]:
    """Every module of the package, by its dotted name."""
    return {
        _dotted(path): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in sorted(PACKAGE.rglob("*.py"))
    }


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _path(module: str) -> str:
    """The module's file below leadsync/."""
    below = module.split(".")[1:]
    file = (
        PACKAGE.joinpath(*below, "__init__.py")
        if PACKAGE.joinpath(*below).is_dir()
        else PACKAGE.joinpath(*below).with_suffix(".py")
    )
    return file.relative_to(PACKAGE).as_posix()


def imports_of(module: str, tree: ast.Module, *, package: bool) -> Iterator[tuple[str, int]]:
    """Yield what a module imports, with the line; `from leadsync import logs` is an import of leadsync.logs."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                for alias in node.names:
                    yield alias.name, node.lineno
            case ast.ImportFrom(level=0, module=str(source)):
                yield from _names(source, node)
            case ast.ImportFrom(level=level):
                here = module.split(".")
                base = here[: len(here) - level + (1 if package else 0)]
                yield from _names(".".join([*base, node.module] if node.module else base), node)


def _names(source: str, node: ast.ImportFrom) -> Iterator[tuple[str, int]]:
    """A name taken from a package of ours may be one of its modules: then that module is what is imported."""
    for alias in node.names:
        inner = f"{source}.{alias.name}"
        yield (inner if inner in _modules() else source), node.lineno


@cache
def _modules() -> frozenset[str]:
    return frozenset(_dotted(path) for path in PACKAGE.rglob("*.py"))


def unit(module: str) -> str:
    """The package or module directly under leadsync/ that a module belongs to; empty for leadsync itself."""
    return module.split(".")[1] if "." in module else ""


def own_imports(module: str) -> Iterator[tuple[str, int]]:
    """Yield a module's imports of leadsync."""
    package = (PACKAGE / Path(*module.split(".")[1:]) / "__init__.py").exists()
    for name, line in imports_of(module, trees()[module], package=package):
        if name.split(".")[0] == "leadsync":
            yield name, line


def wrong_way(module: str, name: str) -> str | None:
    """Say what is wrong with an import, or None."""
    here, there = unit(module), unit(name)
    if here == there or not there:
        return None
    if there == APART:
        served = any(module == allowed or module.startswith(f"{allowed}.") for allowed in MAY_SERVE_THE_SANDBOX)
        return None if served else "the sandbox is reached by its address only"
    if here == APART:
        return "the sandbox knows nothing of leadsync"
    if here in STRANGERS and there in STRANGERS:
        return f"{here} and {there} never import each other"
    if RANK[there] > RANK[here]:
        return f"{there} stands above {here}"
    return None


def test_every_module_has_its_layer() -> None:
    assert len(trees()) > 150
    units = {unit(module) for module in trees()} - {"", APART}
    assert units <= set(RANK), f"give these a layer in design and here: {sorted(units - set(RANK))}"


def test_imports_point_down_only() -> None:
    wrong = [
        f"{_path(module)}:{line}: imports {name}: {why}"
        for module in trees()
        if unit(module)
        for name, line in own_imports(module)
        if (why := wrong_way(module, name))
    ]
    assert wrong == []


def test_no_two_parts_import_each_other() -> None:
    edges: dict[str, set[str]] = {}
    for module in trees():
        edges.setdefault(unit(module), set()).update(unit(name) for name, _ in own_imports(module))
    reached = {start: _reach(start, edges) for start in edges if start}
    assert [start for start, found in sorted(reached.items()) if start in found] == []


def _reach(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [one for one in edges[start] if one not in (start, "")]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [two for two in edges.get(one, ()) if two not in (one, "")]
    return found


def test_the_domain_needs_nothing_but_the_standard_library() -> None:
    foreign = [
        f"{_path(module)}:{line}: {name}"
        for module, tree in trees().items()
        if unit(module) == "domain"
        for name, line in imports_of(module, tree, package=module == "leadsync.domain")
        if not name.startswith("leadsync.domain") and name.split(".")[0] not in sys.stdlib_module_names
    ]
    assert foreign == []


def test_no_import_is_hidden_in_a_string() -> None:
    hidden = [
        f"{_path(module)}:{node.lineno}"
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id in ("__import__", "import_module"))
        or (isinstance(node, ast.Attribute) and node.attr == "import_module")
    ]
    assert hidden == []


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("leadsync.domain.x", "def f():\n    from leadsync.ledger import outbox", "ledger stands above domain"),
        (
            "leadsync.ledger.x",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from leadsync import settings",
            "ledger and settings never import each other",
        ),
        ("leadsync.crm.x", "from ..channels import build", "crm and channels never import each other"),
        ("leadsync.cycle", "import leadsync.app", "app stands above cycle"),
        ("leadsync.daemon", "from leadsync.sandbox.server import serve", "the sandbox is reached by its address only"),
        ("leadsync.sandbox.x", "from leadsync.domain.instants import to_text", "the sandbox knows nothing of leadsync"),
        ("leadsync.cli.demo.x", "from leadsync.sandbox.server import serve", None),
        ("leadsync.app", "from leadsync import logs", None),
    ],
)
def test_a_wrong_import_is_found_wherever_it_hides(module: str, source: str, found: str | None) -> None:
    verdicts = [
        why
        for name, _ in imports_of(module, ast.parse(source), package=False)
        if name.startswith("leadsync") and (why := wrong_way(module, name))
    ]
    assert verdicts == ([found] if found else [])


def _literals(tree: ast.AST) -> Iterator[ast.Constant]:
    """Yield the string literals that are data: docstrings and other bare strings are prose."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node


def crm_questions(tree: ast.Module) -> list[int]:
    """Return the lines that ask which CRM it is: comparisons and match cases with a CRM's name."""
    asked = [node for node in ast.walk(tree) if isinstance(node, (ast.Compare, ast.MatchValue))]
    return sorted({node.lineno for node in asked for literal in _literals(node) if literal.value in CRMS})


def test_nothing_asks_which_crm_it_is_but_the_adapters_and_what_builds_them() -> None:
    asking = {
        path: lines
        for module, tree in trees().items()
        if unit(module) not in ("crm", APART) and (lines := crm_questions(tree))
        for path in [_path(module)]
    }
    assert asking == {}


def test_a_question_for_the_crm_is_found() -> None:
    assert crm_questions(ast.parse('if kind == "salesforce":\n    pass')) == [1]
    assert crm_questions(ast.parse('match kind:\n    case "dynamics":\n        pass')) == [2]
    assert crm_questions(ast.parse('x = {"salesforce": 1}')) == []


def stage_names(tree: ast.Module) -> list[tuple[int, str]]:
    """Return where a stage of the sample funnel is spelled."""
    return [(node.lineno, str(node.value)) for node in _literals(tree) if str(node.value) in SAMPLE_STAGES]


def test_no_stage_of_the_sample_funnel_is_spelled_in_the_program() -> None:
    spelled = [
        f"{_path(module)}:{line}: {name!r}"
        for module, tree in trees().items()
        if unit(module) != APART
        for line, name in stage_names(tree)
        if (_path(module), name) not in MAY_SPELL
    ]
    assert spelled == []


def test_a_spelled_stage_is_found() -> None:
    assert stage_names(ast.parse('"""about mql"""\nif stage == "mql":\n    pass')) == [(2, "mql")]


def test_help_loads_no_heavy_library() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "importtime",
            "-c",
            "import sys; sys.argv = ['leadsync', '--help']; from leadsync.cli import main; main()",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "Usage" in done.stdout
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "typer" in loaded
    assert loaded & HEAVY == set()
