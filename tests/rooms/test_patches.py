"""Wrappers stand wherever a function is held, and every place is restored exactly."""

from __future__ import annotations

import functools
import sys
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from pytest_mimic.patch.named import find
from pytest_mimic.patch.patches import Patches

SHOP = """
    from functools import cached_property

    def fetch(path):
        return f"fetched {path}"

    class Client:
        name = "Client"

        def get(self, path):
            return f"got {path}"

        @classmethod
        def build(cls):
            return f"built {cls.__name__}"

        @staticmethod
        def parse(text):
            return f"parsed {text}"

        @property
        def token(self):
            return "token"

        @cached_property
        def pool(self):
            return "pool"

    class Special(Client):
        pass
"""
APP = """
    from shop import fetch as get, Client

    class Service:
        fetch = staticmethod(get)

    build = Client.build
"""


@pytest.fixture
def load() -> Iterator[Callable[[str, str], ModuleType]]:
    """Make modules, which are gone after the test."""
    made: list[str] = []

    def make(name: str, source: str) -> ModuleType:
        module = ModuleType(name)
        sys.modules[name] = module
        made.append(name)
        exec(textwrap.dedent(source), module.__dict__)
        return module

    yield make
    for name in made:
        del sys.modules[name]


@pytest.fixture
def patches() -> Iterator[Patches]:
    patches = Patches()
    yield patches
    patches.restore()


def wrap(patches: Patches, target: str) -> list[str]:
    """Wrap a function wherever it is held, and return where calls are noted."""
    calls: list[str] = []
    module, _, path = target.partition(":")
    [named] = find(module, path.split("."), patches)

    @functools.wraps(named.function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        calls.append(target)
        return named.function(*args, **kwargs)

    patches.put(named, wrapper)
    if not named.is_inherited:
        patches.put_wherever_held([(named, wrapper)])
    return calls


def held(*holders: Any) -> list[dict[str, Any]]:
    return [dict(vars(holder)) for holder in holders]


@pytest.mark.parametrize(
    ("path", "use", "given"),
    [
        ("fetch", lambda shop: shop.fetch("x"), "fetched x"),
        ("Client.get", lambda shop: shop.Client().get("/a"), "got /a"),
        ("Client.build", lambda shop: shop.Special.build(), "built Special"),
        ("Client.parse", lambda shop: shop.Client().parse("a"), "parsed a"),
        ("Client.token", lambda shop: shop.Client().token, "token"),
        ("Client.pool", lambda shop: shop.Client().pool, "pool"),
        ("Special.get", lambda shop: shop.Special().get("/a"), "got /a"),
        ("Special.build", lambda shop: shop.Special.build(), "built Special"),
    ],
)
def test_each_kind_of_function_is_wrapped_and_restored(
    path: str, use: Any, given: str, load: Any, patches: Patches
) -> None:
    shop = load("shop", SHOP)
    holders = (shop, shop.Client, shop.Special)
    before = held(*holders)

    calls = wrap(patches, f"shop:{path}")

    assert use(shop) == given
    assert calls == [f"shop:{path}"]
    patches.restore()
    assert held(*holders) == before


def test_whoever_holds_a_function_gets_the_wrapper(load: Any, patches: Patches) -> None:
    load("shop", SHOP)
    app = load("app", APP)
    before = held(app, app.Service)

    fetched = wrap(patches, "shop:fetch")
    built = wrap(patches, "shop:Client.build")
    app.get("a"), app.Service.fetch("b"), app.Service().fetch("c"), app.build()

    assert (len(fetched), len(built)) == (3, 1)
    patches.restore()
    assert held(app, app.Service) == before


def test_a_copy_that_was_made_meanwhile_is_restored(
    load: Any, patches: Patches
) -> None:
    shop = load("shop", SHOP)
    original = shop.fetch
    wrap(patches, "shop:fetch")
    app = load("app", APP)
    assert app.get is not original

    patches.restore()

    assert app.get is app.Service.fetch is original


def test_what_another_tool_has_put_there_since_stays(
    load: Any, patches: Patches
) -> None:
    shop = load("shop", SHOP)
    wrap(patches, "shop:fetch")
    shop.fetch = theirs = lambda _: "theirs"

    patches.restore()

    assert shop.fetch is theirs
