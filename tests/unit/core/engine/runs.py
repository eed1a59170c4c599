"""Runs of one test with functions and a client: the engine of a session, with a vault in memory and without pytest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import toy_client
from toy_adapter import ToyAdapter, wrap_ask

from pytest_mimic._core.engine.cassette_tracks import CassetteTrack
from pytest_mimic._core.engine.client_plan import ClientPlan, Port
from pytest_mimic._core.engine.function_plan import FunctionPlan
from pytest_mimic._core.engine.run import Run
from pytest_mimic._core.engine.scopes import Scopes
from pytest_mimic._core.engine.wrappers import Mimicked
from pytest_mimic._core.seam.base import ClientCall
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.vault import Vault
from unit.memory_store import MemoryStore
from unit.memory_store import settings as settings_of

TEST = "test_shop.py::test_order"


class Runs:
    """A test that runs again and again, with one vault.

    Args:
        folder: An empty folder, for the rootdir.

    Attributes:
        store: The files of the vault.
        run: The current run.
        account: Its account.
    """

    run: Run

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryStore()
        self.again("record")

    def again(
        self,
        mode: str,
        *,
        clock: Callable[[], float] = perf_counter,
        **settings: Any,
    ) -> None:
        """Begin the next run of the test, in a mode and with further settings."""
        if hasattr(self, "run"):
            self.end()
        self.run = Run(
            settings_of(self.folder, mode, **settings),
            Vault(self.store),
            today="2026-11-02",
            clock=clock,
        )
        self.account = self.run.account
        self.run.current.test = TEST
        Scopes(self.run).begin_test(TEST)

    def end(self) -> None:
        """End the run. After a miss, functions that wait are wrapped until then."""
        self.run.end_test()

    def plan(
        self,
        function: Callable[..., Any],
        cassette: CassetteTrack | None = None,
        **options: Any,
    ) -> FunctionPlan:
        """Return the plan of a function, as a line with options names it."""
        return FunctionPlan(
            self.run,
            f"shop:{function.__name__}",
            function,
            Options(**options),
            cassette,
        )

    def mimic(
        self,
        function: Callable[..., Any],
        cassette: CassetteTrack | None = None,
        **options: Any,
    ) -> Callable[..., Any]:
        """Return the wrapper of a function that is mimicked."""
        mimicked = Mimicked(function)
        mimicked.push(self, self.plan(function, cassette, **options))
        return mimicked.wrapper

    def port(
        self,
        cassette: CassetteTrack | None = None,
        *,
        kind: type[ToyAdapter] = ToyAdapter,
        **options: Any,
    ) -> Port:
        """Return the port of a client that is mimicked."""
        port = Port(self.run)
        port.plans.append(
            ClientPlan(self.run, kind("toy_client"), Options(**options), cassette)
        )
        return port

    def client(
        self, cassette: CassetteTrack | None = None, **options: Any
    ) -> Callable[[str], Any]:
        """Return a function that asks the toy client's service for the degrees in a place."""
        ask = wrap_ask(toy_client.Client.ask, self.port(cassette, **options))
        client = toy_client.Client("weather.test", api_key="k-5531-abc")
        return lambda place: ask(client, place, "2026-11-01").degrees

    def cassette(self, mode: Any, *, strict: bool = False) -> CassetteTrack:
        """Open the cassette `trip`."""
        return CassetteTrack(self.run, "trip", Mode(mode), strict=strict)

    def names(self, folder: str = "calls") -> list[str]:
        """Return the names of the recordings."""
        return sorted(self.store.names(folder))

    def damage(self, *names: str) -> None:
        """Cut off the end of these recordings and cassettes, or of all."""
        for name in names or (*self.names(), *self.names("cassettes")):
            data = self.store.read(name)
            assert data is not None
            self.store.write(name, data[: len(data) // 2])

    def errors(self) -> list[str]:
        """Return the errors for which the test fails, since the last call."""
        return [str(error) for error in self.run.current.pending.take()]


def connection(host: str = "weather.test") -> ClientCall:
    """Return a call by which a client connects: it belongs to no test."""
    parts = {"host": host}
    return ClientCall(
        "CONNECT",
        host=host,
        parts=parts,
        identity=("host",),
        described=parts,
        shared=True,
    )
