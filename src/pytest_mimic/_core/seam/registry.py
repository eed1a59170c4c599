"""The table of clients by name, and the edges at which their calls are intercepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from pytest_mimic._core.named_fields import NamedFields

# Names that `ignore=` and `match=` accept at every client, also at one whose calls have
# no such part, so that one list of options can serve several.
COMMON_PARTS = ("host", "port", "headers", "query", "body", "params")

# The entry points of the adapters that other distributions bring.
_ENTRY_POINT_GROUP = "pytest_mimic.clients"


class Client(NamedFields):
    """A row of the table of clients.

    Attributes:
        adapter: The class of the client's adapter, `module:Class`. The import of that
            module must not import the client.
        kind: The name under which the client's recordings lie; empty: its own name.
        call_parts: The parts of the client's calls, as `ignore=` and `match=` name
            them, so that no adapter is loaded to check a line; empty: the adapter is
            asked.
        outcome_parts: The parts of the client's outcomes, as `volatile=` names them;
            empty: they are not known.
        outcome_check: The function that checks the value of a recorded outcome,
            `module:function`; empty: nothing is checked.
        is_bundled: Whether the adapter belongs to this distribution.
    """

    adapter: str
    kind: str = ""
    call_parts: tuple[str, ...] = ()
    outcome_parts: tuple[str, ...] = ()
    outcome_check: str = ""
    is_bundled: bool = False


Table = Mapping[str, Client]

#: The clients that are known so far, by name: those of loaded tables, and adapters of
#: other distributions that a line or a recording has named.
CLIENTS: dict[str, Client] = {}
# The tables that were handed in and are not loaded yet: `module:name`.
_tables_to_load: list[str] = []


class Edge(NamedFields):
    """A function of a client at which its calls are intercepted.

    The function is patched when its module is imported. Mimicking never imports a
    client.

    Attributes:
        module: The module that defines the function, `requests.adapters`.
        path: The names that lead to the function there, `("HTTPAdapter", "send")`.
        wrap: Gets the original function and the engine's `Port`, and returns the
            function that replaces it.
        origin: The client whose port `wrap` gets; by default, the adapter's own.
        is_optional: Whether some versions of the client lack the function. Then the
            edge is left out without it. Otherwise this is an error.
        excluded: Whether the edge is left out, as a target may be.
    """

    module: str
    path: tuple[str, ...]
    wrap: Callable[[Callable[..., Any], Any], Callable[..., Any]]
    origin: str = ""
    excluded: bool = False
    is_optional: bool = False


def hand_in(table: str) -> None:
    """Add the clients of a table, `module:name`, once a line names a client.

    The table is not loaded at once, because most projects name no client.
    """
    _tables_to_load.append(table)


def is_client(name: str) -> bool:
    """Return whether a line may name this client.

    The adapters of other distributions are looked up for unknown names only.
    """
    if not names_client(name):
        return False
    while _tables_to_load:
        module, _, table = _tables_to_load.pop().partition(":")
        clients: Table = getattr(import_module(module), table)
        CLIENTS.update(clients)
    if name not in CLIENTS and name.isidentifier():
        # Entry points are asked last: to read them takes milliseconds.
        from importlib.metadata import entry_points

        for entry_point in entry_points(group=_ENTRY_POINT_GROUP, name=name):
            CLIENTS[name] = Client(entry_point.value)
    return name in CLIENTS


def names_client(target: str) -> bool:
    """Return whether a recording's target is a client, which may not be installed here.

    The target of a function has a colon, `shop.api:fetch_rates`; a client has none.
    """
    return ":" not in target


def check_outcome(name: str, value: object) -> None:
    """Check the value of a client's recorded outcome, before it is used.

    Somebody may have edited it. A client that is not known here has no check.

    Raises:
        LookupError, TypeError, ValueError: The client gives no such value.
    """
    client = CLIENTS.get(name)
    if client is None and is_client(name):
        client = CLIENTS[name]
    if client is not None and client.outcome_check:
        _function_at(client.outcome_check)(value)


@cache
def _function_at(place: str) -> Callable[[object], None]:
    """Return the function `module:name`. Each replay asks for the same functions."""
    module, _, name = place.partition(":")
    function: Callable[[object], None] = getattr(import_module(module), name)
    return function


def clients_of(kind: str) -> tuple[str, ...]:
    """Return the clients whose recordings lie under the name of one kind, `http`.

    A line `http` takes the calls of them all. The kind may be a client itself, which is
    not among them.
    """
    client_names = []
    for name, client in CLIENTS.items():
        if client.kind == kind and name != kind:
            client_names.append(name)
    return tuple(client_names)


def kind_of_client(name: str) -> str:
    """Return the name under which the recordings of a client lie: `http` of `httpx`.

    By it, commands and the end of a run find the recordings of a client's line.
    """
    kind = CLIENTS[name].kind if is_client(name) else ""
    return kind or name
