"""Arrays, images and sparse matrices: by dtype, shape and elements, not by their layout."""

from __future__ import annotations

import pickle
import tracemalloc

import pytest

from pytest_mimic._core.identity.call_identity import fingerprint, fingerprint_outcome
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.describing import tree_of
from pytest_mimic._core.types.reductions import Unstable

np = pytest.importorskip("numpy")
sparse = pytest.importorskip("scipy.sparse")
A = np.arange(12.0).reshape(3, 4)
MATRIX = sparse.csr_matrix(np.array([[0, 1.5], [2, 0]]))


def unsorted(matrix):
    """Return a matrix with the same entries in another order, one of them in two parts."""
    rows, columns, data = [1, 0, 0], [0, 1, 1], [2, 1.0, 0.5]
    return sparse.coo_matrix((data, (rows, columns)), shape=matrix.shape)


def unordered_csr():
    return sparse.csr_matrix(
        (np.array([1.0, 0.5, 2.0]), np.array([1, 1, 0]), np.array([0, 2, 3])),
        shape=(2, 2),
    )


# Each NaN as this machine or another may compute it; the last of each is what R calls
# "not available", or like it.
NANS = {
    "e": ("u2", [0x7E00, 0xFE00, 0x7E01, 0x7C01]),
    "f": ("u4", [0x7FC00000, 0xFFC00000, 0x7FC00001, 0x7F8007A2]),
    "d": (
        "u8",
        [
            0x7FF8000000000000,
            0xFFF8000000000000,
            0x7FF8000000000001,
            0x7FF00000000007A2,
        ],
    ),
}


@pytest.mark.parametrize("size", [1, 30, 1000, 1_200_000])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("code", NANS)
def test_all_nans_are_the_same(code, order, size):
    bits, nans = NANS[code]
    values = np.ones(size, order + code)
    identities = set()

    for nan in nans:
        values.view(order + bits)[-1] = nan
        identities.add(fingerprint(values))
    values[-1] = np.inf

    assert len(identities) == 1
    assert fingerprint(values) not in identities


@pytest.mark.parametrize("code", ["f2", "f4", "f8"])
@pytest.mark.parametrize(
    ("every", "other"), [(3, 6), (1, 2), (1, 1)], ids=["some", "all", "none of ours"]
)
def test_many_different_nans_are_the_same(code, every, other):
    values = np.ones(3000, code)
    values[::every] = np.nan
    mixed = values.copy()
    mixed[::other] = -mixed[::other]
    before = mixed.tobytes()

    assert values.tobytes() != before
    assert fingerprint(mixed) == fingerprint(values)
    assert fingerprint_outcome(mixed) == fingerprint_outcome(values)
    assert mixed.tobytes() == before


@pytest.mark.parametrize(
    "make", [lambda: unsorted(MATRIX), unordered_csr], ids=["coordinates", "rows"]
)
def test_a_sparse_matrix_is_not_changed(make):
    matrix = make()
    before = matrix.data.tolist()

    fingerprint(matrix)

    assert matrix.data.tolist() == before


def test_the_layout_of_an_array_counts_in_an_outcome_only():
    assert fingerprint(np.asfortranarray(A)) == fingerprint(A)
    assert fingerprint_outcome(A.copy()) == fingerprint_outcome(A)
    assert fingerprint_outcome(np.asfortranarray(A)) != fingerprint_outcome(A)
    assert fingerprint_outcome(np.repeat(A, 2, axis=1)[:, ::2]) != fingerprint_outcome(
        A
    )


def test_the_shared_generator_of_numpy_counts_by_name():
    # It has hundreds of modules, which only this test needs.
    stats = pytest.importorskip("scipy.stats")
    values = [
        np.random.normal,
        np.random.mtrand._rand,
        stats.norm,
        np.random.RandomState(1).normal,
    ]
    before = list(map(fingerprint, values))

    np.random.normal()

    assert list(map(fingerprint, values)) == before
    assert len(set(before)) == 4


def test_the_masked_value_has_an_identity():
    assert fingerprint(np.ma.masked) == fingerprint([np.ma.array([1], mask=[1])[0]][0])
    assert fingerprint(np.ma.masked) != fingerprint(np.ma.array(0.0))


def test_a_ufunc_made_of_a_python_function_is_refused():
    with pytest.raises(Unstable, match="a ufunc made of a Python function"):
        fingerprint(np.frompyfunc(lambda value: value + 1, 1, 1))


def test_no_copy_of_an_array_is_made():

    large = np.zeros((2000, 4000))
    fingerprint(large[:2])
    tracemalloc.start()
    fingerprint(large)
    contiguous = tracemalloc.get_traced_memory()[1]
    fingerprint(large[:, ::2])
    strided = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert contiguous < 1_000_000
    assert strided < 3_000_000


def test_a_large_matrix_counts_by_its_elements_in_any_order_of_memory():
    numpy = pytest.importorskip("numpy")
    rows = numpy.arange(600_000.0).reshape(2, 300_000)
    matrix = rows.view(numpy.matrix)

    assert fingerprint(numpy.asfortranarray(matrix).view(numpy.matrix)) == fingerprint(
        matrix
    )


def test_a_memoryview_of_long_doubles_is_refused():
    with pytest.raises(
        Unstable, match="a memoryview of objects, pointers or long doubles"
    ):
        fingerprint(memoryview(np.array([1], "g")))


def test_a_copy_of_moments_has_the_same_identity():
    """numpy gives the dtype of an unpickled array empty metadata."""
    moments = np.array(["2026-01-01", "NaT"], dtype="M8[ns]")

    copied = pickle.loads(pickle.dumps(moments))

    assert fingerprint(copied) == fingerprint(moments)


@pytest.mark.parametrize("dtype", ["i8", "f8", [("a", "i8"), ("b", "f4")]])
@pytest.mark.parametrize("mask", [[False, True], False])
def test_a_masked_array_stays_as_it_is(dtype, mask):
    """To ask numpy for the value that stands for masked items would write it."""
    array = np.ma.array(np.zeros(2, dtype), mask=mask)
    fill_value = array._fill_value

    fingerprint(array)
    tree_of(array, Redactor())

    assert array._fill_value is fill_value


def test_what_a_masked_array_fills_and_lets_go_counts():
    def masked(**facts):
        return np.ma.array([1.0, 2.0], **facts)

    values = [
        masked(),
        masked(fill_value=5),
        masked(hard_mask=True),
        masked(mask=[0, 1]),
    ]

    assert len(set(map(fingerprint, values))) == 4
    assert fingerprint(masked(fill_value=1e20)) == fingerprint(masked())
    assert repr(values[0].fill_value) == "np.float64(1e+20)"
    assert fingerprint(values[0]) == fingerprint(masked())


def test_a_fill_value_of_each_dtype_may_be_the_usual_one():
    for dtype in ("i1", "u2", "f4", "c8", "U3", "S2", "M8[s]", "O", "?", "i4,f8"):
        plain, filled = (np.ma.zeros(2, dtype=dtype) for _ in range(2))
        filled.fill_value = plain.fill_value

        assert fingerprint(filled) == fingerprint(np.ma.zeros(2, dtype=dtype))
        assert fingerprint(filled[0:0]) != fingerprint(filled)
