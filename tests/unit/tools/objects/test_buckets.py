"""What a bucket promises, for each kind of store."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_mimic._tools.objects.bucket import Bucket
from pytest_mimic.errors import MimicError, RemoteError


def test_an_empty_place_holds_nothing(bucket: Bucket, tmp_path: Path) -> None:
    """Reading makes nothing."""
    bucket.check()

    assert bucket.size("a") is None
    assert bucket.download("a", tmp_path / "copy") is False
    assert os.listdir(tmp_path) == []


@pytest.mark.promise("a push never overwrites or deletes what the object store has")
@pytest.mark.parametrize("size", [0, 2, 9 << 20], ids=["empty", "small", "over 8 MiB"])
def test_an_object_is_created_once_and_comes_back(bucket: Bucket, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)

    assert bucket.create("objects/ab/1", data) is True
    assert bucket.create("objects/ab/1", b"x" * (size + 1)) is False

    assert bucket.size("objects/ab/1") == size
    assert bucket.download("objects/ab/1", tmp_path / "copy") is True
    assert (tmp_path / "copy").read_bytes() == data


def test_a_missing_folder_is_not_taken_for_a_missing_object(bucket: Bucket, tmp_path: Path) -> None:
    bucket.create("a", b"new")

    with pytest.raises(MimicError, match=r"^cannot write .*copy: No such file or directory$"):
        bucket.download("a", tmp_path / "none" / "copy")


def test_the_extra_that_is_not_installed_is_named(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)

    with pytest.raises(
        RemoteError, match=r"needs the extra `objects`\n  pip install 'pytest-mimic\[objects\]'$"
    ):
        bucket.size("a")
