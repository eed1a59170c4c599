"""Where the credentials of a bucket come from, and what is said if there are none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from failing_proxy import FailingProxy, running_proxy
from s3_server import KEYS

from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.credentials import credential_options
from pytest_mimic._remote.place import parse_place
from pytest_mimic.errors import RemoteError

obstore = pytest.importorskip("obstore", exc_type=ImportError)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, s3_url: str) -> Path:
    """The folder of a user without any credentials, on a machine outside of every cloud."""
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()
    return tmp_path


def sent_keys(proxy: FailingProxy) -> set[str]:
    """Return the access keys of all requests."""
    return {text.partition("Credential=")[2].partition("/")[0] for text in proxy.authorizations}


def test_profile_of_the_aws_command_is_used(s3_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's profile is read by botocore, which is not loaded into the run."""
    (home / ".aws" / "credentials").write_text(
        "[team]\naws_access_key_id = AKIATEAM\naws_secret_access_key = secret\n", encoding="utf-8"
    )
    monkeypatch.setenv("AWS_PROFILE", "team")
    for name in [name for name in sys.modules if name.startswith("botocore")]:
        monkeypatch.delitem(sys.modules, name)

    with running_proxy(os.environ["AWS_ENDPOINT_URL"]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        Bucket(parse_place(s3_url)).put("a", b"1")

    assert sent_keys(proxy) == {"AKIATEAM"}
    assert "botocore.session" not in sys.modules


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("", "no credentials were found\n  set the credentials: AWS_ACCESS_KEY_ID"),
        (
            "team",
            r"no credentials were found: The config profile \(team\) could not be found\n  set the cred",
        ),
    ],
)
def test_no_credentials_are_an_error_at_once(
    s3_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, profile: str, message: str
) -> None:
    """Without credentials, opening succeeds, for a run that needs no request; the first request says what to set."""
    if profile:
        monkeypatch.setenv("AWS_PROFILE", profile)
    bucket = Bucket(parse_place(s3_url))
    bucket.open()

    with pytest.raises(RemoteError, match=f": {message}") as caught:
        bucket.get("a")

    assert caught.value.reason == "forbidden"


def test_a_profile_without_keys_gives_its_region_alone(
    s3_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    (home / ".aws" / "config").write_text("[default]\nregion = eu-west-3\n", encoding="utf-8")

    options = credential_options("s3", obstore)

    assert options["region"] == "eu-west-3"
    with pytest.raises(RemoteError, match=": no credentials were found\n"):
        Bucket(parse_place(s3_url)).get("a")


def test_the_file_of_the_google_command_is_left_to_obstore(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home / ".config" / "gcloud"
    folder.mkdir(parents=True)
    monkeypatch.delenv("APPDATA", raising=False)
    assert "credential_provider" in credential_options("gs", obstore)

    (folder / "application_default_credentials.json").write_text("{}", encoding="utf-8")

    assert credential_options("gs", obstore) == {}


@pytest.mark.parametrize("url", ["gs://bucket/vault", "az://bucket/vault"])
def test_no_credentials_of_other_providers_are_an_error_at_once(
    url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variables of the provider."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    variable = {"gs": "GOOGLE_APPLICATION_CREDENTIALS", "az": "AZURE_STORAGE_ACCOUNT_NAME"}[url[:2]]

    with pytest.raises(RemoteError, match=f"no credentials were found\n  set the credentials: {variable}"):
        Bucket(parse_place(url)).get("a")


def test_account_that_azure_needs_is_named(home: Path) -> None:
    """A setting that is missing is an error of the place, not of the library."""
    with pytest.raises(
        RemoteError, match=r"cannot open az://bucket/vault: .*\n  .*AZURE_STORAGE_ACCOUNT_NAME"
    ):
        Bucket(parse_place("az://bucket/vault")).open()


@pytest.mark.promise("the credentials of a store are those that the run had at its start")
def test_environment_of_a_test_does_not_change_an_open_bucket(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests that set keys of their own, as users of moto do, change nothing."""
    bucket = Bucket(parse_place(s3_url))
    bucket.open()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")

    assert bucket.create("a", b"1") is True
