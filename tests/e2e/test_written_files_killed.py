"""A process that is killed while a replay writes files leaves each file old or new."""

from __future__ import annotations

import signal
import sys

import pytest

pytestmark = [
    pytest.mark.rare,
    pytest.mark.skipif(sys.platform == "win32", reason="kills a process by a signal"),
]

CONFTEST = """
    import os, signal
    from pytest_mimic._core.files import restoring# before os.replace is another function

    replace, left = os.replace, int(os.environ.get("KILL_AT", "-1"))

    def killing(*args, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return replace(*args, **kwargs)

    if left >= 0:
        os.replace = killing
"""


@pytest.mark.promise("writes= makes the files that a call writes part of the outcome")
@pytest.mark.parametrize("kill_at", [0, 1, 2])
def test_a_killed_replay_leaves_each_file_old_or_new(project, kill_at):
    project.ini("etl:split writes=folder")
    project.conftest(CONFTEST)
    project.write(
        "etl.py",
        "def split(folder):\n    for name in 'abc':\n        (folder / name).write_text('new' * 100_000)\n",
    )
    project.write(
        "test_etl.py", "import etl\nfrom pathlib import Path\n\ndef test_it():\n    etl.split(Path('out'))\n"
    )
    folder = project.root / "out"
    folder.mkdir()
    project.record(process=True).expect(passed=1)
    for name in "abc":
        (folder / name).write_text("old")

    run = project.run(process=True, env={"KILL_AT": str(kill_at)})

    assert run.exit_code == -signal.SIGKILL
    new = {name for name in "abc" if (folder / name).read_text() == "new" * 100_000}
    old = {name for name in "abc" if (folder / name).read_text() == "old"}
    assert len(new) == kill_at
    assert new | old == set("abc")
    project.replay(process=True).expect(passed=1)
    assert {(folder / name).read_text() for name in "abc"} == {"new" * 100_000}
