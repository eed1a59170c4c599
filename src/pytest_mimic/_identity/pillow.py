"""PIL: images count by mode, size, pixels, palette and transparency, not by the file they came from."""

from __future__ import annotations

import sys
from typing import Any

from pytest_mimic._identity.kinds import Kind, library_tag


def library_kind(type_: type, _base: type, layout: bool) -> Kind | None:
    """Return the kind of a type of PIL or a subclass, or None if there is no rule for it."""
    image: Any = sys.modules.get("PIL.Image")
    if image is not None and issubclass(type_, image.Image):
        return Kind(library_tag(type_, "PIL", "Image"), _whole_image if layout else _image)
    return None


def _image(image: Any) -> object:
    pixels = image.tobytes()
    palette = image.getpalette() if image.mode in ("P", "PA") else None
    return image.mode, image.size, pixels, palette, image.info.get("transparency")


def _whole_image(image: Any) -> object:
    """Reduce an image of an outcome, with the facts from its file, which a replay gives back."""
    return _image(image), image.info
