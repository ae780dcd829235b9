"""Salesforce over REST and Bulk 2.0. `SalesforceCrm` is the adapter, `Credentials` what it logs in with."""

from leadsync.crm.salesforce.adapter import SalesforceCrm
from leadsync.crm.salesforce.auth import Credentials

__all__ = ["Credentials", "SalesforceCrm"]
