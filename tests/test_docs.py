"""The pages say what the program has: every command, every option, every key of every file, every view; links lead somewhere."""

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from leadsync import errors
from leadsync.cli import cli
from leadsync.ledger.views import VIEWS
from leadsync.settings import schemas

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted(DOCS.glob("*.md")),
    *sorted((ROOT / "deploy").rglob("*.md")),
]

SHAPES: Mapping[str, str] = {
    "FieldSpec": "A field",
    "ValueSpec": "A value",
    "ObjectSpec": "An object",
    "DecaySpec": "Decay",
    "Term": "A term",
    "CapsSpec": "A member's caps",
    "WriteLimit": "A limit",
}
"""Blocks that stand in several places; their keys are listed once, under this heading."""


def page(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# Commands


@cache
def commands() -> Mapping[str, Any]:
    """Every command by its whole name, such as `outbox list`."""
    return dict(_walk("", typer.main.get_command(cli)))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, one in inner.items():
        yield from _walk(f"{name} {word}".strip(), one)


def section(text: str, heading: str) -> str:
    """The text below a heading, up to the next one of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,2}} |\Z)", text, re.M | re.S)
    return found[2] if found else ""


def flags(command: Any) -> set[str]:
    """The option names that a command takes, --help aside."""
    return {name for option in command.params for name in option.opts if name.startswith("--")} - {"--help"}


@pytest.mark.parametrize("name", sorted(commands()))
def test_a_command_has_its_section_with_an_example_and_all_its_options(name: str) -> None:
    text = section(page(DOCS / "commands.md"), f"`leadsync {name}`")
    assert text, f"docs/commands.md has no section for leadsync {name}"
    assert any(words[: len(name.split()) + 1] == ["leadsync", *name.split()] for words in _console(text))
    named = set(re.findall(r"`(--[a-z-]+)", text))
    assert named == flags(commands()[name])


def test_no_section_is_about_a_command_that_is_gone() -> None:
    described = set(re.findall(r"^#+ `leadsync ([a-z ]+)`$", page(DOCS / "commands.md"), re.M))
    assert described == set(commands())


def test_the_help_of_every_command_has_an_example() -> None:
    assert [name for name, command in commands().items() if f"leadsync {name}" not in (command.help or "")] == []


def test_the_readme_names_every_command() -> None:
    text = page(ROOT / "README.md")
    assert [name for name in commands() if f"leadsync {name}" not in text] == []


def test_every_exit_code_is_explained() -> None:
    codes = {
        one.exit_code
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.LeadsyncError)
    }
    rows = {
        int(code) for code in re.findall(r"^\| (\d+) \|", section(page(DOCS / "operations.md"), "Exit codes"), re.M)
    }
    assert rows == codes | {0, 130}


def _console(text: str) -> Iterator[list[str]]:
    """The words of every command line in the text's console blocks."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                yield shlex.split(line.removeprefix("$ "), comments=True)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_command_that_is_shown_exists(path: Path) -> None:
    for words in _console(page(path)):
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        match words:
            case ["leadsync", *rest]:
                name = next((name for name in commands() if rest[: len(name.split())] == name.split()), None)
                assert name or rest == ["--help"], f"leadsync {' '.join(rest)}"
                if name:
                    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= flags(
                        commands()[name]
                    ), rest
            case ["make", target, *_]:
                assert re.search(rf"^{target}:", page(ROOT / "Makefile"), re.M), target
            case ["python", script, *_]:
                assert (ROOT / script).is_file(), script
            case _:
                assert words[0] in ("docker", "sf", "sqlite3", "curl", "git", "export", "kill", "mkdir", "cp"), words


# Keys


def keys_of(schema: Mapping[str, Any]) -> set[str]:
    """Every key of a file with the way to it, such as `crms.<name>.url` or `edges[].from`."""
    return set(_keys(schema, "", schema["$defs"]))


def _keys(part: Mapping[str, Any], prefix: str, defs: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        if name not in SHAPES and name != "Condition":
            yield from _keys(defs[name], prefix, defs)
        return
    for choice in (*part.get("anyOf", ()), *part.get("allOf", ())):
        yield from _keys(choice, prefix, defs)
    if "items" in part:
        yield from _keys(part["items"], f"{prefix}[]", defs)
    named = part.get("additionalProperties")
    for inner in (*part.get("patternProperties", {}).values(), *([named] if isinstance(named, Mapping) else [])):
        yield from _keys(inner, f"{prefix}.<name>", defs)
    for name, inner in part.get("properties", {}).items():
        path = f"{prefix}.{name}".removeprefix(".")
        yield path
        yield from _keys(inner, path, defs)


def rows(text: str) -> list[str]:
    """The keys in the first column of the tables of a text."""
    return re.findall(r"^\| `([^`]+)` \|", text, re.M)


def pages_of_keys() -> Iterator[tuple[str, str, set[str]]]:
    """Yield page, heading and keys: one for each file and each shared block."""
    shapes: dict[str, set[str]] = {}
    for name, schema in schemas().items():
        where = "configuration.md" if name == "leadsync" else "rules.md"
        yield where, f"config/{name}.yaml" if name == "leadsync" else f"mappings/{name}.yaml", keys_of(schema)
        for shape in sorted(set(schema["$defs"]) & set(SHAPES)):
            shapes[shape] = set(_keys(schema["$defs"][shape], "", schema["$defs"]))
    for shape, keys in shapes.items():
        yield "configuration.md" if shape == "WriteLimit" else "rules.md", SHAPES[shape], keys


@pytest.mark.parametrize(
    ("where", "heading", "keys"), list(pages_of_keys()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_key_of_every_file_is_explained_once_and_no_other(where: str, heading: str, keys: set[str]) -> None:
    text = page(DOCS / where)
    heading = heading if heading in SHAPES.values() else f"`{heading}`"
    named = rows(section(text, heading))
    assert sorted(named) == sorted(keys)


# The ledger


def columns(view: str) -> list[str]:
    """What a view's columns are called, as SQLite says."""
    import tempfile

    from leadsync.ledger import open_ledger

    with tempfile.TemporaryDirectory() as folder, open_ledger(Path(folder) / "leadsync.db") as ledger:
        return [row[1] for row in ledger.con.execute(f"PRAGMA table_info({view})")]


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_every_column_of_every_view_is_explained(view: str) -> None:
    assert rows(section(page(DOCS / "ledger.md"), f"`{view}`")) == columns(view)


# Trouble


def calls(*names: str) -> Iterator[ast.expr]:
    """The first argument of every call of a method with one of these names, the sandbox aside."""
    for path in (ROOT / "leadsync").rglob("*.py"):
        if "sandbox" not in path.parts:
            for node in ast.walk(ast.parse(page(path))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in names
                    and node.args
                ):
                    yield node.args[0]


def test_every_event_that_wants_an_action_is_explained() -> None:
    events = {
        str(first.value)
        for first in calls("warning", "error")
        if isinstance(first, ast.Constant) and re.fullmatch(r"[a-z_]+\.[a-z_]+", str(first.value))
    }
    assert "cycle.failed" in events
    text = section(page(DOCS / "operations.md"), "Logs")
    assert sorted(event for event in events if event not in text) == []


def test_every_reason_for_not_being_ready_is_explained() -> None:
    codes = set()
    for first in calls("begin", "event", "fatal", "fault"):
        begins = first.values[0] if isinstance(first, ast.JoinedStr) else first
        if isinstance(begins, ast.Constant):
            codes.add(str(begins.value).partition(":")[0])
    assert "config_stale" in codes
    explained = {
        word.partition(":")[0]
        for row in re.findall(r"^\| ([a-z_:,A-Z ]+) \|", page(DOCS / "operations.md"), re.M)
        for word in row.split(", ")
    }
    assert sorted(codes - explained) == []


# Links and prose


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_link_leads_to_a_page_and_a_heading_that_exist(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```", "", page(path), flags=re.M | re.S)):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(page(there)), target


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_leads_to_every_page() -> None:
    text = page(ROOT / "README.md")
    assert [path.name for path in DOCS.glob("*.md") if f"docs/{path.name}" not in text] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_line_of_prose_holds_one_sentence(path: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page(path), flags=re.M | re.S)
    prose = re.sub(r"^\|.*$|`[^`\n]*`", "", prose, flags=re.M)
    assert [line for line in prose.splitlines() if re.search(r"[a-z)]{2}[.!?] [A-Z]", line)] == []
