"""YAML in, `Settings` and `Rulebook` out. Everything else in leadsync works with those two and never sees a file."""

from leadsync.settings.credentials import ChannelSecrets, Credentials, channel_secrets, credentials
from leadsync.settings.load import Loaded, load
from leadsync.settings.runtime import CrmConnection, Settings
from leadsync.settings.schemas import schemas
from leadsync.settings.write import Picklists, sample_files

__all__ = [
    "ChannelSecrets",
    "Credentials",
    "CrmConnection",
    "Loaded",
    "Picklists",
    "Settings",
    "channel_secrets",
    "credentials",
    "load",
    "sample_files",
    "schemas",
]
