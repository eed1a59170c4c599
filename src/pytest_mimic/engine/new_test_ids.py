"""Finds tests that have another id in the next process, which looks for other logs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from time import strftime

from pytest_mimic.engine.events import Events
from pytest_mimic.values.made_anew import ORDER_OF_SET, new_in_test_id


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
        self._parameters: Mapping[str, object] = {}

    def begin_test(self, parameters: Mapping[str, object]) -> None:
        """Take the parameters of the test that begins, of which its id is made."""
        self._parameters = parameters

    def note(self, test: str) -> None:
        """Look at the id of a test that has recorded a call in its log."""
        found, look = new_in_test_id(test, self._today)
        for value in self._parameters.values():
            if isinstance(value, (set, frozenset)) and _is_in_order(value, test):
                found, look = test, ORDER_OF_SET
        if found and not self._is_in_files(found):
            self._events.add("new test id", look, test=test)


def _is_in_order(members: Collection[object], test: str) -> bool:
    """Tell whether an id names the members of a set as they come, and not sorted."""
    texts = [str(member) for member in members]
    _, _, parameters = test.partition("[")
    positions = [parameters.find(text) for text in texts]
    return (
        -1 not in positions
        and positions == sorted(positions)
        and texts != sorted(texts)
    )
