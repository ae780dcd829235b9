"""leadsync: one funnel for Leads and Contacts, kept beside the CRM."""

__version__ = "0.1.0"
