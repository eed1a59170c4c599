"""The parts of a run are one for all of its threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest

from unit.core.engine.runs import Runs


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Return a function that lets another thread do something meanwhile, unless that has to wait for this one."""
    with ThreadPoolExecutor(1) as pool:

        def begin(act: Callable[[], Any]) -> Future[Any]:
            future = pool.submit(act)
            wait([future], timeout=0.02)
            return future

        yield begin


def test_threads_that_redact_at_once_share_what_is_secret(
    runs: Runs, meanwhile: Any
) -> None:
    others = []

    class Names(tuple):
        def __iter__(self):
            if not others:
                others.append(None)
                others.append(meanwhile(lambda: runs.run.redactor))
            return super().__iter__()

    runs.again("record", redact=Names(("pin",)))

    mine = runs.run.redactor

    assert others[1].result() is mine
