"""What the processes of a run that has forked know of one another."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import pytest

from pytest_mimic._core.engine.coverings import watch_forks
from pytest_mimic._core.engine.owners import Owner
from pytest_mimic._core.redact.known_secrets import known_in
from unit.core.engine.runs import TEST, Runs

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


@pytest.fixture
def runs(runs: Runs) -> Runs:
    """Runs that are told of forks."""
    watch_forks(runs.state)
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
    watch_forks(runs.state)
    return runs.mimic(counter(), sequence=True)


def test_calls_of_all_processes_take_places_in_turn(
    runs: Runs, recorded: Callable[[], Any]
) -> None:
    def twice() -> Any:
        return [recorded(), in_child(recorded)]

    assert recorded() == 1
    assert in_child(twice) == [2, 3]
    runs.state.hear()
    assert runs.ledger.replayed == 3


def test_a_run_that_does_not_fork_has_no_family(
    runs: Runs, recorded: Callable[[], Any]
) -> None:
    recorded()

    assert runs.state.family is None


def test_an_error_of_a_child_fails_the_test(runs: Runs) -> None:
    runs.again("replay")
    watch_forks(runs.state)
    fetch = runs.mimic(counter())

    message = in_child(fetch)

    runs.state.hear()
    assert message == "no recording of shop:fetch()"
    assert [error.partition("\n")[0] for error in runs.errors()] == [message]
    assert [miss.label for miss in runs.ledger.missing] == ["shop:fetch()"]


def test_what_a_child_records_is_judged_with_its_test(runs: Runs) -> None:
    """Its parent goes on behind it."""
    fetch = runs.mimic(counter(), sequence=True)

    assert in_child(fetch) == 1
    runs.state.hear()

    [(name, change)] = runs.state.owner.journal.items()
    assert change.before is None
    assert change.now == change.good
    assert change.now is not None
    assert b'"value": 1' in change.now
    assert runs.ledger.recorded == 1
    assert name in runs.ledger.used
    fetch()
    assert b'"value": 1' in (runs.store.read(name) or b"")
    assert len(json.loads(runs.store.read(name) or b"")["outcomes"]) == 2


def test_an_open_call_of_the_parent_is_none_of_the_child(runs: Runs) -> None:
    def numbers() -> Any:
        yield from range(3)

    stream = runs.mimic(numbers, sequence=True)()
    assert next(stream) == 0

    left = in_child(lambda: [list(stream), len(runs.state.owner.open)])

    assert left == [[1, 2], 0]
    assert len(runs.state.owner.open) == 1
    assert list(stream) == [1, 2]
    assert runs.ledger.recorded == 1


def test_an_owner_that_a_process_made_for_itself_is_not_shared(
    runs: Runs, recorded: Callable[[], Any]
) -> None:
    """With pytest-forked, a forked process runs and judges a test."""

    def as_a_test() -> list[Any]:
        runs.state.owner = Owner(TEST, is_test=True)
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


def test_a_child_does_not_wait_for_a_thread_of_its_parent_that_sends_secrets(
    runs: Runs, recorded: Callable[[], Any]
) -> None:
    known = known_in(runs.state.secret_scope)
    begun, go_on = Event(), Event()

    def secrets() -> Iterator[str]:
        begun.set()
        go_on.wait()
        yield "s3cret"

    def sends() -> str:
        # Without a lock, it ends at once.
        signal.alarm(20)
        known.send(["other"], {})
        return "sent"

    thread = Thread(target=known.send, args=[secrets(), {}])
    thread.start()
    begun.wait()

    answer = in_child(sends)

    go_on.set()
    thread.join()
    assert answer == "sent"
    assert recorded() == 1
