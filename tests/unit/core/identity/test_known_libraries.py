"""A library is known by its row in one table."""

from __future__ import annotations

import sys
import threading
from types import ModuleType

import pytest

from pytest_mimic import UnstableIdentityError, fingerprint
from pytest_mimic._core.compare.outcome_comparison import compare
from pytest_mimic._core.describe.text import render
from pytest_mimic._core.describe.value_description import describe
from pytest_mimic._core.identity.kinds import Rule
from pytest_mimic._core.identity.libraries import LIBRARIES, Library, words_for
from pytest_mimic._core.identity.tables import OPENERS, Column, Table
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.outcome.unstorable import describe as what
from pytest_mimic._core.redact.redactor import Redactor


class Grid:
    """Numbers in named rows, with a cache that is not part of the value."""

    def __init__(self, **rows: list[int]) -> None:
        self.rows = rows
        self.cache = threading.Lock()

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(next(iter(self.rows.values())))


class Handle:
    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a handle cannot be copied")


Grid.__module__ = Handle.__module__ = "toygrid.core"
Grid.__qualname__ = "Grid"


@pytest.fixture
def toygrid(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library of which the plugin knows nothing but this row and this module."""
    rules = ModuleType("toygrid_rules")
    vars(rules)["RULES"] = {("toygrid", "Grid"): Rule(lambda grid, _: grid.rows)}
    monkeypatch.setitem(sys.modules, "toygrid_rules", rules)
    monkeypatch.setitem(
        OPENERS,
        ("toygrid", "Grid"),
        lambda grid: Table({name: Column("int", row) for name, row in grid.rows.items()}),
    )
    row = Library("shaped", identity="toygrid_rules", words={"toygrid.core.Handle": "a toy handle"})
    monkeypatch.setitem(LIBRARIES, "toygrid", row)


@pytest.mark.usefixtures("toygrid")
def test_a_row_gives_the_identity() -> None:
    assert fingerprint(Grid(a=[1, 2])) == fingerprint(Grid(a=[1, 2])) != fingerprint(Grid(a=[1, 3]))


@pytest.mark.usefixtures("toygrid")
def test_a_row_gives_the_description() -> None:
    described = describe(Grid(a=[1, 2], b=[3, 4]), Redactor())

    assert render(described) == "<Grid 2x2>"
    assert described["digest"] == fingerprint(Grid(a=[1, 2], b=[3, 4]))[:8]


@pytest.mark.usefixtures("toygrid")
def test_a_row_gives_the_comparison() -> None:
    recorded, actual = (Outcome.of_value([Grid(a=[1, 2], b=[3, last])]) for last in (4, 5))

    assert compare(recorded, actual, redactor=Redactor()) == [
        "result[0].b: 1 of 2 elements differ, first [1]: 4 recorded, 5 now"
    ]


@pytest.mark.usefixtures("toygrid")
def test_a_row_names_types_for_people() -> None:
    with pytest.raises(UnstableIdentityError, match="value: a toy handle"):
        fingerprint(Handle())

    assert (words_for(Handle), what(Handle()), what(Grid(a=[1]))) == (
        "a toy handle",
        "a toy handle",
        "a Grid object",
    )


def test_a_library_without_a_row_is_shown_by_its_attributes() -> None:
    described = describe(Grid(a=[1, 2]), Redactor())

    assert render(described).startswith("Grid(rows={'a': [1, 2]}, cache=")
