"""What people call an object of a type."""

from __future__ import annotations

import ast
import io
import threading
import weakref
from collections import OrderedDict
from concurrent.futures import Future

import pytest

from pytest_mimic._core.types.reductions import Unstable
from pytest_mimic._core.types.words_for_types import (
    human_name,
    refuse,
    shown_type_name,
    words_for,
)


class Mine(threading.Thread):
    pass


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (type(threading.Lock()), "a thread lock"),
        (Mine, "a thread"),
        (io.TextIOWrapper, "an open file"),
        (ast.Name, "a syntax tree"),
        (Future, "a future"),
        (weakref.ref, "a weak reference"),
        (object, "a bare object()"),
        (ValueError, None),
    ],
)
def test_an_object_is_called_what_the_first_listed_base_is(
    kind: type, words: str | None
) -> None:
    assert words_for(kind) == words


def test_what_no_table_lists_has_its_full_name() -> None:
    assert human_name(int) == "an object of builtins.int"
    with pytest.raises(Unstable, match="an object of"):
        refuse([])


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (OrderedDict, "OrderedDict"),
        (Mine, f"{__name__}:Mine"),
        # A library may move its classes among its modules.
        (type("Index", (), {"__module__": "pandas.core.indexes.base"}), "pandas:Index"),
    ],
    ids=["of the standard library", "of a user", "of a library"],
)
def test_a_class_is_shown_by_a_name_that_lasts(kind: type, name: str) -> None:
    assert shown_type_name(kind) == name
