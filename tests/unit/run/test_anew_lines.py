"""The block of a recording run about what the next run will ask differently."""

from __future__ import annotations

from pytest_mimic._core.engine.account_events import MadeAnew
from pytest_mimic._core.words import laid_out
from pytest_mimic._run.anew_lines import anew_lines

IDS = "https://pytest-mimic.readthedocs.io/en/latest/how-to/dates-and-ids.html"
LINE = "http ignore=query.ts,{paths}"


def part(number: int, path: str = "body.id", **fields: str) -> MadeAnew:
    test = f"test_a.py::test_{number}"
    made = MadeAnew("http", path, "uuid", test, str(number), f"rest {number}", LINE)
    return made._replace(**fields)


def test_parts_are_counted_by_path() -> None:
    lines = laid_out(
        anew_lines([part(1), part(2), part(2, "body.at", kind="moment", line="")])
    )

    assert lines == [
        "the next run will make 2 recorded calls with other values, and miss:",
        "  http body.id    2 calls in 2 tests",
        "  http body.at    1 call in 1 test",
        f"to make them the same in each run: {IDS}#the-same-ids-and-times",
    ]


def test_one_line_may_leave_out_all_parts() -> None:
    lines = laid_out(anew_lines([part(1), part(2), part(2, "body.ref")]))

    assert lines[-2:] == [
        f"to get the same ids in each run: {IDS}#seed-the-ids",
        "if they may differ: http ignore=query.ts,body.id,body.ref",
    ]


def test_no_line_makes_two_calls_one() -> None:
    lines = laid_out(anew_lines([part(1, rest="the same"), part(2, rest="the same")]))

    assert lines[-1] == f"to get the same ids in each run: {IDS}#seed-the-ids"


def test_a_quiet_run_says_it_in_one_line() -> None:
    parts = [part(number, f"body.id_{number}") for number in range(5)]

    assert anew_lines(parts, quiet=True) == [
        "the next run will make 5 recorded calls with other values (http body.id_0, "
        f"http body.id_1, http body.id_2, and 2 more); to get the same ids in each run: {IDS}#seed-the-ids"
    ]


def test_without_parts_nothing_is_said() -> None:
    assert anew_lines([]) == []


def test_every_part_is_named() -> None:
    parts = [part(number, f"body.id_{number}", line="") for number in range(12)]

    lines = laid_out(anew_lines(parts))

    assert [line.split()[1] for line in lines[1:13]] == [
        f"body.id_{number}" for number in range(12)
    ]
