"""A library on loopback, and runs of one test that uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.runs import Runs


@pytest.fixture
def library() -> Iterator[Any]:
    """The service."""
    from support.grpc_server import running_library

    with running_library() as library:
        yield library


@pytest.fixture
def line() -> str:
    return "grpc"


@pytest.fixture
def stub(library: Any) -> Iterator[Any]:
    """A stub on a sync channel."""
    import grpc
    from support.grpc_server import services

    with grpc.insecure_channel(library.target) as channel:
        yield services.LibraryStub(channel)


@pytest.fixture
def three_ways(runs: Runs, library: Any) -> Callable[[Callable[[], Any]], Any]:
    """Return a function that records a use, verifies it, and replays it without the service; and returns what it gave."""

    def play(use: Callable[[], Any]) -> Any:
        recorded = use()
        runs.again("verify")
        files = runs.files()
        assert use() == recorded
        assert runs.drifts() == ""
        library.stop()
        runs.again("replay")
        assert use() == recorded
        assert runs.files() == files
        return recorded

    return play
