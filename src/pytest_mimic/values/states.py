"""The states of arguments: noted before a call, kept after it, set in a replay."""

from __future__ import annotations

import random
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from functools import partial
from itertools import count
from operator import attrgetter, methodcaller
from types import BuiltinMethodType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic.errors import MutatedInputError, StaleRecordingError
from pytest_mimic.values.classes import check_names, first_unsettable
from pytest_mimic.values.names import name_of
from pytest_mimic.values.rows import checked, row_of
from pytest_mimic.values.state import (
    addresses_in,
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
    Paths,
    Tree,
    below,
    digest_of,
    ordered_digest_of,
    shown_path,
    text_of,
)
from pytest_mimic.values.walk import tree_of

if TYPE_CHECKING:
    from pytest_mimic.values.folders import Folders

AS_LIST = "return a list of the items, not a stream"
"""What helps where a stream changes its arguments."""
_PLAIN = SCALARS | {bytes, complex}
_OPEN = (tuple, frozenset, partial, MethodType, BuiltinMethodType)
"""What never changes, and holds what may."""


class _Face(NamedTuple):
    """One of the ways in which an object can change: its items, attributes or memory.

    Attributes:
        form: The type that holds a copy of the items, attributes or memory.
        copied: Gives such a copy of an object.
        restore: Sets an object to what such a copy holds.
    """

    form: type
    copied: Callable[[Any], Any]
    restore: Callable[[Any, Any], object]


class States:
    """The parts of arguments that a call may change, each wherever it stands.

    A part is named by the shortest way to it: `model.rows[0]`. What an object is beside
    its attributes (a list of a class of its own) has that name, and the attributes have
    `NAME.__dict__`.

    Args:
        arguments: The arguments by name.
        ignored: Gives the paths below an argument that keep their live values.
        folders: The folders of the call.

    Attributes:
        folders: The same, which know the parts: a tree refers to a part by its name,
            and a replay gives that very part.
        shared: Tells which parts stand at several places; empty: none does.
    """

    def __init__(
        self,
        arguments: Mapping[str, object],
        ignored: Callable[[str], Paths],
        folders: Folders,
    ) -> None:
        self._names: dict[int, str] = {}
        self._parts: dict[str, Any] = {}
        self._faces: dict[str, tuple[Any, _Face, Paths]] = {}
        self.folders = folders.sharing(part_names=self._names, named_parts=self._parts)
        shared: list[Tree] = []
        pending: deque[tuple[Path, Any, Paths]] = deque()
        pending.extend(((one,), arguments[one], ignored(one)) for one in arguments)
        while pending:
            path, part, paths = pending.popleft()
            if () in paths or _never_changes(part):
                continue
            name = shown_path(path)
            if id(part) in self._names:
                shared.append([name, self._names[id(part)]])
                continue
            if not isinstance(part, _OPEN):
                self._add(name, part, paths)
            for step, inner in self._inner(part):
                pending.append(((*path, step), inner, below(paths, step)))
        self.shared = digest_of(shared) if shared else ""

    def _add(self, name: str, part: Any, ignored: Paths) -> None:
        while name in self._parts:  # A key of an object that is named as an attribute.
            name += "'"
        self._names[id(part)] = name
        self._parts[name] = part
        for suffix, face in _faces_of(part).items():
            self._faces[name + suffix] = part, face, ignored

    def _inner(self, part: Any) -> Iterator[tuple[str, object]]:
        """Give what stands in a part, each with the step that leads to it."""
        if isinstance(part, (MethodType, BuiltinMethodType)):
            yield "self", part.__self__
        elif isinstance(part, partial):
            yield from self._items((part.func, part.args, part.keywords))
        elif isinstance(part, FunctionType):
            held = []
            for cell in part.__closure__ or ():
                with suppress(ValueError):  # It is not filled yet.
                    held.append(cell.cell_contents)
            yield from self._items((*held, *(part.__defaults__ or ())))
        elif isinstance(part, _OPEN):
            yield from self._items(part)
        for face in _faces_of(part).values():
            if face is _ATTRIBUTES:
                yield from attributes_of(part).items()
            elif face.restore is _set_tensor:
                yield "grad", grad_of(part)
            elif face in _BUILTINS.values():
                yield from self._items(face.copied(part))

    def _items(self, content: Any) -> Iterator[tuple[str, object]]:
        """Give items; of a mapping with keys that are not plain, give pairs."""
        if isinstance(content, dict) and _PLAIN.issuperset(map(type, content)):
            for number, (key, item) in enumerate(content.items()):
                # An address is another one in each process.
                yield str(number if key == id(item) else key), item
        elif isinstance(content, dict):
            yield from self._items([*content.items()])
        elif not isinstance(content, bytes):
            items = list(content)
            is_set = isinstance(content, (set, frozenset))
            if is_set and not _PLAIN.issuperset(map(type, items)):
                items.sort(key=self._digest)
            yield from zip(map(str, count()), items, strict=False)

    # -- around a real call

    def note_states(self) -> None:
        """Note the states before the call."""
        self._digests_before = {name: self._digests(name) for name in self._faces}
        self._forms_before = self._forms()

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
        return ordered_digest_of(tree_of([value], "kept", self.folders))

    def _forms(self) -> dict[str, tuple[object, str]]:
        """Give what stands for that of each part which no face sets.

        It is the class, with the form of memory; and the digest of what may be more
        than faces.
        """
        forms: dict[str, tuple[object, str]] = {}
        for name, part in self._parts.items():
            faces = list(_faces_of(part).values())
            # Of what its class gives to be pickled, attributes may be a half.
            decider = kind_of(type(part)).decider
            is_more = not faces or (faces == [_ATTRIBUTES] and decider is not object)
            whole = tree_of(part, "kept", self.folders) if is_more else None
            form: tuple[object, ...] = (type(part),)
            if _face_of_memory(part) is not None:
                form = type(part), part.shape, part.dtype
            forms[name] = form, ordered_digest_of(whole)
        return forms

    def changes(
        self, target: str, *, is_stream: bool
    ) -> tuple[dict[str, Any], list[Any]]:
        """Give what the call has changed.

        Args:
            target: The function.
            is_stream: Whether it has given a stream. A replay sets what has changed
                when that has ended, so it may be nothing but what is itself read or
                drawn from: few look at it in between.

        Returns:
            The new content of each part, of an object the changed attributes; and the
            attributes that are gone, as pairs of the part and the name.

        Raises:
            MutatedInputError: A part was changed that a replay cannot set.
        """
        states: dict[str, Any] = {}
        gone: list[Any] = []
        for name, (part, face, _) in self._faces.items():
            before, now = self._digests_before[name], self._digests(name)
            if before == now:
                continue
            content = self._content(name)
            if face is _ATTRIBUTES:
                changes = {
                    key: content[key] for key in now if now[key] != before.get(key)
                }
                # What a property has computed it will compute again.
                content = kind_of(type(part)).counted(changes)
                lost = before.keys() - now.keys() | (changes.keys() - content.keys())
                gone += [[name, key] for key in sorted(map(str, lost))]
                wrong = first_unsettable(type(part), content)
                if wrong:
                    raise _refused(target, f"{name}.{wrong}: {name_of(type(part))}")
            if face is not _ATTRIBUTES or content:
                states[name] = content
        for name, (form, whole) in self._forms().items():
            before_form, before_whole = self._forms_before[name]
            is_other = whole != before_whole and name not in states
            if form != before_form or is_other:
                what = "another class, shape, dtype or inner state now"
                raise _refused(target, f"{name}: {what}")
        changed_parts = [name for name, _ in gone]
        changed_parts += [name for name in states if not is_moved(self._faces[name][0])]
        if is_stream and changed_parts:
            what = f"{changed_parts[0]}: changed while its items are read"
            raise _refused(target, what, AS_LIST)
        return states, gone

    def is_fixed(self, path: Path) -> bool:
        """Tell whether a change lies in a part that no replay can set."""
        for length in range(len(path), 0, -1):
            part = self._parts.get(shown_path(path[:length]))
            if part is not None:
                return not isinstance(part, FunctionType) and not _faces_of(part)
        return True

    def are_in(self, value: object) -> bool:
        """Tell whether a value is one of the parts, or holds one."""
        return '"$after"' in text_of(tree_of([value], "kept", self.folders))

    # -- in a replay

    def apply(self, states: Mapping[str, Any], gone: Any) -> None:
        """Leave the parts as the recorded call has left them.

        Raises:
            StaleRecordingError: A part is another one now.
            ValueError, TypeError: A state is none of its part.
        """
        lost = min(states.keys() - self._faces.keys(), default="")
        if lost:
            raise StaleRecordingError(f"the call has changed {lost}, which is gone now")
        for name, state in states.items():
            part, face, ignored = self._faces[name]
            content = checked(state, face.form)
            if face is _ATTRIBUTES:
                check_names(type(part), content)
            elif ignored and face.form is dict:
                live = face.copied(part)
                kept = [key for key in live if () in below(ignored, str(key))]
                content = {**content, **{key: live[key] for key in kept}}
            face.restore(part, content)
        for name, attribute in gone:
            part = self._parts[name]
            slot = slots_of(type(part)).get(attribute)
            if slot is None:
                object.__getattribute__(part, "__dict__").pop(attribute, None)
            elif attribute in attributes_of(part):
                slot.__delete__(part)


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
    """Give the name of an array or tensor whose memory a part has; empty: of none.

    Of a tensor a view is kept, unless it was computed.
    """
    memory = _memory_of(part)
    for name, other in others.items():
        if memory and part is not other and memory == _memory_of(other):
            return name
    return ""


def _memory_of(part: Any) -> int:
    """Give where the memory begins in which an array or tensor lies; 0: it is none."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    is_tensor = torch is not None and isinstance(part, torch.Tensor)
    if torch is not None and is_tensor and part.layout is torch.strided:
        return int(part.untyped_storage().data_ptr())
    if numpy is None or not isinstance(part, numpy.ndarray):
        return 0
    while isinstance(part.base, numpy.ndarray):
        part = part.base
    return int(part.ctypes.data)


# -- what may change of a part


def _never_changes(part: object) -> bool:
    kind = type(part)
    if kind in _PLAIN or isinstance(part, (type, ModuleType, Enum)):
        return True
    row = row_of(kind)
    if row is not None:
        return not row.may_change
    return kind_of(kind).refused is not None


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
    if isinstance(part, (FunctionType, *_OPEN)):
        return {}
    if kind_of(kind).is_of_library:
        from pytest_mimic.values import libraries  # Loads what it knows of.

        if libraries.rule_of(kind) is not None:
            return {}
    if not faces and is_larger_than_attributes(kind):
        return {}
    if slots_of(kind) or kind.__dictoffset__:
        faces[".__dict__" if faces else ""] = _ATTRIBUTES
    return faces


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


def _copied(base: Any, part: Any) -> Any:
    items = base.items if issubclass(base, dict) else base.__iter__
    return _FORMS[base](items(part))


def _refill(base: Any, part: Any, content: Any) -> None:
    base.clear(part)
    add = base.extend if hasattr(base, "extend") else base.update
    add(part, content)


def _lasting_attributes(part: object) -> dict[str, object]:
    attributes = attributes_of(part)
    return {**attributes, **dict.fromkeys(addresses_in(attributes))}


_ATTRIBUTES = _Face(dict, _lasting_attributes, set_attributes)
_FORMS: dict[type, type] = {
    list: list,
    OrderedDict: dict,
    dict: dict,
    set: set,
    bytearray: bytes,
    deque: list,
}
# Past the methods of a class that derives from one of these.
_BUILTINS = {
    base: _Face(form, partial(_copied, base), partial(_refill, base))
    for base, form in _FORMS.items()
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
    # Where C goes on to read in its memory: numpy does not check that.
    for part in (state, state["state"]):
        for name in ("pos", "buffer_pos"):
            if not 0 <= part.get(name, 0) <= _LONGEST_KEY:
                raise ValueError(f"{name} of a generator is out of its range")
    if hasattr(generator, "bit_generator"):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)


def _set_generator_of_torch(generator: Any, state: bytes) -> None:
    import torch  # Whoever has a generator has imported it.

    try:
        generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
    except RuntimeError as error:
        raise ValueError(str(error)) from error


_LONGEST_KEY = 624
_STREAM = _Face(tuple, _left_of, _set_stream)
_OF_NUMPY = attrgetter("bit_generator.state")
_MOVED = {
    "_io:BytesIO": _STREAM,
    "_io:StringIO": _STREAM,
    "random:Random": _Face(tuple, random.Random.getstate, random.Random.setstate),
    "numpy:Generator": _Face(dict, _OF_NUMPY, _set_generator),
    "numpy:RandomState": _Face(
        dict, methodcaller("get_state", legacy=False), _set_generator
    ),
    "torch:Generator": _Face(
        bytes,
        lambda generator: generator.get_state().numpy().tobytes(),
        _set_generator_of_torch,
    ),
}
