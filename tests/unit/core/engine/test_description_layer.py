"""The functions that describe calls are reached through their door."""

from __future__ import annotations

from pytest_mimic._core.engine.function_plan import descriptions


def test_the_door_leads_to_what_describes_a_call() -> None:
    layer = descriptions()

    assert layer.label_of_recorded_call("shop:fetch", {"base": "EUR"}) == (
        "shop:fetch(base='EUR')"
    )
    assert layer.snapshot([1], target="shop:fetch").load() == [1]
