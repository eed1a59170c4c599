"""The values of libraries that have a rule, and what the rule is.

A library has one only where its own pickle is no function of the value, or leaves
something of it out.
"""

from __future__ import annotations

from typing import Any

from pytest_mimic.values import arrays, frames, tensors
from pytest_mimic.values.names import name_of
from pytest_mimic.values.rows import Opener, Row
from pytest_mimic.values.state import kind_of, library_of
from pytest_mimic.values.tagged import known_name, tagged
from pytest_mimic.values.tree import Refused, Tree


def rule_of(cls: type) -> Row | None:
    """Give the rule for a class, or for the class of a library that it derives from.

    A class of another author who says how it is pickled has none.
    """
    decider = kind_of(cls).decider
    for base in cls.__mro__:
        rule = RULES.get(known_name(base))
        if rule is not None:
            is_of_library = library_of(decider) == library_of(base)
            return rule if is_of_library or decider in base.__mro__ else None
    return None


# -- images, messages and headers


def _image(image: Any, walk: Opener) -> Tree:
    # What an image pickles holds its first frame alone, and nothing of its EXIF.
    if getattr(image, "n_frames", 1) > 1:
        return Refused("an image of several frames", "pass the bytes of its file")
    exif = dict(image.getexif())
    content = walk.node([*image.__getstate__(), exif])
    if walk.is_kept:  # A copy loses what an image has of its file.
        return tagged(image, content, walk)
    return {f"${name_of(type(image))}": content}


def _message(message: Any, walk: Opener) -> Tree:
    # What a message gives to be pickled has its maps in an order of chance.
    data = message.SerializePartialToString(deterministic=True)
    return tagged(message, walk.node(data), walk)


def _headers(headers: Any, walk: Opener) -> Tree:
    return tagged(headers, walk.node(headers.copy()), walk)


def _reduced_headers(headers: Any) -> Any:
    # They are a view of others, and are not pickled.
    return type(headers), (headers.copy(),)


def _handle(handle: Any, _walk: Opener) -> Tree:
    """Give what removes a hook of torch, by the place of the hook among the others."""
    hooks = handle.hooks_dict_ref() or ()
    return {"$torch:RemovableHandle": [number == handle.id for number in hooks]}


ARRAY_LIKE = Row(arrays.array_like)
"""The rule of what cannot be pickled, but is an array by `__array__`."""

_CONSTANT = Row(frames.constant, frames.make_constant)
_RANDOM = Row(arrays.random, reduce=arrays.reduced_random)
_NUMBER = Row(arrays.number, arrays.make_number, arrays.reduced)
_NUMBERS = (
    "bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 longlong ulonglong"
    " intc uintc float16 float32 float64 complex64 complex128 bytes_ str_"
    " datetime64 timedelta64"
).split()

RULES: dict[str, Row] = {
    "PIL:Image": Row(_image),
    "google:Message": Row(_message),
    "multidict:CIMultiDictProxy": Row(_headers, reduce=_reduced_headers),
    "numpy:ndarray": Row(arrays.ndarray, arrays.make_array, arrays.reduced),
    "numpy:MaskedArray": Row(arrays.masked_array, reduce=arrays.reduced_masked),
    "numpy:generic": _NUMBER,
    "numpy:BitGenerator": _RANDOM,
    "numpy:Generator": _RANDOM,
    "numpy:RandomState": _RANDOM,
    "numpy:SeedSequence": _RANDOM,
    **{f"numpy:{name}": _NUMBER for name in _NUMBERS},
    "pandas:DataFrame": Row(frames.frame, frames.make_frame),
    "pandas:Series": Row(frames.series, frames.make_series),
    "pandas:MultiIndex": Row(frames.levels, frames.make_levels),
    "pandas:Index": Row(frames.index, frames.make_index),
    "pandas:ExtensionArray": Row(frames.extension_array),
    "pandas:NaT": _CONSTANT,
    "pandas:NA": _CONSTANT,
    "pandas:Timestamp": Row(frames.stamp, frames.make_stamp),
    "torch:RemovableHandle": Row(_handle),
    "torch:Tensor": Row(
        tensors.tensor, tensors.make_tensor, tensors.reduced_tensor, may_change=True
    ),
}
"""The rules by the name of what stands under a tag: `numpy:float32`."""
