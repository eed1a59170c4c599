"""Each call is replayed, runs for real, or passes through; an identical one in flight elsewhere is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pytest_mimic._core.engine.decisions import MAX_CHECKS, decisions_of
from pytest_mimic._core.vault.locks import ByteLocks
from pytest_mimic.errors import CorruptRecordingError, MissingRecordingError
from unit.core.engine.runs import Runs, connection


def fetch(city: str) -> list[str]:
    return [city]


def is_free(runs: Runs, call: Any) -> bool:
    """Return whether another thread can start a call, and end it."""
    with ThreadPoolExecutor(1) as elsewhere:
        in_flight = decisions_of(runs.state).in_flight
        name = f"{call.plan.folder}/{call.key}.json"
        flight, is_first = elsewhere.submit(in_flight.start, name).result()
        if is_first:
            flight.done()
        return is_first


def test_a_connection_without_a_recording_is_a_miss_in_a_cassette_that_replays(runs: Runs) -> None:
    port = runs.port(runs.cassette("replay"))

    with pytest.raises(MissingRecordingError, match="no recording of toy_client CONNECT"):
        port.begin(connection())


def test_a_connection_passes_through_in_a_cassette_that_is_live(runs: Runs) -> None:
    port = runs.port(runs.cassette("live"))

    assert port.begin(connection()).mode == "pass"


def test_a_call_without_a_sequence_that_only_selects_is_live(runs: Runs, service: Any) -> None:
    runs.again("live", only=("toy_client",))
    ask = runs.client(sequence=False)

    assert [ask("Oslo"), ask("Oslo")] == [-3.5, -3.5]
    assert service.requests == ["Oslo 2026-11-01"] * 2
    assert runs.names() == []


def test_a_call_that_is_in_flight_elsewhere_for_too_long_runs_here_too(runs: Runs) -> None:
    plan = runs.plan(fetch)
    with ThreadPoolExecutor(1) as elsewhere:
        first = elsewhere.submit(decisions_of(runs.state).decide, plan.call(("Oslo",), {})).result()
    second = plan.call(("Oslo",), {})

    assert (first.mode, decisions_of(runs.state).decide(second).mode) == ("run", "wait")
    assert decisions_of(runs.state).decide(second, checks=MAX_CHECKS).mode == "run"
    assert runs.ledger.notes == [
        "shop:fetch(city='Oslo') was in flight elsewhere for over 30 s: it ran here too"
    ]


def test_two_threads_do_not_wait_for_each_other(runs: Runs) -> None:
    """Each has a call under way that goes on only when the thread does, such as a stream that it reads."""
    plan = runs.plan(fetch)

    def mode(city: str) -> str:
        return decisions_of(runs.state).decide(plan.call((city,), {})).mode

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        assert [one.submit(mode, "Oslo").result(), other.submit(mode, "Rome").result()] == ["run", "run"]
        modes = [one.submit(mode, "Rome").result(), other.submit(mode, "Oslo").result()]

    assert sorted(modes) == ["run", "wait"]


def test_a_call_that_cannot_begin_keeps_no_other_waiting(runs: Runs) -> None:
    """Its arguments are noted when it has the lock."""

    class Unsteady:
        reads = 0

        def __mimic_identity__(self) -> str:
            self.reads += 1
            if self.reads > 1:
                raise OSError("gone")
            return "unsteady"

    with pytest.raises(OSError, match="gone"):
        runs.mimic(fetch)(Unsteady())

    assert is_free(runs, runs.plan(fetch).call((Unsteady(),), {}))


def test_a_stream_that_outlives_its_test_keeps_no_other_waiting(runs: Runs) -> None:
    def count(number: int) -> Iterator[int]:
        yield from range(number)

    stream = runs.mimic(count)(2)
    first = next(stream)
    call = runs.plan(count).call((2,), {})
    was_free = is_free(runs, call)

    runs.state.end_test()

    assert (was_free, is_free(runs, call)) == (False, True)
    assert [first, *stream] == [0, 1]
    assert len(runs.names()) == 1


def test_a_file_that_another_process_damages_keeps_no_call_waiting(runs: Runs) -> None:
    """It is read again when the call has the lock, and the error releases the lock."""
    runs.mimic(fetch)("Oslo")
    (name,) = runs.names()
    whole = runs.store.read(name)
    assert whole is not None
    runs.store.delete([name])

    class DamagingLocks(ByteLocks):
        def acquire(self, byte: int) -> bool:
            runs.store.write(name, whole[:20])
            return super().acquire(byte)

    runs.again("record", locks=lambda: DamagingLocks(lambda: str(runs.folder / "locks")))
    wrapped = runs.mimic(fetch)

    for _ in range(2):
        with pytest.raises(CorruptRecordingError, match=name):
            wrapped("Oslo")
        runs.store.delete([name])


def test_a_connection_is_recorded_although_only_selects_another_call(runs: Runs) -> None:
    """A client connects for a call that is recorded."""
    runs.again("record", only=("ASK *",))
    step = runs.port().begin(connection())

    assert step.mode == "run"
    step.finish({})
    assert len(runs.names()) == 1
