"""Calls bind to the same values in the same order, however their arguments are passed."""

from __future__ import annotations

import functools
from inspect import Parameter
from typing import Any

import pytest

from pytest_mimic._core.identity.binding import compile_binder

DEFAULT = object()


def plain(base, day=DEFAULT, *, retries=3): ...


def every_kind(first, /, second=2, *rest, third=3, **extra): ...


def clashing(bind, self=1, _0_self=2, *args, LEFT_OUT=3, **kwargs): ...


class Client:
    def fetch(self, path, *, retries=3): ...

    @classmethod
    def build(cls, url="/"): ...

    @staticmethod
    def parse(text): ...

    def __call__(self, path): ...


@functools.lru_cache
def cached(path, depth=1): ...


@functools.wraps(plain)
def decorated(*args, **kwargs): ...


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (("EUR",), {}),
        ((), {"base": "EUR"}),
        (("EUR", DEFAULT), {}),
        (("EUR",), {"retries": 3, "day": DEFAULT}),
    ],
)
def test_equal_calls_bind_to_equal_values(args, kwargs):
    assert compile_binder(plain).bind(*args, **kwargs) == ("EUR", DEFAULT, 3)


def test_a_default_is_the_functions_own_object():
    bound = compile_binder(plain)

    assert bound.names == ("base", "day", "retries")
    assert bound.defaults == (Parameter.empty, DEFAULT, 3)
    assert bound.bind("EUR")[1] is DEFAULT


def test_every_kind_of_parameter_is_bound():
    bound = compile_binder(every_kind)

    assert bound.names == ("first", "second", "*rest", "third", "**extra")
    assert bound.bind(1, 2, 3, 4, first=5, third=6) == (1, 2, (3, 4), 6, {"first": 5})
    assert bound.bind(1) == (1, 2, (), 3, {})


def test_no_parameter_name_breaks_the_binder():
    assert compile_binder(clashing).bind("b") == ("b", 1, 2, (), 3, {})


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (plain, (), {}),
        (plain, (1, 2, 3), {}),
        (plain, (1,), {"days": 1}),
        (plain, (1,), {"base": 1}),
        (every_kind, (), {"first": 1}),
        (Client.fetch, (), {}),
        (Client().fetch, (), {}),
        (Client().fetch, (1, 2), {}),
        (Client.build, (1, 2), {}),
        (cached, (), {}),
    ],
)
def test_wrong_arguments_raise_the_functions_own_type_error(function, args, kwargs):
    with pytest.raises(TypeError) as real:
        function(*args, **kwargs)

    with pytest.raises(TypeError) as bound:
        compile_binder(function).bind(*args, **kwargs)

    assert str(bound.value) == str(real.value)


@pytest.mark.parametrize(
    ("function", "args", "names", "values"),
    [
        (Client.fetch, ("me", "/a"), ("self", "path", "retries"), ("me", "/a", 3)),
        (Client().fetch, ("/a",), ("path", "retries"), ("/a", 3)),
        (Client.__dict__["build"].__func__, (Client,), ("cls", "url"), (Client, "/")),
        (Client.parse, ("x",), ("text",), ("x",)),
        (Client(), ("/a",), ("path",), ("/a",)),
        (cached, ("/a",), ("path", "depth"), ("/a", 1)),
        (decorated, ("EUR",), ("base", "day", "retries"), ("EUR", DEFAULT, 3)),
        (functools.partial(plain, "EUR"), (), ("day", "retries"), (DEFAULT, 3)),
        (
            functools.partial(plain, retries=1),
            ("EUR",),
            ("base", "day", "retries"),
            ("EUR", DEFAULT, 1),
        ),
        (len, ([],), ("obj",), ([],)),
        (max, (3, 4), ("*args", "**kwargs"), ((3, 4), {})),
        (dict.fromkeys, ("ab",), ("iterable", "value"), ("ab", None)),
    ],
    ids=lambda value: getattr(value, "__qualname__", None),
)
def test_every_callable_is_bound(function, args, names, values):
    bound = compile_binder(function)

    assert (bound.names, bound.bind(*args)) == (names, values)


def test_a_method_without_a_named_self_is_bound():
    """A method may take its instance with `*args`."""

    class Loose:
        def call(*args: Any, **kwargs: Any) -> None: ...

    assert compile_binder(Loose().call).bind(1, a=2) == ((1,), {"a": 2})


def test_drop_first_leaves_out_the_first_parameter():
    bound = compile_binder(Client.fetch, drop_first=True)

    assert (bound.names, bound.bind("/a")) == (("path", "retries"), ("/a", 3))
