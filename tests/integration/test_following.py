"""Recordings of functions follow their line when they are read (section 5, Misses)."""

from __future__ import annotations

import pytest

SHOP = """
    import datetime


    def fetch(base, run=None, **extra):
        ran("fetch", base, run)
        return {"base": base, "made": len(extra)}

    def send(payload, day=1):
        ran("send", payload["n"])
        return payload["n"]

"""
FETCH = """
    import shop

    def test_one():
        assert shop.fetch("EUR", run=1)["base"] == "EUR"
        assert shop.fetch("USD", run=2)["base"] == "USD"
"""


# A line before and after, a test before, and the same test with other ignored parts.
FOLLOWED = {
    "a whole argument": (
        "shop:fetch",
        "shop:fetch ignore=run",
        FETCH,
        ("run=1", "run=7"),
    ),
    "one of extra": (
        "shop:fetch",
        "shop:fetch ignore=trace",
        FETCH.replace("run=1", "trace='a', n=1"),
        ("trace='a'", "trace='b'"),
    ),
    "a path": (
        "shop:send",
        "shop:send ignore=payload.at",
        """
    import datetime, shop

    def test_one():
        assert shop.send({"n": 1, "at": datetime.datetime(2024, 1, 1)}) == 1
        assert shop.send({"n": 2, "at": datetime.datetime(2024, 1, 1)}) == 2
        """,
        ("2024, 1, 1", "2026, 3, 4"),
    ),
    "a path with a star": (
        "shop:send",
        "shop:send ignore=payload.rows.*.id",
        """
    import shop

    def test_one():
        assert shop.send({"n": 1, "rows": [{"id": 7, "x": 1}, {"id": 8}]}) == 1
        """,
        ("'id': 7", "'id': 9"),
    ),
    "names in a module that is called like a secret": (
        "shop:fetch",
        "shop:fetch ignore=run",
        """
    import secrets, shop

    def test_one():
        assert shop.fetch("EUR", run=1, pick=secrets.token_hex)["base"] == "EUR"
        assert shop.fetch(secrets.token_hex, run=1)["made"] == 0
        """,
        ("run=1", "run=7"),
    ),
    "sequence that goes": (
        "shop:fetch sequence",
        "shop:fetch",
        FETCH,
        ("", ""),
    ),
}


@pytest.mark.parametrize(
    ("before", "after", "test", "change"), FOLLOWED.values(), ids=FOLLOWED
)
def test_a_recording_follows_its_line(project, before, after, test, change):
    project.tests(test)
    project.ini(before)
    project.record().expect(passed=1)
    project.ini(after)
    project.tests(test.replace(*change))
    before = project.files()

    project.replay("--mimic-fail-on-unused").expect(passed=1, real=[])
    project.record().expect(passed=1, real=[])
    assert project.files() == before


COUNTING = """
    from tally import ran

    numbers = iter(range(100))

    def fetch(base, run=None):
        ran("fetch", base, run)
        return next(numbers)
"""


def test_a_recording_that_is_found_under_both_lines_joins_the_others(project):
    """A call without the ignored part has one identity under both lines."""
    project.module(COUNTING)
    project.tests(
        """
        def test_one():
            asked = [{"q": 1}, {"q": 1, "ts": 5}, {"q": 1, "ts": 6}, {"q": 1}]
            assert [shop.fetch(body) for body in asked] == [0, 1, 2, 3]
        """
    )
    project.ini("shop:fetch sequence")
    project.record().expect(passed=1)
    project.ini("shop:fetch sequence ignore=base.ts")

    # The second call does not get the outcome of the fourth.
    project.replay().expect(passed=1, real=[])


def test_what_a_second_test_records_leaves_the_own_log_of_the_first(project):
    """A line that is shared now: the first test gets its own outcomes as long as it has them."""
    project.module(COUNTING)
    one = "import shop\n\ndef test_one():\n    assert [shop.fetch('EUR') for _ in '123'] == [0, 1, 2]\n"
    project.tests(one)
    project.ini("shop:fetch sequence")
    project.record().expect(passed=1)
    project.ini("shop:fetch")
    project.tests(f"{one}\n\ndef test_two():\n    assert shop.fetch('EUR') == 0\n")
    project.module(COUNTING)

    project.record("-p", "no:randomly").expect(passed=2, real=["fetch EUR None"])

    project.replay().expect(passed=2, real=[])
    project.replay(
        "-p", "no:randomly", "test_shop.py::test_two", "test_shop.py::test_one"
    ).expect(passed=2)
