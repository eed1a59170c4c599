"""Copies of an object, which tell whether its pickle is a function of its value."""

from __future__ import annotations

import io
import pickle

_MOST = 64 << 20
"""In bytes. Larger objects are not copied."""


class _Limited(io.BytesIO):
    def write(self, content: object) -> int:
        if self.tell() > _MOST:
            raise OverflowError("a large object")
        return super().write(content)  # type: ignore[arg-type]


def two_copies(value: object) -> list[object]:
    """Give two copies of an object, made of one pickle; none: it has no copies.

    Both live at once: else the second could get the address of the first.
    """
    file = _Limited()
    try:
        pickle.Pickler(file, protocol=5).dump(value)
        return [pickle.loads(file.getbuffer()) for _ in range(2)]
    except Exception:
        # It is code of a class, and may do anything.
        return []
