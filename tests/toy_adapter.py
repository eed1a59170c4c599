"""An example of a client: it records and replays `toy_client.Client`.

A client answers four questions. Where does the client meet the network (`edges`)? What
makes two calls the same call
(`ClientCall`)? How is a reply stored as plain data, and restored (`store_forecast`,
`load_forecast`)? What may differ
when the real service is asked again (`comparable`)? Recording, replaying, comparing and
reporting are the engine's work.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from pytest_mimic.client import Adapter, ClientCall, Edge, recording


class ToyAdapter(Adapter):
    """The client `toy_client`."""

    # The names that users may give to ignore= and match=.
    parts = ("host", "place", "day", "language", "headers")

    def edges(self) -> Sequence[Edge]:
        """Return the method closest to the network, so that all the code above it runs in a replay."""
        return [Edge("toy_client", ("Client", "ask"), wrap_ask)]

    def comparable(self, plain: Any, _beside: Any = None, /) -> Any:
        """Return the reply without the number of the request, which is another one each time."""
        return {
            name: value for name, value in plain.items() if name != "request_number"
        }


def wrap_ask(original: Callable[..., Any], port: Any) -> Callable[..., Any]:
    """Return the function that replaces `Client.ask` while the client is active."""

    @wraps(original)
    def ask(client: Any, place: str, day: str, *, language: str = "en") -> Any:
        step = (
            port.begin(describe(client, place, day, language, port))
            if port.taking()
            else None
        )
        if (
            step is None
        ):  # nothing mimics this client at the moment, or its line leaves the call out
            return original(client, place, day, language=language)
        if step.mode != "replay":
            with recording(step, store_error):
                forecast = original(client, place, day, language=language)
                step.finish(store_forecast(forecast))
            if step.mode != "verify":  # which gives the recorded reply
                return forecast
        return load_forecast(step.outcome())

    return ask


def describe(client: Any, place: str, day: str, language: str, port: Any) -> ClientCall:
    """Describe a call in plain data without secrets."""
    parts = {
        "host": client.host,
        "place": place,
        "day": day,
        "language": language,
        "headers": {"api_key": client.api_key},
    }
    # Replaces the values of secret names, here `api_key`, by a placeholder.
    parts = port.redactor.scrub(parts)
    return ClientCall(
        f"ASK {place}",
        host=client.host,
        parts=parts,
        identity=("host", "place", "day"),
        described={name: parts[name] for name in ("place", "day")},
    )


def store_forecast(forecast: Any) -> dict[str, Any]:
    """Return a reply as plain data: None, booleans, numbers, texts, and lists and mappings of these."""
    return {"degrees": forecast.degrees, "request_number": forecast.request_number}


def store_error(error: Exception) -> dict[str, Any] | None:
    """Return an error of the service as plain data, or None for an error that is no answer of it."""
    return {"error": str(error)} if isinstance(error, service_error()) else None


def load_forecast(plain: dict[str, Any]) -> Any:
    """Return the client's own object for a stored reply, or raise the client's own error."""
    if "error" in plain:
        raise service_error()(plain["error"])
    return sys.modules["toy_client"].Forecast(**plain)


def service_error() -> type[Exception]:
    """Return the client's exception class.

    The client is loaded by now; a client never imports it.
    """
    kind: type[Exception] = sys.modules["toy_client"].ServiceError
    return kind
