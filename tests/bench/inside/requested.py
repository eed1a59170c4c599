"""GETs through a client, replayed or answered by the client's own mock transport."""

from __future__ import annotations

import importlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from steps import timed

HEADERS = {"Server": "x", "Date": "y", "Content-Type": "application/json", "Content-Length": "19"}
BODY = b'{"path":"/items/1"}'


def httpx_get(httpx: Any, mocked: bool) -> Callable[[str], object]:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=HEADERS, content=BODY))
    client = httpx.Client(transport=transport) if mocked else httpx.Client()
    return lambda url: client.get(url).json()


def requests_get(requests: Any, mocked: bool) -> Callable[[str], object]:
    class Mock(requests.adapters.HTTPAdapter):  # type: ignore[misc]
        def send(self, request: Any, **_: object) -> Any:
            raw = requests.packages.urllib3.HTTPResponse(
                io.BytesIO(BODY), HEADERS, 200, reason="OK", preload_content=False
            )
            return self.build_response(request, raw)

    session = requests.Session()
    if mocked:
        session.mount("http://", Mock())
    return lambda url: session.get(url).json()


def test_gets() -> None:
    """Take the same URLs several times; the least time counts."""
    name, count, passes = os.environ["CLIENT"], int(os.environ["COUNT"]), int(os.environ["PASSES"])
    get = {"httpx": httpx_get, "requests": requests_get}[name](
        importlib.import_module(name), bool(os.environ.get("MOCKED"))
    )
    urls = [f"{os.environ['URL']}/items/{number}" for number in range(count)]
    every: list[float] = []
    for _ in range(passes):
        figures: dict[str, float] = {}
        with timed(figures, "first", per=count):
            for url in urls:
                get(url)
        every.append(figures["first"])
    Path("figures.json").write_text(json.dumps({"first": min(every)}))
