"""Records foreign exchanges as a run would, with the same redaction.

The parts that count are those that the other tool compared. No request is sent: the
response of the cassette is handed to the recorder in place of a real one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from time import strftime
from typing import NamedTuple

from pytest_mimic._clients.bundled import HTTP_CLIENTS
from pytest_mimic._clients.http.http_calls import RequestTaker
from pytest_mimic._clients.http.responses import ExchangeRecorder
from pytest_mimic._core.engine.cassette_tracks import CassetteTrack
from pytest_mimic._core.engine.client_plan import ClientPlan, Port
from pytest_mimic._core.engine.owners import Owner
from pytest_mimic._core.engine.run import Run
from pytest_mimic._core.seam.base import load_adapter
from pytest_mimic._core.settings import Mode, Settings
from pytest_mimic._core.targets.target import Target, as_targets
from pytest_mimic._core.vault import Vault
from pytest_mimic._tools.foreign.cassette_file import ForeignExchange
from pytest_mimic.errors import MimicError

# The token that a method is: RFC 9110, 5.6.2 and 9.1.
_TOKEN_OF_METHOD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


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


class ExchangeImporter:
    """Makes the recordings that a run would have made of foreign exchanges.

    Args:
        settings: The settings of the project.
        vault: The vault that gets the recordings.
        targets: The targets of the project. The options at HTTP clients apply.
        destination: The test or cassette that the recordings belong to.
        match: The parts of a request that count, `method-uri`.
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
        importing_settings = settings._replace(mode=Mode.RERECORD)
        # A file does not say how long a call took.
        self._importing_run = Run(
            importing_settings, vault, today=strftime("%Y-%m-%d"), clock=_stopped_clock
        )
        # Recordings that were imported before are no answers to these requests.
        self._importing_run.recordings.parts_of_imports_by_target["http"] = []
        self._cassette: CassetteTrack | None = None
        if destination.cassette:
            self._cassette = CassetteTrack(
                self._importing_run, destination.cassette, Mode.RERECORD
            )
        else:
            self._importing_run.current.test = destination.test
            self._importing_run.current.owner = Owner(destination.test)

        # The words that the other tool's filters have put in place of secrets stay.
        self._importing_run.redactor.keeps_words_of_other_tools = True
        port = Port(self._importing_run)
        for target in http_lines(targets) or as_targets(["http"]):
            plan = ClientPlan(
                self._importing_run,
                load_adapter(target.module),
                target.options,
                self._cassette,
                activation=self,
                imported=match,
            )
            port.plans.append(plan)
        self._taker = RequestTaker(port)

    def record(self, exchange: ForeignExchange) -> str:
        """Record an exchange.

        Returns:
            Why it cannot be recorded, without secrets; empty if it is recorded.
        """
        method = exchange.request.method
        response_head = exchange.head
        # `describe` returns None for a WebSocket and for a URL that is not valid.
        call = None
        if _TOKEN_OF_METHOD.fullmatch(method):
            call = self._taker.describe(exchange.request)
        if call is None:
            return f"{method}: it is a WebSocket, or its method or its URL is not valid"
        try:
            step = self._taker.port.begin(call)
            if step is None:
                raise MimicError("only= or exclude= in mimic_functions leaves it out")
            # The recorder takes the answer of the file for one that a service sends.
            recorder = ExchangeRecorder(step)
            recorder.start(
                response_head["status"],
                response_head["reason"],
                response_head["version"],
                response_head["headers"],
            )
            if exchange.content:
                recorder.chunks.append(exchange.content)
            recorder.complete()
        except MimicError as error:
            return f"{method} {call.described['url']}: {error.what}"
        return ""

    def close(self) -> set[str]:
        """End the import of a file, and write its cassette if it becomes one.

        Returns:
            The names of the recordings, or of the cassette.
        """
        if self._cassette is not None:
            self._cassette.close()
        return self._importing_run.account.used


def _stopped_clock() -> float:
    """Tell the same moment always, so that each call takes no time."""
    return 0.0


def http_lines(targets: Iterable[Target]) -> list[Target]:
    """Return the targets that name HTTP clients, whose options an import follows."""
    names = ("http", *HTTP_CLIENTS)
    return [
        target for target in targets if target.module in names and not target.excluded
    ]
