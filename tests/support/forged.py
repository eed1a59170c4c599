"""Recordings whose pickle was written by hand, opcode by opcode: a stranger's, with a right checksum."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterable
from typing import Any

# A module whose objects leave the file BAIT when their pickle is loaded.
BAITED = """
    import os

    class Evil:
        def __init__(self, name):
            self.name = name

        def __reduce__(self):
            return (make, (self.name,))

    def make(name):
        if os.environ.get("BAIT"):
            open(os.environ["BAIT"], "a").close()
        return Evil(name)
"""


def plain(value: object) -> bytes:
    """Return the opcodes of a value of builtin types. Opcodes stand for themselves."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, tuple):
        return b"(" + b"".join(map(plain, value)) + b"t"
    if isinstance(value, list):
        return b"](" + b"".join(map(plain, value)) + b"e"
    if isinstance(value, dict):
        return (
            b"}("
            + b"".join(plain(key) + plain(part) for key, part in value.items())
            + b"u"
        )
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 3)
    pickler.fast = True
    pickler.dump(value)
    return file.getvalue()[2:-1]


def named(name: str) -> bytes:
    """Return the opcodes of an import, `module:qualname`."""
    return b"".join(map(plain, name.split(":"))) + pickle.STACK_GLOBAL


def call(name: str, *arguments: object) -> bytes:
    return named(name) + plain(arguments) + pickle.REDUCE


def with_state(thing: bytes, state: object) -> bytes:
    return thing + plain(state) + pickle.BUILD


def body(thing: bytes) -> bytes:
    """Return the pickle of an outcome with this value."""
    return (
        pickle.PROTO
        + b"\x05"
        + pickle.EMPTY_DICT
        + plain("value")
        + thing
        + pickle.SETITEM
        + pickle.STOP
    )


#: A value that no readable text keeps.
VALUE = slice(1)


def recorded(
    stream: bytes,
    imports: Iterable[str],
    **facts_of_entry: object,
) -> Any:
    """Return a vault with a recording whose pickle this is, and which lists these names."""
    from unit.memory_store import NAME
    from unit.memory_store import recorded as recorded_value

    from support.pickle_files import pickle_file

    store = recorded_value(VALUE)
    facts: dict[str, Any] = json.loads(store.read(NAME))
    [entry] = facts["outcomes"]
    name, data = pickle_file(stream)
    store.write(name, data)
    facts["outcomes"] = [
        {
            **entry,
            "pickle": name,
            "imports": list(imports),
            **facts_of_entry,
        }
    ]
    store.write(NAME, json.dumps(facts).encode())
    return store


def load(store: Any) -> Any:
    from unit.memory_store import NAME

    from pytest_mimic._core.vault import Vault

    return Vault(store).read(NAME).outcomes[0].load().value
