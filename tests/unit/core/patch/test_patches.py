"""Every holder of a function gets its wrapper, and is restored exactly."""

from __future__ import annotations

import functools
import importlib
import math
import sys
from types import ModuleType
from unittest import mock

import pytest


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
        (
            "Client._Client__secret",
            lambda shop: shop.Client()._Client__secret(),
            "secret",
        ),
        ("Client.Nested.deep", lambda shop: shop.Client.Nested().deep(), "deep"),
        ("Special.get", lambda shop: shop.Special().get("/a"), "got /a"),
        ("Special.build", lambda shop: shop.Special.build(), "built Special"),
        ("Special.parse", lambda shop: shop.Special.parse("a"), "parsed a"),
    ],
)
def test_every_kind_of_function_is_patched_and_restored(
    path, call, result, shop, coverings, cover, snapshot
):
    """The wrapper is called once with the function's arguments.

    Each attribute is the same object afterwards.
    """
    before = snapshot(shop)

    cover(f"shop:{path}")
    given = call(shop)
    coverings.close()

    assert given == result
    assert coverings.covered == coverings.made == coverings.left == [f"shop:{path}"]
    assert not before.changed()


def test_every_importer_of_a_function_gets_the_wrapper(
    write, coverings, cover, snapshot, shop_source
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


@pytest.mark.parametrize(
    "targets",
    [
        ("shop:rate",),
        ("shop:*",),
        ("early:again",),
        ("shop:rate", "early:rate"),
        ("shop:rate", "late:rate", "shop:tax"),
        ("shop:rate", "early:Cart.rate", "early:*"),
    ],
    ids=" ".join,
)
def test_every_place_has_the_wrapper_where_nothing_else_refers_to_the_function(
    targets, write, coverings, cover
):
    """The search for places ends with the last reference to the function, no earlier.

    The test itself keeps no reference.
    """
    write(
        shop="""
            def rate():
                return 2
            def tax():
                return 3
        """,
        early="""
            from shop import rate
            again = rate
            class Cart:
                rate = rate
                class Item:
                    price = rate
        """,
        late="from early import again as rate",
    )
    importlib.import_module("late")
    early, shop = sys.modules["early"], sys.modules["shop"]

    cover(*targets)
    for module, name in (
        (shop, "rate"),
        (early, "rate"),
        (early, "again"),
        (early.Cart, "rate"),
        (early.Cart.Item, "price"),
        (sys.modules["late"], "rate"),
    ):
        assert getattr(module, name)() == 2
    coverings.close()

    assert coverings.made == ["shop:rate"] * 6
    assert early.Cart.Item.price is early.again is shop.rate


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


def test_class_with_a_metaclass_written_in_c_is_patched(
    write, coverings, cover, snapshot
):
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


def test_patches_by_others_are_not_undone(shop, cover, monkeypatch, coverings):
    """A monkeypatch or mock over the wrapper wins."""
    real = shop.fetch
    cover("shop:fetch", "shop:Client.get")

    with (
        mock.patch("shop.fetch", return_value="mocked"),
        monkeypatch.context() as patch,
    ):
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


def test_search_triggers_no_code_of_odd_modules_and_classes(
    shop, cover, monkeypatch, coverings
):

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
    for name, module in {
        "trap": trap,
        "slotted": Slotted(),
        "nothing": None,
        "number": 3,
    }.items():
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


def test_holders_made_between_two_activations_have_the_wrapper_until_the_end(
    shop, coverings, cover, snapshot
):
    """By an assignment, a class body, a bound method or a descriptor.

    An original that was put back is patched again.
    """
    before, real, held = snapshot(shop), shop.fetch, vars(shop.Client)["build"]
    cover("shop:fetch", "shop:Client.build").end()

    class Service:
        fetch = staticmethod(shop.fetch)
        build = shop.Client.__dict__["build"]

    holder = sys.modules[__name__]
    vars(holder).update(taken=shop.fetch, bound=shop.Client.build, Service=Service)
    shop.fetch = real
    cover("shop:fetch", "shop:Client.build")
    for call in (
        shop.fetch,
        Service.fetch,
        Service.build,
        vars(holder)["taken"],
        vars(holder)["bound"],
    ):
        call()
    coverings.close()

    assert coverings.made == [
        *["shop:fetch"] * 2,
        "shop:Client.build",
        "shop:fetch",
        "shop:Client.build",
    ]
    assert not before.changed()
    assert vars(holder).pop("taken") is Service.__dict__["fetch"].__func__ is real
    assert vars(holder).pop("bound").__func__ is held.__func__
    assert vars(holder).pop("Service").__dict__["build"] is held
