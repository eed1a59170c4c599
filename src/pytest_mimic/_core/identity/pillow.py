"""PIL: images count by mode, size, pixels, palette and transparency, not by the file they came from."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from pytest_mimic._core.identity.kinds import Kind, library_tag


def library_kind(type_: type, _base: type, layout: bool) -> Kind | None:
    """Return the kind of a type of PIL or a subclass, or None if there is no rule for it."""
    image: Any = sys.modules.get("PIL.Image")
    if image is not None and issubclass(type_, image.Image):
        return Kind(library_tag(type_, "PIL", "Image"), partial(_image, layout=layout))
    return None


def _image(image: Any, *, layout: bool) -> object:
    """Reduce an image. In an outcome, the facts from its file count as well, because a replay gives them back."""
    palette = image.getpalette() if image.mode in ("P", "PA") else None
    data = image.mode, image.size, image.tobytes(), palette, image.info.get("transparency")
    return (data, image.info) if layout else data
