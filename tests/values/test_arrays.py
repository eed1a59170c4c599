"""Arrays as outcomes: readable up to 50 items, then files that any numpy reads, and no name of numpy's inside."""

from __future__ import annotations

import io
import json

import pytest
from support.face import fingerprint, loaded, stored, there_and_back

from pytest_mimic import CorruptRecordingError

np = pytest.importorskip("numpy")

#: What stands for an array of up to 50 items: the items, and more where it is needed.
ITEMS = {
    "numbers": (np.array([1, 2]), [1, 2]),
    "floats": (np.array([0.5, np.nan, np.inf]), [0.5, {"$float": "nan"}, {"$float": "inf"}]),
    "rows": (np.array([[1, 2], [3, 4]]), [1, 2, 3, 4]),
    "columns": (np.array([[1, 2], [3, 4]], order="F"), [1, 2, 3, 4]),
    "no dimension": (np.array(True), [True]),
    "nothing": (np.zeros((0, 3)), []),
    "complex": (np.array([1j]), [{"$complex": [0.0, 1.0]}]),
    "other byte order": (np.array([1], ">i4"), [1]),
    "texts": (np.array(["a", "bc"]), ["a", "bc"]),
    "bytes": (np.array([b"a"]), [{"$bytes": "a"}]),
    "wide texts": (np.array(["a", "bc"], "U1000"), ["a", "bc"]),
    "moments": (np.array(["2024-01-01", "NaT"], "M8[ns]"), ["2024-01-01", "NaT"]),
    "durations": (np.array([5], "m8[s]"), [5]),
    "fifty": (np.arange(50), [*range(50)]),
}  # fmt: skip
LARGE = {
    "rows": np.arange(51.0).reshape(3, 17),
    "columns": np.arange(60.0).reshape(3, 20).T,
    "gaps": np.arange(200)[::2],
    "backwards": np.arange(60)[::-1],
    "numbers": np.arange(60, dtype="u1"),
    "complex": np.full(60, np.nan + 1j, "c8"),
    "texts": np.array(["a", "bc"] * 30),
    "moments": np.array(["2024-01-01", "NaT"] * 30, "M8[s]"),
    # Without anything in the gaps of its memory.
    "long doubles": np.positive(np.ones(60, "g"), out=np.zeros(60, "g")),
    "records": np.ones(60, [("a", "i4"), ("b", "f8", (2,))]),
    "small, of records": np.ones(1, [("a", "i4"), ("b", "f8")]),
    "small, with another NaN": np.array([0x7FF8000000000001]).view("f8"),
    "large": np.arange(200_000.0),
}


def facts(array):
    is_of_columns = array.flags.fnc
    return type(array), array.dtype, array.shape, array.tobytes(), is_of_columns


@pytest.mark.parametrize("char", "gG")
def test_gaps_in_the_memory_of_long_doubles_do_not_count(char):
    arrays = [np.ones(60, char), np.ones(60, char)]
    gap = arrays[1].view("u1").reshape(60, -1)[:, 10:16]
    if np.finfo(np.longdouble).nmant == 63:  # Else they have none.
        gap[:] = 7

    assert len({stored(array)[0]["$numpy:ndarray"]["$npy"] for array in arrays}) == 1


@pytest.mark.parametrize(("array", "items"), ITEMS.values(), ids=ITEMS)
def test_up_to_fifty_items_stand_in_the_json(array, items):
    tree, objects = stored({"a": array})

    assert next(iter(tree["a"].values())) == items
    assert not objects
    assert facts(loaded(tree, objects)["a"]) == facts(array)


@pytest.mark.parametrize("array", LARGE.values(), ids=LARGE)
def test_other_arrays_are_files_that_numpy_reads_without_pickles(array):
    tree, objects = stored([array])

    (name,) = objects
    assert name.endswith(".npy")
    assert np.load(io.BytesIO(objects[name]), allow_pickle=False).tobytes() == array.tobytes()  # fmt: skip
    again = loaded(tree, objects)[0]
    assert facts(again) == facts(np.array(array, order="F" if array.flags.fnc else "C"))
    again[...] = again[0]  # It may be changed.


def test_very_wide_texts_come_back():
    wide = np.array(["a" * 300_000, "b"])
    padded = np.array(["a", "b"], "U300000")

    assert facts(there_and_back(wide)) == facts(wide)
    assert facts(there_and_back(padded)) == facts(padded)


def test_an_array_of_two_places_is_one_array_in_the_copy():
    array = np.arange(100)

    one, other = there_and_back([array, array])

    assert one is other


def test_a_map_of_a_file_is_an_array(tmp_path):
    array = np.arange(100.0)
    np.save(tmp_path / "a.npy", array)
    opened = np.load(tmp_path / "a.npy", mmap_mode="r")

    assert fingerprint(opened) == fingerprint(array)
    again = there_and_back([opened, opened[3:5]])
    assert [part.tolist() for part in again] == [array.tolist(), [3.0, 4.0]]


class Keeping(np.ndarray):
    """An array of a class of its own."""


PICKLED = {
    "objects": np.array([None, "a", ["b"]], dtype=object),
    "own class": np.zeros(2).view(Keeping),
    "numbers": np.array([np.float64(2.5), np.bool_(True)], dtype=object),
    "void": np.void(b"ab"),
    "aligned": np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "generator": np.random.default_rng(3),
    "old generator": np.random.RandomState(3),
    "bits": np.random.MT19937(3),
    "seed": np.random.SeedSequence(3, spawn_key=(1,)),
    "shared": [np.arange(3)] * 2,
    "many": [np.arange(3), *((n,) for n in range(10_001))],
}


@pytest.mark.parametrize("value", PICKLED.values(), ids=PICKLED)
def test_no_pickle_names_a_private_part_of_numpy(value):
    tree, _ = stored(value)

    names = json.dumps(tree["imports"])
    assert "numpy._" not in names
    assert "numpy.core" not in names
    assert "numpy.random._pickle" not in names
    assert fingerprint(there_and_back(value)) == fingerprint(value)


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_generators_count_by_their_state_and_what_they_spawn(make):
    moved, spawned = make(5), make(5)
    moved.normal(size=3)

    assert fingerprint(make(5)) == fingerprint(make(5))
    assert fingerprint(moved) != fingerprint(make(5))
    assert there_and_back(make(5)).normal() == make(5).normal()
    if hasattr(spawned, "spawn"):
        spawned.spawn(1)
        assert fingerprint(spawned) != fingerprint(make(5))


def test_the_shared_generator_is_itself():
    shared = np.random.mtrand._rand

    assert there_and_back([shared])[0] is shared


# What nobody has recorded

FILE = io.BytesIO()
np.save(FILE, np.arange(60))
OBJECTS = io.BytesIO()
np.save(OBJECTS, np.array([None] * 60), allow_pickle=True)
ARRAY = {"$numpy:ndarray": {"$npy": "objects/a.npy", "length": 480}, "dtype": "int64", "shape": [60]}  # fmt: skip

BROKEN = {
    "cut": (FILE.getvalue()[:-8], ARRAY),
    "longer": (FILE.getvalue() + b"12345678", ARRAY),
    "a pickle": (OBJECTS.getvalue(), ARRAY),
    "no header": (b"\x80\x04N.", ARRAY),
    "a shape of its own": (FILE.getvalue(), {**ARRAY, "shape": [30, 2]}),
    "a dtype of its own": (FILE.getvalue(), {**ARRAY, "dtype": "float64"}),
    "objects": (b"", {"$numpy:ndarray": [None], "dtype": "object", "shape": [1]}),
    "a list as an item": (b"", {"$numpy:ndarray": [[1]], "dtype": "int64", "shape": [1]}),
    "records": (b"", {"$numpy:ndarray": [1], "dtype": "i4,i4", "shape": [1]}),
    "another shape": (b"", {"$numpy:ndarray": [1], "dtype": "int64", "shape": [2]}),
    "no shape": (b"", {"$numpy:ndarray": [1], "dtype": "int64", "shape": "1"}),
    "a size that is none": (b"", {"$numpy:ndarray": [1], "dtype": "int64", "shape": [True]}),
    "very wide texts": (b"", {"$numpy:ndarray": ["a"], "dtype": "<U500000000", "shape": [1]}),
    "very wide bytes": (b"", {"$numpy:ndarray": [{"$bytes": "a"}], "dtype": "S2000000000", "shape": [1]}),
    "a number of a list": (b"", {"$numpy:float64": [1.0, 2.0]}),
}  # fmt: skip


@pytest.mark.parametrize(("content", "tree"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_array_is_damage(content, tree):
    with pytest.raises(CorruptRecordingError):
        loaded(tree, {"objects/a.npy": content})


# What a rule hands on


class Itself:
    def __init__(self, value):
        self.value = value
        self.me = self

    def __mimic_identity__(self):
        return self


def money(*cents):
    pd = pytest.importorskip("pandas")

    class MoneyType(pd.api.extensions.ExtensionDtype):
        name = "money"
        type = int

    class Money(pd.api.extensions.ExtensionArray):
        dtype = MoneyType()

        def __init__(self):
            self.cents = np.asarray(cents)

        def __len__(self):
            return len(self.cents)

        def __getitem__(self, place):
            return self.cents[place]

        def copy(self):
            return money(*self.cents)

    return Money()


@pytest.mark.parametrize("make", [Itself, money])
def test_a_value_of_which_a_rule_gives_itself_counts_by_what_it_is(make):
    assert fingerprint(make(1)) == fingerprint(make(1))
    assert fingerprint(make(1)) != fingerprint(make(2))
    assert fingerprint([make(1)]) != fingerprint([make(2)])


def test_a_sparse_matrix_is_a_pickle_since_nobody_checks_its_indices():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(np.eye(3))

    tree, _ = stored(matrix)

    assert "$pickle" in tree
    assert there_and_back(matrix).toarray().tolist() == np.eye(3).tolist()
    written = {
        "data": [1.0],
        "indices": [9],
        "indptr": [0, 1],
        "_shape": {"$tuple": [1, 1]},
    }
    with pytest.raises(CorruptRecordingError):
        loaded({"$scipy.sparse:csr_matrix": written}, {})
