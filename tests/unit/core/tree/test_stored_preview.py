"""Previews of pickles: one line, without secrets, equal for equal outcomes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pytest_mimic._core.files.places import TEMPORARY, Places
from pytest_mimic._core.outcome.encoding import snapshot
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.stored import preview

numpy = pytest.importorskip("numpy", reason="numpy is not installed")
pandas = pytest.importorskip("pandas", reason="pandas is not installed")
polars = pytest.importorskip("polars", reason="polars is not installed")

REDACTOR = Redactor(["diagnosis"])


def lines(value: object, **options: Any) -> list[str]:
    return preview(Outcome("value", value), REDACTOR, **options)


class Basket:
    """An object of a user's class."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


class Refusal(Exception):
    """An error with attributes."""


PRICES = pandas.DataFrame({"name": ["Ann", "Bob", "Cem", "Zoe"], "price": [1.5, 2.0, 3.25, 9.75]})
PIXELS = numpy.arange(600, dtype="uint8").reshape(10, 20, 3)

KINDS: dict[str, tuple[object, str]] = {
    "a frame": (PRICES, "DataFrame 4x2: name, price"),
    "a wide frame": (pandas.DataFrame(numpy.zeros((2, 1_200))), "DataFrame 2x1200"),
    "polars": (polars.DataFrame({"n": [1, 2, 3, 4]}), "DataFrame 4x1: n"),
    "an array": (PIXELS, "ndarray uint8 10x20x3"),
    "an object": (
        Basket(items=[1, 2, 3, 4], total=12.5, image=PIXELS),
        "Basket(items=[1, 2, 3, 4], total=12.5, image=<ndarray uint8 10x20x3>)",
    ),
    "a dict": (
        {"prices": PRICES, 2: Basket(n=1)},
        "{'prices': <DataFrame 4x2: name, price>, 2: Basket(n=1)}",
    ),
    "a function": (subprocess.run, "<function subprocess:run>"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_shows_what_a_pickle_holds(kind: str) -> None:
    """In one line: the shape of a library's data, the parts of other values."""
    value, expected = KINDS[kind]

    assert lines(value) == [expected]


def test_an_exception_is_shown_with_its_arguments_and_attributes() -> None:
    error = Refusal("no such basket")
    error.basket = Basket(n=1)  # type: ignore[attr-defined]

    shown = preview(Outcome("raised", exception=error), REDACTOR)

    assert shown == ["raised Refusal('no such basket', basket=Basket(n=1))"]


def test_a_stream_is_shown_by_its_first_item_and_its_end() -> None:
    """The item is shown as it was when it was yielded."""
    rows = numpy.array([1, 2])
    items = [snapshot(rows), numpy.array([3])]
    rows[0] = 9

    shown = preview(
        Outcome("stream", items=items, end=Outcome("raised", exception=Refusal("gone"))), REDACTOR
    )

    assert shown == ["stream of 2 items: ndarray int64 2 [1, 2], raised Refusal('gone')"]


LONG = "measles" * 40
MANY: list[object] = [[Basket(n=n, text="x") for n in range(60)] for _ in range(400)]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"patient": Basket(diagnosis="measles")}, id="an attribute further in"),
        pytest.param(Refusal("diagnosis=measles"), id="a text"),
        pytest.param(
            [Basket(diagnosis="measles"), Basket(note="measles"), *MANY], id="the first of many items"
        ),
        pytest.param(Basket(note=f"it is {LONG} now", diagnosis=LONG), id="a text that is cut"),
        pytest.param(urlsplit(f"postgresql://shop:{LONG}@db/shop"), id="a URL with a long password"),
        pytest.param(Basket(diagnosis=7_777_777), id="a number"),
    ],
)
def test_a_preview_shows_no_secret(value: object) -> None:
    """Values under secret names are hidden, and so are the same texts elsewhere."""
    (shown,) = lines(value)

    assert "<redacted>" in shown
    assert "measle" not in shown
    assert "7777777" not in shown


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(pandas.DataFrame({"diagnosis": ["measles"]}), id="pandas"),
        pytest.param(polars.DataFrame({"diagnosis": ["measles"]}), id="polars"),
        pytest.param(numpy.array([("measles",)], dtype=[("diagnosis", "U9")]), id="a field of an array"),
        pytest.param(numpy.array([("measles",)], dtype=[("diagnosis", "U9")])[0], id="a record"),
    ],
)
def test_a_preview_shows_no_value_of_a_table(value: object) -> None:
    (shown,) = lines(value)

    assert "measles" not in shown


def test_a_secret_argument_is_hidden_where_the_outcome_holds_it() -> None:
    """A text that is known to be secret is hidden under any name."""
    secrets = lambda: frozenset({"swordfish"})  # noqa: E731

    assert lines(Basket(note="swordfish"), secrets=secrets) == ["Basket(note=<redacted>)"]
    assert lines(pandas.DataFrame({"swordfish": [1]}), secrets=secrets) == ["DataFrame 1x1: <redacted>"]


def test_temporary_paths_are_shown_by_their_place() -> None:
    """The same outcome of another run has the same preview."""
    places = Places()
    places.set_root(TEMPORARY, "/tmp/pytest-of-ann/pytest-7")
    folder = "/tmp/pytest-of-ann/pytest-7/test_it0"
    value = Basket(text=f"{folder}/a.csv", path=Path(f"{folder}/b.csv"))

    assert lines(value, places=places) == ["Basket(text='<tmp>/a.csv', path=<tmp>/b.csv)"]


def test_a_line_is_short_and_fits_into_json() -> None:
    """Long texts are cut, and what JSON has no form for is escaped."""
    (shown,) = lines({"line\n": "\ud800", "b": Basket(**{f"n{n}" * 90: "text" * 9 for n in range(9)})})

    assert len(shown) <= 250
    assert shown.isprintable()
    assert shown.encode()


_SEEDS = """
import sys
from collections import Counter
sys.path.insert(0, sys.argv[1])
import pytest_mimic
from pytest_mimic._core.tree.stored import preview
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor

class Bag:
    def __init__(self, parts): self.parts = parts

words = sys.argv[2].split()
for value in (Bag(set(words)), Bag(frozenset(map(Word := type("Word", (str,), {}), words))),
              Bag({(word, 1) for word in words}), Bag({(word, (word * 30, ("x" * 30, word))) for word in words}), {"bag": Bag(set(words))}, Bag(object())):
    print(preview(Outcome("value", value), Redactor()))
"""


def test_previews_are_equal_under_every_hash_seed(tmp_path: Path) -> None:
    """Equal values give the same lines in other processes, in whatever order their sets were filled."""
    script = tmp_path / "seeds.py"
    script.write_text(_SEEDS)

    def printed(seed: str, words: str) -> str:
        command = [sys.executable, str(script), str(tmp_path), words]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    runs = [printed("0", "ann bob cem"), printed("1", "cem bob ann"), printed("2", "bob cem ann")]

    assert len(set(runs)) == 1
    assert "'ann', 'bob', 'cem'" in runs[0]
    assert "0x" not in runs[0]
