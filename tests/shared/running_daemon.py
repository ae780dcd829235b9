"""`leadsync run` in a process of its own: its log lines, its web address, and ways to end it."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Any

import requests
from installation import Installation


class Daemon:
    """A running `leadsync run`, its log lines and its web address."""

    def __init__(self, made: Installation, *args: str) -> None:
        self.process: subprocess.Popen[str] = made.start("run", *args)
        self.raw: list[str] = []
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.raw.append(line)

    @property
    def lines(self) -> list[Mapping[str, Any]]:
        return [json.loads(line) for line in list(self.raw)]

    def events(self, name: str) -> list[Mapping[str, Any]]:
        return [line for line in self.lines if line["event"] == name]

    def until(self, true: Callable[[], Any], seconds: float = 180.0) -> Any:
        """Wait until something is true and return it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := true():
                return found
            assert self.process.poll() is None, "".join(self.raw)
            time.sleep(0.1)
        raise AssertionError("it never came true:\n" + "".join(self.raw))

    def wait_for(self, event: str, count: int = 1, seconds: float = 180.0) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.until(
            lambda: (e := self.events(event)) and len(e) >= count and e, seconds
        )
        return found

    @property
    def url(self) -> str:
        return str(self.wait_for("daemon.started")[0]["url"])

    def get(self, path: str) -> requests.Response:
        def ask() -> requests.Response | None:
            try:
                return requests.get(self.url + path, timeout=30)
            except requests.ConnectionError:
                return None  # it listens a moment after it says where

        end = time.monotonic() + 60
        while (answer := ask()) is None:
            assert time.monotonic() < end, "".join(self.raw)
            time.sleep(0.1)
        return answer

    def reasons(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.get("/readyz").json()["reasons"]
        return found

    def ready(self, seconds: float = 180.0) -> None:
        self.until(lambda: not self.reasons(), seconds)

    def stop(self, seconds: float = 60.0) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.ended(seconds)

    def kill(self) -> None:
        self.process.kill()
        self.ended()

    def ended(self, seconds: float = 60.0) -> int:
        code = self.process.wait(timeout=seconds)
        self._reader.join(timeout=30)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code
