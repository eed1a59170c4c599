"""Whether a recorded call is the one that it answers: what is reviewed is what replays.

A replay finds a call by the identity in its file. Whoever looks at the file sees what
was asked, which anybody can have changed, so the identity is computed from it anew.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from functools import cache
from typing import NamedTuple

from pytest_mimic.client import Adapter, parts_that_count
from pytest_mimic.errors import CorruptRecordingError, MimicError
from pytest_mimic.patch.clients import adapter_of, client_of
from pytest_mimic.patch.targets import Options, read_options
from pytest_mimic.values.identity import identity_of
from pytest_mimic.values.outcome import Objects, unshelve
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.recording import MALFORMED, Entry, shapeless

FALSE = "shows another call than it answers"


class Proof(NamedTuple):
    """What is known of a recorded call.

    Attributes:
        is_false: Whether its content is that of another call.
        unproven: Why nobody can tell; or which part of what is shown is not vouched
            for. Empty: there is none.
    """

    is_false: bool = False
    unproven: str = ""

    @property
    def mark(self) -> str:
        """What is said beside the call; empty: it is proven."""
        if self.is_false:
            return FALSE
        return "unproven" if self.unproven else ""


@cache
def adapter_for(target: str) -> Adapter | None:
    """Return the adapter of a client's calls. None: a function, or an unknown client.

    Another distribution, which had the adapter, may be gone.
    """
    client = None if ":" in target else client_of(target)
    with suppress(ImportError):
        return adapter_of(client) if client else None
    return None


def proof_of(entry: Entry, objects: Objects, name: str) -> Proof:
    """Compute the identity and the signature of a call from its content.

    Args:
        entry: The call.
        objects: Where its large parts are.
        name: Its file, for an error.

    Raises:
        CorruptRecordingError: Nothing can be made of it.
    """
    if entry.end == "empty":
        return Proof()
    try:
        options = _options_of(entry.line)
    except (MimicError, ValueError):
        return Proof(unproven="the options of its line cannot be read")
    try:
        return _proof(entry, objects, options)
    except CorruptRecordingError:
        return Proof(unproven="an object of it is missing")
    except MALFORMED as error:
        raise shapeless(name, f"{type(error).__name__}: {error}") from None


def _proof(entry: Entry, objects: Objects, options: Options | None) -> Proof:
    if entry.request is None:
        why = _of_function(entry, options)
        asked: Tree = entry.arguments or {}
        signature = ""
    else:
        adapter = adapter_for(entry.target)
        if adapter is None:
            return Proof(unproven="its client is not installed")
        request = unshelve(entry.request, objects)
        assert isinstance(request, dict)
        assert options is not None
        asked = parts_that_count(adapter, request, options)
        signature, why = adapter.signature(request), ""
    if not entry.hidden:
        is_same = identity_of(entry.target, asked) == entry.identity
        if not is_same or signature != entry.signature:
            return Proof(is_false=True)
    return Proof(unproven=why)


def _of_function(entry: Entry, options: Options | None) -> str:
    """Return what nothing vouches for of what is shown of a call of a function."""
    if entry.hidden:
        return f"{entry.hidden[0]} is hidden"
    if options is None:
        return "key= says what it asked"
    if _holds("$long", entry.arguments):
        return "a part of its arguments is kept by its digest"
    outcome = [entry.body, entry.after]
    return "its outcome is a pickle" if _holds("$pickle", outcome) else ""


def _holds(tag: str, tree: object) -> bool:
    pending = [tree]
    for part in pending:  # It grows.
        if isinstance(part, dict):
            if tag in part:
                return True
            pending += part.values()
        elif isinstance(part, list):
            pending += part
    return False


@cache
def _options_of(line: str) -> Options | None:
    """Return the options of a recorded line. None: `key=` was among them."""
    words = shlex.split(line)
    return None if "key" in words else read_options(words)
