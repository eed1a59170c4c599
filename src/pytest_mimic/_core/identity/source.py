"""Fingerprints of source code, without comments, docstrings and layout."""

from __future__ import annotations

import ast
import linecache
import sys
import warnings
from collections.abc import Iterator
from functools import cached_property, lru_cache
from marshal import dumps
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.modules import is_in_project
from pytest_mimic._core.types.kinds import PLAIN

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda

# Fields of syntax trees that say where or how something was written, not what it does.
IGNORED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
# The attribute of a function or class that was stored by value: its source when it was
# recorded.
KEPT_SOURCE = "__mimic_source__"
# What Python calls the file in its warnings.
_PARSED = "<pytest-mimic>"
# How lines begin that do not end a function, however they are indented: empty ones,
# comments and closing brackets.
_CONTINUES = ("", "\\", "#", ")", "]", "}")


def source_fingerprint(function: object) -> str | None:
    """Return the fingerprint of a function's or class's source, 32 hex digits.

    It is the same on every Python version. Comments, docstrings, layout and line
    numbers do not count; decorators do. For a wrapper (`functools.wraps`, `lru_cache`,
    `partial`), the source is that of the function inside. None: there is no source of
    builtins, functions written in C, code made at run time.
    """
    inner = _innermost(function)
    if isinstance(inner, type):
        return class_source(inner)
    code = code_of(inner)
    return None if code is None else code_source(code)


def code_of(function: object) -> CodeType | None:
    """Return the code of the function behind wrappers; None for one written in C."""
    code = getattr(_innermost(function), "__code__", None)
    return code if isinstance(code, CodeType) else None


def source_in_project(function: object, module: str, rootdir: Path) -> str | None:
    """Return the fingerprint of a function's source if it is in the project.

    One written in C belongs to the module. None: it is outside of the project.
    """
    code = code_of(function)
    if code is None:
        file = getattr(sys.modules.get(module), "__file__", None)
    else:
        file = code.co_filename
    if file is None or not is_in_project(file, rootdir):
        return None
    return source_fingerprint(function)


def _innermost(function: object) -> object:
    """Return the function behind wrappers, methods, partials and descriptors."""
    from inspect import getattr_static

    seen: set[int] = set()
    while id(function) not in seen:
        seen.add(id(function))
        if isinstance(function, type):
            break
        for name in ("__mimic_original__", "__wrapped__", "__func__", "fget", "func"):
            # The attribute is looked up statically first: a Mock has every attribute
            # that it is asked for.
            if getattr_static(function, name, None) is None:
                continue
            inner = getattr(function, name, None)
            if inner is not None:
                function = inner
                break
    return function


# Functions


def code_source(code: CodeType) -> str | None:
    """Return the fingerprint of the definition that code was compiled from.

    None: it is not found.
    """
    linecache.checkcache(code.co_filename)
    return _source_of_code(code, _stamp(code.co_filename))


def _stamp(file: str) -> tuple[int, int] | None:
    """Return a cache key that changes when the file does."""
    try:
        facts = Path(file).stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size


@lru_cache(maxsize=4096)
def _source_of_code(code: CodeType, stamp: object) -> str | None:
    if (alone := _parsed_alone(code, stamp)) is not None:
        return normalised(alone)
    found = _definitions(code.co_filename, stamp).get(
        (code.co_firstlineno, code.co_name), []
    )
    if len(found) != 1:  # several lambdas on a line
        return None
    [node] = found
    if isinstance(node, ast.Lambda):
        # Defaults count by value.
        bare = ast.arguments(
            **{**dict(ast.iter_fields(node.args)), "defaults": [], "kw_defaults": []}
        )
        return normalised(ast.Lambda(bare, node.body))
    return normalised(node)


def _parsed_alone(code: CodeType, stamp: object) -> ast.stmt | None:
    """Return a function's definition, parsed without the rest of its file.

    None: its end is not certain.
    """
    lines = _lines(code.co_filename, stamp)
    begun = start = code.co_firstlineno - 1
    while lines[start : start + 1] and lines[start].lstrip()[:1] == "@":
        start += 1
    if "".join(lines[start : start + 1]).partition("(")[0].split()[-2:] != [
        "def",
        code.co_name,
    ]:
        return None
    indent, end = _indent(lines[start]), start + 1
    while end < len(lines) and (
        _indent(lines[end]) > indent or lines[end].lstrip()[:1] in _CONTINUES
    ):
        end += 1
    tree = parsed("".join(["if 1:\n" if indent else "", *lines[begun:end]]))
    if tree is None:  # cut inside of a text or of brackets
        return None
    first = tree.body[0]
    return first.body[0] if isinstance(first, ast.If) else first


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


@lru_cache(maxsize=64)
def _definitions(file: str, stamp: object) -> dict[tuple[int, str], list[Definition]]:
    """Return the functions of a file by first line and name.

    The first line is that of the first decorator, if there is one.
    """
    tree = _tree(file, stamp)
    found: dict[tuple[int, str], list[Definition]] = {}
    for node in () if tree is None else ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            first = min(
                [
                    node.lineno,
                    *(line.lineno for line in getattr(node, "decorator_list", ())),
                ]
            )
            found.setdefault((first, getattr(node, "name", "<lambda>")), []).append(
                node
            )
    return found


@lru_cache(maxsize=64)
def _tree(file: str, stamp: object) -> ast.Module | None:
    text = "".join(_lines(file, stamp))
    return parsed(text) if text else None


def _lines(file: str, stamp: object) -> list[str]:
    # The linecache of Python 3.14 opens archives. A module in one has no source, as on
    # other versions.
    if stamp is None and any(map(Path.is_file, Path(file).parents)):
        return []
    return linecache.getlines(file)


def parsed(source: str | bytes) -> ast.Module | None:
    """Return the syntax tree of a source, or None if it has none."""
    # The import has shown what Python warns of. Where warnings are errors, that of
    # `"\d"` would be a SyntaxError here. The filter stays, for this name alone: what
    # one thread restores, another may have changed.
    warnings.filterwarnings("ignore", module=_PARSED)
    try:
        return ast.parse(source, _PARSED)
    except (SyntaxError, ValueError):  # Python 3.10 raises a ValueError for null bytes
        return None


# Classes


def class_source(value: type) -> str | None:
    """Return the fingerprint of a class's definition, or None if it is not found."""
    if (kept := vars(value).get(KEPT_SOURCE)) is not None:
        return str(kept)
    from pytest_mimic._core.types.kinds import named_like

    file = next((method.__code__.co_filename for method in own_methods(value)), None)
    other = named_like(value)
    # One that was made by a call has no source, even if its name leads to another
    # class; that of a reloaded module is alike.
    if file is None and (
        not isinstance(other, type) or _plain_parts(other) == _plain_parts(value)
    ):
        file = getattr(sys.modules.get(value.__module__), "__file__", None)
    if file is None:
        return None
    linecache.checkcache(file)
    return _source_of_class(value.__qualname__, file, _stamp(file))


def _plain_parts(value: type) -> dict[str, object]:
    """Return what a class holds by name: plain values, and the types of all else."""
    parts: dict[str, object] = {}
    for name, part in vars(value).items():
        if not name.startswith("__"):
            parts[name] = part if type(part) in PLAIN else type(part)
    return parts


def own_methods(value: type) -> Iterator[FunctionType]:
    """Yield the methods that a class itself has, without their decorators."""
    members: list[tuple[str, Any]] = []
    for name, member in value.__dict__.items():
        if type(member) is property:
            members += [(name, member.fget), (name, member.fset), (name, member.fdel)]
        else:
            members.append((name, member))
    for name, member in members:
        if type(member) is cached_property:
            function = member.func
        else:
            function = getattr(member, "__func__", member)
        while type(function) is FunctionType and "__wrapped__" in function.__dict__:
            function = function.__dict__["__wrapped__"]
        # attrs gives a class methods under the class's own name. They are compiled
        # elsewhere.
        if (
            type(function) is not FunctionType
            or function.__globals__.get("__name__") != value.__module__
        ):
            continue
        # Python 3.14 makes `__annotate_func__`, for annotations (PEP 649). It closes
        # over the class's names.
        own = name != "__annotate_func__" and function.__qualname__.startswith(
            f"{value.__qualname__}."
        )
        if own and (
            KEPT_SOURCE in function.__dict__ or function.__code__.co_filename[:1] != "<"
        ):
            yield function


@lru_cache(maxsize=1024)
def _source_of_class(qualname: str, file: str, stamp: object) -> str | None:
    # Of several classes of one name, the last one counts.
    tree = _tree(file, stamp)
    steps = [step for step in qualname.split(".") if step != "<locals>"]
    found = [] if tree is None else [*_classes(tree, steps)]
    return normalised(found[-1]) if found else None


def _classes(tree: ast.AST, steps: list[str]) -> Iterator[ast.ClassDef]:
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


# Syntax trees


def normalised(node: ast.AST) -> str:
    """Return a digest of a syntax tree, the same on every Python version.

    The layout does not count. Fields that are None or empty are left out, since
    versions add such fields. What is digested is a row of items: the name of a node's
    class and the names of its fields, a list's length, or a constant.

    return 1  →  "Return", 1, "value", "Constant", 1, "value", ("int", 1)
    """
    words: list[object] = []
    todo: list[object] = [node]
    while todo:
        item = todo.pop()
        if isinstance(item, ast.AST):
            fields = _counting_fields(item)
            words += [type(item).__name__, len(fields), *fields]
            for name, value in reversed(fields.items()):
                todo.append(_tidied(item, name, value))
        elif isinstance(item, list):
            words.append(len(item))
            todo += reversed(item)
        else:
            words.append((type(item).__name__, item if item is not ... else None))
    return xxh3_128_hexdigest(dumps(words, 2))


def _counting_fields(node: ast.AST) -> dict[str, Any]:
    """Return the fields of a node that count, by name; of a constant, `None` counts."""
    fields = {}
    for name, value in ast.iter_fields(node):
        is_empty = value is None or value == []
        is_counting = isinstance(node, ast.Constant) or not is_empty
        if name not in IGNORED_FIELDS and is_counting:
            fields[name] = value
    return fields


def _tidied(node: ast.AST, name: str, value: Any) -> object:
    """Return the value of a field without what says nothing.

    That is docstrings, `pass`, `...` and the empty parts of f-strings.
    """
    if name == "body" and isinstance(value, list):
        return [line for line in value if not _is_remark(line)]
    if name == "values" and isinstance(node, ast.JoinedStr):
        return [part for part in value if not _is_empty_text(part)]
    return value


def _is_empty_text(part: ast.AST) -> bool:
    return isinstance(part, ast.Constant) and part.value == ""


def _is_remark(line: ast.stmt) -> bool:
    """Return whether a statement does nothing: a docstring, `...`, `pass`."""
    if isinstance(line, ast.Pass):
        return True
    if not isinstance(line, ast.Expr):
        return False
    value = getattr(line.value, "value", None)
    return isinstance(value, str) or value is ...
