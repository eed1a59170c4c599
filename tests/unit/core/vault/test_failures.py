"""Whichever operation of a recording fails, the old content stays, and nothing is half written."""

from __future__ import annotations

import errno
import os

import pytest

from pytest_mimic import MimicError
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.vault import FolderStore, Recording, Vault, folder

A, B = "calls/shop/f/aa.json", "calls/shop/f/bb.json"
OLD, NEW = [(1, "old"), [0] * 3000, {"x": 1}], [(2, "new"), [1] * 3000, {"x": 2}, (3, "newer")]
FAILURES = [errno.ENOSPC, errno.EIO, errno.EDQUOT]


def put(vault, name, values, *, seconds=0.5):
    outcomes = [vault.stored(Outcome("value", value), seconds) for value in values]
    vault.write(name, Recording("shop:f", None, None, "t", "2026-11-01", None, outcomes))


def values(vault, name):
    recording = vault.read(name)
    return None if recording is None else [outcome.load().value for outcome in recording.outcomes]


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def attempt(action) -> str | None:
    """Return the error of an action, or None."""
    try:
        action()
    except MimicError as error:
        return str(error)
    return None


class FailingOnce:
    """Makes the n-th call of a function of `os` fail, and passes other calls through."""

    def __init__(self, patch, operation, n, number):
        self.function, self.left, self.number = getattr(os, operation), n, number
        for module in (os, folder):
            for name, bound in list(vars(module).items()):
                if bound is self.function:
                    patch.setattr(module, name, self)

    def __call__(self, *args, **kwargs):
        self.left -= 1
        if self.left == 0:
            raise OSError(self.number, os.strerror(self.number))
        return self.function(*args, **kwargs)


def test_every_listed_operation_is_used(tmp_path, monkeypatch):
    """Otherwise the tests below would show nothing."""
    for operation in ("open", "write", "replace", "mkdir", "close"):
        with monkeypatch.context() as patch:
            FailingOnce(patch, operation, 1, errno.EIO)
            vault = Vault(FolderStore(tmp_path / operation))
            assert attempt(lambda vault=vault: put(vault, A, NEW)) is not None


@pytest.mark.parametrize("operation", ["open", "write", "replace", "mkdir", "close"])
@pytest.mark.parametrize("before", [None, OLD], ids=["new", "replacing"])
def test_failing_operation_leaves_the_old_or_the_new_recording(operation, before, tmp_path, monkeypatch):
    """For each n-th operation. The error names path and cause, and no leftover or orphan remains."""
    for n in range(1, 100):
        folder = tmp_path / str(n)
        vault = Vault(FolderStore(folder))
        put(vault, B, OLD[:2])
        if before is not None:
            put(vault, A, before)
        stood = everything(folder)

        with monkeypatch.context() as patch:
            failing = FailingOnce(patch, operation, n, FAILURES[n % 3])
            failed = attempt(lambda folder=folder: put(Vault(FolderStore(folder)), A, NEW))

        if failed is None:
            assert values(vault, A) == NEW
        else:
            assert failed.startswith("cannot ")
            assert failed.endswith(os.strerror(FAILURES[n % 3]))
            assert everything(folder) == stood
        put(vault, A, NEW)
        assert (values(vault, A), values(vault, B)) == (NEW, OLD[:2])
        if failing.left > 0:
            return
    raise AssertionError("some operation fails for ever")


@pytest.mark.parametrize(
    ("values", "seconds", "is_flushed"),
    [
        ([1], 0.5, True),
        ([1], 0.001, False),
        ([bytearray(8 << 20)], 0.5, True),
        ([bytearray(8 << 20)], 0.03, False),
    ],
    ids=["slow", "fast", "slow and large", "large"],
)
def test_what_takes_longer_than_a_flush_is_flushed_at_the_end(
    values, seconds, is_flushed, tmp_path, monkeypatch
):
    """Once, and not while the calls run. A file that is gone by then fails nothing."""
    vault = Vault(FolderStore(tmp_path))
    with monkeypatch.context() as patch:
        FailingOnce(patch, "fsync", 1, errno.EIO)
        put(vault, A, values, seconds=seconds)
        put(vault, B, [2], seconds=seconds)
        vault.delete([B])

        failed = attempt(vault.store.flush)

    files = {str(path) for path in everything(tmp_path)}
    assert (failed is not None) == is_flushed
    assert failed is None or failed in {f"cannot write {file}: {os.strerror(errno.EIO)}" for file in files}
    assert attempt(vault.store.flush) is None


def test_failed_flush_leaves_no_file_out_and_is_reported_once(tmp_path, monkeypatch):
    vault = Vault(FolderStore(tmp_path))
    flushed: list[int] = []

    def fail(file):
        flushed.append(file)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(folder, "fsync", fail)
        for name in (A, B):
            put(vault, name, [1], seconds=0.5)
        failures = [attempt(vault.store.flush) for _ in range(2)]

    assert len(flushed) == 2
    assert failures[0] in {f"cannot write {tmp_path / name}: {os.strerror(errno.EIO)}" for name in (A, B)}
    assert failures[1] is None


@pytest.mark.parametrize("operation", ["unlink", "lstat", "scandir", "open"])
def test_failing_operation_of_clearing_breaks_nothing(operation, tmp_path, monkeypatch):
    """Every named object still exists, and clearing again completes it."""
    for n in range(1, 100):
        folder = tmp_path / str(n)
        vault = Vault(FolderStore(folder))
        put(vault, A, OLD)
        put(vault, B, OLD[1:])

        with monkeypatch.context() as patch:
            failing = FailingOnce(patch, operation, n, errno.EIO)
            failed = attempt(lambda folder=folder: Vault(FolderStore(folder)).delete([A]))

        assert failed is None or failed.endswith(os.strerror(errno.EIO))
        assert values(vault, A) in (None, OLD)
        assert values(vault, B) == OLD[1:]
        vault.delete([A])
        assert (vault.names(), values(vault, B)) == ([B], OLD[1:])
        if failing.left > 0:
            return
    raise AssertionError("some operation fails for ever")


def test_interrupt_while_writing_leaves_nothing_half(tmp_path, monkeypatch):
    """Ctrl-C is not an OSError."""
    vault = Vault(FolderStore(tmp_path))
    put(vault, A, OLD)
    stood = everything(tmp_path)

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(folder, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            put(vault, A, NEW)

    assert everything(tmp_path) == stood


@pytest.mark.parametrize("number", [errno.EEXIST, errno.ENOENT])
def test_folders_made_or_removed_meanwhile_fail_nothing(number, tmp_path, monkeypatch):
    for n in range(1, 100):
        vault = Vault(FolderStore(tmp_path / str(n)))
        put(vault, B, OLD[:2])

        with monkeypatch.context() as patch:
            failing = FailingOnce(patch, "mkdir", n, number)
            put(vault, A, NEW)

        assert values(vault, A) == NEW
        if failing.left > 0:
            return
    raise AssertionError("some operation fails for ever")
