"""Dynamics 365 over the Dataverse Web API. `DynamicsCrm` is the adapter, `Credentials` what it logs in with."""

from leadsync.crm.dynamics.adapter import DynamicsCrm
from leadsync.crm.dynamics.auth import Credentials

__all__ = ["Credentials", "DynamicsCrm"]
