"""The end of a run brings what was recorded to the disk."""

from __future__ import annotations

import os

import pytest


@pytest.mark.skipif(not hasattr(os, "sync"), reason="the system has no such call")
@pytest.mark.parametrize(("option", "count"), [("--mimic-record", 1), ("-q", 0)])
def test_what_was_recorded_is_flushed_once(project, monkeypatch, option, count):
    project.ini("shop:count")
    project.module("def count(n):\n    return n\n")
    project.test("assert shop.count(2) == shop.count(2) == 2")
    flushed: list[int] = []
    monkeypatch.setattr(os, "sync", lambda: flushed.append(1))

    project.run(option)

    assert len(flushed) == count
