"""Runs of one test with a client, in this process: recorded, verified and replayed, with one vault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import pytest

from support import face


class Asked(NamedTuple):
    """A call that began.

    Attributes:
        signature: `GET /users/1`.
        host: The host of the service, with its port if the URL names one.
        parts: What was asked, by name: of HTTP `scheme`, `port`, `path`, `headers` (names
            in lower case), `body` (JSON and forms as data); of SQL `database`; of gRPC
            `metadata`.
    """

    signature: str
    host: str | None
    parts: Mapping[str, Any]


class Answer(NamedTuple):
    """What is recorded of an answer.

    Attributes:
        end: `waiting`, `open`, or nothing for a whole one.
        error: The kind of the error of the network; else nothing.
        events: The events of a stream, each with `data`, and `event` where it has a name.
        data: The answer as its client stores it.
    """

    end: str
    error: str
    events: Sequence[Mapping[str, Any]]
    data: Any


class Runs(Protocol):
    """A test that runs again and again with one client and one vault; the first run records."""

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Patch the edges of the client until the test ends."""

    def again(
        self,
        mode: str,
        *,
        redact: Sequence[str] = (),
        sequence: bool | None = None,
        exclude: Sequence[str] = (),
    ) -> None:
        """End this run as passed, and begin the next one.

        Args:
            mode: `record`, `replay`, `verify`; `pass`, which excludes all calls, or `off`,
                which has no client.
            redact: Lines of `mimic_redact`.
            sequence: The option of the client's line. False: one recording serves all tests.
            exclude: Patterns of calls that are left out.
        """

    def end_test(self) -> None:
        """End the test of this run, as passed; nothing that it began goes on."""

    def end_open_streams(self) -> None:
        """End what was begun and is not read further by anybody."""

    @property
    def mode(self) -> str:
        """The mode of this run: `record`, `replay`, `verify`."""

    @property
    def asked(self) -> list[Asked]:
        """The calls of this run, in the order in which they began, without connections."""

    @property
    def signatures(self) -> list[str]:
        """Their signatures."""

    @property
    def answers(self) -> list[Answer]:
        """The recorded answers: call by call, and those of equal calls together."""

    @property
    def text(self) -> str:
        """Everything that is stored or shown."""

    @property
    def abandoned(self) -> int:
        """How many real calls of this run ended without an outcome."""

    @property
    def verified(self) -> int:
        """How many calls of this run were as recorded."""

    @property
    def misses(self) -> int:
        """How many calls of this run had no recording."""

    @property
    def told_apart_by_order(self) -> list[str]:
        """What the run says of equal calls that differ in a secret of the application's own."""

    def errors(self) -> list[Exception]:
        """Return the errors for which the test fails, since the last call."""

    def drifts(self) -> str:
        """Return the messages of the drifts among them."""

    def files(self) -> dict[str, bytes]:
        """Return the files of the vault."""

    def forget(self) -> None:
        """Delete all recordings."""


def runs_of(line: str) -> Runs:
    """Return runs with the client that a line of `mimic_functions` names."""
    if face.IS_ROOT:
        from unit.clients import runs as of_root

        from pytest_mimic._core.seam.base import load_adapter

        made: Runs = of_root.Runs(load_adapter(line))
        return made
    from support import runs_in_next

    return runs_in_next.Runs(line)


def end_all_runs() -> None:
    """End the tests of all runs: after a miss, functions that wait are wrapped until then."""
    if face.IS_ROOT:
        from unit.clients import runs as of_root

        of_root.Runs.end_all()
        return
    from support import runs_in_next

    runs_in_next.Runs.end_all()
