"""The account of one process, and how accounts add up."""

from __future__ import annotations

import pytest

from pytest_mimic._core.engine.account import Account, Miss

TEXTS = (
    "drifted",
    "environment",
    "failures",
    "taken_back",
    "processes",
    "moved",
    "calls",
    "inputs",
    "notes",
    "errors",
    "problems",
    "deselected",
    "selection",
    "hiding",
)
SETS = (
    *("used", "replaced", "collected", "skipped_modules", "tests"),
    *(
        "absent_clients",
        "mimicked",
        "lacking_lines",
        "known",
        "ran",
        "wanted",
        "covered",
        "ignored_paths",
        "met_paths",
        "dropped",
        "pointers",
    ),
)


def an_account(tag: str) -> Account:
    """Make an account in which nothing is empty. All of its texts hold the tag."""
    account = Account()
    account.recorded, account.record_seconds = 2, 0.5
    account.verified, account.put_back = 3, 1
    account.tokens_sent, account.tokens_received = 5, 7
    account.saved_tokens_sent, account.saved_tokens_received = 11, 13
    account.made_anew.append([f"made_anew {tag}"])
    account.replays.append((0.25, "calls/a.json", None, "shop:a"))
    account.replays.append((2.0, f"used {tag}", None, "shop:a"))
    account.used.add(f"used {tag}")
    account.missing.append(Miss(f"call {tag}", f"test {tag}", option=""))
    for name in TEXTS:
        getattr(account, name).append(f"{name} {tag}")
    for name in SETS:
        getattr(account, name).add(f"{name} {tag}")
    for name in ("keys", "outdated", "alike"):
        getattr(account, name).append(f"{name} {tag}")
    account.outcomes = {
        "test": "failed" if tag == "a" else "passed",
        f"test {tag}": "skipped",
    }
    return account


def test_a_new_account_is_empty() -> None:
    plain = Account().to_plain()

    assert {name: value for name, value in plain.items() if value} == {}
    assert {type(value) for value in plain.values()} == {int, float, list, dict}


def test_accounts_add_up() -> None:
    total = Account()

    for tag in ("a", "b"):
        total.add(an_account(tag).to_plain())

    plain = total.to_plain()
    assert plain.pop("missing") == [
        ("call a", "test a", "", "", False, "", "", "", ""),
        ("call b", "test b", "", "", False, "", "", "", ""),
    ]
    assert [plain.pop(name) for name in (*TEXTS, *SETS)] == [
        [f"{name} a", f"{name} b"] for name in (*TEXTS, *SETS)
    ]
    for name in ("keys", "outdated", "alike"):
        assert plain.pop(name) == [f"{name} a", f"{name} b"]
    assert plain == {
        "outcomes": {"test": "failed", "test a": "skipped", "test b": "skipped"},
        "replayed": 4,
        "saved": pytest.approx(4.5),
        "recorded": 4,
        "record_seconds": 1.0,
        "verified": 6,
        "tokens_sent": 10,
        "tokens_received": 14,
        "saved_tokens_sent": 22,
        "saved_tokens_received": 26,
        "made_anew": [["made_anew a"], ["made_anew b"]],
        "put_back": 2,
    }


@pytest.mark.parametrize("name", ["notes", "errors", "problems", "selection"])
def test_lines_that_all_workers_have_are_added_once(name: str) -> None:
    """A failure counts as often as it happened."""
    total = Account()

    for _ in range(2):
        total.add(an_account("a").to_plain())

    assert getattr(total, name) == [f"{name} a"]
    assert total.failures == ["failures a", "failures a"]
