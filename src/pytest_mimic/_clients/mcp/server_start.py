"""The start of a server over stdio: a call only where it fails.

`stdio_client` of the SDK raises an `OSError` if the server's process cannot be started,
and a `ValueError` for a command that no process can have. Each is an outcome:

    FileNotFoundError(2, "No such file or directory", "no-such-command")

    {"error": {"type": "builtins:FileNotFoundError",
               "args": [2, "No such file or directory", "no-such-command"]}}

A server that ends before it has answered a request is the outcome of that request:

    {"error": {"type": "closed"}}
"""

from __future__ import annotations

import builtins
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pytest_mimic.client import ClientCall

if TYPE_CHECKING:
    from pytest_mimic.client import Port, Redactor

# The errors that the start of a server may raise: there is no such program, or its
# arguments are wrong.
_ERRORS_OF_START = (OSError, ValueError)
# Only errors of Python itself are recorded: a replay imports no other module for them.
_MODULE_OF_ERRORS = "builtins"
# The type of the error that the end of a server is, the word that HTTP has for it.
TYPE_OF_END = "closed"


def server_command_name(server: Any) -> str:
    """Return the name of a server's command.

    The folder and the arguments of the command are left out: they may hold secrets.
    """
    return PurePath(getattr(server, "command", "")).name


def server_number(port: Port, server: Any) -> int:
    """Return the number of a server, by the order in which the test uses servers.

    It counts in the identities in place of the command, which differs by machine.
    """
    return port.ordinal("mcp server", repr(server))


def describe_start(port: Port, server: Any) -> ClientCall:
    """Return the start of a server for one more session as the engine sees it."""
    number = server_number(port, server)
    # A server may start for several sessions of a test, and fail for one of them.
    session = port.next_ordinal(f"mcp sessions of server {number}")
    command = server_command_name(server)
    described = {"server": command, "method": "start", "params": {"session": session}}
    return ClientCall(
        f"START {command or 'server'}",
        parts={**described, "server": number},
        identity=("server", "method", "params"),
        described=described,
    )


def store_start_error(error: BaseException, redactor: Redactor) -> Any:
    """Return why a server did not start as plain data; None for what is no outcome."""
    error_class = type(error)
    is_of_python = error_class.__module__ == _MODULE_OF_ERRORS
    if not isinstance(error, _ERRORS_OF_START) or not is_of_python:
        return None
    # `args` of an `OSError` lacks the name of the file, which pickling keeps.
    reduced_error: Any = error.__reduce__()
    arguments: list[Any] = []
    for argument in reduced_error[1]:
        if argument is None or isinstance(argument, int):
            # The number of the error gives an `OSError` its class in a replay.
            arguments.append(argument)
        else:
            arguments.append(redactor.scrub_text(str(argument)))
    return {
        "error": {
            "type": f"{_MODULE_OF_ERRORS}:{error_class.__qualname__}",
            "args": arguments,
        }
    }


def error_class_of(name: str) -> type[Exception]:
    """Return the class of a recorded error of a start, `builtins:FileNotFoundError`.

    Raises:
        ValueError: The name is that of no error that a start raises.
    """
    module, _, class_name = name.partition(":")
    error_class: Any = None
    if module == _MODULE_OF_ERRORS:
        error_class = getattr(builtins, class_name, None)
    if not isinstance(error_class, type) or not issubclass(
        error_class, _ERRORS_OF_START
    ):
        raise ValueError(f"{name} is no error of starting a server")
    return error_class


def load_start_error(stored_error: dict[str, Any]) -> Exception:
    """Return the recorded error of a server's start, to be raised in a replay."""
    error_class = error_class_of(stored_error["type"])
    return error_class(*stored_error["args"])


def is_end_of_server(stored_error: object) -> bool:
    """Return whether a recorded error says that the server ended before its answer."""
    return stored_error == {"type": TYPE_OF_END}


def check_mcp(answer: Any) -> None:
    """Check the value of a recorded request to a server, or of its start.

    Raises:
        TypeError, ValueError: No replay could give it.
    """
    if type(answer) is not dict:
        raise TypeError("a client's outcome must be a mapping")
    error = answer.get("error")
    if is_end_of_server(error):
        return
    # An error of the server itself has a code, and may have any other key.
    if isinstance(error, dict) and "type" in error and "code" not in error:
        error_class_of(error["type"])
        if type(error.get("args")) is not list:
            raise TypeError("args must be of type list")
