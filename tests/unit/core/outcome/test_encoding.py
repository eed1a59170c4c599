"""What an encoded outcome stores as texts, in which a run looks for keys."""

from __future__ import annotations

import pytest

from pytest_mimic._core.outcome.encoding import encode
from pytest_mimic._core.outcome.outcome import Value

np = pytest.importorskip("numpy")
MOST = 10_000


def texts_of(value: object) -> list[str | None]:
    return list(encode(Value(value)).texts(MOST))


def test_readable_outcomes_are_their_json() -> None:
    assert texts_of({"note": "tea"}) == ['{"note": "tea"}']


def test_pickled_texts_are_read() -> None:
    words = np.array([b"tea", b"coffee"] * 40)

    assert any("coffee" in text for text in texts_of(words) if text)


def test_memory_of_numbers_holds_no_text() -> None:
    numbers = np.linspace(-1, 1, 1_000).reshape(10, 100)

    lengths = [len(text) for text in texts_of(numbers) if text]

    assert sum(lengths) < numbers.nbytes


def test_long_texts_are_left_out() -> None:
    assert texts_of("tea" * MOST) == [None]
    assert None in texts_of(np.zeros((10, MOST)))


def beginnings_of(value: object, most: int) -> list[str]:
    return list(encode(Value(value)).beginnings(most))


def test_long_texts_begin_within_a_bound() -> None:
    assert beginnings_of("tea" * MOST, 7) == ['"teatea']
    assert beginnings_of({"note": "tea"}, 100) == ['{"note": "tea"}']


def test_the_bound_is_that_of_all_texts_together() -> None:
    words = [np.array([word] * MOST) for word in (b"tea", b"coffee")]

    read = beginnings_of(words, 4 * MOST)

    assert sum(map(len, read)) <= 4 * MOST
    assert any("tea" in text for text in read)


def test_a_memory_is_a_text_though_its_beginning_ends_within_a_letter() -> None:
    words = np.array(["é".encode()] * MOST)

    assert any("\xc3" in text for text in beginnings_of(words, MOST + 1))


def test_the_beginning_of_numbers_is_no_text() -> None:
    numbers = np.linspace(-1, 1, MOST)

    read = beginnings_of(numbers, MOST)

    assert sum(map(len, read)) < MOST
