"""A library as a gRPC service on loopback, and the classes of its messages, compiled from `library.proto`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from support.http_server import CERTIFICATE

protos, services = grpc.protos_and_services("support/library.proto")

TOKEN = "tok-5f2a9c7be01d4471"


class Library(services.LibraryServicer):  # type: ignore[misc, name-defined]
    """The service.

    `asked` are the titles that clients have asked for, `edition` is in each answer, and
    each stream has `more` books than wanted.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.metadata: list[tuple[str, Any]] = []
        self.edition = 1
        self.more = 0
        self.is_late = True
        self.target = ""
        self.stop: Callable[[], object] = lambda: None

    def Find(self, request: Any, context: Any) -> Any:
        self.asked.append(request.title)
        self.metadata += list(context.invocation_metadata())
        context.send_initial_metadata((("server", "first"),))
        context.set_trailing_metadata(
            (("cost", "3"), ("session-token", TOKEN), ("x-bin", b"\x00\xff"))
        )
        if request.title in grpc.StatusCode.__members__:
            context.abort(grpc.StatusCode[request.title], f"no {request.title} today")
        if request.title == "late" and self.is_late:
            ended = threading.Event()
            context.add_callback(ended.set)
            ended.wait()
        if request.title == "whole":
            return whole_book()
        return protos.Book(title=request.title, id=self.edition, api_key=f"sk-{TOKEN}")

    def List(self, request: Any, context: Any) -> Iterator[Any]:
        self.asked.append(request.title)
        if request.count or request.title == "torn":
            context.send_initial_metadata((("server", "first"),))
        context.set_trailing_metadata((("cost", "4"),))
        for number in range(request.count + self.more):
            yield protos.Book(title=f"{request.title} {number}", id=self.edition)
        if request.title == "torn":
            context.abort(grpc.StatusCode.DATA_LOSS, "a page is torn")

    def Store(self, request_iterator: Iterator[Any], context: Any) -> Any:
        titles = [request.title for request in request_iterator]
        self.asked += titles
        return protos.Book(tags=titles, id=self.edition)

    def Talk(self, request_iterator: Iterator[Any], context: Any) -> Iterator[Any]:
        for request in request_iterator:
            self.asked.append(request.title)
            yield protos.Book(title=f"re: {request.title}", id=self.edition)


def whole_book() -> Any:
    """Return a book with all kinds of fields."""
    book = protos.Book(
        title="whole",
        id=2**60,
        price=float("inf"),
        weight=0.1,
        lent=True,
        cover=b"\x00\xff",
        genre=protos.NOVEL,
        tags=["a", ""],
        authors=[protos.Author(name="Jane", born=1775), protos.Author()],
        copies={"x": 1, "a": 2},
        pages=0,
        room=0,
    )
    book.editors[-3].name = "Ed"
    book.printed.FromJsonString("2020-01-02T03:04:05.678Z")
    book.extra.update({"a": 1, "b": [True, None, {"c": "d"}]})
    book.any.Pack(protos.Author(name="any"))
    return book


@contextmanager
def running_library(
    add: Callable[[Any], None] | None = None, *, secure: bool = False
) -> Iterator[Any]:
    """Run a library, or what `add` adds to a server, and yield it.

    It has its address as `target`, and `stop()`.

    With `secure`, it has the certificate of `CERTIFICATE`.
    """
    library, server = Library(), grpc.server(ThreadPoolExecutor(8))
    if add is None:
        services.add_LibraryServicer_to_server(library, server)
    else:
        add(server)
    if secure:
        key, _, rest = CERTIFICATE.read_bytes().partition(b"-----BEGIN CERTIFICATE")
        credentials = grpc.ssl_server_credentials(
            [(key, b"-----BEGIN CERTIFICATE" + rest)]
        )
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    library.target = f"localhost:{port}"
    library.stop = lambda: server.stop(None).wait()
    server.start()
    yield library
    library.stop()
