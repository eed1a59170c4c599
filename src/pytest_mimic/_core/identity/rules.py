"""What counts of the values of a type: the `Reduction` of each type.

What a user has registered comes first, then callables, libraries, the table of types,
and the state of any other object. A change of what counts of an argument makes the
recordings of such calls misses.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from functools import partial
from importlib import import_module
from marshal import dumps
from operator import attrgetter, methodcaller
from typing import Any, cast

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity.callables import (
    callable_reduction,
    variables_of_made_class,
)
from pytest_mimic._core.identity.file_paths import path_reducer
from pytest_mimic._core.identity.short_scalars import (
    MARSHAL_VERSION,
    SCALARS,
    plain_nans,
)
from pytest_mimic._core.types.added_attributes import (
    added_attributes,
    added_state,
    author_of_pickles,
    is_of,
    is_of_decorator,
)
from pytest_mimic._core.types.attributes_and_parts import attribute_reader
from pytest_mimic._core.types.exception_fields import exception_fields, is_pickled_in_c
from pytest_mimic._core.types.generated_classes import (
    class_recipe,
    origin_and_arguments,
)
from pytest_mimic._core.types.libraries import LIBRARIES, Rule
from pytest_mimic._core.types.named_constants import (
    is_known_by_name,
    name_among_constants,
)
from pytest_mimic._core.types.reductions import (
    Reduce,
    Reduction,
    Unstable,
    registered_reduction,
    type_tag,
)
from pytest_mimic._core.types.remembered_hashes import (
    has_handwritten_hash,
    hashes_from_constructor,
    recipe_of,
)
from pytest_mimic._core.types.stdlib_types import PATHS, ROWS
from pytest_mimic._core.types.type_names import full_name, is_stdlib, lineage
from pytest_mimic._core.types.uncounted_attributes import (
    reading_lasting,
    without_empty_private,
    without_remembered,
)
from pytest_mimic._core.types.words_for_types import REFUSED, human_name, refuse

# Enumerations whose members count by value alone. Python 3.13 renamed four statuses.
_BY_VALUE = frozenset({"enum.Flag", "http.HTTPStatus"})
# The classes of what SQLAlchemy keeps in the objects and lists that it maps. The
# content differs by what else the run has made.
_BOOKKEEPING_CLASSES = (
    "sqlalchemy.orm.collections.CollectionAdapter",
    "sqlalchemy.orm.state.InstanceState",
)
# With one of these methods, a class says how pickle makes its objects. They count by
# what pickle would keep of them, not by their attributes.
_METHODS_OF_PICKLING = frozenset(
    {"__reduce_ex__", "__reduce__", "__getnewargs_ex__", "__getnewargs__"}
)


def reduction_of(
    type_: type, places: Places, *, is_outcome: bool, ignores_empty: bool = False
) -> Reduction:
    """Return the reduction of a type that is neither a scalar nor a plain container.

    Paths count by their place in `places`. With `is_outcome`, the memory layout of
    arrays counts, and other facts that equality ignores and a replay gives back. With
    `ignores_empty`, private attributes that are `None` or empty containers do not
    count.

    Raises:
        Unstable: The type has no module, and so no name that is the same in another
            process.
    """
    reduction = registered_reduction(type_) or callable_reduction(type_)
    if reduction is not None:
        return reduction
    # How the metaclass makes a class again that has no importable name.
    recipe = class_recipe(type_)
    if recipe is None and type(type_.__module__) is not str:
        raise Unstable(
            f"an object of {type_.__qualname__}, a class without a module", type_
        )
    reduction = (
        _library_reduction(type_, is_outcome=is_outcome)
        or _table_reduction(type_, places, is_outcome=is_outcome)
        or _state_reduction(type_)
    )
    # The origin and the arguments of a class whose own name says too little.
    named_by = origin_and_arguments(type_)
    if recipe is not None:
        named_by = type(type_), recipe
    if named_by is not None:
        reduction = _parametrised_reduction(reduction, named_by)
    if ignores_empty:
        reduction = _reduction_without_empty(reduction)
    if is_outcome and has_handwritten_hash(type_):
        # A replay takes such a hash anew, so the one that is read back differs.
        reduction = Reduction(
            reduction.tag,
            partial(_without_hash_from_constructor, reduce_state=reduction.reduce),
        )
    if not is_outcome and full_name(type_) in _BOOKKEEPING_CLASSES:
        return Reduction(reduction.tag, _reduce_to_class_alone)
    # An argument that SQLAlchemy maps counts only if it is loaded in full.
    is_mapped = any("_sa_class_manager" in vars(base) for base in type_.__mro__)
    if is_mapped and not is_outcome:
        reduction = Reduction(
            reduction.tag, partial(_reduce_mapped_object, reduce_state=reduction.reduce)
        )
    # A class that a function has made has the name and source of others like it.
    named_class = type_
    if named_by is not None:
        named_class = named_by[0]
    variables = variables_of_made_class(named_class)
    if variables:
        reduction = Reduction(
            reduction.tag, _reduce_beside_facts(variables, reduction.reduce)
        )
    return reduction


def _reduce_to_class_alone(_value: object) -> None:
    """Reduce an object of which nothing counts but its class."""


def _reduce_beside_facts(facts: object, reduce: Reduce) -> Reduce:
    """Return a function that reduces an object as before, beside facts on its class."""

    def reduce_beside(value: Any) -> object:
        return facts, reduce(value)

    return reduce_beside


def _library_reduction(type_: type, *, is_outcome: bool) -> Reduction | None:
    """Return the reduction by a library's rule for a class, or for its nearest base.

    None: no library has a rule for the class or for one of its bases.
    """
    for base in type_.__mro__:
        package = str(base.__module__).partition(".")[0]
        library = LIBRARIES.get(package)
        if library is not None and library.identity:
            rules: dict[tuple[str, str], Rule] = import_module(library.identity).RULES
            rule = rules.get((package, base.__name__))
            if rule is not None:
                return _reduction_by_rule(rule, type_, package, is_outcome=is_outcome)
    return None


def _reduction_by_rule(
    rule: Rule, type_: type, package: str, *, is_outcome: bool
) -> Reduction | None:
    """Return the reduction by the rule of a library.

    For the library's own classes, the rule says all. An object of a subclass in another
    package counts by what the subclass adds, too. None: the base has no data of its
    own, as `ExtensionArray` of pandas has none, so the subclass counts like any other
    class.
    """
    if rule.has_no_data and not is_of(type_, package):
        return None
    reduction = rule.reduction(type_, package, is_outcome)
    if rule.reads_added:
        return reduction

    def reduce(value: Any) -> object:
        data = reduction.reduce(value)
        additions = _lasting_additions(value, package)
        if not additions:
            # Most objects have none, and count as the rule alone says.
            return data
        return data, additions

    return Reduction(reduction.tag, reduce)


def _lasting_additions(value: Any, package: str) -> dict[str, Any]:
    """Return what others have added to an object of a library.

    Additions are attributes, without those that only remember something, and what a
    class of another package adds when the object is pickled.
    """
    additions = added_attributes(value, package)
    for name in getattr(type(value), "_metadata", ()):
        # The list in which a subclass of pandas names the attributes that it adds. The
        # rule of pandas has read them.
        additions.pop(name, None)
    if additions:
        additions = without_remembered(value, additions)
    state = added_state(value, package)
    if state is not None:
        additions = {**additions, "pickled as": state}
    return additions


def _parametrised_reduction(
    reduction: Reduction, named_by: tuple[type, tuple[Any, ...]]
) -> Reduction:
    """Return the reduction of the objects of a parametrised generic, `Page[Item]`.

    The name of such a class has only the names of its arguments, which may be those of
    other classes. The same holds for a class that its metaclass makes again from
    arguments.

    Args:
        reduction: The reduction by the class itself.
        named_by: The origin and the arguments, `(Page, (Item,))`; or the metaclass and
            what it makes the class from.
    """
    origin, arguments = named_by
    return Reduction(
        type_tag(origin), _reduce_beside_facts(arguments, reduction.reduce)
    )


def _reduction_without_empty(reduction: Reduction) -> Reduction:
    """Return a reduction of which empty private attributes do not count.

    By it, an argument is compared before and after a call.
    """
    reduce_with_empty = reduction.reduce

    def reduce(value: Any) -> object:
        return _without_empty_attributes(reduce_with_empty(value))

    return Reduction(reduction.tag, reduce, reduction.reduce_column)


def _without_hash_from_constructor(value: Any, *, reduce_state: Reduce) -> object:
    """Reduce an object of an outcome without a hash that is taken anew in a replay."""
    reduced_form = reduce_state(value)
    hash_names = hashes_from_constructor(value)
    if not hash_names or recipe_of(value, hash_names) is None:
        # Without a recipe, a replay cannot take the hash anew.
        return reduced_form
    return _without_hashes(reduced_form, hash_names)


def _without_hashes(reduced_form: Any, hash_names: set[str]) -> Any:
    """Return what an object is reduced to, but for attributes that keep its hash.

    An outcome is compared so with what its recording gives back, which has the hash of
    another process.
    """
    if type(reduced_form) is dict:
        attributes = dict(reduced_form)
        for name in hash_names:
            attributes.pop(name, None)
        return attributes
    if type(reduced_form) is tuple:
        return tuple([_without_hashes(part, hash_names) for part in reduced_form])
    return reduced_form


def _without_empty_attributes(reduced_form: Any) -> Any:
    """Return what an object is reduced to without empty private attributes."""
    if type(reduced_form) is dict:
        return without_empty_private(reduced_form)
    if type(reduced_form) is tuple:
        return tuple(map(_without_empty_attributes, reduced_form))
    return reduced_form


def _table_reduction(
    type_: type, places: Places, *, is_outcome: bool
) -> Reduction | None:
    """Return the reduction of a type in the standard library's table, or a subclass.

    None: neither the type nor a base of it is in the table.
    """
    names = lineage(type_)
    tag = type_tag(type_)
    if "enum.Enum" in names:
        if _BY_VALUE.isdisjoint(names):
            return Reduction(tag, _reduce_member, _reduce_many_members)
        return Reduction(tag, attrgetter("_value_"))
    for name, base in zip(names, type_.__mro__, strict=True):
        if name in REFUSED:
            return Reduction(tag, refuse)
        if name == "builtins.BaseException":
            # Never None: every exception has a `__dict__`.
            read_error = cast(Reduce, attribute_reader(type_, below=base))
            if is_pickled_in_c(type_):
                read_error = partial(_read_with_pickled_parts, read=read_error)
            return Reduction(
                tag, partial(_reduce_exception, read=read_error, whole=is_outcome)
            )
        row = ROWS.get(name)
        if row is None:
            continue
        reduce = row.identity_parts or row.take
        if name in PATHS:
            # A path counts by its place in the run, which the table does not know.
            reduce = path_reducer(places)
        # The other attributes of typing's own classes differ by version.
        if name == names[0] or type_.__module__ == "typing":
            return Reduction(row.identity_name or tag, reduce, row.reduce_column)
        if base is tuple and hasattr(type_, "n_sequence_fields"):
            return Reduction(tag, _reduce_struct_sequence)
        # A subclass counts with the attributes that it adds, a named tuple with the
        # names of its fields.
        fields: tuple[str, ...] = ()
        if base is tuple:
            fields = getattr(type_, "_fields", ())
        if fields:
            tag = f"{tag}({','.join(fields)})"
        if author_of_pickles(type_, base.__module__) is not None:
            # The author of the subclass has decided what counts.
            return Reduction(tag, _reduce_as_pickled)
        read: Reduce | None
        if row.keeps_attributes:
            # The class of the table is written in Python, with attributes of its own.
            read = partial(added_attributes, package=base.__module__)
        else:
            read = attribute_reader(type_, below=base)
        if read is not None:
            reduce = _reduce_beside_attributes(reduce, reading_lasting(read, type_))
        return Reduction(tag, reduce)
    return None


def _reduce_struct_sequence(value: Any) -> object:
    """Reduce a result of the system, such as that of `os.stat`, to all its fields.

    Some fields are no items of the tuple: `st_mtime_ns`.
    """
    items, other_fields = value.__reduce__()[1]
    if not other_fields:
        return items
    return items, other_fields


def _reduce_beside_attributes(reduce: Reduce, read_attributes: Reduce) -> Reduce:
    """Return a function that reduces a value beside the attributes of its subclass."""

    def reduce_both(value: Any) -> object:
        return reduce(value), read_attributes(value)

    return reduce_both


def _reduce_member(value: Any) -> tuple[object, ...]:
    """Reduce a member of an enumeration to its name, and its value if that is plain."""
    if type(value._value_) in SCALARS:
        return value._name_, value._value_
    return value._name_, None


def _reduce_many_members(values: list[Any]) -> tuple[list[bytes]]:
    """Reduce many members at once: an enumeration has a few, over and over."""
    addresses = list(map(id, values))
    dump_by_address = {}
    for address, member in dict(zip(addresses, values)).items():
        dump_by_address[address] = dumps(
            plain_nans(_reduce_member(member)), MARSHAL_VERSION
        )
    return (list(map(dump_by_address.__getitem__, addresses)),)


def _reduce_exception(value: Any, *, read: Reduce, whole: bool) -> object:
    """Reduce an exception.

    Its traceback and its context do not count. In an outcome (`whole`), the flag counts
    that decides whether a traceback shows the context.
    """
    attributes = dict(cast("dict[str, object]", read(value)))
    for name in exception_fields(value):
        attributes[name] = getattr(value, name)
    counted = value.args, attributes, value.__cause__
    if not whole:
        return counted
    return counted, value.__suppress_context__


def _read_with_pickled_parts(value: object, *, read: Reduce) -> object:
    """Read the attributes of an exception, and the parts that make it again."""
    attributes = cast("dict[str, object]", read(value))
    return {**attributes, "": _reduce_as_pickled(value)}


# Any other object


def _state_reduction(type_: type) -> Reduction:
    """Return the reduction of a type that no user has registered and no table lists.

    Its values reduce by `__reduce_ex__` or `__getstate__` if the type defines them,
    otherwise to their attributes.
    """
    tag = type_tag(type_)
    if type_ is object:
        return Reduction(tag, refuse)
    if "pydantic.main.BaseModel" in lineage(type_):
        return Reduction(tag, _reduce_pydantic_model)
    if _defines_its_pickling(type_):
        if is_stdlib(str(type_.__module__)) and hasattr(type_, "__next__"):
            # An iterator of the standard library: what it gives is not known.
            return Reduction(tag, refuse)
        return Reduction(tag, _reduce_as_pickled)
    getstate = _getstate_of(type_)
    # dataclasses and attrs generate a `__getstate__` for classes with slots. The
    # attributes of these classes are read like those of others.
    if getstate is not None and not is_of_decorator(getstate):
        return Reduction(tag, _reduce_by_getstate)
    read = attribute_reader(type_)
    if read is None:
        read = _no_attributes
    else:
        # What an object only remembers, as a cache, does not count.
        read = reading_lasting(read, type_)
    return Reduction(
        tag, _reduce_instance(type_, read, is_checked=getstate is not None)
    )


def _no_attributes(_value: object) -> dict[str, object]:
    """Read the attributes of an object that has no place for any."""
    return {}


def _defines_its_pickling(type_: type) -> bool:
    """Return whether a type, or a base of it, says itself how its objects are pickled.

    It does so by `__reduce_ex__` and the like, or by a function in `copyreg`. An
    identity then takes what pickle would keep: `_reduce_as_pickled`.
    """
    if type_ in copyreg.dispatch_table:
        return True
    # The last base is `object`.
    return any(
        not _METHODS_OF_PICKLING.isdisjoint(vars(base)) for base in type_.__mro__[:-1]
    )


def _getstate_of(type_: type) -> Any:
    """Return the `__getstate__` that a class or one of its bases defines, or None.

    Objects count in an identity by what it returns, unless dataclasses or attrs have
    generated it: then they count by their attributes.
    """
    for base in type_.__mro__:
        if base is not object and "__getstate__" in vars(base):
            return vars(base)["__getstate__"]
    return None


def _reduce_by_getstate(value: Any) -> Any:
    """Reduce an object to what its `__getstate__` returns."""
    state = _result_or_unstable(methodcaller("__getstate__"), value)
    return _lasting_state(value, state)


def _lasting_state(value: object, state: Any) -> Any:
    """Return a pickled state without the attributes that only remember something."""
    if type(state) is dict:
        return without_remembered(value, state)
    if type(state) is tuple and len(state) == 2 and type(state[1]) is dict:
        # Attributes, and slots.
        return tuple(map(partial(_lasting_state, value), state))
    return state


def _reduce_instance(type_: type, read: Reduce, *, is_checked: bool) -> Reduce:
    """Return a function that reduces an instance to its attributes.

    One without attributes counts by the name of the constant that it is, if its class
    has other constants.

    A type in C may have state that Python cannot see. Pickle refuses such a type, and
    so does a check at the first value that is read.

    Args:
        type_: The class of the instances.
        read: Reads the attributes.
        is_checked: Whether Python sees the whole state of the type for sure.
    """
    is_constant_possible = is_known_by_name(type_)

    def reduce(value: object) -> object:
        nonlocal is_checked
        if not is_checked:
            # One value stands for all of its type.
            _check_picklable(value)
            is_checked = True
        attributes = read(value)
        if attributes or not is_constant_possible:
            return attributes
        # `MISSING` and `DEFAULT` of one class have nothing to differ in but the name.
        name = name_among_constants(value)
        if name is None:
            return attributes
        return "constant", name

    return reduce


def _check_picklable(value: object) -> None:
    """Check that pickle sees the whole state of a value.

    Raises:
        Unstable: Pickle refuses the value. Its type is written in C, and may have state
            that Python cannot see.
    """
    # Only an error counts, not the result.
    _result_or_unstable(_reduced_by_object_class, value)


def _reduced_by_object_class(value: object) -> object:
    """Return what pickle makes an object of, as if its class had no own methods."""
    return object.__reduce_ex__(value, 2)


def _result_or_unstable(method: Callable[[Any], object], value: object) -> Any:
    """Return what a method of pickle returns for a value.

    Raises:
        Unstable: The method raises, as that of a class that cannot be pickled does.
    """
    try:
        return method(value)
    except Exception as error:
        raise Unstable(human_name(type(value)), type(value)) from error


def _reduce_as_pickled(value: object) -> object:
    """Reduce an object to the parts from which pickle makes it again."""
    reduce = copyreg.dispatch_table.get(type(value))
    if reduce is None:
        reduce = methodcaller("__reduce_ex__", 4)
    parts = _result_or_unstable(reduce, value)
    if isinstance(parts, str):
        # Pickle finds the object by a name in its module.
        module = getattr(value, "__module__", type(value).__module__)
        return f"{module}:{parts}"
    # There are two to five parts, the last two of which are iterators:
    # `(Rates, (), {"day": 1}, iter([1, 2]), iter([("EUR", 1)]))`.
    make, arguments, state, list_items, dict_items = (*parts, None, None, None)[:5]
    state = _lasting_state(value, state)
    # An iterator has no identity, so what it gives counts.
    if list_items is not None:
        list_items = list(list_items)
    if dict_items is not None:
        dict_items = dict(dict_items)
    return make, arguments, state, list_items, dict_items


def _reduce_mapped_object(value: Any, *, reduce_state: Reduce) -> object:
    """Reduce an object that SQLAlchemy maps, an argument of a call.

    Raises:
        Unstable: Parts of the object are still in the database, where they may differ
            by test.
    """
    state = value._sa_instance_state
    is_in_part = state.persistent and state.unloaded
    if state.expired_attributes or is_in_part:
        remedy = f"or load it before: session.refresh(..., {sorted(state.unloaded)})"
        raise Unstable(
            "an object that SQLAlchemy has not loaded in full",
            type(value),
            remedy=remedy,
        )
    return reduce_state(value)


def _reduce_pydantic_model(value: Any) -> object:
    """Reduce a model of pydantic to its fields, and to what it keeps beside these."""
    fields = type(value).model_fields
    attributes = value.__dict__
    # Cached properties are among the attributes, too.
    counted = {name: attributes[name] for name in attributes if name in fields}
    state = counted, value.__pydantic_extra__, value.__pydantic_private__
    # A function that dumps the model with `exclude_unset=True` does not see the unset
    # fields, so which are unset counts. They are a dict, so that `ignore=` leaves out a
    # field and its name here by one path.
    unset: dict[str, None] = {}
    for name in fields:
        if name not in value.__pydantic_fields_set__:
            unset[name] = None
    # Most models are set in full: their identity has no further part.
    if not unset:
        return state
    return *state, unset
