"""Files of pickles that are made by hand."""

from __future__ import annotations

from pytest_mimic._core.outcome.pickle_file import object_name, pieces_of


def pickle_file(stream: bytes) -> tuple[str, bytes]:
    """Return the name of the object with this pickle in a vault, and its bytes, which the name fits."""
    data = b"".join(pieces_of([stream]))
    return object_name([data], "pkl"), data
