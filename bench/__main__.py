"""Lists and runs the benchmarks: `python -m bench [NAME ...] [--quick] [--json]`."""

import argparse
import dataclasses
import importlib
import json
import sys

from bench.measure import Result, say

NAMES = ("mirror_initial", "mirror_incremental", "decide", "sla", "routing")


def main() -> None:
    """Run what was asked for, or everything, and print a table and then JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Benchmarks beside peers and floors, in one run."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; all of them if left out")
    parser.add_argument("--quick", action="store_true", help="smaller data, to see that everything runs")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parser.add_argument("--list", action="store_true", help="say what there is")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in NAMES]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if options.list:
        for name in NAMES:
            print(f"{name:20} {(importlib.import_module(f'bench.{name}').__doc__ or '').splitlines()[0]}")
        return
    results = []
    for name in options.names or NAMES:
        say(f"{name} ...")
        result: Result = importlib.import_module(f"bench.{name}").measure(quick=options.quick)
        results.append(result)
        if not options.json:
            print_table(result)
    print(json.dumps([dataclasses.asdict(result) for result in results]))


def print_table(result: Result) -> None:
    """Print one benchmark's figures and ratios."""
    print(f"\n{result.name}: {result.what}")
    print(f"  {'':24}{'CPU s':>10}{'wall s':>10}{'peak MB':>10}{'runs':>6}{'spread':>8}")
    for one in result.figures:
        print(f"  {one.name:24}{one.cpu:10.3f}{one.wall:10.3f}{one.peak_mb:10.0f}{one.runs:6}{one.spread:8.0%}")
    for name, value in result.ratios.items():
        print(f"  {name:44}{value:12.2f}")
    for note in result.notes:
        print(f"  note: {note}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
