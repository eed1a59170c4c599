"""The states of arguments: noted before a call, kept after it, set in a replay."""

from __future__ import annotations

import random
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from operator import attrgetter, methodcaller
from types import BuiltinMethodType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic.errors import MutatedInputError, StaleRecordingError
from pytest_mimic.values.classes import check_names, first_unsettable
from pytest_mimic.values.rows import row_of
from pytest_mimic.values.state import (
    attributes_of,
    is_larger_than_attributes,
    kind_of,
    library_of,
    set_attributes,
    slots_of,
)
from pytest_mimic.values.tensors import grad_of
from pytest_mimic.values.tree import (
    SCALARS,
    Path,
    Tree,
    below,
    digest_of,
    ordered_digest_of,
    text_of,
)
from pytest_mimic.values.walk import tree_of

if TYPE_CHECKING:
    from pytest_mimic.values.places import Places

_PLAIN = SCALARS | {bytes, complex}
_OPEN = (tuple, frozenset, partial, MethodType, BuiltinMethodType)
"""What never changes, and holds what may."""

Paths = tuple[Path, ...]


class _Face(NamedTuple):
    """What may change of a part: its items, its attributes or its memory.

    Attributes:
        form: The type of a copy of it.
        copied: Gives a copy.
        restore: Sets it, from such a copy.
    """

    form: type
    copied: Callable[[Any], Any]
    restore: Callable[[Any, Any], object]


class States:
    """The parts of arguments that a call may change, each one wherever it stands.

    A part is named by the shortest way to it: `model.rows[0]`. What an object is beside
    its attributes (a list of a class of its own) has that name, and the attributes have
    `NAME.__dict__`.

    Args:
        arguments: The arguments by name.
        ignored: Gives the paths below an argument that keep their live values.
        places: The folders of the call.

    Attributes:
        places: The same, which know the parts: a tree refers to a part by its name, and
            a replay gives that very part.
        shared: Tells which parts stand at several places; empty: none does.
    """

    def __init__(
        self,
        arguments: Mapping[str, object],
        ignored: Callable[[str], Paths],
        places: Places,
    ) -> None:
        self._names: dict[int, str] = {}
        self._parts: dict[str, Any] = {}
        self._faces: dict[str, tuple[Any, _Face, Paths]] = {}
        self.places = places.with_parts(self._names, self._parts)
        shared: list[Tree] = []
        pending = deque((name, part, ignored(name)) for name, part in arguments.items())
        while pending:
            name, part, paths = pending.popleft()
            if () in paths or _never_changes(part):
                continue
            if id(part) in self._names:
                shared.append([name, self._names[id(part)]])
                continue
            if not isinstance(part, _OPEN):
                self._add(name, part, paths)
            for way, step, inner in self._inner(part):
                pending.append((f"{name}{way}", inner, below(paths, step)))
        self.shared = digest_of(shared) if shared else ""

    def _add(self, name: str, part: Any, ignored: Paths) -> None:
        self._names[id(part)] = name
        self._parts[name] = part
        for suffix, face in _faces_of(part).items():
            self._faces[name + suffix] = part, face, ignored

    def _inner(self, part: Any) -> Iterator[tuple[str, str, object]]:
        """Give what stands in a part: the way to it in code, its step, and itself."""
        if isinstance(part, (MethodType, BuiltinMethodType)):
            yield ".__self__", "self", part.__self__
        elif isinstance(part, partial):
            yield from self._inner((part.func, part.args, part.keywords))
        elif isinstance(part, FunctionType):
            held = [cell.cell_contents for cell in part.__closure__ or ()]
            yield from self._inner((*held, *(part.__defaults__ or ())))
        elif isinstance(part, _OPEN):
            yield from self._items(part)
        for face in _faces_of(part).values():
            if face is _ATTRIBUTES:
                for name, attribute in attributes_of(part).items():
                    yield f".{name}", name, attribute
            elif face.restore is _set_tensor and grad_of(part) is not None:
                yield ".grad", "grad", part.grad
            elif face in _BUILTINS.values():
                yield from self._items(face.copied(part))

    def _items(self, content: Any) -> Iterator[tuple[str, str, object]]:
        if isinstance(content, dict):
            for number, (key, item) in enumerate(content.items()):
                if type(key) in _PLAIN:
                    yield f"[{key!r}]", str(key), item
                else:
                    yield f".keys()[{number}]", "", key
                    yield f".values()[{number}]", "", item
        elif isinstance(content, (list, tuple, set, frozenset)):
            items = list(content)
            is_set = isinstance(content, (set, frozenset))
            if is_set and not _PLAIN.issuperset(map(type, items)):
                items.sort(key=self._digest)
            for number, item in enumerate(items):
                yield f"[{number}]", str(number), item

    # -- around a real call

    def note(self) -> None:
        """Note the states before the call."""
        self._before = {name: self._digests(name) for name in self._faces}
        self._whole_before = self._wholes()
        self._forms = {name: _form_of(part) for name, part in self._parts.items()}

    def _content(self, name: str) -> Any:
        part, face, ignored = self._faces[name]
        content = face.copied(part)
        if ignored and face.form is dict:
            for key in list(content):
                if () in below(ignored, str(key)):
                    del content[key]
        return content

    def _digests(self, name: str) -> dict[object, str]:
        content = self._content(name)
        if self._faces[name][1] is not _ATTRIBUTES:
            content = {"": content}
        return {key: self._digest(item) for key, item in content.items()}

    def _digest(self, value: object) -> str:
        # In a list: as itself a part is opened.
        return ordered_digest_of(tree_of([value], "proof", self.places))

    def _wholes(self) -> dict[str, str]:
        """Give what stands for each part that may be more than its faces."""
        wholes: dict[str, str] = {}
        for name, part in self._parts.items():
            faces = list(_faces_of(part).values())
            # Of what its class gives to be pickled, attributes may be a half.
            is_told = (
                faces == [_ATTRIBUTES] and kind_of(type(part)).decider is not object
            )
            if is_told or not faces:
                tree = tree_of(part, "proof", self.places)
                wholes[name] = ordered_digest_of(tree)
        return wholes

    def changed(self, target: str) -> tuple[dict[str, Any], list[Tree]]:
        """Give what the call has changed.

        Returns:
            The new content of each part, of an object the changed attributes; and the
            attributes that are gone, as pairs of the part and the name.

        Raises:
            MutatedInputError: A part was changed that a replay cannot set.
        """
        states: dict[str, Any] = {}
        gone: list[Tree] = []
        for name, part in self._parts.items():
            if _form_of(part) != self._forms[name]:
                raise _refused(target, f"{name}: another class, shape or dtype now")
        for name, (part, face, _) in self._faces.items():
            before, now = self._before[name], self._digests(name)
            if before == now:
                continue
            content = self._content(name)
            if face is _ATTRIBUTES:
                changed = {
                    key: content[key] for key in now if now[key] != before.get(key)
                }
                # What a property has computed it will compute again.
                content = kind_of(type(part)).counted(changed)
                lost = before.keys() - now.keys() | (changed.keys() - content.keys())
                gone += [[name, key] for key in sorted(map(str, lost))]
                wrong = first_unsettable(type(part), content)
                if wrong:
                    raise _unsettable(target, f"{name}.{wrong}", part)
            if face is not _ATTRIBUTES or content:
                states[name] = content
        for name, whole in self._wholes().items():
            if whole != self._whole_before[name] and name not in states:
                raise _unsettable(target, name, self._parts[name])
        return states, gone

    def refuse_in_stream(
        self, target: str, states: Mapping[str, Any], gone: Iterable[Any]
    ) -> None:
        """Refuse what a stream has changed: a replay sets it when the stream has ended.

        What is itself read or drawn from may move on: few look at it in between.

        Args:
            target: The function.
            states: What the call has changed, and which attributes are gone: see
                `changed`.
            gone: The same.

        Raises:
            MutatedInputError: A part was changed.
        """
        names = [str(name) for name, _ in gone]
        names += [name for name in states if not is_moved(self._faces[name][0])]
        if not names:
            return
        what = f"{names[0]}: changed while its items are read"
        raise _refused(target, what, "return a list of the items, not a stream")

    def are_in(self, value: object) -> bool:
        """Tell whether a value is one of the parts, or holds one."""
        return '"$after"' in text_of(tree_of([value], "proof", self.places))

    # -- in a replay

    def leave(self, states: Mapping[str, Any], gone: Any) -> None:
        """Leave the parts as the recorded call has left them.

        Raises:
            StaleRecordingError: A part is another one now.
            ValueError, TypeError: A state is none of its part.
        """
        for name, state in states.items():
            part, face, ignored = self._face(name)
            if type(state) is not face.form:
                raise TypeError(f"the state of {name} is a {type(state).__name__}")
            content: Any = state
            if face is _ATTRIBUTES:
                check_names(type(part), content)
            elif ignored and face.form is dict:
                live = face.copied(part)
                kept = [key for key in live if () in below(ignored, str(key))]
                content = {**content, **{key: live[key] for key in kept}}
            face.restore(part, content)
        for name, attribute in gone:
            part, _, _ = self._face(name)
            _take_away(part, attribute)

    def _face(self, name: str) -> tuple[Any, _Face, Paths]:
        if name not in self._faces:
            raise StaleRecordingError(f"the call has changed {name}, which is gone now")
        return self._faces[name]


def _unsettable(target: str, name: str, part: object) -> MutatedInputError:
    kind = type(part)
    what = f"{name}: {kind.__module__}.{kind.__qualname__}"
    return _refused(target, what)


def _refused(
    target: str,
    what: str,
    way: str = "name the inner function that returns the new value instead",
) -> MutatedInputError:
    return MutatedInputError(
        f"{target} has mutated its inputs",
        [f"{what}, which no replay can set"],
        [(way, "")],
    )


def shared_memory(part: object, others: Mapping[str, object]) -> str:
    """Give the name of an array or tensor whose memory a part has; empty: of none."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    is_shared: Callable[[Any, Any], bool]
    if numpy is not None and isinstance(part, numpy.ndarray):
        kind, is_shared = numpy.ndarray, numpy.may_share_memory
    elif torch is not None and isinstance(part, torch.Tensor):
        kind, is_shared = torch.Tensor, _have_one_storage
    else:
        return ""
    for name, other in others.items():
        if isinstance(other, kind) and part is not other and is_shared(part, other):
            return name
    return ""


def _have_one_storage(tensor: Any, other: Any) -> bool:
    storages = [one.untyped_storage().data_ptr() for one in (tensor, other)]
    return bool(storages[0] == storages[1] != 0)


# -- what may change of a part


def _never_changes(part: object) -> bool:
    kind = type(part)
    if kind in _PLAIN or isinstance(part, (type, ModuleType, Enum)):
        return True
    row = row_of(kind)
    if row is not None:
        return not row.may_change
    return kind_of(kind).refused is not None


def _form_of(part: Any) -> tuple[object, ...]:
    """Give what a replay sets of no part: its class, and the form of its memory."""
    if _face_of_memory(part) is None:
        return (type(part),)
    return type(part), part.shape, part.dtype


def _faces_of(part: Any) -> dict[str, _Face]:
    """Give what may change of a part, by the end of its name; none: no replay can."""
    kind = type(part)
    whole = _face_of_moved(part) or _face_of_memory(part)
    if whole is not None:
        return {"": whole}
    faces: dict[str, _Face] = {}
    for base, face in _BUILTINS.items():
        if isinstance(part, base):
            faces[""] = face
            break
    if isinstance(part, (FunctionType, *_OPEN)) or _is_of_library(kind):
        return {}
    if not faces and is_larger_than_attributes(kind):
        return {}
    if slots_of(kind) or kind.__dictoffset__:
        faces[".__dict__" if faces else ""] = _ATTRIBUTES
    return faces


def _is_of_library(kind: type) -> bool:
    if not kind_of(kind).is_of_library:
        return False
    from pytest_mimic.values import libraries  # Loads what it knows of.

    return libraries.rule_of(kind) is not None


def _face_of_memory(part: Any) -> _Face | None:
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and type(part) is numpy.ndarray and not part.dtype.hasobject:
        return _Face(numpy.ndarray, numpy.ndarray.copy, _set_array)
    if torch is not None and isinstance(part, torch.Tensor):
        return _Face(torch.Tensor, _tensor, _set_tensor)
    return None


def _set_array(array: Any, content: Any) -> None:
    if (array.shape, array.dtype) != (content.shape, content.dtype):
        raise ValueError("an array of another shape or dtype")
    array[...] = content


def _tensor(tensor: Any) -> Any:
    copied = tensor.detach().clone()
    copied.grad = grad_of(tensor)
    return copied.requires_grad_(tensor.requires_grad)


def _set_tensor(tensor: Any, content: Any) -> None:
    if (tensor.shape, tensor.dtype) != (content.shape, content.dtype):
        raise ValueError("a tensor of another shape or dtype")
    tensor.detach().copy_(content.detach())
    if tensor.is_leaf:
        tensor.requires_grad_(content.requires_grad)
        tensor.grad = content.grad
    elif not content.requires_grad:
        tensor.detach_()


def _refill(clear: Any, add: Any, part: Any, content: Any) -> None:
    clear(part)
    add(part, content)


def _set_bytes(items: bytearray, content: bytes) -> None:
    bytearray.__setitem__(items, slice(None), content)


def _take_away(part: Any, name: str) -> None:
    slot = slots_of(type(part)).get(name)
    if slot is None:
        object.__getattribute__(part, "__dict__").pop(name, None)
    elif name in attributes_of(part):
        slot.__delete__(part)


_ATTRIBUTES = _Face(dict, attributes_of, set_attributes)
_ORDERED = partial(_refill, OrderedDict.clear, OrderedDict.update)
# Past the methods of a class that derives from one of these.
_BUILTINS: dict[type, _Face] = {
    list: _Face(list, list.copy, partial(_refill, list.clear, list.extend)),
    OrderedDict: _Face(dict, dict.copy, _ORDERED),
    dict: _Face(dict, dict.copy, partial(_refill, dict.clear, dict.update)),
    set: _Face(set, set, partial(_refill, set.clear, set.update)),
    bytearray: _Face(bytes, bytes, _set_bytes),
    deque: _Face(list, list, partial(_refill, deque.clear, deque.extend)),
}


# -- streams in memory, and generators of random numbers


def is_moved(part: object) -> bool:
    """Tell whether a value is read or drawn from, so that calls move it on."""
    return _face_of_moved(part) is not None


def _face_of_moved(part: object) -> _Face | None:
    kind = type(part)
    return _MOVED.get(f"{library_of(kind)}:{kind.__qualname__}")


def _left_of(stream: Any) -> tuple[object, ...]:
    return () if stream.closed else (stream.getvalue(), stream.tell())


def _set_stream(stream: Any, left: tuple[Any, ...]) -> None:
    if not left:
        stream.close()
        return
    content, position = left
    stream.seek(0)
    stream.truncate()
    stream.write(content)
    stream.seek(position)


def _set_generator(generator: Any, state: dict[str, Any]) -> None:
    _check_position(state)
    generator.bit_generator.state = state


def _set_old_generator(generator: Any, state: dict[str, Any]) -> None:
    _check_position(state)
    generator.set_state(state)


def _check_position(state: dict[str, Any]) -> None:
    """Check where C goes on to read in the memory of a generator: numpy does not."""
    for part in (state, state["state"]):
        for name in ("pos", "buffer_pos"):
            if not 0 <= part.get(name, 0) <= _LONGEST_KEY:
                raise ValueError(f"{name} of a generator is out of its range")


_LONGEST_KEY = 624
_STREAM = _Face(tuple, _left_of, _set_stream)
_OF_NUMPY = attrgetter("bit_generator.state")
_MOVED = {
    "_io:BytesIO": _STREAM,
    "_io:StringIO": _STREAM,
    "random:Random": _Face(tuple, random.Random.getstate, random.Random.setstate),
    "numpy:Generator": _Face(dict, _OF_NUMPY, _set_generator),
    "numpy:RandomState": _Face(
        dict, methodcaller("get_state", legacy=False), _set_old_generator
    ),
}
