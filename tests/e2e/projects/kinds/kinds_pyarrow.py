"""Tables and arrays of pyarrow."""

import pyarrow as pa

ARGUMENTS = {
    "table": lambda: pa.table(
        {"n": [1, None], "s": ["a", None], "x": [0.5, float("nan")]}
    ),
    "chunks": lambda: pa.chunked_array([[1], [2, None]]),
    "arrays": lambda: [
        pa.array([1, 2], pa.int16()),
        pa.array(["a", "b"]).dictionary_encode(),
        pa.array([True]),
    ],
    "nested": lambda: [
        pa.array([[1], None]),
        pa.array([{"a": 1}]),
        pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
    ],
    "moments": lambda: [
        pa.array([1], pa.timestamp("us", "UTC")),
        pa.array([1], pa.date32()),
    ],
    "others": lambda: [
        pa.scalar(1),
        pa.schema([("n", pa.int64())]),
        pa.field("n", pa.int64()),
        pa.int8(),
        pa.py_buffer(b"a"),
    ],
}
OUTCOMES = {"pickled": lambda: pa.table({"n": [1, None], "s": ["a", "b"]})}
