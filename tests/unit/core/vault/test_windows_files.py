"""The rules of Windows for files and locks, in a process whose `os` has them."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("fcntl", reason="the rules of Windows are simulated with those of POSIX")

#: What the modules load themselves was loaded by a POSIX system.
BEGIN = """
import fcntl, os, sys, types
from threading import Event, Thread

import pytest_mimic._core.vault

for name in [name for name in sys.modules if name.startswith("pytest_mimic.")]:
    del sys.modules[name]
folder = sys.argv[1]
"""
#: `os.name` is that of Windows only meanwhile: `pathlib` looks at it as well.
LOAD = """
os.name = "nt"
from pytest_mimic._core.vault.folder import FolderStore
from pytest_mimic._core.vault.locks import ByteLocks
os.name = "posix"
"""


def outcome_of(folder: object, before: str, after: str) -> str:
    """Return what a process prints that does one thing before the store is loaded, and one after that."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + FAKE + before + LOAD + after, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


#: `locking` of Windows locks at the current place in the file.
FAKE = """
def locking(file, mode, size):
    fcntl.lockf(file, mode, size, 0, os.SEEK_CUR)

sys.modules["msvcrt"] = types.ModuleType("msvcrt")
vars(sys.modules["msvcrt"]).update(
    locking=locking, LK_NBLCK=fcntl.LOCK_EX | fcntl.LOCK_NB, LK_UNLCK=fcntl.LOCK_UN
)
"""


def test_a_store_waits_while_another_process_has_the_file_open(tmp_path):
    """A reader of a recording that is being replaced, or a virus scanner."""
    before = """
refused = {}

def refusing(function):
    def act(path, *args, **kwargs):
        one = function, path
        refused[one] = refused.get(one, 0) + 1
        if refused[one] % 4:
            raise PermissionError(13, "Permission denied", path)
        return function(path, *args, **kwargs)
    return act

os.replace, os.unlink, os.mkdir, os.open = map(refusing, (os.replace, os.unlink, os.mkdir, os.open))
"""
    after = """
store = FolderStore(folder + "/vault")
store.write("calls/a.json", b"1")
store.write("calls/a.json", b"2")
store.flush()
print(store.read("calls/a.json"), bytes(store.map("calls/a.json")), store.delete(["calls/a.json"]))
print(store.names(), min(refused.values()))
"""

    assert outcome_of(tmp_path, before, after) == "b'2' b'2' 1\n[] 4\n"


def test_threads_do_not_lock_each_others_bytes(tmp_path):
    """They share the place in the file at which Windows locks."""
    before = """
seek, is_placed, is_over = os.lseek, Event(), Event()

def lseek(file, byte, how):
    place = seek(file, byte, how)
    if byte == 5:
        is_placed.set()
        is_over.wait(0.2)
    return place

os.lseek = lseek
"""
    after = """
def other():
    is_placed.wait()
    locks.acquire(9)
    is_over.set()

locks = ByteLocks(lambda: folder + "/locks")
locks.acquire(1)
thread = Thread(target=other)
thread.start()
locks.acquire(5)
thread.join()
child = os.fork()
if not child:  # another process
    file = os.open(folder + "/locks", os.O_RDWR)
    taken = []
    for byte in (1, 2, 5, 9):
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError:
            taken.append(byte)
    print(taken, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""

    assert outcome_of(tmp_path, before, after) == "[1, 5, 9]\n"
