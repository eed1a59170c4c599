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
        ("Client._Client__secret", lambda shop: shop.Client()._Client__secret(), "secret"),
        ("Client.Nested.deep", lambda shop: shop.Client.Nested().deep(), "deep"),
        ("Special.get", lambda shop: shop.Special().get("/a"), "got /a"),
        ("Special.build", lambda shop: shop.Special.build(), "built Special"),
        ("Special.parse", lambda shop: shop.Special.parse("a"), "parsed a"),
    ],
)
def test_every_kind_of_function_is_patched_and_restored(path, call, result, shop, coverings, cover, snapshot):
    """The wrapper is called once with the function's arguments. Each attribute is the same object afterwards."""
    before = snapshot(shop)

    cover(f"shop:{path}")
    given = call(shop)
    coverings.close()

    assert given == result
    assert coverings.covered == coverings.made == coverings.left == [f"shop:{path}"]
    assert not before.changed()


def test_every_importer_of_a_function_gets_the_wrapper(write, coverings, cover, snapshot, shop_source):
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

    cover("shop:fetch", "shop:Client.build")
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
    coverings.close()

    assert coverings.made == ["shop:fetch"] * 7 + ["shop:Client.build", "shop:fetch"]
    assert not before.changed()
    assert late.fetch is shop.fetch
    assert late.Service.__dict__["fetch"].__func__ is shop.fetch


def test_a_property_of_another_class_is_rebuilt(write, coverings, cover, snapshot):
    """Its constructor may take other arguments."""
    write(
        shop="""
            class cached(property):
                def __init__(self, fget, name):
                    super().__init__(fget)
                    self.name = name
            class Client:
                host = cached(lambda self: "host", "host")
        """
    )
    shop = importlib.import_module("shop")
    before = snapshot(shop)

    cover("shop:Client.host")
    given = (shop.Client().host, shop.Client.host.name)
    coverings.close()

    assert given == ("host", "host")
    assert coverings.made == ["shop:Client.host"]
    assert not before.changed()


def test_c_functions_are_patched(write, coverings, cover):
    """In their module, in modules that imported them, and in a class, where they do not bind."""
    write(early="from math import hypot\nclass Point:\n    length = hypot\n")
    early = importlib.import_module("early")
    real = math.hypot

    cover("math:hypot")
    results = [math.hypot(3, 4), early.hypot(3, 4), early.Point().length(3, 4)]
    coverings.close()

    assert results == [5.0, 5.0, 5.0]
    assert coverings.made == ["math:hypot"] * 3
    assert math.hypot is early.hypot is early.Point.__dict__["length"] is real


def test_class_with_a_metaclass_written_in_c_is_patched(write, coverings, cover, snapshot):
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

    cover("shop:Size.area")
    assert shop.Size(3).area() == 9
    coverings.close()

    assert coverings.made == ["shop:Size.area"]
    assert not before.changed()


def test_inherited_c_method_is_patched_in_the_subclass_alone(write, coverings, cover):
    write(shop="class Rows(list): ...")
    shop = importlib.import_module("shop")
    rows, others = shop.Rows(), []

    cover("shop:Rows.append")
    rows.append(1)
    others.append(1)
    coverings.close()
    rows.append(2)

    assert (rows, others, coverings.made) == ([1, 2], [1], ["shop:Rows.append"])
    assert "append" not in vars(shop.Rows)


def test_target_may_name_a_module_inside_a_module(write, coverings, cover):
    write(shop="import rates", rates="def fetch(): ...")
    shop = importlib.import_module("shop")

    cover("shop:rates.fetch")
    shop.rates.fetch()

    assert coverings.made == ["rates:fetch"]


@pytest.mark.parametrize("module", ["gone", None, 5])
def test_function_without_a_module_is_named_as_in_its_target(module, shop, coverings, cover):
    """As one that was made by `exec`."""
    shop.fetch.__module__ = module

    cover("shop:fetch")
    shop.fetch()

    assert coverings.made == ["shop:fetch"]


def test_pytest_keeps_the_real_function(cover):
    """pytest and this plugin measure with the real clock while it is mimicked."""
    import _pytest.timing

    real = time.perf_counter

    cover("time:perf_counter")

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
def test_wildcards_and_exclusions_apply_in_order(lines, names, write, coverings, cover, shop_source):
    """Wildcards name the public functions defined in a module, or the public methods defined in a class."""
    write(shop=shop_source, user="from shop import fetch, Client\nasync def use(): ...\nclass Using: ...\n")
    importlib.import_module("user")

    problems = cover(*lines).problems

    named = coverings.covered
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
        ("odd:Odd.blind", "odd:Odd.blind is not callable, it is a property"),
        (
            "number:fetch",
            "number:fetch cannot be patched, number is an object: name the method of its class, builtins:int",
        ),
    ],
)
def test_target_that_cannot_be_mimicked_is_reported(line, message, write, cover, shop_source):
    """In one line with the closest name. Nothing is raised."""
    odd = "class Odd:\n    blind = property(None, lambda self, value: None)"
    write(shop=shop_source, empty="", odd=odd, number="import sys; sys.modules[__name__] = 5")
    for module in ("shop", "empty", "odd", "number"):
        importlib.import_module(module)

    assert [str(problem) for problem in cover(line).problems] == [message]


def test_singledispatchmethod_is_refused(write, cover):
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

    activation = cover("shop:Client.send", "shop:Client.*")

    assert [str(problem) for problem in activation.problems] == [
        "shop:Client.send is not callable, it is a singledispatchmethod"
    ]
    assert shop.Client().send(1) == "sent"


def test_problem_is_reported_when_the_module_is_imported(write, cover, shop_source):
    """Once, and the import itself succeeds."""
    write(shop=shop_source)
    activation = cover("shop:fetch_al", "shop:fetch")
    assert activation.problems == []

    shop = importlib.import_module("shop")
    importlib.reload(shop)

    assert [str(problem) for problem in activation.problems] == [
        "shop:fetch_al does not exist in shop (did you mean fetch_all?)"
    ]


@pytest.mark.parametrize("first", [0, 1])
def test_nested_activations_end_in_any_order(first, shop, coverings, cover):
    both = [cover("shop:fetch", "shop:Client.get"), cover("shop:fetch", "shop:Client.parse")]

    both.pop(first).end()
    both.pop().end()

    assert sorted(coverings.left) == ["shop:Client.get", "shop:Client.parse", "shop:fetch", "shop:fetch"]


def test_patches_by_others_are_not_undone(shop, cover, monkeypatch, coverings):
    """A monkeypatch or mock over the wrapper wins."""
    real = shop.fetch
    cover("shop:fetch", "shop:Client.get")

    with mock.patch("shop.fetch", return_value="mocked"), monkeypatch.context() as patch:
        patch.setattr(shop.Client, "get", lambda self: "patched")
        assert (shop.fetch(), shop.Client().get()) == ("mocked", "patched")
        coverings.close()
        assert (shop.fetch(), shop.Client().get()) == ("mocked", "patched")

    assert shop.fetch() == "fetched today"
    assert shop.fetch is real or shop.fetch.__wrapped__ is real


def test_decorator_around_a_wrapper_is_patched_itself(shop, coverings, cover):
    """functools.wraps copies the wrapper's mark to the decorator's function."""
    cover("shop:fetch")

    @functools.wraps(shop.fetch)
    def traced(*args):
        return "traced"

    shop.fetch = traced
    cover("shop:fetch")

    assert shop.fetch() == "traced"


def test_an_inner_run_puts_the_outer_wrapper_back(shop, noting, coverings, cover, snapshot):
    """A run inside a run wraps the wrapper of the outer one."""
    cover("shop:fetch", "shop:Client.parse")
    before = snapshot(shop)
    inner = noting()

    inner.cover(as_targets(["shop:fetch", "shop:Client.parse"]))
    shop.fetch()
    shop.Client.parse()
    inner.close()

    assert coverings.made == inner.made == ["shop:fetch", "shop:Client.parse"]
    assert not before.changed()


def test_search_triggers_no_code_of_odd_modules_and_classes(shop, cover, monkeypatch, coverings):

    class Trap(ModuleType):
        def __getattribute__(self, name):
            raise RuntimeError(f"touched {name}")

    class Slotted:
        __slots__ = ()

    class Meta(type):
        __hash__ = None

        def __eq__(cls, other):
            raise RuntimeError("compared")

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
    vars(shop).update(odd=Odd(), Odd=Odd, HoldsOdd=HoldsOdd)
    held = Odd.__dict__["fetch"]
    also_held = HoldsOdd.__dict__["fetch"]

    cover("shop:fetch", "shop:*")
    assert Odd.__dict__["fetch"] is not held
    assert HoldsOdd.__dict__["fetch"] is not also_held
    coverings.close()

    assert Odd.__dict__["fetch"] is held
    assert HoldsOdd.__dict__["fetch"] is also_held


def test_threads_may_activate_at_once(shop, coverings, snapshot):
    before = snapshot(shop)
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for _ in range(5):
            coverings.cover(as_targets(["shop:fetch", "shop:Client.get"])).end()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    coverings.close()

    assert not before.changed()


def test_holders_made_between_two_activations_have_the_wrapper_until_the_end(
    shop, coverings, cover, snapshot
):
    """By an assignment, a class body, a bound method or a descriptor. An original that was put back is patched again."""
    before, real, held = snapshot(shop), shop.fetch, vars(shop.Client)["build"]
    cover("shop:fetch", "shop:Client.build").end()

    class Service:
        fetch = staticmethod(shop.fetch)
        build = shop.Client.__dict__["build"]

    holder = sys.modules[__name__]
    vars(holder).update(taken=shop.fetch, bound=shop.Client.build, Service=Service)
    shop.fetch = real
    cover("shop:fetch", "shop:Client.build")
    for call in (shop.fetch, Service.fetch, Service.build, vars(holder)["taken"], vars(holder)["bound"]):
        call()
    coverings.close()

    assert coverings.made == [*["shop:fetch"] * 2, "shop:Client.build", "shop:fetch", "shop:Client.build"]
    assert not before.changed()
    assert vars(holder).pop("taken") is Service.__dict__["fetch"].__func__ is real
    assert vars(holder).pop("bound").__func__ is held.__func__
    assert vars(holder).pop("Service").__dict__["build"] is held


def test_an_inherited_function_is_the_classes_own_while_it_is_covered(shop, coverings, cover, snapshot):
    """Afterwards, what covers the function of the base takes the calls."""
    before = snapshot(shop)
    cover("shop:Client.get")
    for _ in range(2):
        own = cover("shop:Special.get")
        shop.Special().get()
        shop.Client().get()
        own.end()
    shop.Special().get()
    shop.Client().root()
    coverings.close()

    assert coverings.made == [*["shop:Special.get", "shop:Client.get"] * 2, *["shop:Client.get"] * 2]
    assert not before.changed()
