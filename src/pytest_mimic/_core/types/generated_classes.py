"""Classes and methods that no author has written: other code makes them.

A subscript makes a class of a generic model of pydantic, and a metaclass makes one that
has no importable name. Dataclasses, attrs and the like write methods into classes.
"""

from __future__ import annotations

import copyreg
import sys
import types
from collections.abc import Collection
from typing import Any

# Modules that write methods into the classes of users. These methods do what Python's
# own methods do.
_METHOD_WRITING_MODULES = tuple(
    "attr._make dataclasses enum pydantic.main pydantic.root_model"
    " pydantic._internal._model_construction".split()
)


def is_generated(method: object, names: Collection[str] = ()) -> bool:
    """Return whether dataclasses, attrs or the like have written a method.

    Only a method that the author of a class has written decides what counts of its
    objects, and what is stored.

    Args:
        method: The method, or any other member of a class.
        names: Further modules that write methods.
    """
    function: Any = method
    if isinstance(method, (staticmethod, classmethod)):
        function = method.__func__
    if type(function) is not types.FunctionType:
        # No module has written a method in C, or a member that is no method.
        return False
    return function.__globals__.get("__name__") in (*_METHOD_WRITING_MODULES, *names)


def origin_and_arguments(type_: type) -> tuple[type, tuple[Any, ...]] | None:
    """Return the origin and the arguments of a class that a subscript has made.

    Of `Page[Item]`, a model of pydantic, that is `(Page, (Item,))`. None: no subscript
    has made the class.
    """
    metadata = vars(type_).get("__pydantic_generic_metadata__")
    if type(metadata) is not dict or metadata.get("origin") is None:
        return None
    return metadata["origin"], tuple(metadata["args"])


def class_recipe(type_: type) -> tuple[Any, ...] | None:
    """Return how pickle makes a class again: a function, then the function's arguments.

    The author of a metaclass decides that by `copyreg`, where the classes of the
    metaclass have no importable name, as the undefined functions of sympy. None: pickle
    finds the class by its name.
    """
    reduce: Any = copyreg.dispatch_table.get(type(type_))
    if reduce is None:
        return None
    try:
        recipe = reduce(type_)
    except Exception:
        # A metaclass may raise anything for a class that it cannot keep.
        return None
    return recipe if isinstance(recipe, tuple) else None


def parametrised(origin: Any, arguments: tuple[Any, ...]) -> Any:
    """Return a generic model of pydantic with its arguments, `Page[Item]`."""
    base = sys.modules["pydantic"].BaseModel
    if not (isinstance(origin, type) and issubclass(origin, base)):
        raise TypeError("no model of pydantic")
    # pydantic's own method runs, even if the model defines another.
    subscript = vars(base)["__class_getitem__"].__func__
    return subscript(origin, arguments)
