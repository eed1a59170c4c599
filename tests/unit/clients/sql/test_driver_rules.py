"""What drivers refuse at a cursor, and what they tell of a connection that ended."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_mimic._clients.sql.driver_rules import (
    InnerConnection,
    cursor_rules,
    state_after_error,
)


def dialect(driver: str, *, is_async: bool = False) -> Any:
    """What the rules ask of a dialect of SQLAlchemy."""
    return SimpleNamespace(driver=driver, is_async=is_async)


def test_closed_cursor_of_sqlite_refuses_with_the_drivers_own_words() -> None:
    """The rule is what the driver raises."""
    connection = sqlite3.connect(":memory:")
    cursor = connection.cursor()
    cursor.close()
    connection.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed cursor") as real:
        cursor.execute("SELECT 1")

    refusal = cursor_rules(dialect("pysqlite")).closed

    assert refusal is not None
    made = refusal.error(sqlite3)
    assert type(made) is type(real.value)
    assert made.args == real.value.args


@pytest.mark.parametrize(
    ("driver", "is_async", "kind"),
    [
        ("somebody", False, "ProgrammingError"),
        ("somebody", True, None),
        ("asyncpg", True, None),
        ("psycopg", False, "InterfaceError"),
        ("psycopg_async", True, "InterfaceError"),
    ],
)
def test_driver_has_its_own_rule_for_a_closed_cursor(
    driver: str, is_async: bool, kind: str | None
) -> None:
    refusal = cursor_rules(dialect(driver, is_async=is_async)).closed

    assert (refusal and refusal.class_name) == kind


@pytest.mark.parametrize(
    ("connection", "state"),
    [
        (SimpleNamespace(closed=False, broken=False), {}),
        (SimpleNamespace(closed=2), {"closed": 2}),
        (
            SimpleNamespace(closed=True, broken=True),
            {"closed": True, "broken": True},
        ),
        (
            SimpleNamespace(_connection=InnerConnection({"is_closed": True}, vars)),
            {"is_closed": True},
        ),
        (SimpleNamespace(_connection=InnerConnection({}, vars)), {}),
        (object(), {}),
    ],
    ids=["open", "psycopg2", "psycopg", "asyncpg", "asyncpg open", "no attributes"],
)
def test_state_of_a_connection_is_what_its_driver_tells(
    connection: object, state: dict[str, Any]
) -> None:
    assert state_after_error(connection) == state
