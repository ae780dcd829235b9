"""An installation to spoil: the shipped files in a folder of their own, which tests edit and load."""

import shutil
from collections.abc import Iterable
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from refusing import Edit, Refuses

from leadsync.errors import ConfigError
from leadsync.settings import Loaded, load


class Installation:
    """The shipped samples, copied; the working directory is their folder, so that paths in problems are short."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with as_file(files("leadsync.settings").joinpath("samples")) as samples:
            shutil.copytree(samples, folder, dirs_exist_ok=True)

    def edit(self, *edits: Edit) -> "Installation":
        for name, old, new in edits:
            path = self.folder / name
            text = path.read_text("utf-8")
            assert old in text, f"{name} does not hold {old!r}"
            path.write_text(text.replace(old, new, 1), "utf-8")
        return self

    def write(self, name: str, content: str | bytes) -> "Installation":
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def load(self, **env: str) -> Loaded:
        return load(Path("config/leadsync.yaml"), Path("mappings"), env)

    def refused(self, edits: Iterable[Edit] = (), **env: str) -> ConfigError:
        self.edit(*edits)
        with pytest.raises(ConfigError) as caught:
            self.load(**env)
        return caught.value


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.chdir(tmp_path)
    return Installation(tmp_path)


@pytest.fixture
def refuses(installation: Installation) -> Refuses:
    """Check that these edits are refused with exactly these problems, each at its line and column."""

    def check(edits: list[tuple[str, Edit]], problems: list[str]) -> None:
        error = installation.refused(edit for _, edit in edits)
        assert list(error.problems) == problems
        assert str(error).startswith(f"{len(problems)} problem")

    return check
