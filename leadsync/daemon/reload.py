"""Are the files still those that the rules in force were read from? Judged by content, never by time stamps."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from leadsync.clock import Clock
from leadsync.errors import ConfigError
from leadsync.settings import Loaded, load

SETTLED_AFTER = 0.25
"""Seconds between two reads that must agree: a file that is being written is left alone."""


class Files:
    """The files of one installation, as they were when they were last taken or refused."""

    def __init__(self, config: Path, mappings: Path, env: Mapping[str, str], clock: Clock, loaded: Loaded) -> None:
        self._config = config
        self._mappings = mappings
        self._env = env
        self._clock = clock
        self._judged = self._digest(loaded, loaded.files)
        self._refused: ConfigError | None = None

    def changed(self, current: Loaded) -> Loaded | None:
        """Return what the files say now if it is new, None when nothing has changed since they were last taken.

        Raises ConfigError while the files cannot be taken: the same one as long as they stay as they are.
        """
        digest = self._digest(current)
        if digest == self._judged:
            if self._refused is not None:
                raise self._refused
            return None
        self._clock.sleep(SETTLED_AFTER)
        if self._digest(current) != digest:
            return None
        self._judged = digest
        try:
            loaded = load(self._config, self._mappings, self._env)
        except ConfigError as error:
            self._refused = error
            raise
        self._refused = None
        same = loaded.rulebook.hash == current.rulebook.hash and loaded.settings == current.settings
        return None if same else loaded

    def refuse(self, error: ConfigError) -> None:
        """Note that what the files say cannot be had although they can be read."""
        self._refused = error

    def _digest(self, loaded: Loaded, known: Mapping[str, bytes] = MappingProxyType({})) -> str:
        """Return one hash over every file that was read and every YAML file that might be; `known` are not read again."""
        paths = {Path(name) for name in loaded.files} | {self._config} | set(self._mappings.glob("*.yaml"))
        total = sha256()
        for path in sorted(paths):
            try:
                content = known[path.as_posix()] if path.as_posix() in known else path.read_bytes()
            except OSError as error:
                content = repr(error).encode()
            total.update(f"{path}:{len(content)}:".encode() + content)
        return total.hexdigest()
