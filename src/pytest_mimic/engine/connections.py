"""Names the connections to other machines that a test makes and no line takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_mimic.engine.run import Run
from pytest_mimic.engine.servers import is_of_this_machine
from pytest_mimic.patch.clients import Edge, noting


def edges_of_connections(run: Run) -> Iterator[Edge]:
    """Yield the edges at which a name is looked up, and a socket connects.

    Of a run that replays: what is asked there has no recording.
    """
    # What the addresses were looked up for.
    hosts: dict[str, str] = {}

    def note_host(found: list[Any], host: Any, *_args: Any, **_kwargs: Any) -> None:
        if isinstance(host, str):
            hosts.update({address[0]: host for *_, address in found})

    def note_address(_socket: Any, address: Any) -> None:
        if not run.test or not isinstance(address, tuple) or run.is_unseen():
            return
        host, port, *_ = address
        if not isinstance(host, str) or is_of_this_machine(host):
            return
        name = hosts.get(host, host)
        if not run.servers.is_left_out(name):
            run.add_event("connected", f"{run.test} connected to {name}:{port}")

    yield Edge("socket", ("getaddrinfo",), noting(after=note_host))
    for name in ("connect", "connect_ex"):
        yield Edge("socket", ("socket", name), noting(note_address))
