"""Every holder of a function gets its wrapper, and is restored exactly."""

from __future__ import annotations

import functools
import importlib
import math
import sys
import threading
import time
from types import ModuleType
from unittest import mock

import pytest

from pytest_mimic._core.patch.patcher import Patcher
from pytest_mimic._core.targets.target import as_targets


@pytest.mark.parametrize(
    ("path", "call", "result"),
    [
        ("fetch", lambda shop: shop.fetch("x"), "fetched x"),
        ("cached", lambda shop: shop.cached(), "cached"),
        ("traced", lambda shop: shop.traced("x"), "fetched x"),
        ("_private", lambda shop: shop._private(), "private"),
        ("get_shared", lambda shop: shop.get_shared("/a"), "got /a"),
        ("Client.get", lambda shop: shop.Client().get("/a"), "got /a"),
        ("Client.build", lambda shop: shop.Special.build(), "built Special"),
        ("Client.parse", lambda shop: shop.Client().parse("a"), "parsed a"),
        ("Client.token", lambda shop: shop.Client().token, "token"),
        ("Client.pool", lambda shop: shop.Client().pool, "pool"),
        ("Client.version", lambda shop: shop.Client().version(), "version"),
        ("Client.__secret", lambda shop: shop.Client()._Client__secret(), "secret"),
        ("Client.Nested.deep", lambda shop: shop.Client.Nested().deep(), "deep"),
        ("Special.get", lambda shop: shop.Special().get("/a"), "got /a"),
        ("Special.build", lambda shop: shop.Special.build(), "built Special"),
        ("Special.parse", lambda shop: shop.Special.parse("a"), "parsed a"),
    ],
)
def test_every_kind_of_function_is_patched_and_restored(
    path, call, result, shop, calls, patcher, activate, snapshot
):
    """The wrapper is called once with the function's arguments. Each attribute is the same object afterwards."""
    before = snapshot(shop)

    activate(f"shop:{path}")
    given = call(shop)
    patcher.restore()

    assert given == result
    assert calls.covered == calls.made == calls.uncovered == [f"shop:{path}"]
    assert not before.changed()


def test_every_importer_of_a_function_gets_the_wrapper(
    write, calls, activate, snapshot, shop_source, patcher
):
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

    activate("shop:fetch", "shop:Client.build")
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
    patcher.restore()

    assert calls.made == ["shop:fetch"] * 7 + ["shop:Client.build", "shop:fetch"]
    assert not before.changed()
    assert late.fetch is shop.fetch
    assert late.Service.__dict__["fetch"].__func__ is shop.fetch


def test_descriptors_of_other_libraries_are_rebuilt(write, calls, activate, snapshot, patcher):
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

    activate("shop:Client.pool", "shop:Client.host")
    given = (shop.Client().pool, shop.Client().host, shop.Client.host.name)
    patcher.restore()

    assert given == ("pool", "host", "host")
    assert calls.made == ["shop:Client.pool", "shop:Client.host"]
    assert not before.changed()


def test_c_functions_are_patched(write, calls, activate, patcher):
    """In their module, in modules that imported them, and in a class, where they do not bind."""
    write(early="from math import hypot\nclass Point:\n    length = hypot\n")
    early = importlib.import_module("early")
    real = math.hypot

    activate("math:hypot")
    results = [math.hypot(3, 4), early.hypot(3, 4), early.Point().length(3, 4)]
    patcher.restore()

    assert results == [5.0, 5.0, 5.0]
    assert calls.made == ["math:hypot"] * 3
    assert math.hypot is early.hypot is early.Point.__dict__["length"] is real


def test_class_with_a_metaclass_written_in_c_is_patched(write, calls, activate, snapshot, patcher):
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

    activate("shop:Size.area")
    assert shop.Size(3).area() == 9
    patcher.restore()

    assert calls.made == ["shop:Size.area"]
    assert not before.changed()


def test_inherited_c_method_is_patched_in_the_subclass_alone(write, calls, activate, patcher):
    write(shop="class Rows(list): ...")
    shop = importlib.import_module("shop")
    rows, others = shop.Rows(), []

    activate("shop:Rows.append")
    rows.append(1)
    others.append(1)
    patcher.restore()
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
        (["shop:Client.*"], {"Client.get", "Client.build", "Client.parse", "Client.version"}),
        (
            ["shop:Client.*", "!shop:Client.get"],
            {"Client.build", "Client.parse", "Client.version"},
        ),
        (["shop:Special.get", "!shop:Special.get"], set()),
        (["user:*"], {"use"}),
    ],
)
def test_wildcards_and_exclusions_apply_in_order(lines, names, write, calls, activate, shop_source):
    """Wildcards name the public functions defined in a module, or the public methods defined in a class."""
    write(shop=shop_source, user="from shop import fetch, Client\nasync def use(): ...\nclass Using: ...\n")
    importlib.import_module("user")

    problems = activate(*lines).problems

    named = calls.covered
    shown = {name.partition(":")[2] for name in named} - {"get_shared"} | ({"get_shared"} & names)
    assert shown == names
    assert problems == []


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
        ("shop:Client.root", "shop:Client.root is a partialmethod, name the function in it"),
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

    activation = patcher.activate(as_targets([line]))
    patcher.restore()

    assert [str(problem) for problem in activation.problems] == [message]


def test_problem_found_by_the_engine_is_reported_once(shop, calls):
    """The module is reloaded, so the function is judged twice."""
    patcher = Patcher(calls.cover, calls.uncover, lambda request, function: f"has no {request.path[-1]}ing")

    activation = patcher.activate(as_targets(["shop:fetch"]))
    importlib.reload(shop)
    patcher.restore()

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
def test_nested_activations_end_in_any_order(first, shop, calls, activate, patcher):
    both = [activate("shop:fetch", "shop:Client.get"), activate("shop:fetch", "shop:Client.parse")]

    patcher.deactivate(both.pop(first))
    patcher.deactivate(both.pop())

    assert sorted(calls.uncovered) == ["shop:Client.get", "shop:Client.parse", "shop:fetch", "shop:fetch"]


def test_patches_by_others_are_not_undone(shop, activate, monkeypatch, patcher):
    """A monkeypatch or mock over the wrapper wins."""
    real = shop.fetch
    activate("shop:fetch", "shop:Client.get")

    with mock.patch("shop.fetch", return_value="mocked"), monkeypatch.context() as patch:
        patch.setattr(shop.Client, "get", lambda self: "patched")
        assert (shop.fetch(), shop.Client().get()) == ("mocked", "patched")
        patcher.restore()
        assert (shop.fetch(), shop.Client().get()) == ("mocked", "patched")

    assert shop.fetch() == "fetched today"
    assert shop.fetch is real or shop.fetch.__wrapped__ is real


def test_decorator_around_a_wrapper_is_patched_itself(shop, calls, activate):
    """functools.wraps copies the wrapper's mark to the decorator's function."""
    activate("shop:fetch")

    @functools.wraps(shop.fetch)
    def traced(*args):
        return "traced"

    shop.fetch = traced
    activate("shop:fetch")

    assert shop.fetch() == "traced"


def test_inner_patcher_puts_the_outer_wrapper_back(shop, calls, activate, snapshot, patcher):
    """A run inside a run covers the function itself."""
    activate("shop:fetch", "shop:Client.parse")
    before = snapshot(shop)
    inner = type(calls)()

    inside = Patcher(inner.cover, inner.uncover)
    inside.activate(as_targets(["shop:fetch", "shop:Client.parse"]))
    shop.fetch()
    shop.Client.parse()
    inside.restore()

    assert inner.made == ["shop:fetch", "shop:Client.parse"]
    assert calls.made == []
    assert not before.changed()


def test_search_triggers_no_code_of_odd_modules_and_classes(shop, activate, monkeypatch, patcher):

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

    activate("shop:fetch", "shop:*")
    assert Odd.__dict__["fetch"] is not held
    assert HoldsOdd.__dict__["fetch"] is not also_held
    patcher.restore()

    assert Odd.__dict__["fetch"] is held
    assert HoldsOdd.__dict__["fetch"] is also_held


def test_threads_may_activate_at_once(shop, patcher, snapshot):
    before = snapshot(shop)
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for _ in range(5):
            patcher.deactivate(patcher.activate(as_targets(["shop:fetch", "shop:Client.get"])))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    patcher.restore()

    assert not before.changed()


def test_holders_made_between_two_activations_have_the_wrapper_until_the_end(
    shop, calls, activate, patcher, snapshot
):
    """By an assignment, a class body, a bound method or a descriptor. An original that was put back is patched again."""
    before, real, held = snapshot(shop), shop.fetch, vars(shop.Client)["build"]
    patcher.deactivate(activate("shop:fetch", "shop:Client.build"))

    class Service:
        fetch = staticmethod(shop.fetch)
        build = shop.Client.__dict__["build"]

    holder = sys.modules[__name__]
    vars(holder).update(taken=shop.fetch, bound=shop.Client.build)
    shop.fetch = real
    activate("shop:fetch", "shop:Client.build")
    for call in (shop.fetch, Service.fetch, Service.build, vars(holder)["taken"], vars(holder)["bound"]):
        call()
    patcher.restore()

    assert calls.made == [*["shop:fetch"] * 2, "shop:Client.build", "shop:fetch", "shop:Client.build"]
    assert not before.changed()
    assert vars(holder).pop("taken") is Service.__dict__["fetch"].__func__ is real
    assert vars(holder).pop("bound").__func__ is held.__func__
    assert Service.__dict__["build"] is held


def test_an_inherited_function_is_the_classes_own_while_it_is_covered(
    shop, calls, activate, patcher, snapshot
):
    """Afterwards, what covers the function of the base takes the calls."""
    before = snapshot(shop)
    activate("shop:Client.get")
    for _ in range(2):
        own = activate("shop:Special.get")
        shop.Special().get()
        shop.Client().get()
        patcher.deactivate(own)
    shop.Special().get()
    shop.Client().root()
    patcher.restore()

    assert calls.made == [*["shop:Special.get", "shop:Client.get"] * 2, *["shop:Client.get"] * 2]
    assert not before.changed()
