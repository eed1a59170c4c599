"""What people call an object of a type."""

from __future__ import annotations

import ast
import io
import threading
import weakref
from concurrent.futures import Future

import pytest

from pytest_mimic._core.types.kinds import Unstable
from pytest_mimic._core.types.words_for_types import human_name, refuse, words_for


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
