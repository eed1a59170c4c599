"""Records foreign exchanges as a run would: the same clients, identities and redaction, without a client."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._clients.http.exchange import Exchange, HttpRequest
from pytest_mimic._core.engine.cassettes import OpenCassette
from pytest_mimic._core.engine.client_plan import ClientPlan, ClientPort
from pytest_mimic._core.engine.ledger import Ledger
from pytest_mimic._core.engine.owners import Owner
from pytest_mimic._core.engine.run_state import RunState
from pytest_mimic._core.seam.registry import load_adapter
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.target import Target
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._tools.foreign.foreign_exchanges import Refusal
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import ClientCall
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._tools.foreign.foreign_exchanges import ForeignExchange


# RFC 9110, 5.6.2 and 9.1.
_METHOD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Destination(NamedTuple):
    """Where the exchanges of a file go: recordings of a test, or a cassette.

    Attributes:
        test: The id of the test; empty for a cassette.
        cassette: The name of the cassette; empty for a test.
    """

    test: str = ""
    cassette: str = ""

    def __str__(self) -> str:
        return self.test or f"cassette {self.cassette}"


class Conversation:
    """The recordings that a run would have made of foreign exchanges, in a vault of their own.

    Args:
        settings: Those of the project, with an empty folder as the vault.
        targets: Those of the project. Their options at a client apply.
        destination: What the calls belong to.
        today: The date of the recordings.
    """

    def __init__(
        self, settings: Settings, targets: Sequence[Target], destination: Destination, *, today: str
    ) -> None:
        settings = settings._replace(mode=Mode.RECORD)
        store = FolderStore(settings.vault)
        self.vault = Vault(store, label=settings.shown_vault)
        self._state = RunState(
            settings=settings, vault=self.vault, ledger=Ledger(), locks=store.byte_locks, today=today
        )
        self._targets = targets
        self._exchanges: dict[str, Exchange] = {}
        self._now = 0.0
        # A recording keeps how long the call took, which the file may say.
        self._state.clock = staticmethod(lambda: self._now)
        self._cassette: OpenCassette | None = None
        if destination.cassette:
            self._cassette = OpenCassette(
                self._state, destination.cassette, "record", strict=False, only_replays=False
            )
        else:
            self._state.test = destination.test
            self._state.owner = Owner(destination.test)

    def record(self, exchange: ForeignExchange, client: str) -> str:
        """Record an exchange, and return why that cannot be done; empty if it is recorded."""
        reason = self._record(exchange, client)
        if exchange.alternative is not None and not reason and self._cassette is None:
            reason = self._record(exchange._replace(request=exchange.alternative), client)
        return reason

    def _record(self, exchange: ForeignExchange, client: str) -> str:
        if _METHOD.fullmatch(exchange.request.method) is None:
            return "its method is not valid"
        edge = self._edge(client)
        call = edge.describe(exchange.request)
        if call is None:
            return _why_not(exchange.request)
        try:
            step = edge.port.begin(call)
            if step.mode != "run":
                return f"only= or exclude= of {client} in mimic_functions leaves it out"
            recorder = edge.recorder(step, exchange.request)
            head = exchange.head
            recorder.start(
                head["status"], head["reason"], head["version"], head["headers"], decoded=exchange.is_decoded
            )
            if exchange.content:
                recorder.chunks.append(exchange.content)
            self._now += exchange.seconds
            recorder.complete()
        except MimicError as error:
            return str(error).partition("\n")[0]
        return ""

    def close(self) -> None:
        """Write the cassette. Nothing is recorded after this."""
        if self._cassette is not None:
            self._cassette.close(None)

    def shown(self, method: str, url: str) -> str:
        """Return a request as messages show it: the method and the URL, without a query and without secrets."""
        call: ClientCall | None = None
        with suppress(ValueError):
            call = self._edge("requests").describe(HttpRequest(method, url, (), b""))
        return f"{method} {call.described['url']}" if call is not None else method

    def shown_agent(self, agent: str) -> str:
        """Return a `User-Agent` as messages show it."""
        return self._state.redactor.texts.scrub_text(agent)[:60]

    def _edge(self, client: str) -> Exchange:
        if client not in self._exchanges:
            port = ClientPort(self._state)
            for target in _lines(self._targets, client):
                plan = ClientPlan(
                    self._state, load_adapter(client), target.options, self._cassette, activation=self
                )
                port.plans.append(plan)
            self._exchanges[client] = Exchange(port)
        return self._exchanges[client]


def _lines(targets: Iterable[Target], client: str) -> list[Target]:
    """Return the project's lines for a client, or one without options."""
    return [target for target in targets if target.module == client and not target.excluded] or [
        Target(client)
    ]


def _why_not(request: HttpRequest) -> str:
    is_upgrade = any(str(name).lower() == "upgrade" for name, _ in request.headers)
    return "it is a WebSocket, which no client records" if is_upgrade else "its URL is not valid"


def refused(exchange: ForeignExchange, reason: str) -> Refusal:
    return Refusal(exchange.number, reason, exchange.request.method, exchange.request.url)
