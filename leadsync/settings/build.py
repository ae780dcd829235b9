"""All trees and validated files into one `Rulebook`: the order of the builders, and what each hands to the next.

A file that is wrong in itself is left out here; the others are still checked against the names it offers.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from leadsync.domain.rulebook import Rulebook
from leadsync.settings.calendars import calendars
from leadsync.settings.checks import Checks
from leadsync.settings.conditions import Conditions
from leadsync.settings.crm import crm_mapping
from leadsync.settings.funnel import conditions, funnel_law
from leadsync.settings.lists import Beside, lists
from leadsync.settings.loader import Node
from leadsync.settings.names import Trees, collect
from leadsync.settings.problems import Problems
from leadsync.settings.routing import routing
from leadsync.settings.runtime import Settings, company, settings
from leadsync.settings.schema.calendars import CalendarsFile
from leadsync.settings.schema.config import ConfigFile
from leadsync.settings.schema.crm import DynamicsFile, SalesforceFile
from leadsync.settings.schema.funnel import FunnelFile
from leadsync.settings.schema.routing import RoutingFile
from leadsync.settings.schema.scoring import ScoringFile
from leadsync.settings.schema.sla import SlaFile
from leadsync.settings.scoring import scoring
from leadsync.settings.sla import sla
from leadsync.settings.validate import validate
from leadsync.settings.vocabulary import people

Model = TypeVar("Model", bound=BaseModel)
KINDS: Mapping[str, type[SalesforceFile] | type[DynamicsFile]] = {
    "salesforce": SalesforceFile,
    "dynamics": DynamicsFile,
}


@dataclass(frozen=True, slots=True)
class Built:
    """What came of the files; None where a problem was noted."""

    settings: Settings | None
    rulebook: Rulebook | None


def build(trees: Trees, contents: Mapping[str, bytes], beside: Beside, problems: Problems) -> Built:
    """Return settings and Rulebook, noting every problem of every file.

    `contents` are the bytes of the YAML files of mappings/ by name; with the lists read on the way they make the hash.
    """
    names = collect(trees)
    blocks = dict(trees.funnel.find("conditions").items()) if trees.funnel else {}
    checks = Checks(
        problems,
        names,
        Conditions(problems, people(names), lists(trees.routing, beside), names.lists, blocks),
    )
    config = _valid(trees.config, ConfigFile, problems)
    funnel = _valid(trees.funnel, FunnelFile, problems)
    score = _valid(trees.scoring, ScoringFile, problems)
    route = _valid(trees.routing, RoutingFile, problems)
    agreement = _valid(trees.sla, SlaFile, problems)
    time = _valid(trees.calendars, CalendarsFile, problems)

    ran = settings(config, trees.config, checks) if config and trees.config else None
    named = conditions(trees.funnel, checks) if trees.funnel else {}
    law = funnel_law(funnel, trees.funnel, named, checks) if funnel and trees.funnel else None
    points = scoring(score, trees.scoring, checks) if score and trees.scoring else None
    working = calendars(time, trees.calendars, checks) if time and trees.calendars else None
    alerts = config.alerts.to if config else "log"
    clocks = sla(agreement, trees.sla, checks, alerts=alerts) if agreement and trees.sla else None
    owners = (
        routing(
            route,
            trees.routing,
            checks,
            beside=beside,
            default_calendar=time.default if time else "",
            people_through=agreement.telling.people_through if agreement else (),
        )
        if route and trees.routing
        else None
    )
    mappings = {}
    for name, tree in trees.crms.items():
        kind = trees.config.at("crms", name, "kind").value if trees.config else None
        model = KINDS.get(kind) if isinstance(kind, str) else None
        if tree and model and (file := _valid(tree, model, problems)):
            mappings[name] = crm_mapping(name, file, tree, checks)

    if problems or not (config and law and points and owners and clocks and working):
        return Built(ran, None)
    return Built(
        ran,
        Rulebook(
            hash=rulebook_hash({**contents, **beside.read}),
            company=company(config),
            conditions=named,
            law=law,
            scoring=points,
            routing=owners,
            sla=clocks,
            calendars=working,
            mappings=mappings,
        ),
    )


def rulebook_hash(contents: Mapping[str, bytes]) -> str:
    """Return the name of a Rulebook: SHA-256 over the names and bytes of the files that it came from."""
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        for part in (name.encode(), content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def _valid(tree: Node | None, model: type[Model], problems: Problems) -> Model | None:
    return validate(tree, model, problems) if tree else None
