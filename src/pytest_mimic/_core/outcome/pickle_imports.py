"""The names that a pickle imports, read from its opcodes without importing them.

Recordings list these names, and `check` compares the list with the pickle.
"""

from __future__ import annotations

import pickletools
from io import BytesIO
from typing import Any

# Opcodes that no pickle of this plugin has. Pickles of older protocols have them, and
# EXT1, EXT2 and EXT4 import by a number of copyreg's registry.
_REFUSED = frozenset(
    "BINPUT DUP EXT1 EXT2 EXT4 GET GLOBAL INST LONG_BINPUT OBJ PERSID PUT".split()
)
# Opcodes that fetch a part from the memo.
_FETCHING = ("BINGET", "LONG_BINGET")
_MARK = pickletools.markobject

# A part of the stack of the machine that loads a pickle, as far as names need it: a
# text, the mark, or None for anything else.
_Part = str | pickletools.StackObject | None


def imported_names(stream: bytes, *, count: int) -> set[str]:
    """Return the names, `module:qualname`, that the pickles in a stream import.

    Args:
        stream: The pickles, one after the other.
        count: The number of pickles.

    Raises:
        ValueError, LookupError: The stream is no pickle, or its opcodes do not tell
            which names it imports.
    """
    names: set[str] = set()
    file = BytesIO(stream)
    for _ in range(count):
        _collect_imports(file, names)
    return names


def _collect_imports(file: BytesIO, names: set[str]) -> None:
    """Add the names that one pickle imports.

    The texts on the stack of the loading machine are followed, since an import takes
    its two parts from there: `"os" "system" STACK_GLOBAL` imports `os:system`. So is
    the memo, in which a pickle keeps a text to use it again.
    """
    stack: list[_Part] = []
    memo: list[_Part] = []
    argument: Any
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in _REFUSED:
            raise ValueError(
                f"it has {opcode.name}, which no pickle of this plugin has"
            )
        if opcode.name == "MEMOIZE":
            memo.append(stack[-1])
            continue
        taken_parts = _take(stack, opcode)
        result: _Part = None
        if opcode.name == "STACK_GLOBAL":
            names.add(_imported_name(taken_parts))
        elif opcode.name in _FETCHING:
            result = memo[argument]
        elif opcode.stack_after == [pickletools.pyunicode]:
            result = argument
        for kind in opcode.stack_after:
            stack.append(_MARK if kind is _MARK else result)


def _take(stack: list[_Part], opcode: pickletools.OpcodeInfo) -> list[_Part]:
    """Take the parts from the stack that an opcode takes, perhaps down to the mark."""
    kinds = opcode.stack_before
    size = len(kinds)
    if _MARK in kinds:
        # An opcode may take parts below the mark, too, such as the list that APPENDS
        # extends.
        size = _distance_to_mark(stack) + kinds.index(_MARK)
    if size > len(stack):
        # The pickle was edited.
        raise ValueError("it takes more than it has")
    start = len(stack) - size
    taken_parts = stack[start:]
    del stack[start:]
    return taken_parts


def _distance_to_mark(stack: list[_Part]) -> int:
    """Return how many parts stand from the last mark on, the mark included."""
    for distance, part in enumerate(reversed(stack), 1):
        if part is _MARK:
            return distance
    raise ValueError("it takes more than it has")


def _imported_name(parts: list[_Part]) -> str:
    """Return the name that an import makes of its module and its qualified name."""
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) != len(parts):
        # The name would be known only where the pickle is loaded.
        raise ValueError("it imports a name that it makes")
    return ":".join(texts)
