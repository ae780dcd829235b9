"""Pages and endpoints over a running leadsync: health and metrics. Reads only; a GET has no effect."""
