"""Loads pickles of random opcodes, whose names are listed as imports and not as code, and watches what happens.

    python fuzzed_pickles.py SEED COUNT

It prints how many were loaded, and ends with 1 if one wrote, read, connected, ran a text or changed what it imported.
"""

from __future__ import annotations

import builtins
import collections
import contextlib
import enum
import functools
import itertools
import operator
import os
import pickle
import random
import sys
import types
import warnings
import zoneinfo
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy
import numpy.testing._private.utils
import pandas
import pyarrow
import pydantic
from support.forged import named, names_in, octets, plain

from pytest_mimic._core.outcome import exceptions, reducing
from pytest_mimic._core.outcome.admission import Admission
from pytest_mimic._core.outcome.container import zstd_module
from pytest_mimic._core.outcome.names import RefusedError, resolve
from pytest_mimic._core.outcome.vouched import BUILDERS, is_project

SHOP = """
import enum, dataclasses, collections, pydantic
class User: pass
class Rows(list): pass
class Money(dict): pass
class Slotted:
    __slots__ = ("a", "b")
class Kept:
    def __setstate__(self, state): self.kept = state
class Row(collections.namedtuple("Row", "a b")): pass
class Color(enum.Enum):
    RED = 1
class Flags(enum.Flag):
    A = 1
    B = 2
class Model(pydantic.BaseModel):
    n: int = 1
class Refused(ValueError): pass
@dataclasses.dataclass(frozen=True)
class Point:
    x: int = 1
class Meta(type):
    def __getitem__(cls, key): return cls
class Special(metaclass=Meta): pass
def settings(): return SETTINGS
def changing(): SETTINGS["changed"] = True
SETTINGS = {"debug": False}
NAMES = ["Oslo"]
USER = User()
"""


def shop() -> types.ModuleType:
    module = types.ModuleType("shop")
    sys.modules["shop"] = module
    exec(SHOP, vars(module))
    return module


def pool() -> tuple[list[str], list[str], list[str]]:
    """Return the names of the project, of vouched builders, and of everything in some modules."""
    own = [f"shop:{name}" for name in vars(sys.modules["shop"]) if not name.startswith("__")]
    own += ["shop:Meta.__getitem__", "shop:User.__init__", "shop:Row._make"]
    modules = [builtins, collections, enum, functools, operator, os, pickle, numpy, pandas, pydantic, types]
    modules += [zstd_module(), numpy.testing._private.utils, exceptions, reducing, pandas.arrays]
    others = [f"{module.__name__}:{name}" for module in modules for name in dir(module)]
    found = [name for name in BUILDERS if name.partition(":")[0] in sys.modules]
    # Not what ends or blocks the process: these are code, and a fault is to be reported.
    return (
        own,
        found,
        [name for name in others if name.partition(":")[2] not in ("breakpoint", "input", "fork")],
    )


class Grammar:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pools = pool()
        self._weights = (4, 4, 0)
        for name in itertools.chain(*self.pools):  # modules that are imported on first use
            with contextlib.suppress(Exception):
                resolve(*name.split(":"))

    def name(self) -> bytes:
        return named(self.random.choice(self.random.choices(self.pools, self._weights)[0]))

    def stream(self) -> bytes:
        # One name that is code is enough for a pickle to be refused, so that half of them have few such.
        self._weights = self.random.choice([(4, 4, 3), (4, 4, 0), (4, 1, 0), (1, 4, 0)])
        return pickle.PROTO + b"\x05" + self.part(self.random.randint(1, 4)) + pickle.STOP

    def atom(self) -> object:
        return self.random.choice(
            [None, True, 0, 1, -1, 1.5, "", "a", "touched", "append", "__setstate__", "RED", "f8", "w", "read.txt",
             octets(b"ab"), octets(b"\x00" * 8), "__import__('os').mkdir('touched')", (0,), "builtins", "shop"]
        )  # fmt: skip

    def part(self, depth: int) -> bytes:
        if depth <= 0:
            return plain(self.atom()) if self.random.random() < 0.7 else self.name()
        return self.random.choice(
            [self.call, self.call, self.bare, self.bare, self.state, self.state, self.items, self.container]
        )(depth - 1)  # fmt: skip

    def parts(self, depth: int) -> tuple[bytes, ...]:
        return tuple(
            self.part(depth - self.random.randint(1, 3))
            for _ in range(self.random.choice((0, 0, 1, 1, 2, 3)))
        )

    def call(self, depth: int) -> bytes:
        called = self.name() if self.random.random() < 0.9 else self.part(depth)
        return called + plain(self.parts(depth)) + pickle.REDUCE

    def bare(self, depth: int) -> bytes:
        made = self.name() if self.random.random() < 0.9 else self.part(depth)
        parts = () if self.random.random() < 0.7 else self.parts(depth)
        return made + plain(parts) + pickle.NEWOBJ

    def state(self, depth: int) -> bytes:
        key = self.random.choice(["n", "a", "append", "extend", "__setstate__", "__class__", "__dict__"])
        state = self.random.choice(
            [{"n": 1}, (None, {"a": 2}), ({"n": 1}, {"b": 2}), {key: self.name()}, self.part(depth)]
        )
        return self.part(depth) + plain(state) + pickle.BUILD

    def items(self, depth: int) -> bytes:
        thing, item = self.part(depth), self.part(depth - 1)
        return self.random.choice(
            [
                thing + item + pickle.APPEND,
                thing + b"(" + item + item + pickle.APPENDS,
                thing + plain(self.atom()) + item + pickle.SETITEM,
                thing + b"(" + item + pickle.ADDITEMS,
                thing + plain(b"(" + item + b"t") + pickle.REDUCE,
                b"(" + thing + item + pickle.OBJ,
                thing + pickle.POP + item,
            ]
        )

    def container(self, depth: int) -> bytes:
        inner = b"".join(self.parts(depth))
        return self.random.choice([b"](" + inner + b"e", b"(" + inner + b"t", b"(" + inner + b"\x91"])


# Watching


class Watch:
    """What happened while one pickle was loaded."""

    EVENTS = (
        "open",
        "os.",
        "socket.",
        "subprocess.",
        "shutil.",
        "exec",
        "compile",
        "import",
        "ctypes.",
        "tempfile.",
    )

    def __init__(self) -> None:
        self.is_on = False
        self.met: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: object) -> None:
        if self.is_on and event.startswith(self.EVENTS):
            text = f"{event} {arguments!r:.200}"
            if "zoneinfo" not in text:
                self.met.append(text)


class Faces:
    """What may not change: the attributes of modules and classes, and the content of a project's objects."""

    def __init__(self) -> None:
        self._module = sys.modules["shop"]
        things = [
            self._module,
            builtins,
            os,
            pydantic.BaseModel,
            numpy.ndarray,
            pandas.DataFrame,
            pandas.Index,
        ]
        self._things = things + [one for one in vars(self._module).values() if isinstance(one, type)]
        self._before = self._now()

    def _now(self) -> list[object]:
        own = self._module
        attributes = [
            {name: id(value) for name, value in vars(thing).items() if name != "__slotnames__"}
            for thing in self._things
        ]
        members = [dict(vars(member)) for member in (own.Color.RED, own.Flags.A)]
        return [attributes, members, vars(own.USER).copy(), dict(own.SETTINGS), list(own.NAMES),
                vars(own.settings).copy(), numpy.dtype("f8").byteorder, dict(sys.modules) is sys.modules]  # fmt: skip

    def changed(self) -> bool:
        return self._now() != self._before


def main(seed: int, count: int) -> int:
    warnings.simplefilter("ignore")
    shop()
    grammar, watch, faces = Grammar(seed), Watch(), Faces()
    with contextlib.suppress(Exception):
        pyarrow.chunked_array("a")  # which imports a part of pyarrow on first use
    with contextlib.suppress(Exception):
        zoneinfo.ZoneInfo("a")  # which imports where to look for it, if the system has no time zones
    is_project("xxhash")  # this reads the name of the project once
    loaded = faults = 0
    for number in range(count):
        stream = grammar.stream()
        names = names_in(stream)
        watch.met.clear()
        watch.is_on = True
        try:
            Admission(names).load(stream, [], ("", 1))
            loaded += bool(names)
        except RefusedError:
            pass
        except Exception:  # a class of the project or a builtin refuses what it is given
            pass
        watch.is_on = False
        if watch.met or faces.changed():
            faults += 1
            print(f"pickle {number} of seed {seed}: {names}, {stream!r}\n  {watch.met or 'a change'}")
            faces = Faces()
    print(f"loaded {loaded} of {count}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
