"""What a recorded call is under other options of its line, from the tree it keeps."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from pytest_mimic.engine.calls import Call, kept_parts
from pytest_mimic.errors import MimicError
from pytest_mimic.patch.targets import Options, read_options
from pytest_mimic.values.identity import identity_of
from pytest_mimic.values.outcome import Objects, unshelve
from pytest_mimic.values.tree import Path, Tree, below, parts, paths_of, without
from pytest_mimic.vault.recording import MALFORMED, Entry

Counted = Callable[..., Tree]
"""Gives what counts of a client's request under options."""
_Followed: TypeAlias = tuple[dict[str, list[Any]], bool, dict[str, Entry]]
"""Places by identity, whether all calls have followed, and the strays."""


class Following:
    """Recorded calls by the identity that they have under a line of today.

    Those of a target are read once for each line.

    Args:
        recorded: Gives the calls that may equal another one, with their places.
        objects: Where their long parts are.
    """

    def __init__(
        self,
        recorded: Callable[[Call], Iterable[tuple[Any, Entry]]],
        objects: Objects,
    ) -> None:
        self._recorded = recorded
        self._objects = objects
        # By target and line.
        self._read: dict[tuple[str, str], _Followed] = {}

    def equal(self, call: Call) -> tuple[list[Any], bool, Entry | None]:
        """Give the places of recorded calls that equal a call under its line.

        Also whether all calls of its target follow that line: one that does not may
        be equal, too. And the entry of its line that has another identity than what
        it keeps, if that equals the call.
        """
        key = call.target, call.line
        if key not in self._read:
            self._read[key] = self._follow_all(call)
        places, is_whole, strays = self._read[key]
        return places.get(call.identity, []), is_whole, strays.get(call.identity)

    def _follow_all(self, call: Call) -> _Followed:
        places: dict[str, list[Any]] = {}
        strays: dict[str, Entry] = {}
        is_whole = True
        for place, entry in self._recorded(call):
            try:
                identity = follow(call, entry, self._objects)
            except MimicError:
                if entry.line != call.line:
                    is_whole = False
                    continue
                identity = entry.identity
                kept = kept_parts(call, entry, self._objects)
                asked = identity_of(entry.target, kept)
                if asked != identity and not entry.hidden:
                    strays[asked] = entry
            places.setdefault(identity, []).append(place)
        return places, is_whole, strays


def follow(call: Call, entry: Entry, objects: Objects) -> str:
    """Give the identity that a recorded call has under the line of another call.

    Raises:
        MimicError: That cannot be told from what is kept.
    """
    before = _options_of(entry.line)
    kept: Tree = entry.arguments or {}
    if call.is_function:
        now = _without_ignored(kept, before, call.options)
    else:
        request = unshelve(entry.request, objects)
        try:
            kept = call.counted(request, before)
            now = call.counted(call.rehidden(request))
        except MALFORMED:
            raise MimicError("it was edited by hand") from None
    if identity_of(entry.target, kept) != entry.identity:
        raise MimicError("a part of it is hidden, or it was edited by hand")
    return identity_of(entry.target, now)


@lru_cache
def _options_of(line: str) -> Options:
    words = shlex.split(line)
    if "key" in words:
        raise MimicError("key= needs the call itself")
    return read_options(words)


def _without_ignored(arguments: Tree, before: Options, now: Options) -> Tree:
    """Give the arguments of a call without what its line ignores today.

    Raises:
        MimicError: It needs more than these.
    """
    if before.text() == now.text():
        return arguments
    if now.key is not None:
        raise MimicError("key= needs the call itself")
    if not set(before.ignore) <= set(now.ignore):
        raise MimicError("what its line ignored was not stored")
    paths = paths_of(now.ignore)
    if _lead_into_digest(arguments, paths):
        raise MimicError(
            "a path of ignore= leads into a part of which only a digest is stored"
        )
    return without(arguments, paths)


def _lead_into_digest(tree: Tree, paths: Sequence[Path]) -> bool:
    if not paths or () in paths:
        return False
    if isinstance(tree, dict) and "$long" in tree:
        return True
    return any(
        _lead_into_digest(part, below(paths, step)) for step, part in parts(tree)
    )
