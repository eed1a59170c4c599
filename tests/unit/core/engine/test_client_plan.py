"""What counts of a client's call, which line takes it, and the numbers of names that change from run to run."""

from __future__ import annotations

from typing import Any

import pytest
import toy_client
from toy_adapter import describe

from unit.core.engine.runs import Runs


def key(runs: Runs, place: str = "Oslo", language: str = "en", **options: Any) -> str:
    """Return the identity of a call, as the engine is given it."""
    port = runs.port(**options)
    client = toy_client.Client("weather.test", api_key="k-1")
    return port.plans[0].call(describe(client, place, "2026-11-01", language, port)).key


def test_a_part_counts_if_the_client_or_match_says_so_and_not_if_it_is_ignored(
    runs: Runs,
) -> None:
    assert key(runs, language="de") == key(runs)
    assert key(runs, language="de", match=("language",)) != key(
        runs, match=("language",)
    )
    assert key(runs, match=("language",)) != key(runs)
    assert key(runs, "Rome") != key(runs)
    assert key(runs, "Rome", ignore=("place",)) == key(runs, ignore=("place",))
    assert key(runs, match=("headers.nothing",)) == key(
        runs, "Oslo", match=("headers.nothing",)
    )


def test_the_matched_parts_are_described(runs: Runs) -> None:
    port = runs.port(match=("language", "headers.nothing"))
    call = describe(
        toy_client.Client("weather.test", api_key="k-1"),
        "Oslo",
        "2026-11-01",
        "de",
        port,
    )
    plan = port.plans[0]

    assert plan.described(plan.call(call)) == {
        "signature": "ASK Oslo",
        "language": "de",
        "place": "Oslo",
        "day": "2026-11-01",
    }


@pytest.mark.parametrize(
    ("options", "is_taken"),
    [
        ({}, True),
        ({"only": ("ASK Oslo",)}, True),
        ({"only": ("ASK Rome",)}, False),
        ({"exclude": ("ASK *",)}, False),
        ({"only": ("weather.test",)}, True),
    ],
)
def test_a_line_takes_the_calls_that_its_patterns_select(
    runs: Runs, options: dict[str, Any], is_taken: bool
) -> None:
    port = runs.port(**options)
    call = describe(
        toy_client.Client("weather.test", api_key="k-1"),
        "Oslo",
        "2026-11-01",
        "en",
        port,
    )

    assert port.takes(call) is is_taken
    assert (port.begin(call) is not None) is is_taken
    with port.unmimicked():
        assert not port.taking()
        assert port.begin(call) is None


def test_names_that_change_have_numbers_in_the_order_of_their_first_use(
    runs: Runs,
) -> None:
    port = runs.port()

    assert [port.ordinal("database", name) for name in ("a", "b", "a")] == [0, 1, 0]
    assert port.ordinal("port", "b") == 0
    assert [port.next_ordinal("connections") for _ in range(3)] == [0, 1, 2]
    assert port.next_ordinal("sessions") == 0
    runs.again("record")
    assert runs.port().ordinal("database", "b") == 0
    assert runs.port().next_ordinal("connections") == 0
