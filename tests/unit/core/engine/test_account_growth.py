"""What an account has gained, as a forked process tells it."""

from __future__ import annotations

from pytest_mimic._core.engine.account import Account
from pytest_mimic._core.engine.account_events import Miss, RecordedCall
from pytest_mimic._core.engine.account_growth import Growth


def test_what_was_there_before_is_no_growth() -> None:
    account = Account()
    account.recorded_calls.append(RecordedCall("shop:a", 0.5))
    account.used.add("calls/a.json")
    account.replays.append((0.25, "calls/a.json", None, "shop:a"))

    assert Growth(account).take() == {}


def test_growth_adds_up_in_another_account_once() -> None:
    account, first = Account(), Account()
    first.recorded_calls.append(RecordedCall("shop:a", 0.5))
    first.misses.append(Miss("call", "test"))
    growth = Growth(account)
    account.recorded_calls.append(RecordedCall("shop:b", 0.5))
    account.used.add("calls/b.json")
    account.outcomes["test"] = "forked"
    account.misses.append(Miss("other", "test"))
    account.replays.append((0.5, "calls/b.json", None, "shop:b"))

    first.add(growth.take())
    first.add(growth.take())

    assert (first.recorded, first.used) == (2, {"calls/b.json"})
    assert [miss.label for miss in first.misses] == ["call", "other"]
    assert (first.replayed, first.saved_seconds) == (1, 0.5)
    assert first.outcomes == {"test": "forked"}


def test_a_name_that_goes_and_one_that_comes_are_seen() -> None:
    account = Account()
    account.used.update(["a", "b"])
    growth = Growth(account)
    account.used.discard("a")
    assert growth.take() == {}

    account.used.update(["c", "d"])

    assert set(growth.take()["used"]) == {"c", "d"}
