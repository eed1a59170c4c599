"""Functions and classes: by name, and by source as it reads without comments, docstrings and layout."""

from __future__ import annotations

import ast
import linecache
import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from marshal import dumps
from os.path import realpath
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic._identity.kinds import Kind, Reduce
from pytest_mimic._identity.refused import Unstable, full_name
from pytest_mimic._identity.walk import SCALARS

HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that some code made while running
STDLIB = str(Path(os.__file__).resolve().parent)
CYTHON = frozenset({"cython_function_or_method", "fused_cython_function"})
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


def code_kind(type_: type) -> Kind | None:
    """The kind of functions, classes, modules, and what C offers in their place."""
    for base in type_.__mro__:
        kind = _KINDS.get(full_name(base))
        if kind is not None:
            return kind
    # Their module is named after the version of Cython that compiled them.
    return Kind("function", _by_cython) if type_.__name__ in CYTHON else None


def source_fingerprint(function: object) -> str | None:
    """What the source of a function or class says, as 32 hex digits.

    Comments, docstrings, layout and line numbers do not count; decorators do. The same on every version.

    Args:
        function: A function, method, class, or what wraps one (`functools.wraps`, `lru_cache`, `partial`).

    Returns:
        None where there is no source: builtins, functions written in C, code made at run time.
    """
    inner = _innermost(function)
    if isinstance(inner, type):
        return _class_source(inner)
    code = getattr(inner, "__code__", None)
    return _code_source(code) if isinstance(code, CodeType) else None


def _innermost(function: Any) -> Any:
    """The function behind wrappers, methods, partials and descriptors."""
    from inspect import getattr_static

    seen: set[int] = set()
    while id(function) not in seen:
        seen.add(id(function))
        for name in ("__mimic_original__", "__wrapped__", "__func__", "fget", "func"):
            # An object may give whatever it is asked for, as a Mock does: what it has counts.
            has_it = not isinstance(function, type) and getattr_static(function, name, None) is not None
            inner = getattr(function, name, None) if has_it else None
            if inner is not None:
                function = inner
                break
    return function


def _callable(value: Any) -> object:
    """A function, in whatever it was written: one that is mimicked counts as the one behind it."""
    value = original(value)
    describe = _CALLABLES.get(full_name(type(value)))
    return ("other", value) if describe is None else describe(value)


def _function(value: FunctionType) -> object:
    """A function: its name, its source, its defaults, what it closes over."""
    by_name = f"{public_module(value.__module__)}:{value.__qualname__}"
    importable = is_importable(value)
    if importable and _is_stdlib(value.__module__, value.__code__.co_filename):
        return by_name
    registry = getattr(value, "registry", None)
    wrapped = getattr(value, "__wrapped__", None)
    if registry is not None and wrapped is not None:  # functools.singledispatch
        return by_name, wrapped, dict(registry)
    code = value.__code__
    source = _stdlib_code(code) or _code_source(code)
    if source is None and not importable:
        raise Unstable("a function with neither source nor an importable name", FunctionType)
    return (
        by_name,
        source,
        tuple(map(_default, value.__defaults__ or ())),
        {name: _default(item) for name, item in (value.__kwdefaults__ or {}).items()},
        _closure(value),
    )


def original(value: Any) -> Any:
    """What a wrapper of ours stands for; anything else as it is."""
    return getattr(value, "__mimic_original__", value)


def _default(value: object) -> object:
    """A default; a bare object() only says that the argument was left out."""
    return ... if type(value) is object else value


def _closure(function: FunctionType) -> dict[str, object]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: _cell_contents(cell) for name, cell in cells}


def _cell_contents(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return ...


def _class(value: type) -> object:
    name = f"{public_module(value.__module__)}:{value.__qualname__}"
    module = sys.modules.get(value.__module__)
    importable = is_importable(value) or not value.__flags__ & HEAP_TYPE
    if importable and _is_stdlib(value.__module__, getattr(module, "__file__", None)):
        return name
    source = _class_source(value)
    if source is None and not importable:
        raise Unstable("a class with neither source nor an importable name", type)
    closed = {}
    for method in _own_methods(value):
        closed.update(_closure(method))
    closed.pop("__class__", None)  # what `super()` needs: the class itself
    if "<locals>" in value.__qualname__:
        closed.update(_plain_attributes(value))
    return (name, source, closed) if closed else (name, source)


def _plain_attributes(value: type) -> dict[str, object]:
    """The scalars that a class's body has computed, perhaps of what it closed over: Python keeps no cell of that."""
    return {
        f".{name}": item
        for name, item in vars(value).items()
        if type(item) in SCALARS and not (name.startswith("_") and name.endswith("_"))
    }


def _module(value: ModuleType) -> object:
    return value.__name__


def _builtin(value: Any) -> object:
    """A function written in C: by name, or as the method of the object it is bound to."""
    owner = value.__self__
    if owner is None or isinstance(owner, ModuleType):
        # `open` says `io` before Python 3.12.
        module = "io" if value.__module__ == "_io" else value.__module__
        if value.__name__.startswith("_path_"):  # of os.path: more of them with each version
            return f"{module}path:{value.__name__.removeprefix('_path_')}"
        return "builtin", f"{module}:{value.__qualname__}"
    return of_shared_generator(value) or ("builtin", value.__name__, owner)


def of_shared_generator(method: Any) -> object | None:
    """What stands for a method of the generator that `random` keeps for all: its state changes with each use."""
    if type(method.__self__).__module__ != "random":
        return None
    shared = getattr(sys.modules["random"], method.__name__, None)
    return ("builtin", f"random:{method.__name__}") if shared == method else None


def method_name(method: Any) -> str | None:
    """The name that leads from an object to its method, where the standard library wrote that.

    Which of its classes it wrote it in differs by version.
    """
    function, owner = method.__func__, method.__self__
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None or not _is_stdlib(function.__module__, code.co_filename):
        return None
    name: str = function.__name__
    found = getattr(owner if isinstance(owner, type) else type(owner), name, None)
    return name if getattr(found, "__func__", found) is function else None


def _by_cython(value: Any) -> object:
    """A function that Cython compiled: by name."""
    if not is_importable(value):
        raise Unstable("a function with neither source nor an importable name", type(value))
    return "builtin", f"{value.__module__}:{value.__qualname__}"


def _cached(value: Any) -> object:
    return "lru_cache", value.__wrapped__, value.cache_parameters()


def _descriptor(value: Any) -> object:
    return f"{value.__objclass__.__module__}:{value.__objclass__.__qualname__}.{value.__name__}"


def _method_wrapper(value: Any) -> object:
    return "builtin", value.__name__, value.__self__


_CALLABLES: dict[str, Reduce] = {
    "builtins.function": _function,
    "builtins.builtin_function_or_method": _builtin,
    "builtins.method-wrapper": _method_wrapper,
    "functools._lru_cache_wrapper": _cached,
}

_KINDS = {
    **dict.fromkeys(_CALLABLES, Kind("function", _callable)),
    "builtins.type": Kind("class", _class),
    "builtins.module": Kind("module", _module),
    "builtins.method_descriptor": Kind("descriptor", _descriptor),
    "builtins.wrapper_descriptor": Kind("descriptor", _descriptor),
    "builtins.classmethod_descriptor": Kind("descriptor", _descriptor),
    "builtins.getset_descriptor": Kind("descriptor", _descriptor),
    "builtins.member_descriptor": Kind("descriptor", _descriptor),
}


def is_importable(value: Any) -> bool:
    """Whether the module and qualified name of a function or class lead to it."""
    found: Any = sys.modules.get(value.__module__)
    for step in value.__qualname__.split("."):
        found = getattr(found, step, None)
    return original(found) is original(value)


def public_module(name: str) -> str:
    """A module's name; private parts of the standard library's packages come and go with its versions."""
    first, *rest = name.split(".") if name else ("",)
    if first in sys.stdlib_module_names:
        return ".".join([first, *(part for part in rest if not part.startswith("_"))])
    return name


def _is_stdlib(module: str, file: str | None) -> bool:
    if not module or module.partition(".")[0] not in sys.stdlib_module_names:
        return False
    return file is None or file.startswith("<frozen") or _under_stdlib(file)


def _under_stdlib(file: str) -> bool:
    path = realpath(file)
    return path.startswith(STDLIB + os.sep) and "-packages" + os.sep not in path


def _stdlib_code(code: CodeType) -> str | None:
    """The name of a wrapper that the standard library made: its source differs by version."""
    if _under_stdlib(code.co_filename):
        return f"{Path(code.co_filename).name}:{code.co_name}"
    return None


def _code_source(code: CodeType) -> str | None:
    linecache.checkcache(code.co_filename)
    return _source_of_code(code, code.co_filename, _stamp(code.co_filename))


def _stamp(file: str) -> tuple[int, int] | None:
    """What changes when a file does."""
    try:
        facts = Path(file).stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size


@lru_cache(maxsize=4096)
def _source_of_code(code: CodeType, file: str, stamp: object) -> str | None:
    found = _definitions(file, stamp).get((code.co_firstlineno, code.co_name), [])
    if len(found) > 1:
        found = [node for node in found if isinstance(node, ast.Lambda) and _is_code_of(node, code)]
    if not found:
        return None
    node = min(found, key=_extent)
    # Python 3.10 does not tell lambdas apart that differ in their defaults alone; those count by value anyway.
    return normalised(_without_defaults(node) if isinstance(node, ast.Lambda) else node)


def _without_defaults(node: ast.Lambda) -> ast.Lambda:
    names = node.args
    kept = ast.arguments(names.posonlyargs, names.args, names.vararg, names.kwonlyargs, [], names.kwarg, [])
    return ast.Lambda(kept, node.body)


def _first_line(node: Definition) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(line.lineno for line in decorators)])


def _extent(node: Definition) -> tuple[int, int]:
    """How much text a definition takes; the least of those that hold a place is the innermost."""
    lines = (node.end_lineno or 0) - node.lineno
    return lines, (node.end_col_offset or 0) - (0 if lines else node.col_offset)


def _is_code_of(node: ast.Lambda, code: CodeType) -> bool:
    """Whether this lambda, one of several on a line, is what the code was compiled from."""
    places = _places(code)
    if not places:
        return _shape(_compiled(node)) == _shape(code)
    body = node.body
    start, end = (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)
    return all(start <= place < end for place in places)


def _places(code: CodeType) -> list[tuple[int, int]]:
    """Where in the file the instructions come from, from Python 3.11 on; less those that only enter the code."""
    positions = getattr(code, "co_positions", tuple)
    return [
        (line, column)
        for line, end, column, end_column in positions()
        if line is not None and column is not None and (line, column) != (end, end_column)
    ]


def _compiled(node: ast.Lambda) -> CodeType:
    """The code that this Python makes of a lambda that stands alone."""
    module = ast.fix_missing_locations(ast.Module([ast.Expr(node)], []))
    return next(part for part in compile(module, "", "exec").co_consts if isinstance(part, CodeType))


def _shape(code: CodeType) -> object:
    return (
        code.co_varnames,
        sorted({*code.co_names, *code.co_freevars}),
        [_shape(part) if isinstance(part, CodeType) else (type(part), part) for part in code.co_consts],
        len(code.co_code),
    )


def _class_source(value: type) -> str | None:
    codes = [method.__code__ for method in _own_methods(value)]
    file = codes[0].co_filename if codes else getattr(sys.modules.get(value.__module__), "__file__", None)
    if file is None:
        return None
    lines = frozenset(code.co_firstlineno for code in codes)
    linecache.checkcache(file)
    return _source_of_class(value.__qualname__, file, lines, _stamp(file))


def _own_methods(value: type) -> Iterator[FunctionType]:
    """The methods that were written in the class itself, whatever decorates them."""
    for member in value.__dict__.values():
        function = getattr(member, "__func__", member)
        while type(function) is FunctionType and "__wrapped__" in function.__dict__:
            function = function.__dict__["__wrapped__"]
        if type(function) is not FunctionType or function.__globals__.get("__name__") != value.__module__:
            continue  # such as those that attrs gives a class, under the class's own name
        own = function.__qualname__.startswith(f"{value.__qualname__}.")
        if own and not function.__code__.co_filename.startswith("<"):
            yield function


@lru_cache(maxsize=1024)
def _source_of_class(qualname: str, file: str, lines: frozenset[int], stamp: object) -> str | None:
    """The class of that name; where it is defined several times, the one that its methods stand in."""
    tree = _tree(file, stamp)
    steps = [step for step in qualname.split(".") if step != "<locals>"]
    found = [] if tree is None else list(_classes(tree, steps))
    for node in found:
        if all(_first_line(node) <= line <= (node.end_lineno or 0) for line in lines):
            return normalised(node)
    return None


def _classes(tree: ast.AST, steps: list[str]) -> Iterator[ast.ClassDef]:
    """The classes that a qualified name may mean."""
    todo = list(ast.iter_child_nodes(tree))
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name != steps[0]:
                continue
            if len(steps) > 1:
                yield from _classes(node, steps[1:])
            elif isinstance(node, ast.ClassDef):
                yield node
        else:
            todo += ast.iter_child_nodes(node)


@lru_cache(maxsize=64)
def _definitions(file: str, stamp: object) -> dict[tuple[int, str], list[Definition]]:
    """The functions of a file, by first line (that of a decorator counts) and name."""
    tree = _tree(file, stamp)
    found: dict[tuple[int, str], list[Definition]] = {}
    for node in () if tree is None else ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            name = getattr(node, "name", "<lambda>")
            found.setdefault((_first_line(node), name), []).append(node)
    return found


@lru_cache(maxsize=64)
def _tree(file: str, _stamp: object) -> ast.Module | None:
    text = "".join(linecache.getlines(file))
    try:
        return ast.parse(text) if text else None
    except (SyntaxError, ValueError):  # Python 3.10 has a ValueError for null bytes
        return None


# What says where or how something was written, not what it does.
IGNORED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})


def normalised(node: ast.AST) -> str:
    """A definition as a digest of its syntax tree: the same for every layout, and on every Python version.

    Fields that are None or empty are left out, since versions add such fields. An item is the name of a
    node's class and the names of its fields, a list's length, or a constant.
    """
    words: list[object] = []
    todo: list[object] = [node]
    while todo:
        item = todo.pop()
        if isinstance(item, ast.AST):
            fields = [
                (name, value)
                for name, value in ast.iter_fields(item)
                if name not in IGNORED_FIELDS and (value not in (None, []) or isinstance(item, ast.Constant))
            ]
            words += [type(item).__name__, len(fields), *(name for name, _ in fields)]
            todo += [_tidied(item, name, value) for name, value in reversed(fields)]
        elif isinstance(item, list):
            words.append(len(item))
            todo += reversed(item)
        else:
            words.append((type(item).__name__, item if item is not ... else None))
    return xxh3_128_hexdigest(dumps(words, 2))


def _tidied(node: ast.AST, name: str, value: Any) -> object:
    """The value of a field, less what does not count."""
    if name == "body" and isinstance(value, list):
        return _without_remarks(value)
    if name == "values" and isinstance(node, ast.JoinedStr):
        return [part for part in value if not (isinstance(part, ast.Constant) and part.value == "")]
    return value


def _without_remarks(body: list[ast.stmt]) -> list[ast.stmt]:
    """A body less its docstring, and less statements that do nothing."""
    return [line for line in body if not isinstance(line, ast.Pass) and not _is_remark(line)]


def _is_remark(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and (isinstance(line.value.value, str) or line.value.value is ...)
    )
