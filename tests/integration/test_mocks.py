"""Section 5, *Mocks*: a call whose code reaches what a test has replaced is another call."""

from __future__ import annotations

# A run in process would forget the module, but for its name in `unittest`.
import unittest.mock  # noqa: F401

import pytest

TARGETS = ["app:total"]
APP = """
    import time
    import clock
    from tally import ran

    DISCOUNT = {"spring": 1}

    class Rates:
        def rate(self):
            return 2

    def rate():
        return 2

    def total(n):
        ran("total", n)
        time.sleep(0)
        return n * rate() * Rates().rate() * DISCOUNT["spring"] * clock.now()
"""
CLOCK = """
    def now():
        return 1
"""
WAYS = {
    "monkeypatch.setattr": "monkeypatch.setattr(app, 'rate', lambda: 5)",
    "monkeypatch.setattr by name": "monkeypatch.setattr('app.rate', lambda: 5)",
    "monkeypatch.setitem": "monkeypatch.setitem(app.DISCOUNT, 'spring', 5)",
    "a method": "monkeypatch.setattr(app.Rates, 'rate', lambda self: 5)",
    "behind a name": "monkeypatch.setattr(app.clock, 'now', lambda: 5)",
    "mock.patch": "stack.enter_context(mock.patch('app.rate', return_value=5))",
    "mock.patch.object": "stack.enter_context(mock.patch.object(app, 'rate', lambda: 5))",
}
TWO_TESTS = """
    import app
    from contextlib import ExitStack
    from unittest import mock

    def test_plain():
        assert app.total(3) == 12

    def test_patched(monkeypatch):
        with ExitStack() as stack:
            {way}
            assert app.total(3)
"""


@pytest.fixture
def app(project):
    project.ini(*TARGETS)
    project.write("app.py", APP)
    project.write("clock.py", CLOCK)
    return project


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_call_with_a_mock_is_refused_while_recording(app, way):
    app.write("test_app.py", TWO_TESTS.format(way=way))

    run = app.record()

    run.expect(passed=1, failed=1)
    assert run.real.count("total 3") <= 2
    assert "sequence" in run.output


def test_a_call_with_a_mock_gets_no_recording_of_another(app):
    app.write("test_app.py", TWO_TESTS.format(way=WAYS["mock.patch"]))
    app.record("test_app.py::test_plain").expect(passed=1)

    run = app.replay()

    run.expect(passed=1, failed=1, real=[])


def test_the_refusal_names_what_is_replaced(app):
    app.write("test_app.py", TWO_TESTS.format(way=WAYS["monkeypatch.setattr"]))

    run = app.record("test_app.py::test_patched").expect(failed=1)

    assert "app.rate" in run.output
    assert "app:total sequence" in run.output
    assert "or mimic what is replaced, in place of it: app:rate" in run.output
    assert run.calls == []


def test_the_line_that_helps_keeps_the_options(app):
    app.ini("app:* ignore=n")
    app.write("test_app.py", TWO_TESTS.format(way=WAYS["monkeypatch.setattr"]))

    run = app.record("test_app.py::test_patched").expect(failed=1)

    assert "app:total ignore=n sequence" in run.output


def test_what_is_no_function_is_not_named_as_a_target(app):
    app.write("app.py", "LIMIT = 3\n\ndef total(n):\n    return n + LIMIT\n")
    app.test("import app\nmonkeypatch.setattr(app, 'LIMIT', 5)\napp.total(3)")

    run = app.record().expect(failed=1)

    assert "app.LIMIT is replaced" in run.output
    assert "in place of it" not in run.output


def test_with_a_sequence_each_test_has_its_own_recording(app):
    app.ini("app:total sequence")
    app.write("test_app.py", TWO_TESTS.format(way=WAYS["monkeypatch.setattr"]))
    app.record().expect(passed=2, real=["total 3"] * 2)

    app.replay().expect(passed=2, real=[])


def test_what_is_replaced_may_be_the_target(app):
    app.ini("app:rate")
    app.write("test_app.py", TWO_TESTS.format(way=WAYS["monkeypatch.setattr"]))
    app.record().expect(passed=2)

    # The rest of the code runs for real.
    app.run().expect(passed=2, real=["total 3"] * 2)


@pytest.mark.parametrize(
    "patch",
    [
        "monkeypatch.setattr('time.sleep', lambda seconds: None)",
        "monkeypatch.setattr(app.time, 'sleep', lambda seconds: None)",
        "monkeypatch.delattr(app, 'DISCOUNTS', raising=False)",
        "monkeypatch.setenv('SHOP', 'x')",
        "monkeypatch.setattr('json.dumps', lambda value: '')",
    ],
)
def test_what_the_call_does_not_reach_is_no_mock_of_it(app, patch):
    app.write(
        "test_app.py",
        f"""
        import app

        def test_patched(monkeypatch):
            {patch}
            assert app.total(3) == 12
        """,
    )
    app.record().expect(passed=1, real=["total 3"])

    app.replay().expect(passed=1, real=[])


def test_our_own_wrappers_are_no_mocks(app):
    app.ini("app:total", "app:rate", "clock:*")
    app.write(
        "test_app.py",
        """
        import app
        from pytest_mimic import mimic

        def test_total():
            with mimic("app:Rates.rate"):
                assert app.total(3) == 12
        """,
    )
    app.record().expect(passed=1)

    app.replay().expect(passed=1, real=[])


def test_a_mock_that_is_undone_is_none(app):
    app.write(
        "test_app.py",
        """
        import app

        def test_total(monkeypatch):
            with monkeypatch.context() as patch:
                patch.setattr(app, "rate", lambda: 5)
            assert app.total(3) == 12
        """,
    )
    app.record().expect(passed=1, real=["total 3"])

    app.replay().expect(passed=1, real=[])
