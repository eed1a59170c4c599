"""How much of a value is described."""

from __future__ import annotations

from typing import NamedTuple


class Budget(NamedTuple):
    """The length of a description.

    Attributes:
        characters: About how many characters it may have in all.
        items: How many items of one container are described.
        depth: How many levels of nested containers are described.
        text: How many characters of one string are described.
        whole: Whether all of a value may be read, for the digest of what is described in part. Otherwise, the work does
            not grow with the value, and there are no digests.
    """

    characters: int
    items: int
    depth: int
    text: int
    whole: bool = True


# For all arguments of a call together.
ARGUMENTS = Budget(characters=4_000, items=40, depth=8, text=400)
# For all parts of a boundary's call together. Nothing but the description shows what a client sends.
PARTS = Budget(characters=20_000, items=200, depth=24, text=2_000)
