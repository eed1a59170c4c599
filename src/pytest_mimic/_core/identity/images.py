"""PIL: images count in identities by what they show and what their file says.

An image has a mode, a size, pixels, a palette, a `format`, `info`, frames, the tags of
a TIFF, and EXIF that was set in memory. Each function `_…_pair` returns one of these
facts with its name, `(("format", "PNG"),)`, or nothing for an image that lacks the
fact.
"""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import Any

from pytest_mimic._core.types.libraries import Rule


def _reduce_image(image: Any, is_outcome: bool) -> object:
    """Reduce an image: this is the rule of identity of PIL's class.

    In an outcome, `info` counts as a whole. Facts that most images lack stand behind
    the data, each as a pair: `("format", "PNG")`.
    """
    palette = None
    if image.mode in ("P", "PA"):
        palette = image.getpalette()
    transparency = image.info.get("transparency")
    pixels = image.tobytes()
    counted_parts: tuple[object, ...] = (
        image.mode,
        image.size,
        pixels,
        palette,
        transparency,
    )
    other_info = dict(image.info)
    other_info.pop("transparency", None)
    # Of an argument with no other `info`, as most have none, nothing further counts.
    if is_outcome:
        counted_parts = (counted_parts, image.info)
    elif other_info:
        counted_parts = (*counted_parts, other_info)
    pairs = (
        *_format_pair(image),
        *_frames_pair(image),
        *_texts_pair(image),
        *_tiff_tags_pair(image),
        *_changed_exif_pair(image),
    )
    # The search for EXIF may have left the pixels unread.
    image.load()
    if pairs:
        return counted_parts, pairs
    return counted_parts


def _format_pair(image: Any) -> tuple[object, ...]:
    """Return the format of the file that an image was opened from."""
    if image.format is None:
        return ()
    return (("format", image.format),)


def _texts_pair(image: Any) -> tuple[object, ...]:
    """Return the texts of a PNG that stand behind its pixels, and so not in `info`."""
    if image.format != "PNG":
        return ()
    texts = getattr(image, "_text", None) or {}
    texts_behind = {}
    for name, text in texts.items():
        if name not in image.info:
            texts_behind[name] = text
    if not texts_behind:
        return ()
    return (("texts", texts_behind),)


# The tags of a TIFF that say where in the file, and in which pieces, the pixels lie:
# 273 are the offsets of the strips, 322 is the width of a tile.
_TAGS_OF_THE_FILE = frozenset({273, 278, 279, 322, 323, 324, 325})


def _tiff_tags_pair(image: Any) -> tuple[object, ...]:
    """Return the tags of a TIFF.

    Among them are the texts of the file, and its EXIF.
    """
    directory = getattr(image, "tag_v2", None)
    if directory is None:
        return ()
    tags = {}
    for number, tag in dict(directory).items():
        if number not in _TAGS_OF_THE_FILE:
            tags[number] = _tag_without_fractions(tag)
    return (("tags", tags),)


def _tag_without_fractions(tag: Any) -> Any:
    """Return a tag with two numbers in place of each fraction of PIL's own class."""
    if type(tag) is tuple:
        return tuple(map(_tag_without_fractions, tag))
    if type(tag) is dict:
        return {number: _tag_without_fractions(part) for number, part in tag.items()}
    if hasattr(tag, "numerator") and not isinstance(tag, int | float):
        return tag.numerator, tag.denominator
    return tag


# Frames


def _frames_pair(image: Any) -> tuple[object, ...]:
    """Return the place of the current frame and all frames of an image with several."""
    # A WEBP has a decoder; the frames of other formats are read from their file.
    decoder = getattr(image, "_decoder", None)
    if decoder is not None:
        if image.n_frames < 2:
            return ()
        return (("frames", image.tell(), decoded_frames(image)),)
    file = frames_file(image)
    if file is None:
        return ()
    with opened_again(image, file) as reader:
        frames = []
        for place in range(reader.n_frames):
            reader.seek(place)
            facts = dict(reader.info), *_tiff_tags_pair(reader)
            frames.append((reader.mode, reader.size, reader.tobytes(), *facts))
    return (("frames", image.tell(), frames),)


def frames_file(image: Any) -> bytes | None:
    """Return the bytes of the file that an image with several frames is read from.

    None: the image has one frame, or its file is closed. The image is not changed: a
    seek would lose what was drawn into the current frame.
    """
    try:
        count = getattr(image, "n_frames", 1)
    except (OSError, ValueError):
        # The file of the image is closed.
        return None
    if count < 2:
        return None
    # Which attribute of PIL holds the file depends on the format of the image.
    for name in ("_fp", "fp"):
        file: Any = getattr(image, name, None)
        if hasattr(file, "read") and not getattr(file, "closed", True):
            # The image goes on to read where it was.
            position = file.tell()
            file.seek(0)
            content: bytes = file.read()
            file.seek(position)
            return content
    return None


def decoded_frames(image: Any) -> list[tuple[bytes, int]]:
    """Return the pixels and the end, in ms, of each frame of a WEBP.

    They count in its identity, and a pickle keeps them. The file of the image may be
    gone. The decoder is put back to the frame where it was.
    """
    decoder = image._decoder
    decoder.reset()
    frames = [decoder.get_next() for _ in range(image.n_frames)]
    decoder.reset()
    for _ in range(image._WebPImageFile__physical_frame):
        decoder.get_next()
    return frames


def opened_again(image: Any, file: bytes) -> Any:
    """Return another image of the same class, read from the bytes of a file.

    Its frames are read for an identity or a pickle. The user's image stays at its own
    frame.
    """
    return type(image)(BytesIO(file))


# EXIF


def _changed_exif_pair(image: Any) -> tuple[object, ...]:
    """Return the EXIF of an image that was changed after the file was opened."""
    tags = changed_exif(image)
    if tags is None:
        return ()
    return (("exif", tags),)


def changed_exif(image: Any) -> dict[Any, Any] | None:
    """Return the tags of an image's EXIF that was changed in memory, or None.

    They count in the identity, and are pickled with an outcome. None, too: nobody has
    asked for the EXIF, or it is as it was read from the file.
    """
    exif = getattr(image, "_exif", None)
    if exif is None or not hasattr(exif, "get_ifd"):
        return None
    tags = exif_tags(exif)
    if getattr(image, "fp", None) is None and hasattr(image, "tag_v2"):
        return _changed_from_tags(tags, dict(image.tag_v2))
    # An image without the EXIF that it keeps reads the EXIF of its file again.
    image._exif = None
    try:
        tags_of_file = exif_tags(image.getexif())
    finally:
        image._exif = exif
    if tags == tags_of_file:
        # The EXIF was read from the file, and not changed since.
        return None
    return tags


def _changed_from_tags(
    exif: dict[Any, Any], tags: dict[Any, Any]
) -> dict[Any, Any] | None:
    """Return the EXIF of a TIFF if it is not among the tags that the file had.

    Once the file is closed, these tags are all that is left of the file. None: the file
    had the same EXIF.
    """
    exif = {name: _number_of(tag) for name, tag in exif.items()}
    for name, tag in exif.items():
        if _number_of(tags.get(name)) != tag:
            return exif
    return None


def _number_of(tag: Any) -> Any:
    """Return the number of a tag with one number: `(1,)` and 1 become 1."""
    if type(tag) is tuple and len(tag) == 1:
        return tag[0]
    return tag


def exif_tags(exif: Any) -> dict[Any, Any]:
    """Return the tags of EXIF and of its directories, as far as they can be read."""
    tags: dict[Any, Any] = {}
    for name in list(exif):
        # A damaged tag may raise anything.
        with suppress(Exception):
            tags[name] = exif[name]
    for name, directory in dict(getattr(exif, "_ifds", {})).items():
        if isinstance(directory, dict):
            directory = dict(directory)
        tags[name] = directory
    return tags


RULES: dict[tuple[str, str], Rule] = {("PIL", "Image"): Rule(_reduce_image, "Image")}
