"""Images of pillow."""

from PIL import Image

ARGUMENTS = {
    "image": lambda: Image.new("RGB", (3, 2), "red"),
    "palette": lambda: Image.new("P", (2, 2), 1),
}
OUTCOMES = {"pickled": lambda: Image.new("RGB", (3, 2), "red")}
