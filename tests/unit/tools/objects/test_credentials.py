"""Where the credentials of a bucket come from, and what is said if there are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.failing_proxy import FailingProxy
from support.s3_server import KEYS

from pytest_mimic._core.object_place import parse_place
from pytest_mimic._tools.objects.bucket import Bucket
from pytest_mimic.errors import RemoteError


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, s3_url: str) -> Path:
    """The folder of a user without any credentials, where botocore asks no cloud's metadata."""
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / ".aws").mkdir()
    return tmp_path


def test_a_profile_of_the_aws_command_is_used(
    s3_url: str, home: Path, proxy: FailingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".aws" / "credentials").write_text(
        "[team]\naws_access_key_id = AKIATEAM\naws_secret_access_key = secret\n", encoding="utf-8"
    )
    monkeypatch.setenv("AWS_PROFILE", "team")

    Bucket(parse_place(s3_url, home)).create("a", b"1")

    sent = {text.partition("Credential=")[2].partition("/")[0] for text in proxy.authorizations}
    assert sent == {"AKIATEAM"}


def test_a_profile_that_does_not_exist_is_named(
    s3_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "team")

    with pytest.raises(
        RemoteError,
        match=r"no credentials were found: The config profile \(team\) could not be found\n  set the cred",
    ) as caught:
        Bucket(parse_place(s3_url, home)).size("a")

    assert caught.value.reason == "forbidden"


def test_the_variables_that_a_provider_needs_are_named(home: Path) -> None:
    with pytest.raises(
        RemoteError, match="no credentials were found\n  set the credentials: AZURE_STORAGE_ACCOUNT_NAME"
    ):
        Bucket(parse_place("az://bucket/vault", home)).size("a")
