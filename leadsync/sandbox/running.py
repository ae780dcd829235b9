"""Runs a box in the foreground until it is told to stop."""

import json
import signal
import sys
from threading import Event

from leadsync.sandbox.box import Options
from leadsync.sandbox.server import serve


def run(options: Options) -> None:
    """Serve until SIGTERM or SIGINT. One JSON line on stdout says when it is ready and how to get in."""
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    server = serve(options).start()
    try:
        sys.stdout.write(json.dumps(server.ready()) + "\n")
        sys.stdout.flush()
        stopping.wait()
    finally:
        server.stop()
