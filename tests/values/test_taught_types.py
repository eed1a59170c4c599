"""What a project says stands for its objects: `register_fingerprint` and `__mimic_identity__`."""

from __future__ import annotations

import pytest
from support.face import fingerprint

from pytest_mimic import register_fingerprint


class Taught:
    def __init__(self, name):
        self.name = name
        self.handle = object()


class TaughtToo(Taught):
    pass


def test_a_registered_type_counts_by_its_plainer_data():
    register_fingerprint(Taught, lambda value: value.name)

    assert fingerprint(Taught("a")) == fingerprint(Taught("a"))
    assert fingerprint([Taught("a")]) != fingerprint([Taught("b")])
    assert fingerprint(TaughtToo("a")) == fingerprint(TaughtToo("a"))
    assert fingerprint(TaughtToo("a")) != fingerprint(Taught("a"))


PLAIN = (int, float, str, bool, type(None), bytes, list, tuple, dict, set, frozenset)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Rate", str), "takes a class first"),
        ((Taught, "name"), "takes a function second"),
        *(((type_, str), f"{type_.__name__} already has") for type_ in PLAIN),
    ],
)
def test_a_wrong_registration_is_reported(arguments, message):
    with pytest.raises(TypeError, match=message):
        register_fingerprint(*arguments)
