"""JSON Schemas of all files for editors, made from the models that the loader itself uses."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel

from leadsync.settings.schema.calendars import CalendarsFile
from leadsync.settings.schema.config import ConfigFile
from leadsync.settings.schema.crm import DynamicsFile, SalesforceFile
from leadsync.settings.schema.funnel import FunnelFile
from leadsync.settings.schema.routing import RoutingFile
from leadsync.settings.schema.scoring import ScoringFile
from leadsync.settings.schema.sla import SlaFile
from leadsync.settings.schema.types import CONDITION, CONDITION_MARKER

MODELS: Mapping[str, type[BaseModel]] = {
    "leadsync": ConfigFile,
    "salesforce": SalesforceFile,
    "dynamics": DynamicsFile,
    "funnel": FunnelFile,
    "scoring": ScoringFile,
    "routing": RoutingFile,
    "sla": SlaFile,
    "calendars": CalendarsFile,
}


def schemas() -> Mapping[str, dict[str, Any]]:
    """Return the JSON Schema of each file by the name that the samples give it (`../schemas/<name>.json`)."""
    return {name: _schema(model) for name, model in MODELS.items()}


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    schema: dict[str, Any] = _tidy(model.model_json_schema())
    if "Condition" in str(schema):
        schema.setdefault("$defs", {})["Condition"] = deepcopy(CONDITION)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _tidy(part: Any) -> Any:
    """Return a schema with conditions as references and without the titles that only repeat the keys."""
    if isinstance(part, list):
        return [_tidy(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    if part.get("title") == CONDITION_MARKER["title"] and "properties" not in part:
        described = {"description": part["description"]} if "description" in part else {}
        return {"$ref": "#/$defs/Condition", **described}
    return {key: _tidy(inner) for key, inner in part.items() if not (key == "title" and isinstance(inner, str))}
