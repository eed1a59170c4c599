"""What a user or a class of another package adds to an object of a library counts."""

from __future__ import annotations

import pickle
from collections import OrderedDict, defaultdict, deque
from functools import cached_property

import pytest

from pytest_mimic import fingerprint
from pytest_mimic._core.types.added_attributes import (
    added_attributes,
    author_of_pickles,
    decides_its_pickles,
)

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
sparse = pytest.importorskip("scipy.sparse")
Image = pytest.importorskip("PIL.Image")


class Masked(np.ma.MaskedArray):
    pass


class Framed(pd.DataFrame):
    def __getstate__(self):
        return {**super().__getstate__(), "unit": getattr(self, "unit", None)}


def with_attribute(value, name="origin", part="x"):
    object.__setattr__(value, name, part)
    return value


def duration():
    """Return a duration of pandas, which remembers its seconds when it is shown."""
    made = pd.Timedelta("1s")
    assert repr(made)
    return made


def integers():
    """Return an array of pandas, which remembers its dtype when it is asked for it."""
    made = pd.array([1, None], dtype="Int64")
    assert made.dtype == "Int64"
    return made


MAKERS = {
    "an image": (lambda: Image.new("RGB", (1, 1)), "PIL"),
    "a frame of pandas": (lambda: pd.DataFrame({"a": [1]}), "pandas"),
    "a duration of pandas": (duration, "pandas"),
    "an array of pandas": (integers, "pandas"),
    "a frame of polars": (lambda: pl.DataFrame({"a": [1]}), "polars"),
    "a sparse array": (lambda: sparse.csr_array([[1, 2]]), "scipy"),
    "a masked array": (lambda: Masked([1, 2]), "numpy"),
}
makers = pytest.mark.parametrize(("make", "package"), MAKERS.values(), ids=MAKERS)


class Table(pd.DataFrame):
    @property
    def _constructor(self):
        return Table


class Column(pd.Series):
    @property
    def _constructor(self):
        return Column


@pytest.mark.parametrize("value", [Table({"a": [1]}), Column([1])], ids=["2d", "1d"])
def test_what_pandas_sets_in_a_copy_is_none_of_the_users(value):
    """pandas 2 gives an unpickled object the names of its class as an attribute."""
    assert fingerprint(pickle.loads(pickle.dumps(value))) == fingerprint(value)


@makers
def test_an_attribute_of_the_user_counts(make, package):
    values = [with_attribute(make(), part=part) for part in ("x", "y")]

    assert fingerprint(make()) == fingerprint(make())
    assert len({*map(fingerprint, values), fingerprint(make())}) == 3
    assert added_attributes(values[0], package) == {"origin": "x"}


@makers
def test_attributes_of_the_library_itself_are_none_of_them(make, package):
    assert added_attributes(make(), package) == {}


def test_an_accessor_that_others_add_to_a_class_later_is_none_of_the_users(monkeypatch):
    frame = pl.DataFrame({"a": [1]})
    before = fingerprint(frame)
    # As `register_dataframe_namespace` does, but until the end of the test.
    monkeypatch.setattr(pl.DataFrame, "late", cached_property(len), raising=False)
    pl.DataFrame.late.__set_name__(pl.DataFrame, "late")

    assert frame.late == 1

    assert vars(frame)["late"] == 1
    assert added_attributes(frame, "polars") == {}
    assert fingerprint(frame) == before


def test_attributes_are_known_however_many_a_class_sets():
    """The number of a name after the first 256 takes more than one instruction."""
    lines = "".join(f"        self.part_{number} = self\n" for number in range(70_000))
    namespace = {"__name__": "shop.parts"}
    exec(f"class Parts:\n    def __init__(self):\n{lines}", namespace)

    value = with_attribute(namespace["Parts"]())

    assert added_attributes(value, "shop") == {"origin": "x"}


def test_what_a_class_of_another_package_pickles_counts():
    frames = []
    for unit in ("m", "m", "s"):
        frames.append(with_attribute(Framed({"a": [1]}), "unit", unit))

    first, equal, other = map(fingerprint, frames)
    assert first == equal != other


def test_the_author_of_pickles_is_the_class_that_has_written_the_method():
    assert author_of_pickles(Framed, "pandas") is Framed
    assert author_of_pickles(Masked, "numpy") is None
    assert author_of_pickles(pd.DataFrame, "pandas") is None


@pytest.mark.parametrize("base", [deque, OrderedDict, defaultdict, bytearray])
def test_methods_for_pickles_of_the_standard_library_are_no_decision_of_an_author(base):
    class OfUser(base):
        pass

    class Author(base):
        def __reduce__(self):
            return OfUser, ()

    assert not decides_its_pickles(OfUser)
    assert decides_its_pickles(Author)
