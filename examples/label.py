"""A display: Tk measures the size of a text on an X server."""

from __future__ import annotations


def text_size(
    text: str, *, family: str = "Helvetica", size: int = 12
) -> dict[str, int]:
    """Return the width and height of a text in pixels. Needs a display."""
    from tkinter import Tk
    from tkinter.font import Font

    root = Tk()
    try:
        font = Font(root=root, family=family, size=size)
        lines = text.split("\n")
        return {
            "width": max(font.measure(line) for line in lines),
            "height": font.metrics("linespace") * len(lines),
        }
    finally:
        root.destroy()


def wrapped(text: str, width: int, **font: object) -> list[str]:
    """Break a text at blanks into lines of at most `width` pixels.

    A long word may be wider.
    """
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_size(longer, **font)["width"] <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
