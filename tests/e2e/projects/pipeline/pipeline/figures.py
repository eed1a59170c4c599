"""Draws figures."""

from __future__ import annotations

import pandas as pd
from PIL import Image
from tally import ran


def plot(frame: pd.DataFrame) -> Image.Image:
    """Draw one bar for each row."""
    ran("plot")
    image = Image.new("L", (len(frame), 20), 255)
    for column, amount in enumerate(frame["amount"]):
        for row in range(min(int(amount), 20)):
            image.putpixel((column, 19 - row), 0)
    return image
