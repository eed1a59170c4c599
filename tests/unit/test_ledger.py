"""One process's account of a run, and how accounts add up."""

from __future__ import annotations

import pytest

from pytest_mimic._ledger import Ledger, Miss

TEXTS = ("failures", "strays", "notes", "errors", "problems", "selection")
SETS = ("used", "replaced", "collected", "skipped_modules")


def an_account(tag: str) -> Ledger:
    """An account in which something stands everywhere, told apart by its tag."""
    ledger = Ledger()
    ledger.recorded, ledger.record_seconds = 2, 0.5
    ledger.verified, ledger.drifted = 3, 1
    ledger.tally(0.25).tick()
    assert ledger.player(2.0, lambda: "fresh")() == "fresh"
    ledger.missing.append(Miss(f"call {tag}", f"test {tag}", by_option=False))
    for name in TEXTS:
        getattr(ledger, name).append(f"{name} {tag}")
    for name in SETS:
        getattr(ledger, name).add(f"{name} {tag}")
    return ledger


def test_a_new_account_is_empty() -> None:
    """Nothing happened before anything happened."""
    plain = Ledger().to_plain()

    assert {name: value for name, value in plain.items() if value} == {}
    assert {type(value) for value in plain.values()} == {int, float, list}


def test_accounts_add_up() -> None:
    """The controller's account is the sum of its workers'."""
    total = Ledger()

    for tag in ("a", "b"):
        total.add(an_account(tag).to_plain())

    plain = total.to_plain()
    assert plain.pop("missing") == [("call a", "test a", False), ("call b", "test b", False)]
    assert [plain.pop(name) for name in (*TEXTS, *SETS)] == [
        [f"{name} a", f"{name} b"] for name in (*TEXTS, *SETS)
    ]
    assert plain == {
        "replayed": 4,
        "saved": pytest.approx(4.5),
        "recorded": 4,
        "record_seconds": 1.0,
        "verified": 6,
        "drifted": 2,
    }


@pytest.mark.parametrize("name", ["notes", "errors", "problems", "selection"])
def test_what_every_worker_says_is_said_once(name: str) -> None:
    """Each worker has the same reasons and problems; a failure counts as often as it happened."""
    total = Ledger()

    for _ in range(2):
        total.add(an_account("a").to_plain())

    assert getattr(total, name) == [f"{name} a"]
    assert total.failures == ["failures a", "failures a"]


def test_looking_at_the_count_does_not_count() -> None:
    """Replays are counted as they happen, however often the count is read."""
    ledger = Ledger()
    tally = ledger.tally(0.5)
    tally.tick()

    looks = [ledger.replayed, ledger.replayed, ledger.saved]
    tally.tick()

    assert looks == [1, 1, 0.5]
    assert (ledger.replayed, ledger.saved) == (2, 1.0)
