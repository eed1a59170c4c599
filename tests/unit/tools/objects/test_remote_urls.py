"""The values of `mimic_objects`: which are places, and what is wrong with the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_mimic._core.object_place import RemotePlace, parse_place

ROOT = Path(__file__).parent


@pytest.fixture(autouse=True)
def own_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave only the servers of the providers."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "GOOGLE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://bucket", RemotePlace("s3", "bucket", "")),
        ("s3://bucket/a/b/", RemotePlace("s3", "bucket", "a/b")),
        ("S3://my.bucket-1/team = a", RemotePlace("s3", "my.bucket-1", "team = a")),
        ("gs://under_score/vault", RemotePlace("gs", "under_score", "vault")),
        ("az://container/vault", RemotePlace("az", "container", "vault")),
    ],
)
def test_url_names_a_bucket_and_a_prefix(url: str, place: RemotePlace) -> None:
    """A URL is a scheme, a bucket and a prefix."""
    assert parse_place(url, ROOT) == place
    assert parse_place(parse_place(url, ROOT).shown, ROOT) == place


def test_file_url_names_a_folder(tmp_path: Path) -> None:
    """`file://` takes what `Path.as_uri` gives, blanks included."""
    folder = tmp_path / "my vault"

    place = parse_place(folder.as_uri() + "/", ROOT)

    assert place == RemotePlace("file", "", str(folder))
    assert place.shown == f"file://{folder}"


def test_a_path_is_relative_to_the_rootdir(tmp_path: Path) -> None:
    assert parse_place("../store", tmp_path / "a") == RemotePlace("file", "", str(tmp_path / "store"))
    assert parse_place(str(tmp_path), ROOT) == RemotePlace("file", "", str(tmp_path))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("s3:/bucket/a", "write it as s3://bucket/a$"),
        ("S3:bucket/a", "write it as s3://bucket/a$"),
        ("file:/vault", "write it as file:///vault$"),
        ("gcs://bucket", r"the scheme gcs is not one of s3, gs, az, file \(did you mean gs\?\)"),
        ("ftp://bucket", "the scheme ftp is not one of s3, gs, az, file$"),
        ("s3://", "names no bucket"),
        ("s3:///vault", "names no bucket"),
        ("s3://my bucket/vault", "'my bucket' is not the name of a bucket"),
        ("s3://bucket/a//b", "must not hold '//'"),
        ("s3://bucket/../b", "must not hold '//', '.' or '..'"),
        ("s3://bucket/a*", r"must not hold '\*'"),
        ("s3://bucket/a?versionId=1", "a query is not supported"),
        ("s3://bucket/a#b", "a fragment is not supported"),
        ("file://vault", "must be absolute"),
        ("file:///", "an absolute path of a folder"),
        ("file:///a/../b", "an absolute path of a folder"),
    ],
)
def test_what_is_wrong_with_a_url_is_named(url: str, why: str) -> None:
    """A wrong URL gives one line that names the fault."""
    with pytest.raises(ValueError, match=why) as caught:
        parse_place(url, ROOT)

    assert "\n" not in str(caught.value)


@pytest.mark.promise("credentials in the URL of a store are refused and not shown")
@pytest.mark.parametrize(
    "url", ["s3://AKIA47:drowssap@bucket/vault", "s4://AKIA47:drowssap@bucket?token=drowssap"]
)
def test_credentials_in_a_url_are_refused_and_not_shown(url: str) -> None:
    """A URL with credentials is no place, and the message does not hold them."""
    with pytest.raises(ValueError, match=r"bucket.* is no place for objects") as caught:
        parse_place(url, ROOT)

    assert "drowssap" not in str(caught.value)
    assert "AKIA47" not in str(caught.value)


def test_reading_a_url_loads_no_client() -> None:
    """A URL is judged at start-up, where nothing may be loaded for it."""
    code = (
        "import sys; from pytest_mimic._core.object_place import parse_place; parse_place('s3://b', None);"
        "print('obstore' in sys.modules)"
    )

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown == "False\n"


@pytest.mark.parametrize("endpoint", ["nonsense", "minio.example.com:9000", "https://", "ftp://minio"])
def test_an_endpoint_that_is_no_url_is_refused(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """The client would panic."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)

    with pytest.raises(ValueError, match="AWS_ENDPOINT_URL in the environment is not a URL such as https://"):
        parse_place("s3://bucket", ROOT)
