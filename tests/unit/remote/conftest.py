"""The fixtures of the tests of remote vaults."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

import pytest

from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.place import parse_place

pytest.importorskip("obstore", exc_type=ImportError)

# A URL whose server and credentials the environment names: the tests of buckets then run against that store.
OTHER_STORE = os.environ.get("PYTEST_MIMIC_TEST_STORE")


@pytest.fixture(params=[OTHER_STORE] if OTHER_STORE else ["s3", "file"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    """An empty place in each kind of store."""
    if OTHER_STORE:
        return Bucket(parse_place(f"{OTHER_STORE}/{uuid4().hex}"))
    if request.param == "file":
        return Bucket(parse_place((tmp_path / "vault").as_uri()))
    return Bucket(parse_place(request.getfixturevalue("s3_url")))
