"""The events of an account, as other processes ship them."""

from __future__ import annotations

from pytest_mimic._core.engine.account import Account, EventList
from pytest_mimic._core.engine.account_events import EVENT_CLASSES, Drift, Miss


def test_each_list_of_events_has_a_class_that_makes_them_again() -> None:
    lists = {
        name for name, entry in vars(Account()).items() if isinstance(entry, EventList)
    }

    assert lists == EVENT_CLASSES.keys()


def test_an_event_is_made_again_of_its_fields() -> None:
    account = Account()
    account.misses.add(Miss("shop:f()", "test_a", is_stale=True))
    account.drifts.append(Drift("shop:f()", "test_a", "--mimic-rerecord"))
    total = Account()

    total.add(account.to_plain())

    assert total.misses == [Miss("shop:f()", "test_a", is_stale=True)]
    assert [drift.option for drift in total.drifts] == ["--mimic-rerecord"]
