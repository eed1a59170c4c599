"""Tells which tests that have recorded something exist no more."""

from __future__ import annotations

import os
import re
from collections.abc import Container
from functools import cached_property
from pathlib import Path

from pytest_mimic.engine.usage import Usage


class GoneTests:
    """The tests that exist no more: `"tests/test_a.py::test_x" in gone_tests`.

    ==========================================  ======================================
    the file of the test                        the test is gone
    ==========================================  ======================================
    is gone                                     yes
    was not collected                           no: it is not known
    was collected, and the function too         yes, with these parameters
    was collected, and the name of neither      yes
    the function nor its class stands in it
    was collected, and one of these names does  no: it may have been left out
    ==========================================  ======================================

    Args:
        usage: What the run collected.
        rootdir: The rootdir of the project.
        partly_collected: The files of which only some tests were.
    """

    def __init__(
        self, usage: Usage, rootdir: Path, partly_collected: Container[str] = ()
    ) -> None:
        self._usage = usage
        self._rootdir = rootdir
        self._partly_collected = partly_collected

    @cached_property
    def _functions(self) -> set[str]:
        """The functions that were collected: all of their parameters are known."""
        return {test.partition("[")[0] for test in self._usage.selected}

    def __contains__(self, test: object) -> bool:
        usage = self._usage
        if not isinstance(test, str):
            return False
        if test in usage.selected or test in usage.outcomes:
            return False
        file = test.partition("::")[0]
        path = self._rootdir / file
        try:
            text = path.read_text("utf-8", "replace")
        except (OSError, ValueError):
            # Path.exists raises for a forged id that is no name of a file.
            return not os.path.exists(path)  # noqa: PTH110
        if file not in usage.collected or file in self._partly_collected:
            return False
        function = test.partition("[")[0]
        if function in self._functions:
            return True
        # The code is not parsed: a name in a comment may be left out for a while. A
        # doctest is called like its function, behind its module.
        names = [name.rpartition(".")[2] for name in function.split("::")[1:]]
        return not any(re.search(rf"\b{re.escape(name)}\b", text) for name in names)
