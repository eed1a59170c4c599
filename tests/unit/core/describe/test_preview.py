"""Previews of pickles: a few lines, without secrets, equal for equal outcomes, made without reading all of a value."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import OrderedDict, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pytest_mimic._core.describe.preview import preview
from pytest_mimic._core.files.places import TEMPORARY, Places
from pytest_mimic._core.outcome.encoding import snapshot
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor

numpy = pytest.importorskip("numpy", reason="numpy is not installed")
pandas = pytest.importorskip("pandas", reason="pandas is not installed")
polars = pytest.importorskip("polars", reason="polars is not installed")
pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed")
Image = pytest.importorskip("PIL.Image", reason="PIL is not installed")

REDACTOR = Redactor(["diagnosis"])


def lines(value: object, **options: Any) -> list[str]:
    return preview(Outcome("value", value), REDACTOR, **options)


class Basket:
    """An object of a user's class."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


class Rows(list[int]):
    """A container of a user's class."""


class Refusal(Exception):
    """An error with attributes."""


PRICES = pandas.DataFrame({"name": ["Ann", "Bob", "Cem", "Zoe"], "price": [1.5, 2.0, 3.25, 9.75]})
TEXT = PRICES["name"].dtype
PIXELS = numpy.arange(600, dtype="uint8").reshape(10, 20, 3)

KINDS: dict[str, tuple[object, list[str]]] = {
    "a frame": (
        PRICES,
        [
            "DataFrame: 4 rows × 2 columns",
            f"name {TEXT}: 'Ann', 'Bob', … 'Zoe'",
            "price float64: 1.5, 2.0, … 9.75",
            "index RangeIndex: 0, 1, … 3",
        ],
    ),
    "a frame of few rows, with an index": (
        PRICES.iloc[:3].set_index("name"),
        [
            "DataFrame: 3 rows × 1 column",
            "price float64: 1.5, 2.0, 3.25",
            f"index name {TEXT}: 'Ann', 'Bob', 'Cem'",
        ],
    ),
    "a wide frame": (
        pandas.DataFrame(numpy.zeros((2, 1_200))),
        [
            "DataFrame: 2 rows × 1,200 columns",
            *(f"{number} float64: 0.0, 0.0" for number in range(5)),
            "and 1,195 more columns",
            "index RangeIndex: 0, 1",
        ],
    ),
    "an empty frame": (
        PRICES.iloc[:0, :1],
        ["DataFrame: 0 rows × 1 column", f"name {TEXT}", "index RangeIndex"],
    ),
    "a series": (
        PRICES["price"],
        ["Series: 4 items", "price float64: 1.5, 2.0, … 9.75", "index RangeIndex: 0, 1, … 3"],
    ),
    "levels of an index": (
        pandas.MultiIndex.from_product([[1, 2], ["a", "b"]]),
        ["MultiIndex: 4 items", "object: (1, 'a'), (1, 'b'), … (2, 'b')"],
    ),
    "polars": (polars.DataFrame({"n": [1, 2, 3, 4]}), ["DataFrame: 4 rows × 1 column", "n Int64: 1, 2, … 4"]),
    "pyarrow": (pyarrow.table({"n": [1, 2, 3, 4]}), ["Table: 4 rows × 1 column", "n int64: 1, 2, … 4"]),
    "an array": (PIXELS, ["ndarray: 10 × 20 × 3 uint8, 0 to 255", "0, 1, 2, 3, 4, 5, … 86, 87"]),
    "a large array": (
        numpy.zeros((400, 300)),
        ["ndarray: 400 × 300 float64", "0.0, 0.0, 0.0, 0.0, 0.0, 0.0, … 0.0, 0.0"],
    ),
    "an array of few texts": (numpy.array(["a", "b"]), ["ndarray: 2 <U1", "'a', 'b'"]),
    "an array with NaN": (
        numpy.array([numpy.nan, *range(9)]),
        ["ndarray: 10 float64, with NaN", "nan, 0.0, 1.0, 2.0, 3.0, 4.0, … 7.0, 8.0"],
    ),
    "a sparse matrix": (sparse.csr_matrix(numpy.eye(30)), ["csr_matrix: 30 × 30 float64, 30 stored"]),
    "an image": (Image.new("RGB", (640, 480)), ["Image: RGB, 640 × 480"]),
    "an object": (
        Basket(items=[1, 2, 3, 4], total=12.5, image=PIXELS),
        [
            f"{__name__}:Basket",
            "items: [1, 2, 3, ... 1 more]",
            "total: 12.5",
            "image ndarray: 10 × 20 × 3 uint8, 0 to 255",
            "  0, 1, 2, 3, 4, 5, … 86, 87",
        ],
    ),
    "a long list": (
        [Basket(n=number) for number in range(1_000)],
        [
            "list of 1,000",
            *(f"[{number}]: Basket(n={number})" for number in range(5)),
            "and 994 more",
            "[999]: Basket(n=999)",
        ],
    ),
    "a dict": (
        {"prices": PRICES, 2: Basket(n=1)},
        [
            "dict of 2",
            "prices DataFrame: 4 rows × 2 columns",
            f"  name {TEXT}: 'Ann', 'Bob', … 'Zoe'",
            "  price float64: 1.5, 2.0, … 9.75",
            "  index RangeIndex: 0, 1, … 3",
            "2: Basket(n=1)",
        ],
    ),
    "a container of a class": (Rows([7, 8]), [f"{__name__}:Rows of 2", "[0]: 7", "[1]: 8"]),
    "an ordered dict": (OrderedDict(a=1), ["OrderedDict of 1", "a: 1"]),
    "bytes": (b"\x89PNG" + bytes(8_782), [f"bytes: 8,786 bytes, 89 50 4e 47{' 00' * 12} …"]),
    "a function": (subprocess.run, ["<function subprocess:run>"]),
}


@pytest.mark.promise("what stays a pickle has a preview in its recording")
@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_shows_what_a_pickle_holds(kind: str) -> None:
    """Each kind of value is shown by its shape, its dtypes, its first and last parts."""
    value, expected = KINDS[kind]

    assert lines(value) == expected


def test_an_exception_is_shown_with_its_arguments_and_attributes() -> None:
    """The first line shows the class and the arguments."""
    error = Refusal("no such basket", PIXELS)
    error.basket = Basket(n=1)  # type: ignore[attr-defined]

    shown = preview(Outcome("raised", exception=error), REDACTOR)

    assert shown == [
        f"raised {__name__}:Refusal: 'no such basket', <ndarray uint8 10x20x3>",
        "basket: Basket(n=1)",
    ]


def test_a_stream_is_shown_by_its_first_item_and_its_end() -> None:
    """The item is shown as it was when it was yielded."""
    rows = numpy.array([1, 2])
    items = [snapshot(rows), numpy.array([3])]
    rows[0] = 9

    shown = preview(
        Outcome("stream", items=items, end=Outcome("raised", exception=Refusal("gone"))), REDACTOR
    )

    assert shown == ["stream of 2 items", "[0] ndarray: 2 int64", "  1, 2", "raised: Refusal('gone')"]


def test_changed_arguments_are_shown_by_name() -> None:
    """The result and each changed argument have a line."""
    changed = {"basket": Basket(n=2), "diagnosis": "measles", "rows": numpy.array([1])}
    outcome = Outcome("value", value=3, changed=changed)

    assert preview(outcome, REDACTOR) == [
        "result: 3",
        "argument basket: Basket(n=2)",
        "argument diagnosis: <redacted>",
        "argument rows ndarray: 1 int64",
        "  1",
    ]


@pytest.mark.promise("a preview shows no secret")
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(Basket(diagnosis="measles", note="it is measles"), id="an attribute"),
        pytest.param({"patient": Basket(diagnosis="measles")}, id="an attribute further in"),
        pytest.param(["--diagnosis", "measles", Basket()], id="an option"),
        pytest.param(("diagnosis", "measles"), id="a pair"),
        pytest.param({"diagnosis": Basket(n="measles"), "note": "measles"}, id="an entry"),
        pytest.param(pandas.DataFrame({"diagnosis": ["measles"], "note": ["measles"]}), id="a column"),
        pytest.param(pandas.DataFrame({("a", "diagnosis"): ["measles"]}), id="a column with two names"),
        pytest.param(pandas.Series(["measles"], name="diagnosis"), id="a series"),
        pytest.param(PRICES.set_axis(pandas.Index(["measles"] * 4, name="diagnosis")), id="an index"),
        pytest.param(pandas.Series(["Ann", "measles"], index=["name", "diagnosis"]), id="a row of a frame"),
        pytest.param(
            pandas.DataFrame({"note": ["measles"], "diagnosis": ["measles"]}).T, id="a turned frame"
        ),
        pytest.param(numpy.array([("measles",)], dtype=[("diagnosis", "U9")])[0], id="a record"),
        pytest.param(
            numpy.array([(("measles", 1),)], dtype=[("a", [("diagnosis", "U9"), ("n", "i8")])]),
            id="a field in a field of an array",
        ),
        pytest.param(polars.DataFrame({"diagnosis": ["measles"]}), id="a column of polars"),
        pytest.param(pyarrow.table({"diagnosis": ["measles"]}), id="a column of pyarrow"),
        pytest.param(numpy.array([("measles",)], dtype=[("diagnosis", "U9")]), id="a field of an array"),
        pytest.param(Refusal("diagnosis=measles"), id="a text"),
        pytest.param(b"diagnosis=measles", id="bytes"),
        pytest.param([Basket(note="measles")] * 999 + [Basket(diagnosis="measles")], id="the last item"),
    ],
)
def test_a_preview_shows_no_secret(value: object) -> None:
    """Values under secret names are hidden, and so are the same texts elsewhere."""
    shown = "\n".join(lines(value))

    assert "<redacted>" in shown
    assert "measles" not in shown
    assert b"measles".hex(" ") not in shown


def test_secret_numbers_are_hidden_by_their_names_alone() -> None:
    """A number is no text that could be searched for elsewhere."""
    assert lines(pandas.DataFrame({"diagnosis": [7]}))[1] == "diagnosis int64: <redacted>"
    assert lines(("diagnosis", 7))[1:] == ["[0]: 'diagnosis'", "[1]: <redacted>"]
    assert lines(["run", "--diagnosis", 7])[2:] == ["[1]: '--diagnosis'", "[2]: <redacted>"]


def test_a_column_is_not_taken_for_the_type_of_a_frame() -> None:
    """The columns `type` and `mode` are data."""
    frame = pandas.DataFrame({"type": ["x"], "mode": ["y"]})

    assert lines([frame])[1] == "[0] DataFrame: 1 row × 2 columns"
    assert lines({"frames": [frame]})[1] == "frames: [<DataFrame 1x2: type, mode>]"


def test_samples_have_about_six_significant_digits() -> None:
    steps = numpy.arange(200) * 0.1

    assert lines(steps) == [
        "ndarray: 200 float64, 0.0 to 19.9",
        "0.0, 0.1, 0.2, 0.3, 0.4, 0.5, … 19.8, 19.9",
    ]
    assert lines(pandas.DataFrame({"n": [1 / 3, 1e-300 / 3]}))[1] == "n float64: 0.333333, 3.33333e-301"
    assert lines(numpy.array([123456789.5, numpy.inf, -0.0]))[1] == "123456790.0, inf, -0.0"
    assert lines(numpy.array([16777217]))[1] == "16777217"


@pytest.mark.filterwarnings("error")
def test_a_masked_number_is_shown_without_a_warning_of_numpy() -> None:
    assert lines(numpy.ma.array([1.5, 2.0], mask=[False, True]))[1].startswith("1.5, ")


def _callback() -> object:
    return lambda: None


def test_nothing_is_cut_that_has_room() -> None:
    assert lines([_callback()])[1].endswith(":_callback.<locals>.<lambda>>")
    assert lines(["abc\ud800"])[1] == "[0]: 'abc\\ud800'"


def test_a_secret_argument_is_hidden_where_the_outcome_holds_it() -> None:
    """A text that is known to be secret is hidden under any name."""
    assert lines(Basket(note="swordfish"), secrets=lambda: frozenset({"swordfish"}))[1:] == [
        "note: <redacted>"
    ]


MANY: list[object] = [[Basket(n=n, text="x") for n in range(60)] for _ in range(400)]
LONG = "measles" * 40


@pytest.mark.promise("a preview shows no secret")
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(
            [Basket(diagnosis="measles"), Basket(note="measles"), *MANY], id="the first of many items"
        ),
        pytest.param(
            Basket(page=[{"diagnosis": "measles", "note": "measles"}, *MANY]),
            id="the first of many items further in",
        ),
        pytest.param(
            {"diagnosis": "measles", "note": "measles"} | dict(enumerate(MANY)), id="the first entry"
        ),
        pytest.param(Basket(note=f"it is {LONG} now", diagnosis=LONG), id="a text that is cut"),
        pytest.param(Basket(note=LONG.encode(), diagnosis=LONG), id="bytes that are cut"),
        pytest.param(urlsplit(f"postgresql://shop:{LONG}@db/shop"), id="a URL with a long password"),
    ],
)
def test_a_preview_shows_no_secret_of_a_large_value(value: object) -> None:
    """Not even a part of one."""
    shown = "\n".join(lines(value))

    assert "<redacted>" in shown
    assert "measle" not in shown
    assert b"measle".hex(" ") not in shown


def test_a_preview_without_the_known_secrets_is_empty() -> None:
    """The arguments may be changing in a thread while they are searched."""

    def secrets() -> frozenset[str]:
        raise RuntimeError("dictionary changed size during iteration")

    assert lines(Basket(note="swordfish"), secrets=secrets) == []


def test_temporary_paths_are_shown_by_their_place() -> None:
    """The same outcome of another run has the same preview."""
    places = Places()
    places.set_root(TEMPORARY, "/tmp/pytest-of-ann/pytest-7")
    folder = "/tmp/pytest-of-ann/pytest-7/test_it0"
    value = Basket(text=f"{folder}/a.csv", path=Path(f"{folder}/b.csv"))

    assert lines(value, places=places)[1:] == ["text: '<tmp>/a.csv'", "path: <tmp>/b.csv"]


class Counted(dict[str, object]):
    """A container that counts how often its parts are asked for."""

    asked = 0

    def __getitem__(self, key: str) -> object:
        type(self).asked += 1
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[str]:
        type(self).asked += 1
        return super().__iter__()

    def __len__(self) -> int:
        type(self).asked += 1
        return super().__len__()

    def __repr__(self) -> str:
        type(self).asked += 1
        return "Counted"


class CountedFrame(pandas.DataFrame):
    """A frame that counts how many rows are taken out of it."""

    taken = 0

    @property
    def iloc(self) -> Any:
        """Rows by number."""
        whole = super().iloc

        class Rows:
            def __getitem__(self, place: tuple[list[int], slice]) -> Any:
                CountedFrame.taken += len(place[0])
                return pandas.DataFrame(whole[place])

        return Rows()


def test_a_preview_takes_only_the_first_and_the_last_rows() -> None:
    """A frame of any length costs the same."""
    frame = CountedFrame({"n": range(100_000)})

    shown = lines(frame)

    assert shown[1] == "n int64: 0, 1, … 99999"
    assert 0 < CountedFrame.taken <= 20


def test_a_preview_runs_no_code_of_a_container() -> None:
    """Items are taken as Python keeps them."""
    large = Counted((str(number), number) for number in range(100_000))

    assert lines(large)[:2] == [f"{__name__}:Counted of 100,000", "0: 0"]
    assert lines(Basket(large=large))[1:] == ["large: <Counted of 100000>"]
    assert Counted.asked == 0


class Remote:
    """An object whose attributes are fetched when they are asked for."""

    def __init__(self) -> None:
        self.url = "db://prices"

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was fetched")

    @property
    def rows(self) -> object:
        """All rows."""
        raise AssertionError("the rows were fetched")

    def __repr__(self) -> str:
        raise AssertionError("it was shown by its own text")


def test_a_preview_fetches_nothing() -> None:
    """Neither properties nor `__getattr__` nor `__repr__` run."""
    assert lines(Remote()) == [f"{__name__}:Remote", "url: 'db://prices'"]
    assert lines(deque([Remote()])) == ["deque of 1", "[0]: Remote(url='db://prices')"]


def test_a_value_that_cannot_be_read_ends_the_preview() -> None:
    """A preview never fails."""

    class Broken(pandas.DataFrame):
        @property
        def iloc(self) -> Any:
            """Rows by number."""
            raise RuntimeError("broken")

    shown = lines({"a": 1, "frame": Broken({"n": [1]})})

    assert shown == ["dict of 2", "a: 1"]


def test_a_line_is_short_and_fits_into_json() -> None:
    """Long texts are cut, and what JSON has no form for is escaped."""
    shown = lines(
        {"a" * 300: "x", "line\n": "\ud800", "b": Basket(**{f"n{n}": "text" * 9 for n in range(9)})}
    )
    shown += lines(Basket(**{"two\nlines": 1, "\ud800": 2}))

    assert max(map(len, shown)) <= 110
    assert all(line.isprintable() and line.encode() for line in shown)


_SEEDS = """
import sys
from collections import Counter
sys.path.insert(0, sys.argv[1])
import pytest_mimic
from pytest_mimic._core.describe.preview import preview
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
