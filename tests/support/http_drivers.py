"""A driver for each HTTP client: sends a request in the client's way, and tells what an application sees.

The conformance tests know only this interface.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

from support.http_server import CERTIFICATE, NOWHERE

#: Each kind of failure, as `errors` and `FAILURES` name it.
KINDS = (
    "refused",
    "name",
    "tls",
    "reading",
    "closed",
    "malformed",
    "broken body",
    "short body",
    "slow body",
)


def _errors(classes: str) -> dict[str, str]:
    """Return the class of the exception for each kind of failure."""
    found = dict(zip(KINDS, classes.split(), strict=True))
    return {**found, "slow body of any length": found["slow body"]}


class Ask(NamedTuple):
    """A request.

    Attributes:
        read: The way in which the body is read, one of the driver's `readings`.
        stop: Read so many items, as they come, and close the response.
        follow: Follow redirects.
        timeout: Of each step, in seconds.
    """

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    read: str = "whole"
    stop: int | None = None
    follow: bool = False
    timeout: float = 5.0


class Answer(NamedTuple):
    """What an application sees of a response.

    Attributes:
        headers: Those whose values are the same each time, by their names in lower
            case.
        body: What the reading gave.
        history: The statuses of the redirects that were followed.
        own: What only this client shows.
    """

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: Any
    history: list[int]
    own: dict[str, Any]


class Driver:
    """One client. A subclass sends.

    Attributes:
        line: The line of the client in `mimic_functions`.
        module: The module of the client.
        decodes: A body is decompressed by default.
        readings: The ways to read a body. `whole` and `chunks`, as they come, are in
            each.
        shows: The attributes of a response that only this client has.
        errors: The class of the exception for each kind of failure.
        certificates: A file with those that are trusted.
    """

    certificates: ClassVar[str] = str(CERTIFICATE)

    line: ClassVar[str]
    is_async: ClassVar[bool] = False
    decodes: ClassVar[bool] = True
    readings: ClassVar[Mapping[str, Callable[[Any], Any]]]
    shows: ClassVar[tuple[str, ...]] = ()
    errors: ClassVar[Mapping[str, str]]

    @property
    def name(self) -> str:
        """The name of the driver in ids of tests."""
        return (
            f"{self.line} async"
            if self.is_async and self.line != "aiohttp"
            else self.line
        )

    @property
    def module(self) -> Any:
        """The client, imported."""
        return import_module(self.line)

    def talk(self, url: str, *asks: Ask, proxy: str | None = None) -> list[Answer]:
        """Send requests to a server one after another, in one session."""
        with self.session(proxy) as session:
            return [self.send(session, url, ask) for ask in asks]

    def many(self, url: str, asks: Iterable[Ask]) -> list[Answer]:
        """Send requests at the same time, in threads."""
        from concurrent.futures import ThreadPoolExecutor

        with self.session(None) as session, ThreadPoolExecutor(8) as threads:
            return list(threads.map(lambda ask: self.send(session, url, ask), asks))

    def failure(self, url: str, ask: Ask) -> list[str]:
        """Return the class and the text of the exception that a request ends in."""
        try:
            answer = self.talk(url, ask)
        except Exception as error:
            return [type(error).__name__, _text_of(error)]
        raise AssertionError(f"no failure: {answer}")

    def session(self, proxy: str | None) -> Any:
        """Return a block with a session."""
        raise NotImplementedError

    def send(self, session: Any, url: str, ask: Ask) -> Answer:
        """Send a request and read its response."""
        raise NotImplementedError

    def answer(
        self,
        response: Any,
        body: Any,
        headers: Iterable[tuple[str, str]],
        history: Iterable[Any] = (),
    ) -> Answer:
        """Return what an application sees of a response, its headers without the date."""
        pairs = [
            (name.lower(), value) for name, value in headers if name.lower() != "date"
        ]
        reason = (
            response.reason_phrase
            if hasattr(response, "reason_phrase")
            else response.reason
        )
        own = {name: getattr(response, name, None) for name in self.shows}
        return Answer(
            _status(response), reason, pairs, body, list(map(_status, history)), own
        )

    def read(self, response: Any, ask: Ask) -> Any:
        """Read a body as the request says."""
        found = self.readings[ask.read](response)
        return list(islice(found, ask.stop)) if isinstance(found, Iterator) else found


class AsyncDriver(Driver):
    """An async client. Its session and its `send` are async."""

    is_async: ClassVar[bool] = True

    def talk(self, url: str, *asks: Ask, proxy: str | None = None) -> list[Answer]:
        """Send requests to a server one after another, in one session."""

        async def main() -> list[Answer]:
            async with self.session(proxy) as session:
                return [await self.send(session, url, ask) for ask in asks]  # type: ignore[misc]

        return asyncio.run(main())

    def many(self, url: str, asks: Iterable[Ask]) -> list[Answer]:
        """Send requests at the same time, in tasks."""

        async def main() -> list[Answer]:
            async with self.session(None) as session:
                sent = (self.send(session, url, ask) for ask in asks)
                return list(await asyncio.gather(*sent))  # type: ignore[call-overload]

        return asyncio.run(main())

    async def read(self, response: Any, ask: Ask) -> Any:  # type: ignore[override]
        """Read a body as the request says."""
        found = self.readings[ask.read](response)
        if not hasattr(found, "__aiter__"):
            return await found
        parts: list[Any] = []
        if ask.stop == 0:
            return parts
        async for part in found:
            parts.append(part)
            if len(parts) == ask.stop:
                break
        return parts


def _text_of(error: BaseException) -> str:
    """Return the text of an exception without addresses of objects."""
    return " ".join(word for word in str(error).split() if "0x" not in word)


def _status(response: Any) -> int:
    found: int = getattr(response, "status_code", None) or response.status
    return found


def _into(response: Any) -> bytes:
    buffer = bytearray(20)
    parts = []
    while size := response.readinto(buffer):
        parts.append(bytes(buffer[:size]))
    return b"".join(parts)


# httpx


_HTTPX_ERRORS = _errors(
    "ConnectError ConnectError ConnectError ReadTimeout "
    "RemoteProtocolError RemoteProtocolError RemoteProtocolError RemoteProtocolError ReadTimeout"
)


def _httpx_options(ask: Ask) -> dict[str, Any]:
    return {"headers": dict(ask.headers), "timeout": ask.timeout, "content": ask.body}


class HttpxDriver(Driver):
    """httpx."""

    line = "httpx"
    shows = ("http_version", "encoding", "is_closed")
    errors = _HTTPX_ERRORS
    readings: ClassVar = {
        "whole": lambda response: response.read(),
        "chunks": lambda response: response.iter_bytes(),
        "raw": lambda response: response.iter_raw(),
        "parts": lambda response: response.iter_bytes(4),
        "text": lambda response: response.iter_text(),
        "lines": lambda response: response.iter_lines(),
    }

    def session(self, proxy: str | None) -> Any:
        return self.module.Client(proxy=proxy, verify=_context())

    def send(self, session: Any, url: str, ask: Ask) -> Answer:
        with session.stream(
            ask.method,
            url + ask.path,
            follow_redirects=ask.follow,
            **_httpx_options(ask),
        ) as response:
            body = self.read(response, ask)
        return self.answer(
            response, body, response.headers.multi_items(), response.history
        )


class Httpx2Driver(HttpxDriver):
    """httpx2."""

    line = "httpx2"


class AsyncHttpxDriver(AsyncDriver):
    """The async client of httpx."""

    line = "httpx"
    shows = ("http_version", "encoding", "is_closed")
    errors = _HTTPX_ERRORS
    readings: ClassVar = {
        "whole": lambda response: response.aread(),
        "chunks": lambda response: response.aiter_bytes(),
        "raw": lambda response: response.aiter_raw(),
        "parts": lambda response: response.aiter_bytes(4),
        "lines": lambda response: response.aiter_lines(),
    }

    def session(self, proxy: str | None) -> Any:
        return self.module.AsyncClient(proxy=proxy, verify=_context())

    async def send(self, session: Any, url: str, ask: Ask) -> Answer:  # type: ignore[override]
        async with session.stream(
            ask.method,
            url + ask.path,
            follow_redirects=ask.follow,
            **_httpx_options(ask),
        ) as response:
            body = await self.read(response, ask)
        return self.answer(
            response, body, response.headers.multi_items(), response.history
        )


def _context() -> Any:
    return _context_for(Driver.certificates)


@cache
def _context_for(certificates: str) -> Any:
    """Return a context, made once: to read certificates takes longer than a request."""
    import ssl

    return ssl.create_default_context(cafile=certificates)


# requests


class RequestsDriver(Driver):
    """requests."""

    line = "requests"
    shows = ("encoding", "ok")
    errors: ClassVar = _errors(
        "ConnectionError ConnectionError SSLError ReadTimeout "
        "ConnectionError ConnectionError ChunkedEncodingError ChunkedEncodingError ConnectionError"
    )
    readings: ClassVar = {
        "whole": lambda response: response.content,
        "chunks": lambda response: response.iter_content(None),
        "parts": lambda response: response.iter_content(4),
        "lines": lambda response: response.iter_lines(),
        "raw": lambda response: response.raw.read(),
    }

    def session(self, proxy: str | None) -> Any:
        session = self.module.Session()
        session.proxies = {"http": proxy, "https": proxy} if proxy else {}
        session.verify = self.certificates
        return session

    def send(self, session: Any, url: str, ask: Ask) -> Answer:
        with session.request(
            ask.method,
            url + ask.path,
            data=ask.body,
            headers=dict(ask.headers),
            stream=ask.read != "whole",
            allow_redirects=ask.follow,
            timeout=ask.timeout,
        ) as response:
            body = self.read(response, ask)
        return self.answer(response, body, response.headers.items(), response.history)


# aiohttp


class AiohttpDriver(AsyncDriver):
    """aiohttp."""

    line = "aiohttp"
    shows = ("version", "closed", "connection", "content_type")
    errors: ClassVar = _errors(
        "ClientConnectorError ClientConnectorDNSError ClientConnectorCertificateError SocketTimeoutError "
        "ServerDisconnectedError ClientResponseError ClientPayloadError ClientPayloadError SocketTimeoutError"
    )
    readings: ClassVar = {
        "whole": lambda response: response.read(),
        "chunks": lambda response: response.content.iter_any(),
        "lines": lambda response: response.content,
        "parts": lambda response: response.content.iter_chunked(4),
    }

    def session(self, proxy: str | None) -> Any:
        jar = self.module.CookieJar(unsafe=True)
        return self.module.ClientSession(cookie_jar=jar, proxy=proxy)

    async def send(self, session: Any, url: str, ask: Ask) -> Answer:  # type: ignore[override]
        async with session.request(
            ask.method,
            url + ask.path,
            data=ask.body,
            headers=dict(ask.headers),
            allow_redirects=ask.follow,
            timeout=self.module.ClientTimeout(
                sock_connect=ask.timeout, sock_read=ask.timeout
            ),
            ssl=_context(),
        ) as response:
            body = await self.read(response, ask)
        return self.answer(response, body, response.headers.items(), response.history)


# urllib3


class Urllib3Driver(Driver):
    """urllib3."""

    line = "urllib3"
    shows = ("version", "version_string", "chunked", "closed")
    errors: ClassVar = _errors(
        "NewConnectionError NameResolutionError SSLError ReadTimeoutError "
        "ProtocolError ProtocolError ProtocolError ProtocolError ReadTimeoutError"
    )
    readings: ClassVar = {
        "whole": lambda response: response.data,
        "chunks": lambda response: response.stream(None, decode_content=True),
        "parts": lambda response: response.stream(4, decode_content=True),
        "raw": lambda response: response.read(decode_content=False),
        "twice": lambda response: [response.read(), response.read(), response.closed],
        "read1": lambda response: [
            getattr(response, "read1", response.read)(5),
            response.read(),
        ],
        "lines": lambda response: iter(io.BufferedReader(_open(response))),
        "text": lambda response: io.TextIOWrapper(_open(response), "latin-1").read(),
        "iterate": lambda response: iter(list(response)),
        "into": _into,
        "drain": lambda response: [response.drain_conn(), response.read()],
    }

    def session(self, proxy: str | None) -> Any:
        options: dict[str, Any] = {
            "retries": False,
            "ca_certs": self.certificates,
            "maxsize": 3,
        }
        if proxy:
            return self.module.ProxyManager(proxy, **options)
        return self.module.PoolManager(**options)

    def send(self, session: Any, url: str, ask: Ask) -> Answer:
        response = session.request(
            ask.method,
            url + ask.path,
            body=ask.body,
            headers=dict(ask.headers),
            preload_content=ask.read == "whole",
            redirect=ask.follow,
            retries=self.module.Retry(3, redirect=3, raise_on_redirect=True)
            if ask.follow
            else False,
            timeout=ask.timeout,
        )
        body = self.read(response, ask)
        response.close()
        response.release_conn()
        history = (
            response.retries.history
            if response.retries is not None and ask.follow
            else ()
        )
        return self.answer(response, body, response.headers.items(), history)


def _open(response: Any) -> Any:
    response.auto_close = False
    return response


# http.client


class StdlibDriver(Driver):
    """`http.client`; `urllib.request` where redirects are followed or a proxy is asked."""

    line = "http.client"
    decodes = False
    shows = ("version", "chunked", "will_close")
    errors: ClassVar = _errors(
        "ConnectionRefusedError gaierror SSLCertVerificationError TimeoutError "
        "RemoteDisconnected BadStatusLine IncompleteRead IncompleteRead TimeoutError"
    )
    readings: ClassVar = {
        "whole": lambda response: response.read(),
        "chunks": lambda response: iter(lambda: response.read1(100_000) or None, None),
        "parts": lambda response: iter(lambda: response.read(4) or None, None),
        "lines": lambda response: iter(response.readline, b""),
        "into": _into,
        "peek": lambda response: (
            response.length != 0 and [response.peek(1)[:1], response.read()]
        ),
        "text": lambda response: io.TextIOWrapper(response, "latin-1").read(),
        "twice": lambda response: [response.read(), response.read(), response.closed],
    }

    @contextmanager
    def session(self, proxy: str | None) -> Iterator[Any]:
        import urllib.request

        proxies = {"http": proxy, "https": proxy} if proxy else {}
        handlers = (
            urllib.request.ProxyHandler(proxies),
            urllib.request.HTTPSHandler(context=_context()),
        )
        yield urllib.request.build_opener(*handlers), proxy

    def send(self, session: Any, url: str, ask: Ask) -> Answer:
        import http.client
        import urllib.request

        opener, proxy = session
        if ask.follow or proxy:
            request = urllib.request.Request(
                url + ask.path, ask.body, dict(ask.headers), method=ask.method
            )
            with opener.open(request, timeout=ask.timeout) as response:
                return self.answer(
                    response, self.read(response, ask), response.getheaders()
                )
        parts = urlsplit(url)
        options: dict[str, Any] = (
            {"context": _context()} if parts.scheme == "https" else {}
        )
        make = http.client.HTTPSConnection if options else http.client.HTTPConnection
        with closing(make(parts.netloc, timeout=ask.timeout, **options)) as connection:
            connection.request(ask.method, ask.path, ask.body, dict(ask.headers))
            with connection.getresponse() as response:
                return self.answer(
                    response, self.read(response, ask), response.getheaders()
                )


_ALL: list[Driver] = [
    HttpxDriver(),
    AsyncHttpxDriver(),
    Httpx2Driver(),
    RequestsDriver(),
    AiohttpDriver(),
    Urllib3Driver(),
    StdlibDriver(),
]
DRIVERS = [driver for driver in _ALL if find_spec(driver.line.partition(".")[0])]
"""The driver of each bundled client that is installed."""


# For each kind of failure, the server (else the one of the test) and the request that
# ends in it.
FAILURES = {
    "refused": (NOWHERE, Ask("/users/1?api_key=key-in-url-77")),
    "name": ("http://nobody.invalid", Ask("/")),
    "reading": ("", Ask("/hang", timeout=0.1)),
    "closed": ("", Ask("/refuse")),
    "malformed": ("", Ask("/babble")),
    "broken body": ("", Ask("/broken")),
    "short body": ("", Ask("/short")),
    "slow body": ("", Ask("/stall", timeout=0.1)),
    "slow body of any length": ("", Ask("/stall?old=yes", timeout=0.1)),
}
if (
    find_spec("urllib3") and version("urllib3") < "2"
):  # it knows no names, and takes a short body for whole
    Urllib3Driver.errors = {**Urllib3Driver.errors, "name": "NewConnectionError"}
    del FAILURES["short body"]
