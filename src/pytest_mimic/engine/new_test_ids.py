"""Finds tests that have another id in the next process, which looks for other logs."""

from __future__ import annotations

from collections.abc import Callable
from time import strftime

from pytest_mimic.engine.events import Events
from pytest_mimic.values.looks import new_in_test_id


class NewTestIds:
    """The tests of a recording run whose ids the next process makes anew.

    Args:
        events: Where they are noted.
        is_in_files: Whether a text stands in a file of the tests: then it is the same
            in each run.
    """

    def __init__(self, events: Events, is_in_files: Callable[[str], bool]) -> None:
        self._events = events
        self._is_in_files = is_in_files
        self._today = strftime("%Y-%m-%d")

    def note(self, test: str) -> None:
        """Look at the id of a test that has recorded a call in its log."""
        found, look = new_in_test_id(test, self._today)
        if found and not self._is_in_files(found):
            self._events.add("new test id", look, test=test)
