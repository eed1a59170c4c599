"""Errors of database drivers survive plain data, as their own classes where those are there."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from pytest_mimic._clients.sql.outcomes import load_error, store_error
from pytest_mimic._core.redact.redactor import Redactor


def through_json(error: BaseException) -> dict[str, Any]:
    """The stored form, as a vault keeps it."""
    return json.loads(json.dumps(store_error(error, Redactor(), ["hunter2"])))  # type: ignore[no-any-return]


def locked() -> sqlite3.OperationalError:
    """An error as the driver raises it."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = 5
    return error


def test_error_comes_back_whole() -> None:
    """Its class, its arguments, its attributes, and the error that caused it."""
    error = locked()
    error.__cause__ = sqlite3.InterfaceError("cannot lock")

    found: Any = load_error(through_json(error), sqlite3)

    assert type(found) is sqlite3.OperationalError
    assert found.args == ("database is locked",)
    assert found.sqlite_errorcode == 5
    assert repr(found.__cause__) == repr(error.__cause__)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("sqlite3:RenamedSinceError", sqlite3.OperationalError),
        ("sqlite3.no_such_module:OperationalError", sqlite3.OperationalError),
        ("sqlite3:connect", sqlite3.OperationalError),
    ],
    ids=["no such class", "no such module", "no exception"],
)
def test_class_that_is_not_there_is_replaced_by_its_kind(kind: str, expected: type) -> None:
    """Another driver, another version, or a file that names something else: PEP 249 has a class for it."""
    stored = {**through_json(locked()), "type": kind}

    found = load_error(stored, sqlite3)

    assert type(found) is expected
    assert found.args == ("database is locked",)


def test_kind_that_the_driver_does_not_have() -> None:
    """Of what nobody knows, the message is left."""
    found = load_error({"type": "gone:Error", "kind": "NoSuchKind", "args": ["no"]}, sqlite3)

    assert type(found) is sqlite3.DatabaseError
    assert found.args == ("no",)


def test_secrets_are_taken_out_of_all_arguments() -> None:
    """Drivers put texts into tuples, lists and mappings."""
    stored = through_json(sqlite3.DatabaseError("hunter2", ["hunter2", ("hunter2", 1)], {"M": "hunter2"}))

    assert "hunter2" not in json.dumps(stored)
    assert load_error(stored, sqlite3).args == (
        "<redacted>",
        ["<redacted>", ["<redacted>", 1]],
        {"M": "<redacted>"},
    )


def test_argument_without_a_plain_form_is_left_out() -> None:
    """A cursor, a socket: the rest of the error is kept."""
    found = load_error(through_json(sqlite3.DatabaseError("no", object())), sqlite3)

    assert found.args == ("no", None)
