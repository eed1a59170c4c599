"""Another user of one vault is kept out while somebody writes, and stops nobody."""

from __future__ import annotations

import os
import stat
import traceback
from pathlib import Path

import filelock  # What a user without rights cannot load any more.
import pytest

from pytest_mimic import CorruptRecordingError, MimicError
from pytest_mimic.vault.vault import Vault
from rooms.calls import LOG, SHARED, entry, recording

NOBODY = 65534
pytestmark = [
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root"
    ),
]
assert filelock


@pytest.fixture
def vault(tmp_path, monkeypatch):
    """A vault that everybody may write."""
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # The folders around are closed to other users.
    before = os.umask(0o000)
    (tmp_path / "v").mkdir()
    vault = Vault(Path("v"))
    vault.write(SHARED, recording(entry(1)))
    vault.write(LOG, recording(entry(1)))
    yield vault
    vault.close()
    os.umask(before)


def as_nobody(work):
    """Do work as another user, in a process that is killed then; return its result."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(write, repr(work(Vault(Path("v")))).encode())
        except BaseException:
            os.write(write, traceback.format_exc().encode())
        os._exit(9)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as said:
        return said.read()


def test_what_a_sticky_folder_keeps_is_no_place_to_record(vault):
    (Path("v") / SHARED).parent.chmod(0o1777)

    says = f"cannot write v/{SHARED}: its folder is sticky, and another user's"
    assert says in as_nobody(lambda vault: vault.try_out([SHARED]))
    assert as_nobody(lambda vault: vault.try_out([SHARED[:-6] + "9.json"])) == "None"


@pytest.mark.parametrize("umask", [0o002, 0o077])
def test_users_exclude_one_another_whatever_their_umask(vault, umask):
    """A lock that a killed run of another user has left excludes nobody."""

    def join(vault):
        os.umask(umask)
        vault.begin_recording()

    vault.close()
    as_nobody(join)
    with vault.locks.alone() as is_alone:
        assert is_alone
    os.umask(umask)
    vault.begin_recording()

    def is_alone_there(vault):
        with vault.locks.alone() as is_alone:
            return is_alone

    assert as_nobody(is_alone_there) == "False"
    modes = {path.name: path.stat().st_mode for path in Path("v/.locks").iterdir()}
    assert stat.S_IMODE(modes["write"]) == 0o666


def test_one_file_that_cannot_be_read_hides_no_other(vault):
    """Nor does a folder, and a vault of another user can be checked whole."""
    (Path("v") / SHARED).chmod(0o600)
    (Path("v/logs/closed")).mkdir(mode=0o700)
    Path("v").chmod(0o555)

    def damages(vault):
        return [
            (name, error.damage if isinstance(error, CorruptRecordingError) else "")
            for name, error in vault.all()
        ]

    assert as_nobody(damages) == repr(
        [(SHARED, "unreadable"), ("logs/closed/", "unreadable"), (LOG, "")]
    )


def test_one_file_that_cannot_be_deleted_keeps_no_other(vault):
    (Path("v") / SHARED).parent.chmod(0o555)

    def delete(vault):
        try:
            vault.delete([SHARED, LOG])
        except MimicError as error:
            return error.what, [*vault.names()]

    assert as_nobody(delete) == repr(
        (f"cannot delete v/{SHARED}: Permission denied", [SHARED])
    )
