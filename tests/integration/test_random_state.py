"""A recorded call that drew from a global random state is named in the summary."""

from __future__ import annotations

import pytest
from support.http_server import running_server

HEADING = "drew from a global random state:"
REMEDY = "to make these calls repeatable: use a generator of your own instead, such as random.Random(seed)"

SHOP = """
    import random

    def draw(n): return [random.random() for _ in range(n)]
    def jitter(n): return random.gauss(0, 1)
    def unrelated(n): return n
    def own_generator(n): return random.Random(n).random()
    def seeded(n):
        random.seed(n)
        return random.random()
    def restored(n):
        state = random.getstate()
        try:
            return random.random()
        finally:
            random.setstate(state)
    async def later(n): return random.random()
    def items(n):
        for _ in range(n):
            yield random.random()
    def outer(n): return draw(n)
"""


@pytest.fixture
def shop(project):
    """`call(function, n)` records one call; returns the section's lines after the counts."""

    def call(expression, *options, mode="--mimic-record"):
        project.ini("shop:*")
        test = f"import asyncio, shop\n\ndef test_it(): {expression}\n"
        project.tests(test)
        run = project.run(mode, *options).expect(passed=1)
        return [line for line in run.section if " passed in " not in line and not line.startswith("vault:")][
            1:
        ]

    return call


@pytest.mark.promise("a recorded call that drew from a global random state is named")
@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("shop.draw(1)", "shop:draw(n=1)    random"),
        ("shop.draw(5000)", "shop:draw(n=5000)    random"),
        ("(shop.jitter(1), shop.jitter(2))", "shop:jitter(n=1)    random"),
        ("asyncio.run(shop.later(1))", "shop:later(n=1)    random"),
        ("list(shop.items(3))", "shop:items(n=3)    random"),
        ("shop.seeded(1)", "shop:seeded(n=1)    random"),
    ],
    ids=["one", "many", "gauss", "coroutine", "generator", "seeded"],
)
def test_a_call_that_drew_is_named(shop, expression, named):
    lines = shop(expression)

    assert lines[:2] == [HEADING, f"  {named}"]
    assert lines[-1] == REMEDY


NUMPY = """
    import random
    import numpy as np

    def shuffle(n): return [int(one) for one in np.random.permutation(n)]
    def many(n): return float(np.random.rand(n).sum())
    def both(n): return random.random() + np.random.rand()
    def own_generator(n): return float(np.random.default_rng(n).random())
    def seeded(n):
        np.random.seed(n)
        return float(np.random.rand())
    def normal(n): return np.random.normal()
    def other(n): return np.zeros(n).tolist()
"""


def test_draws_from_numpys_legacy_state_are_named(project):
    pytest.importorskip("numpy", reason="needs numpy")
    project.ini("shop:*")
    project.module(NUMPY)
    calls = ["shuffle(3)", "many(100_000)", "both(1)", "own_generator(1)", "seeded(1)", "other(1)"]
    calls += ["normal(1)", "normal(2)"]
    project.tests("import shop\n\ndef test_it():\n    shop." + "\n    shop.".join(calls) + "\n")

    run = project.record().expect(passed=1)

    start = run.section.index(HEADING)
    assert run.section[start:] == [
        HEADING,
        "  shop:shuffle(n=3)      numpy.random",
        "  shop:many(n=100000)    numpy.random",
        "  shop:both(n=1)         random, numpy.random",
        "  shop:seeded(n=1)       numpy.random",
        "  shop:normal(n=1)       numpy.random",
        "  shop:normal(n=2)       numpy.random",
        REMEDY,
    ]


def test_a_second_value_of_gauss_is_a_draw(shop):
    """`random.gauss` makes two values at once, and keeps the second one."""
    lines = shop("(shop.jitter(1), shop.jitter(2))")

    assert lines[1:3] == ["  shop:jitter(n=1)    random", "  shop:jitter(n=2)    random"]


@pytest.mark.parametrize("expression", ["shop.unrelated(1)", "shop.own_generator(1)", "shop.restored(1)"])
def test_a_call_that_did_not_depend_on_the_state_is_not_named(shop, expression):
    assert shop(expression) == []


def test_a_nested_call_is_named_once(shop):
    assert shop("shop.outer(2)") == [HEADING, "  shop:outer(n=2)    random", REMEDY]


def test_equal_lines_are_counted_and_ten_are_listed(project):
    project.ini("shop:draw sequence")
    project.test("for n in [1, 1, 1, *range(2, 13)]: shop.draw(n)")

    run = project.record().expect(passed=1)

    start = run.section.index(HEADING)
    assert run.section[start + 1] == "  shop:draw(n=1)     random, 3 times"
    assert run.section[start + 11] == "  and 2 more"


@pytest.mark.promise("-q prints problems only")
def test_quiet_keeps_the_draws(shop):
    assert shop("shop.draw(1)", "-q") == [HEADING, "  shop:draw(n=1)    random", REMEDY]


@pytest.mark.parametrize("mode", ["--mimic-verify", "--mimic-live", "--mimic-no-record"])
def test_only_recording_names_draws(shop, mode):
    shop("shop.seeded(1)")

    assert HEADING not in shop("shop.seeded(1); __import__('random').random()", mode=mode)


def test_a_cassette_and_rerecording_name_draws(project):
    project.test("with mimic_auto(targets=['shop:draw']): shop.draw(1)")

    first, second, third = project.run(), project.run(), project.run("--mimic-rerecord")

    assert [HEADING in run.section for run in (first, second, third)] == [True, False, True]


def test_a_client_at_a_client_may_draw(project):
    """A client waits a random time before it tries again, for example."""
    project.ini("requests")
    project.tests("""
        import os, random, requests
        from requests.adapters import HTTPAdapter

        class Patient(HTTPAdapter):
            def get_connection_with_tls_context(self, *args, **kwargs):
                random.random()
                return super().get_connection_with_tls_context(*args, **kwargs)

        def test_it():
            with requests.Session() as session:
                session.mount("http://", Patient())
                assert session.get(os.environ["API"] + "/users/1").ok
    """)

    with running_server() as server:
        run = project.record(env={"API": server.url}).expect(passed=1)

    assert run.section[0] == "1 call recorded in # s"
    assert HEADING not in run.section
