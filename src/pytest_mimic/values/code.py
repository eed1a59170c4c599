"""Functions and classes as values: by name and source, with what they are bound to."""

from __future__ import annotations

import copyreg
import functools
import marshal
import types
from abc import ABC
from collections.abc import Iterator
from enum import Enum
from typing import Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic.values.names import (
    FIELDS,
    is_found,
    is_of_python,
    name_of,
    own_name_of,
    shared_generator,
    thing_at,
)
from pytest_mimic.values.rows import Opener
from pytest_mimic.values.source import (
    COPIED_SOURCE,
    innermost,
    source_of_class,
    source_of_function,
)
from pytest_mimic.values.tree import Node, Refused, Tree

_CACHED = type(functools.lru_cache(len))
_PARTS_OF_CLASSES = (*FIELDS, type(vars(ABC)["_abc_impl"]))
_FORM = "__slots__ __annotations__ __required_keys__ __pydantic_fields__".split()
_UNFILLED = "what the function refers to, and is not there yet"
_WAY_TO_CALL = "name what the function calls, in place of what makes the function"
_WAY = "define it at the top of a module, with a name of its own"


def node_of_function(function: Any, walk: Opener) -> Tree:
    """Give what stands for a function, a bound method, a partial or a builtin.

    A function with neither source nor name is `Refused`.
    """
    if isinstance(function, types.FunctionType):
        function = vars(function).get("__mimic_original__", function)
    if isinstance(function, functools.partial):
        args = [walk.node(value) for value in function.args]
        named = {key: walk.node(value) for key, value in function.keywords.items()}
        return {"$partial": walk.node(function.func), "args": args, "keywords": named}
    owner = getattr(function, "__self__", None)
    is_method = isinstance(function, types.MethodType)
    if is_method or not isinstance(owner, types.ModuleType | type | None):
        return _node_of_method(function, owner, walk)
    name = _name_of(function)
    if not name:  # An object that stands for a function.
        return Refused(f"a {type(function).__name__} object without a name", _WAY)
    # The source of what comes with Python differs from Python to Python.
    if is_of_python(name) and is_found(function, name):
        return {"$name": name}
    if isinstance(function, _CACHED):
        parameters = walk.node(function.cache_parameters())
        inner = walk.node(function.__wrapped__)
        return {"$function": name, "cache": parameters, "wrapped": inner}
    if isinstance(function, types.FunctionType):
        return _node_of_python(function, name, walk)
    return {"$function": name}


def node_of_class(cls: type, walk: Opener) -> Tree:
    """Give what stands for a class, by the rules of a function.

    A class that is not found under its name (a local one) counts with its bases and
    with what its members hold.
    """
    reducer = copyreg.dispatch_table.get(type(cls))
    if reducer is not None:  # Its metaclass says what it is made of.
        return {"$class": walk.node(reducer(cls))}
    name = name_of(cls)
    found = is_found(cls, name)
    # One of C, such as that of `None`, is no heap type, and has no source.
    is_static = not cls.__flags__ & (1 << 9)
    if is_static or (found and is_of_python(name)):
        return {"$name": name}
    node: Node = {"$class": name, "source": source_of_class(cls)}
    if not found:
        if not node["source"] and is_of_python(name):  # `exec` made it in no module.
            return Refused("a class with neither source nor an importable name", _WAY)
        members = dict(_members(cls))
        if not node["source"]:  # What a function has made of the fields that it got.
            members |= {name: getattr(cls, name, None) for name in _FORM}
        node["members"] = {key: walk.node(held) for key, held in members.items()}
        node["bases"] = [
            walk.node(base) for base in cls.__bases__ if base is not object
        ]
    return {key: part for key, part in node.items() if part}


def _without_lines(code: types.CodeType) -> types.CodeType:
    consts = [
        _without_lines(const) if isinstance(const, types.CodeType) else const
        for const in code.co_consts
    ]
    return code.replace(
        co_filename="", co_firstlineno=1, co_linetable=b"", co_consts=tuple(consts)
    )


def _name_of(function: Any) -> str:
    # A method of a builtin type knows its type, and no module.
    owner = getattr(function, "__objclass__", getattr(function, "__self__", None))
    if isinstance(owner, type):
        return f"{name_of(owner)}.{function.__name__}"
    return own_name_of(function)


def _node_of_method(method: Any, owner: object, walk: Opener) -> Tree:
    shared = shared_generator(owner)
    cls = owner if isinstance(owner, type) else type(owner)
    name = f"{name_of(cls)}.{method.__name__}"
    function: Tree = name
    if isinstance(method, types.MethodType):
        found = thing_at(name)
        is_found = getattr(found, "__func__", found) is method.__func__
        # The class of Python that defines it differs by version.
        by_name = is_found and is_of_python(name)
        function = {"$name": name} if by_name else walk.node(method.__func__)
    return {"$method": function, "self": shared or walk.node(owner)}


def _node_of_python(function: types.FunctionType, name: str, walk: Opener) -> Tree:
    node: Node = {"$function": name}
    source = source_of_function(function)
    if walk.is_by_code and not is_found(function, name):
        # A copy by value knows no file of its source.
        code = marshal.dumps(_without_lines(function.__code__), 2)
        node["code"] = xxh3_128_hexdigest(code)
    elif source:
        node["source"] = source
    elif not is_found(function, name):
        return Refused("a function with neither source nor an importable name", _WAY)
    values = function.__defaults__ or ()
    last = function.__code__.co_argcount
    names = function.__code__.co_varnames[last - len(values) : last]
    by_place: dict[str, object] = dict(zip(names, values, strict=True))
    parts = {
        "defaults": {**by_place, **(function.__kwdefaults__ or {})},
        "closure": _closure(function, walk),
        "attributes": dict(vars(function)),
    }
    for part, held in parts.items():
        held.pop("__wrapped__", None)
        held.pop(COPIED_SOURCE, None)
        if held:
            node[part] = {key: walk.node(value) for key, value in held.items()}
    return node


def _closure(function: types.FunctionType, walk: Opener) -> dict[str, object]:
    held: dict[str, object] = {}
    names = function.__code__.co_freevars
    for name, cell in zip(names, function.__closure__ or (), strict=True):
        try:
            content = cell.cell_contents
        except ValueError:  # A copy would never know what fills it later.
            if walk.is_kept:
                held[name] = Refused(_UNFILLED, _WAY_TO_CALL)
            continue
        # The class of a method, for `super()`, is where the method comes from.
        if name != "__class__":
            held[name] = content
    return held


def _members(cls: type) -> Iterator[tuple[str, object]]:
    """Give what the members of a class hold: values, and the functions inside."""
    if issubclass(cls, Enum):
        for name, value in cls.__members__.items():
            yield name, value.value
        return
    for name, member in vars(cls).items():
        if name.startswith("__annotate"):  # From Python 3.14 on, a function.
            continue
        function = innermost(member)
        if function is not None:
            if _is_written(function):
                yield name, _functions_in(member)
        elif not isinstance(member, _PARTS_OF_CLASSES):
            is_special = name.startswith("_") and name.endswith("_")
            if not is_special:
                yield name, member


def _functions_in(member: Any) -> object:
    if isinstance(member, property):
        return [member.fget, member.fset, member.fdel]
    return getattr(member, "__func__", getattr(member, "func", member))


def _is_written(function: types.FunctionType) -> bool:
    """Tell whether a function stands in a file that is not of the standard library."""
    file = function.__code__.co_filename
    # The second is the name that cloudpickle gives to the code that it has loaded.
    is_in_file = not file.startswith("<") or file == "<dynamic-code>"
    return is_in_file and not is_of_python(function.__globals__.get("__name__", ""))
