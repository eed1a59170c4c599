"""Attack a released pytest-mimic.

The attacks are forged pickles and JSON; damaged files, odd contents of files, and
files of others in a vault; copies and merges of vaults; swallowed misses; kills; calls
of the system that fail; edits of a project; plugins of pytest.

    python scripts/attack.py PYTHON [PYTHON ...]

Each interpreter has pytest and pytest-mimic installed, and pandas and numpy for two of
the pickles, httpx and SQLAlchemy for the edits, and the plugins of `MANNERS`. This
script's own interpreter needs what the tests need, for the edits. Every attack is a
project of its own in a temporary folder, recorded and then changed from outside.

Prints a table with a column for each interpreter, so that two releases can be held
against each other. Nothing here judges: `promised.md` and `security.md` say what has
to hold. Needs POSIX and Git.
"""

from __future__ import annotations

import argparse
import io
import json
import pickle
import re
import subprocess
from collections import Counter
from itertools import product
from pathlib import Path
from textwrap import dedent, indent
from typing import NamedTuple

from attack_files import attack_bytes, attack_fields, attack_irregular_files
from attack_runs import (
    attack_edits,
    attack_kills,
    attack_merges,
    attack_plugins,
    attack_refusals,
)
from attack_vaults import attack_contents, attack_copies, attack_other_files
from attacked_project import Figures, Project, listed_counts
from swallowed_misses import WAYS

# A forged outcome that hangs is ended after so many seconds of the processor, and
# counted.
SECONDS_OF_TREE = 2


# Pickles, written opcode by opcode.


def plain(value: object) -> bytes:
    """Return the opcodes of a value of builtin types. Opcodes stand for themselves."""
    if isinstance(value, Opcodes):
        return bytes(value)
    if isinstance(value, tuple):
        return b"(" + b"".join(map(plain, value)) + b"t"
    if isinstance(value, dict):
        pairs = [plain(key) + plain(part) for key, part in value.items()]
        return b"}(" + b"".join(pairs) + b"u"
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 3)
    # Memoized parts would give a forgery away.
    pickler.fast = True
    pickler.dump(value)
    # The two bytes of the protocol and the stop are of the whole pickle.
    return file.getvalue()[2:-1]


class Opcodes(bytes):
    """A part of a pickle."""


def named(name: str) -> Opcodes:
    """Return the import of a name, `module:qualname`."""
    module, _, qualname = name.partition(":")
    return Opcodes(plain_text(module) + plain_text(qualname) + pickle.STACK_GLOBAL)


def plain_text(text: str) -> bytes:
    """Return a text that is not memoized."""
    data = text.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def call(name: str, *arguments: object) -> Opcodes:
    """Return a call of a name."""
    return Opcodes(named(name) + plain(arguments) + pickle.REDUCE)


def new(name: str, *arguments: object) -> Opcodes:
    """Return an object that a class's `__new__` makes."""
    return Opcodes(named(name) + plain(arguments) + pickle.NEWOBJ)


def with_state(thing: bytes, state: object) -> Opcodes:
    """Return an object that gets a state."""
    return Opcodes(thing + plain(state) + pickle.BUILD)


def shell_command() -> Opcodes:
    """Return a list whose making runs a shell command; only `list` is called."""
    command = "__import__('os').system('touch pwned')"
    things: object = Opcodes(b"](" + new("shop:User") + b"e")
    get_globals = new("operator:attrgetter", "__init__.__globals__")
    things = new("builtins:map", get_globals, things)
    for key in ("__builtins__", "eval"):
        things = new("builtins:map", new("operator:itemgetter", key), things)
    caller = new("operator:methodcaller", "__call__", command)
    return call("builtins:list", new("builtins:map", caller, things))


def bytecode() -> Opcodes:
    """Return a call of bytecode, on CPython 3.11 and newer."""

    def function() -> int:
        open("pwned", "a").close()  # noqa: PTH123
        return 1

    code = function.__code__
    parts = (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_nlocals,
        code.co_stacksize,
        code.co_flags,
        code.co_code,
        code.co_consts,
        code.co_names,
        code.co_varnames,
        code.co_filename,
        code.co_name,
        code.co_qualname,
        code.co_firstlineno,
        code.co_linetable,
        code.co_exceptiontable,
        code.co_freevars,
        code.co_cellvars,
    )
    made = new("types:FunctionType", new("types:CodeType", *parts), {})
    return call("builtins:list", call("builtins:iter", made, 1))


class Forgery(NamedTuple):
    """A forged value, with the names that it imports."""

    value: Opcodes
    imports: list[str]


def forgeries() -> list[Forgery]:
    """Return forged values."""
    dumb_database = {
        "_index": {b"x": (0, 1)},
        "_modified": True,
        "_mode": 0o644,
        "_dirfile": "pwned",
        "_bakfile": "none",
        "_datfile": "none",
    }
    file_closer = {"file": new("io:BytesIO"), "delete": True, "name": "victim"}
    member = call("shop:Color", 1)
    system_of_pandas = "pandas._libs.tslibs.offsets:np._pytesttester.os.system"
    return [
        Forgery(
            shell_command(),
            [
                "builtins:list",
                "builtins:map",
                "operator:attrgetter",
                "operator:itemgetter",
                "operator:methodcaller",
                "shop:User",
            ],
        ),
        Forgery(
            bytecode(),
            ["builtins:iter", "builtins:list", "types:CodeType", "types:FunctionType"],
        ),
        Forgery(call(system_of_pandas, "touch pwned"), [system_of_pandas]),
        # Its `__del__` writes a file.
        Forgery(
            with_state(new("dbm.dumb:_Database"), dumb_database),
            ["dbm.dumb:_Database"],
        ),
        # Its `__del__` deletes a file.
        Forgery(
            with_state(new("tempfile:_TemporaryFileCloser"), file_closer),
            ["io:BytesIO", "tempfile:_TemporaryFileCloser"],
        ),
        # It makes a file.
        Forgery(
            new("numpy:memmap", "pwned", "uint8", "w+", 0, (10,)),
            ["numpy:memmap"],
        ),
        # The value of the member is another one for the whole process.
        Forgery(
            with_state(member, {"_value_": 99}),
            ["shop:Color"],
        ),
        Forgery(call("posix:system", "touch pwned"), ["posix:system"]),
    ]


SHOP = """
    import enum

    class Color(enum.Enum):
        RED = 1

    class User:
        def __init__(self, name):
            self.name = name

    def fetch(number):
        return slice(number), User("ann")
"""
TEST_SHOP = """
    import gc, pathlib, shop

    def test_it():
        try:
            shop.fetch(1)
        finally:
            gc.collect()
            if shop.Color.RED.value != 1 or not pathlib.Path("victim").exists():
                pathlib.Path("pwned").touch()
"""
# Run by the interpreter that is attacked, which has xxhash.
FORGE = """
import json, pathlib, sys
from xxhash import xxh3_128_hexdigest
recording = pathlib.Path(sys.argv[1])
stream = bytes.fromhex(sys.argv[2])
imports = sys.argv[3:]
head = json.dumps({"stream": len(stream), "buffers": []}).encode()
data = head + b"\\n" + stream
digest = xxh3_128_hexdigest(data)
name = f"objects/{digest[:2]}/{digest}.pkl"
path = pathlib.Path(".mimic_vault", name)
path.parent.mkdir(parents=True, exist_ok=True)
path.write_bytes(data)
facts = json.loads(recording.read_text())
facts["log"][0]["value"] = {"$pickle": name, "imports": imports}
recording.write_text(json.dumps(facts))
"""


class Replay(NamedTuple):
    """A way to replay a forged pickle."""

    figure: str
    """The name of what is counted: the replays in which the pickle did something."""
    options: tuple[str, ...] = ()
    is_listed: bool = True
    """Whether the recording lists every name that the pickle imports."""


REPLAYS = (
    Replay("ran in a replay"),
    Replay("ran where a name is not listed", is_listed=False),
    Replay("ran with mimic_pickle = forbid", options=("-o", "mimic_pickle=forbid")),
)


def attack_pickles(python: Path) -> Figures:
    """Count the forged pickles that did something, and what `check` says of them."""
    counts = {"check finds nothing": 0, "every name listed": 0}
    for replay in REPLAYS:
        counts[replay.figure] = 0
    all_forgeries = forgeries()
    for forgery in all_forgeries:
        files = {"shop.py": SHOP, "test_shop.py": TEST_SHOP}
        project = Project(python, files, "shop:fetch")
        pwned = project.root / "pwned"
        victim = project.root / "victim"
        victim.touch()
        project.test("--mimic-record")
        [recording] = project.recordings()

        forge(project, recording, forgery.value, forgery.imports)
        checked = project.run("pytest_mimic", "check")
        if checked.returncode == 0:
            counts["check finds nothing"] += 1
        text = recording.read_text()
        if all(name in text for name in forgery.imports):
            counts["every name listed"] += 1

        for replay in REPLAYS:
            listed = forgery.imports if replay.is_listed else forgery.imports[1:]
            forge(project, recording, forgery.value, listed)
            pwned.unlink(missing_ok=True)
            victim.touch()
            project.test(*replay.options)
            if pwned.exists():
                counts[replay.figure] += 1
    figures = {}
    for name, count in counts.items():
        figures[f"forged pickles: {name}"] = f"{count} of {len(all_forgeries)}"
    return figures


def forge(
    project: Project, recording: Path, value: Opcodes, imports: list[str]
) -> None:
    """Put a pickle that makes a value in the place of a recorded outcome."""
    stream = pickle.PROTO + b"\x05" + value + pickle.STOP
    command = [str(project.python), "-c", FORGE, str(recording), stream.hex()]
    subprocess.run([*command, *imports], cwd=project.root, check=True)


# Readable outcomes, forged by hand. A class has one method that tells when it runs.
SPIES = (
    "__init__ __post_init__ __setattr__ __getattr__ __getattribute__ __iter__ __len__"
    " keys items __bool__ __eq__ __hash__ __repr__ __str__ __call__ __index__ __float__"
    " __fspath__ __set__ __instancecheck__ _missing_ __setstate__ __getitem__"
).split()
SPY = """
class Spy{number}:
    def {name}(self, *given, **named):
        ran("{name}")
        if given and "attribute" in "{name}":
            return object.__getattribute__(self, *given)
        return None
"""
HOOKS = """
    import json, pathlib

    names_noted = set()

    def ran(name):
        # One that runs for ever is noted once.
        if name not in names_noted:
            names_noted.add(name)
            with pathlib.Path("hooks.log").open("a") as file:
                file.write(name + chr(10))

    class Client:
        @property
        def danger(self):
            ran("property")
            return 1

        def __getattr__(self, name):
            ran("__getattr__ of an instance")
            raise AttributeError(name)

    client = Client()

    def make(number):
        return number
"""
# What holds others, or reads what it is given.
HOLDERS = "tuple set dict frozenset bytes bytearray range slice uuid decimal".split()
TAGS = (
    "tuple set frozenset dict bytes base64 bytearray float complex int range slice"
    " constant mappingproxy decimal fraction date datetime time timedelta timezone zone"
    " uuid pattern path name type alias union module memoryview text json pickle long"
    " back up escaped refused ignored shop:client.danger shop:client shop:missing"
    " os:system builtins:eval builtins:str collections:deque"
).split()
PAYLOADS: tuple[object, ...] = (
    {"$shop:client.danger": {}},
    "touch pwned",
    ["touch pwned"],
    None,
    {},
    -1,
    "9" * 5000,
    "\ud800",
)


def forged_trees() -> list[str]:
    """Return readable outcomes that nobody recorded, as JSON."""
    trees: list[object] = []
    for tag, payload in product(TAGS, PAYLOADS):
        trees.append({f"${tag}": payload})
    for number in range(len(SPIES)):
        spy = {f"$shop:Spy{number}": {}}
        trees += [spy, {f"$shop:Spy{number}": {"name": 1}}, [spy, 1]]
        for tag in HOLDERS:
            trees.append({f"${tag}": spy})
        for tag in HOLDERS:
            trees.append({f"${tag}": [spy]})
        trees.append({"$object": spy, "size": 1})
    trees.append({"$tuple": [1], "extra": 2})
    trees.append({"$text": "1", "type": {}})
    texts = [json.dumps(tree) for tree in trees]
    deep = "[" * 5000 + "1" + "]" * 5000
    return [*texts, deep]


def attack_trees(python: Path) -> Figures:
    """Count what forged readable outcomes run, and how they end."""
    trees = forged_trees()
    test = f"""
        import signal
        import pytest, shop

        class Hung(BaseException):
            pass

        def end_it(*_):
            raise Hung

        signal.signal(signal.SIGPROF, end_it)

        @pytest.mark.parametrize("number", range({len(trees)}))
        def test_it(number):
            shop.names_noted.clear()
            signal.setitimer(signal.ITIMER_PROF, {SECONDS_OF_TREE})
            try:
                value = shop.make(number)
                end = "real" if type(value) is int else "a value"
            except BaseException as error:
                end = type(error).__name__
            signal.setitimer(signal.ITIMER_PROF, 0)
            with open("ends.txt", "a") as file:
                file.write(end + chr(10))
    """
    code = dedent(HOOKS)
    for number, name in enumerate(SPIES):
        code += SPY.format(number=number, name=name)
    files = {"shop.py": code, "test_shop.py": test}
    project = Project(python, files, "shop:make")
    project.test("--mimic-record")
    for recording in project.recordings():
        facts = json.loads(recording.read_text())
        tree = trees[facts["log"][0]["arguments"]["number"]]
        facts["log"][0]["value"] = "here"
        recording.write_text(json.dumps(facts).replace('"here"', tree))
    log = project.root / "hooks.log"
    log.unlink(missing_ok=True)
    ends = project.root / "ends.txt"
    ends.unlink(missing_ok=True)
    project.test("-o", "mimic_pickle=forbid", "-p", "no:randomly")
    counts = Counter(ends.read_text().splitlines())
    hooks = Counter[str]()
    if log.exists():
        hooks.update(log.read_text().splitlines())
    log.unlink(missing_ok=True)
    checked = project.run("pytest_mimic", "check")
    hung = counts.pop("Hung", 0)
    refused = counts.pop("CorruptRecordingError", 0)
    came = counts.pop("a value", 0)
    found = len(re.findall(r"calls/shop.make/", checked.stdout))
    return {
        "forged JSON: trees": str(len(trees)),
        "forged JSON: refused as damaged": str(refused),
        "forged JSON: a value came": str(came),
        "forged JSON: hung": str(hung),
        "forged JSON: other errors": listed_counts(counts) or "0",
        "forged JSON: hooks that ran": listed_counts(hooks) or "0",
        "forged JSON: hooks that ran in check": "some" if log.exists() else "0",
        "forged JSON: files named by check": str(found),
    }


# Misses, swallowed by the code under test.
SWALLOWING = """
    import asyncio, contextlib, gc, logging, os, queue, threading, weakref
    from concurrent.futures import ThreadPoolExecutor

    KEPT = []

    def fetch(n):
        return n

    async def afetch(n):
        return n

    def stream(n):
        yield n

    def caught(n):
        try:
            fetch(n)
        except Exception:
            pass

    class Quiet:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return True

    @contextlib.contextmanager
    def quiet():
        try:
            yield
        except Exception:
            pass
"""


def attack_swallows(python: Path) -> Figures:
    """Count the swallowed misses that fail their test."""
    code = dedent(SWALLOWING)
    test = "import pytest, shop\n"
    for number, body in enumerate(WAYS.values()):
        code += f"\ndef way_{number}(n):\n{indent(body.strip(), '    ')}\n"
        test += "\n@pytest.mark.filterwarnings('ignore')\n"
        test += f"def test_{number}():\n    shop.way_{number}({number})\n"
    files = {"shop.py": code, "test_shop.py": test}
    project = Project(python, files, "shop:fetch", "shop:afetch", "shop:stream")
    live = project.test("-p", "no:mimic", "-p", "no:unraisableexception")
    ends = project.test("-p", "no:randomly", "-p", "no:threadexception")
    passed_live = [name for name, end in live.items() if end == "passed"]
    quiet = []
    for number, way in enumerate(WAYS):
        if ends.get(f"test_{number}") == "passed":
            quiet.append(way)
    return {
        "swallowed misses: ways": str(len(WAYS)),
        "swallowed misses: tests that pass live": str(len(passed_live)),
        "swallowed misses: tests that pass": str(len(quiet)),
        "swallowed misses: which": ", ".join(quiet) or "none",
    }


ATTACKS = {
    "pickles": attack_pickles,
    "trees": attack_trees,
    "bytes": attack_bytes,
    "fields": attack_fields,
    "irregular-files": attack_irregular_files,
    "swallows": attack_swallows,
    "contents": attack_contents,
    "other-files": attack_other_files,
    "copies": attack_copies,
    "merges": attack_merges,
    "kills": attack_kills,
    "refusals": attack_refusals,
    "edits": attack_edits,
    "plugins": attack_plugins,
}


def main() -> None:
    """Run the attacks and print their table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pythons", nargs="+", type=Path, metavar="PYTHON")
    parser.add_argument("--only", action="append", choices=ATTACKS, default=[])
    options = parser.parse_args()
    columns = []
    for python in options.pythons:
        figures: Figures = {}
        for name in options.only or ATTACKS:
            figures |= ATTACKS[name](python.absolute())
        columns.append(figures)
    print(f"| attack | {' | '.join(map(str, options.pythons))} |")
    print(f"|---|{'---|' * len(columns)}")
    for name in columns[0]:
        cells = [figures.get(name, "") for figures in columns]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
