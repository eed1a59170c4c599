"""The list of promises and the `promise` markers agree."""

from __future__ import annotations

import pytest
from promises import main, marked_tests, promises


def test_each_promise_has_a_test():
    assert [promise for promise in promises() if promise not in marked_tests()] == []


def test_each_marker_names_a_promise_of_the_list():
    assert sorted(marked_tests().keys() - set(promises())) == []


@pytest.mark.parametrize(
    "line",
    ["replay opens no connection", "    tests/e2e/test_sql_session.py::test_any_test_may_be_the_first_"],
)
def test_promises_are_listed_with_their_tests(capsys, line):
    main("replay opens")

    assert line in capsys.readouterr().out
