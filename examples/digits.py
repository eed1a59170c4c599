"""A model: a support vector machine of scikit-learn that reads handwritten digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Evaluation:
    """The accuracy of a model on images that it was not trained on."""

    accuracy: Fraction
    confusion: tuple[tuple[int, ...], ...]
    """Rows: the written digit. Columns: the digit that was read. Values: the number of images."""


def evaluate(gamma: float, folds: int = 5) -> Evaluation:
    """Cross-validate a model with the 1797 images of the digits data set."""
    from sklearn.datasets import load_digits
    from sklearn.metrics import confusion_matrix
    from sklearn.model_selection import cross_val_predict
    from sklearn.svm import SVC

    images, written = load_digits(return_X_y=True)
    read = cross_val_predict(SVC(gamma=gamma), images, written, cv=folds)
    confusion = tuple(tuple(row) for row in confusion_matrix(written, read).tolist())
    return Evaluation(
        Fraction(sum(confusion[digit][digit] for digit in range(10)), len(images)),
        confusion,
    )


class Classifier:
    """A reader of digits. Its model is trained at the first use."""

    def __init__(self, gamma: float = 0.001) -> None:
        self.gamma = gamma

    @cached_property
    def model(self) -> Any:
        from sklearn.datasets import load_digits
        from sklearn.svm import SVC

        return SVC(gamma=self.gamma).fit(*load_digits(return_X_y=True))

    def read(self, image: Sequence[str]) -> int:
        """Return the digit of a drawing: eight lines of eight characters, `#` for ink and `+` for less ink."""
        ink = {"#": 16.0, "+": 8.0, ".": 0.0}
        return int(
            self.model.predict([[ink[dot] for line in image for dot in line]])[0]
        )
