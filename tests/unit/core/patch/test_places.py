"""Every holder of a function gets its wrapper, and is restored exactly."""

from __future__ import annotations

import functools
import gc
import importlib
import math
import sys
import sysconfig
import threading
import time
import weakref
from contextlib import closing
from types import ModuleType
from unittest import mock

import pytest

from pytest_mimic._core.engine.wrappers import Mimicked
from pytest_mimic._core.patch import Patcher
from pytest_mimic._core.targets.target import Target

counted = pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="functions have no exact reference counts in free-threaded builds, so every patch searches",
)


@pytest.mark.parametrize(
    ("path", "kind", "call", "result"),
    [
        ("fetch", "function", lambda shop: shop.fetch("x"), "fetched x"),
        ("cached", "function", lambda shop: shop.cached(), "cached"),
        ("traced", "function", lambda shop: shop.traced("x"), "fetched x"),
        ("_private", "function", lambda shop: shop._private(), "private"),
        ("get_shared", "function", lambda shop: shop.get_shared("/a"), "got /a"),
        ("Client.get", "method", lambda shop: shop.Client().get("/a"), "got /a"),
        ("Client.build", "classmethod", lambda shop: shop.Special.build(), "built Special"),
        ("Client.parse", "staticmethod", lambda shop: shop.Client().parse("a"), "parsed a"),
        ("Client.token", "property", lambda shop: shop.Client().token, "token"),
        ("Client.pool", "cached_property", lambda shop: shop.Client().pool, "pool"),
        ("Client.version", "method", lambda shop: shop.Client().version(), "version"),
        ("Client.root", "method", lambda shop: shop.Client().root(), "got /root"),
        ("Client.__secret", "method", lambda shop: shop.Client()._Client__secret(), "secret"),
        ("Client.Nested.deep", "method", lambda shop: shop.Client.Nested().deep(), "deep"),
        ("Special.get", "method", lambda shop: shop.Special().get("/a"), "got /a"),
        ("Special.build", "classmethod", lambda shop: shop.Special.build(), "built Special"),
        ("Special.parse", "staticmethod", lambda shop: shop.Special.parse("a"), "parsed a"),
        ("Special.root", "method", lambda shop: shop.Special().root(), "got /root"),
    ],
)
def test_every_kind_of_function_is_patched_and_restored(
    path, kind, call, result, shop, calls, activate, snapshot
):
    """The wrapper is called once with the function's arguments. Each attribute is the same object afterwards."""
    before = snapshot(shop)

    activation = activate(f"shop:{path}")
    given = call(shop)
    activation.close()

    assert given == result
    assert activation.problems == []
    assert calls.covered == [(f"shop:{path}", kind)]
    assert calls.made == calls.uncovered == [f"shop:{path}"]
    assert not before.changed()


def test_every_importer_of_a_function_gets_the_wrapper(write, calls, activate, snapshot, shop_source):
    """`from x import f` before and after, under another name, in a class body, as a staticmethod."""
    write(
        shop=shop_source,
        early="""
            from shop import fetch as get, Client, client
            class Service:
                fetch = staticmethod(get)
                bare = get
                class Inner:
                    fetch = staticmethod(get)
            class Child(Service):
                again = Service.__dict__["fetch"]
            build = Client.build
        """,
        late="from shop import fetch\nclass Service:\n    fetch = staticmethod(fetch)\n",
    )
    early = importlib.import_module("early")
    shop = sys.modules["shop"]
    before = snapshot(shop, early)

    activation = activate("shop:fetch", "shop:Client.build")
    late = importlib.import_module("late")
    for call in (
        early.get,
        early.Service.fetch,
        early.Service.Inner.fetch,
        early.Child.again,
        early.Service().bare,
        late.fetch,
        late.Service().fetch,
        early.build,
        lambda: shop.fetch_all(),
    ):
        call()
    activation.close()

    assert calls.made == ["shop:fetch"] * 7 + ["shop:Client.build", "shop:fetch"]
    assert not before.changed()
    assert late.fetch is shop.fetch
    assert late.Service.__dict__["fetch"].__func__ is shop.fetch


def test_descriptors_of_other_libraries_are_rebuilt(write, calls, activate, snapshot):
    """Such as Django's cached_property, which has its function under `func`, and subclasses of property."""
    write(
        shop="""
            class lazy:
                def __init__(self, func):
                    self.func = self.real = func
                def __get__(self, instance, owner=None):
                    return self if instance is None else self.real(instance)
            class cached(property):
                def __init__(self, fget, name):
                    super().__init__(fget)
                    self.name = name
            class Client:
                @lazy
                def pool(self):
                    return "pool"
                host = cached(lambda self: "host", "host")
        """
    )
    shop = importlib.import_module("shop")
    before = snapshot(shop)

    activation = activate("shop:Client.pool", "shop:Client.host")
    given = (shop.Client().pool, shop.Client().host, shop.Client.host.name)
    activation.close()

    assert given == ("pool", "host", "host")
    assert calls.made == ["shop:Client.pool", "shop:Client.host"]
    assert not before.changed()


def test_c_functions_are_patched(write, calls, activate):
    """In their module, in modules that imported them, and in a class, where they do not bind."""
    write(early="from math import hypot\nclass Point:\n    length = hypot\n")
    early = importlib.import_module("early")
    real = math.hypot

    activation = activate("math:hypot")
    results = [math.hypot(3, 4), early.hypot(3, 4), early.Point().length(3, 4)]
    activation.close()

    assert results == [5.0, 5.0, 5.0]
    assert calls.made == ["math:hypot"] * 3
    assert math.hypot is early.hypot is early.Point.__dict__["length"] is real


def test_class_with_a_metaclass_written_in_c_is_patched(write, calls, activate, snapshot):
    """Such a metaclass sets attributes by its own method only."""
    write(
        shop="""
        import ctypes

        class Size(ctypes.Structure):
            _fields_ = [("x", ctypes.c_int)]

            def area(self):
                return self.x ** 2
        """
    )
    shop = importlib.import_module("shop")
    before = snapshot(shop)

    activation = activate("shop:Size.area")
    assert shop.Size(3).area() == 9
    activation.close()

    assert calls.made == ["shop:Size.area"]
    assert not before.changed()


def test_inherited_c_method_is_patched_in_the_subclass_alone(write, calls, activate):
    write(shop="class Rows(list): ...")
    shop = importlib.import_module("shop")
    rows, others = shop.Rows(), []

    activation = activate("shop:Rows.append")
    rows.append(1)
    others.append(1)
    activation.close()
    rows.append(2)

    assert (rows, others, calls.made) == ([1, 2], [1], ["shop:Rows.append"])
    assert "append" not in vars(shop.Rows)


def test_target_may_name_a_module_inside_a_module(write, calls, activate):
    write(shop="import rates", rates="def fetch(): ...")
    shop = importlib.import_module("shop")

    activate("shop:rates.fetch")
    shop.rates.fetch()

    assert calls.made == ["rates:fetch"]


@pytest.mark.parametrize("module", ["gone", None, 5])
def test_function_without_a_module_is_named_as_in_its_target(module, shop, calls, activate):
    """As one that was made by `exec`."""
    shop.fetch.__module__ = module

    activate("shop:fetch")
    shop.fetch()

    assert calls.made == ["shop:fetch"]


def test_pytest_keeps_the_real_function(activate):
    """pytest and this plugin measure with the real clock while it is mimicked."""
    import _pytest.timing

    real = time.perf_counter

    activate("time:perf_counter")

    assert _pytest.timing.perf_counter is real
    assert time.perf_counter is not real


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (["shop:*"], {"fetch", "fetch_all", "cached", "traced", "get_shared"}),
        (["shop:*", "!shop:fetch_all"], {"fetch", "cached", "traced", "get_shared"}),
        (["shop:*", "!shop:*", "shop:cached"], {"cached"}),
        (["!shop:fetch", "shop:fetch"], {"fetch"}),
        (["shop:Client.*"], {"Client.get", "Client.build", "Client.parse", "Client.version", "Client.root"}),
        (
            ["shop:Client.*", "!shop:Client.get"],
            {"Client.build", "Client.parse", "Client.version", "Client.root"},
        ),
        (["shop:Special.get", "!shop:Special.get"], set()),
        (["user:*"], {"use"}),
    ],
)
def test_wildcards_and_exclusions_apply_in_order(lines, names, write, calls, patcher, shop_source):
    """Wildcards name the public functions defined in a module, or the public methods defined in a class."""
    write(shop=shop_source, user="from shop import fetch, Client\nasync def use(): ...\nclass Using: ...\n")
    importlib.import_module("user")
    named = []

    recording = Patcher(
        lambda request, *rest: named.append(rest[0]) or calls.cover(request, *rest), calls.uncover
    )
    activation = recording.activate([Target(line) for line in lines])
    problems = activation.problems
    activation.close()

    shown = {name.partition(":")[2] for name in named} - {"get_shared"} | ({"get_shared"} & names)
    assert shown == names
    assert problems == []


def test_named_target_wins_over_a_wildcard(shop, calls):
    """In whatever order they are. Of two named targets, the later one wins."""
    chosen = {}

    def cover(request, name, function, kind):
        chosen[name] = request
        return calls.cover(request, name, function, kind)

    wild, first, last = Target("shop:* rtol=1"), Target("shop:fetch rtol=2"), Target("shop:fetch rtol=3")

    Patcher(cover, calls.uncover).activate([first, last, wild]).close()

    assert chosen["shop:fetch"] is last
    assert chosen["shop:fetch_all"] is wild


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("shop:fetch_al", "shop:fetch_al does not exist in shop (did you mean fetch_all?)"),
        ("shop:qqqq", "shop:qqqq does not exist in shop"),
        ("shop:Clint.get", "shop:Clint.get does not exist in shop (did you mean Client?)"),
        ("shop:Client.gett", "shop:Client.gett does not exist in shop.Client (did you mean get?)"),
        (
            "shop:Client.Nested.depp",
            "shop:Client.Nested.depp does not exist in shop.Client.Nested (did you mean deep?)",
        ),
        ("shop:Client", "shop:Client is a class, which cannot be mimicked, name its methods: shop:Client.*"),
        ("shop:functools", "shop:functools is a module, name its functions: functools:*"),
        ("shop:RATE", "shop:RATE is not callable, it is a float"),
        (
            "shop:client.get",
            "shop:client.get cannot be patched, client is an object: name the method of its class, "
            "shop:Client",
        ),
        (
            "shop:Client.Nested.Deeper.*",
            "shop:Client.Nested.Deeper.* does not exist in shop.Client.Nested (did you mean deep?)",
        ),
        ("builtins:str.upper", "builtins:str.upper cannot be patched, its class is written in C"),
        ("empty:*", "empty:* names no public function"),
        ("odd:Odd.blind", "odd:Odd.blind is a property that cannot be read"),
        ("number:fetch", "number:fetch cannot be patched, number is no module but an int"),
    ],
)
def test_target_that_cannot_be_mimicked_is_reported(line, message, write, patcher, shop_source):
    """In one line with the closest name. Nothing is raised."""
    odd = "class Odd:\n    blind = property(None, lambda self, value: None)"
    write(shop=shop_source, empty="", odd=odd, number="import sys; sys.modules[__name__] = 5")
    for module in ("shop", "empty", "odd", "number"):
        importlib.import_module(module)

    activation = patcher.activate([Target(line)])
    activation.close()

    assert [str(problem) for problem in activation.problems] == [message]


def test_problem_found_by_the_engine_is_reported_once(shop, calls):
    """The module is reloaded, so the function is judged twice."""
    patcher = Patcher(calls.cover, calls.uncover, lambda request, function: f"has no {request.path[-1]}ing")

    with closing(patcher.activate([Target("shop:fetch")])) as activation:
        importlib.reload(shop)

    assert [str(problem) for problem in activation.problems] == ["shop:fetch: has no fetching"]


def test_singledispatchmethod_is_refused(write, activate):
    """It calls registered functions, so a wrapper in it would never be called."""
    write(
        shop="""
        import functools

        class Client:
            @functools.singledispatchmethod
            def send(self, what):
                return "sent"

            def get(self):
                return "got"
        """
    )
    shop = importlib.import_module("shop")

    activation = activate("shop:Client.send", "shop:Client.*")

    assert [str(problem) for problem in activation.problems] == [
        "shop:Client.send is a singledispatchmethod, which cannot be mimicked, name a function that it calls"
    ]
    assert shop.Client().send(1) == "sent"


def test_problem_is_reported_when_the_module_is_imported(write, activate, shop_source):
    """Once, and the import itself succeeds."""
    write(shop=shop_source)
    activation = activate("shop:fetch_al", "shop:fetch")
    assert activation.problems == []

    shop = importlib.import_module("shop")
    importlib.reload(shop)

    assert [str(problem) for problem in activation.problems] == [
        "shop:fetch_al does not exist in shop (did you mean fetch_all?)"
    ]


@pytest.mark.parametrize("first", [0, 1])
def test_nested_activations_end_in_any_order(first, shop, calls, activate, snapshot):
    """The function stays patched until the last one has ended."""
    before = snapshot(shop)
    both = [activate("shop:fetch", "shop:Client.get"), activate("shop:fetch", "shop:Client.parse")]

    both.pop(first).close()
    shop.fetch()
    both.pop().close()
    both = None
    shop.fetch()

    assert calls.made == ["shop:fetch"]
    assert not before.changed()


def test_two_patches_in_one_place_end_in_any_order(shop, calls, activate, snapshot):
    """A partialmethod is a target, and so is the function in it."""
    before = snapshot(shop)
    inner, outer = activate("shop:Client.get"), activate("shop:Client.root")
    shop.Client().root()

    inner.close()
    outer.close()

    assert calls.made == ["shop:Client.root"]
    assert not before.changed()

    inner, outer = activate("shop:Client.get"), activate("shop:Client.root")
    outer.close()
    shop.Client().root()
    inner.close()

    assert calls.made[1:] == ["shop:Client.get"]
    assert not before.changed()


def test_patches_by_others_are_not_undone(shop, activate, monkeypatch):
    """A monkeypatch or mock over the wrapper wins."""
    real = shop.fetch
    activation = activate("shop:fetch", "shop:Client.get")

    with mock.patch("shop.fetch", return_value="mocked"), monkeypatch.context() as patch:
        patch.setattr(shop.Client, "get", lambda self: "patched")
        assert (shop.fetch(), shop.Client().get()) == ("mocked", "patched")
        activation.close()
        assert (shop.fetch(), shop.Client().get()) == ("mocked", "patched")

    assert shop.fetch() == "fetched today"
    assert shop.fetch is real or shop.fetch.__wrapped__ is real


def test_wrapper_put_back_after_its_end_is_patched(shop, calls, activate, monkeypatch):
    """monkeypatch puts it back. The next activation covers the function behind it."""
    real = shop.fetch
    activation = activate("shop:fetch")
    monkeypatch.setattr(shop, "fetch", lambda: "patched")
    activation.close()
    monkeypatch.undo()
    calls.wrappers.clear()

    activate("shop:fetch")
    shop.fetch()

    assert calls.made == ["shop:fetch"]
    assert shop.fetch.__wrapped__ is real


def test_decorator_around_a_wrapper_is_patched_itself(shop, calls, activate):
    """functools.wraps copies the wrapper's mark to the decorator's function."""
    first = activate("shop:fetch")

    @functools.wraps(shop.fetch)
    def traced(*args):
        return "traced"

    first.close()
    shop.fetch = traced
    activate("shop:fetch")

    assert shop.fetch() == "traced"


def test_inner_patcher_puts_the_outer_wrapper_back(shop, calls, activate, snapshot):
    """A run inside a run covers the function itself."""
    activate("shop:fetch", "shop:Client.parse")
    before = snapshot(shop)
    inner = type(calls)()

    activation = Patcher(inner.cover, inner.uncover).activate(
        [Target("shop:fetch"), Target("shop:Client.parse")]
    )
    shop.fetch()
    shop.Client.parse()
    activation.close()

    assert inner.made == ["shop:fetch", "shop:Client.parse"]
    assert calls.made == []
    assert not before.changed()


def test_failing_cover_leaves_nothing_patched(shop, calls, snapshot):

    def cover(request, name, function, kind):
        if name == "shop:cached":
            raise OSError("vault")
        return calls.cover(request, name, function, kind)

    before, finders = snapshot(shop), list(sys.meta_path)

    with pytest.raises(OSError, match="vault"):
        Patcher(cover, calls.uncover).activate([Target("shop:fetch"), Target("shop:cached")])

    assert not before.changed()
    assert sys.meta_path == finders


def test_search_triggers_no_code_of_odd_modules_and_classes(shop, activate, monkeypatch):

    class Trap(ModuleType):
        def __getattribute__(self, name):
            raise RuntimeError(f"touched {name}")

    class Slotted:
        __slots__ = ()

    class Meta(type):
        __hash__ = None

        def __eq__(cls, other):
            raise RuntimeError("compared")

        def __setattr__(cls, name, value):
            raise RuntimeError("set")

    class Odd(metaclass=Meta):
        fetch = staticmethod(shop.fetch)

    class HoldsOdd:
        odd = Odd()
        fetch = staticmethod(shop.fetch)

    class Proxy:
        @property
        def __class__(self):
            raise RuntimeError("touched")

    trap = Trap("trap")
    for name, module in {"trap": trap, "slotted": Slotted(), "nothing": None, "number": 3}.items():
        monkeypatch.setitem(sys.modules, name, module)
    vars(shop)["proxy"] = Proxy()
    vars(shop)["odd"] = Odd()
    held = Odd.__dict__["fetch"]
    also_held = HoldsOdd.__dict__["fetch"]

    activation = activate("shop:fetch", "shop:*")
    assert Odd.__dict__["fetch"] is not held
    assert HoldsOdd.__dict__["fetch"] is not also_held
    activation.close()

    assert Odd.__dict__["fetch"] is held
    assert HoldsOdd.__dict__["fetch"] is also_held


def test_threads_may_activate_at_once(shop, patcher, snapshot):
    before = snapshot(shop)
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for _ in range(5):
            patcher.activate([Target("shop:fetch"), Target("shop:Client.get")]).close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not before.changed()


def test_each_activation_finds_the_current_holders(shop, calls, activate, snapshot):
    """Between two activations a holder comes, goes or changes, without any import."""
    holder = sys.modules[__name__]
    vars(holder)["kept"] = shop.fetch
    for _ in range(3):
        activate("shop:fetch", "shop:Client.build").close()

    class Service:
        fetch = staticmethod(shop.fetch)
        build = shop.Client.__dict__["build"]

    vars(holder)["added"] = vars(holder).pop("kept")
    before = snapshot(shop, holder)
    activation = activate("shop:fetch", "shop:Client.build")
    for call in (shop.fetch, Service.fetch, Service.build, vars(holder)["added"]):
        call()
    activation.close()

    assert calls.made == ["shop:fetch", "shop:fetch", "shop:Client.build", "shop:fetch"]
    assert not before.changed()
    assert Service.__dict__["fetch"].__func__ is vars(holder).pop("added") is shop.fetch


class Holder:
    """A class that exists before any activation."""


def listed(function):
    return [function]


def suspended(function):
    def generator(held):
        yield held

    running = generator(function)
    next(running)
    return running


def held_alone(function):
    return function


def dropped(function):
    return None


KEPT = [listed, suspended, held_alone, dropped]
NAMES = ["fetch_all", "cached", "Client.get", "Client.parse", "Client.build"]


@pytest.mark.parametrize(
    ("name", "kept", "holder"),
    [
        *(("fetch", kept, "module") for kept in KEPT),
        *(("fetch", listed, holder) for holder in ("class", "its own module")),
        *((name, listed, "class") for name in NAMES),
        ("Client.get", listed, "module"),
    ],
)
def test_new_holder_is_found_although_the_count_is_the_same(
    name, kept, holder, shop, calls, activate, monkeypatch
):
    """Another reference to the function has gone meanwhile."""
    owner, _, attribute = f"shop.{name}".rpartition(".")
    held = vars(shop.Client if "Client" in owner else shop)[attribute]
    function = getattr(held, "__func__", held)
    reference = kept(function)
    for _ in range(2):
        activate(f"shop:{name}").close()
    del reference
    holder = {"module": sys.modules[__name__], "class": Holder, "its own module": shop}[holder]
    monkeypatch.setattr(
        holder, "taken", staticmethod(function) if holder is Holder else function, raising=False
    )

    activation = activate(f"shop:{name}")
    holder.taken(*([shop.Client] if name in ("Client.get", "Client.build") else []))
    activation.close()

    assert calls.made == [f"shop:{name}"]


class Covering:
    """A cover function with the wrappers of a real run."""

    def __init__(self):
        self.mimicked = {}

    def cover(self, request, name, function, kind):
        if name not in self.mimicked:
            self.mimicked[name] = Mimicked(function)
        return self.mimicked[name].wrapper

    def uncover(self, request, name, function):
        pass


@counted
def test_a_module_that_gets_the_wrapper_after_a_failure_is_restored(write):
    """The frames of the earlier failure refer to the wrapper, too, and no module did then."""
    write(shop="def fetch(): ...", late="get = None")
    shop, late = importlib.import_module("shop"), importlib.import_module("late")
    wrappers, kept = {}, []

    def cover(request, name, function, kind):
        def wrapper():
            raise LookupError("no recording")

        return wrappers.setdefault(name, wrapper)

    def fail_in_activation():
        with closing(patcher.activate([Target("shop:fetch")])):
            try:
                shop.fetch()
            except LookupError as error:
                kept.append(error)

    patcher = Patcher(cover, lambda *_: None)
    fail_in_activation()
    patcher.sweep()
    with closing(patcher.activate([Target("shop:fetch")])):
        late.get = shop.fetch
    patcher.sweep()

    assert late.get is shop.fetch


def test_function_named_by_two_modules_is_patched_in_both(write):
    write(shop="def fetch(): ...", early="from shop import fetch as get")
    early = importlib.import_module("early")
    shop = sys.modules["shop"]
    covering = Covering()
    patcher = Patcher(covering.cover, covering.uncover)
    for line in ("shop:fetch", "shop:fetch", "early:get", "early:get", "shop:fetch"):
        with closing(patcher.activate([Target(line)])):
            assert shop.fetch is early.get is covering.mimicked["shop:fetch"].wrapper
        assert shop.fetch is early.get is covering.mimicked["shop:fetch"].function


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")) and sys.version_info < (3, 14),
    reason="Python 3.13 frees no function in free-threaded builds, once there was a thread",
)
def test_removed_function_is_freed_after_the_next_import(shop, write):
    patcher = Patcher(lambda request, name, function, kind: lambda *args: function(*args), lambda *_: None)
    patcher.activate([Target("shop:fetch_all")]).close()
    function = weakref.ref(vars(shop).pop("fetch_all"))

    write(more="")
    importlib.import_module("more")
    patcher.activate([Target("shop:fetch")]).close()
    gc.collect()

    assert function() is None


def test_wrapper_copied_while_in_force_is_replaced(shop, activate):
    """By an assignment, a class body, a bound method or a descriptor."""
    held = vars(shop.Client)["build"]
    for _ in range(3):
        activation = activate("shop:fetch", "shop:Client.build")

        class Service:
            fetch = staticmethod(shop.fetch)
            build = shop.Client.__dict__["build"]

        shop.taken = shop.fetch
        shop.bound = shop.Client.build
        activation.close()

        assert shop.taken is Service.__dict__["fetch"].__func__ is shop.fetch
        assert Service.__dict__["build"] is held
        assert shop.bound.__func__ is held.__func__
        assert not hasattr(shop.fetch, "__wrapped__")


def test_wrapper_copied_by_a_new_module_is_replaced_although_another_holder_has_gone(write, shop, activate):
    """The wrapper is the same for all activations, and has as many references as before."""
    write(late="from shop import fetch")
    first = activate("shop:fetch")
    registry = [shop.fetch]
    first.close()

    second = activate("shop:fetch")
    registry.clear()
    late = importlib.import_module("late")
    assert late.fetch.__wrapped__ is vars(shop.fetch)["__wrapped__"]
    second.close()

    assert late.fetch is shop.fetch
    assert not hasattr(late.fetch, "__wrapped__")
