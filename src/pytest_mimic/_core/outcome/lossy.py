"""Values whose own pickle loses a part: a table by their classes.

The part is kept in another way, or the value is refused.

| library | a pickle loses | here |
|---|---|---|
| torch | gradients, graphs, hooks | gradients are kept, others are refused |
| PIL | frames, EXIF set in memory, facts of the file besides pixels | kept |
| rdkit | properties, unless an option is set | the option is set |
| pendulum | `fold` | kept |
| numpy | that a generator is the one which all share, a hard mask, no mask | kept |
| pygments, sqlparse | that a type of tokens is the one that all share | kept |
| httpx | the extensions of a response's request | left out, as the response's are |
| pydantic | the arguments of a parametrised model, `Page[Item]` | kept by name |
| any | a remembered `hash()` is that of another process | left out, or taken anew |
| any | items that a class makes anew when they are put in (python-box 7) | kept |
| any | items inside that its class gives as others | kept |
| collections | a class of named tuples without an importable name | made again |
| types | that the mapping behind a `MappingProxyType` is no dict | kept |
| requests, httpx | `raw`, `extensions` | the recording run says so |

Each `_keep_…` returns a reduction, the tuple that `__reduce_ex__` may return; pickle
takes it in place of that of the value's class. NotImplemented leaves it to the class.
The functions in a reduction are called where the pickle is loaded, by their names here.
So none of those without an underscore can be renamed.
"""

from __future__ import annotations

import copyreg
import sys
from collections import OrderedDict, deque, namedtuple
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from io import BytesIO
from types import MappingProxyType
from typing import Any

from pytest_mimic._core.identity.images import (
    changed_exif,
    decoded_frames,
    frames_file,
    opened_again,
)
from pytest_mimic._core.identity.tensors import gradient_of, hooks_of
from pytest_mimic._core.outcome.outcome import NotExactError, Outcome, Raised, Stream
from pytest_mimic._core.types.added_attributes import decides_its_pickles
from pytest_mimic._core.types.attributes_and_parts import set_attributes, slot_members
from pytest_mimic._core.types.generated_classes import (
    origin_and_arguments,
    parametrised,
)
from pytest_mimic._core.types.remembered_hashes import (
    Recipe,
    has_handwritten_hash,
    hash_by,
    hashes_from_constructor,
    recipe_of,
    remembered_hashes,
    state_keeps_hash,
    with_zero_for_hashes,
    without_hashes,
)
from pytest_mimic._core.types.stdlib_types import ROWS
from pytest_mimic._core.types.type_names import importable, lineage, name_of

#: By the name of a class in a pickle: the words for its objects, and the attributes
#: that a replay does not give back with them.
_LOSSES = {
    "requests.models:Response": ("a requests.Response", ("raw",)),
    "httpx:Response": ("an httpx.Response", ("extensions", "is_closed")),
    "httpx2:Response": ("an httpx2.Response", ("extensions", "is_closed")),
}


def losses(imports: Iterable[str], outcome: Outcome) -> list[str]:
    """Return sentences on the parts that an outcome loses, which the run reports.

    Args:
        imports: The classes in the outcome's pickle.
        outcome: The outcome.
    """
    sentences = []
    for class_name, (response, attributes) in _LOSSES.items():
        if class_name in imports:
            holder = _words_of_holder(outcome, class_name)
            loss = f"a replay gives the response back without its {attributes[0]}"
            sentences.append(f"{holder} {response}: {loss}")
    return sentences


def _words_of_holder(outcome: Outcome, class_name: str) -> str:
    """Return what a call did with an object of a class: `returned`, for example."""
    if isinstance(outcome, Raised):
        return f"raised {type(outcome.error).__name__}, which holds"
    if isinstance(outcome, Stream):
        return "gave a stream that holds"
    if name_of(type(outcome.value)) == class_name:
        return "returned"
    return "returned a value that holds"


def known_losses(kind: type) -> tuple[str, ...]:
    """Return the attributes that a replay does not give back with objects of a class.

    The run that records such an object says so.
    """
    row = _LOSSES.get(name_of(kind))
    if row is None:
        return ()
    _, attributes = row
    return attributes


def kept_whole(value: Any) -> Any:
    """Return the reduction of a value of which an ordinary pickle would lose a part.

    NotImplemented: the ordinary pickle keeps the value, or the table does not know it.

    Raises:
        NotExactError: A part cannot be kept.
    """
    kind: Any = type(value)
    if isinstance(value, type):
        generic = origin_and_arguments(value)
        if generic is not None:
            # `Page[Item]` has no importable name, and its origin and arguments have.
            return parametrised, generic
        return _keep_named_tuple_class(value)
    for name in lineage(kind):
        reduce = _KEEP_BY_CLASS.get(name)
        if reduce is not None:
            return reduce(value)
    if has_handwritten_hash(kind):
        reduction = _keep_without_hash(value)
        if reduction is not NotImplemented:
            return reduction
    # An author who has written how a container is pickled decides about its items, too.
    has_own_items = _has_own_item_method(kind) or _reads_items_its_own_way(kind)
    if has_own_items and not _has_own_pickling(kind):
        return _keep_items(value)
    return NotImplemented


# Classes of named tuples


def _keep_named_tuple_class(kind: Any) -> Any:
    """Return the reduction of a class that `collections.namedtuple` made on the fly.

    Such are the classes of the rows of `frame.itertuples()`. Stored by value, a class
    would have code that one version of Python loads.

    NotImplemented, by which pickle goes on as usual: another class, or one with an
    importable name.
    """
    fields = vars(kind).get("_fields")
    # A class that somebody has written by hand may have `_fields` alone.
    default_by_field = vars(kind).get("_field_defaults")
    if type(fields) is not tuple or type(default_by_field) is not dict:
        return NotImplemented
    if kind.__bases__ != (tuple,) or importable(kind) is not None:
        # Pickle finds an importable class by its name.
        return NotImplemented
    defaults = tuple(default_by_field.values())
    facts_of_class = kind.__module__, kind.__qualname__, kind.__name__, fields, defaults
    try:
        made_again = named_tuple_class(*facts_of_class)
    except (TypeError, ValueError):
        return NotImplemented
    if _members_of_named_tuple_class(made_again) != _members_of_named_tuple_class(kind):
        # Somebody has added a method to the class, which would be lost.
        return NotImplemented
    return named_tuple_class, facts_of_class


def named_tuple_class(
    module: str,
    qualname: str,
    name: str,
    fields: tuple[str, ...],
    defaults: tuple[Any, ...],
) -> type:
    """Return an unpickled class of named tuples, made by `collections.namedtuple`."""
    # A field whose name says its place, `_1`, had another name before.
    made = namedtuple(name, fields, rename=True, defaults=defaults, module=module)  # type: ignore[misc]
    made.__qualname__ = qualname
    return made


def _members_of_named_tuple_class(kind: type) -> dict[str, object]:
    """Return what a class of named tuples has by name, with code for its functions.

    Two classes with equal members differ in nothing that a user would notice.
    """
    members = {}
    for name, member in vars(kind).items():
        # `copyreg` keeps the names of the slots here once it has pickled an object.
        if name == "__slotnames__":
            continue
        function = getattr(member, "__func__", member)
        code = getattr(function, "__code__", None)
        if code is not None:
            members[name] = code
        elif name in ("__doc__", "_fields"):
            members[name] = member
        elif name in vars(kind)["_fields"]:
            # A field may have a description of its own.
            members[name] = type(member), member.__doc__
        else:
            members[name] = type(member)
    return members


# Containers

#: The methods by which a pickle puts items into a container, by its class.
_ITEM_METHODS: dict[type, tuple[str, ...]] = {
    OrderedDict: ("__setitem__",),
    dict: ("__setitem__",),
    list: ("append", "extend"),
    deque: ("append", "extend"),
}
#: The methods by which a pickle reads the items of a container, by its class.
_READING_METHODS: dict[type, tuple[str, ...]] = {
    OrderedDict: ("items",),
    dict: ("items",),
    list: ("__iter__",),
    deque: ("__iter__",),
    set: ("__iter__",),
    frozenset: ("__iter__",),
}


def may_change_items(kind: type) -> bool:
    """Return whether a container may come back from its pickle with other items.

    The pickle is then loaded once, and refused if the items differ.

    Its class puts items in by its own method, and its author has written how it is
    pickled. The author may rely on that method to build more than the items.
    """
    return _has_own_item_method(kind) and _has_own_pickling(kind)


def _has_own_item_method(kind: type) -> bool:
    """Return whether a class of containers overrides a method that puts items in.

    A pickle puts the items in by that method, before it sets the attributes. The method
    may make other items of them, or need an attribute.
    """
    return _overrides(kind, _ITEM_METHODS)


def _reads_items_its_own_way(kind: type) -> bool:
    """Return whether a class of containers overrides a method that gives its items.

    A pickle would keep the items that this method gives, not those inside.
    """
    return _overrides(kind, _READING_METHODS)


def _overrides(kind: type, methods_by_base: dict[type, tuple[str, ...]]) -> bool:
    """Return whether a class of containers overrides one of its base's methods."""
    for base, methods in methods_by_base.items():
        if issubclass(kind, base):
            return any(
                getattr(kind, name) is not getattr(base, name) for name in methods
            )
    return False


def _has_own_pickling(kind: type) -> bool:
    """Return whether an author has written how the objects of a class are pickled."""
    return decides_its_pickles(kind) or kind in copyreg.dispatch_table


def _keep_items(value: Any) -> Any:
    """Return the reduction of a container that gets its items as they are."""
    reduction = value.__reduce_ex__(4)
    if type(reduction) is not tuple:
        # The container is pickled by its name.
        return NotImplemented
    if isinstance(value, (set, frozenset)):
        return _keep_items_of_set(value, reduction)
    if len(reduction) < 4:
        # The constructor gets the items.
        return NotImplemented
    make, arguments, state, *_ = reduction
    # The items are read past the methods of the class, which may give others.
    if isinstance(value, OrderedDict):
        items = list(OrderedDict.items(value))
    elif isinstance(value, dict):
        items = list(dict.items(value))
    elif isinstance(value, list):
        items = list(list.__iter__(value))
    else:
        items = list(deque.__iter__(value))
    contents = {"items": items, "state": _with_slots(value, state)}
    return make, arguments, contents, None, None, restore_items


def _keep_items_of_set(value: Any, reduction: tuple[Any, ...]) -> Any:
    """Return the reduction of a set that is made with its items as they are.

    `reduction` is that of its own class.
    """
    if len(reduction) != 3:
        return NotImplemented
    _, _, state = reduction
    base: Any = frozenset if isinstance(value, frozenset) else set
    arguments = type(value), list(base.__iter__(value))
    contents = {"items": [], "state": _with_slots(value, state)}
    return filled_set, arguments, contents, None, None, restore_items


def filled_set(kind: type, items: list[Any]) -> Any:
    """Return an unpickled set of a class with items, by no method of its own."""
    if issubclass(kind, frozenset):
        return frozenset.__new__(kind, items)
    filled: Any = set.__new__(kind)
    set.update(filled, items)
    return filled


def _with_slots(container: Any, state: Any) -> Any:
    """Return a pickled state with the slots of a container.

    The reductions of the standard library leave slots out on Python 3.10.
    """
    kind: Any = type(container)
    if type(state) is tuple or hasattr(kind, "__setstate__"):
        # The state has the slots already, or has what the class wants.
        return state
    slots = {}
    for name, member in slot_members(kind).items():
        # A slot may have no value.
        with suppress(AttributeError):
            slots[name] = member.__get__(container)
    return state, slots


def restore_items(container: Any, contents: dict[str, Any]) -> None:
    """Give an unpickled container its items, past its own methods, then its state."""
    items = contents["items"]
    if isinstance(container, OrderedDict):
        for key, part in items:
            OrderedDict.__setitem__(container, key, part)
    elif isinstance(container, dict):
        for key, part in items:
            dict.__setitem__(container, key, part)
    elif isinstance(container, list):
        list.extend(container, items)
    elif isinstance(container, deque):
        deque.extend(container, items)
    _restore_state(container, contents["state"])


def _restore_state(value: Any, state: Any) -> None:
    """Give an object its state, as a pickle does: by its own method if it has one."""
    if state is None:
        return
    if hasattr(type(value), "__setstate__"):
        value.__setstate__(state)
        return
    # The attributes, or a pair of the attributes and the slots.
    parts = state if type(state) is tuple else (state,)
    for attributes in parts:
        set_attributes(value, attributes or {})


def _keep_proxy(proxy: Any) -> Any:
    """Reduce a `MappingProxyType` to the mapping behind it, which may be no dict."""
    return read_only, (ROWS["builtins.mappingproxy"].take(proxy),)


def read_only(mapping: Any) -> Any:
    """Return a mapping as it is seen through a `MappingProxyType`."""
    return MappingProxyType(mapping)


# Remembered hashes


def _keep_without_hash(value: Any) -> Any:
    """Return the reduction of an object without the hash that it remembers.

    Another process has other hashes, and would not find the object in a dict.
    """
    names_from_constructor = hashes_from_constructor(value)
    if names_from_constructor:
        return _keep_with_hash_taken_anew(value, names_from_constructor)
    remembered = remembered_hashes(value)
    if not remembered:
        return NotImplemented
    reduction = value.__reduce_ex__(4)
    if type(reduction) is not tuple or len(reduction) < 3:
        # The pickle has no state in which the hash could be.
        return NotImplemented
    make, arguments, state, *further_parts = reduction
    return make, arguments, without_hashes(state, remembered), *further_parts


def _keep_with_hash_taken_anew(value: Any, hash_names: set[str]) -> Any:
    """Return the reduction of an object whose constructor took its hash.

    Where the pickle is loaded, the hash is taken anew, as the constructor did it.

    Args:
        value: The object.
        hash_names: The names of the attributes that keep its hash.

    Raises:
        NotExactError: No recipe gives the hash that the constructor took.
    """
    reduction = value.__reduce_ex__(4)
    if type(reduction) is not tuple:
        return NotImplemented
    if len(reduction) == 2:
        # None stands for a state that is missing.
        reduction = (*reduction, None)
    make, arguments, state, *further_parts = reduction
    if not state_keeps_hash(state, hash_names):
        # The class pickles its objects by the arguments of its constructor, which takes
        # the hash again.
        return NotImplemented
    recipe = recipe_of(value, hash_names)
    if recipe is None:
        raise NotExactError(
            f"it keeps its hash() in {', '.join(sorted(hash_names))}, which is another"
            " one in the process of a replay",
            remedy="let its __hash__ take the hash when it is asked for",
        )
    state_and_hashes = {
        "state": with_zero_for_hashes(state, hash_names),
        "hashes": dict.fromkeys(hash_names, recipe),
    }
    # A reduction has six parts at most. The last one is the function that sets the
    # state.
    items, pairs = (*further_parts, None, None)[:2]
    return make, arguments, state_and_hashes, items, pairs, restore_hash


def restore_hash(value: Any, state_and_hashes: dict[str, Any]) -> None:
    """Give an unpickled object its state, and then the hash that its constructor took.

    Args:
        value: The object.
        state_and_hashes: Its `state`, and as its `hashes`, the recipe of each hash by
            the name of the attribute that keeps it.
    """
    _restore_state(value, state_and_hashes["state"])
    recipe_by_name: dict[str, Recipe] = state_and_hashes["hashes"]
    for name, recipe in recipe_by_name.items():
        set_attributes(value, {name: hash_by(recipe, value)})


# torch


def _keep_tensor(tensor: Any) -> Any:
    """Reduce a tensor that has a gradient.

    Raises:
        NotExactError: The tensor has hooks or a graph, which no pickle keeps.
    """
    if hooks_of(tensor):
        raise NotExactError(
            "functions are registered for its gradient, which torch does not pickle",
            remedy="return x.detach()",
        )
    if tensor.grad_fn is not None:
        raise NotExactError(
            "it has a graph, which leads back to what it was computed from",
            remedy="return x.detach(), or compute it under torch.no_grad()",
        )
    gradient = gradient_of(tensor)
    if gradient is None:
        return NotImplemented
    reduction = tensor.__reduce_ex__(4)
    make, arguments, state_of_tensor = (*reduction, None)[:3]
    state = {"own": state_of_tensor, "gradient": gradient}
    return make, arguments, state, None, None, restore_tensor


def restore_tensor(tensor: Any, state: dict[str, Any]) -> None:
    """Give an unpickled tensor its state, and then its gradient."""
    if state["own"] is not None:
        tensor.__setstate__(state["own"])
    tensor.grad = state["gradient"]


# PIL

# The attributes of an image that are not kept by themselves: those that its state has
# already, those that only serve to read its file, and the file.
_ATTRIBUTES_NOT_KEPT_OF_IMAGES = frozenset(
    "_exif _exclusive_fp _fp _im _mode _size _decoder fp"
    " im info palette pyaccess tile".split()
)
_TYPES_OF_FACTS = (str, int, float, bytes, type(None))


def _keep_image(image: Any) -> Any:
    """Reduce an image with several frames to its file, any other image to its pixels.

    The other facts of the file, and EXIF that was set in memory, stand beside these.
    """
    state: dict[str, Any] = {}
    file = _file_of(image)
    if file is not None:
        # Pixels that somebody has changed in the current frame are not in the file.
        with suppress(OSError, ValueError), opened_again(image, file) as reader:
            reader.load()
            reader.seek(image.tell())
            is_drawn_on = reader.tobytes() != image.tobytes()
            if is_drawn_on:
                state["pixels"] = image.mode, image.size, image.tobytes()
        state["info"] = image.info
        make, arguments = open_image, (type(image), file, image.tell())
    else:
        make, arguments, state["own"], *_ = image.__reduce_ex__(4)
    attributes = {}
    for name, part in vars(image).items():
        # Private attributes of an image with frames are those of the reader of its
        # file, and the reader that a replay opens has its own.
        is_of_reader = file is not None and name[:1] == "_"
        if (
            name not in _ATTRIBUTES_NOT_KEPT_OF_IMAGES
            and not is_of_reader
            and _is_data_of_file(part)
        ):
            attributes[name] = part
    state["attributes"] = attributes
    # A TIFF whose file is closed has its EXIF in memory alone.
    is_only_here = file is None and hasattr(image, "tag_v2") and image._exif is not None
    if is_only_here or changed_exif(image) is not None:
        exif: Any = image._exif
        state["exif"] = {
            "tags": {tag: exif[tag] for tag in list(exif)},
            "directories": dict(exif._ifds),
            "endian": exif.endian,
        }
    return make, arguments, state, None, None, restore_image


def _is_data_of_file(part: Any) -> bool:
    """Return whether an attribute of an image is data that its file gave."""
    kind = type(part)
    if isinstance(part, _TYPES_OF_FACTS):
        return True
    if kind in (list, tuple):
        return all(map(_is_data_of_file, part))
    if kind is dict:
        return all(map(_is_data_of_file, part)) and all(
            map(_is_data_of_file, part.values())
        )
    return kind.__module__ in ("PIL.ImagePalette", "PIL.TiffImagePlugin")


def _file_of(image: Any) -> bytes | None:
    """Return the bytes of a file with the frames of an image.

    Of a WEBP that was loaded, only the decoder is left, and its frames are written into
    a new file. None: the image has one frame.
    """
    decoder = getattr(image, "_decoder", None)
    if decoder is None:
        return frames_file(image)
    if image.n_frames < 2:
        return None
    create = sys.modules["PIL.Image"].frombytes
    mode = image.rawmode
    if mode == "RGBX":
        mode = "RGB"
    frames = []
    # In milliseconds; the decoder tells when each frame ends.
    durations = []
    start = 0
    for pixels, end in decoded_frames(image):
        frames.append(create(mode, image.size, pixels, "raw", image.rawmode))
        durations.append(end - start)
        start = end
    first_frame, *other_frames = frames
    file = BytesIO()
    # The options keep each pixel and each frame as it is.
    first_frame.save(
        file,
        "WEBP",
        save_all=True,
        append_images=other_frames,
        duration=durations,
        loop=image.info.get("loop", 0),
        background=image.info.get("background", (0, 0, 0, 0)),
        lossless=True,
        exact=True,
        minimize_size=False,
        allow_mixed=False,
        kmin=0,
        kmax=0,
    )
    return file.getvalue()


def open_image(cls: Any, file: bytes, place: int) -> Any:
    """Return an unpickled image that can be sought, at one of its frames."""
    base = sys.modules["PIL.ImageFile"].ImageFile
    # An edited pickle could name any class.
    if not isinstance(cls, type) or not issubclass(cls, base):
        raise TypeError("no image of PIL")
    image = cls(BytesIO(file))
    # A PNG that was sought before its first frame was loaded cannot be sought back.
    image.load()
    image.seek(place)
    image.load()
    return image


def restore_image(image: Any, state: dict[str, Any]) -> None:
    """Give an unpickled image its pixels, and the other facts of its file."""
    if "own" in state:
        image.__setstate__(state["own"])
        if hasattr(type(image), "_open"):
            # The file of an image with one frame is closed when it is loaded.
            image.fp = None
            # A memory map of the file is no data, and has not been kept.
            image.map = None
    if "info" in state:
        # The image was opened from its frames' file, which may tell other facts.
        image.info = state["info"]
    attributes = state["attributes"]
    for name, part in attributes.items():
        image.__dict__[name] = part
    if "pixels" in state:
        # They take the place of those of the current frame.
        mode, size, data = state["pixels"]
        drawn = sys.modules["PIL.Image"].frombytes(mode, size, data)
        image.im = drawn.im
        image._mode = mode
        image._size = size
    if "exif" in state:
        exif = sys.modules["PIL.Image"].Exif()
        exif._loaded = True
        exif.endian = state["exif"]["endian"]
        for tag, part in state["exif"]["tags"].items():
            exif[tag] = part
        exif._ifds.update(state["exif"]["directories"])
        image._exif = exif


# rdkit


@contextmanager
def keeping_all() -> Iterator[None]:
    """Return the block in which values are pickled.

    Inside it, rdkit keeps the properties of molecules, which it leaves out by default.
    """
    chem: Any = sys.modules.get("rdkit.Chem.rdchem")
    if chem is None:
        yield
        return
    properties_before = chem.GetDefaultPickleProperties()
    chem.SetDefaultPickleProperties(chem.PropertyPickleOptions.AllProps)
    try:
        yield
    finally:
        chem.SetDefaultPickleProperties(
            chem.PropertyPickleOptions.values.get(
                int(properties_before), properties_before
            )
        )


# numpy


def _keep_shared_generator(generator: Any) -> Any:
    """Reduce the generator behind `numpy.random.random()` to a function that gives it.

    Distributions of scipy hold that generator. Its state is not kept.
    """
    shared = sys.modules["numpy.random.mtrand"]._rand
    if generator is not shared:
        return NotImplemented
    return shared_generator, ()


def _keep_masked_array(array: Any) -> Any:
    """Reduce a masked array whose mask is hard, or that has none.

    numpy keeps any other array whole.
    """
    masked_arrays = sys.modules["numpy"].ma
    is_plain = type(array) is masked_arrays.MaskedArray
    if array.hardmask:
        if not is_plain:
            raise NotExactError("it has a hard mask, which numpy does not pickle")
        restore = restore_hard_mask
    elif is_plain and array._mask is masked_arrays.nomask:
        restore = restore_without_mask
    else:
        return NotImplemented
    make, arguments, state = array.__reduce__()
    return make, arguments, state, None, None, restore


def restore_hard_mask(array: Any, state: Any) -> None:
    """Give a masked array its state, and a mask that assignments cannot take away."""
    array.__setstate__(state)
    array.harden_mask()


def restore_without_mask(array: Any, state: Any) -> None:
    """Give a masked array its state, but no mask: numpy's pickle makes one of zeros."""
    array.__setstate__(state)
    array._mask = sys.modules["numpy"].ma.nomask


def shared_generator() -> Any:
    """Return the generator behind `numpy.random.random()`."""
    from importlib import import_module

    return import_module("numpy.random.mtrand")._rand


# pendulum


def _keep_moment(moment: Any) -> Any:
    """Reduce a moment of pendulum with its `fold`, which its own pickle leaves out."""
    make, arguments, *_ = moment.__reduce_ex__(4)
    return moment_with_fold, (make, arguments, moment.fold)


def moment_with_fold(kind: Any, arguments: tuple[Any, ...], fold: int) -> Any:
    """Return a moment of pendulum with a `fold`.

    `fold` tells apart two moments with one name, when the clock is put back.
    """
    base = sys.modules["pendulum"].DateTime
    # An edited pickle could name any class.
    if not isinstance(kind, type) or not issubclass(kind, base):
        raise TypeError("no moment of pendulum")
    return kind(*arguments).replace(fold=fold)


# pygments, sqlparse


def _keep_token_type(token_type: Any) -> Any:
    """Reduce a type of tokens to its names: code tells these objects apart by `is`."""
    return shared_token_type, (type(token_type), tuple(token_type))


def shared_token_type(kind: Any, names: tuple[str, ...]) -> Any:
    """Return the type of tokens with these names, `("Keyword", "Constant")`."""
    module = sys.modules[kind.__module__]
    # `Token` is the root, of which each other type is an attribute of an attribute.
    token_type = module.Token
    if type(token_type) is not kind or name_of(kind) not in _CLASSES_OF_TOKEN_TYPES:
        raise TypeError("no type of tokens")
    for name in names:
        # Other names are those of ordinary attributes.
        if not name[:1].isupper():
            raise ValueError(f"no name of a type of tokens: {name!r:.60}")
        token_type = getattr(token_type, name)
    return token_type


_CLASSES_OF_TOKEN_TYPES = frozenset(
    {"pygments.token:_TokenType", "sqlparse.tokens:_TokenType"}
)


# httpx


def _keep_response(response: Any) -> Any:
    """Reduce a response, whose requests lose their extensions as the response does.

    The client writes its timeouts into the extensions of a request.
    """
    if name_of(type(response)) not in _LOSSES:
        # A class that derives from that of httpx may pickle more.
        return NotImplemented
    make, arguments, state, *further_parts = response.__reduce_ex__(4)
    attributes = {}
    for name, part in state.items():
        if name_of(type(part)) in _CLASSES_OF_REQUESTS:
            # httpx leaves the extensions out of a copy.
            part = copy(part)
        attributes[name] = part
    return make, arguments, attributes, *further_parts


#: The classes of requests, of which a copy has no extensions.
_CLASSES_OF_REQUESTS = frozenset({"httpx:Request", "httpx2:Request"})


# The functions that reduce values, by the full name of a class or of a base of it.
_KEEP_BY_CLASS: dict[str, Callable[[Any], Any]] = {
    "builtins.mappingproxy": _keep_proxy,
    "PIL.Image.Image": _keep_image,
    "httpx.Response": _keep_response,
    "httpx2.Response": _keep_response,
    "numpy.ma.MaskedArray": _keep_masked_array,
    "numpy.ma.core.MaskedArray": _keep_masked_array,
    "numpy.random.mtrand.RandomState": _keep_shared_generator,
    "pendulum.datetime.DateTime": _keep_moment,
    "pygments.token._TokenType": _keep_token_type,
    "sqlparse.tokens._TokenType": _keep_token_type,
    "torch.Tensor": _keep_tensor,
}
