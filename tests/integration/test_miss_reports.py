"""The report of a test that failed for a miss: the miss first, then its client's error and the test's own failure."""

from __future__ import annotations

import re

import pytest

SHOP = """
    from concurrent.futures import ThreadPoolExecutor
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return city

    def greet(city):
        import client
        return client.ask(city).upper()

    def everywhere(cities):
        with ThreadPoolExecutor(2) as pool:
            return [job.exception() for job in [pool.submit(fetch, city) for city in cities]]

    def quietly(city):
        try:
            return fetch(city)
        except Exception:
            return None
"""
# A client is not part of the project.
CLIENT = """
    import shop

    class ConnectionFailed(Exception):
        pass

    def send(city):
        return shop.fetch(city)

    def ask(city):
        try:
            return send(city)
        except Exception as error:
            raise ConnectionFailed("Connection error.") from error
"""
MISS = [
    "MissingRecordingError: no recording of shop:fetch(city='Rome')",
    "  nearest: recorded by test_shop.py::test_it on DATE",
    "    city: 'Oslo' recorded, 'Rome' now",
    "  to record it: pytest --mimic-record test_shop.py::test_it",
]
WRAPPED = "import shop\n\ndef test_it():\n    assert shop.greet('Oslo') == 'OSLO'\n"


@pytest.fixture
def shop(project):
    """A project with a client in a folder of installed libraries, and a recording."""
    project.ini("shop:fetch", pythonpath="site-packages .")
    project.write("site-packages/client.py", CLIENT)
    project.tests(WRAPPED)
    project.record_once(passed=1)
    return project


def changed(shop, test, *args, **options):
    """Run a changed test; return the run and the lines of its report."""
    shop.tests(test)
    run = shop.replay(*args, **options)
    found = re.search(r"^_+ test_it _+\n(.*?)^=+ ", run.output, re.DOTALL | re.MULTILINE)
    text = found[1] if found else ""
    return run, re.sub(r"20\d\d-\d\d-\d\d", "DATE", text).splitlines()


@pytest.mark.promise("a miss is shown first, then its client's error and the test's own failure")
def test_a_wrapped_miss_is_shown_first(shop):
    run, lines = changed(shop, WRAPPED.replace("'Oslo'", "'Rome'"))

    run.expect(
        failed=1,
        says=[
            "FAILED test_shop.py::test_it - MissingRecordingError: no recording of shop:fetch(city='Rome')\n"
        ],
    )
    assert lines == [
        *MISS,
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        "    def test_it():",
        ">       assert shop.greet('Rome') == 'OSLO'",
        "               ^^^^^^^^^^^^^^^^^^",
        "",
        "test_shop.py:4: ",
        "_ " * 60,
        "shop.py:10: in greet",
        "    return client.ask(city).upper()",
        "           ^^^^^^^^^^^^^^^^",
        "E           client.ConnectionFailed: Connection error.",
    ]


def test_a_miss_behind_a_client_is_shown_with_the_projects_own_lines(shop):
    shop.write("site-packages/client.py", "import shop\n\ndef ask(city):\n    return shop.fetch(city)\n")

    run, lines = changed(shop, WRAPPED.replace("'Oslo'", "'Rome'"))

    run.expect(failed=1, says=["FAILED test_shop.py::test_it - MissingRecordingError: no recording"])
    assert lines[:4] == MISS
    assert lines[-1].split() == ["E", "pytest_mimic.MissingRecordingError:", *MISS[0].split()[1:]]
    assert [line for line in lines[4:] if ".py:" in line] == ["test_shop.py:4: ", "shop.py:10: in greet"]


@pytest.mark.parametrize("style", ["short", "long", "line", "native", "no"])
def test_every_style_shows_the_miss(shop, style):
    run, lines = changed(shop, WRAPPED.replace("'Oslo'", "'Rome'"), f"--tb={style}", "-q")

    run.expect(failed=1, says=["FAILED test_shop.py::test_it - MissingRecordingError: no recording"])
    assert lines[:4] == (MISS if style in ("short", "long", "native") else [])
    assert (".py:13: MissingRecordingError: no recording" in run.output) == (style == "line")
    assert "Connection error." in run.output or style in ("line", "no")


def test_the_order_is_kept_by_workers(shop):
    shop.tests(WRAPPED.replace("'Oslo'", "'Rome'"))

    run = shop.run("-n", "1", process=True)

    run.expect(failed=1, says=["FAILED test_shop.py::test_it - MissingRecordingError: no recording"])
    assert run.output.index("MissingRecordingError: no") < run.output.index("direct cause")
    assert run.output.count("  nearest: ") == 1


def test_an_unrelated_failure_is_shown_whole_behind_the_miss(shop):
    test = "import shop\n\ndef test_it():\n    assert shop.quietly('Rome') == 'Rome'\n"

    run, lines = changed(shop, test)

    run.expect(failed=1, says=["FAILED test_shop.py::test_it - MissingRecordingError: no recording"])
    assert lines[:9] == [
        *MISS,
        "",
        "The test then failed:",
        "",
        "    def test_it():",
        ">       assert shop.quietly('Rome') == 'Rome'",
    ]
    assert lines[-1] == "test_shop.py:4: AssertionError"


def test_each_of_several_misses_is_shown_once_and_ten_at_most(shop):
    test = "import shop\n\ndef test_it():\n    assert not shop.everywhere('abcdefghijklmnabc')\n"

    run, lines = changed(shop, test)

    run.expect(failed=1, says=["FAILED test_shop.py::test_it - MissingRecordingError: no recording"])
    shown = [line for line in lines if line.startswith("MissingRecordingError")]
    assert len(shown) == len(set(shown)) == 10
    assert "and 4 more missing" in lines
    assert run.section[0].startswith("14 calls missing")


def test_a_miss_in_the_tests_own_lines_is_shown_as_pytest_does(shop):
    run, lines = changed(shop, "import shop\n\ndef test_it():\n    shop.fetch('Rome')\n")

    run.expect(failed=1, says=["MissingRecordingError: no recording of shop:fetch(city='Rome')"])
    assert lines[2:4] == [
        ">       shop.fetch('Rome')",
        "E       pytest_mimic.MissingRecordingError: no recording of shop:fetch(city='Rome')",
    ]


def test_a_handled_miss_is_not_shown_before_another_failure(shop):
    test = """
        import pytest, shop
        from pytest_mimic import MissingRecordingError

        def test_it():
            with pytest.raises(MissingRecordingError):
                shop.fetch("Rome")
            assert not "handled"
    """

    run, lines = changed(shop, test)

    run.expect(failed=1, never=["no recording of shop:fetch(city='Rome')\n  nearest"])
    assert lines[-1] == "test_shop.py:7: AssertionError"


def test_swallowed_misses_are_shown_ten_at_most(shop):
    test = """
        import shop

        def test_it():
            for city in "abcdefghijklmnabc":
                shop.quietly(city)
    """

    run, lines = changed(shop, test)

    run.expect(failed=1, says=["passed only because a missing recording was swallowed in shop.py:"])
    shown = [line for line in lines if "no recording of shop:fetch" in line]
    assert len(shown) == len(set(shown)) == 10
    assert "and 4 more errors of calls" in lines
