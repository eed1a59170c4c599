"""A value without a stable identity is refused by name, path and remedy; `ignore=` and `key=` leave it out."""

from __future__ import annotations

import pytest

SHOP = """
    import threading
    from dataclasses import dataclass, field
    from tally import ran

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

    def rows(*rows, **extra):
        ran("rows")
        return len(rows)

    class Client:
        def __init__(self, name):
            self.name = name
            self.lock = threading.Lock()

        def get(self, path):
            ran("get", path)
            return path
"""


@pytest.mark.parametrize(
    ("call", "target", "path", "what"),
    [
        ("shop.fetch('Oslo', shop.Session())", "shop:fetch", "session.pool._lock", "a thread lock"),
        (
            "shop.fetch('Oslo', payload={'a': [1, object()]})",
            "shop:fetch",
            "payload['a'][1]",
            "a bare object()",
        ),
        ("shop.fetch('Oslo', payload=(n for n in []))", "shop:fetch", "payload", "a generator"),
        ("shop.fetch('Oslo', more=HANDLE)", "shop:fetch", "more", "an open file"),
        ("shop.rows(1, threading.Lock())", "shop:rows", "rows[1]", "a thread lock"),
        ("shop.Client('c').get('/a')", "shop:Client.get", "self.lock", "a thread lock"),
        ("shop.fetch('Oslo', SOCKET)", "shop:fetch", "session", "a socket"),
    ],
)
@pytest.mark.parametrize("mode", ["replay", "record"])
def test_the_refusal_names_the_argument_the_path_and_the_remedy(project, call, target, path, what, mode):
    project.ini("shop:fetch", "shop:rows", "shop:Client.get")
    project.test(f"""
        import socket
        with open(__file__) as HANDLE, socket.socket() as SOCKET:
            {call}
    """)

    run = {"replay": project.replay, "record": project.record}[mode]("-W", "ignore")

    run.expect(
        failed=1,
        real=[],
        never=["pytest_mimic/", "INTERNALERROR"],
        says=["test_shop.py:6: UnstableIdentityError"],
    )
    told = run.error
    assert told[0] == f"UnstableIdentityError: {target} has an argument without a stable identity"
    assert told[1].replace('"', "'") in (
        f"{path}: {what}",
        f"{path.replace(chr(39), '')}: {what}",
        f"{_dotted(path)}: {what}",
    )
    assert any(
        line.startswith("leave it out:") and f"{target} ignore={path.split('.')[0].split('[')[0]}" in line
        for line in told
    )
    assert run.vault == {}


def test_the_first_remedy_keeps_the_recordings_of_two_objects_apart(project):
    project.ini("shop:Client.name_of")
    project.module(
        SHOP + "\n        def name_of(self):\n            ran('name_of')\n            return self.name\n"
    )
    project.tests("""
        import pytest, shop

        @pytest.mark.parametrize("name", ["eu", "us"])
        def test_it(name):
            assert shop.Client(name).name_of() == name
    """)
    told = project.record().expect(failed=2).error
    remedy = told[2].removeprefix("leave it out:").strip()

    project.ini(remedy)

    assert remedy == "shop:Client.name_of ignore=self.lock"
    project.record().expect(passed=2)
    project.replay().expect(passed=2, real=[])


def _dotted(path):
    return path.replace("['", ".").replace("']", "")


@pytest.mark.parametrize(
    ("options", "calls", "real"),
    [
        ("ignore=session", ["fetch('Oslo', Session())", "fetch('Oslo', session=None)"], 1),
        ("ignore=session.pool,session.clients", ["fetch('Oslo', Session())"] * 2, 1),
        (
            "ignore=payload.*.id",
            ["fetch('a', payload=[Order(1), Order(2)])", "fetch('a', payload=[Order(3), Order(4)])"],
            1,
        ),
        (
            "ignore=payload.0.id",
            ["fetch('a', payload=[Order(1), Order(2)])", "fetch('a', payload=[Order(1), Order(4)])"],
            2,
        ),
        ("", ["fetch('Oslo')", "fetch('Oslo', timeout=_MISSING)"], 1),
        ("", ["fetch('Oslo')", "fetch(city='Oslo', session=None, payload=None)"], 1),
    ],
)
def test_ignored_arguments_and_parts_do_not_count(project, options, calls, real):
    project.ini(f"shop:fetch {options}".strip())
    lines = "".join(f"    assert {call} in ('Oslo', 'a')\n" for call in calls)
    project.tests(f"import shop\nfrom shop import *\nfrom shop import _MISSING\n\ndef test_it():\n{lines}")

    assert len(project.record().expect(passed=1).real) == real

    project.replay().expect(passed=1, real=[])


def test_self_can_be_ignored_whole_or_in_part(project):
    project.test("""
        shop.Client('a').get('/x')
        shop.Client('b').get('/x')
    """)
    project.ini("shop:Client.get ignore=self")
    project.record().expect(passed=1, real=["get /x"])
    project.ini("shop:Client.get ignore=self.lock")

    project.record().expect(passed=1, real=["get /x", "get /x"])
    project.replay().expect(passed=1, real=[])


def test_key_replaces_the_arguments(project):
    """It gets all bound arguments with defaults, and those that it leaves out need no identity."""
    project.ini()
    project.tests("""
        import shop
        from pytest_mimic import mimic

        seen = []

        def by_city(arguments):
            seen.append(sorted(arguments))
            return arguments["city"].lower()

        def test_it():
            with mimic("shop:fetch", key=by_city):
                assert shop.fetch("Oslo", shop.Session()) == "Oslo"
                assert shop.fetch("OSLO", session=object(), more=1) == "Oslo"
                assert shop.fetch("Rome") == "Rome"
            assert seen[0] == ["city", "extra", "payload", "session", "timeout"]
    """)
    project.record().expect(passed=1, real=["fetch Oslo", "fetch Rome"])

    project.replay(hash_seed=3).expect(passed=1, real=[])


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
        import shop
        from pytest_mimic import mimic

        def test_it():
            with mimic("shop:price", key=lambda arguments: {key}):
                shop.price("tea")
    """)
    recorded = project.record().expect(passed=1)
    project.module("REGION = 'asia'\n\ndef price(item):\n    return REGION\n")

    project.replay().expect(failed=1, says=[f"no recording of shop:price({label})", difference])

    (stored,) = (content for name, content in recorded.vault.items() if name.startswith("calls/"))
    assert b'"eu"' in stored


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("lambda arguments: arguments['nowhere']", "KeyError: 'nowhere'"),
        ("lambda arguments: arguments['session']", "UnstableIdentityError: shop:fetch"),
    ],
)
def test_an_error_of_key_or_its_result_fails_the_test(project, key, says):
    project.ini()
    project.test(f"""
        from pytest_mimic import mimic
        with mimic("shop:fetch", key={key}):
            shop.fetch("Oslo", shop.Session())
    """)

    project.replay().expect(failed=1, real=[], says=[says], never=["INTERNALERROR", "pytest_mimic/"])


def test_a_type_can_define_its_identity(project):
    project.ini("shop:fetch", "shop:Client.get")
    project.module(
        SHOP.replace(
            "class Pool:", "class Pool:\n        def __mimic_identity__(self):\n            return 'pool'\n"
        )
    )
    project.conftest("""
        import shop
        from pytest_mimic import register_fingerprint

        register_fingerprint(shop.Client, lambda client: client.name)
    """)
    project.test("""
        from pytest_mimic import fingerprint
        assert shop.fetch("Oslo", shop.Session()) == "Oslo"
        assert shop.Client("a").get("/x") == "/x"
        assert fingerprint(shop.Client("a")) == fingerprint(shop.Client("a")) != fingerprint(shop.Client("b"))
    """)
    project.record().expect(passed=1, real=["fetch Oslo", "get /x"])

    project.replay(hash_seed=3).expect(passed=1, real=[])


def test_a_swallowed_refusal_records_and_runs_nothing(project):
    project.ini("shop:fetch")
    project.test("""
        from pytest_mimic import MimicError, UnstableIdentityError
        with pytest.raises(TypeError) as caught:
            shop.fetch("Oslo", shop.Session())
        assert type(caught.value) is UnstableIdentityError and isinstance(caught.value, MimicError)
        assert (caught.value.target, caught.value.path) == ("shop:fetch", "session.pool._lock")
    """)

    run = project.record().expect(passed=1, real=[])

    assert run.vault == {}
