"""The fixtures of the tests of remote vaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.place import parse_place

pytest.importorskip("obstore", exc_type=ImportError)


@pytest.fixture(params=["s3", "file"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    """An empty place in each kind of store."""
    if request.param == "file":
        return Bucket(parse_place((tmp_path / "vault").as_uri()))
    return Bucket(parse_place(request.getfixturevalue("s3_url")))
