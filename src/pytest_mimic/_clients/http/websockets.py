"""Notes the WebSockets that a test opens: they are not recorded, and connect for real."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_mimic._core.hosts import is_local
from pytest_mimic._core.seam.base import ClientCall, Edge

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port


def note_websocket(port: Port, url: str) -> None:
    """Add a WebSocket to the summary, unless it leads to this machine or the lines of the client leave it out."""
    try:
        parts = urlsplit(url)
        host, number = (parts.hostname or "").lower(), parts.port
    except ValueError:  # the client will complain
        return
    if is_local(host) or not port.taking():
        return
    if port.takes(ClientCall(f"GET {parts.path or '/'}", {}, (), {}, host=host)):
        scheme = "wss" if parts.scheme in ("wss", "https") else "ws"
        shown = f"[{host}]" if ":" in host else host
        port.note_websocket(f"{scheme}://{shown}" + (f":{number}" if number else ""))


def _wrap(place: int, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return a function that notes a WebSocket. The URL is its argument in this place."""

    @wraps(original)
    def connect(*args: Any, **options: Any) -> Any:
        url = args[place] if len(args) > place else options.get("uri", options.get("url"))
        note_websocket(port, str(url))
        return original(*args, **options)

    return connect


#: The functions of `websockets` and `websocket-client` that connect. The adapters of HTTP clients see the others.
WEBSOCKET_EDGES = (
    Edge("websockets.asyncio.client", ("connect", "__init__"), partial(_wrap, 1)),
    Edge("websockets.legacy.client", ("Connect", "__init__"), partial(_wrap, 1)),
    Edge("websockets.sync.client", ("connect",), partial(_wrap, 0)),
    Edge("websocket._core", ("WebSocket", "connect"), partial(_wrap, 1)),
)
