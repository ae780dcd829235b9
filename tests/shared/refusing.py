"""The files of an installation by name, and how a test says which edits of them are refused, and how."""

from collections.abc import Callable

CONFIG = "config/leadsync.yaml"
SALESFORCE = "mappings/salesforce.yaml"
FUNNEL = "mappings/funnel.yaml"
SCORING = "mappings/scoring.yaml"
ROUTING = "mappings/routing.yaml"
SLA = "mappings/sla.yaml"
CALENDARS = "mappings/calendars.yaml"

Edit = tuple[str, str, str]
"""File, text that stands there, text instead."""

Refuses = Callable[[list[tuple[str, Edit]], list[str]], None]
"""Takes the edits, each with a sentence about it, and all the problems that they make."""
