"""The libraries whose values the plugin knows, and what people call an object of a type."""

from __future__ import annotations

import ast
import io
import threading
import weakref
from concurrent.futures import Future

import pytest

from pytest_mimic._core.types.kinds import Unstable
from pytest_mimic._core.types.libraries import (
    human_name,
    is_data,
    library_of,
    refuse,
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


def test_values_with_an_extent_are_data_of_their_library() -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    own = type("Own", (numpy.ndarray,), {})

    assert {library_of(kind) for kind in (numpy.ndarray, own, numpy.float64)} == {
        "numpy"
    }
    assert library_of(int) is None
    assert [
        is_data(one)
        for one in (numpy.zeros(3), numpy.zeros(3).view(own), numpy.float64(1), 1.5, [])
    ] == [*(True, True), *(False, False, False)]
    assert is_data(numpy.zeros(1, "i4,f8")[0])
