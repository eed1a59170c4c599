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
    ("stated", "expected"),
    [
        ({"type": "sqlite3:RenamedSinceError"}, sqlite3.OperationalError),
        ({"type": "sqlite3.no_such_module:OperationalError"}, sqlite3.OperationalError),
        ({"type": "sqlite3:connect"}, sqlite3.OperationalError),
        ({"type": "gone:Error", "kind": "NoSuchKind"}, sqlite3.DatabaseError),
    ],
    ids=["no such class", "no such module", "no exception", "no such kind"],
)
def test_class_that_is_not_there_is_replaced_by_its_kind(
    stated: dict[str, str], expected: type
) -> None:
    """Another driver, another version, or a file that names something else: PEP 249 has a class for it."""
    stored = {**through_json(locked()), **stated}

    found = load_error(stored, sqlite3)

    assert type(found) is expected
    assert found.args == ("database is locked",)


def test_arguments_lose_their_secrets_and_what_has_no_plain_form() -> None:
    """Drivers put texts into lists and mappings, and a cursor or a socket beside them."""
    stored = through_json(
        sqlite3.DatabaseError("hunter2", ["hunter2", 1], {"M": "hunter2"}, object())
    )

    assert load_error(stored, sqlite3).args == (
        "<redacted>",
        ["<redacted>", 1],
        {"M": "<redacted>"},
        None,
    )
