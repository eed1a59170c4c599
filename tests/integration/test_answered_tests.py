"""A plugin may answer for a test, with or without a call of its function."""

from __future__ import annotations

import pytest


@pytest.fixture
def shop(project):
    """`shop.fetch` is mimicked; tests/test_shop.py has recorded a call in each test."""
    project.ini("shop:fetch", pythonpath=".", testpaths="tests")
    project.write("shop.py", "def fetch(city): return city")
    project.write(
        "tests/test_shop.py",
        """
        import shop

        def test_oslo():
            assert shop.fetch("Oslo")

        def test_rome():
            assert shop.fetch("Rome")
        """,
    )
    project.record_once(passed=2)
    return project


ANSWERS = """
    import asyncio
    import inspect

    import pytest

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(pyfuncitem):
        {}
        return True
"""


@pytest.mark.parametrize(
    "answer",
    ["pass", "inspect.getsource(pyfuncitem.obj)", "asyncio.run(pyfuncitem.obj())"],
    ids=["no call", "a look", "a call"],
)
def test_a_test_that_a_plugin_may_answer_for_is_not_judged(shop, answer):
    """A plugin that answers without a call, to skip the test, lets it pass."""
    shop.write("conftest.py", ANSWERS.format(answer))
    kind = "async def" if "asyncio" in answer else "def"
    shop.write(
        "tests/test_shop.py", f"{kind} test_oslo(): ...\n{kind} test_rome(): ..."
    )

    run = shop.replay("--mimic-clear-unused")

    run.expect(passed=2)
    assert len(run.calls) == 2
    assert run.section[0] == (
        "warning: --mimic-clear-unused could not judge 2 recordings: "
        "tests/test_shop.py::test_oslo may have passed without a call of its function"
    )


def test_a_plugin_that_answers_for_tests_sees_their_own_functions(shop):
    shop.write("conftest.py", ANSWERS.format("pyfuncitem.obj(**pyfuncitem.funcargs)"))
    shop.write(
        "tests/test_shop.py",
        """
        class TestShop:
            def test_it(self, request):
                assert request.instance is self
                assert request.function.__name__ == "test_it"
                assert request.function.__self__ is self
        """,
    )

    shop.replay().expect(passed=1)
