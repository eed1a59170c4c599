"""What a target names in a module, or why it names nothing that can be mimicked."""

from __future__ import annotations

import importlib

import pytest


def test_target_may_name_a_module_inside_a_module(write, coverings, cover):
    write(shop="import rates", rates="def fetch(): ...")
    shop = importlib.import_module("shop")

    cover("shop:rates.fetch")
    shop.rates.fetch()

    assert coverings.made == ["rates:fetch"]


@pytest.mark.parametrize("module", ["gone", None, 5])
def test_function_without_a_module_is_named_as_in_its_target(
    module, shop, coverings, cover
):
    """As one that was made by `exec`."""
    shop.fetch.__module__ = module

    cover("shop:fetch")
    shop.fetch()

    assert coverings.made == ["shop:fetch"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "shop:fetch_al",
            "shop:fetch_al does not exist in shop (did you mean fetch_all?)",
        ),
        ("shop:qqqq", "shop:qqqq does not exist in shop"),
        (
            "shop:Clint.get",
            "shop:Clint.get does not exist in shop (did you mean Client?)",
        ),
        (
            "shop:Client.gett",
            "shop:Client.gett does not exist in shop.Client (did you mean get?)",
        ),
        (
            "shop:Client.Nested.depp",
            "shop:Client.Nested.depp does not exist in shop.Client.Nested (did you mean deep?)",
        ),
        (
            "shop:Client",
            "shop:Client is a class, which cannot be mimicked, name its methods: shop:Client.*",
        ),
        (
            "shop:Client.__init__",
            "shop:Client.__init__ fills an object that exists, name a function that makes the object",
        ),
        (
            "shop:functools",
            "shop:functools is a module, name its functions: functools:*",
        ),
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
        (
            "builtins:str.upper",
            "builtins:str.upper cannot be patched, its class is written in C",
        ),
        (
            "builtins:len",
            "builtins:len cannot be mimicked, name the function that calls it",
        ),
        (
            "builtins:*",
            "builtins:* cannot be mimicked, name the function that calls it",
        ),
        ("empty:*", "empty:* names no public function"),
        ("odd:Odd.blind", "odd:Odd.blind is not callable, it is a property"),
        (
            "number:fetch",
            "number:fetch cannot be patched, number is an object: name the method of its class, builtins:int",
        ),
    ],
)
def test_target_that_cannot_be_mimicked_is_reported(
    line, message, write, cover, shop_source
):
    """In one line with the closest name. Nothing is raised."""
    odd = "class Odd:\n    blind = property(None, lambda self, value: None)"
    write(
        shop=shop_source,
        empty="",
        odd=odd,
        number="import sys; sys.modules[__name__] = 5",
    )
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
