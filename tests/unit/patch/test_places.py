"""Whoever holds a function sees its wrapper, and everything is restored exactly."""

from __future__ import annotations

import functools
import gc
import importlib
import math
import sys
import threading
import time
import weakref
from contextlib import closing
from functools import cached_property, partialmethod
from types import MethodType, ModuleType, SimpleNamespace
from unittest import mock

import pytest

from pytest_mimic._engine.wrappers import Mimicked
from pytest_mimic._patch import Patcher, patches
from pytest_mimic._targets.target import Target


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
    """The wrapper is called once, gets what the function got, and every attribute is put back by `is`."""
    before = snapshot(shop)

    activation = activate(f"shop:{path}")
    given = call(shop)
    activation.close()

    assert given == result
    assert activation.problems == []
    assert calls.covered == [(f"shop:{path}", kind)]
    assert calls.made == calls.uncovered == [f"shop:{path}"]
    assert not before.changed()


@pytest.mark.promise("every reference to a target is patched, whenever it was imported")
def test_whoever_imported_the_function_sees_the_wrapper(write, calls, activate, snapshot, shop_source):
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


def test_one_wrapper_serves_all_holders(write, activate, shop_source):
    """Identity comparisons between holders hold while patched, too."""
    write(shop=shop_source, early="from shop import fetch")
    early = importlib.import_module("early")

    activate("shop:fetch")

    assert early.fetch is sys.modules["shop"].fetch


def test_a_function_may_be_named_where_it_is_re_exported(write, calls, activate, shop_source):
    """It goes by the name under which it is defined, and is patched everywhere."""
    write({"pack/__init__": "from pack.api import fetch", "pack/api": shop_source})
    pack = importlib.import_module("pack")

    activate("pack:fetch")
    pack.api.fetch()

    assert calls.made == ["pack.api:fetch"]
    assert pack.fetch is pack.api.fetch


def test_a_method_that_a_subclass_inherits_is_patched_there_alone(shop, calls, activate):
    """The base and its other subclasses keep their function; the attribute is gone afterwards."""
    activation = activate("shop:Special.get")
    shop.Client().get()
    shop.Other().get()
    shop.Special().get()

    assert calls.made == ["shop:Special.get"]
    activation.close()
    assert "get" not in vars(shop.Special)


def test_a_subclass_that_overrides_a_method_calls_the_wrapper_by_super(shop, calls, activate):
    """Its own method is not the target, the one it calls is."""
    activate("shop:Client.get")

    assert shop.Other().get("/a") == "other got /a"
    assert calls.made == ["shop:Client.get"]


def test_a_partialmethod_of_a_target_calls_its_wrapper(shop, calls, activate):
    """`root = partialmethod(get, ...)` holds the function too, and a method bound in the module."""
    activate("shop:Client.get")

    shop.client.root()
    shop.get_shared()

    assert calls.made == ["shop:Client.get"] * 2


def test_a_property_keeps_its_setter_and_docstring(shop, activate):
    """Only reading is mimicked."""
    activate("shop:Client.token")
    client = shop.Client()

    client.token = "new"

    assert client.kept == "new"
    assert shop.Client.token.__doc__ == "The token."


def test_descriptors_of_other_libraries_are_rebuilt(write, calls, activate, snapshot):
    """What keeps its function under `func`, as Django's cached_property, and subclasses of property."""
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
    """In their module, where they were imported, and in a class, where they do not bind."""
    write(early="from math import hypot\nclass Point:\n    length = hypot\n")
    early = importlib.import_module("early")
    real = math.hypot

    activation = activate("math:hypot")
    results = [math.hypot(3, 4), early.hypot(3, 4), early.Point().length(3, 4)]
    activation.close()

    assert results == [5.0, 5.0, 5.0]
    assert calls.made == ["math:hypot"] * 3
    assert math.hypot is early.hypot is early.Point.__dict__["length"] is real


def test_a_class_with_a_metaclass_written_in_c_is_patched(write, calls, activate, snapshot):
    """Which insists on its own way of setting attributes."""
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


def test_a_method_written_in_c_that_a_class_inherits_is_patched_there_alone(write, calls, activate):
    """Its base, which cannot be written, keeps it."""
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


def test_a_function_may_be_named_through_a_module_that_another_holds(write, calls, activate):
    """As it is written in the code that calls it."""
    write(shop="import rates", rates="def fetch(): ...")
    shop = importlib.import_module("shop")

    activate("shop:rates.fetch")
    shop.rates.fetch()

    assert calls.made == ["rates:fetch"]


@pytest.mark.parametrize("module", ["gone", None, 5])
def test_a_function_of_no_module_goes_by_the_name_it_was_given(module, shop, calls, activate):
    """As one that was made by `exec`."""
    shop.fetch.__module__ = module

    activate("shop:fetch")
    shop.fetch()

    assert calls.made == ["shop:fetch"]


def test_the_machinery_that_runs_the_tests_is_left_alone(activate):
    """pytest and this plugin measure with the real clock while it is mimicked."""
    import _pytest.timing

    real = time.perf_counter

    activate("time:perf_counter")

    assert _pytest.timing.perf_counter is real
    assert time.perf_counter is not real


@pytest.mark.promise("wildcards add public functions and methods, and ! removes them")
@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (["shop:*"], {"fetch", "fetch_all", "cached", "traced", "get_shared"}),
        (["shop:*", "!shop:fetch_all"], {"fetch", "cached", "traced", "get_shared"}),
        (["shop:*", "!shop:*", "shop:cached"], {"cached"}),
        (["!shop:fetch", "shop:fetch"], {"fetch"}),
        (
            ["shop:Client.*"],
            {"Client.get", "Client.build", "Client.parse", "Client.version", "Client.root"},
        ),
        (
            ["shop:Client.*", "!shop:Client.get"],
            {"Client.build", "Client.parse", "Client.version", "Client.root"},
        ),
        (["shop:Special.get", "!shop:Special.get"], set()),
        (["user:*"], {"use"}),
    ],
)
def test_wildcards_take_in_and_exclusions_leave_out(lines, names, write, calls, patcher, shop_source):
    """Public functions defined in the module, public methods defined on the class, in the order of the lines."""
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


def test_what_names_a_function_wins_over_a_wildcard(shop, calls):
    """Its options hold, whichever comes first; of two that name it, the later."""
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
        ("shop.Client.gett", "shop:Client.gett does not exist in shop.Client (did you mean get?)"),
        ("empty:*", "empty:* names no public function"),
        ("odd:Odd.blind", "odd:Odd.blind is a property that cannot be read"),
        ("number:fetch", "number:fetch cannot be patched, number is no module but an int"),
    ],
)
def test_what_cannot_be_mimicked_is_told(line, message, write, patcher, shop_source):
    """In one line, with where it was written and the closest name; nothing is raised."""
    odd = "class Odd:\n    blind = property(None, lambda self, value: None)"
    write(shop=shop_source, empty="", odd=odd, number="import sys; sys.modules[__name__] = 5")
    for module in ("shop", "empty", "odd", "number"):
        importlib.import_module(module)

    activation = patcher.activate([Target(line)])
    activation.close()

    assert [str(problem) for problem in activation.problems] == [message]


def test_what_the_engine_finds_wrong_with_a_function_is_told(shop, calls):
    """Once, though it is looked at again when its module is reloaded."""
    patcher = Patcher(calls.cover, calls.uncover, lambda request, function: f"has no {request.path[-1]}ing")

    with closing(patcher.activate([Target("shop:fetch")])) as activation:
        importlib.reload(shop)

    assert [str(problem) for problem in activation.problems] == ["shop:fetch: has no fetching"]


def test_a_singledispatchmethod_is_refused(write, activate):
    """It calls what it has registered: a wrapper in it would never be called."""
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


def test_a_problem_is_found_when_the_module_is_imported(write, activate, shop_source):
    """Not before, once, and the import itself succeeds."""
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
    """The function stays patched until the last of them has ended."""
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
    """A partialmethod whose function is a target, and which is one itself."""
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


def test_closing_twice_does_no_harm(shop, calls, activate):
    """Only the first time counts."""
    activation = activate("shop:fetch")

    activation.close()
    activation.close()

    assert calls.uncovered == ["shop:fetch"]


def test_what_others_patch_meanwhile_stays_theirs(shop, activate, monkeypatch):
    """A monkeypatch or mock over the wrapper wins, and is not undone by us."""
    real = shop.fetch
    activation = activate("shop:fetch", "shop:Client.get")

    with mock.patch("shop.fetch", return_value="mocked"), monkeypatch.context() as patch:
        patch.setattr(shop.Client, "get", lambda self: "patched")
        assert (shop.fetch(), shop.Client().get()) == ("mocked", "patched")
        activation.close()
        assert (shop.fetch(), shop.Client().get()) == ("mocked", "patched")

    assert shop.fetch() == "fetched today"
    assert shop.fetch is real or shop.fetch.__wrapped__ is real


def test_a_wrapper_left_behind_is_patched_like_its_function(shop, calls, activate, monkeypatch):
    """An undo after our end puts a wrapper back; the next activation covers the function behind it."""
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


def test_what_wraps_a_wrapper_is_not_taken_for_one(shop, calls, activate):
    """functools.wraps copies our mark onto a decorator's function."""
    first = activate("shop:fetch")

    @functools.wraps(shop.fetch)
    def traced(*args):
        return "traced"

    first.close()
    shop.fetch = traced
    activate("shop:fetch")

    assert shop.fetch() == "traced"


def test_another_patcher_keeps_what_this_one_found(shop, calls, activate, snapshot):
    """A run inside a run covers the function itself, and puts the outer run's wrapper back."""
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


def test_all_is_restored_when_the_engine_fails(shop, calls, snapshot):
    """An error in `cover` comes out of `activate`, with nothing left patched."""

    def cover(request, name, function, kind):
        if name == "shop:cached":
            raise OSError("vault")
        return calls.cover(request, name, function, kind)

    before, finders = snapshot(shop), list(sys.meta_path)

    with pytest.raises(OSError, match="vault"):
        Patcher(cover, calls.uncover).activate([Target("shop:fetch"), Target("shop:cached")])

    assert not before.changed()
    assert sys.meta_path == finders


def test_odd_modules_and_classes_are_passed_over(shop, activate, monkeypatch):
    """Nothing in sys.modules is triggered by the search, whatever it is."""

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
    """Many activations of the same function, opened and closed side by side, leave nothing."""
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


def test_the_types_that_carry_a_function_are_restored_as_they_were(shop, activate):
    """The very descriptor, not an equal one."""
    held = {name: vars(shop.Client)[name] for name in ("build", "parse", "token", "pool", "root")}

    activate(*(f"shop:Client.{name}" for name in held)).close()

    assert [type(value) for value in held.values()] == [
        classmethod,
        staticmethod,
        property,
        cached_property,
        partialmethod,
    ]
    assert all(vars(shop.Client)[name] is value for name, value in held.items())
    assert type(shop.get_shared) is MethodType


def test_each_activation_finds_the_places_of_its_time(shop, calls, activate, snapshot):
    """Between two activations a holder may come, go or change, without any import."""
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


def test_a_function_that_has_moved_to_another_name_is_found_there(shop, calls, activate):
    """Between two activations, by an assignment that leaves everything else as it was."""
    shop.one = shop.fetch
    for _ in range(2):  # the first makes the wrapper, which holds the function from then on
        activate("shop:fetch").close()
    shop.other = vars(shop).pop("one")

    activation = activate("shop:fetch")
    shop.other()
    activation.close()

    assert calls.made == ["shop:fetch"]
    assert shop.other is shop.fetch


class Holder:
    """A class that was there before any activation."""


def listed(function):
    return [function]


def suspended(function):
    def generator(held):
        yield held

    running = generator(function)
    next(running)
    return running


@pytest.mark.parametrize(
    "name", ["fetch", "fetch_all", "cached", "Client.get", "Client.parse", "Client.build"]
)
@pytest.mark.parametrize("kept", [listed, suspended, lambda function: function, lambda function: None])
@pytest.mark.parametrize("holder", ["module", "class", "its own module"])
def test_a_holder_that_comes_as_another_reference_goes_is_found(
    name, kept, holder, shop, calls, activate, monkeypatch
):
    """The number of references to the function is the same as before."""
    owner, _, attribute = f"shop.{name}".rpartition(".")
    held = vars(shop.Client if "Client" in owner else shop)[attribute]
    function = getattr(held, "__func__", held)
    reference = kept(function)
    for _ in range(3):
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


def test_a_carrier_that_is_put_elsewhere_is_found(shop, calls, activate, monkeypatch):
    """It holds the function as before."""
    Service = type("Service", (), {"fetch": staticmethod(shop.fetch_all)})
    for _ in range(3):
        activate("shop:fetch_all").close()
    monkeypatch.setattr(Holder, "taken", vars(Service)["fetch"], raising=False)

    activation = activate("shop:fetch_all")
    Holder.taken()
    activation.close()

    assert calls.made == ["shop:fetch_all"]


class Facade:
    """What may stand for a module."""


def nameless():
    module = ModuleType("nameless")
    del module.__name__
    return module


def like_a_function():
    module = ModuleType("like_a_function")
    module.__qualname__ = "like_a_function"
    return module


@pytest.mark.parametrize(
    "make", [SimpleNamespace, Facade, nameless, like_a_function, lambda: ModuleType("pytest.other")]
)
def test_a_holder_that_hardly_looks_like_a_module_is_found(make, shop, calls, activate, monkeypatch):
    """Whatever stands in sys.modules under a name that is not the machinery's."""
    holder = make()
    monkeypatch.setitem(sys.modules, "facade", holder)
    for _ in range(3):
        activate("shop:fetch_all").close()
    holder.taken = shop.fetch_all

    activation = activate("shop:fetch_all")
    holder.taken()
    activation.close()

    assert calls.made == ["shop:fetch_all"]


class HolderWithName:
    """A class with an attribute that modules have."""

    __name__ = "pytest"


class Static(staticmethod):
    """A descriptor that full searches know inside of others alone."""


@pytest.mark.parametrize(
    ("holder", "carry"),
    [
        (Holder, lambda function: staticmethod(Static(function))),
        (HolderWithName, lambda function: function),
        (HolderWithName, staticmethod),
    ],
)
def test_a_holder_that_hardly_looks_like_a_class_is_found(holder, carry, shop, calls, activate, monkeypatch):
    """Nor what carries the function there like a carrier."""
    for _ in range(3):
        activate("shop:fetch_all").close()
    monkeypatch.setattr(holder, "taken", carry(shop.fetch_all), raising=False)

    activation = activate("shop:fetch_all")
    holder.taken()
    activation.close()

    assert calls.made == ["shop:fetch_all"]


def test_a_holder_of_what_the_garbage_collector_does_not_know_is_found(shop, calls, activate, monkeypatch):
    """An object without references is nobody's cycle, nor is a dict of such objects."""

    class Fetch:
        __slots__ = ()

        def __call__(self):
            return "fetched"

    shop.api = Fetch()
    holder = ModuleType("holder")
    monkeypatch.setitem(sys.modules, "holder", holder)
    for _ in range(3):
        activate("shop:api").close()
    holder.taken = shop.api

    activation = activate("shop:api")
    holder.taken()
    activation.close()

    assert calls.made == ["shop:api"]


def test_a_holder_of_what_a_module_gives_on_demand_is_found(write, calls, activate, monkeypatch):
    """The module itself does not hold it."""
    write(
        shop="""
            import api
            def __getattr__(name):
                return getattr(api, name)
        """,
        api="def fetch(): ...",
    )
    shop = importlib.import_module("shop")
    for _ in range(3):
        activate("shop:fetch").close()
    monkeypatch.setattr(sys.modules[__name__], "taken", shop.fetch, raising=False)

    activation = activate("shop:fetch")
    vars(sys.modules[__name__])["taken"]()
    activation.close()

    assert calls.made == ["api:fetch"]


def test_what_else_refers_to_a_function_is_left_alone(shop, activate):
    """A lazy object calls the function when it is asked for its class; a class may have no hash."""
    for _ in range(2):
        activate("shop:fetch").close()

    class Lazy:
        __slots__ = ("load",)

        @property
        def __class__(self):
            raise RuntimeError("loaded")

    class Meta(type):
        __hash__ = None

    class Odd(metaclass=Meta):
        __slots__ = ("load",)

    lazy, odd = Lazy(), Odd()
    lazy.load = odd.load = shop.fetch

    activate("shop:fetch").close()


class Covering:
    """The engine's side of a patcher, with the wrappers that it has in a run."""

    def __init__(self):
        self.mimicked = {}

    def cover(self, request, name, function, kind):
        if name not in self.mimicked:
            self.mimicked[name] = Mimicked(function)
        return self.mimicked[name].wrapper

    def uncover(self, request, name, function):
        pass


@pytest.mark.parametrize(
    "name", ["fetch_all", "cached", "Client.parse", "Client.build", "Client.token", "Client.pool"]
)
def test_holders_are_searched_once_as_long_as_nothing_changes(name, shop, activate, monkeypatch):
    """From the second time on every reference is accounted for, those of what carries the function too."""
    owner, _, attribute = f"shop.{name}".rpartition(".")
    monkeypatch.setattr(
        Holder, "taken", vars(shop.Client if "Client" in owner else shop)[attribute], raising=False
    )
    covering = Covering()
    patcher = Patcher(covering.cover, covering.uncover)
    patcher.activate([Target(f"shop:{name}")]).close()
    monkeypatch.setattr(patches, "all_namespaces", lambda: pytest.fail("searched"))

    patcher.activate([Target(f"shop:{name}")]).close()


def test_a_function_that_goes_by_another_name_is_found_by_the_first_too(write):
    """Two blocks may name it by two modules that hold it."""
    write(shop="def fetch(): ...", early="from shop import fetch as get")
    early = importlib.import_module("early")
    shop = sys.modules["shop"]
    covering = Covering()
    patcher = Patcher(covering.cover, covering.uncover)
    for line in ("shop:fetch", "shop:fetch", "early:get", "early:get", "shop:fetch"):
        with closing(patcher.activate([Target(line)])):
            assert shop.fetch is early.get is covering.mimicked["shop:fetch"].wrapper
        assert shop.fetch is early.get is covering.mimicked["shop:fetch"].function


def test_no_function_is_kept_for_ever(shop, write):
    """Where it was held is remembered until a module is imported; then it may go."""
    patcher = Patcher(lambda request, name, function, kind: lambda *args: function(*args), lambda *_: None)
    patcher.activate([Target("shop:fetch_all")]).close()
    function = weakref.ref(vars(shop).pop("fetch_all"))

    write(more="")
    importlib.import_module("more")
    patcher.activate([Target("shop:fetch")]).close()
    gc.collect()

    assert function() is None


def test_a_wrapper_taken_without_an_import_is_replaced(shop, activate):
    """By an assignment, a class body, a bound method or a descriptor, while it was in force."""
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
