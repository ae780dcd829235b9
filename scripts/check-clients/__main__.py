"""Run clients that were not written for it against the sandbox, unchanged, and print what works.

    python scripts/check-clients

The clients come from their registries into a temporary folder: jsforce, the Salesforce CLI and dynamics-web-api by npm, with a
Node of their own, aiosalesforce and PowerPlatform-Dataverse-Client by pip into an environment of their own. Exits with 1 when a step failed and with 2 when npm is missing
or an install did not succeed. simple-salesforce is in the tests (tests/clients), since leadsync itself uses it.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from ssl import get_server_certificate
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from box import Box, started
from salesforce_cli import Cli, steps

HERE = Path(__file__).parent
STEPS = (
    "log in", "query", "paging", "describe", "create", "update", "delete", "collections", "upsert",
    "updated and deleted", "bulk query", "bulk ingest", "composite", "limits",
)  # fmt: skip
DATAVERSE_STEPS = (
    "log in", "create", "update", "delete", "conditional requests", "alternate keys", "query", "paging", "change tracking",
    "batch", "change sets", "multiple actions", "metadata",
)  # fmt: skip
# The CLI refuses to run on a Node older than 22, and that is more than distributions have.
NODE, JSFORCE, CLI = "node@22", "jsforce@3", "@salesforce/cli@2"
DYNAMICS = "dynamics-web-api@2"
AIOSALESFORCE = "aiosalesforce==0.6.2"
DATAVERSE = "PowerPlatform-Dataverse-Client==1.1.0"
_TRUSTING = {"NODE_TLS_REJECT_UNAUTHORIZED": "0", "NODE_NO_WARNINGS": "1"}

Results = Mapping[str, str | None]
"""Step to what went wrong, None when nothing did."""

Clients = tuple[tuple[Callable[[Path, Box], tuple[str, Results]], tuple[str, ...]], ...]
"""Who is run, and how the box is started for them."""


def main() -> int:
    if shutil.which("npm") is None:
        _say("npm is needed to install jsforce and the Salesforce CLI")
        return 2
    with TemporaryDirectory(prefix="leadsync-clients-") as name:
        folder = Path(name)
        try:
            _install(folder)
        except subprocess.CalledProcessError as error:
            _say(f"{' '.join(error.cmd)} failed:\n{error.stderr}")
            return 2
        return check(folder)


def check(folder: Path) -> int:
    """Run every client that is installed in a folder and print a table for each vendor; 1 when something failed."""
    salesforce = ((_jsforce, ()), (_jsforce, ("--tls",)), (_salesforce_cli, ()), (_aiosalesforce, ()))
    dynamics = ((_dynamics_web_api, ()), (_dataverse_client, ("--tls",)))
    failed = [
        _compared(folder, clients, names) for clients, names in ((salesforce, STEPS), (dynamics, DATAVERSE_STEPS))
    ]
    return 1 if any(failed) else 0


def _compared(folder: Path, clients: Clients, names: tuple[str, ...]) -> bool:
    """Run the clients of one vendor, print their table, and tell whether something failed."""
    results: dict[str, Results] = {}
    for client, options in clients:
        with started(*options) as box:
            title, found = client(folder, box)
        _say(f"{title}: done")
        results[title] = found
    print(_table(results, names), end="\n\n")
    failures = [(t, step, problem) for t, found in results.items() for step, problem in found.items() if problem]
    for title, step, problem in failures:
        print(f"{title}, {step}:\n  {problem}\n")
    return bool(failures)


def _install(folder: Path) -> None:
    _say(f"installing {NODE}, {JSFORCE}, {CLI}, {DYNAMICS}, {AIOSALESFORCE} and {DATAVERSE} into {folder}")
    (folder / "package.json").write_text('{"private": true}')
    _quietly("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", NODE, JSFORCE, CLI, DYNAMICS, cwd=folder)
    venv.create(folder / "python", with_pip=True)
    _quietly(str(folder / "python/bin/python"), "-m", "pip", "install", "--quiet", AIOSALESFORCE, DATAVERSE, cwd=folder)


def _quietly(*words: str, cwd: Path) -> None:
    subprocess.run(words, cwd=cwd, check=True, capture_output=True, text=True)


def _path(folder: Path) -> str:
    """The search path with the installed Node in front."""
    return os.pathsep.join((str(folder / "node_modules/node/bin"), os.environ.get("PATH", "")))


def _version(folder: Path, package: str) -> str:
    version: str = json.loads((folder / "node_modules" / package / "package.json").read_text())["version"]
    return version


def _jsforce(folder: Path, box: Box) -> tuple[str, Results]:
    words = ["node", str(HERE / "jsforce_steps.mjs")]
    title = f"jsforce {_version(folder, 'jsforce')}"
    environment = {"PATH": _path(folder), "INSTALLED": str(folder)}
    if box.ready["url"].startswith("https:"):
        # Nobody has signed the box's certificate but the box.
        title, environment = f"{title}, https", {**environment, **_TRUSTING}
    return title, dict(_lines(words, box, environment))


def _aiosalesforce(folder: Path, box: Box) -> tuple[str, Results]:
    words = [str(folder / "python/bin/python"), str(HERE / "aiosalesforce_steps.py")]
    return AIOSALESFORCE.replace("==", " "), dict(_lines(words, box, {}))


def _dynamics_web_api(folder: Path, box: Box) -> tuple[str, Results]:
    words = ["node", str(HERE / "dynamics_web_api_steps.mjs")]
    environment = {"PATH": _path(folder), "INSTALLED": str(folder)}
    return f"dynamics-web-api {_version(folder, 'dynamics-web-api')}", dict(_lines(words, box, environment))


def _dataverse_client(folder: Path, box: Box) -> tuple[str, Results]:
    """The box's certificate is its own authority; requests is told to take it for one."""
    url = urlsplit(box.ready["url"])
    certificate = folder / "box.pem"
    certificate.write_text(get_server_certificate((str(url.hostname), url.port or 443)))
    words = [str(folder / "python/bin/python"), str(HERE / "dataverse_client_steps.py")]
    environment = {"REQUESTS_CA_BUNDLE": str(certificate)}
    return f"{DATAVERSE.replace('==', ' ')}, https", dict(_lines(words, box, environment))


def _lines(words: list[str], box: Box, environment: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """The outcomes that a program of steps prints, one JSON object a line."""
    done = subprocess.run(
        words, env={**os.environ, **environment, "BOX": json.dumps(box.ready)}, stdout=subprocess.PIPE, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    for line in done.stdout.splitlines():
        outcome = json.loads(line)
        yield outcome["step"], outcome["problem"]
    if done.returncode != 0:
        yield "ended", f"exit code {done.returncode}"


def _salesforce_cli(folder: Path, box: Box) -> tuple[str, Results]:
    cli = Cli(folder / "node_modules/.bin/sf", _path(folder), folder, box)
    results: dict[str, str | None] = {}
    for step, run in steps():
        try:
            run(cli)
            results[step] = None
        except Exception as error:  # whatever goes wrong is what the table is to show
            results[step] = f"{type(error).__name__}: {error}"
    return f"Salesforce CLI {_version(folder, '@salesforce/cli')}", results


def _table(results: Mapping[str, Results], names: tuple[str, ...]) -> str:
    extra = [step for found in results.values() for step in found if step not in names]
    rows = [("", *results)]
    rows += [(step, *(_cell(found, step) for found in results.values())) for step in (*names, *extra)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cell(found: Results, step: str) -> str:
    """`-` where a client has nothing for a step."""
    if step not in found:
        return "-"
    return "ok" if found[step] is None else "FAILED"


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
