"""Section 5, patching: every holder of a function gets its wrapper, and the function itself afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

SHOP = """
    def fetch(city, *, days=3):
        '''Fetches a city.'''
        ran("fetch", city)
        return [city, days]

    def helper():
        ran("helper")
        return "helper"

    def _private():
        return "private"

    class Client:
        '''A client.'''
        base = "b"

        def __init__(self, name="n"):
            self.name = name

        def get(self, path):
            ran("get", path)
            return [self.name, path]

        @classmethod
        def make(cls, name):
            ran("make", name)
            return [cls.__name__, name]

        @staticmethod
        def ping(number):
            ran("ping", number)
            return number + 1

        @property
        def token(self):
            '''The token.'''
            ran("token")
            return self.name + "-token"

        @token.setter
        def token(self, value):
            self.name = value

        @functools.cached_property
        def profile(self):
            ran("profile")
            return {"of": self.name}

        def put(self, verb, path):
            ran("put", verb, path)
            return verb + path

        post = functools.partialmethod(put, "POST")

        class Inner:
            def deep(self):
                ran("deep")
                return "deep"

        def _hidden(self):
            return "hidden"

    class Gold(Client):
        def get(self, path):
            ran("gold get", path)
            return ["gold", *super().get(path)]

    class Silver(Client):
        pass

    @functools.lru_cache
    def cached(number):
        ran("cached", number)
        return [number]

    __all__ = ["fetch", "helper", "Client"]
"""


def test_methods_of_every_kind_replay(project):
    """Instance, class and static ones, properties, cached properties, partial methods, nested classes, subclasses."""
    project.tests("""
        import inspect
        import shop
        from shop import Client, Silver

        def test_instance():
            assert Client("x").get("/a") == ["x", "/a"]
            assert Client.get(Client("x"), "/a") == ["x", "/a"]
            assert Silver("x").get("/a") == ["x", "/a"]
            bound = Client("x").get
            assert bound("/a") == ["x", "/a"] and bound.__self__.name == "x"

        def test_class():
            assert Client.make("x") == ["Client", "x"] and Client().make("x") == ["Client", "x"]
            assert Silver.make("x") == ["Silver", "x"]

        def test_static():
            assert Client.ping(1) == 2 and Client().ping(1) == 2 and Silver.ping(1) == 2

        def test_property():
            client = Client("x")
            assert client.token == "x-token"
            client.token = "y"
            assert client.token == "y-token"
            assert inspect.getattr_static(Client, "token").__doc__ == "The token."

        def test_cached_property():
            client = Client("x")
            assert client.profile == {"of": "x"} and client.profile is client.profile
            assert "profile" in vars(client)

        def test_partialmethod():
            assert Client("x").post("/a") == "POST/a"

        def test_nested_class():
            assert Client.Inner().deep() == "deep"

        def test_not_mimicked():
            assert Client()._hidden() == "hidden"
    """)
    project.round_trip(
        "shop:Client.*",
        "shop:Client.Inner.deep",
        "shop:Client.token",
        "shop:Client.profile",
        passed=8,
    )


def test_methods_of_subclasses_are_their_own(project):
    """An override runs for real, and the base's method that it calls by super() is mimicked; an inherited method is named alone."""
    project.ini("shop:Client.get", "shop:Silver.put")
    project.test("""
        assert shop.Gold("x").get("/a") == ["gold", "x", "/a"]
        assert shop.Silver("x").put("A", "/a") == shop.Client("x").put("A", "/a") == "A/a"
    """)
    project.record().expect(
        passed=1, real=["gold get /a", "get /a", "put A /a", "put A /a"]
    )

    project.run().expect(passed=1, real=["gold get /a", "put A /a"])


def test_re_exported_and_defined_name_are_one_target(project):
    """Recorded under one name, replayed under the other."""
    project.ini("api:fetch")
    project.write("api.py", "from shop import fetch\n")
    project.tests(
        "import api, shop\n\ndef test_it():\n    assert api.fetch('x') == shop.fetch('x')\n"
    )
    project.record().expect(passed=1, real=["fetch x"])
    project.ini("shop:fetch")

    project.replay().expect(passed=1, real=[])


def test_late_imports_are_patched_and_never_forced(project):
    project.ini("shop:fetch", "unused:fetch")
    project.write("unused.py", "raise AssertionError('imported')\n")
    project.tests("""
        import importlib, sys

        def test_it():
            assert "shop" not in sys.modules and "unused" not in sys.modules
            shop = importlib.import_module("shop")
            assert shop.fetch("Oslo") == ["Oslo", 3]
    """)
    project.round_trip(passed=1, real=["fetch Oslo"])


@pytest.mark.skipif(
    sys.version_info < (3, 14), reason="annotations are evaluated at once"
)
def test_annotations_may_name_what_only_type_checkers_know(project):
    project.ini("shop:*", "shop:Client.*")
    project.module("""
        def fetch(city: City, days: Days = 3) -> Missing:
            return [city.__name__] * days

        class Client:
            @classmethod
            def make(cls, name: Name) -> Client:
                return name
    """)
    project.test("""
        class Local:
            name: Name
            days: int = 3

        assert shop.fetch(Local) == ["Local"] * 3
        assert shop.Client.make(name="x") == "x"
    """)

    project.round_trip(passed=1)


@pytest.mark.skipif(sys.version_info < (3, 15), reason="there are no lazy imports")
def test_what_is_imported_lazily_is_patched_and_no_side_effect(project):
    """A line may name it, and a test may replace what it stands for."""
    project.ini("app:sub.count", "shop:fetch", mimic_inputs="warn")
    project.module("""
        lazy import helper
        from tally import ran

        def fetch(city):
            ran("fetch", city)
            return helper.upper(city)
    """)
    project.write("helper.py", "def upper(text):\n    return text.upper()\n")
    project.write(
        "sub.py",
        "from tally import ran\n\ndef count(n):\n    ran('count', n)\n    return n + 1\n",
    )
    project.write("app.py", "lazy import shop, sub\nlazy from shop import fetch\n")
    project.tests("""
        import app

        def test_it():
            import sub
            assert app.fetch("Oslo") == app.shop.fetch("Oslo") == "OSLO"
            assert app.sub.count(1) == sub.count(1) == 2

        def test_mock(monkeypatch):
            monkeypatch.setattr("helper.upper", str.lower)
            app.fetch("Oslo")
    """)

    real = ["fetch Oslo", "count 1"]
    recorded = project.record("-k", "test_it", process=True)
    recorded.expect(passed=1, deselected=1, real=real, never=["a replay leaves out"])

    replayed = project.replay("-p", "no:randomly", process=True)
    says = ["shop.helper.upper is replaced"]
    replayed.expect(passed=1, failed=1, real=[], says=says)


def test_wrapper_keeps_the_functions_metadata(project):
    """Name, docstring, signature and pickling by name."""
    project.ini("shop:*", "shop:Client.*", "kinds:*", "kinds:Child.get")
    project["kinds.py"] = """
        class Child(shop.Client):
            pass

        async def coroutine(a, b=1):
            '''Awaits.'''


        async def stream(a):
            yield a

        def annotated(a: int, /, b: str = "x", *c: float, d: bool, **e: object) -> list[int]:
            return []
    """
    project.tests("""
        import copy, inspect, pickle, typing
        import kinds, shop

        def test_names():
            assert (shop.fetch.__name__, shop.fetch.__qualname__, shop.fetch.__module__) == ("fetch", "fetch", "shop")
            assert shop.Client.get.__qualname__ == "Client.get"
            assert shop.fetch.__doc__ == "Fetches a city."

        def test_signature():
            assert str(inspect.signature(shop.fetch)) == "(city, *, days=3)"
            assert str(inspect.signature(shop.Client("x").get)) == "(path)"
            assert str(inspect.signature(kinds.annotated)) == (
                "(a: int, /, b: str = 'x', *c: float, d: bool, **e: object) -> list[int]"
            )
            assert typing.get_type_hints(kinds.annotated)["return"] == list[int]

        def test_source():
            assert inspect.getsource(shop.fetch).startswith("def fetch")
            assert inspect.unwrap(shop.fetch).__code__.co_name == "fetch"

        def test_pickling():
            for function in (shop.fetch, kinds.coroutine, kinds.stream, kinds.Child.get, shop.Client.get, shop.Client.make):
                assert pickle.loads(pickle.dumps(function)) == function
            assert copy.deepcopy(shop.fetch) is shop.fetch
            assert pickle.loads(pickle.dumps(shop.Client("x").get)).__self__.name == "x"
    """)

    project.run().expect(passed=4)


PLACES = """
    import functools
    import shop, early
    from shop import fetch

    def places():
        '''What every holder holds, not through descriptors.'''
        held = {
            "module": vars(shop)["fetch"],
            "from-import": vars(early)["fetch"],
            "alias": vars(early)["again"],
            "own": globals()["fetch"],
            "holder": vars(early.Holder)["call"],
            "cached": vars(shop)["cached"],
        }
        for name in ("get", "make", "ping", "token", "profile", "put", "post"):
            held[name] = vars(shop.Client)[name]
        held["subclass"] = vars(shop.Gold)["get"]
        return held
"""


def test_every_place_is_restored_when_the_run_ends(project):
    """By identity, after blocks, markers, exceptions and an interrupt, in a process that runs pytest and goes on."""
    project.ini("shop:helper")
    project.write(
        "early.py",
        "from shop import fetch, fetch as again\n\nclass Holder:\n    call = staticmethod(fetch)\n",
    )
    project.write("places.py", PLACES)
    project.tests("""
        import early, places, pytest, shop
        from pytest_mimic import TargetError, mimic
        from tally import ran

        ALL = "shop:*", "shop:Client.*", "shop:Client.token", "shop:Client.profile", "shop:Gold.*", "shop:Silver.get"

        def test_in_disorder():
            first, second = mimic(*ALL), mimic("shop:fetch", ignore="city")
            first.__enter__()
            second.__enter__()
            first.__exit__(None, None, None)
            second.__exit__(None, None, None)
            assert places.places()["own"]("Oslo") == ["Oslo", 3]  # passes through

        @pytest.mark.mimic(*ALL)
        def test_marker():
            early.taken = shop.fetch
            early.Holder.taken = shop.Client.__dict__["make"]

        def test_missing():
            with pytest.raises(TargetError, match="did you mean fetch"), mimic("shop:fetch", "shop:fetsh"):
                pass

        def test_fails():
            with mimic(*ALL):
                assert hasattr(shop.fetch, "__mimic_original__")
                raise SystemExit

        def test_interrupted():
            raise KeyboardInterrupt
    """)
    program = """
        import sys
        import early, pytest, places, shop

        holders = shop.Client, shop.Gold, shop.Silver
        before, names = places.places(), [list(vars(holder)) for holder in holders]
        for _ in range(2):
            pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "test_shop.py"])
        after = places.places()
        different = [name for name in before if after[name] is not before[name]]
        taken = early.taken is shop.fetch and vars(early.Holder)["taken"] is before["make"]
        finders = [finder for finder in sys.meta_path if "mimic" in repr(type(finder))]
        print("different:", different, taken, [list(vars(holder)) for holder in holders] == names, finders)
    """
    path = project.write("main.py", program)
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert "different: [] True True []" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("1 failed, 3 passed") == 2, done.stdout


def test_what_another_tool_has_put_in_place_of_a_wrapper_stays(project):
    project.ini()
    project.test("""
        from pytest_mimic import mimic
        with mimic("shop:fetch"):
            shop.fetch = theirs = lambda _: "theirs"
        assert shop.fetch is theirs
    """)

    project.run().expect(passed=1)


# -- functions that the plugin calls as well


FAKED = """
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return {str(city), 3}
"""

#: What a test fakes while the code under test makes its call.
FAKES = {
    "open": 'patch("builtins.open", mock_open(read_data="x"))',
    "Path.read_text": 'patch("pathlib.Path.read_text", return_value="x")',
    "os.path.exists": 'patch("os.path.exists", return_value=True)',
    "os.makedirs": 'patch("os.makedirs"), patch("os.mkdir"), patch("os.stat")',
    "os.getpid": 'patch("os.getpid", return_value=1)',
    "json": 'patch("json.loads"), patch("json.dumps")',
    "time": 'patch("time.time", side_effect=[1.0, 3.5])',
    "date": 'patch("datetime.date")',
    "datetime": 'patch("datetime.datetime")',
    "gethostname": 'patch("socket.gethostname")',
    "import_module": 'patch("importlib.import_module")',
    "ThreadPoolExecutor": 'patch("concurrent.futures.ThreadPoolExecutor")',
}


def test_plugin_does_not_use_faked_functions(project):
    """A call is recorded, replayed and verified, with its target imported within the fake or before."""
    late = {f"late{number}": fake for number, fake in enumerate(FAKES.values())}
    project.module(FAKED)
    project.ini("shop:fetch", *(f"{name}:fetch" for name in late))
    tests = [
        "import datetime\n"
        "from unittest.mock import mock_open, patch\n"
        "import shop\n"
        "DAY = datetime.datetime(2024, 5, 1)\n"
    ]
    for number, (name, fake) in enumerate(late.items()):
        project.write(f"{name}.py", FAKED)
        tests.append(f"""
def test_early_{name}():
    with {fake}:
        found = shop.fetch(DAY.replace(hour={number}))
    assert found == {{"2024-05-01 {number:02}:00:00", 3}}

def test_{name}():
    with {fake}:
        import {name}
        found = {name}.fetch(DAY.replace(hour={number}))
    assert found == {{"2024-05-01 {number:02}:00:00", 3}}
""")
    project.tests("".join(tests))
    calls = [
        f"fetch 2024-05-01 {number:02}:00:00"
        for number in range(len(late))
        for _ in "ab"
    ]

    recorded = project.record().expect(passed=len(calls), real=calls)
    project.replay().expect(passed=len(calls), real=[])
    project.run("--mimic-verify").expect(passed=len(calls), real=calls)

    assert len(recorded.calls) == len(calls)


@pytest.mark.parametrize(
    "stopped",
    [
        'freezegun.freeze_time("2020-01-02")',
        'time_machine.travel("2020-01-02", tick=False)',
    ],
)
def test_stopped_clock_does_not_affect_date_and_duration(project, stopped):
    module = stopped.partition(".")[0]
    pytest.importorskip(module)
    project.ini("shop:count")
    project.module("def count(to):\n    return sum(range(to))\n")
    project.tests(f"""
        import datetime, {module}

        @{stopped}
        def test_it():
            assert datetime.date.today() == datetime.date(2020, 1, 2)
            assert shop.count(100_000) == 4_999_950_000
    """)

    project.record().expect(passed=1)

    [call] = project.calls()
    assert call.seconds > 0
    assert call.recorded != "2020-01-02"


def test_a_function_that_a_run_watches_itself_may_be_a_target(project):
    project.module("from socket import getaddrinfo")
    project.ini("socket:getaddrinfo")
    project.tests("""
        import socket

        @pytest.mark.parametrize("module", [socket, shop])
        def test_it(module):
            assert module.getaddrinfo("127.0.0.1", 80)
    """)
    project.record().expect(passed=2, says=["1 call recorded"])
    project.replay().expect(passed=2, says=["2 calls replayed"])
