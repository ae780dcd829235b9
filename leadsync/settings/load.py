"""The files of one installation, read once and turned into settings and Rulebook, or refused with every problem."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leadsync.domain.rulebook import Rulebook
from leadsync.errors import ConfigError
from leadsync.settings.build import build
from leadsync.settings.environment import filled_in
from leadsync.settings.lists import Beside
from leadsync.settings.loader import Node, parse, read_bytes
from leadsync.settings.names import Trees
from leadsync.settings.problems import Place, Problems
from leadsync.settings.runtime import RESERVED, Settings
from leadsync.settings.schema.types import NAME_PATTERN

RULES = ("funnel", "scoring", "routing", "sla", "calendars")
WEB_TOKEN = "LEADSYNC_WEB_TOKEN"  # noqa: S105 - the variable's name
CONSEQUENCE = "no rules were loaded"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files say. `files` are the bytes they were read from, by path; `notes` are no problems, but worth telling."""

    settings: Settings
    rulebook: Rulebook
    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()


def load(config_path: Path, mappings_dir: Path, env: Mapping[str, str]) -> Loaded:
    """Return settings and Rulebook.

    Raises ConfigError with every problem of every file, each `path:line:column: what`, with hints below it.
    """
    folder = mappings_dir.as_posix().rstrip("/")
    if not config_path.exists() and not mappings_dir.exists():
        raise ConfigError(f"there is neither {config_path.as_posix()} nor {folder}/ here; `leadsync init` writes them")
    problems = Problems()
    files: dict[str, bytes] = {}
    config = _tree(config_path, config_path.as_posix(), files, problems)
    if config:
        config = filled_in(config, env, problems)
    rules = {name: _tree(mappings_dir / f"{name}.yaml", f"{folder}/{name}.yaml", files, problems) for name in RULES}
    crms = _crms(config, mappings_dir, folder, files, problems)
    beside = Beside(mappings_dir, folder, problems)
    counted = {f"{name}.yaml": files[path] for name in (*RULES, *crms) if (path := f"{folder}/{name}.yaml") in files}
    built = build(Trees(config, **rules, crms=crms), counted, beside, problems)
    if built.settings and built.settings.web.dashboard and not (env.get(WEB_TOKEN) or env.get(f"{WEB_TOKEN}_FILE")):
        place = config.at("web", "dashboard").place if config else Place(config_path.as_posix())
        problems.add(place, f"the dashboard needs {WEB_TOKEN}", f"fix: set {WEB_TOKEN} or {WEB_TOKEN}_FILE")
    files |= {f"{folder}/{name}": content for name, content in beside.read.items()}
    if problems or built.settings is None or built.rulebook is None:
        problems.refuse(len(files), CONSEQUENCE)
    return Loaded(built.settings, built.rulebook, files, _notes(mappings_dir, folder, crms, built.rulebook))


def _tree(path: Path, name: str, files: dict[str, bytes], problems: Problems) -> Node | None:
    content = read_bytes(path, name, problems)
    if content is None:
        return None
    files[name] = content
    return parse(name, content, problems)


def _crms(
    config: Node | None, mappings_dir: Path, folder: str, files: dict[str, bytes], problems: Problems
) -> dict[str, Node | None]:
    """Return the mapping of each CRM of config; without a config every file that is no rule file may be one."""
    if config is None:
        others = sorted(path for path in mappings_dir.glob("*.yaml") if path.stem not in RULES)
        return {path.stem: _tree(path, f"{folder}/{path.name}", files, problems) for path in others}
    crms: dict[str, Node | None] = {}
    block = config.find("crms")
    for name in block.keys:
        path = mappings_dir / f"{name}.yaml"
        if not re.fullmatch(NAME_PATTERN, name) or name in RESERVED:
            crms[name] = None  # noted where config is checked
        elif path.exists():
            crms[name] = _tree(path, f"{folder}/{name}.yaml", files, problems)
        else:
            crms[name] = None
            problems.add(
                block.key(name),
                f'the CRM "{name}" has no mapping: {folder}/{name}.yaml does not exist',
                "fix: the CRM's name picks the file; rename one, or let `leadsync init` write it",
            )
    return crms


def _notes(mappings_dir: Path, folder: str, crms: Mapping[str, Node | None], rulebook: Rulebook) -> tuple[str, ...]:
    """Return what is no mistake but may surprise: mappings that nobody reads, names that one CRM lacks."""
    notes = [
        f"{folder}/{path.name}: no CRM in config has this name, so the file is not read"
        for path in sorted(mappings_dir.glob("*.yaml"))
        if path.stem not in RULES and path.stem not in crms
    ]
    wanted = {reason.nurture for reason in rulebook.law.reasons.values() if reason.nurture}
    fields = {name for m in rulebook.mappings.values() for o in m.objects.values() for name in o.fields}
    for name, mapping in sorted(rulebook.mappings.items()):
        notes += [
            f'{folder}/{name}.yaml: no nurture list "{nurture}", so nobody joins one there'
            for nurture in sorted(wanted - set(mapping.nurture))
        ]
        mapped = {field for o in mapping.objects.values() for field in o.fields}
        if missing := sorted(fields - mapped):
            notes.append(f"{folder}/{name}.yaml: not mapped here, so always missing in rules: {', '.join(missing)}")
    return tuple(notes)
