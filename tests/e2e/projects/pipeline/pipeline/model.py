"""Fits a straight line to each region."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tally import ran


@dataclass
class Model:
    """A fitted model, and the file it was fitted to."""

    slopes: dict[str, float]
    residuals: np.ndarray
    source: Path


def fit(frame: pd.DataFrame, *, source: Path) -> Model:
    """Fit a line through the amounts of each region."""
    ran("fit", len(frame))
    slopes, residuals = {}, []
    for region, part in frame.groupby("region"):
        line = np.polyfit(part["year"], part["amount"], 1)
        slopes[str(region)] = float(line[0])
        residuals.append(part["amount"] - np.polyval(line, part["year"]))
    return Model(slopes, np.concatenate(residuals), source)
