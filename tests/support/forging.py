"""Forged recordings: each field of a file, changed to odd values, with a digest that fits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pytest_mimic.vault.recording import digest_of_calls

ODD = [
    None,
    True,
    False,
    0,
    -1,
    1 << 40,
    10**400,
    0.5,
    -1e300,
    1e9,
    "",
    "text",
    "a" * 70_000,
    "\ud800",
    "../../etc/passwd",
    "\x1b[31m\r\n\0",
    [],
    [[]],
    [None],
    [-1, -1],
    [1, 2, 3],
    ["text", 3],
    {},
    {"$set": 1},
    {"$json": "objects/00/00000000000000000000000000000000.json"},
    {"$text": 3},
    {"$pickle": "objects/00/00000000000000000000000000000000.pkl"},
    {"$npy": ""},
    {"": None},
    {"text": {"$text": "text"}},
    {"a": [{"b": "c"}]},
]

Place = tuple[Any, ...]


def places_in(plain: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the place of each part of plain data, the outer ones first."""
    if place:
        yield place
    parts = plain.items() if isinstance(plain, dict) else ()
    if isinstance(plain, list):
        # Those behind the first two are alike.
        parts = enumerate(plain[:2])
    for step, part in parts:
        yield from places_in(part, (*place, step))


def forged(content: bytes, place: Place, value: Any) -> bytes:
    """Return the content of a file with another value at a place, as any stranger can write it."""
    plain = json.loads(content)
    holder = plain
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    calls = plain.get("log") if isinstance(plain, dict) else None
    if (
        place[0] == "log"
        and isinstance(calls, list)
        and all(isinstance(one, dict) for one in calls)
    ):
        with suppress(ValueError):
            plain["digest"] = digest_of_calls(calls)
    return json.dumps(plain, indent=1).encode()
