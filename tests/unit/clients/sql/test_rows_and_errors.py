"""Errors of database drivers survive plain data, as their own classes where those are there."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from pytest_mimic._clients.sql.rows_and_errors import (
    load_driver_error,
    store_driver_error,
)
from pytest_mimic._core.redact.redactor import Redactor


def through_json(error: BaseException) -> dict[str, Any]:
    """The stored form, as a vault keeps it."""
    return json.loads(json.dumps(store_driver_error(error, Redactor(), ["hunter2"])))  # type: ignore[no-any-return]


def locked() -> sqlite3.OperationalError:
    """An error as the driver raises it."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = 5
    return error


def test_error_comes_back_whole() -> None:
    """Its class, its arguments, its attributes, and the error that caused it."""
    error = locked()
    error.__cause__ = sqlite3.InterfaceError("cannot lock")

    found: Any = load_driver_error(through_json(error), sqlite3)

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
        ({"type": "gone:Error", "kind": "connect"}, sqlite3.DatabaseError),
        ({"type": "gone:Error", "kind": "KeyboardInterrupt"}, sqlite3.DatabaseError),
        ({"type": "gone:BadValue", "kind": "ValueError"}, ValueError),
        ({"type": "unittest:SkipTest", "kind": "Exception"}, Exception),
        ({"type": "pytest_mimic.errors:TargetError", "kind": "ValueError"}, ValueError),
    ],
    ids=[
        *("no such class", "no such module", "no exception", "no such kind"),
        *("a function", "an interrupt", "one of Python", "not of a statement", "ours"),
    ],
)
def test_class_that_is_not_there_is_replaced_by_its_kind(
    stated: dict[str, str], expected: type
) -> None:
    """Another driver, another version, or a file that names something else: PEP 249 has a class for it."""
    stored = {**through_json(locked()), **stated}

    found = load_driver_error(stored, sqlite3)

    assert type(found) is expected
    assert found.args == ("database is locked",)


class CountedError(ValueError):
    """An error that a test's own adapter of values may raise."""

    made = 0

    def __new__(cls, *args: object) -> CountedError:
        cls.made += 1
        return super().__new__(cls, *args)

    def __setstate__(self, state: dict[str, Any] | None) -> None:
        type(self).made += 1
        super().__setstate__(state)


def test_an_error_of_a_class_in_python_is_made_without_its_code() -> None:
    """A recording may be edited, and a replay of it runs nothing."""
    stored = through_json(CountedError("no number"))
    CountedError.made = 0

    found = load_driver_error(stored, sqlite3)

    assert type(found) is CountedError
    assert (found.args, CountedError.made) == (("no number",), 0)


class PostgresError(Exception):
    """An error as asyncpg has it, below SQLAlchemy's adapter."""


@pytest.mark.parametrize(
    ("errors_of_driver", "expected"),
    [((PostgresError,), PostgresError), ((), Exception)],
    ids=["its driver", "another driver"],
)
def test_a_cause_has_the_class_of_its_async_driver(
    errors_of_driver: tuple[type[Exception], ...], expected: type
) -> None:
    error = locked()
    error.__cause__ = PostgresError("locked")

    found = load_driver_error(
        through_json(error), sqlite3, errors_of_driver=errors_of_driver
    )

    assert type(found.__cause__) is expected


def test_an_interface_error_of_asyncpg_has_its_text() -> None:
    """It needs a detail and a hint for that, which most have not."""
    asyncpg = pytest.importorskip("asyncpg")
    stored_error = through_json(asyncpg.InterfaceError("closed", hint="open it"))

    error = load_driver_error(
        stored_error, sqlite3, errors_of_driver=(asyncpg.InterfaceError,)
    )

    assert str(error) == "closed\nHINT:  open it"


def test_arguments_lose_their_secrets_and_what_has_no_plain_form() -> None:
    """Drivers put texts into lists and mappings, and a cursor or a socket beside them."""
    stored = through_json(
        sqlite3.DatabaseError("hunter2", ["hunter2", 1], {"M": "hunter2"}, object())
    )

    assert load_driver_error(stored, sqlite3).args == (
        "<redacted>",
        ["<redacted>", 1],
        {"M": "<redacted>"},
        None,
    )
