"""Records foreign exchanges as a run would, with the same redaction, but by the parts that the other tool compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from time import strftime
from typing import NamedTuple

from pytest_mimic._clients.bundled import HTTP_CLIENTS
from pytest_mimic._clients.http.exchange import Exchange
from pytest_mimic._clients.http.responses import ExchangeRecorder
from pytest_mimic._core.engine.cassettes import Cassette
from pytest_mimic._core.engine.client_plan import ClientPlan, Port
from pytest_mimic._core.engine.ledger import Ledger
from pytest_mimic._core.engine.owners import Owner
from pytest_mimic._core.engine.recordings import recordings_of
from pytest_mimic._core.engine.run_state import RunState
from pytest_mimic._core.seam.base import load_adapter
from pytest_mimic._core.settings import Mode, Settings
from pytest_mimic._core.targets.target import Target, as_targets
from pytest_mimic._core.vault import Vault
from pytest_mimic._tools.foreign.cassette_file import ForeignExchange
from pytest_mimic.errors import MimicError

# RFC 9110, 5.6.2 and 9.1.
_METHOD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Destination(NamedTuple):
    """Where the exchanges of a file go: recordings of a test, or a cassette."""

    test: str = ""  # the id of the test; empty for a cassette
    cassette: str = ""  # the name of the cassette; empty for a test

    def __str__(self) -> str:
        return self.test or f"cassette {self.cassette}"


class Conversation:
    """The recordings that a run would have made of foreign exchanges, in a vault over that of the project.

    The options of the `targets` at a client apply. `match` names the parts of a request
    that count, `method-uri`.
    """

    def __init__(
        self,
        settings: Settings,
        vault: Vault,
        targets: Sequence[Target],
        destination: Destination,
        *,
        match: str,
    ) -> None:
        settings = settings._replace(mode=Mode.RERECORD)
        self._state = RunState(
            settings=settings, vault=vault, ledger=Ledger(), today=strftime("%Y-%m-%d")
        )
        self._state.clock = staticmethod(
            lambda: 0.0
        )  # a file does not say how long a call took
        recordings_of(self._state).imports[
            "http"
        ] = []  # those in the vault answer nothing here
        self._cassette: Cassette | None = None
        if destination.cassette:
            self._cassette = Cassette(self._state, destination.cassette, Mode.RERECORD)
        else:
            self._state.test = destination.test
            self._state.owner = Owner(destination.test)

        # What the other tool's filters have written in place of secrets stays.
        self._state.redactor.keeps_filtered = True
        port = Port(self._state)
        for target in http_lines(targets) or as_targets(["http"]):
            adapter = load_adapter(target.module)
            plan = ClientPlan(
                self._state,
                adapter,
                target.options,
                self._cassette,
                activation=self,
                imported=match,
            )
            port.plans.append(plan)
        self._edge = Exchange(port)

    def record(self, exchange: ForeignExchange) -> str:
        """Record an exchange, and return why that cannot be done, without secrets; empty if it is recorded."""
        method, head = exchange.request.method, exchange.head
        call = (
            self._edge.describe(exchange.request) if _METHOD.fullmatch(method) else None
        )
        if call is None:
            return f"{method}: it is a WebSocket, or its method or its URL is not valid"
        try:
            step = self._edge.port.begin(call)
            if step is None:
                raise MimicError("only= or exclude= in mimic_functions leaves it out")
            recorder = ExchangeRecorder(step)
            recorder.start(
                head["status"], head["reason"], head["version"], head["headers"]
            )
            if exchange.content:
                recorder.chunks.append(exchange.content)
            recorder.complete()
        except MimicError as error:
            return f"{method} {call.described['url']}: {error.what}"
        return ""

    def close(self) -> set[str]:
        """Write the cassette, and return the names of all that was recorded.

        Nothing is recorded after this.
        """
        if self._cassette is not None:
            self._cassette.close(None)
        return self._state.ledger.used


def http_lines(targets: Iterable[Target]) -> list[Target]:
    return [
        one
        for one in targets
        if one.module in ("http", *HTTP_CLIENTS) and not one.excluded
    ]
