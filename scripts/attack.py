"""Attack a released pytest-mimic: forged pickles and JSON, damaged files, swallowed misses.

    python scripts/attack.py PYTHON [PYTHON ...]     # interpreters that have it installed

Each interpreter has pytest and pytest-mimic installed, and pandas and numpy for two of
the pickles. Every attack is a project of its own in a temporary folder, recorded and
then changed from outside. Prints a table with a column for each interpreter, so that two
releases can be held against each other. Nothing here judges: `promised.md` and
`security.md` say what has to hold. Needs POSIX.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

Figures = dict[str, str]
# A forged file can make a run hang. That ends an attack, and is its figure.
MOST_SECONDS = int(os.environ.get("ATTACK_SECONDS", "600"))


class Project:
    """A throw-away project, run with one interpreter."""

    def __init__(self, python: Path, files: dict[str, str], *targets: str) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="attack-"))
        self.python = python
        self.vault = self.root / ".mimic_vault"
        lines = "".join(f"\n    {target}" for target in targets)
        ini = f"[pytest]\npythonpath = .\nmimic_functions ={lines}\n"
        for name, text in {**files, "pytest.ini": ini}.items():
            (self.root / name).write_text(dedent(text))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a module of the interpreter in the project."""
        # The errors of damaged recordings must not depend on the terminal's width.
        env = {**os.environ, "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [str(self.python), "-m", *words]
        try:
            return subprocess.run(
                command,
                cwd=self.root,
                env=env,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=MOST_SECONDS,
            )
        except subprocess.TimeoutExpired:
            hung = f"still running after {MOST_SECONDS} s"
            return subprocess.CompletedProcess(command, 1, hung, "")

    def test(self, *words: str) -> dict[str, str]:
        """Run the tests, and return by name the error of each, or `passed`."""
        report = self.root / "report.xml"
        report.unlink(missing_ok=True)
        done = self.run("pytest", "-q", "--tb=short", f"--junitxml={report}", *words)
        if not report.exists():
            return {"": f"no report: {(done.stdout + done.stderr)[-300:]}"}
        return {
            case.get("name", ""): ended(case)
            for case in ElementTree.parse(report).iter("testcase")
        }

    def recordings(self) -> list[Path]:
        """Return the files of the recordings."""
        return sorted(self.vault.glob("calls/**/*.json"))


def ended(case: ElementTree.Element) -> str:
    """Return the class of the error that ended a test, or `passed`."""
    for part in case:
        if part.tag in ("failure", "error"):
            text = f"{part.get('message', '')}\n{part.text or ''}"
            names = re.findall(r"\b(\w+Error|Failed|Exception)\b", text)
            return str(names[0]) if names else "failed"
    return "passed"


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
    """Return a list whose making runs a shell command, by no call but that of `list`."""
    command = "__import__('os').system('touch pwned')"
    things: object = Opcodes(b"](" + new("shop:User") + b"e")
    for step in ("__init__.__globals__",):
        things = new("builtins:map", new("operator:attrgetter", step), things)
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
        *(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        *(code.co_nlocals, code.co_stacksize, code.co_flags, code.co_code),
        *(code.co_consts, code.co_names, code.co_varnames, code.co_filename),
        *(code.co_name, code.co_qualname, code.co_firstlineno, code.co_linetable),
        *(code.co_exceptiontable, code.co_freevars, code.co_cellvars),
    )
    made = new("types:FunctionType", new("types:CodeType", *parts), {})
    return call("builtins:list", call("builtins:iter", made, 1))


def forgeries() -> dict[str, tuple[Opcodes, list[str]]]:
    """Return forged values by name, each with the names that it imports."""
    dumb = {
        "_index": {b"x": (0, 1)},
        "_modified": True,
        "_mode": 0o644,
        "_dirfile": "pwned",
        "_bakfile": "none",
        "_datfile": "none",
    }
    closer = {"file": new("io:BytesIO"), "delete": True, "name": "victim"}
    member = call(
        "pytest_mimic._core.outcome.pickling:member", named("shop:Color"), "RED"
    )
    return {
        "map, attrgetter and methodcaller": (
            shell_command(),
            [
                *("builtins:list", "builtins:map", "operator:attrgetter"),
                *("operator:itemgetter", "operator:methodcaller", "shop:User"),
            ],
        ),
        "CodeType and FunctionType": (
            bytecode(),
            ["builtins:iter", "builtins:list", "types:CodeType", "types:FunctionType"],
        ),
        "pandas' offsets, dotted": (
            call("pandas._libs.tslibs.offsets:np._pytesttester.os.system", "touch pwned"),
            ["pandas._libs.tslibs.offsets:np._pytesttester.os.system"],
        ),
        "dbm.dumb, `__del__`": (
            with_state(new("dbm.dumb:_Database"), dumb),
            ["dbm.dumb:_Database"],
        ),
        "tempfile, `__del__`": (
            with_state(new("tempfile:_TemporaryFileCloser"), closer),
            ["io:BytesIO", "tempfile:_TemporaryFileCloser"],
        ),
        "numpy.memmap": (
            new("numpy:memmap", "pwned", "uint8", "w+", 0, (10,)),
            ["numpy:memmap"],
        ),
        "the state of an enum's member": (
            with_state(member, {"_value_": 99}),
            ["pytest_mimic._core.outcome.pickling:member", "shop:Color"],
        ),
        "os.system": (call("posix:system", "touch pwned"), ["posix:system"]),
    }  # fmt: skip


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
# Run by the interpreter that is attacked: the name of an object is its own affair.
FORGE = """
import json, pathlib, sys
from pytest_mimic._core.outcome.pickle_file import object_name, pieces_of
recording, stream, imports = pathlib.Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), sys.argv[3:]
data = b"".join(pieces_of([stream]))
name = object_name([data], "pkl")
path = pathlib.Path(".mimic_vault", name)
path.parent.mkdir(parents=True, exist_ok=True)
path.write_bytes(data)
facts = json.loads(recording.read_text())
facts["outcomes"][0].update(pickle=name, imports=imports)
facts["outcomes"][0].pop("fingerprint", None)
recording.write_text(json.dumps(facts))
"""
RUNS = {
    "ran in a replay": (),
    "ran where a name is not listed": ("unlisted",),
    "ran with mimic_pickle = forbid": ("-o", "mimic_pickle=forbid"),
}


def attack_pickles(python: Path) -> Figures:
    """Count the forged pickles that did something, and what `check` says of them."""
    counts = Counter[str]()
    total = 0
    for thing, imports in forgeries().values():
        total += 1
        project = Project(
            python, {"shop.py": SHOP, "test_shop.py": TEST_SHOP}, "shop:fetch"
        )
        (project.root / "victim").touch()
        project.test("--mimic-record")
        [recording] = project.recordings()
        value = plain("value")
        start = pickle.PROTO + b"\x05" + pickle.EMPTY_DICT
        stream = start + value + thing + pickle.SETITEM + pickle.STOP
        for name, words in RUNS.items():
            is_listed = words != ("unlisted",)
            listed = imports if is_listed else imports[1:]
            forge = [str(python), "-c", FORGE, str(recording), stream.hex(), *listed]
            subprocess.run(forge, cwd=project.root, check=True)
            if name == "ran in a replay":
                checked = project.run("pytest_mimic", "check")
                counts["check finds nothing"] += checked.returncode == 0
                is_named = all(each in recording.read_text() for each in imports)
                counts["every name listed"] += is_named
            (project.root / "pwned").unlink(missing_ok=True)
            (project.root / "victim").touch()
            project.test(*(words if is_listed else ()))
            counts[name] += (project.root / "pwned").exists()
    figures = {name: f"{counts[name]} of {total}" for name in counts}
    return {f"forged pickles: {name}": figure for name, figure in figures.items()}


# Readable outcomes, forged by hand. A class has one method that tells when it runs.
SPIES = (
    *("__init__", "__post_init__", "__setattr__", "__getattr__", "__getattribute__"),
    *("__iter__", "__len__", "keys", "items", "__bool__", "__eq__", "__hash__"),
    *("__repr__", "__str__", "__call__", "__index__", "__float__", "__fspath__"),
    *("__set__", "__instancecheck__", "_missing_", "__setstate__", "__getitem__"),
)
SPY = """
class Spy{number}:
    def {name}(self, *given, **named):
        ran("{name}")
        return object.__getattribute__(self, *given) if given and "attribute" in "{name}" else None
"""
HOOKS = """
    import json, pathlib

    def ran(name):
        with pathlib.Path("hooks.log").open("a") as file:
            file.write(name + chr(10))

    class Client:
        @property
        def danger(self): ran("property"); return 1
        def __getattr__(self, name): ran("__getattr__ of an instance"); raise AttributeError(name)

    client = Client()

    def make(number):
        return number
"""
# What holds others, or reads what it is given.
HOLDERS = (
    *("tuple", "set", "dict", "bytes", "deque", "ordered_dict", "uuid", "object"),
    *("frozenset", "decimal"),
)
TAGS = (
    *("tuple", "list", "set", "frozenset", "dict", "bytes", "bytearray", "deque"),
    *("ordered_dict", "uuid", "decimal", "fraction", "datetime", "date", "time"),
    *("timedelta", "path", "float", "int", "complex", "range", "regex", "object"),
    *("class", "zoneinfo", "date", "module", "function", "exception", "same"),
    *("shop:client.danger", "shop:client", "shop:missing", "os:system"),
    *("builtins:eval", "builtins:str", "Decimal", "UUID", "text"),
)
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
    trees: list[object] = [
        {f"${tag}": payload} for tag, payload in product(TAGS, PAYLOADS)
    ]
    for number in range(len(SPIES)):
        spy = {f"$shop:Spy{number}": {}}
        trees += [spy, {f"$shop:Spy{number}": {"name": 1}}, [spy, 1]]
        trees += [{f"${tag}": spy} for tag in HOLDERS]
        trees += [{f"${tag}": [spy]} for tag in HOLDERS]
        trees += [{"$object": spy, "size": 1}]
    trees += [
        {"$tuple": [1], "extra": 2},
        {"$text": "1", "type": {}},
    ]
    deep = "[" * 5000 + "1" + "]" * 5000
    return [*map(json.dumps, trees), deep]


def attack_trees(python: Path) -> Figures:
    """Count what forged readable outcomes run, and how they end."""
    trees = forged_trees()
    test = f"""
        import pytest, shop

        @pytest.mark.parametrize("number", range({len(trees)}))
        def test_it(number):
            assert type(shop.make(number)) is not int
    """
    code = dedent(HOOKS)
    for number, name in enumerate(SPIES):
        code += SPY.format(number=number, name=name)
    files = {"shop.py": code, "test_shop.py": test}
    project = Project(python, files, "shop:make")
    project.test("--mimic-record")
    for recording in project.recordings():
        facts = json.loads(recording.read_text())
        tree = trees[facts["arguments"]["number"]]
        # Whoever forges lists what has to be listed.
        imports = sorted(set(re.findall(r'"\$([\w.]+:[\w.]+)"', tree)))
        facts["outcomes"][0].update(tagged=True, value="here", imports=imports)
        recording.write_text(json.dumps(facts).replace('"here"', tree))
    log = project.root / "hooks.log"
    log.unlink(missing_ok=True)
    ends = project.test("-o", "mimic_pickle=forbid", "-p", "no:randomly")
    hooks = Counter(log.read_text().splitlines() if log.exists() else [])
    log.unlink(missing_ok=True)
    counts = Counter(ends.values())
    checked = project.run("pytest_mimic", "check")
    in_check = log.exists()
    refused = counts["CorruptRecordingError"]
    others = {
        name: count
        for name, count in counts.items()
        if name not in ("CorruptRecordingError", "passed", "AssertionError")
    }
    found = len(re.findall(r"calls/shop/make/", checked.stdout))
    return {
        "forged JSON: trees": str(len(trees)),
        "forged JSON: refused as damaged": str(refused),
        "forged JSON: a value came": str(counts["passed"] + counts["AssertionError"]),
        "forged JSON: other errors": ", ".join(f"{k} {v}" for k, v in others.items())
        or "0",
        "forged JSON: hooks that ran": ", ".join(f"{k} {v}" for k, v in hooks.items())
        or "0",
        "forged JSON: hooks that ran in check": "some" if in_check else "0",
        "forged JSON: files named by check": str(found),
    }


# Files, damaged at each byte.
VALUES = """
    def plain(number):
        return {"name": "ann", "number": number, "parts": [1.5, None, True]}

    def pickled(number):
        return number, slice(number)
"""
# One in so many bytes of a file is damaged.
STRIDE = int(os.environ.get("ATTACK_STRIDE", "1"))
DAMAGES: dict[str, Callable[[bytes, int], bytes]] = {
    "a bit turned": lambda data, at: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],
    "a byte lost": lambda data, at: data[:at] + data[at + 1 :],
    "a byte twice": lambda data, at: data[: at + 1] + data[at:],
    "zeroed": lambda data, at: data[:at] + b"\0" + data[at + 1 :],
    "cut off": lambda data, at: data[:at],
}


def attack_files(python: Path) -> Figures:
    """Count how a replay ends when one byte of a recording, or of its pickle, is other."""
    figures: Figures = {}
    for function, pattern in (
        ("plain", "calls/**/*.json"),
        ("pickled", "calls/**/*.json"),
        ("pickled", "objects/**/*.pkl"),
    ):
        counts = damaged(python, function, pattern)
        what = f"damage: {function}, {pattern.rpartition('.')[2]}"
        texts = [f"{name} {count}" for name, count in counts.most_common()]
        figures[what] = ", ".join(texts)
    return figures


def damaged(python: Path, function: str, pattern: str) -> Counter[str]:
    """Return how replays of damaged files end, by what came."""
    first = Project(
        python,
        {"shop.py": VALUES, "test_shop.py": one(function, 1)},
        f"shop:{function}",
    )
    first.test("--mimic-record")
    [path] = first.vault.glob(pattern)
    size = path.stat().st_size
    cases = [(at, name) for at in range(0, size, STRIDE) for name in DAMAGES]
    test = one(function, len(cases))
    files = {"shop.py": VALUES, "test_shop.py": test}
    project = Project(python, files, f"shop:{function}")
    project.test("--mimic-record")
    spans: dict[int, Path] = {}
    for recording in project.recordings():
        facts = json.loads(recording.read_text())
        number = facts["arguments"]["number"]
        if pattern.startswith("objects"):
            spans[number] = project.vault / facts["outcomes"][0]["pickle"]
        else:
            spans[number] = recording
    in_value = set()
    for number, (at, name) in enumerate(cases):
        data = spans[number].read_bytes()
        position = min(at, len(data) - 1)
        start = data.find(b'"value":')
        if 0 <= start <= position:
            in_value.add(number)
        spans[number].write_bytes(DAMAGES[name](data, position))
    counts = Counter[str]()
    for test_name, end in project.test("-p", "no:randomly").items():
        number = int((re.findall(r"\[(\d+)\]", test_name) or ["-1"])[0])
        if end == "passed":
            counts["right"] += 1
        elif end == "AssertionError":
            where = "edited value" if number in in_value else "WRONG"
            counts[where] += 1
        else:
            counts[end] += 1
    return counts


def one(function: str, count: int) -> str:
    """Return a test module that calls a function with so many numbers."""
    return f"""
        import pytest, shop

        REAL = {{"plain": lambda n: {{"name": "ann", "number": n, "parts": [1.5, None, True]}},
                 "pickled": lambda n: (n, slice(n))}}

        @pytest.mark.parametrize("number", range({count}))
        def test_it(number):
            value = shop.{function}(number)
            assert value == REAL["{function}"](number)
    """


# Ways to swallow a miss. Each is the body of a function of the code under test.
SWALLOWS = {
    "except Exception": "try:\n    fetch(n)\nexcept Exception:\n    pass",
    "except RuntimeError": "try:\n    fetch(n)\nexcept RuntimeError:\n    pass",
    "bare except": "try:\n    fetch(n)\nexcept:\n    pass",
    "except BaseException": "try:\n    fetch(n)\nexcept BaseException:\n    pass",
    "suppress": "with contextlib.suppress(Exception):\n    fetch(n)",
    "ExitStack": "with contextlib.ExitStack() as s:\n    s.push(lambda *e: True)\n    fetch(n)",
    "an `__exit__` that says True": "with Quiet():\n    fetch(n)",
    "a generator's context manager": "with quiet():\n    fetch(n)",
    "return in finally": "def f():\n    try:\n        fetch(n)\n    finally:\n        return 1\nf()",
    "break in finally": "while True:\n    try:\n        fetch(n)\n    finally:\n        break",
    "raise another": "try:\n    try:\n        fetch(n)\n    except Exception as e:\n        raise KeyError(1) from e\nexcept KeyError:\n    pass",
    "raise another from None": "try:\n    try:\n        fetch(n)\n    except Exception:\n        raise KeyError(1) from None\nexcept KeyError:\n    pass",
    "hasattr of a property": "class A:\n    @property\n    def x(self):\n        try:\n            return fetch(n)\n        except RuntimeError as e:\n            raise AttributeError('x') from e\nhasattr(A(), 'x')",
    "getattr with a default": "class A:\n    @property\n    def x(self):\n        try:\n            return fetch(n)\n        except RuntimeError:\n            raise AttributeError('x')\ngetattr(A(), 'x', None)",
    "`__del__`": "class A:\n    def __del__(self):\n        fetch(n)\na = A()\ndel a\ngc.collect()",
    "a weak reference's callback": "class A: pass\na = A()\nr = weakref.ref(a, lambda _: fetch(n))\ndel a\ngc.collect()",
    "weakref.finalize": "class A: pass\na = A()\nweakref.finalize(a, fetch, n)\ndel a\ngc.collect()",
    "a thread": "t = threading.Thread(target=fetch, args=(n,))\nt.start()\nt.join()",
    "a thread that catches": "t = threading.Thread(target=caught, args=(n,))\nt.start()\nt.join()",
    "a timer": "t = threading.Timer(0, fetch, (n,))\nt.start()\nt.join()",
    "a pool, never asked": "with ThreadPoolExecutor(1) as p:\n    p.submit(fetch, n)",
    "a pool, asked for the exception": "with ThreadPoolExecutor(1) as p:\n    p.submit(fetch, n).exception()",
    "a pool's map, not consumed": "with ThreadPoolExecutor(1) as p:\n    p.map(fetch, [n])",
    "a pool's callback": "with ThreadPoolExecutor(1) as p:\n    p.submit(int).add_done_callback(lambda _: fetch(n))",
    "a pool of threads of multiprocessing": "from multiprocessing.pool import ThreadPool\nwith ThreadPool(1) as p:\n    p.apply_async(fetch, (n,)).wait()",
    "gather": "async def f():\n    await asyncio.gather(afetch(n), return_exceptions=True)\nasyncio.run(f())",
    "wait": "async def f():\n    await asyncio.wait([asyncio.create_task(afetch(n))])\nasyncio.run(f())",
    "a task nobody awaits": "async def f():\n    t = asyncio.create_task(afetch(n))\n    await asyncio.sleep(0.01)\n    t.exception()\nasyncio.run(f())",
    "a task's callback": "async def f():\n    asyncio.get_running_loop().call_soon(fetch, n)\n    await asyncio.sleep(0)\nasyncio.run(f())",
    "to_thread": "async def f():\n    await asyncio.gather(asyncio.to_thread(fetch, n), return_exceptions=True)\nasyncio.run(f())",
    "wait_for": "async def f():\n    try:\n        await asyncio.wait_for(afetch(n), 1)\n    except Exception:\n        pass\nasyncio.run(f())",
    "shield": "async def f():\n    try:\n        await asyncio.shield(afetch(n))\n    except Exception:\n        pass\nasyncio.run(f())",
    "a loop's handler of exceptions": "async def f():\n    loop = asyncio.get_running_loop()\n    loop.set_exception_handler(lambda *_: None)\n    loop.call_soon(fetch, n)\n    await asyncio.sleep(0.01)\nasyncio.run(f())",
    "a generator": "def g():\n    try:\n        yield fetch(n)\n    except Exception:\n        yield 0\nlist(g())",
    "an async generator": "async def g():\n    try:\n        yield await afetch(n)\n    except Exception:\n        yield 0\nasync def f():\n    return [x async for x in g()]\nasyncio.run(f())",
    "a stream": "try:\n    list(stream(n))\nexcept Exception:\n    pass",
    "a retry": "for _ in range(3):\n    try:\n        fetch(n)\n        break\n    except Exception:\n        continue",
    "a default of a dict": "class D(dict):\n    def __missing__(self, key):\n        return fetch(key)\ntry:\n    D()[n]\nexcept Exception:\n    pass",
    "a key of sorted": "try:\n    sorted([n], key=fetch)\nexcept Exception:\n    pass",
    "a logging handler": "class H(logging.Handler):\n    def emit(self, record):\n        try:\n            fetch(n)\n        except Exception:\n            self.handleError(record)\nlog = logging.Logger('x')\nlog.addHandler(H())\nlog.error('x')",
    "a queue's worker": "q = queue.Queue()\ndef work():\n    while (one := q.get()) is not None:\n        try:\n            fetch(one)\n        except Exception:\n            pass\nt = threading.Thread(target=work)\nt.start()\nq.put(n)\nq.put(None)\nt.join()",
    "except*": "try:\n    try:\n        fetch(n)\n    except Exception as e:\n        raise ExceptionGroup('g', [e])\nexcept* Exception:\n    pass",
    "a forked child": "pid = os.fork()\nif not pid:\n    try:\n        fetch(n)\n    finally:\n        os._exit(0)\nos.waitpid(pid, 0)",
    "a process of multiprocessing": "import multiprocessing\np = multiprocessing.get_context('fork').Process(target=caught, args=(n,))\np.start()\np.join()",
    "the error kept, not raised": "try:\n    fetch(n)\nexcept Exception as e:\n    KEPT.append(e)",
    "warnings instead": "import warnings\ntry:\n    fetch(n)\nexcept Exception as e:\n    warnings.warn(str(e))",
    "a callback of ctypes": "import ctypes\nctypes.CFUNCTYPE(None)(lambda: fetch(n))()",
    "a signal's handler": "import signal\nold = signal.signal(signal.SIGUSR1, lambda *_: caught(n))\nos.kill(os.getpid(), signal.SIGUSR1)\nsignal.signal(signal.SIGUSR1, old)",
    "a partial in a pool": "from functools import partial\nwith ThreadPoolExecutor(1) as p:\n    p.submit(partial(fetch, n)).exception()",
    "an error of unittest": "import unittest\nwith unittest.TestCase().assertRaises(Exception):\n    fetch(n)",
}
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
    for number, body in enumerate(SWALLOWS.values()):
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        code += f"\ndef way_{number}(n):\n{lines}"
        test += "\n@pytest.mark.filterwarnings('ignore')\n"
        test += f"def test_{number}():\n    shop.way_{number}({number})\n"
    targets = ("shop:fetch", "shop:afetch", "shop:stream")
    project = Project(python, {"shop.py": code, "test_shop.py": test}, *targets)
    live = project.test("-p", "no:mimic", "-p", "no:unraisableexception")
    ends = project.test("-p", "no:randomly", "-p", "no:threadexception")
    quiet = [
        name
        for number, name in enumerate(SWALLOWS)
        if ends.get(f"test_{number}") == "passed"
    ]
    return {
        "swallowed misses: ways": str(len(SWALLOWS)),
        "swallowed misses: tests that pass live": str(passing(live.values())),
        "swallowed misses: tests that pass": str(len(quiet)),
        "swallowed misses: which": ", ".join(quiet) or "none",
    }


def passing(ends: Iterable[str]) -> int:
    """Return how many tests passed."""
    return sum(end == "passed" for end in ends)


ATTACKS = {
    "pickles": attack_pickles,
    "trees": attack_trees,
    "files": attack_files,
    "swallows": attack_swallows,
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
