"""YAML in, `Settings` and `Rulebook` out. Everything else in leadsync works with those two and never sees a file."""

from leadsync.settings.credentials import Credentials, channel_secrets, credentials
from leadsync.settings.load import Loaded, load
from leadsync.settings.runtime import CrmConnection, Settings
from leadsync.settings.schemas import schemas

__all__ = ["Credentials", "CrmConnection", "Loaded", "Settings", "channel_secrets", "credentials", "load", "schemas"]
