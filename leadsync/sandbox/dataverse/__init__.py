"""The Dataverse side: Dynamics 365 Sales over the same rows and the same world, with names and ids translated."""

from leadsync.sandbox.dataverse.org import Org

__all__ = ["Org"]
