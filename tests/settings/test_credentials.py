"""Secrets come from the environment or from files it names, and never show themselves."""

from pathlib import Path

import pytest

from leadsync.errors import ConfigError
from leadsync.settings import channel_secrets, credentials

HIDDEN = "hunter2-hunter2"


def test_credentials_come_from_variables_and_from_files(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(f"-----BEGIN\n{HIDDEN}\n", "utf-8")
    found = credentials("LEADSYNC_SALESFORCE", {
        "LEADSYNC_SALESFORCE_CLIENT_ID": "id",
        "LEADSYNC_SALESFORCE_PRIVATE_KEY_FILE": str(key),
        "LEADSYNC_SALESFORCE_PASSWORD": "",
        "LEADSYNC_OTHER_TOKEN": "x",
    })  # fmt: skip
    assert found.client_id is not None
    assert found.client_id.reveal() == "id"
    assert found.private_key is not None
    assert found.private_key.reveal() == f"-----BEGIN\n{HIDDEN}"
    assert (found.client_secret, found.password, found.token, found.username) == (None, None, None, None)
    assert HIDDEN not in repr(found)


def test_a_channels_secrets_are_named_after_it() -> None:
    found = channel_secrets("sales_floor", {"LEADSYNC_CHANNEL_SALES_FLOOR_URL": f"https://hooks.example/{HIDDEN}"})
    assert found.url is not None
    assert found.url.reveal().endswith(HIDDEN)
    assert (found.token, found.password, found.signing_key) == (None, None, None)


def test_a_variable_and_its_file_contradict_each_other(tmp_path: Path) -> None:
    env = {"LEADSYNC_SALESFORCE_TOKEN": HIDDEN, "LEADSYNC_SALESFORCE_TOKEN_FILE": str(tmp_path)}
    with pytest.raises(ConfigError) as caught:
        credentials("LEADSYNC_SALESFORCE", env)
    assert (
        str(caught.value)
        == "LEADSYNC_SALESFORCE_TOKEN and LEADSYNC_SALESFORCE_TOKEN_FILE are both set; unset one of them"
    )
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff" + HIDDEN.encode(), "cannot be read: it is not text"),
        (b"\n", "is empty"),
        (b"x" * 70_000, "is larger than 64 KiB"),
    ],
)
def test_a_file_that_holds_no_secret_is_named_by_its_variable_only(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        channel_secrets("ops", {"LEADSYNC_CHANNEL_OPS_TOKEN_FILE": str(file)})
    assert str(caught.value) == f"the file that LEADSYNC_CHANNEL_OPS_TOKEN_FILE names {reason}"
    assert HIDDEN not in "".join(caught.value.problems)
