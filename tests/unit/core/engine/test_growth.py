"""What an account has gained, as a forked process tells it."""

from __future__ import annotations

from pytest_mimic._core.engine.growth import Growth
from pytest_mimic._core.engine.ledger import Ledger, Miss


def test_what_was_there_before_is_no_growth() -> None:
    ledger = Ledger()
    ledger.recorded = 2
    ledger.used.add("calls/a.json")
    ledger.replays.append((0.25, "calls/a.json", None, "shop:a"))

    assert Growth(ledger).take() == {}


def test_growth_adds_up_in_another_account_once() -> None:
    ledger, first = Ledger(), Ledger()
    first.recorded = 5
    first.missing.append(Miss("call", "test"))
    growth = Growth(ledger)
    ledger.recorded += 1
    ledger.used.add("calls/b.json")
    ledger.outcomes["test"] = "forked"
    ledger.missing.append(Miss("other", "test"))
    ledger.replays.append((0.5, "calls/b.json", None, "shop:b"))

    first.add(growth.take())
    first.add(growth.take())

    assert (first.recorded, first.used) == (6, {"calls/b.json"})
    assert [miss.label for miss in first.missing] == ["call", "other"]
    assert (first.replayed, first.saved) == (1, 0.5)
    assert first.outcomes == {"test": "forked"}


def test_a_name_that_goes_and_one_that_comes_are_seen() -> None:
    ledger = Ledger()
    ledger.used.update(["a", "b"])
    growth = Growth(ledger)
    ledger.used.discard("a")
    assert growth.take() == {}

    ledger.used.update(["c", "d"])

    assert set(growth.take()["used"]) == {"c", "d"}
