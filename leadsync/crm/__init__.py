"""Adapters to the CRMs, one package each; the cycle knows only `ports.Crm`."""
