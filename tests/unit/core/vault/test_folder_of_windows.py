"""The rules of Windows for files, in a process whose `os` has them."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("fcntl", reason="the rules of Windows are simulated with those of POSIX")

#: What the modules load themselves was loaded by a POSIX system.
BEGIN = """
import os, sys

import pytest_mimic._core.vault

for name in [name for name in sys.modules if name.startswith("pytest_mimic.")]:
    del sys.modules[name]
folder = sys.argv[1]
"""
#: `os.name` is that of Windows only meanwhile: `pathlib` looks at it as well.
LOAD = """
os.name = "nt"
from pytest_mimic._core.vault.folder import FolderStore
os.name = "posix"
"""


def outcome_of(folder: object, before: str, after: str) -> str:
    """Return what a process prints that does one thing before the store is loaded, and one after that."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + before + LOAD + after, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


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
store.end_run()
print(store.read("calls/a.json"), bytes(store.map("calls/a.json")), store.delete(["calls/a.json"]))
print(store.names(), min(refused.values()))
"""

    assert outcome_of(tmp_path, before, after) == "b'2' b'2' 1\n[] 4\n"
