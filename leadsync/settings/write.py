"""The files that `leadsync init` writes: the shipped samples, fitted to one org's address and picklists.

What the org has and the samples know under the same name is taken over in the org's spelling; what nobody can guess is
listed in a comment for the operations person to place. Nothing is guessed into a stage.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from leadsync.domain.conditions import fold
from leadsync.settings.edit import Edits, quoted
from leadsync.settings.loader import Node, parse
from leadsync.settings.problems import Place, Problems

CONFIG = "config/leadsync.yaml"
RULES = ("funnel", "scoring", "routing", "sla", "calendars")
_OTHERS = ("converted", "dispositions", "deprecated")


@dataclass(frozen=True, slots=True)
class Picklists:
    """An org's own values: lead statuses with whether they mean converted, campaign types, lead sources.

    `tenant` is the one that issues the org's tokens, where the kind of CRM has such.
    """

    lead_status: tuple[tuple[str, bool], ...] = ()
    campaign_types: tuple[str, ...] = ()
    lead_sources: tuple[str, ...] = ()
    tenant: str | None = None


def sample_files(
    kind: Literal["salesforce", "dynamics"], url: str, picklists: Picklists | None = None
) -> Mapping[str, str]:
    """Return the text of each file by its path, comments and all; they load as they are.

    Lead sources fit funnel.yaml. Statuses and campaign types fit Salesforce's mapping; Dynamics' are choices that the
    deploy kit makes with the names in the sample.
    """
    fitting = _FITTINGS[kind]
    texts = {CONFIG: fitting.config(sample(CONFIG), url, picklists.tenant if picklists else None)}
    for name in (kind, *RULES):
        texts[f"mappings/{name}.yaml"] = sample(f"mappings/{name}.yaml")
    texts["mappings/scoring.yaml"] = fitting.scoring(texts["mappings/scoring.yaml"])
    if picklists:
        texts[f"mappings/{kind}.yaml"] = fitting.mapping(texts[f"mappings/{kind}.yaml"], picklists)
        texts["mappings/funnel.yaml"] = _fit_funnel(texts["mappings/funnel.yaml"], picklists)
    return texts


def sample(path: str) -> str:
    """Return the text of one shipped sample."""
    return files("leadsync.settings").joinpath("samples", *path.split("/")).read_text("utf-8")


def _tree(text: str) -> Node:
    problems = Problems()
    tree = parse("sample", text.encode(), problems)
    assert tree is not None, "the shipped samples are YAML"
    return tree


def _salesforce_config(text: str, url: str, tenant: str | None) -> str:
    edits = Edits(text)
    edits.replace_rest(_tree(text).at("crms", "salesforce", "url").place, url)
    return edits.result()


def _dynamics_config(text: str, url: str, tenant: str | None) -> str:
    """Return config with the block of Dynamics, which is a comment in the sample, in place of Salesforce's."""
    tree, edits, lines = _tree(text), Edits(text), text.split("\n")
    first = tree.at("crms").key("salesforce").line
    for number in range(first, len(lines)):
        if not lines[number - 1].startswith("    ") and number != first:
            break
        edits.delete_line(number)
    for number, line in enumerate(lines, start=1):
        if line.startswith(("  # dynamics:", "  #   ")):
            plain = line.replace("  # ", "  ", 1)
            if line.startswith("  # dynamics:"):
                plain = "  dynamics:"
            elif plain.lstrip().startswith("url:"):
                plain = f"    url: {url}"
            elif tenant and plain.lstrip().startswith("tenant:"):
                plain = (
                    f"    tenant: {quoted(tenant)}    # the Entra ID tenant that issues tokens, as the environment says"
                )
            edits.delete_line(number)
            edits.add_after(number, plain)
    return edits.result()


def _without_bounces(text: str) -> str:
    """Return scoring.yaml without the one line that asks for a field which only Salesforce has."""
    tree, edits = _tree(text), Edits(text)
    for line in tree.at("negative").parts():
        if line.at("when").value == "bounced_at":
            place = line.place
            edits.replace(
                Place(place.file, place.line, 3), "- ", "# Dynamics keeps no date of a bounce; map one to use this: - "
            )
    return edits.result()


def _fit_mapping(text: str, picklists: Picklists) -> str:
    tree, edits = _tree(text), Edits(text)
    if picklists.lead_status:
        _fit_stages(tree, edits, picklists.lead_status)
    values = tree.at("touches", "campaign_response", "channel", "values")
    spelled = {fold(value): value for value in picklists.campaign_types}
    for key in values.keys:
        if fold(key) in spelled:
            edits.replace(values.key(key), key, quoted(spelled[fold(key)]))
    known = {fold(key) for key in values.keys} | {
        fold(str(part.value)) for part in tree.at("touches", "campaign_response", "not_engagement").parts()
    }
    others = [value for value in picklists.campaign_types if fold(value) not in known]
    if others:
        place = tree.at("touches", "campaign_response", "channel", "otherwise").place
        edits.add_after(place.line, *_listed("      ", "campaign types of this org that count as `otherwise`:", others))
    return edits.result()


def _fit_stages(tree: Node, edits: Edits, statuses: Sequence[tuple[str, bool]]) -> None:
    org = {fold(value): value for value, _ in statuses}
    converted = {fold(value) for value, is_converted in statuses if is_converted}
    placed: set[str] = set()
    stages = tree.at("stages")
    for stage, node in stages.items():
        write = str(node.at("write").value)
        placed.add(fold(write))
        read = [org[fold(str(part.value))] for part in node.find("read").parts() if fold(str(part.value)) in org]
        was = [str(part.value) for part in node.find("was").parts() if fold(str(part.value)) not in org]
        # An older name that the org still offers means the same stage today.
        read += [org[fold(str(part.value))] for part in node.find("was").parts() if fold(str(part.value)) in org]
        placed |= {fold(value) for value in read}
        edits.replace_rest(node.place, _stage(org.get(fold(write), write), read, was))
        if fold(write) not in org:
            indent = " " * (stages.key(stage).column - 1)
            edits.add_after(
                node.place.line,
                f"{indent}# {write} is no lead status of this org yet: add it there, or write the value that it has here",
            )
    for block in _OTHERS:
        node, kept = tree.at(block), 0
        for value in node.keys:
            place = node.key(value)
            if fold(value) in org and (fold(value) in converted) == (block == "converted"):
                edits.replace(place, value, quoted(org[fold(value)]))
                placed.add(fold(value))
                kept += 1
            else:
                edits.delete_line(place.line)
        added = [value for value, is_converted in statuses if is_converted and fold(value) not in placed]
        if block == "converted" and added:
            edits.add_after(tree.key(block).line, *(f"  {quoted(value)}: by_law" for value in added))
            placed |= {fold(value) for value in added}
            kept += len(added)
        if not kept:
            edits.replace(tree.key(block), f"{block}:", f"{block}: {{}}")
    unplaced = [value for value, _ in statuses if fold(value) not in placed]
    if unplaced:
        last = max(node.place.line for _, node in stages.items())
        edits.add_after(
            last,
            *_listed(
                "  ",
                "lead statuses of this org that stand for no stage yet. Put each above (read: further values of a stage), or "
                "below\n  # under dispositions: or deprecated:. Until then their people are counted as unmapped:",
                unplaced,
            ),
        )


def _stage(write: str, read: Sequence[str], was: Sequence[str]) -> str:
    if not read and not was:
        return quoted(write)
    parts = [f"write: {quoted(write)}"]
    for key, values in (("read", read), ("was", was)):
        if values:
            parts.append(f"{key}: [{', '.join(quoted(value) for value in values)}]")
    return f"{{{', '.join(parts)}}}"


def _fit_funnel(text: str, picklists: Picklists) -> str:
    tree, edits = _tree(text), Edits(text)
    known = {fold(str(part.value)) for part in tree.at("import_evidence", "list_sources").parts()}
    for line in tree.at("birth_touch").parts():
        known |= {fold(str(part.value)) for part in line.at("when", "source").parts()}
    others = [source for source in picklists.lead_sources if fold(source) not in known]
    if others:
        edits.add_after(
            tree.key("birth_touch").line,
            *_listed("  ", "lead sources of this org that stand for no touch yet:", others),
        )
    return edits.result()


def _listed(indent: str, heading: str, values: Sequence[str]) -> list[str]:
    one_line = (" ".join(value.split()) for value in values)
    return [*f"{indent}# {heading}".split("\n"), *(f"{indent}#   {value}" for value in one_line)]


@dataclass(frozen=True, slots=True)
class _Fitting:
    """What becomes of the samples for one kind of CRM: config with the address and tenant, scoring, the mapping."""

    config: Callable[[str, str, str | None], str]
    scoring: Callable[[str], str]
    mapping: Callable[[str, Picklists], str]


_FITTINGS: Mapping[str, _Fitting] = {
    "salesforce": _Fitting(_salesforce_config, lambda text: text, _fit_mapping),
    "dynamics": _Fitting(_dynamics_config, _without_bounces, lambda text, picklists: text),
}
