"""Section 5, *Mocks*: a call whose code reaches what a test has replaced is another call."""

from __future__ import annotations

# A run in process would forget the module, but for its name in `unittest`.
import unittest.mock  # noqa: F401
from importlib.util import find_spec

import pytest

# A run in process would load it again each time, which takes longer than the rest.
pytest.importorskip("django.test")

TARGETS = ["app:total"]
APP = """
    import clock
    from django.conf import settings

    if not settings.configured:
        settings.configure(RATE=1)

    DISCOUNT = {"spring": 1}

    class Rates:
        def rate(self):
            return 2

    def rate():
        return 2

    def total(n):
        ran("total", n)
        time.sleep(0)
        return n * rate() * Rates().rate() * DISCOUNT["spring"] * clock.rate() * _of_settings()

    def _of_settings():
        return settings.RATE * getattr(settings, "OTHER", 1)
"""
CLOCK = """
    def rate():
        return 1
"""
WAYS = {
    "monkeypatch.setattr": "monkeypatch.setattr(app, 'rate', lambda: 5)",
    "monkeypatch.setattr by name": "monkeypatch.setattr('app.rate', lambda: 5)",
    "monkeypatch.setitem": "monkeypatch.setitem(app.DISCOUNT, 'spring', 5)",
    "a method": "monkeypatch.setattr(app.Rates, 'rate', lambda self: 5)",
    "behind a name": "monkeypatch.setattr(app.clock, 'rate', lambda: 5)",
    "mock.patch": "stack.enter_context(mock.patch('app.rate', return_value=5))",
    "mock.patch.object": "stack.enter_context(mock.patch.object(app, 'rate', lambda: 5))",
    "mock.patch.dict": "stack.enter_context(mock.patch.dict(app.DISCOUNT, spring=5))",
    "mock.patch.dict by name": "stack.enter_context(mock.patch.dict('app.DISCOUNT', {'spring': 5}))",
    "mock.patch.dict that was started": "mock.patch.dict(app.DISCOUNT, spring=5).start(); stack.callback(mock.patch.stopall)",
    "override_settings": "stack.enter_context(override_settings(RATE=5))",
    "a setting by getattr": "stack.enter_context(override_settings(OTHER=5))",
}
PLAIN = """
    import app
    from contextlib import ExitStack
    from unittest import mock
    from django.test import override_settings

    def test_plain():
        assert app.total(3) == 12
"""
PATCHED = """
    def test_patched{number}(monkeypatch):
        with ExitStack() as stack:
            {way}
            assert app.total(3)
"""
TWO_TESTS = PLAIN + PATCHED.format(number="", way=WAYS["monkeypatch.setattr"])


@pytest.fixture
def app(project):
    project.ini(*TARGETS)
    project.write("app.py", APP)
    project.write("clock.py", CLOCK)
    return project


def test_a_call_with_a_mock_is_refused_and_gets_no_recording_of_another(app):
    numbered = enumerate(WAYS.values())
    tests = [PATCHED.format(number=number, way=way) for number, way in numbered]
    app.write("test_app.py", PLAIN + "".join(tests))

    run = app.record().expect(passed=1, failed=len(WAYS))

    assert len(run.real) <= 1 + len(WAYS)
    assert len(run.calls) == 1
    helped = [line for line in run.error if "app:total sequence" in line]
    assert len(helped) == len(WAYS), run.output
    app.replay().expect(passed=1, failed=len(WAYS), real=[])


def test_the_refusal_names_what_is_replaced(app):
    app.write("test_app.py", TWO_TESTS)

    run = app.record("test_app.py::test_patched").expect(failed=1)

    assert "app.rate" in run.output
    assert "app:total sequence" in run.output
    assert "or mimic what is replaced, in place of it: app:rate" in run.output
    assert run.calls == []


def test_the_line_that_helps_keeps_the_options(app):
    app.ini("app:* ignore=n")
    app.write("test_app.py", TWO_TESTS)

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
    app.write("test_app.py", TWO_TESTS)
    app.round_trip(passed=2, real=["total 3"] * 2)


def test_what_is_replaced_may_be_the_target(app):
    app.ini("app:rate")
    app.write("test_app.py", TWO_TESTS)
    app.record().expect(passed=2)

    # The rest of the code runs for real.
    app.run().expect(passed=2, real=["total 3"] * 2)


def test_what_the_call_does_not_reach_is_no_mock_of_it(app):
    patches = [
        "monkeypatch.setattr('os.urandom', bytes)",
        "monkeypatch.setattr('time.sleep', lambda seconds: None)",
        "monkeypatch.setattr(app.time, 'sleep', lambda seconds: None)",
        "monkeypatch.delattr(app, 'DISCOUNTS', raising=False)",
        "monkeypatch.setenv('SHOP', 'x')",
        "monkeypatch.setattr('json.dumps', lambda value: '')",
    ]
    tests = [
        f"def test_{n}(monkeypatch):\n    {patch}\n    assert app.total({n}) == {4 * n}\n"
        for n, patch in enumerate(patches)
    ]
    app.write("test_app.py", "import app\n" + "".join(tests))
    app.round_trip(passed=6, real=[f"total {n}" for n in range(6)])


def test_our_own_wrappers_are_no_mocks(app):
    app.ini("app:total", "app:rate", "clock:*")
    app["test_app.py"] = """
        import app
        from pytest_mimic import mimic

        def test_total():
            with mimic("app:Rates.rate"):
                assert app.total(3) == 12
    """
    app.round_trip(passed=1)


def test_a_mock_that_is_undone_is_none(app):
    app["test_app.py"] = """
        import app

        def test_total(monkeypatch):
            with monkeypatch.context() as patch:
                patch.setattr(app, "rate", lambda: 5)
            assert app.total(3) == 12
    """
    app.round_trip(passed=1, real=["total 3"])


FETCH = """
    def by_requests(url):
        return requests.get(url).status_code

    def by_httpx(url):
        return httpx.get(url).status_code

    def by_aiohttp(url):
        async def fetch():
            async with aiohttp.ClientSession() as session:
                async with session.get(url) as answer:
                    return answer.status
        return asyncio.run(fetch())
"""
MOCKING = {
    "responses": (
        "requests",
        "import responses\nwith responses.RequestsMock(assert_all_requests_are_fired=False) as mock:\n    mock.get(URL, status=201)",
    ),
    "requests-mock": (
        "requests",
        "import requests_mock\nwith requests_mock.Mocker() as mock:\n"
        "    mock.get(URL, status_code=201)",
    ),
    "respx": (
        "httpx",
        "import respx\nwith respx.mock(assert_all_called=False) as mock:\n    mock.get(URL).respond(201)",
    ),
    "pytest-httpx": (
        "httpx",
        "mock = request.getfixturevalue('httpx_mock')\nif True:\n"
        "    mock.add_response(status_code=201, is_optional=True)",
    ),
    "aioresponses": (
        "aiohttp",
        "import aioresponses\nwith aioresponses.aioresponses() as mock:\n"
        "    mock.get(URL, status=201)",
    ),
}


def test_what_a_library_for_mocks_answers_inside_of_a_call_is_no_outcome_of_others(
    app, server
):
    installed = [name for name in MOCKING if find_spec(name.replace("-", "_"))]
    app.ini("fetch:*")
    app.write("fetch.py", FETCH)
    for library in installed:
        client, mocking = MOCKING[library]
        body = "\n        ".join(mocking.splitlines())
        app[f"test_{library}.py"] = f"""
    import fetch

    URL = "{server.url}/{library}"

    def test_plain():
        assert fetch.by_{client}(URL) == 404

    def test_mocked(request):
        {body}
            assert fetch.by_{client}(URL) == 201
    """
    plugin = ["-p", "pytest_httpx"] if "pytest-httpx" in installed else []
    count = len(installed)

    recording = app.record(*plugin).expect(passed=count, failed=count)

    for library in installed:
        assert f"FAILED test_{library}.py::test_mocked" in recording.output
        client = MOCKING[library][0]
        assert f"fetch:by_{client} sequence" in recording.output
    app.replay(*plugin).expect(passed=count, failed=count)


FROZEN = """
    import app
    import time_machine
    from freezegun import freeze_time

    def test_now():
        assert app.age(2000) > 24

    @freeze_time("2024-05-01")
    def test_24():
        assert app.total(1) == 4
        assert app.age(2000) == 24

    @time_machine.travel("2030-05-01")
    def test_30():
        assert app.total(1) == 4
        assert app.age(2000) == 30
"""


def test_a_held_clock_is_a_mock_for_a_shared_call_that_asks_for_the_time(app):
    app.ini("app:age", "app:total")
    app["app.py"] = """
        from datetime import date

        def age(born):
            ran("age", born)
            return _today().year - born

        def _today():
            return date.today()

        def total(n):
            ran("total", n)
            return n * 4
    """
    app.write("test_app.py", FROZEN)

    recording = app.record().expect(
        passed=1,
        failed=2,
        says=[
            "the clock, by freezegun, is replaced",
            "the clock, by time_machine, is replaced",
            "give each test its own recordings: app:age sequence",
        ],
    )
    assert sorted(recording.real) == ["age 2000", "total 1"]
    app.replay().expect(passed=1, failed=2, real=[])

    app.ini("app:age sequence", "app:total")
    app.record().expect(passed=3)
    app.replay().expect(passed=3, real=[])


def test_two_tests_that_share_a_call_are_recorded_again_together(app):
    app.ini("app:cost ignore=m")
    app.write("app.py", "RATE = 1\n\ndef cost(n, m=0):\n    return n * RATE\n")
    app["test_app.py"] = """
        import app

        def test_a():
            app.RATE = 1
            assert app.cost(3) == 3

        def test_b():
            app.RATE = 2
            assert app.cost(3) == 6
    """

    app.record().expect(
        passed=1,
        failed=1,
        says=[
            "again: pytest --mimic-rerecord test_app.py::test_b test_app.py::test_a",
            "if it should differ from what test_app.py::test_a got: "
            "app:cost ignore=m sequence",
        ],
    )


def test_dates_are_recorded_while_freezegun_holds_the_clock(app):
    app.ini("app:days")
    app["app.py"] = """
        FIRST = datetime.datetime(2020, 1, 1)

        def days(day):
            one = datetime.timedelta(1)
            return {"first": FIRST, "made": datetime.datetime(2020, 1, 1), "next": day + one}
    """
    app["test_app.py"] = """
        import app
        from freezegun import freeze_time

        @freeze_time("2026-11-02")
        def test_days():
            found = app.days(datetime.date(2020, 1, 1))
            assert isinstance(found["next"], datetime.date)
            assert found == {
                "first": datetime.datetime(2020, 1, 1),
                "made": datetime.datetime(2020, 1, 1),
                "next": datetime.date(2020, 1, 2),
            }
    """

    # In another process the modules are loaded while the clock is held.
    app.record(process=True).expect(passed=1)

    app.replay(process=True).expect(passed=1)
