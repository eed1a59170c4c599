"""What a call came to, as it is given again and decoded."""

from __future__ import annotations

import gc
import weakref

import pytest

from pytest_mimic._core.outcome.outcome import Raised, Stream, Value, decode


def test_a_value_is_given_as_it_is() -> None:
    price = [1, 2]

    assert Value(price).give() is price


def test_an_exception_is_raised_again() -> None:
    with pytest.raises(ValueError, match="no rates"):
        Raised(ValueError("no rates")).give()


def test_an_outcome_lets_go_of_the_exception_that_it_has_raised() -> None:
    """Its traceback holds the frames: in a cycle, arguments would live on."""

    class Rates:
        pass

    def ask(rates: Rates) -> None:
        outcome = Raised(ValueError("no rates"))
        with pytest.raises(ValueError, match="no rates"):
            outcome.give()

    rates = Rates()
    seen = weakref.ref(rates)
    gc.disable()
    try:
        ask(rates)
        del rates
        assert seen() is None
    finally:
        gc.enable()


def test_a_stream_gives_its_items_and_returns_its_end() -> None:
    stream = Stream([1, 2], end=Value("end")).give()

    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(StopIteration) as stopped:
        next(stream)
    assert stopped.value.value == "end"


def test_a_stream_raises_at_its_end() -> None:
    stream = Stream([1], end=Raised(OSError("gone"))).give()

    assert next(stream) == 1
    with pytest.raises(OSError, match="gone"):
        next(stream)


def test_only_an_error_has_an_error() -> None:
    gone = OSError("gone")

    assert Value(1).error is None
    assert Raised(gone).error is gone
    assert Stream([1]).error is None
    assert Stream([1], end=Value(2)).error is None
    assert Stream([1], end=Raised(gone)).error is gone


def test_a_body_is_decoded_to_its_outcome() -> None:
    gone = OSError("gone")

    value = decode({"value": 7})
    raised = decode({"raised": gone})
    stream = decode({"stream": {"items": [1], "end": {"raised": gone}}})
    apart = decode({"stream": {"items": 1, "end": None}}, [5])

    assert (type(value), value.content) == (Value, 7)
    assert (type(raised), raised.content) == (Raised, gone)
    assert (type(stream), stream.content, stream.error) == (Stream, [1], gone)
    assert (type(apart), apart.content, apart.error) == (Stream, [5], None)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "it is no outcome"),
        ({}, "value"),
        ({"stream": 3}, "it is no stream"),
        ({"stream": {"items": [], "end": 3}}, "it is no outcome"),
        ({"stream": {"items": [], "end": {"stream": {"items": []}}}}, "value"),
        ({"raised": 3}, "int is not an outcome: it is not an Exception"),
        ({"raised": KeyboardInterrupt()}, "KeyboardInterrupt is not an outcome"),
    ],
)
def test_a_body_of_another_shape_is_refused(body: object, words: str) -> None:
    with pytest.raises((TypeError, LookupError), match=words):
        decode(body)
