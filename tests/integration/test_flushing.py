"""The end of a run flushes what was recorded, and names a failure in the summary."""

from __future__ import annotations

import errno
import os

from pytest_mimic._core.vault import folder


def test_failed_flush_is_named_in_the_summary_and_loses_nothing(project, monkeypatch):
    def fail(_file):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    project.ini("shop:count")
    project.module("def count(n):\n    return len([i for i in range(n)])\n")
    project.test("assert shop.count(2_000_000) == 2_000_000")
    with monkeypatch.context() as patch:
        patch.setattr(folder, "fsync", fail)
        project.record().expect(passed=1, exit_code=1, says=["cannot write", os.strerror(errno.EIO)])

    project.replay().expect(passed=1)
