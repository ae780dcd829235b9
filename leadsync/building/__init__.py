"""Builds what stands behind each `kind:` of config: the adapters to the CRMs, and the channels."""

from leadsync.building.channels import build_channels, channels_for
from leadsync.building.crms import build_crm, build_crms, picklists_of

__all__ = ["build_channels", "build_crm", "build_crms", "channels_for", "picklists_of"]
