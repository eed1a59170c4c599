"""The account of one process, and how accounts add up."""

from __future__ import annotations

import json

import pytest

from pytest_mimic._core.engine.account import Account
from pytest_mimic._core.engine.account_events import (
    ChangedInput,
    Drift,
    EqualCalls,
    LooksLikeKey,
    MadeAnew,
    Miss,
    OutcomeNotKept,
    RecordedCall,
    RecordedError,
    RecordingRestored,
    RenamedTest,
    RepeatedCall,
    StartedProcess,
    TokensTaken,
    VariableInOutcome,
    VerifiedCall,
)

TEXTS = (
    "notes",
    "errors",
    "target_problems",
    "deselected",
    "selection",
    "hiding",
    "tests_with_dropped_placeholders",
)
SETS = (
    *("used", "replaced_objects", "collected", "skipped_modules", "tests"),
    *("absent_clients", "mimicked", "lacking_lines", "known", "ran"),
    *(
        "wanted",
        "covered",
        "ignored_paths",
        "met_paths",
        "dropped_placeholders",
        "lfs_pointers",
    ),
)


def an_account(tag: str) -> Account:
    """Make an account in which nothing is empty. All of its texts hold the tag."""
    account = Account()
    account.recorded_calls += [RecordedCall(tag, 0.25), RecordedCall(tag, 0.25)]
    account.verified_calls.append(VerifiedCall(tag))
    account.drifts.append(Drift(f"call {tag}", f"test {tag}", "--mimic-rerecord"))
    account.misses.append(Miss(f"call {tag}", f"test {tag}", option=""))
    account.changed_inputs.append(
        ChangedInput("calls/a.json", tag, "shop.csv", 2, [tag])
    )
    account.recorded_tokens.append(TokensTaken(5, 7))
    account.saved_tokens.append(TokensTaken(11, 13))
    account.calls.append({"kind": "replayed", "label": tag})
    account.recorded_errors.append(RecordedError(f"call {tag}", f"test {tag}"))
    account.outcomes_not_kept.append(OutcomeNotKept(tag, f"test {tag}"))
    account.restored_recordings.append(RecordingRestored(tag))
    account.moved.append(RenamedTest(tag, "test"))
    account.made_anew.append(MadeAnew(tag, "id", "uuid", "test", "1 0", ""))
    account.variables_in_outcomes.append(
        VariableInOutcome(tag, "<API_KEY> stands for the value")
    )
    account.texts_like_keys.append(LooksLikeKey(tag, "sk-…"))
    account.equal_calls.append(EqualCalls(tag, "differ in x-api-key"))
    account.started_processes.append(StartedProcess(tag, "spawn"))
    account.replays.append((0.25, "calls/a.json", None, "shop:a"))
    account.replays.append((2.0, f"used {tag}", None, "shop:a"))
    for name in TEXTS:
        getattr(account, name).append(f"{name} {tag}")
    for name in SETS:
        getattr(account, name).add(f"{name} {tag}")
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
        # As workers of xdist, and the file of `--mimic-usage`, ship it.
        total.add(json.loads(json.dumps(an_account(tag).to_plain())))

    first, second = an_account("a"), an_account("b")
    for name, entry in vars(first).items():
        if isinstance(entry, list) and name in total.entries:
            assert getattr(total, name) == [*entry, *getattr(second, name)], name
    for name in SETS:
        assert getattr(total, name) == {f"{name} a", f"{name} b"}
    assert total.outcomes == {
        "test": "failed",
        "test a": "skipped",
        "test b": "skipped",
    }


def test_events_of_other_processes_are_events_again() -> None:
    total = Account()

    total.add(an_account("a").to_plain())

    assert [drift.option for drift in total.drifts] == ["--mimic-rerecord"]
    assert [miss.is_stale for miss in total.misses] == [False]
    assert [changed.tests for changed in total.changed_inputs] == [["a"]]


def test_the_summary_reads_what_the_events_add_up_to() -> None:
    total = an_account("a")

    total.add(an_account("b").to_plain())

    assert (total.recorded, total.record_seconds, total.verified) == (4, 1.0, 2)
    assert (total.replayed, total.saved_seconds) == (4, pytest.approx(4.5))
    assert total.tokens_taken == (10, 14)
    assert total.tokens_saved == (22, 26)


def test_an_event_of_another_process_has_all_of_its_fields() -> None:
    with pytest.raises(TypeError, match="test"):
        Account().add({"drifts": [["shop:fetch()"]]})


@pytest.mark.parametrize(
    "name",
    [
        *(
            "notes",
            "errors",
            "target_problems",
            "selection",
            "tests_with_dropped_placeholders",
        ),
        *("misses", "variables_in_outcomes", "texts_like_keys", "equal_calls"),
    ],
)
def test_what_all_workers_have_is_added_once(name: str) -> None:
    """A failure counts as often as it happened."""
    total = Account()

    for _ in range(2):
        total.add(an_account("a").to_plain())

    assert len(getattr(total, name)) == 1
    assert [error.call for error in total.recorded_errors] == ["call a", "call a"]


def test_an_event_is_compared_only_with_events_of_its_hash() -> None:
    compared = []

    class Label(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            compared.append(other)
            return str(self) == other

        __hash__ = str.__hash__

    account = Account()
    for number in range(1000):
        account.repeated_calls.add(RepeatedCall(Label(number), 1, "test"))

    assert len(account.repeated_calls) == 1000
    # A full list would be compared half a million times.
    assert len(compared) < 1000


def test_a_fork_leaves_open_what_its_test_has_used() -> None:
    account = Account()

    account.note_fork("test")
    account.note_fork("")

    assert account.outcomes == {"test": "forked"}
    assert account.selection == ["a process was forked outside of tests"]


def test_the_tests_of_a_replay_are_those_that_ran_then() -> None:
    account = Account()
    for number, test in enumerate(["test_a", "test_b", "test_b"]):
        account.begun_tests.append((number, test))
        account.replays.append((0.0, "calls/a.json", None, "shop:a"))

    assert account.tests_that_replayed({"calls/a.json", "calls/b.json"}) == {
        "calls/a.json": ["test_a", "test_b"]
    }
