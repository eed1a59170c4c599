"""Memory, and NaNs in it: all of them count as `float("nan")`, because their sign and payload differ by machine."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from marshal import dumps
from struct import pack, unpack
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.identity.short import NAN

if TYPE_CHECKING:
    from pytest_mimic._core.identity.kinds import Raw

# The size of a chunk that is still in the CPU's cache when it is searched for NaNs.
CHUNK = 1 << 21

# The size without numpy, when all floats of a chunk become objects.
CHUNK_OF_OBJECTS = 1 << 15

# Up to this size, Python finds a NaN faster than numpy: 1 µs, against 3.
SMALL = 256

# Up to this size, Python counts zeros faster than numpy: 0.25 ns a byte, against 2 µs.
FEW_BYTES = 1 << 13

SIZES = {"e": 2, "f": 4, "d": 8}
SIGNLESS_HALF, INFINITE_HALF = 0x7FFF, 0x7C00


def chunks(memory: memoryview) -> Iterable[memoryview]:
    """Split memory of single bytes into pieces that fit into the cache."""
    size = CHUNK if "numpy" in sys.modules else CHUNK_OF_OBJECTS
    if len(memory) <= size:
        return (memory,)
    return (memory[start : start + size] for start in range(0, len(memory), size))


def with_one_nan(memory: memoryview, floats: str) -> object:
    """Return floats with one kind of NaN: a copy, or the memory itself if there is none. `floats` is a format as in `struct`."""
    order, code = floats[0], floats[1]
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or len(memory) <= SMALL:
        form = f"{order}{len(memory) // SIZES[code]}{code}"
        items = unpack(form, memory)
        total = sum(items)
        return memory if total == total else pack(form, *(NAN if item != item else item for item in items))
    values = numpy.frombuffer(memory, floats)
    if code == "e":
        # 28 GB/s, against 1.4 with isnan().any().
        bits = values.view(f"{values.dtype.byteorder}u2")
        has_nan = numpy.maximum.reduce(bits & SIGNLESS_HALF) > INFINITE_HALF
    else:
        # 80 GB/s in the cache, against 50 with isnan().any(); the hash reads 60.
        most = numpy.maximum.reduce(values)
        has_nan = most != most
    if not has_nan:
        return memory
    values = values.copy()
    numpy.putmask(values, numpy.isnan(values), NAN)
    return values.view(numpy.uint8).data


def zeros(data: bytes) -> int:
    """Return how many bytes are zero."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or len(data) <= FEW_BYTES:
        return data.count(0)
    return len(data) - int(numpy.count_nonzero(numpy.frombuffer(data, "u1")))


def write_memory(hasher: Any, column: Iterable[Raw]) -> None:
    for raw in column:
        head: Any = raw.head
        hasher.update(b"R" + dumps((head, raw.size), 2))
        for part in raw.parts():
            for chunk in chunks(part) if raw.floats else (part,):
                hasher.update(with_one_nan(chunk, raw.floats) if raw.floats else chunk)
