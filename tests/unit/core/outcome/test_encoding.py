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
