"""A fingerprint of source: what a function or class does, not how it is laid out."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from importlib.util import resolve_name
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import Any

import xxhash

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_WITH_FUNC: tuple[type, ...] = (
    functools.partial,
    functools.partialmethod,
    functools.cached_property,
)
# Before Python 3.13, parsers in two threads fail each other with a SystemError.
_parsing = threading.Lock()


def source_fingerprint(value: object) -> str | None:
    """Give the digest of the normalised source of a function, method or class.

    Comments, docstrings and layout do not count. Of decorated functions the innermost
    counts, with the lines of its decorators. The digest is the same on each Python.

    Returns:
        32 hex digits; `None` where there is no source: builtins, code from a prompt.
    """
    if isinstance(value, type):
        return source_of_class(value)
    function = innermost(value)
    return source_of_code(function.__code__) if function is not None else None


def innermost(value: Any) -> FunctionType | None:
    """Give the function inside of decorators, methods, partials and properties."""
    visited: set[int] = (
        set()
    )  # An undone patch may leave functions that wrap each other.
    while id(value) not in visited:
        visited.add(id(value))
        inner = _inside(value)
        if inner is None:
            break
        value = inner
    return value if isinstance(value, FunctionType) else None


def _inside(value: Any) -> object:
    # By its type: a mock gives any class as its own, and has any attribute.
    kind = type(value)
    if issubclass(kind, property):
        return value.fget
    if issubclass(kind, MethodType | staticmethod | classmethod):
        return value.__func__
    if issubclass(kind, _WITH_FUNC):
        return value.func
    return inspect.getattr_static(value, "__wrapped__", None)


def run_imports(function: FunctionType) -> None:
    """Import what the imports in a function name, as a call of it would."""
    for part in _imports_in(function):
        code = compile(ast.Module([part], []), "<imports>", "exec")
        with suppress(Exception):  # It may be one of two ways.
            exec(code, {**function.__globals__})


def modules_imported_in(function: FunctionType) -> set[str]:
    """Give the modules that the imports in a function name, and their packages."""
    named: set[str] = set()
    for part in _imports_in(function):
        names = {alias.name for alias in part.names}
        if isinstance(part, ast.ImportFrom):
            module = "." * part.level + (part.module or "")
            with suppress(ImportError):  # It leads out of the topmost package.
                module = resolve_name(module, function.__globals__.get("__package__"))
            names = {module, *(f"{module}.{name}" for name in names)}
        named |= names
    return named | {parent for name in named for parent in _packages_around(name)}


def _packages_around(module: str) -> Iterator[str]:
    while module:
        module = module.rpartition(".")[0]
        yield module


def _imports_in(function: FunctionType) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in _nodes_of(function.__code__):
        for part in ast.walk(node):
            if isinstance(part, (ast.Import, ast.ImportFrom)):
                yield part


COPIED_SOURCE = "__mimic_source__"
"""The attribute of a copied function with the digest of its source: it has no file."""


def source_of_function(function: FunctionType) -> str | None:
    """Give the digest of the source of a function, or of the original of a copy."""
    return vars(function).get(COPIED_SOURCE) or source_of_code(function.__code__)


def source_of_code(code: CodeType, name: str = "") -> str | None:
    """Give the digest of the source of a function's code.

    There is none where different lambdas begin on one line.

    Args:
        code: The code.
        name: What its function was called before; empty: the same.
    """
    nodes = _nodes_of(code)
    if name:
        nodes = [copy(node) for node in nodes]
        for node in nodes:
            node.name = name
    digests = set(map(digest_of_syntax, nodes))
    return digests.pop() if len(digests) == 1 else None


def _nodes_of(code: CodeType) -> list[Any]:
    """Give the functions of its name that begin on the first line of a code."""
    found = []
    syntax = syntax_of(code.co_filename)
    nodes = _definitions_in(syntax).get(code.co_name, [])
    if code.co_name == "<lambda>":
        nodes = _lambdas_in(syntax)
    for node in nodes:
        decorators = getattr(node, "decorator_list", ())
        first = min([node.lineno, *(one.lineno for one in decorators)])
        if first == code.co_firstlineno:
            found.append(node)
    return found


def source_of_class(cls: type) -> str | None:
    """Give the digest of the source of a class; of several of its name, of all."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None) or ""
    nodes = _definitions_in(syntax_of(file)).get(f"class {cls.__qualname__}", [])
    return ",".join(map(digest_of_syntax, nodes)) or None


# A node is kept, and so are those of the files that were parsed last.
@functools.lru_cache(maxsize=4096)
def digest_of_syntax(node: ast.AST) -> str:
    """Give the digest of a piece of syntax, less docstrings."""
    words: list[str] = []
    pending: list[object] = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            words.append(part)
        elif isinstance(part, list):
            words.append("[")
            pending.append("]")
            pending.extend(reversed(part))
        elif isinstance(part, ast.AST):
            words.append(type(part).__name__ + "(")
            pending.append(")")
            pending.extend(reversed(list(_counted(part))))
    text = " ".join(words).encode("utf-8", "surrogatepass")
    return xxhash.xxh3_128_hexdigest(text)


def syntax_of(file: str) -> ast.Module:
    """Parse a file, or a file in an archive; it is empty if it is no Python.

    Whoever asks for a file gets the same tree, and changes nothing in it.
    """
    try:
        time = Path(file).stat().st_mtime_ns
    except (OSError, ValueError):
        time = 0
    return _syntax_of(file, time)


@functools.lru_cache(maxsize=64)
def _syntax_of(file: str, _time: int) -> ast.Module:
    linecache.checkcache(file)
    text = "".join(linecache.getlines(file))
    with _parsing, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The import has shown what it warns of.
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ast.Module([], [])


@functools.lru_cache(maxsize=64)
def _definitions_in(tree: ast.Module) -> Mapping[str, Sequence[Any]]:
    """Give the functions of a file by name, and its classes as `class Outer.Inner`."""
    found: dict[str, list[Any]] = {}
    nodes: list[tuple[ast.AST, str]] = [(tree, "")]
    for node, prefix in nodes:  # It grows, from the outer ones to the inner ones.
        if isinstance(node, ast.ClassDef):
            found.setdefault(f"class {prefix}{node.name}", []).append(node)
            prefix += f"{node.name}."
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.setdefault(node.name, []).append(node)
            prefix += f"{node.name}.<locals>."
        inner = ast.iter_child_nodes(node)
        nodes += [(one, prefix) for one in inner if not isinstance(one, ast.expr)]
    return found


@functools.lru_cache(maxsize=64)
def _lambdas_in(tree: ast.Module) -> Sequence[Any]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]


# From Python 3.15 on, each import says whether it is a lazy one.
_NO_SOURCE = ("ctx", "type_comment", "is_lazy")


def _counted(node: ast.AST) -> Iterator[object]:
    """Give the fields of a node that count, each behind its name.

    Fields that are empty are left out: each Python adds some.
    """
    if isinstance(node, ast.Constant):
        # Decimal digits of a long integer would exceed the limit of Python.
        constant: Any = node.value
        text = hex(constant) if type(constant) is int else repr(constant)
        yield f"{type(constant).__name__} {text}"
        return
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(value, list):
            value = _statements(node, value)
        elif isinstance(node, ast.JoinedStr):
            value = [one for one in value if getattr(one, "value", None) != ""]
        if value is None or value == [] or name in _NO_SOURCE:
            continue
        yield f"{name}="
        is_syntax = isinstance(value, ast.AST | list)
        yield value if is_syntax else repr(value)


def _statements(node: Any, body: list[ast.stmt]) -> list[ast.stmt]:
    """Give the statements of a body that do something."""
    may_have_docstring = isinstance(node, (*DEFINITIONS, ast.Module))
    if may_have_docstring and ast.get_docstring(node, clean=False) is not None:
        body = body[1:]
    return [one for one in body if not isinstance(one, ast.Pass)]
