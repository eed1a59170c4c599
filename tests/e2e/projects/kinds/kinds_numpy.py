"""Arrays and scalars of numpy."""

import numpy as np

GRID = np.arange(12.0).reshape(3, 4)
RECORDS = np.array([(1, 2.5), (2, np.nan)], dtype=[("n", "<i4"), ("x", "<f8")])
MOMENTS = np.array(["2024-01-02", "NaT"], dtype="datetime64[ns]")

ARGUMENTS = {
    "numbers": lambda: [
        np.arange(5).astype(kind)
        for kind in ("<i2", ">i4", "u1", "<f4", "<f8", "f2", "c8", "?")
    ],
    "layouts": lambda: [GRID, np.asfortranarray(GRID), GRID[::2, ::3], GRID.T],
    "large": lambda: np.arange(300_000.0),
    "nans": lambda: np.array([np.nan, -np.nan, 1.0]),
    "no dimensions": lambda: np.array(1.5),
    "empty": lambda: np.zeros((0, 3)),
    "texts": lambda: [np.array(["a", "bcd"]), np.array([b"a"])],
    "objects": lambda: np.array([1, "a", None], dtype=object),
    "moments": lambda: [MOMENTS, np.array([1, 2], dtype="timedelta64[s]")],
    "records": lambda: RECORDS,
    "masked": lambda: np.ma.masked_array([1, 2, 3], mask=[0, 1, 0], fill_value=9),
    "scalars": lambda: [
        np.float32(0.1),
        np.int64(3),
        np.bool_(True),
        np.str_("a"),
        np.datetime64("2024-01-02"),
    ],
    "dtypes": lambda: [np.dtype("<f8"), RECORDS.dtype],
    "generators": lambda: [
        np.random.Generator(np.random.PCG64(1)),
        np.random.RandomState(1),
    ],
    "functions": lambda: [np.sin, np.mean],
}
OUTCOMES = {
    "arrays": lambda: [
        np.arange(3).astype(kind)
        for kind in ("<i2", ">i4", "u1", "<f4", "f2", "c8", "?")
    ],
    "texts": lambda: [np.array(["a", "bcd"]), np.array([b"a"])],
    "moments": lambda: [MOMENTS, np.array([1, 2], dtype="timedelta64[s]")],
    "readonly": lambda: frozen(np.arange(3.0)),
    "scalars": lambda: [
        np.float32(0.1),
        np.int64(3),
        np.bool_(True),
        np.str_("a"),
        np.datetime64("2024-01-02"),
    ],
    "pickled": lambda: {
        "weights": np.arange(200.0),
        "words": np.array(["a", "b"] * 80),
    },
    "pickled large": lambda: np.tile(np.arange(10.0), 3_000),
    "pickled records": lambda: RECORDS,
    "pickled objects": lambda: np.array([1, "a", None], dtype=object),
}


def frozen(array):
    array.flags.writeable = False
    return array
