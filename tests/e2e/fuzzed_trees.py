"""Reads random trees of tags over classes that note whatever runs of them, all of which are listed as imports.

    python fuzzed_trees.py SEED COUNT

It prints how many were read, and ends with 1 if anything ran.
"""

from __future__ import annotations

import contextlib
import random
import sys
import zoneinfo
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.forged import effects
from unit.core.outcome.tagged import tripwires

from pytest_mimic._core.outcome.names import resolve_class
from pytest_mimic._core.outcome.outcome import decode_plain
from pytest_mimic._core.outcome.placed_paths import NOWHERE
from pytest_mimic._core.outcome.tagged.types import reader, tag_of, tags_by_name
from pytest_mimic._core.outcome.vouched import is_project

HERE = tripwires.__name__
CLASSES = [f"{HERE}:{name}" for name in vars(tripwires) if not name.startswith("_")]
CLASSES += [
    f"{HERE}:{name}" for name in ("LISTENER.text", "Listening.inner", "Color.RED", "Listener.__init__")
]
CLASSES += "builtins:ValueError builtins:list builtins:type builtins:eval os:system subprocess:Popen numpy:ndarray".split()
TAGS = [*tags_by_name(), "numpy.ndarray", "numpy.float64", "numpy.str_", "anchor", "ref", "$a"]
FACTS = "factory dtype readonly unit zone fold maxlen name flags size is_safe value attributes extra fields_set private".split()
PARTS = "args attributes fields notes cause context suppress_context text customer due left right __class__".split()
ATOMS = [
    None,
    True,
    0,
    1,
    -1,
    1.5,
    "",
    "a",
    "RED",
    "cause",
    "2026-11-02",
    "float64",
    "UTC",
    "nan",
    "1/2",
    "0x1",
]


class Trees:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def tree(self, depth: int) -> Any:
        choose = self._random.choice
        if depth <= 0:
            return choose([*ATOMS, choose(CLASSES)])
        inner = depth - choose((1, 1, 2))
        ways = [self._tagged, self._object, self._list, self._dict, self._usual, self._usual, self._usual]
        return choose(ways)(inner)

    def _usual(self, depth: int) -> Any:
        """Return a tree that was perhaps written so."""
        one, other = self.tree(depth), self.tree(depth)
        return self._random.choice(
            [
                {"$tuple": [one, other]},
                {"$set": [one]},
                {"$frozenset": [one]},
                {"$dict": [[one, other]]},
                {"$counter": {"$dict": [[one, 1]]}},
                {"$deque": [one, other], "maxlen": 2},
                {"$namespace": {"text": one}},
                {"$defaultdict": {"a": one}, "factory": self._random.choice(CLASSES)},
                {"$anchor": 1, "value": [one, {"$ref": 1}]},
                {"$time": "10:00:00", "zone": one},
                {"$numpy.ndarray": [one], "dtype": "float64"},
                {f"${HERE}:Listener": {"text": one}},
                {f"${HERE}:Order": {"customer": one, "due": other}},
                {f"${HERE}:Pair": {"left": one, "right": other}},
                {f"${HERE}:Tripped": {"args": [one], "attributes": {"field": other}}},
                {"$builtins:ValueError": {"args": [one], "cause": other}},
                {f"${HERE}:Color": "RED"},
            ]
        )

    def _list(self, depth: int) -> Any:
        return [self.tree(depth) for _ in range(self._random.randrange(4))]

    def _dict(self, depth: int) -> Any:
        return {self._random.choice(PARTS): self.tree(depth) for _ in range(self._random.randrange(4))}

    def _tagged(self, depth: int) -> Any:
        node = {f"${self._random.choice(TAGS)}": self.tree(depth)}
        for _ in range(self._random.choice((0, 0, 1, 2))):
            node[self._random.choice(FACTS)] = self.tree(depth - 1)
        return node

    def _object(self, depth: int) -> Any:
        part = self._random.choice([self._dict, self._dict, self._exception, self.tree])(depth)
        return {
            f"${self._random.choice(CLASSES)}": part,
            **({"attributes": self._dict(depth)} if depth % 3 == 2 else {}),
        }

    def _exception(self, depth: int) -> Any:
        return {"args": self._list(depth), **self._dict(depth)}

    def body(self) -> Any:
        tree, other = self.tree(self._random.randint(1, 5)), self.tree(2)
        return self._random.choice(
            [
                {"value": tree},
                {"value": tree},
                {"raised": self._object(3)},
                {"raised": self._usual(2)},
                {"stream": {"items": [tree], "end": {"raised": self._object(2)}, "sent": [other]}},
                {"value": other, "changed": {"a": tree}},
            ]
        )


def main(seed: int, count: int) -> int:
    trees, faults, was_read = Trees(seed), 0, 0
    for key in ("UTC", "nowhere"):
        with contextlib.suppress(zoneinfo.ZoneInfoNotFoundError):
            zoneinfo.ZoneInfo(key)
    is_project("xxhash")  # this reads the name of the project once
    for name in CLASSES:  # modules that are imported on first use
        with contextlib.suppress(Exception):
            tag_of(resolve_class(*name.split(":")))
    for number in range(count):
        body = trees.body()
        tripwires.NOTED.clear()
        tags = reader(NOWHERE, CLASSES, lambda name: b"a")
        with effects() as met:
            try:
                decode_plain(tags.read(body))
                was_read += 1
            except Exception:  # what was not written like this is refused in many ways
                pass
        noted = [*tripwires.NOTED, *(one for one in met if "zoneinfo" not in one and "tzdata" not in one)]
        if noted:
            faults += 1
            print(f"tree {number} of seed {seed}: {body}\n  {noted}")
    print(f"read {was_read} of {count}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
