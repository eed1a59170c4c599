"""Section 8, `rekey`: recordings of functions follow their line, without a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support import face

if TYPE_CHECKING:
    from support.rekeying import Rekey

pytest_plugins = ("support.rekeying",)


SHOP = """
    import datetime
    from tally import ran

    class Order:
        def __init__(self, number):
            self.number = number

    def fetch(base, run=None, **extra):
        ran("fetch", base, run)
        return {"base": base, "made": len(extra)}

    def send(payload, day=1):
        ran("send", payload["n"])
        return payload["n"]

    def put(order, run=None):
        ran("put", order.number)
        return order.number
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
    "a wildcard": ("shop:*", "shop:* ignore=run", FETCH, ("run=2", "run=9")),
    "a line for the class": (
        "shop:fetch",
        "shop:* ignore=run",
        FETCH,
        ("run=2", "run=9"),
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
    "a path that counts again": (
        "shop:send ignore=payload.at",
        "shop:send",
        """
    import shop

    def test_one():
        assert shop.send({"n": 1, "at": "x"}) == 1
        """,
        ("", ""),
    ),
    "an object beside": (
        "shop:put",
        "shop:put ignore=run",
        """
    import shop

    def test_one():
        assert shop.put(shop.Order(3), run=1) == 3
        """,
        ("run=1", "run=2"),
    ),
    "a name that no argument has": (
        "shop:* ignore=session",
        "shop:*",
        FETCH,
        ("", ""),
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
def test_a_recording_follows_its_line(
    project: Any, rekey: Rekey, before: str, after: str, test: str, change: Any
) -> None:
    project.module(SHOP)
    project.tests(test)
    project.ini(before)
    project.record().expect(passed=1)
    project.ini(after)
    project.tests(test.replace(*change))

    code, lines = rekey()

    assert (code, len(lines)) == (0, 1), lines
    project.replay().expect(passed=1, real=[])
    assert rekey() == (
        0,
        [
            "nothing to change: the recordings in .mimic_vault have the identities of"
            " today's lines"
        ],
    )


def test_n_shows_what_would_change(project: Any, rekey: Rekey) -> None:
    project.module(SHOP)
    project.tests(FETCH)
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    project.ini("shop:fetch ignore=run")
    before = project.files()

    assert rekey("-n") == (0, ["2 recordings would get the identity of today's line"])
    assert project.files() == before


def test_a_rekeyed_recording_is_as_one_that_is_recorded_now(
    project: Any, rekey: Rekey
) -> None:
    project.module(SHOP)
    project.tests(FETCH)
    project.ini("shop:fetch sequence")
    project.record().expect(passed=1)
    project.ini("shop:fetch sequence ignore=extra")
    rekey()
    followed = project.files()

    project.run("--mimic-rerecord").expect(passed=1)

    assert project.files().keys() == followed.keys()


SEQUENCE = """
    import shop

    def test_one():
        assert [shop.fetch("EUR", run=n)["base"] for n in (1, 2, 1)] == ["EUR"] * 3

    def test_two():
        shop.fetch("EUR", run=2)
"""
COUNTING = """
    from tally import ran

    numbers = iter(range(100))

    def fetch(base, run=None):
        ran("fetch", base, run)
        return next(numbers)
"""


def test_calls_of_one_test_become_a_sequence_in_their_order(
    project: Any, rekey: Rekey
) -> None:
    project.module(COUNTING)
    project.tests(
        """
        import shop

        def test_one():
            assert [shop.fetch("EUR", run=n) for n in (1, 2, 1, 3)] == [0, 1, 2, 3]

        def test_two():
            assert shop.fetch("EUR", run=2) == 4
        """
    )
    project.ini("shop:fetch sequence")
    project.record("-p", "no:randomly").expect(passed=2)
    project.ini("shop:fetch sequence ignore=run")

    code, lines = rekey()

    assert (code, lines) == (
        0,
        ["4 recordings got the identity of today's line, and are 2 recordings"],
    )
    project.replay().expect(passed=2, real=[])


@pytest.mark.parametrize("is_cassette", [False, True])
def test_no_call_moves_if_another_one_of_its_sequence_cannot(
    project: Any, rekey: Rekey, is_cassette: bool
) -> None:
    """The third outcome would else become that of the second call."""
    module = COUNTING.replace("run=None", "run=None, password=None")
    project.module(module)
    test = """
        import shop

        def test_one(mimic_auto):
            with mimic_auto("trip"):
                assert shop.fetch("EUR", run=1) == 0
                assert shop.fetch("EUR", run=2, password="hush hush hush") == 1
                assert shop.fetch("EUR", run=3) == 2
    """
    if not is_cassette:
        test = test.replace('with mimic_auto("trip"):', "if mimic_auto:")
    project.tests(test)
    project.ini("shop:fetch sequence")
    project.record().expect(passed=1)
    kept = project.files()
    project.ini("shop:fetch sequence ignore=run,password")

    code, lines = rekey()

    assert (code, lines[0]) == (1, "3 recordings cannot follow:")
    place = "cassette" if is_cassette else "test"
    reason = f"    another call of its {place} cannot follow"
    assert sum(line.startswith(reason) for line in lines) == 2
    again = "  to record them: pytest --mimic-rerecord test_shop.py::test_one"
    assert lines[-1] == again
    assert project.files() == kept
    project.module(module)
    project.run("--mimic-rerecord").expect(passed=1)
    project.replay().expect(passed=1, real=[])


def test_different_outcomes_of_one_file_are_recorded_again(
    project: Any, rekey: Rekey
) -> None:
    """Deleting the file would delete both."""
    project.module(COUNTING)
    project.tests(
        """
        import shop

        def test_one():
            assert [shop.fetch("EUR", run=1) for _ in range(2)] == [0, 1]
        """
    )
    project.ini("shop:fetch sequence")
    project.record().expect(passed=1)
    project.ini("shop:fetch")

    code, lines = rekey()

    assert (code, lines[0]) == (1, "1 recording cannot follow:")
    assert lines[2:] == [
        "    equal calls have different outcomes (sequence is gone)",
        "  to record them: pytest --mimic-rerecord test_shop.py::test_one",
    ]


def test_equal_outcomes_become_one_and_different_ones_are_listed(
    project: Any, rekey: Rekey
) -> None:
    project.module(COUNTING.replace("next(numbers)", "base if base == 'EUR' else run"))
    project.tests(
        """
        import shop

        def test_one():
            assert [shop.fetch("EUR", run=n) for n in (1, 2)] == ["EUR", "EUR"]
            assert [shop.fetch("USD", run=n) for n in (1, 2)] == [1, 2]
        """
    )
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    project.ini("shop:fetch ignore=run")

    code, lines = rekey()

    assert code == 1
    assert lines[:2] == [
        "2 recordings got the identity of today's line, and are 1 recording",
        "2 recordings cannot follow:",
    ]
    reason = "    equal calls have different outcomes (ignore=run is new)"
    assert lines.count(reason) == 2
    command = next(line for line in lines if "keep one of them" in line)
    face.command(command.partition(": ")[2].split()[1:])
    assert rekey()[0] == 0
    project.replay().expect(failed=1, real=[])


def test_what_cannot_follow_is_listed_with_its_reason(
    project: Any, rekey: Rekey
) -> None:
    project.module(SHOP)
    project.tests(
        """
        import shop

        def test_one():
            shop.put(shop.Order(3), run=1)
        """
    )
    project.ini("shop:put")
    project.record().expect(passed=1)
    project.ini("shop:put ignore=order.number")
    before = project.files()

    code, lines = rekey()

    assert (code, lines[0], lines[2:]) == (
        1,
        "1 recording cannot follow:",
        [
            "    order is not kept whole (ignore=order.number is new)",
            "  to record them: pytest --mimic-record test_shop.py::test_one",
        ],
    )
    assert project.files() == before


@pytest.mark.parametrize("path", ["order.nummer", "order.items.*.id"])
def test_a_path_that_meets_nothing_is_to_be_mended_and_not_recorded(
    project: Any, rekey: Rekey, path: str
) -> None:
    """The call replays as before, so that a recording run would do nothing."""
    project.module(SHOP.replace("= number", "= number; self.f = {1: len}", 1))
    project.tests("import shop\ndef test_one():\n    shop.put(shop.Order(3))")
    project.ini("shop:put")
    project.record().expect(passed=1)
    project.ini(f"shop:put ignore={path}")

    code, lines = rekey()
    run = project.replay()

    assert code == 1
    assert lines[2:] == [
        f"    order is not kept whole (ignore={path} is new)",
        f"    its recording shows no such part; mend the line: shop:put ignore={path}",
    ]
    assert f"shop:put ignore={path} met nothing in any call" in run.section


def test_a_call_that_a_path_may_not_meet_is_recorded_again(
    project: Any, rekey: Rekey
) -> None:
    """What the recording does not show may have such a part, or not."""
    project.module(SHOP.replace("= number", "= number; self.f = {1: len}", 1))
    project.tests("import shop\ndef test_one():\n    shop.put(shop.Order(3))")
    project.ini("shop:put")
    project.record().expect(passed=1)
    project.ini("shop:put ignore=order.f.x")

    _, lines = rekey()

    assert lines[-1] == (
        "  to record them: pytest --mimic-rerecord test_shop.py::test_one"
    )


CANNOT = {
    "an argument that did not count": (
        "shop:fetch ignore=run",
        "shop:fetch",
        "run is not kept whole (ignore=run is gone)",
    ),
    "content": (
        "shop:fetch",
        "shop:fetch content=base",
        "content= counts files as they were when the call was made"
        " (content=base is new)",
    ),
    "sequence that is new": (
        "shop:fetch",
        "shop:fetch sequence",
        "it served all tests, and nobody knows which of them used it (sequence is new)",
    ),
}


@pytest.mark.parametrize(("before", "after", "reason"), CANNOT.values(), ids=CANNOT)
def test_each_reason_is_said(
    project: Any, rekey: Rekey, before: str, after: str, reason: str
) -> None:
    project.module(SHOP)
    project.tests(FETCH)
    project.ini(before)
    project.record().expect(passed=1)
    project.ini(after)

    code, lines = rekey()

    assert code == 1
    assert lines.count(f"    {reason}") == 2


def test_options_of_python_are_not_those_of_a_line(project: Any, rekey: Rekey) -> None:
    project.module(SHOP)
    project.tests(
        """
        import pytest, shop

        @pytest.mark.mimic("shop:fetch", ignore="run")
        def test_one():
            assert shop.fetch("EUR", run=1)["base"] == "EUR"
        """
    )
    project.ini("shop:send")
    project.record().expect(passed=1)
    project.ini("shop:*")

    assert rekey() == (
        0,
        ["1 recording with options that were given in Python stay as they are"],
    )
    project.replay().expect(passed=1, real=[])


def test_a_function_that_is_named_where_it_is_exported_follows(
    project: Any, rekey: Rekey
) -> None:
    project.module(SHOP)
    project.write("api.py", "from shop import fetch\n")
    project.tests(FETCH.replace("shop", "api"))
    project.ini("api:fetch")
    project.record().expect(passed=1)
    project.ini("api:fetch ignore=run")

    assert rekey() == (0, ["2 recordings got the identity of today's line"])
    project.replay().expect(passed=1, real=[])


def test_the_calls_of_a_cassette_follow(project: Any, rekey: Rekey) -> None:
    project.module(COUNTING)
    project.tests(
        """
        import shop

        def test_one(mimic_auto):
            with mimic_auto("trip"):
                assert [shop.fetch("EUR", run=n) for n in (1, 2, 1)] == [0, 1, 2]
        """
    )
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    project.ini("shop:fetch ignore=run")

    assert rekey() == (0, ["3 recordings got the identity of today's line"])
    project.replay().expect(passed=1, real=[])


def test_a_recording_that_is_found_under_both_lines_joins_the_others(
    project: Any, rekey: Rekey
) -> None:
    """A call without the ignored part has one identity under both lines."""
    project.module(COUNTING)
    project.tests(
        """
        import shop

        def test_one():
            asked = [{"q": 1}, {"q": 1, "ts": 5}, {"q": 1, "ts": 6}, {"q": 1}]
            assert [shop.fetch(body) for body in asked] == [0, 1, 2, 3]
        """
    )
    project.ini("shop:fetch sequence")
    project.record().expect(passed=1)
    project.ini("shop:fetch sequence ignore=base.ts")

    # Without the command, the second call does not get the outcome of the fourth.
    missed = project.run().expect(failed=1, real=[])
    assert "pytest-mimic rekey" in missed.output
    assert rekey() == (
        0,
        ["3 recordings got the identity of today's line, and are 1 recording"],
    )
    project.replay().expect(passed=1, real=[])


def test_a_selector_takes_all_of_the_test_that_it_names(
    project: Any, rekey: Rekey
) -> None:
    project.module(COUNTING)
    project.tests(SEQUENCE.replace('["base"]', "").replace('["EUR"] * 3', "[0, 1, 2]"))
    project.ini("shop:fetch sequence")
    project.record("-p", "no:randomly").expect(passed=2)
    project.ini("shop:fetch sequence ignore=run")

    assert rekey("test_shop.py::test_one") == (
        0,
        ["2 recordings got the identity of today's line, and are 1 recording"],
    )
    assert rekey("nothing.py") == (
        1,
        ["nothing in .mimic_vault matches nothing.py"],
    )
    assert rekey() == (0, ["1 recording got the identity of today's line"])


def test_a_recording_that_was_edited_is_not_moved(project: Any, rekey: Rekey) -> None:
    project.module(SHOP)
    project.tests(FETCH)
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    for path in project.vault.glob("calls/shop/fetch/*.json"):
        path.write_text(path.read_text().replace('"run": 1', '"run": 3'))
    project.ini("shop:fetch ignore=run")

    code, lines = rekey()

    assert code == 1
    assert (
        "    a part of it is hidden, or is not kept whole (ignore=run is new)" in lines
    )
    assert lines[0] == "1 recording got the identity of today's line"


def test_a_hidden_part_is_no_reason_where_the_change_is_elsewhere(
    project: Any, rekey: Rekey
) -> None:
    project.module(SHOP)
    project.tests(FETCH.replace("run=1", "password='hush hush', run=1"))
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    project.ini("shop:fetch ignore=trace")

    code, _ = rekey()

    assert code == 0
    project.replay().expect(passed=1, real=[])


def test_an_edited_recording_may_be_found_and_is_recorded_again(
    project: Any, rekey: Rekey
) -> None:
    """Its line of today may give its call the same identity."""
    project.module(SHOP)
    project.tests(FETCH.replace("run=1", "password='hush hush', run=1"))
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    project.ini("shop:fetch ignore=run")

    _, lines = rekey()

    again = "  to record them: pytest --mimic-rerecord test_shop.py::test_one"
    assert lines[-1] == again


def test_a_description_that_stays_hidden_is_no_reason(
    project: Any, rekey: Rekey
) -> None:
    """The identity of a function's call was never taken of what is shown."""
    project.module(SHOP)
    project.tests(FETCH.replace("run=1", "password='hush hush', run=1"))
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    project.ini("shop:fetch", mimic_redact="!password")

    assert rekey()[0] == 0
    project.replay().expect(passed=1, real=[])


def test_a_miss_of_an_edited_recording_does_not_name_the_command(
    project: Any, rekey: Rekey
) -> None:
    project.module(SHOP)
    project.tests(FETCH.replace("run=1", "trace='a', run=1"))
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    for path in project.vault.glob("calls/shop/fetch/*.json"):
        path.write_text(path.read_text().replace('"trace": "a"', '"trace": "b"'))
    project.ini("shop:fetch ignore=trace")

    project.replay().expect(failed=1, never=["pytest-mimic rekey"])


@pytest.mark.parametrize("run_today", ["run=1", "run=2"])
def test_a_miss_names_the_option_that_differs(
    project: Any, rekey: Rekey, run_today: str
) -> None:
    """What the line ignores now may have changed, too."""
    project.module(SHOP)
    project.tests(FETCH)
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    project.ini("shop:fetch ignore=run")
    project.tests(FETCH.replace("run=1", run_today))

    run = project.replay().expect(
        failed=1, says=["to let recordings follow their lines: pytest-mimic rekey"]
    )

    note = "the same call, with other options of its line: ignore=run is new"
    assert note in run.error
    assert "to let it follow its line: pytest-mimic rekey" in run.error
    assert rekey()[0] == 0
    project.replay().expect(passed=1)


def test_a_miss_that_cannot_follow_is_recorded_again(project: Any) -> None:
    project.module(SHOP)
    project.tests(FETCH)
    project.ini("shop:fetch ignore=run")
    project.record().expect(passed=1)
    project.ini("shop:fetch")

    run = project.replay().expect(failed=1, never=["pytest-mimic rekey"])

    note = "the same call, with other options of its line: ignore=run is gone"
    assert note in run.error


def test_a_call_that_was_recorded_again_is_no_finding(
    project: Any, rekey: Rekey
) -> None:
    """The line of one function leaves out less than before, that of the other more."""
    project.module(SHOP)
    project.tests(
        """
        import shop

        def test_one():
            shop.fetch("EUR", run=1)
            shop.put(shop.Order(3), run=1)
        """
    )
    project.ini("shop:fetch ignore=run", "shop:put")
    project.record().expect(passed=1)
    project.ini("shop:fetch", "shop:put ignore=order.number")
    assert rekey()[0] == 1
    project.run("--mimic-rerecord").expect(passed=1)

    code, lines = rekey()

    first = "2 recordings cannot follow, but were recorded again since"
    assert (code, lines[0]) == (0, first)
    title = "  to delete what nothing finds: pytest-mimic "
    assert len(lines) == 2
    assert lines[1].startswith(title)
    face.command(lines[1].removeprefix(title).split())
    assert rekey()[1][0].startswith("nothing to change")
    project.replay().expect(passed=1, real=[])


def test_another_call_of_the_test_is_not_recorded_again(
    project: Any, rekey: Rekey
) -> None:
    project.module(SHOP)
    project.tests(
        """
        import shop

        def test_one():
            shop.put(shop.Order(3), run=1)
            shop.put(shop.Order(3), run=2)
        """
    )
    project.ini("shop:put")
    project.record().expect(passed=1)
    project.ini("shop:put ignore=order.number")
    project.tests("import shop\n\ndef test_one(): shop.put(shop.Order(4), run=2)\n")
    project.record().expect(passed=1)

    code, lines = rekey()

    assert (code, lines[0]) == (1, "1 recording cannot follow:")
    assert "run=1" in lines[1]
    assert lines[4] == "1 recording cannot follow, but was recorded again since"
