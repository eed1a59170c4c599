"""Section 3, exit code 4: usage errors, one line each, without a traceback."""

from __future__ import annotations

import pytest

SHOP = """
    class Client:
        def fetch(self, city):
            ran("Client.fetch", city)
            return {"city": city}

    def fetch(city):
        ran("fetch", city)
        return {"city": city}

    def fetch_all():
        return []

    def load(day):
        return []
"""
TARGETS = ["shop:fetch"]
TESTS = """
    def test_fetch():
        assert shop.fetch("Oslo") == {"city": "Oslo"}
"""
NO_TRACEBACK = ("Traceback (most recent call last)", "INTERNALERROR")


def usage_error(run, *lines):
    """Assert that a run ended before its tests, with these lines."""
    run.expect(exit_code=4, real=[], never=NO_TRACEBACK)
    found = [
        line.removeprefix("ERROR: ")
        for line in run.output.splitlines()
        if line.startswith("ERROR")
    ]
    assert found == list(lines)


def wrong_lines(shop, messages):
    """Put the lines into pytest.ini, and return the lines of the errors."""
    shop.ini("shop:fetch_all", *messages)
    return [
        f"pytest.ini, mimic_functions line {at}: {text}"
        for at, text in enumerate(messages.values(), 2)
    ]


# -- lines of mimic_functions


# The unit tests of targets have more of these.
UNREADABLE = {
    "shop:fetch rtol=1 rtol=2": "shop:fetch: rtol is given twice",
    "shop.Client.fetch": "shop.Client.fetch has no colon before the function: write shop:Client.fetch",
}


def test_unreadable_lines_end_the_run_at_its_start(shop):
    """All of them are named at once."""
    errors = wrong_lines(shop, UNREADABLE)

    run = shop.run()

    usage_error(run, *errors)
    assert "collected" not in run.output


MISSING = {
    "sub:api": "sub:api does not exist in sub",
    "shop:Clent.fetch": "shop:Clent.fetch does not exist in shop (did you mean Client?)",
    "shopp:fetch": "shopp:fetch does not exist: there is no module shopp (did you mean shop?)",
    "subb.api:fetch": "subb.api:fetch does not exist: there is no module subb.api (did you mean sub.api?)",
    "subb.apy:fetch": "subb.apy:fetch does not exist: there is no module subb.apy (did you mean sub.api?)",
}


def test_missing_targets_are_reported_after_collection(shop):
    shop.write("sub/__init__.py", "")
    shop.write("sub/api.py", "")
    shop.conftest("import sub\n")
    errors = wrong_lines(shop, MISSING)

    usage_error(shop.run(), *errors)


NO_ARGUMENT = {
    "shop:fetch ignore=citty": "shop:fetch: ignore=citty names no argument (did you mean city?)",
    "shop:load mutates=rows": "shop:load: mutates=rows names no argument (it has day)",
    "shop:Client.fetch ignore=sef": "shop:Client.fetch: ignore=sef names no argument (did you mean self?)",
}


def test_options_that_name_no_argument_are_usage_errors(shop):
    errors = wrong_lines(shop, NO_ARGUMENT)

    usage_error(shop.run(), *errors)
    usage_error(shop.run("--mimic-live"), *errors)


def test_any_argument_may_be_named_if_the_function_may_take_it(shop):
    """By `**`, inside a decorator, or by one of several functions."""
    shop.ini("kinds:* ignore=token", "math:log ignore=token")
    shop["kinds.py"] = """
        def timed(function):
            @functools.wraps(function)
            def inner(*args, token=None, **more): return function(*args, **more)
            return inner

        @timed
        def decorated(n): return n

        def plain(n): return n
    """
    shop.tests("""
        import kinds, math, pytest
        from pytest_mimic import TargetError, mimic

        def test_any():
            assert kinds.decorated(1, token="a") == 1

        def test_one():
            with pytest.raises(TargetError, match="kinds:plain: ignore=token names no argument"):
                mimic("kinds:plain", ignore="token").__enter__()
    """)

    shop.record().expect(passed=2)


def test_a_module_is_checked_on_a_full_selection_only(shop):
    """A part of the tests may not have put it on the path yet."""
    shop.ini("shop:fetch", "shopp.deep:fetch", "shopp.deep:fetch_all")
    shop.write("test_other.py", "def test_other(): pass")

    shop.record("test_shop.py").expect(passed=1, never=["shopp.deep"])
    usage_error(
        shop.replay(),
        *(
            f"pytest.ini, mimic_functions line {at}: shopp.deep:{name} does not exist: there is no module shopp.deep"
            for at, name in ((2, "fetch"), (3, "fetch_all"))
        ),
    )


def test_a_module_put_on_the_path_by_collection_exists(shop):
    shop.ini("later.deep.api:fetch", "shop:fetch")
    shop.write("lib/later/__init__.py", "raise OSError('imported')")
    shop.write("lib/later/deep/__init__.py", "raise OSError('imported')")
    shop.write("lib/later/deep/api.py", "def fetch(): pass")
    shop.conftest(
        "import sys, pathlib\nsys.path.append(str(pathlib.Path(__file__).parent / 'lib'))\n"
    )

    shop.record().expect(passed=1, real=["fetch Oslo"])


def test_a_missing_function_fails_the_test_that_imports_it(shop):
    shop.ini("shop:fetsh", "other:fetch")
    shop.write("other.py", "def fetch(): return 1")
    shop.tests(
        "def test_shop(): import shop\n\ndef test_other(): import other; other.fetch()\n"
    )

    run = shop.record()

    run.expect(
        passed=1,
        failed=1,
        says=[
            "TargetError",
            "pytest.ini, mimic_functions line 1: shop:fetsh does not exist in shop (did you mean fetch?)",
        ],
        never=NO_TRACEBACK,
    )


# -- options


@pytest.mark.parametrize(
    "body",
    [
        "from pytest_mimic import mimic\n    with mimic('os:getcwd'): pass",
        "request.getfixturevalue('mimic_auto')",
    ],
)
def test_what_is_first_asked_for_inside_a_test_is_refused(project, body):
    """In a process of its own: here the package is loaded."""
    project.write("test_it.py", f"def test_it(request):\n    {body}\n")
    project.write("pytest.ini", "[pytest]\n")

    run = project.run(process=True).expect(failed=1)

    assert (
        "TargetError: nothing was prepared for mimicking before the tests" in run.output
    )
    assert (
        "import it at the top of the test's file or of conftest.py: from pytest_mimic import mimic"
        in run.output
    )
