"""The form of a description: its marks, its length, its size and order."""

from __future__ import annotations

from collections import deque
from json import dumps
from sys import maxsize
from typing import Any, NamedTuple

# The key that marks the form of a value for which JSON has no form; the entry names its type.
TAG = "$"
# The tags of a string that is a path below the base temporary folder, and of a path that `content=` names.
PATH_TEXT, CONTENT = "path", "content"
# How many items a container may have that is opened or sorted, if not all of a value may be read.
_LARGE = 1_000
_SIZED = (bytes, bytearray, deque, dict, frozenset, list, set, tuple)


class Budget(NamedTuple):
    """The length of a description."""

    characters: int  # about how many characters it may have in all
    items: int  # how many items of one container are described
    depth: int  # how many levels of nested containers are described
    text: int  # how many characters of one string are described
    # Whether all of a value may be read, for the digest of what is described in part. Otherwise, the work
    # does not grow with the value, and there are no digests.
    whole: bool = True

    def excess(self, value: object) -> int:
        """Return the length of a container that has more items than may be read, else 0."""
        base: Any = next((base for base in _SIZED if issubclass(type(value), base)), None)
        length: int = 0 if base is None or self.whole else base.__len__(value)
        return length if length > _LARGE else 0


# For all arguments of a call together.
ARGUMENTS = Budget(characters=4_000, items=40, depth=8, text=400)
# For a client's call, of which nothing else keeps what is sent: all of it, but for what is nested too deeply to be walked.
PARTS = Budget(characters=maxsize, items=maxsize, depth=64, text=maxsize)


def order(description: object) -> str:
    """Return a text that is equal for equal descriptions and orders them."""
    return dumps(description, sort_keys=True)
