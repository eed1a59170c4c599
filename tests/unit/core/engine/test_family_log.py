"""The file in which forked processes tell one another what they did."""

from __future__ import annotations

import os

import pytest

from pytest_mimic import MimicError
from pytest_mimic._core.engine.family_log import SharedLog

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="only where processes fork"
)


def test_a_process_reads_the_rows_of_others_and_not_its_own() -> None:
    log = SharedLog()
    rows = [[("a", 1, None, b"\x00")], [], [("b", "ö" * 3_000_000, {1: ("x", "y")})]]

    child = os.fork()
    if not child:
        log.lock()
        for row in rows:
            log.write(row)
        # The lock goes with its process.
        os._exit(0)
    os.waitpid(child, 0)
    log.lock()
    read = log.read()
    log.write(["own"])
    log.unlock()

    assert read == rows
    assert log.read() == []


@pytest.mark.parametrize(
    "left",
    [b"\x09", b"\xff\x00\x00\x00\x00\x00\x00\x00", (80).to_bytes(8, "little") + b"i" * 79],
    ids=["part of a length", "no row", "all but a byte"],
)  # fmt: skip
def test_what_a_killed_process_has_left_does_not_count(left: bytes) -> None:
    log = SharedLog()
    log.write("first")

    child = os.fork()
    if not child:
        end = os.fstat(log.descriptor).st_size
        os.pwrite(log.descriptor, left, end)
        os._exit(0)
    os.waitpid(child, 0)

    assert log.read() == []
    log.write("second")
    child = os.fork()
    if not child:
        log.write("third")
        os._exit(0)
    os.waitpid(child, 0)
    assert log.read() == ["third"]


def test_a_process_that_has_closed_the_file_is_told_so() -> None:
    log = SharedLog()
    os.close(log.descriptor)
    other = os.open(os.devnull, os.O_RDONLY)

    try:
        with pytest.raises(MimicError, match="a forked process has closed all files"):
            log.lock()
    finally:
        if other != log.descriptor:
            os.dup2(other, log.descriptor)
            os.close(other)


def test_without_a_temporary_folder_nothing_can_be_shared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path) + "/gone")

    with pytest.raises(MimicError, match="no temporary file can be made: No such file"):
        SharedLog()
