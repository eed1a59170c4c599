"""The file of a pickle: its parts, compressed or aligned."""

from __future__ import annotations

import random

import pytest

from pytest_mimic._core.outcome.outcome import DamagedError
from pytest_mimic._core.outcome.pickle_file import pieces_of, stream_and_buffers


def packed(parts: list[bytes]) -> bytes:
    """Return the file of a pickle with these parts."""
    return b"".join(pieces_of(parts))


@pytest.mark.parametrize(
    ("parts", "codec"),
    [
        ([b"x" * 5], b"raw"),
        ([b"stream", b"", b"ab" * 50_000, b"abc"], b"zstd"),
        ([random.Random(n).randbytes(5000 + n) for n in range(3)], b"raw"),
        ([b"stream", random.Random(1).randbytes(999) * (9 << 10)], b"raw"),
    ],
    ids=["small", "compressed", "noise", "large"],
)
def test_the_parts_of_a_pickle_come_back(parts, codec):
    """What saves less than a tenth, or is large, is raw: its buffers can be mapped, and are aligned to 64 bytes."""
    data = packed(parts)

    assert codec in data[:64]
    assert stream_and_buffers(memoryview(data)) == parts
    assert codec != b"zstd" or len(data) < 1000
    assert codec != b"raw" or all(data.find(part) % 64 == 0 for part in parts)


def test_a_file_that_was_made_by_hand_is_no_pickle():
    """Its name fits its bytes."""
    raw = packed([random.Random(1).randbytes(2000)])
    small = packed([b"a" * 9999])
    made = [
        b"",
        b"x" * 200,
        raw[:70],
        raw[:-64],
        raw + bytes(64),
        raw[:64] + b"\xff" * 300,
        raw[:64] + bytes(64),
    ]

    for data in [*made, small[:-3], small[:64], small[:64] + b"\xff" * 99]:
        with pytest.raises(DamagedError):
            stream_and_buffers(memoryview(data))
