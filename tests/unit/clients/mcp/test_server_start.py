"""Errors of starting a server are stored with all that they tell, and come back."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._clients.mcp.server_start import (
    check_mcp,
    error_class_of,
    is_end_of_server,
    load_start_error,
    store_start_error,
)
from pytest_mimic._core.redact.redactor import Redactor


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file or directory", "no-such-command"),
        PermissionError(13, "Permission denied", "/srv/server"),
        OSError("a text"),
        ValueError("embedded null byte"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_as_it_was(error: Any) -> None:
    stored = store_start_error(error, Redactor())

    loaded: Any = load_start_error(stored["error"])

    assert type(loaded) is type(error)
    assert str(loaded) == str(error)
    assert loaded.args == error.args
    assert getattr(loaded, "filename", None) == getattr(error, "filename", None)


def test_a_secret_in_its_text_is_hidden() -> None:
    error = FileNotFoundError(2, "No such file", "server --token=tok-4711-planted")

    stored = store_start_error(error, Redactor())

    assert "4711" not in repr(stored)


class OwnError(OSError):
    """An error of the application, whose class a replay may not have."""


@pytest.mark.parametrize("error", [OwnError(1, "a"), RuntimeError("a")])
def test_other_errors_are_no_outcome(error: Exception) -> None:
    assert store_start_error(error, Redactor()) is None


@pytest.mark.parametrize(
    "name", ["builtins:SystemExit", "os:system", "builtins:print", "builtins:nothing"]
)
def test_a_recording_names_no_other_class(name: str) -> None:
    with pytest.raises(ValueError, match="is no error of starting a server"):
        error_class_of(name)


@pytest.mark.parametrize(
    "value",
    [
        {"result": {}},
        {"error": {"code": -32602}},
        {"error": {"code": -32602, "type": "closed"}},
        {"error": {"type": "builtins:OSError", "args": [2, "gone"]}},
        {"error": {"type": "closed"}},
    ],
)
def test_what_the_adapter_writes_passes(value: Any) -> None:
    check_mcp(value)


def test_an_error_of_the_server_with_a_type_is_not_its_end() -> None:
    """Version 1 of the SDK keeps any key of an error."""
    assert is_end_of_server({"type": "closed"})
    assert not is_end_of_server({"code": -32000, "message": "no", "type": "closed"})


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], "must be a mapping"),
        ({"error": {"type": "os:system", "args": []}}, "is no error of"),
        ({"error": {"type": "builtins:OSError"}}, "args must be of type list"),
    ],
)
def test_another_shape_is_named(value: Any, problem: str) -> None:
    with pytest.raises((TypeError, ValueError), match=problem):
        check_mcp(value)
