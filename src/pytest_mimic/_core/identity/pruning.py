"""Values without the parts that `ignore=` names.

The pruned value is only hashed for the identity of a call, or compared. No call gets
it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from operator import is_
from typing import Any

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity.callables import callable_reduction
from pytest_mimic._core.identity.rules import reduction_of
from pytest_mimic._core.identity.short_scalars import SCALARS
from pytest_mimic._core.types.added_attributes import decides_its_pickles
from pytest_mimic._core.types.attributes_and_parts import (
    all_attributes,
    attribute_reader,
)
from pytest_mimic._core.types.libraries import library_of
from pytest_mimic._core.types.option_paths import Steps, paths_into_part
from pytest_mimic._core.types.reductions import PLAIN, Raw, registered_reduction
from pytest_mimic._core.types.remembered_hashes import bare_copy
from pytest_mimic._core.types.stdlib_types import row_of

# How many objects are looked into for objects that lead back to the pruned one.
_MOST_LOOKED_AT = 10_000


class Pruned:
    """Stands for an object of which a part is left out, under the tag of its type.

    Attributes:
        content: The form to which the object is reduced, without the part.
    """

    __slots__ = ("content",)
    content: object

    def __mimic_identity__(self) -> object:
        return self.content


@lru_cache
def _stand_in_class(tag: str) -> type[Pruned]:
    """Return a class of stand-ins whose name is a tag, `shop.models:Rate`.

    The identity of a stand-in counts under the name of its class.
    """
    module, _, name = tag.partition(":")
    return type(
        "Pruned",
        (Pruned,),
        {"__slots__": (), "__module__": module, "__qualname__": name},
    )


# How many parts `rules._reduce_pydantic_model` gives a model whose fields are all set.
# Otherwise, one more part has the fields that are not set.
_PARTS_OF_FULLY_SET_MODEL = 3


def prune(value: Any, paths: Sequence[Steps], places: Places | None = None) -> Any:
    """Return a value without the parts that paths name.

    The containers of these parts are copied, and the other parts are shared. Where
    another part leads back to the pruned object, as a child to its parent, it leads to
    the pruned copy: the parts are left out there, too.

    The value is not changed. Paths are steps as `parse_path` returns them, relative to
    the value. An object is pruned in the form to which its identity reduces it: what
    comes back has the identity of that object without the part.

    If no path leads to a part, the value itself comes back: callers ask by `is` whether
    a part was left out. But a mapping of another class than dict becomes plain.

    Raises:
        Unstable: An object that contains a part has no identity.
    """
    if not paths:
        return value
    pruned = _without_parts(value, paths, places)
    if pruned is not value:
        _redirect_to_copy(value, pruned, places or Places())
    return pruned


def _without_parts(value: Any, paths: Sequence[Steps], places: Places | None) -> Any:
    """Return a value without the parts that paths name; other parts may lead back."""
    type_ = type(value)
    if type_ in PLAIN:
        return _pruned_container(value, paths, places)
    if callable_reduction(type_) is not None:
        # A function or class counts by its name and source, which have no parts.
        return value
    reduction = reduction_of(type_, places or Places(), is_outcome=False)
    copy_without_parts = _copy_with_attributes_pruned(value, paths, places)
    if copy_without_parts is not None:
        # The class pickles the copy as it would pickle the object.
        # The code of the class may need the part that is left out, and raise anything.
        with suppress(Exception):
            stand_in = _stand_in_class(reduction.tag)()
            stand_in.content = reduction.reduce(copy_without_parts)
            return stand_in
    reduced_form: Any = reduction.reduce(value)
    pruned_form = _pruned_form(value, reduced_form, paths, places)
    if pruned_form is not reduced_form:
        stand_in = _stand_in_class(reduction.tag)()
        stand_in.content = pruned_form
        return stand_in
    if row_of(type_) is not None or not isinstance(value, Mapping):
        # No path leads into the object.
        return value
    # Another mapping becomes a dict of lists, as a multidict has several values for a
    # key.
    lists_by_key: dict[Any, list[Any]] = {}
    for key, item in value.items():
        is_gone, paths_below = paths_into_part(paths, str(key))
        if not is_gone:
            lists_by_key.setdefault(key, []).append(prune(item, paths_below, places))
    return lists_by_key


def _pruned_form(
    value: Any, reduced_form: Any, paths: Sequence[Steps], places: Places | None
) -> Any:
    """Return the form to which an object is reduced, without the parts.

    The dicts of the form, of items or attributes, and its lists are pruned. The form
    itself comes back if no path leads into it: callers ask by `is` whether a part was
    left out.

    Args:
        value: The object.
        reduced_form: The form: of a subclass of a builtin, the pair of its content and
            its attributes.
        paths: The paths of the parts, relative to the object.
        places: The folders of the run. None: no folder is known.
    """
    if not _has_content_and_attributes(type(value)):
        return _pruned_content(value, reduced_form, paths, places)
    content, attributes = reduced_form
    pruned_content = _pruned_content(value, content, paths, places)
    pruned_attributes = _pruned_container(attributes, paths, places)
    if pruned_content is content and pruned_attributes is attributes:
        return reduced_form
    return pruned_content, pruned_attributes


def _has_content_and_attributes(type_: type) -> bool:
    """Return whether objects of a type reduce to a builtin's content and attributes.

    Objects of a subclass do, unless the subclass decides what counts of them.
    """
    row_of_type = row_of(type_)
    if registered_reduction(type_) is not None:
        return False
    if row_of_type is None or row_of_type[1] is type_ or decides_its_pickles(type_):
        return False
    # A subclass without a place for attributes has none beside the content.
    return attribute_reader(type_, below=row_of_type[1]) is not None


def _pruned_content(
    value: Any, reduced_form: Any, paths: Sequence[Steps], places: Places | None
) -> Any:
    """Return the pruned form of an object; of one with attributes, only its content."""
    if isinstance(value, OrderedDict):
        # The order of its items counts, so the form is a list of them.
        items_of_dict = dict(reduced_form)
        pruned_items = _pruned_container(items_of_dict, paths, places)
        if pruned_items is items_of_dict:
            return reduced_form
        return list(pruned_items.items())
    if isinstance(value, tuple):
        # A path may name an item of a named tuple by its field.
        fields = getattr(value, "_fields", ())
        return _pruned_container(reduced_form, paths, places, fields=fields)
    if type(reduced_form) is not tuple:
        return _pruned_container(reduced_form, paths, places)
    has_arguments = len(reduced_form) > 1
    struct_fields: Any = getattr(type(value), "__struct_fields__", None)
    is_struct = isinstance(struct_fields, tuple)
    if is_struct and has_arguments and len(reduced_form[1]) == len(struct_fields):
        # A struct of msgspec is reduced to a function and the values of its fields.
        values_by_name = dict(zip(struct_fields, reduced_form[1]))
        pruned_values = _pruned_container(values_by_name, paths, places)
        return (reduced_form[0], pruned_values, *reduced_form[2:])
    if isinstance(value, dict) and has_arguments and type(reduced_form[1]) is tuple:
        # A dict whose class decides how it is pickled has its items among the arguments
        # of the function that makes it again.
        arguments = []
        for part in reduced_form[1]:
            if type(part) is dict:
                part = _pruned_container(part, paths, places)
            arguments.append(part)
        reduced_form = (reduced_form[0], tuple(arguments), *reduced_form[2:])
    # Most other forms are a few parts, of which dicts and lists have the attributes and
    # items.
    parts = []
    is_changed = False
    for part in reduced_form:
        pruned_part = part
        if type(part) in (dict, list):
            pruned_part = _pruned_container(part, paths, places)
        is_changed = is_changed or pruned_part is not part
        parts.append(pruned_part)
    if not is_changed:
        return reduced_form
    is_pydantic_model = hasattr(type(value), "__pydantic_fields_set__")
    if is_pydantic_model:
        unset_fields = parts[_PARTS_OF_FULLY_SET_MODEL:]
        if unset_fields == [{}]:
            # A path has left out the only field that is not set. A model whose fields
            # are all set has no part for the others.
            parts = parts[:_PARTS_OF_FULLY_SET_MODEL]
    return tuple(parts)


def _pruned_container(
    container: Any,
    paths: Sequence[Steps],
    places: Places | None,
    *,
    fields: Sequence[str] = (),
) -> Any:
    """Return a plain dict, list or tuple without the parts that paths name.

    It is an argument, a part of one, or the form to which the rules reduce an object,
    which may be a container. The same container comes back if no path leads to a part
    of it, and so does any other form.

    Args:
        container: The container or form.
        paths: The paths of the parts, relative to the container.
        places: The folders of the run. None: no folder is known.
        fields: The names of the items of a named tuple, by which paths may name them.
    """
    if type(container) is dict:
        first_steps = {steps[0] for steps in paths}
        pruned_dict = container
        for key, item in container.items():
            if "*" not in first_steps and str(key) not in first_steps:
                continue
            is_gone, paths_below = paths_into_part(paths, str(key))
            pruned_item = None if is_gone else prune(item, paths_below, places)
            if pruned_item is item and not is_gone:
                continue
            if pruned_dict is container:
                # The first change makes the copy: the caller's dict stays as it is.
                pruned_dict = container.copy()
            if is_gone:
                del pruned_dict[key]
            else:
                pruned_dict[key] = pruned_item
        return pruned_dict
    if type(container) not in (list, tuple):
        # Such a form, a set or a scalar, has no parts that a path could name.
        return container
    items = []
    for index, item in enumerate(container):
        # A path may count an item from the end, or name it as a field.
        index_from_end = index - len(container)
        names = (str(index), str(index_from_end), *fields[index : index + 1])
        is_gone, paths_below = paths_into_part(paths, *names)
        if not is_gone:
            items.append(prune(item, paths_below, places))
    is_whole = len(items) == len(container) and all(map(is_, items, container))
    return container if is_whole else type(container)(items)


# Objects that decide how they are pickled


class LeftOut:
    """Stands for an attribute that is left out, in an object that pickles itself."""

    __slots__ = ()
    __module__ = "pytest_mimic"

    def __mimic_identity__(self) -> object:
        return None


def _copy_with_attributes_pruned(
    value: Any, paths: Sequence[Steps], places: Places | None
) -> Any:
    """Return a bare copy of an object, without the parts in its attributes.

    Wherever the class puts its attributes when it pickles the copy, these parts are
    missing. None: the class leaves pickles to Python, or no path leads into the object.
    """
    if not decides_its_pickles(type(value)):
        return None
    attributes = all_attributes(value)
    pruned_attributes = dict(attributes)
    for name, part in attributes.items():
        is_gone, paths_below = paths_into_part(paths, name)
        if is_gone:
            pruned_attributes[name] = LeftOut()
        elif paths_below:
            pruned_attributes[name] = prune(part, paths_below, places)
    if all(pruned_attributes[name] is part for name, part in attributes.items()):
        return None
    return bare_copy(value, pruned_attributes)


# Objects that lead back


def _redirect_to_copy(value: object, pruned_copy: Any, places: Places) -> None:
    """Let the parts of a pruned copy that lead back to the object lead to the copy.

    The objects on the way are copied, so that other holders of them keep the originals.

    Example:
        With `ignore=mesh.stamp`, and a mesh whose `look` has the mesh:

            mesh → {stamp, look} → {mesh}     copy → {look'} → {copy}
    """
    search = _SearchOfWaysBack(value, places)
    content = pruned_copy
    if isinstance(pruned_copy, Pruned):
        content = pruned_copy.content
    for part in search.parts_of(content):
        search.visit(part)
    ids_leading_back = search.ids_leading_back()
    if not ids_leading_back:
        return
    copies = _CopiesOfLeadingObjects(search, {id(value): pruned_copy}, ids_leading_back)
    # The copy itself stays, as its parts lead to it: only its content is replaced.
    if isinstance(pruned_copy, Pruned):
        pruned_copy.content = copies.rebuilt(pruned_copy.content)
    elif type(pruned_copy) is dict:
        pruned_copy.update(copies.rebuilt(dict(pruned_copy)))
    elif type(pruned_copy) is list:
        pruned_copy[:] = copies.rebuilt(list(pruned_copy))


class _SearchOfWaysBack:
    """Looks for the objects below one object, the goal, that lead back to it.

    Attributes:
        goal: The object.
        objects: The objects that were looked into, by id.
        forms: The forms to which these objects are reduced, by id.
    """

    def __init__(self, goal: object, places: Places) -> None:
        self.goal = goal
        self._places = places
        # By the id of an object, the ids of the objects that hold it.
        self._holders: dict[int, list[int]] = {}
        self.objects: dict[int, Any] = {id(goal): goal}
        self.forms: dict[int, Any] = {}

    def visit(self, start: object) -> None:
        """Look into an object and all below it."""
        pending = [start]
        while pending and len(self.objects) < _MOST_LOOKED_AT:
            inner_object = pending.pop()
            if id(inner_object) in self.objects or not _may_hold_others(inner_object):
                continue
            # Kept alive, so that no other object gets its id.
            self.objects[id(inner_object)] = inner_object
            form = self.forms[id(inner_object)] = self._form_of(inner_object)
            for object_below in self.parts_of(form):
                self._holders.setdefault(id(object_below), []).append(id(inner_object))
                pending.append(object_below)

    def _form_of(self, part: Any) -> Any:
        """Return what an object is reduced to; a plain container as it is."""
        if type(part) in PLAIN:
            return part
        if isinstance(part, Pruned):
            return part.content
        # The code of a class may raise anything.
        with suppress(Exception):
            return reduction_of(type(part), self._places, is_outcome=False).reduce(part)
        return ()

    def parts_of(self, form: Any) -> list[Any]:
        """Return the keys, values, items or members of a form."""
        if type(form) is dict:
            return [*form, *form.values()]
        if type(form) in (list, tuple, set, frozenset):
            return list(form)
        return [form]

    def ids_leading_back(self) -> set[int]:
        """Return the ids of the objects that lead back to the goal.

        They hold the goal, or an object that leads back to it.
        """
        leading_ids: set[int] = set()
        pending_ids = [id(self.goal)]
        while pending_ids:
            for id_of_holder in self._holders.get(pending_ids.pop(), ()):
                if id_of_holder not in leading_ids:
                    leading_ids.add(id_of_holder)
                    pending_ids.append(id_of_holder)
        return leading_ids


def _may_hold_others(part: object) -> bool:
    """Return whether an object may hold others, which may lead back.

    Scalars, functions, classes and the data of libraries do not.
    """
    type_ = type(part)
    if type_ in SCALARS or type_ is Raw:
        return False
    return callable_reduction(type_) is None and library_of(type_) is None


class _CopiesOfLeadingObjects:
    """Copies of the objects that lead back. Each object is copied once.

    Args:
        search: The search that has found the objects.
        copies: The copies by the id of the original. The pruned object is the first.
        leading_ids: The ids of the objects that lead back.
    """

    def __init__(
        self, search: _SearchOfWaysBack, copies: dict[int, Any], leading_ids: set[int]
    ) -> None:
        self._search = search
        self._copies = copies
        self._leading_ids = leading_ids

    def copy_of(self, part: Any) -> Any:
        """Return the copy of an object that leads back; any other object as it is."""
        if id(part) in self._copies:
            return self._copies[id(part)]
        if id(part) not in self._leading_ids:
            return part
        type_ = type(part)
        if type_ in (tuple, set, frozenset):
            # Such a container leads back only through an object or a list in it.
            return self.rebuilt(part)
        if type_ is dict or type_ is list:
            # The copy is known before its parts are copied, as they may lead back to
            # it.
            container: Any = type_()
            self._copies[id(part)] = container
            content = self.rebuilt(part)
            if type_ is dict:
                container.update(content)
            else:
                container.extend(content)
            return container
        if isinstance(part, Pruned):
            tag = f"{type_.__module__}:{type_.__qualname__}"
        else:
            tag = reduction_of(type_, Places(), is_outcome=False).tag
        stand_in = self._copies[id(part)] = _stand_in_class(tag)()
        stand_in.content = self.rebuilt(self._search.forms[id(part)])
        return stand_in

    def rebuilt(self, form: Any) -> Any:
        """Return a form with the copies of its parts."""
        type_ = type(form)
        if type_ is dict:
            return {self.copy_of(key): self.copy_of(part) for key, part in form.items()}
        if type_ in (list, tuple, set, frozenset):
            return type_(map(self.copy_of, form))
        return self.copy_of(form)
