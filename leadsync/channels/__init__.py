"""Where people are told something: one small module per kind of channel, behind the port `Channel`."""

from leadsync.channels.kinds import build
from leadsync.channels.log import LogChannel

__all__ = ["LogChannel", "build"]
