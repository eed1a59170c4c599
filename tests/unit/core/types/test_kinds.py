"""What a user has taught of a type, and what types are called."""

from __future__ import annotations

from collections import OrderedDict

import pytest

from pytest_mimic._core.identity.call_identity import fingerprint
from pytest_mimic._core.types.kinds import is_stdlib, register_fingerprint
from pytest_mimic._core.types.opening import type_name


class Taught:
    def __init__(self, name):
        self.name = name
        self.handle = object()


class TaughtToo(Taught):
    pass


def test_a_registered_type_counts_by_its_reduced_data():
    register_fingerprint(Taught, lambda value: value.name)

    assert fingerprint(Taught("a")) == fingerprint(Taught("a"))
    assert fingerprint([Taught("a")]) != fingerprint([Taught("b")])
    assert fingerprint(TaughtToo("a")) == fingerprint(TaughtToo("a"))
    assert fingerprint(TaughtToo("a")) != fingerprint(Taught("a"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Rate", str), "takes a class first"),
        ((Taught, "name"), "takes a function second"),
        *(
            ((type_, str), f"{type_.__name__} already has an identity")
            for type_ in (
                int,
                float,
                str,
                bool,
                type(None),
                bytes,
                list,
                tuple,
                dict,
                set,
                frozenset,
            )
        ),
    ],
)
def test_a_wrong_registration_is_reported(arguments, message):
    with pytest.raises(TypeError, match=message):
        register_fingerprint(*arguments)


def test_a_type_of_the_standard_library_has_a_bare_name() -> None:
    assert type_name(OrderedDict) == "OrderedDict"
    assert type_name(Taught) == f"{__name__}:Taught"
    assert is_stdlib("os.path")
    assert not is_stdlib("__main__")
