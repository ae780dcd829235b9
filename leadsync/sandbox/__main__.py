"""`python -m leadsync.sandbox`: the box from the command line, with the flags of `leadsync sandbox`."""

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path

from leadsync.sandbox.box import Options
from leadsync.sandbox.rows import instant
from leadsync.sandbox.running import run


def _instant(text: str) -> datetime:
    return instant(text)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="leadsync sandbox", description="A CRM in a box.")
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 picks a free one")
    add("--host", default="127.0.0.1")
    add("--seed", type=int, default=1)
    add("--leads", type=int, default=1000, help="how many over all the days of past life")
    add("--days", type=int, default=90, help="days of past life, ending at the start")
    add("--start", type=_instant, help="the CRM's time at the start; now if left out")
    time = parser.add_mutually_exclusive_group()
    time.add_argument("--frozen", action="store_true", help="time moves only by /sandbox/advance")
    time.add_argument("--clock-speed", type=float, help="how many times faster than ours; people act by themselves")
    content = parser.add_mutually_exclusive_group()
    content.add_argument("--bare", action="store_true", help="plain rows without lives, for load tests")
    content.add_argument("--empty", action="store_true", help="no leads or contacts")
    add("--token", help="a bearer token to accept besides those issued")
    add("--tls", action="store_true", help="https with a self-signed certificate made at start")
    add("--tls-cert", type=Path)
    add("--tls-key", type=Path)
    add("--public-url", help="what absolute links begin with")
    add("--state", type=Path, help="a file that keeps the store across restarts")
    return parser


if __name__ == "__main__":
    run(Options(**vars(_parser().parse_args())))
