"""Names the connections to other machines that a test makes and no line takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pytest_mimic.engine.servers import is_of_this_machine
from pytest_mimic.patch.clients import Edge, noting

if TYPE_CHECKING:
    from pytest_mimic.engine.run import Run


class Connections:
    """The connections of a run that replays: what is asked there has no recording.

    Args:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        # What the addresses were looked up for.
        self._hosts: dict[str, str] = {}

    def edges(self) -> Iterator[Edge]:
        """Yield the edges at which a name is looked up, and a socket connects."""
        yield Edge("socket", ("getaddrinfo",), noting(after=self._note_host))
        for name in ("connect", "connect_ex"):
            yield Edge("socket", ("socket", name), noting(self._note_address))

    def _note_host(
        self, found: list[Any], host: Any, *_args: Any, **_kwargs: Any
    ) -> None:
        if isinstance(host, str):
            self._hosts.update({address[0]: host for *_, address in found})

    def _note_address(self, _socket: Any, address: Any) -> None:
        run = self._run
        if not run.test or not isinstance(address, tuple) or run.passes():
            return
        host, port, *_ = address
        if not isinstance(host, str) or is_of_this_machine(host):
            return
        name = self._hosts.get(host, host)
        if not run.servers.is_left_out(name):
            cause = f"{run.test} connected to {name}:{port}"
            run.tell("connected", cause)
