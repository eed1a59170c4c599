"""A vault survives writers that are killed at any point, and calls of the system that fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL"),
]

TESTS = Path(__file__).parents[1]
LOCKS = {"write", ".gitignore"}
PATHS = os.pathsep.join([str(TESTS), *sys.path])


def start(script, *words):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, words)],
        env=os.environ | {"PYTHONPATH": PATHS},
        stdout=subprocess.PIPE,
        text=True,
    )


def rows_of(process):
    """Return the lines of JSON that a script prints."""
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return [json.loads(line) for line in said.splitlines()]


# Each child does the work once more, and is killed one named point later.
KILLED = """
import itertools, json, os, sys
from support.vault_calls import open_vault, read, write

CHANGES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir", "os.scandir"}
points = iter(())

def kill(event, _):
    if event in CHANGES and next(points, 0) == last:
        print(json.dumps({"at": event, **facts}), flush=True)
        os.kill(os.getpid(), 9)

def work(vault):
    WORK

sys.addaudithook(kill)
for last in itertools.count(1):
    folder = f"{sys.argv[1]}/{last}"
    write(open_vault(folder), 1, "old")
    facts = {"folder": folder}
    child = os.fork()
    if not child:
        vault = open_vault(folder)
        points = itertools.count(1)
        work(vault)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


def killed_while(work, folder):
    """Return the points at which writers were killed, each with its vault."""
    rows = rows_of(start(KILLED.replace("WORK", work), folder))
    return [(str(row["at"]), str(row["folder"])) for row in rows]


def test_a_writer_that_is_killed_leaves_the_old_recording_or_the_new_one(tmp_path):
    """And nothing that keeps others from writing, or that stays for ever."""
    from support.vault_calls import open_vault, read, write

    killed = killed_while("write(vault, 1, 'new'); vault.close()", tmp_path)

    assert {at for at, _ in killed} >= {"open", "os.rename", "os.remove", "os.listdir"}
    seen = set()
    for _, folder in killed:
        vault = open_vault(folder)
        seen.add(read(vault, 1))
        write(vault, 1, "newer")
        assert read(vault, 1) == "newer"
        vault.close()
        for left in Path(folder).glob(".mimic-*.tmp"):
            os.utime(left, (0, 0))
        vault.delete(vault.unneeded_objects())  # as `check --fix` does
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert {path.name for path in files if path.parent.name == ".locks"} == LOCKS
        assert len(files) == 2 + len(LOCKS)
    assert seen == {"old", "new"}


# Each call of the system fails once, in turn. They are replaced before the vault is
# loaded, which keeps those of its beginning.
REFUSED = """
import errno, itertools, json, os, sys

left = 0

def failing(operation, function):
    def act(*args, **kwargs):
        global left
        if operation == failing_now:
            left -= 1
            if left == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return function(*args, **kwargs)
    return act

failing_now = ""
OPERATIONS = ("open", "write", "close", "replace", "mkdir", "scandir", "listdir", "unlink")
for name in OPERATIONS:
    setattr(os, name, failing(name, getattr(os, name)))

from pytest_mimic import MimicError
from support.vault_calls import open_vault, read, write

for operation in OPERATIONS:
    for count in itertools.count(1):
        folder = f"{sys.argv[1]}/{operation}{count}"
        vault = open_vault(folder)
        write(vault, 1, "old")
        vault.close()
        error = ""
        left, failing_now = count, operation
        try:
            write(vault, 1, "new")
            vault.close()
        except MimicError as reason:
            error = str(reason)
        failing_now = ""
        row = {"operation": operation, "error": error, "now": read(vault, 1)}
        write(vault, 1, "new")
        row["then"] = read(vault, 1)
        vault.close()
        vault.delete(vault.unneeded_objects())  # As check --fix.
        walked = [(place, files) for place, _, files in os.walk(folder)]
        row["files"] = sum(len(files) for place, files in walked if not place.endswith(".locks"))
        print(json.dumps(row))
        if left > 0:
            break
"""


def test_a_call_of_the_system_that_fails_is_one_error_and_leaves_nothing_half(tmp_path):
    """A full disk, a folder without rights: the next write goes on."""
    rows = rows_of(start(REFUSED, tmp_path))

    failed = [row for row in rows if row["error"]]
    assert {row["operation"] for row in failed} >= {"open", "write", "close", "replace"}
    for row in failed:
        first, *_ = row["error"].splitlines()
        assert first.startswith(("cannot write vault/", "cannot read vault/", "cannot lock vault", "cannot delete vault/"))  # fmt: skip
        assert first.endswith(os.strerror(28))
    for row in rows:
        assert row["now"] in ("old", "new")
        assert (row["then"], row["files"]) == ("new", 2)


KILLED_IN = """
    import os, signal

    def get(name):
        ran("get", name)
        if os.environ.get("KILL_IN") == name:
            os.kill(os.getpid(), signal.SIGKILL)
        return name * 2
"""


def test_a_killed_run_loses_at_most_the_log_of_the_owner_that_ran(project):
    """The next run makes it anew, and that of a fixture whose tear-down is missing."""
    project.ini("shop:get sequence")
    project.module(KILLED_IN)
    project.tests("""
        @pytest.fixture(scope="module", autouse=True)
        def around():
            shop.get("set up")
            yield
            shop.get("torn down")

        def test_one(): assert shop.get("one") == "oneone"

        def test_two(): assert shop.get("two") + shop.get("three") == "twotwothreethree"
    """)
    killed = project.run(
        "--mimic-record", "-p", "no:randomly", process=True, env={"KILL_IN": "three"}
    )
    assert killed.exit_code == -9
    assert len(project.files("logs")) == 2
    project.replay("-k", "one").expect(passed=1, errors=1, deselected=1)

    again = project.record("-p", "no:randomly").expect(
        passed=2, real=["get set up", "get two", "get three", "get torn down"]
    )

    assert "unfinished" not in again.output
    project.replay().expect(passed=2, real=[])
    project.record().expect(passed=2, real=[])
