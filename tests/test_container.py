"""The image's steps, tried one by one without a container engine, and the promises of Dockerfile and compose file.

What needs no network is run as it stands in the Dockerfile: the build backend's lock, the wheel, its installation, the
health check. Downloads and users are checked as text.
"""

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the Dockerfile: what it starts from, and its instructions in order."""

    base: str
    name: str | None
    steps: tuple[tuple[str, str], ...]

    def all(self, word: str) -> list[str]:
        return [text for instruction, text in self.steps if instruction == word]

    def one(self, word: str) -> str:
        (text,) = self.all(word)
        return text


def stages() -> tuple[Stage, ...]:
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    found: list[Stage] = []
    for line in filter(None, "\n".join(lines).replace("\\\n", " ").splitlines()):
        word, _, text = line.partition(" ")
        if word == "FROM":
            base, _, name = text.partition(" AS ")
            found.append(Stage(base.strip(), name.strip() or None, ()))
        else:
            last = found.pop()
            found.append(Stage(last.base, last.name, (*last.steps, (word, re.sub(r"\s+", " ", text).strip()))))
    return tuple(found)


BUILD, FINAL = stages()


def commands(stage: Stage) -> list[str]:
    return [part.strip() for run in stage.all("RUN") for part in run.split("&&")]


def compose() -> Mapping[str, Any]:
    found: Mapping[str, Any] = YAML(typ="safe").load((ROOT / "deploy" / "compose.yaml").read_text())
    return found


def run(command: Sequence[str | Path], cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build context as the first stage sees it: what is copied, and nothing else."""
    target = tmp_path_factory.mktemp("src")
    for copy in BUILD.all("COPY"):
        *names, _ = copy.split()
        for name in names:
            there = ROOT / name
            if there.is_dir():
                shutil.copytree(there, target / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(there, target)
    return target


@pytest.fixture(scope="module")
def installed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and installed as the first stage does it, beside the libraries that are there already."""
    (build,) = [command for command in commands(BUILD) if "hatchling build" in command]
    run([sys.executable, *build.split()[1:]], source)
    (wheel,) = (source / "dist").glob("*.whl")
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    run([*pip, "--target", target, wheel], source)
    return target


def test_hadolint_finds_nothing() -> None:
    run([BIN / "hadolint", "Dockerfile"], ROOT)


def test_dependencies_come_as_hashed_wheels_only() -> None:
    installs = [command for command in commands(BUILD) if re.search(r"\bpip\b.* install ", command)]
    assert len(installs) == 3
    for command in installs:
        locked = "--require-hashes --only-binary :all:" in command
        assert "--no-deps" in command
        assert locked or "--no-index dist/*.whl" in command


def test_the_build_backend_is_cut_out_of_the_lock_whole(source: Path) -> None:
    (cut,) = [command for command in commands(BUILD) if command.startswith("sed ")]
    run(["sh", "-c", cut], source)
    lock = (source / "build.lock").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.M))
    needs = {
        re.split(r"[^A-Za-z0-9_.-]", need)[0].lower()
        for need in metadata.requires("hatchling") or ()
        if "extra" not in need
    }
    assert set(pinned) == {"hatchling", *needs} - {"tomli"}
    assert all(block.count("--hash=sha256:") for block in re.split(r"^(?=[a-z0-9-]+==)", lock, flags=re.M) if block)


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert ignored[0] == "*"
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {name for copy in BUILD.all("COPY") for name in copy.split()[:-1]}
    assert copied == kept
    assert all((ROOT / name).exists() for name in copied)


def test_the_wheel_holds_the_command_the_samples_and_the_ledgers_tables(installed: Path, tmp_path: Path) -> None:
    env = {"PYTHONPATH": str(installed), "NO_COLOR": "1"}
    where = run([sys.executable, "-c", "import leadsync; print(leadsync.__file__)"], tmp_path, **env)
    assert Path(where.strip()).is_relative_to(installed)
    assert (
        run([sys.executable, installed / "bin" / "leadsync", "--version"], tmp_path, **env)
        == f"leadsync {_version()}\n"
    )
    samples = installed / "leadsync" / "settings" / "samples"
    assert {path.name for path in (samples / "mappings").iterdir()} >= {
        "funnel.yaml",
        "salesforce.yaml",
        "dynamics.yaml",
    }
    assert (samples / "config" / "leadsync.yaml").exists()
    assert (installed / "leadsync" / "py.typed").exists()
    opened = "from leadsync.ledger import open_ledger; print([r[0] for r in open_ledger('x.db').con.execute('SELECT count(*) FROM v_people')])"
    assert run([sys.executable, "-c", opened], tmp_path, **env) == "[0]\n"


def test_the_installed_command_writes_files_that_it_finds_valid(installed: Path, tmp_path: Path) -> None:
    env = {"PYTHONPATH": str(installed), "NO_COLOR": "1"}
    leadsync: list[str | Path] = [sys.executable, installed / "bin" / "leadsync"]
    run([*leadsync, "init", "salesforce", "--url", "https://acme.my.salesforce.com"], tmp_path, **env)
    run([*leadsync, "check"], tmp_path, **env)


def test_only_the_environment_comes_into_the_last_stage() -> None:
    assert FINAL.base == BUILD.base
    assert FINAL.all("COPY") == [f"--from={BUILD.name} /opt/leadsync /opt/leadsync"]
    assert "pip" not in " ".join(commands(FINAL))


def test_the_container_is_nobody_special_and_stops_when_told() -> None:
    assert FINAL.one("USER") == "10001:10001"
    assert FINAL.one("STOPSIGNAL") == "SIGTERM"
    assert json.loads(FINAL.one("ENTRYPOINT")) == ["leadsync"]
    assert json.loads(FINAL.one("CMD")) == ["run"]
    steps = [word for word, _ in FINAL.steps]
    assert steps.index("USER") > max(index for index, word in enumerate(steps) if word == "RUN")


def test_the_ledger_lies_on_a_volume_that_its_user_owns() -> None:
    (volume,) = FINAL.all("VOLUME")
    assert volume == FINAL.one("WORKDIR") == "/var/lib/leadsync"
    assert f"install -d -o 10001 -g 10001 -m 0700 {volume}" in commands(FINAL)


@contextmanager
def ready(status: int) -> Iterator[int]:
    """A server that answers /readyz with one status; yields its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def health(port: int) -> int:
    check = json.loads(FINAL.one("HEALTHCHECK").partition("CMD ")[2])
    assert check[:2] == ["python", "-c"]
    assert check[2].count("8080") == 1
    code = check[2].replace("8080", str(port))
    # A proxy of the host must not be asked about our own port.
    env = {**os.environ, "http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, timeout=30, check=False
    ).returncode


def test_the_health_check_tells_ready_from_not_ready_from_not_there() -> None:
    with ready(200) as port:
        assert health(port) == 0
    assert health(port) != 0
    with ready(503) as port:
        assert health(port) == 1


def test_the_health_check_asks_the_port_that_config_has_by_default() -> None:
    config = YAML(typ="safe").load((ROOT / "config" / "leadsync.yaml").read_text())
    assert config["web"]["port"] == 8080
    assert FINAL.one("EXPOSE") == "8080"


def test_compose_gives_the_container_no_more_than_it_needs() -> None:
    service = compose()["services"]["leadsync"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == FINAL.one("USER")
    assert "privileged" not in service
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    writable = [volume for volume in service["volumes"] if not volume.endswith(":ro")]
    assert writable == [f"ledger:{FINAL.one('VOLUME')}"]


def test_compose_mounts_the_files_where_the_image_looks_for_them() -> None:
    mounted = {volume.split(":")[1] for volume in compose()["services"]["leadsync"]["volumes"]}
    looked_for = dict(re.findall(r"(LEADSYNC_\w+)=(\S+)", FINAL.one("ENV")))
    assert str(Path(looked_for["LEADSYNC_CONFIG"]).parent) in mounted
    assert looked_for["LEADSYNC_MAPPINGS"] in mounted


def test_every_secret_comes_as_a_file() -> None:
    service, secrets = compose()["services"]["leadsync"], compose()["secrets"]
    assert set(service["secrets"]) == set(secrets)
    paths = {f"/run/secrets/{name}" for name in secrets}
    assert {value for key, value in service["environment"].items() if key.endswith("_FILE")} == paths
    assert all(key.endswith("_FILE") for key in service["environment"])


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])
