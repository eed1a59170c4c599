"""The fixtures of the tests of AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from support.aws_server import Server, loader, running_moto, running_server

pytest.importorskip("boto3")

import boto3
import botocore.session

ACCESS_KEY, SECRET_KEY = "AKIAQ3EXAMPLE7KEY4711", "wJalrXUtnFEMI7K7MDENG7bPxRfiCYEXAMPLEKEY"


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The URL of moto's server, for S3, DynamoDB, SQS and STS."""
    with running_moto() as url:
        yield url


@pytest.fixture
def server() -> Iterator[Server]:
    """A server for what moto lacks."""
    with running_server() as server:
        yield server


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server) -> Callable[[], None]:
    """Take all credentials away, by `bare()` also those that a test begins with. Metadata is the server's."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{server.url}/")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)

    def without_keys() -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    return without_keys


@pytest.fixture
def line() -> str:
    return "botocore"


def new_session(**options: Any) -> Any:
    """Return a session of boto3 that shares the models with the others."""
    core = botocore.session.get_session()
    core.register_component("data_loader", loader())
    return boto3.session.Session(botocore_session=core, **{"region_name": "us-east-1", **options})


@pytest.fixture
def client(moto: str) -> Callable[..., Any]:
    """Make a client of a service, by default of moto's; each time in a session of its own."""
    urlopen(Request(f"{moto}/moto-api/reset", method="POST")).close()

    def make(service: str, url: str = moto, **options: Any) -> Any:
        return new_session().client(service, endpoint_url=url, **options)

    return make
