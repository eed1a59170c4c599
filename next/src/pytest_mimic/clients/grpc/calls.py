"""How a call begins, and how one is refused, with asyncio and without."""

from __future__ import annotations

from typing import Any

from pytest_mimic.client import Exchange, Plain, Port
from pytest_mimic.clients.grpc.messages import read_metadata


def begin(
    port: Port, method: str, target: object, request: Plain, metadata: Any = None
) -> Exchange | None:
    """Begin a call. None: it runs for real."""
    plain: Plain = {"method": method, **request}
    read = read_metadata(metadata)
    if read:
        plain["metadata"] = read
    return port.begin(plain, numbered={"server": target})


def refuse(exchange: Exchange, method: str, reason: str) -> Exception:
    """Return the error of a call that cannot be recorded."""
    words = "name the function around it, or leave it out, so that a replay needs the"
    return exchange.refuse([reason], [(f"{words} server", f"grpc exclude={method}")])
