"""Makes values of forged trees in a process of its own, and says what ran.

    python attacks.py SEED COUNT [LIBRARY...]

With the classes of these libraries, or of all that it knows.
Prints a line of JSON for each tree that ran, imported, opened or changed something, and last one with counts.
"""

from __future__ import annotations

import gc
import importlib
import json
import random
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import hooked

from pytest_mimic.errors import MimicError
from pytest_mimic.values.outcome import copies_of

NOT_IMPORTED = (
    "__hello__ __phello__ antigravity this idlelib tkinter turtle turtledemo"
    " __main__ _tkinter lib2to3 pty test"
).split()
LIBRARIES = (
    "attr pydantic numpy pandas polars pyarrow httpx requests urllib3 aiohttp yaml"
    " sqlalchemy psycopg redis grpc mcp google.protobuf scipy PIL _pytest.outcomes"
    " _pytest.fixtures pluggy filelock cloudpickle pytest_mimic"
).split()
TAGS = (
    "tuple set frozenset dict bytes base64 bytearray float complex int range slice"
    " mappingproxy decimal fraction date datetime time timedelta timezone zone uuid"
    " pattern path relative name type alias union module memoryview text json npy long"
    " back up escaped refused ignored object driver ipaddress:IPv4Address"
    " ipaddress:IPv6Network numpy:ndarray numpy:float64 numpy:datetime64 pandas:NaT"
    " pandas:Timestamp pandas:DataFrame collections:deque collections:Counter"
    " collections:OrderedDict collections:defaultdict types:SimpleNamespace"
    " builtins:bytes builtins:ExceptionGroup builtins:UnicodeDecodeError"
    " builtins:OSError builtins:BlockingIOError json.decoder:JSONDecodeError"
).split()
CALLED = ("os:system", "os:getcwd", "builtins:eval", "hooked:os.getcwd", "hooked:ran")
BESIDE = (
    "of items pairs () args fields attributes notes cause extra private fields_set"
    " class zone fold shape dtype by state from"
).split()

KIND = "kind"


def classes() -> list[str]:
    """Give the names of the classes of Python and of the libraries."""
    names = set()
    for module in [*sys.modules.values()]:
        for thing in [*getattr(module, "__dict__", {}).values()]:
            if isinstance(thing, type):
                with suppress(Exception):
                    names.add(f"{thing.__module__}:{thing.__qualname__}")
    return sorted(name for name in names if not name.startswith(("__main__", "hooked")))


OWN = [
    *(f"hooked:{name}" for name in sorted(vars(hooked)) if not name.startswith("__")),
    "hooked:Outer.Inner",
    "hooked:Outer.danger",
    "hooked:outer.danger",
    "hooked:missing",
    "hooked:os.getcwd",
    "hooked:contextlib.nullcontext",
]


def spies() -> list[Any]:
    """Give objects of the hooked classes, in the forms in which some are made."""
    made: list[Any] = [{f"${name}": {}} for name in OWN]
    made += [{f"${name}": {"x": 1}} for name in OWN]
    made += [{f"${name}": {}, "of": part} for name in OWN for part in ("a", 1, {}, [])]
    made += [{"$hooked:OwnTuple": {}, "of": {"$tuple": [1]}}]
    made += [{"$hooked:OwnSet": {}, "of": {"$set": [1]}}]
    made += [{"$hooked:Color": 7}, {"$hooked:Color": "RED"}, {"$hooked:LoudFlag": 3}]
    made += [{"$hooked:HashedMember": "A"}, {"$hooked:PlainFlag": 3}]
    return made


SPIES = spies()
PLAIN: tuple[Any, ...] = (
    *("touch pwned", ["touch pwned"], None, {}, -1, "9" * 5000, "\ud800", 10**30),
    *([], [1], [[1, 2]], [1, 2, 3], True, 1.5, "/dev/zero", "../../etc/passwd"),
    *("<root>/../x", "<tmp -1>/x", "<tmp ../**/>", "<tmp **>", ["root", "x"]),
    *("Europe/Berlin", "../../etc/passwd", "(a+)+$", ["(a+)+$", 128], ["a", 1 << 70]),
)


def with_content(name: str, content: Any) -> Iterator[Any]:
    """Give a tree of a class or tag in each of its forms."""
    yield {f"${name}": content}
    for key in BESIDE:
        yield {f"${name}": {}, key: content}
        yield {f"${name}": {}, "args": [], key: [content]}
    yield {f"${name}": [content]}
    yield {f"${name}": [[content, 1]]}
    for attribute in ("x", "close", "__call__", "_fields", "value", "name", "__dict__"):
        yield {f"${name}": {attribute: content}}


def trees(random_: random.Random) -> Iterator[tuple[str, Any]]:
    """Give forged trees without end, each with the kind that it is of."""
    libraries = classes()
    for name in OWN:
        for content in ({}, {"x": 1}, "A", 1, 3):
            yield "hooked classes", {f"${name}": content}
            yield "hooked classes", {f"${name}": content, "fields_set": ["x"]}
            yield "keys", {"$set": [{f"${name}": content}] * 2}
    called = [{"$name": name} for name in CALLED]
    contents = [*PLAIN, *called, *SPIES]
    ways = {
        "tags": TAGS,
        "classes of Python and libraries": libraries,
        "hooked classes": OWN,
    }
    while True:
        for kind, names in ways.items():
            content = random_.choice(contents)
            tree = random_.choice([*with_content(random_.choice(names), content)])
            yield kind, tree
        # Containers and keys made of what was just made, to some depth.
        outer = random_.choice([*TAGS, *OWN])
        yield "nested", random_.choice([*with_content(outer, tree)])
        yield "keys", {random_.choice(["$set", "$frozenset"]): [tree, tree]}
        yield "keys", {"$dict": [[{"$hooked:Frozen": {"x": tree}}, 1]]}
        yield "keys", {"$dict": [[{"$tuple": [tree]}, 1], [tree, 2]]}


class Nothing:
    """Where nothing is kept."""

    def write_object(self, suffix: str, chunks: Any) -> str:
        raise NotImplementedError

    def read_object(self, name: str) -> bytes:
        raise ValueError(name)


class Watch:
    """What the process has done since it was asked last."""

    SEEN = ("open", "import", "os.", "shutil.", "subprocess.", "socket.", "exec")
    SEEN += ("compile", "pty.", "ctypes.", "tempfile.", "glob.", "pathlib.", "code.")

    def __init__(self) -> None:
        self.is_on = False
        self.events: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.is_on and event.startswith(self.SEEN):
            text = f"{event} {arguments[:1]!r}"
            # The tables know time zones.
            if "zoneinfo" not in text and "tzdata" not in text:
                self.events.append(text)


def attack(tree: Any, watch: Watch) -> str:
    """Make a value of a tree, let go of it, and say whether that was `made`, `damage` or `stale`."""
    watch.events.clear()
    hooked.ran.clear()
    watch.is_on = True
    value, end = None, "made"
    try:
        value = copies_of(tree, Nothing(), forbid=True)()  # type: ignore[arg-type]
    except MimicError as error:
        end = type(error).__name__
    except RecursionError:
        end = "RecursionError"
    if type(value) not in (int, str, float, bool):
        del value
    watch.is_on = False
    return end


def import_all(libraries: list[str]) -> None:
    for name in [*sorted(sys.stdlib_module_names), *(libraries or LIBRARIES)]:
        if name not in NOT_IMPORTED:
            with suppress(BaseException):
                importlib.import_module(name)


def main() -> None:
    warnings.simplefilter("ignore")
    seed, count = map(int, sys.argv[1:3])
    import_all(sys.argv[3:])
    # What our own code imports when it is first asked.
    for warm in (
        {"$zone": "UTC"},
        {"$path": "a"},
        {"$numpy:float64": 1.5},
        {"$hooked:LoudError": {}, "args": []},
    ):
        with suppress(MimicError):
            copies_of(warm, Nothing())()  # type: ignore[arg-type]
    with suppress(MimicError):
        copies_of({"$uuid": "1"}, Nothing())()  # type: ignore[arg-type]
    watch = Watch()
    counts: Counter[str] = Counter()
    # One that runs for ever ends the process.
    signal.alarm(60 + count // 10)
    for number, (kind, tree) in zip(range(count), trees(random.Random(seed))):
        end = attack(tree, watch)
        counts[f"{kind}: {end}"] += 1
        if number % 500 == 0:
            gc.collect()
        if hooked.ran or watch.events:
            found = {"tree": tree, "ran": hooked.ran[:], "events": watch.events[:3]}
            print(json.dumps(found))
    print(json.dumps({"counts": counts}))


if __name__ == "__main__":
    main()
