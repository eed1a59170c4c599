"""Tests of a model. A replay does not train it, and does not import scikit-learn."""

from fractions import Fraction

import pytest
from digits import Classifier, evaluate

THREE = """
..####..
.##..##.
.....##.
...###..
.....##.
.....##.
.##..##.
..####..
""".split()

FOUR = """
.....#..
....##..
...##...
..#..#..
.#...#..
.######.
.....#..
.....#..
""".split()


@pytest.fixture(scope="module")
def classifier():
    return Classifier()


@pytest.mark.parametrize(
    ("image", "digit"), [(THREE, 3), (FOUR, 4)], ids=["three", "four"]
)
def test_reads_a_drawing(classifier, image, digit):
    assert classifier.read(image) == digit


def test_a_middle_gamma_reads_best():
    low, middle, high = (evaluate(gamma).accuracy for gamma in (0.0001, 0.001, 0.01))

    assert middle > low > high
    assert middle > Fraction(95, 100)


def test_zero_is_hardly_ever_misread():
    zeros = evaluate(0.001).confusion[0]

    assert zeros[0] > 0.98 * sum(zeros)
