"""The marks of runs, between real processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_mimic._core.vault.locks import RunMark
from pytest_mimic.errors import MimicError

#: Marks a run, and ends when its input does.
OTHER = """
import sys
from pytest_mimic._core.vault.locks import RunMark

mark = RunMark(lambda: sys.argv[1])
mark.set()
print("set", flush=True)
sys.stdin.read()
mark.close()
"""


def another_run(folder: object) -> subprocess.Popen[str]:
    run = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "set\n"
    return run


@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_the_mark_of_another_run_is_seen_until_it_ends(tmp_path, how):
    """A run sees no mark of its own."""
    mark = RunMark(lambda: str(tmp_path))
    mark.set()
    assert not mark.is_set_elsewhere()
    other = another_run(tmp_path)

    assert mark.is_set_elsewhere()

    if how == "is killed":
        other.kill()
    other.communicate()
    assert not mark.is_set_elsewhere()
    mark.close()
    assert [*tmp_path.iterdir()] == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_does_not_end_the_mark(tmp_path):
    mark, other = RunMark(lambda: str(tmp_path)), RunMark(lambda: str(tmp_path))
    mark.set()

    child = os.fork()
    if not child:
        try:
            mark.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    assert other.is_set_elsewhere()
    mark.close()
    assert not other.is_set_elsewhere()


def test_a_mark_that_cannot_be_set_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(MimicError, match=r"cannot lock .*run-"):
        RunMark(lambda: str(tmp_path / "file")).set()
