"""A CRM in a box: an HTTP server that speaks the vendors' APIs over one store, with a world that lives in it.

The demo, the end-to-end tests and everybody without an org run against it by URL. Nothing else of leadsync is imported
here, and nothing here is asked by leadsync whether it talks to a box.
"""

from leadsync.sandbox.box import Box, Options
from leadsync.sandbox.running import run
from leadsync.sandbox.server import Server, build_app, serve

__all__ = ["Box", "Options", "Server", "build_app", "run", "serve"]
