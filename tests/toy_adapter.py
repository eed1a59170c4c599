"""An example of an adapter: it records and replays `toy_client.Client`.

An adapter says where its client meets the network (`edges`), how a request and a reply
are plain data, what tells two requests apart (`counted`), and what may differ when the
service is asked again (`comparable`). Recording, replaying, comparing and reporting are
the engine's work.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from pytest_mimic.client import Adapter, Edge, Plain, Port

# What always tells two requests apart. What else counts, a line says by `match=`.
COUNTED = ("host", "place", "day")


class ToyAdapter(Adapter):
    """The client `toy_client`."""

    name = kind = "toy_client"

    def edges(self, port: Port) -> list[Edge]:
        """Return the method closest to the network, so that the code above it runs in a replay."""

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            return wrap_ask(original, port)

        return [Edge("toy_client", ("Client", "ask"), wrap)]

    def signature(self, request: Plain) -> str:
        """Return `ASK Oslo`."""
        return f"ASK {request['place']}"

    def host(self, request: Plain) -> str:
        """Return the host of the service."""
        host: str = request["host"]
        return host

    def counted(self, parts: Plain, matched: Sequence[str]) -> Plain:
        """Return the parts that tell a request from others."""
        return {
            name: part
            for name, part in parts.items()
            if name in COUNTED or name in matched
        }

    def comparable(self, answer: Plain, other: Plain) -> Plain:
        """Return the reply without the number of the request, which is another one each time."""
        return {
            name: value for name, value in answer.items() if name != "request_number"
        }


def wrap_ask(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return the function that replaces `Client.ask` while the client is mimicked."""

    @wraps(original)
    def ask(client: Any, place: str, day: str, *, language: str = "en") -> Any:
        request = {
            "host": client.host,
            "place": place,
            "day": day,
            "language": language,
            "headers": {"api_key": client.api_key},
        }
        exchange = port.begin(request)
        if exchange is None:  # no line takes the call
            return original(client, place, day, language=language)
        if exchange.mode == "replay":
            return exchange.replay(build)
        with exchange.running():
            answer = answer_of(original, client, place, day, language)
        return exchange.finish(answer, build)

    return ask


def answer_of(original: Callable[..., Any], *call: Any) -> Plain:
    """Ask the service, and return its reply or its error as plain data."""
    client, place, day, language = call
    try:
        forecast = original(client, place, day, language=language)
    except sys.modules["toy_client"].ServiceError as error:
        return {"error": {"kind": "refused by the service", "text": str(error)}}
    return {"degrees": forecast.degrees, "request_number": forecast.request_number}


def build(answer: Plain) -> Any:
    """Return the client's own object for a reply, or the error that it raises.

    The client is imported by now; an adapter never imports it.
    """
    toy_client = sys.modules["toy_client"]
    if "error" in answer:
        return toy_client.ServiceError(answer["error"]["text"])
    return toy_client.Forecast(**answer)
