"""The fixtures of the tests of object stores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.failing_proxy import FailingProxy, running_proxy

from pytest_mimic._core.object_place import parse_place
from pytest_mimic._tools.objects.bucket import Bucket

pytest.importorskip("obstore", exc_type=ImportError)


@pytest.fixture(params=["s3", "folder"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    """An empty place in each kind of store."""
    url = request.getfixturevalue("s3_url") if request.param == "s3" else "store"
    return Bucket(parse_place(url, tmp_path))


@pytest.fixture
def proxy(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FailingProxy]:
    """A proxy in front of the server, which the environment names instead of the server."""
    with running_proxy(os.environ["AWS_ENDPOINT_URL"]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy
