"""A library on loopback, and runs of one test that uses it."""

from __future__ import annotations

import pytest
from support.runs import Runs


@pytest.fixture
def library():
    """The service."""
    from support.grpc_server import running_library

    with running_library() as library:
        yield library


@pytest.fixture(autouse=True)
def _ended_runs():
    """End the tests that runs have played."""
    yield
    Runs.end_all()


@pytest.fixture
def runs(line, monkeypatch):
    """Runs of a test with gRPC."""
    runs = Runs(line)
    runs.install(monkeypatch)
    return runs


@pytest.fixture
def line():
    return "grpc"


@pytest.fixture
def stub(library):
    """A stub on a sync channel."""
    import grpc
    from support.grpc_server import services

    with grpc.insecure_channel(library.target) as channel:
        yield services.LibraryStub(channel)


@pytest.fixture
def three_ways(runs, library):
    """Return a function that records a use, verifies it, and replays it without the service; and returns what it gave."""

    def play(use):
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
