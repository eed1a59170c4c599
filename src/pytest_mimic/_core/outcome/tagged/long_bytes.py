"""Long bytes in outcomes, each stored as an object of the vault, equal ones once."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_mimic._core.files.written import PIECE
from pytest_mimic._core.outcome.container import checksum_of_segments


def pieces_of(content: bytes) -> Iterator[bytes]:
    """Yield the content in the pieces in which objects store it; empty content is one empty piece."""
    for start in range(0, max(len(content), 1), PIECE):
        yield content[start : start + PIECE]


def object_name(content: bytes) -> str:
    """Return the name of the object of this content, which contains its checksum."""
    checksum = checksum_of_segments(pieces_of(content))
    return f"objects/{checksum[:2]}/{checksum}.bin"
