"""The line that says what stands for a stream gives what the stream would give next, and leaves it there."""

from __future__ import annotations

import io
import random
import tempfile
from contextlib import ExitStack

import pytest

from pytest_mimic._core.identity.without_identity import (
    expression_of_content,
    stream_content,
    stream_line,
)
from pytest_mimic._core.target_options import Options


class OwnBytes(io.BytesIO):
    pass


class OwnRandom(random.Random):
    pass


def opened(make, text):
    stream = make()
    stream.write(text)
    stream.seek(1)
    return stream


def stands_for(value):
    return eval(expression_of_content(type(value), "value"), {"value": value})


@pytest.mark.parametrize(
    "make",
    [
        OwnBytes,
        tempfile.TemporaryFile,
        tempfile.SpooledTemporaryFile,
        tempfile.NamedTemporaryFile,
    ],
)
def test_streams_are_told_apart_by_what_they_give_next(make):
    with ExitStack() as stack:
        one, same, other, moved = (
            stack.enter_context(opened(make, text))
            for text in (b"ab", b"ab", b"ac", b"ab")
        )
        moved.seek(0)
        before = stands_for(one)

        found = stands_for(one)

        assert found == before == stands_for(same)
        assert found != stands_for(other)
        assert found != stands_for(moved)
        assert one.read() == b"b"


def test_generators_are_told_apart_by_their_state():
    one, same, other = OwnRandom(1), OwnRandom(1), OwnRandom(2)

    assert stands_for(one) == stands_for(same) != stands_for(other)


def test_generators_of_numpy_are_told_apart_by_their_state():
    np = pytest.importorskip("numpy")
    makers = [
        lambda seed: np.random.Generator(np.random.PCG64(seed)),
        np.random.RandomState,
    ]

    for make in makers:
        assert repr(stands_for(make(1))) == repr(stands_for(make(1)))
        assert repr(stands_for(make(1))) != repr(stands_for(make(2)))


def test_of_another_object_the_user_has_to_know():
    assert expression_of_content(object, "value") is None


@pytest.mark.parametrize(
    ("path", "options", "line"),
    [
        (
            "data",
            Options(),
            'mimic("shop:read", ignore="data", key=lambda call: {**call, "data":'
            ' (call["data"].getvalue(), call["data"].tell())})',
        ),
        # Without what the target's line leaves out, calls are no other ones.
        (
            "data",
            Options(ignore=("session",), sequence=True, rtol=0.1),
            'mimic("shop:read", ignore="session,data", sequence=True, rtol=0.1,'
            ' key=lambda call: {**call, "session": None, "data":'
            ' (call["data"].getvalue(), call["data"].tell())})',
        ),
        # What stood for a part would stand for the whole argument.
        (
            "batch['files'][0]",
            Options(),
            'mimic("shop:read", ignore="batch", key=...)',
        ),
        ("call.keys()[0]", Options(), 'mimic("shop:read", ignore="call", key=...)'),
        # `key=` gets all of the arguments, and would count these parts.
        (
            "data",
            Options(ignore=("order.day",)),
            'mimic("shop:read", ignore="order.day,data", key=...)',
        ),
        (
            "data",
            Options(content=("path",)),
            'mimic("shop:read", ignore="data", content="path", key=...)',
        ),
    ],
    ids=["whole", "line", "part", "key of a dict", "ignored part", "content"],
)
def test_the_line_never_makes_two_calls_one(path, options, line):
    content = stream_content(path, OwnBytes, options)

    assert stream_line("shop:read", path, content, options) == line
