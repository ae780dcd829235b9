"""Salesforce's REST API over the store: `Org` answers every path below /services."""

from leadsync.sandbox.salesforce.org import Org

__all__ = ["Org"]
