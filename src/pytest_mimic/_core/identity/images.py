"""PIL: images count by mode, size, pixels, palette, `format`, `info`, all frames, tags, and EXIF set in memory."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import Any

from pytest_mimic._core.types.libraries import Rule


def _image(image: Any, layout: bool) -> object:
    palette = image.getpalette() if image.mode in ("P", "PA") else None
    data: tuple[object, ...] = (
        image.mode,
        image.size,
        image.tobytes(),
        palette,
        image.info.get("transparency"),
    )
    others = {name: fact for name, fact in image.info.items() if name != "transparency"}
    if layout:
        data = (data, image.info)
    elif others:
        data = (*data, others)
    beside = (
        *_format(image),
        *_frames(image),
        *_texts(image),
        *_tiff_tags(image),
        *_changed_exif(image),
    )
    # To look for EXIF can leave the pixels unread.
    image.load()
    return (data, beside) if beside else data


def _format(image: Any) -> tuple[object, ...]:
    """Return the format of the file that an image was opened from."""
    return () if image.format is None else (("format", image.format),)


def _texts(image: Any) -> tuple[object, ...]:
    """Return the texts of a PNG that are not in `info`: those behind its pixels."""
    if image.format != "PNG":
        return ()
    texts = getattr(image, "_text", None) or {}
    others = {name: text for name, text in texts.items() if name not in image.info}
    return (("texts", others),) if others else ()


# The tags that say where in the file, and in which pieces, the pixels lie.
_OF_THE_FILE = frozenset({273, 278, 279, 322, 323, 324, 325})


def _tiff_tags(image: Any) -> tuple[object, ...]:
    """Return the tags of a TIFF: what other formats keep as texts, and its EXIF."""
    directory = getattr(image, "tag_v2", None)
    if directory is None:
        return ()
    tags = {}
    for number, tag in dict(directory).items():
        if number not in _OF_THE_FILE:
            tags[number] = _plain_tag(tag)
    return (("tags", tags),)


def _plain_tag(tag: Any) -> Any:
    """Return a tag with numbers in place of the fractions of PIL, which have a class."""
    if type(tag) is tuple:
        return tuple(map(_plain_tag, tag))
    if type(tag) is dict:
        return {number: _plain_tag(part) for number, part in tag.items()}
    if hasattr(tag, "numerator") and not isinstance(tag, int | float):
        return tag.numerator, tag.denominator
    return tag


# Frames


def _frames(image: Any) -> tuple[object, ...]:
    """Return the place of the current frame and all frames of an image with several."""
    decoder = getattr(image, "_decoder", None)
    if decoder is not None:
        if image.n_frames < 2:
            return ()
        return (("frames", image.tell(), decoded_frames(image)),)
    file = frames_file(image)
    if file is None:
        return ()
    with opened_again(image, file) as again:
        frames = []
        for place in range(again.n_frames):
            again.seek(place)
            facts = dict(again.info), *_tiff_tags(again)
            frames.append((again.mode, again.size, again.tobytes(), *facts))
    return (("frames", image.tell(), frames),)


def frames_file(image: Any) -> bytes | None:
    """Return the bytes of the file that an image with several frames is read from.

    None: it has one frame, or its file is closed. The image is not changed: to seek
    in it would lose what was drawn into the current frame.
    """
    try:
        if getattr(image, "n_frames", 1) < 2:
            return None
    except (OSError, ValueError):  # its file is closed
        return None
    for name in ("_fp", "fp"):
        file: Any = getattr(image, name, None)
        if hasattr(file, "read") and not getattr(file, "closed", True):
            place = file.tell()
            file.seek(0)
            content: bytes = file.read()
            file.seek(place)
            return content
    return None


def decoded_frames(image: Any) -> list[tuple[bytes, int]]:
    """Return the pixels and the end, in ms, of each frame of a WEBP.

    Its file may be gone; its decoder is put back to the frame where it was.
    """
    decoder = image._decoder
    decoder.reset()
    frames = [decoder.get_next() for _ in range(image.n_frames)]
    decoder.reset()
    for _ in range(image._WebPImageFile__physical_frame):
        decoder.get_next()
    return frames


def opened_again(image: Any, file: bytes) -> Any:
    """Return another image of a file, of the same class."""
    return type(image)(BytesIO(file))


# EXIF


def _changed_exif(image: Any) -> tuple[object, ...]:
    changed = changed_exif(image)
    return () if changed is None else (("exif", changed),)


def changed_exif(image: Any) -> dict[Any, Any] | None:
    """Return the tags of an image's EXIF that was changed in memory, or None.

    None, too: nobody has asked for it, or it is as it was read from the file.
    """
    held = getattr(image, "_exif", None)
    if held is None or not hasattr(held, "get_ifd"):
        return None
    now = exif_tags(held)
    if getattr(image, "fp", None) is None and hasattr(image, "tag_v2"):
        # The file of a TIFF is closed. Its tags are still there, and numbers among
        # them are tuples.
        before = {name: _alone(tag) for name, tag in dict(image.tag_v2).items()}
        now = {name: _alone(tag) for name, tag in now.items()}
        is_read = all(before.get(name) == tag for name, tag in now.items())
        return None if is_read else now
    image._exif = None
    try:
        before = exif_tags(image.getexif())
    finally:
        image._exif = held
    return None if now == before else now


def _alone(tag: Any) -> Any:
    return tag[0] if type(tag) is tuple and len(tag) == 1 else tag


def exif_tags(exif: Any) -> dict[Any, Any]:
    """Return the tags of EXIF, and those of its directories, as far as they can be read."""
    tags: dict[Any, Any] = {}
    for name in list(exif):
        with suppress(Exception):  # a damaged tag may raise anything
            tags[name] = exif[name]
    for name, directory in dict(getattr(exif, "_ifds", {})).items():
        tags[name] = dict(directory) if isinstance(directory, dict) else directory
    return tags


RULES: dict[tuple[str, str], Rule] = {("PIL", "Image"): Rule(_image, "Image")}
