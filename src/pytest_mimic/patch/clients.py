"""The clients that a line may name, and the edges at which calls are taken."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from pytest_mimic.errors import TargetError

Function = Callable[..., Any]
"""Any function, and what stands in its place."""

Wrap = Callable[[Function], Function]
"""Takes a function, and gives what stands in its place."""

Texts: TypeAlias = "tuple[str, ...]"
"""Names, paths or patterns, each as it was written."""


class Client(NamedTuple):
    """A client that a line may name.

    Attributes:
        kind: The name under which its calls are recorded: `http` of `httpx`.
        adapter: The class of its adapter, `module:Class`, whose module does not import
            the client.
        parts: The parts of its calls, as `ignore=` and `match=` name them.
        answer: The parts of its answers, as `volatile=` names them; empty: unknown.
        defaults: The options of a line that names none of their names.
    """

    kind: str
    adapter: str
    parts: Texts = ()
    answer: Texts = ()
    defaults: Mapping[str, Any] = MappingProxyType({})


def _client(kind: str, adapter: str, parts: str, answer: str) -> Client:
    # Each client takes the common names: so one list of options can serve several.
    names = f"{parts} host port headers query body params"
    return Client(
        kind,
        f"pytest_mimic.clients.{adapter}",
        tuple(names.split()),
        tuple(answer.split()),
    )


def _http(adapter: str) -> Client:
    return _client(
        "http",
        f"http.{adapter}",
        "scheme method url path",
        "status headers body error",
    )


# Ids, moments and fingerprints, which a language model makes anew with each answer.
_NEW_IN_ANSWERS = """
    id created created_at completed_at system_fingerprint responseId createTime
    choices.*.message.tool_calls.*.id choices.*.delta.tool_calls.*.id
    content.*.id message.id content_block.id
    output.*.id output.*.call_id item.id item.call_id item_id
    response.id response.created_at response.completed_at
    response.output.*.id response.output.*.call_id
"""

DISTRIBUTIONS = {"grpc": "pytest-mimic-grpc", "mcp": "pytest-mimic-mcp"}
"""Which distribution has the adapter of a client that is not among ours."""

_BUNDLED = {
    "llm": _http("all_clients:Http")._replace(
        defaults={
            "sequence": False,
            "compare": "shape",
            "volatile": tuple(f"body.{path}" for path in _NEW_IN_ANSWERS.split()),
        }
    ),
    "http": _http("all_clients:Http"),
    "httpx": _http("httpx:Httpx"),
    "httpx2": _http("httpx:Httpx2"),
    "requests": _http("all_clients:Requests"),
    "aiohttp": _http("aiohttp:Aiohttp"),
    "urllib3": _http("all_clients:Urllib3"),
    "http.client": _http("all_clients:HttpClient"),
    "sqlalchemy": _client(
        "sqlalchemy",
        "sql.adapter:Sqlalchemy",
        "statement parameters database",
        "columns rows count lastrowid raised",
    ),
    "redis": _client(
        "redis",
        "redis.adapter:Redis",
        "command commands arguments database",
        "reply replies error",
    ),
}
CLIENT_NAMES = tuple(_BUNDLED)


def versions_of(kinds: Iterable[str]) -> dict[str, str]:
    """Return the versions of the clients of some kinds that are imported, by name."""
    wanted, found = {*kinds}, dict[str, str]()
    ours = {name for name, client in _BUNDLED.items() if client.kind in wanted}
    for name in sorted(ours | wanted):
        if name in sys.modules:
            found |= _version_of(name)
    return found


@cache
def _version_of(client: str) -> dict[str, str]:
    # No replay asks.
    from importlib.metadata import (
        PackageNotFoundError,
        packages_distributions,
        version,
    )

    # That of Python 3.10 knows distributions with a `top_level.txt` alone.
    name = packages_distributions().get(client, [client])[0]
    try:
        return {name: version(name)}
    except PackageNotFoundError:
        return {}  # A module of Python.


@cache
def lines_for(client: str) -> Texts:
    """Return the names of the lines that take calls of a client.

    First those for some requests of its kind (`llm`), then its own, then those for
    all of its kind.
    """
    # The clients of other distributions are each the only one of their kind.
    kind = _BUNDLED[client].kind if client in _BUNDLED else client
    some = ["llm"] if kind == "http" else []
    return tuple(dict.fromkeys([*some, client, kind]))


def client_of(name: str) -> Client | None:
    """Return the client of a name, of another distribution too; None: there is none."""
    client = _BUNDLED.get(name)
    if not client and name.isidentifier():
        # To read the entry points takes milliseconds.
        from importlib.metadata import entry_points

        for entry_point in entry_points(group="pytest_mimic.clients", name=name):
            client = Client(name, entry_point.value)
    return client


def adapter_of(client: Client) -> Any:
    """Return the adapter of a client.

    Raises:
        Exception: It cannot be loaded.
    """
    module, _, name = client.adapter.partition(":")
    return getattr(import_module(module), name)()


class Edge(NamedTuple):
    """A function of a client, or of Python, that is replaced while the run lasts.

    Attributes:
        module: The module that defines it, `requests.adapters`.
        path: The names that lead to it there, `("HTTPAdapter", "send")`.
        wrap: Gives what stands in the place of the original.
        is_optional: Whether some versions of the client lack it.
        excluded: Whether it stays as it is: no edge does.
    """

    module: str
    path: Texts
    wrap: Wrap
    is_optional: bool = False
    excluded: bool = False

    def error(self, problem: str) -> TargetError:
        """Return the error: without its edge, calls of a client would be real."""
        client = self.module.partition(".")[0]
        return TargetError(f"{client}: its calls cannot be recorded: {problem}")


Intercept = Callable[[Iterable[Edge]], None]
"""Patches functions until the run ends."""


def around(instead: Function) -> Wrap:
    """Return a wrapper that calls another function, with the original first.

    Args:
        instead: Stands in its place.
    """

    def wrap(original: Function) -> Function:
        @wraps(original)
        def wrapped(*args: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            return instead(original, *args, **options)

        return wrapped

    return wrap


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    pass


def noting(before: Function = _nothing, after: Function = _nothing) -> Wrap:
    """Return what wraps a function whose calls are only looked at.

    Args:
        before: Gets the arguments of each call.
        after: Gets what the call has returned, and its arguments.
    """

    def call_and_note(original: Function, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        before(*args, **kwargs)
        result = original(*args, **kwargs)
        after(result, *args, **kwargs)
        return result

    return around(call_and_note)
