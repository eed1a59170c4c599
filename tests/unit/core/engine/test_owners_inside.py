"""The call under way goes into threads and pools that it starts, and not into other interpreters."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from pytest_mimic._core.engine.owners import Inside


class OfInterpreters(ThreadPoolExecutor):
    """As `InterpreterPoolExecutor` of Python 3.14, which pickles its tasks."""

    __module__ = "concurrent.futures.interpreter"


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Inside:
    made = Inside()
    monkeypatch.setattr(
        threading.Thread, "start", made.wrap_thread_start(threading.Thread.start)
    )
    monkeypatch.setattr(
        ThreadPoolExecutor, "submit", made.wrap_pool_submit(ThreadPoolExecutor.submit)
    )
    return made


def test_threads_and_tasks_of_a_call_are_inside_of_it_until_it_ends(
    inside: Inside,
) -> None:
    call, found, go_on = SimpleNamespace(active=True), [], threading.Event()

    def work() -> None:
        found.append(inside.is_nested)
        go_on.wait(60)
        found.append(inside.is_nested)

    with (
        inside.entered(call),
        ThreadPoolExecutor(1) as pool,
        OfInterpreters(1) as interpreters,
    ):
        thread = threading.Thread(target=work)
        thread.start()
        in_pools = [
            each.submit(lambda: inside.is_nested).result()
            for each in (pool, interpreters)
        ]
    later = pool_after_the_call(inside)
    call.active = False
    go_on.set()
    thread.join()

    assert (in_pools, found, later, inside.is_nested) == (
        [True, False],
        [True, False],
        False,
        False,
    )


def pool_after_the_call(inside: Inside) -> bool:
    """Return whether a task is inside that nobody submitted from the call."""
    with ThreadPoolExecutor(1) as pool:
        with inside.entered(SimpleNamespace(active=True)):
            pool.submit(int).result()  # starts the thread
        return pool.submit(lambda: inside.is_nested).result()
