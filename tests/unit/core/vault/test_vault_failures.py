"""Whichever operation of a recording fails, the old content stays, and nothing is half written."""

from __future__ import annotations

import errno
import os

import pytest

from pytest_mimic import MimicError
from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.vault import FolderStore, Vault, folder
from pytest_mimic._core.vault.recording_facts import Recording

A, B = "calls/shop/f/aa.json", "calls/shop/f/bb.json"
OLD, NEW = (
    [(1, "old"), "x" * 70_000, {"x": 1}],
    [(2, "new"), "y" * 70_000, {"x": 2}, (3, "newer")],
)
FAILURES = [errno.ENOSPC, errno.EIO, errno.EDQUOT]


def put(vault, name, values, *, seconds=0.5):
    outcomes = [vault.writer.encoded(Value(value), seconds) for value in values]
    vault.writer.write(
        name, [Recording("shop:f", None, None, "t", "2026-11-01", None, outcomes)]
    )


def values(vault, name):
    recording = vault.read(name)
    return (
        None
        if recording is None
        else [outcome.load().value for outcome in recording.outcomes]
    )


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
        failed = []
        for n in (
            1,
            2,
            # it matters to nobody if the first folder, that of the locks, is there already
        ):
            with monkeypatch.context() as patch:
                FailingOnce(patch, operation, n, errno.EIO)
                vault = Vault(FolderStore(tmp_path / f"{operation}{n}"))
                failed.append(attempt(lambda vault=vault: put(vault, A, NEW)))
        assert any(failed)


@pytest.mark.parametrize("operation", ["open", "write", "replace", "mkdir", "close"])
@pytest.mark.parametrize("before", [None, OLD], ids=["new", "replacing"])
def test_failing_operation_leaves_the_old_or_the_new_recording(
    operation, before, tmp_path, monkeypatch
):
    """For each n-th operation.

    The error names path and cause; at most an object is left, which goes with the next
    clearing.
    """
    for n in range(1, 100):
        folder = tmp_path / str(n)
        vault = Vault(FolderStore(folder))
        put(vault, B, OLD[:2])
        if before is not None:
            put(vault, A, before)
        stood = everything(folder)

        with monkeypatch.context() as patch:
            failing = FailingOnce(patch, operation, n, FAILURES[n % 3])
            failed = attempt(
                lambda folder=folder: put(Vault(FolderStore(folder)), A, NEW)
            )

        if failed is None:
            assert values(vault, A) == NEW
        else:
            assert failed.startswith("cannot ")
            assert failed.endswith(os.strerror(FAILURES[n % 3]))
            now = everything(folder)
            assert {path: now[path] for path in stood} == stood
            assert all("objects" in path.parts for path in now.keys() - stood.keys())
            vault.writer.delete([])
            assert everything(folder) == stood
        put(vault, A, NEW)
        assert (values(vault, A), values(vault, B)) == (NEW, OLD[:2])
        if failing.left > 0:
            return
    raise AssertionError("some operation fails for ever")


@pytest.mark.parametrize("operation", ["unlink", "scandir", "open"])
def test_failing_operation_of_clearing_breaks_nothing(operation, tmp_path, monkeypatch):
    """Every named object still exists, and clearing again completes it."""
    for n in range(1, 100):
        folder = tmp_path / str(n)
        vault = Vault(FolderStore(folder))
        put(vault, A, OLD)
        put(vault, B, OLD[1:])

        with monkeypatch.context() as patch:
            failing = FailingOnce(patch, operation, n, errno.EIO)
            failed = attempt(
                lambda folder=folder: Vault(FolderStore(folder)).writer.delete([A])
            )

        assert failed is None or failed.endswith(os.strerror(errno.EIO))
        assert values(vault, A) in (None, OLD)
        assert values(vault, B) == OLD[1:]
        vault.writer.delete([A])
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

    vault.writer.delete([])
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
