"""Section 5, identity: identical calls have one recording, in another process and folder.

A value without a stable identity is refused by name, path and remedy; `ignore=` and
`key=` leave it out.
"""

from __future__ import annotations

import re
import shutil
from textwrap import dedent

import pytest

SHOP = """
    def read(path):
        ran("read")
        return 1
"""
TARGETS = ["shop:read"]


PATHS = """
    HERE = pathlib.Path(__file__)

    def test_paths(tmp_path):
        for path in (tmp_path / "a", [tmp_path], HERE, {"x": HERE.parent / "data"}, pathlib.Path("/etc/hosts")):
            shop.read(path)
"""


def test_paths_under_the_rootdir_and_tmp_path_count_relative(shop):
    shop.tests(PATHS)
    shop.round_trip(passed=1, real=["read"] * 5)
    shop.replay(f"--basetemp={shop.root / 'inside'}").expect(passed=1)


def test_recordings_replay_in_another_checkout(shop):
    """Through a symbolic link, too."""
    shop.tests(PATHS)
    shop.record().expect(passed=1, real=["read"] * 5)
    other = shop.root.parent / "another checkout"
    shutil.copytree(shop.root, other)

    assert not any(str(shop.root).encode() in data for data in shop.files().values())
    link = shop.root.parent / "link"
    link.symlink_to(shop.root)
    shop.replay(f"--rootdir={link}").expect(passed=1, real=[])
    shop.root = other
    shop.monkeypatch.chdir(other)
    shop.replay().expect(passed=1, real=[])


# -- what has none, and what is left out


SESSIONS = """
    from dataclasses import dataclass, field

    class Pool:
        def __init__(self):
            self._lock = threading.Lock()

    class Session:
        def __init__(self):
            self.pool = Pool()
            self.clients = [1, 2, Pool()]

    @dataclass
    class Order:
        id: int
        sent_at: float = 0.0
        lines: list = field(default_factory=list)

    _MISSING = object()

    def fetch(city, session=None, payload=None, timeout=_MISSING, **extra):
        ran("fetch", city)
        return city


    class Client:
        def __init__(self, name):
            self.name = name
            self.lock = threading.Lock()

        def get(self, path):
            ran("get", path)
            return self.name + path
"""


@pytest.fixture
def sessions(project):
    """A project whose functions take sessions, orders and clients."""
    project.ini("shop:fetch", "shop:Client.get")
    project.module(SESSIONS)
    return project


def test_the_refusal_names_the_argument_the_path_and_the_remedy(sessions):
    """The first remedy keeps the recordings of two objects apart.

    The unit tests have more paths.
    """
    sessions.tests("""
        @pytest.mark.parametrize("name", ["eu", "us"])
        def test_it(name):
            assert shop.Client(name).get("/a") == f"{name}/a"
    """)

    run = sessions.record().expect(
        failed=2, real=[], never=["pytest_mimic/", "INTERNALERROR"]
    )

    remedy = "shop:Client.get ignore=self.lock"
    assert run.error[:3] == [
        "UnstableIdentityError: shop:Client.get has an argument without a stable identity",
        "self.lock: a thread lock",
        f"leave it out: {remedy}",
    ]
    assert "test_shop.py:5: UnstableIdentityError" in run.output
    assert run.vault == {}
    sessions.ini(remedy)
    sessions.round_trip(passed=2)


def test_one_refusal_names_all_parts_on_the_line_as_it_stands(sessions):
    sessions.ini("shop:fetch ignore=session rtol=0.1")
    sessions.tests("""
        import threading, shop

        def test_it():
            pools = [shop.Pool() for _ in range(7)]
            assert shop.fetch("Oslo", payload=pools) == "Oslo"
    """)

    run = sessions.record().expect(failed=1, real=[])

    assert run.error[1:7] == [
        *(f"payload[{number}]._lock: a thread lock" for number in range(5)),
        "and 2 more",
    ]
    remedy = run.error[7].removeprefix("leave them out: ")
    assert remedy.startswith("shop:fetch ignore=session,payload[0]._lock,")
    assert remedy.endswith(",payload[6]._lock rtol=0.1")
    sessions.ini(remedy)
    sessions.round_trip(passed=1)


DATA = (
    "pass plain data that it is made of, or say what stands for it:"
    " register_fingerprint(TYPE, reduce)"
)
HANDLES = """
    import shop

    KEPT = shop.Pool()

    def made(number, _address):
        return Handle(number)

    class Handle:
        def __init__(self, number):
            self.number = number

        def __reduce__(self):
            return made, (self.number, id(self))

    class Held:
        def __getstate__(self):
            return {"id": id(self)}
"""
OPAQUE = {
    "a pointer": ("ctypes.c_void_p(1)", "an object of ctypes.c_void_p", DATA),
    "an object of C": ("hashlib.md5(b'price')", "an object of _hashlib.HASH", DATA),
    "what a pickle gives an address": (
        "Handle(3)",
        "an object whose copies differ, as if it held an address",
        DATA,
    ),
    "what a state gives an address": (
        "Held()",
        "an object whose copies differ, as if it held an address",
        DATA,
    ),
    "a queue": ("asyncio.Queue()", "a queue", "pass a list of its items"),
    "a mock": (
        "AsyncMock(return_value=3)",
        "a Mock, which notes each call",
        "pass a plain object in its place",
    ),
    "a weak reference": (
        "weakref.proxy(KEPT)",
        "a weak reference",
        "pass what it refers to",
    ),
}


def test_what_may_hold_the_value_is_never_to_be_left_out(sessions):
    sources = [source for source, _, _ in OPAQUE.values()]
    tests = [
        f"\ndef test_{number}():\n    shop.fetch('Oslo', payload={source})\n"
        for number, source in enumerate(sources)
    ]
    sessions.write("handles.py", HANDLES)
    sessions.tests(
        "import asyncio, ctypes, hashlib, weakref, shop\nfrom unittest.mock import AsyncMock\n"
        + "from handles import KEPT, Handle, Held\n"
        + "".join(tests)
    )

    run = sessions.record().expect(failed=len(tests), real=[], never=["ignore="])

    for number, (_, what, way) in enumerate(OPAQUE.values()):
        assert f"E   payload: {what}\nE   {way}" in re.sub(
            "^E +", "E   ", run.failures[f"test_{number}"], flags=re.MULTILINE
        )


WITH_A_LOCK = {
    "a method": "Client('eu').get",
    "a partial": "functools.partial(print, Pool())",
    "a closure": "holding(Pool())",
    "a default": "lambda pool=Pool(): pool",
    "a class": "type('Local', (), {'pool': Pool()})",
    "a set": "{Pool()}",
    "a view": "types.MappingProxyType({'pool': Pool()})",
    "a name with a blank": "{'the pool': Pool()}",
    "a key that is no text": "{(1, 2): Pool()}",
}


def test_the_remedy_leaves_out_what_it_names_wherever_it_stands(sessions):
    """Each of a function of its own, so that its remedy helps no other one."""
    functions, tests = [], []
    for number, payload in enumerate(WITH_A_LOCK.values()):
        functions.append(
            f"def fetch{number}(payload):\n    ran({number})\n    return {number}\n"
        )
        tests.append(
            f"def test_{number}():\n    assert fetch{number}({payload}) == {number}\n"
        )
    sessions.module(dedent(SESSIONS) + "\n".join(functions))
    sessions.tests(
        "import functools, types\nfrom shop import *\n\n"
        "def holding(pool):\n    return lambda: pool\n\n" + "\n".join(tests)
    )
    count = len(tests)
    sessions.ini(*[f"shop:fetch{number}" for number in range(count)])
    run = sessions.record().expect(failed=count, real=[])
    told = [line for line in run.error if line.startswith("leave it out: ")]
    remedies = [line.removeprefix("leave it out: ") for line in told]
    assert len(remedies) == count
    assert all("lock" in remedy for remedy in remedies)

    sessions.ini(*remedies)

    sessions.round_trip(passed=count, real=[str(number) for number in range(count)])


@pytest.mark.parametrize(
    ("options", "calls", "real"),
    [
        (
            "ignore=session",
            ["fetch('Oslo', Session())", "fetch('Oslo', session=None)"],
            1,
        ),
        (
            "ignore=payload.*.id",
            [
                "fetch('a', payload=[Order(1), Order(2)])",
                "fetch('a', payload=[Order(3), Order(4)])",
            ],
            1,
        ),
        ("", ["fetch('Oslo')", "fetch('Oslo', timeout=_MISSING)"], 1),
        ("", ["fetch('Oslo')", "fetch(city='Oslo', session=None, payload=None)"], 1),
    ],
)
def test_ignored_arguments_and_parts_do_not_count(sessions, options, calls, real):
    sessions.ini(f"shop:fetch {options}".strip())
    lines = "".join(f"    assert {call} in ('Oslo', 'a')\n" for call in calls)
    sessions.tests(
        f"import shop\nfrom shop import *\nfrom shop import _MISSING\n\ndef test_it():\n{lines}"
    )

    assert len(sessions.record().expect(passed=1).real) == real

    sessions.replay().expect(passed=1, real=[])


@pytest.mark.parametrize(
    ("key", "label", "difference"),
    [
        (
            "{'item': 'tea', 'region': shop.REGION}",
            "item='tea', region='asia'",
            "region: 'eu' recorded, 'asia' now",
        ),
        ("shop.REGION", "key='asia'", "key: 'eu' recorded, 'asia' now"),
    ],
    ids=["a mapping", "a value"],
)
def test_a_miss_shows_what_key_gives(project, key, label, difference):
    """The arguments are the same: without it, nothing that differs would be shown."""
    project.ini()
    project.module("REGION = 'eu'\n\ndef price(item):\n    return REGION\n")
    project.tests(f"""
        from pytest_mimic import mimic

        def test_it():
            with mimic("shop:price", key=lambda arguments: {key}):
                shop.price("tea")
    """)
    recorded = project.record().expect(passed=1)
    project.module("REGION = 'asia'\n\ndef price(item):\n    return REGION\n")

    project.replay().expect(
        failed=1, says=[f"no recording of shop:price({label})", difference]
    )

    (stored,) = recorded.calls
    assert '"eu"' in stored.text


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("lambda arguments: arguments['nowhere']", "KeyError: 'nowhere'"),
        ("lambda arguments: arguments['session']", "UnstableIdentityError: shop:fetch"),
    ],
)
def test_an_error_of_key_or_its_result_fails_the_test(sessions, key, says):
    sessions.ini()
    sessions.test(f"""
        from pytest_mimic import mimic
        with mimic("shop:fetch", key={key}):
            shop.fetch("Oslo", shop.Session())
    """)

    sessions.replay().expect(
        failed=1, real=[], says=[says], never=["INTERNALERROR", "pytest_mimic/"]
    )
