"""What the processes of a run that has forked know of one another."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import toy_client

from pytest_mimic._core.engine.coverings import watch_forks
from pytest_mimic._core.engine.owners import Owner
from pytest_mimic._core.engine.senders import Sender
from unit.core.engine.runs import TEST, Runs

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


TOKEN, OTHER = "tok-4711-0815", "tok-0815-4711"


@pytest.fixture
def runs(runs: Runs) -> Runs:
    """Runs that are told of forks."""
    watch_forks(runs.run)
    return runs


def in_child(act: Callable[[], Any]) -> Any:
    """Return what a forked process gives, as JSON takes it; the error's text if it raises one."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            answer = act()
        except BaseException as error:
            answer = str(error).partition("\n")[0]
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = json.loads(pipe.read())
    os.waitpid(child, 0)
    return answer


def counter() -> Callable[[], int]:
    numbers = iter(range(1, 100))

    def fetch() -> int:
        return next(numbers)

    return fetch


@pytest.fixture
def recorded(runs: Runs) -> Callable[[], Any]:
    """A function of which 1, 2 and 3 are recorded, in a replay."""
    function = runs.mimic(counter(), sequence=True)
    assert [function() for _ in range(3)] == [1, 2, 3]
    runs.again("replay")
    watch_forks(runs.run)
    return runs.mimic(counter(), sequence=True)


def test_calls_of_all_processes_take_places_in_turn(
    runs: Runs, recorded: Callable[[], Any]
) -> None:
    def twice() -> Any:
        return [recorded(), in_child(recorded)]

    assert recorded() == 1
    assert in_child(twice) == [2, 3]
    runs.run.current.hear_other_processes()
    assert runs.account.replayed == 3


def test_a_run_that_does_not_fork_has_no_family(
    runs: Runs, recorded: Callable[[], Any]
) -> None:
    recorded()

    assert runs.run.current.family is None


def test_an_error_of_a_child_fails_the_test(runs: Runs) -> None:
    runs.again("replay")
    watch_forks(runs.run)
    fetch = runs.mimic(counter())

    message = in_child(fetch)

    runs.run.current.hear_other_processes()
    assert message == "no recording of shop:fetch()"
    assert [error.partition("\n")[0] for error in runs.errors()] == [message]
    assert [miss.label for miss in runs.account.misses] == ["shop:fetch()"]


def test_what_a_child_records_is_judged_with_its_test(runs: Runs) -> None:
    """Its parent goes on behind it."""
    fetch = runs.mimic(counter(), sequence=True)

    assert in_child(fetch) == 1
    runs.run.current.hear_other_processes()

    [(name, change)] = runs.run.current.owner.journal.items()
    assert change.content_before is None
    assert change.content_now == change.last_good_content
    assert change.content_now is not None
    assert b'"value": 1' in change.content_now
    assert runs.account.recorded == 1
    assert name in runs.account.used
    fetch()
    assert b'"value": 1' in (runs.store.read(name) or b"")
    assert len(json.loads(runs.store.read(name) or b"")["outcomes"]) == 2


def test_a_new_call_of_a_child_replaces_the_answers_of_its_parent(
    runs: Runs, service: toy_client.Service
) -> None:
    runs.client(volatile=("degrees",))("Oslo")
    service.degrees = {"Oslo": 1.0, "Bern": 3.0}
    runs.again("rerecord")
    watch_forks(runs.run)
    ask: Any = runs.client(volatile=("degrees",))

    assert in_child(lambda: ask("Bern")) == 3.0
    ask("Oslo")

    runs.again("replay")
    replayed: Any = runs.client(volatile=("degrees",))
    assert replayed("Oslo") == 1.0


def test_an_open_call_of_the_parent_is_none_of_the_child(runs: Runs) -> None:
    def numbers() -> Any:
        yield from range(3)

    stream = runs.mimic(numbers, sequence=True)()
    assert next(stream) == 0

    left = in_child(lambda: [list(stream), len(runs.run.current.owner.open_calls)])

    assert left == [[1, 2], 0]
    assert len(runs.run.current.owner.open_calls) == 1
    assert list(stream) == [1, 2]
    assert runs.account.recorded == 1


def test_an_owner_that_a_process_made_for_itself_is_not_shared(
    runs: Runs, recorded: Callable[[], Any]
) -> None:
    """With pytest-forked, a forked process runs and judges a test."""

    def as_a_test() -> list[Any]:
        runs.run.current.owner = Owner(TEST, is_test=True)
        return [recorded(), recorded()]

    assert in_child(as_a_test) == [1, 2]
    assert in_child(as_a_test) == [1, 2]
    assert recorded() == 1


def test_databases_are_numbered_in_all_processes(runs: Runs) -> None:
    port = runs.port()

    assert port.ordinal("toy", "first.db") == 0
    assert in_child(lambda: port.ordinal("toy", "second.db")) == 1
    assert in_child(lambda: port.ordinal("toy", "third.db")) == 2
    assert port.ordinal("toy", "second.db") == 1


def test_a_secret_that_a_child_was_issued_has_its_placeholder_everywhere(
    runs: Runs,
) -> None:
    port = runs.port()

    def log_in() -> str:
        known = port.secrets
        return known.issue(known.begin("toy", "1a2b"), "token", TOKEN)

    placeholder = in_child(log_in)

    assert port.secrets.stand_in(TOKEN) == placeholder
    assert port.secrets.stand_ins_of_issued()[TOKEN] == placeholder
    assert in_child(lambda: port.secrets.stand_in(TOKEN)) == placeholder


def test_equal_calls_of_two_children_issue_other_placeholders(runs: Runs) -> None:
    port = runs.port()

    def log_in(token: str) -> str:
        known = port.secrets
        return known.issue(known.begin("toy", "1a2b"), "token", token)

    first = in_child(lambda: log_in(TOKEN))
    second = in_child(lambda: log_in(OTHER))

    assert first != second
    assert [port.secrets.stand_in(one) for one in (TOKEN, OTHER)] == [first, second]


def test_what_a_child_has_sent_is_the_applications_own_in_all_processes(
    runs: Runs,
) -> None:
    port = runs.port()

    in_child(lambda: port.secrets.send([TOKEN], {"query": {"note": OTHER}}))

    known = port.secrets
    call = known.begin("toy", "1a2b")
    stand_ins = [known.issue(call, "token", value) for value in (TOKEN, OTHER)]
    assert stand_ins == ["<redacted>", "<redacted>"]


def test_a_secret_in_an_answer_of_a_child_keeps_its_placeholder(runs: Runs) -> None:
    """The child has ended when an earlier call of its parent turns out to hold it."""
    known = runs.port().secrets
    early = known.begin("toy", "1a2b")

    def log_in() -> str:
        known = runs.port().secrets
        return known.issue(known.begin("toy", "3c4d"), "token", TOKEN)

    placeholder = in_child(log_in)

    assert runs.port().secrets.issue(early, "token", TOKEN) == placeholder


def test_a_placeholder_that_a_child_has_replayed_comes_back_from_anywhere(
    runs: Runs,
) -> None:
    placeholder = "<redacted:1a2b3c4d>"
    port = runs.port()

    def replay() -> None:
        answer = SimpleNamespace(readable=lambda: {"token": placeholder})
        runs.run.current.secret_scope.answers.append(answer)
        port.secrets.search_replays()

    in_child(replay)

    assert port.secrets.stand_in(placeholder) == placeholder


def test_the_secrets_that_all_tests_hide_are_known_in_all_processes(
    runs: Runs,
) -> None:
    def answer() -> None:
        runs.run.redactor.issued.add(TOKEN)
        runs.run.current.hear_other_processes()

    in_child(answer)

    runs.run.current.hear_other_processes()
    assert runs.run.redactor.issued == {TOKEN}


def test_the_first_of_equal_calls_may_be_one_of_another_process(runs: Runs) -> None:
    key = ("", "toy", "1a2b")
    in_child(
        lambda: runs.run.current.family.tell_sender(key, Sender({"key": "k-1"}, {}))
    )
    runs.run.current.hear_other_processes()
    names, _ = runs.run.senders.differing(key, Sender({"key": "k-2"}, {}))

    assert names == ["key"]
