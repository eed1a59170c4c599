"""A fingerprint of source: what a function or class does, not how it is laid out."""

from __future__ import annotations

import ast
import dis
import functools
import inspect
import linecache
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

import xxhash

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
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
    seen: set[int] = set()  # An undone patch may leave functions that wrap each other.
    while id(value) not in seen:
        seen.add(id(value))
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
    pending = [function.__code__]
    while pending:
        code = pending.pop()
        pending += [one for one in code.co_consts if isinstance(one, CodeType)]
        steps = [
            one for one in dis.get_instructions(code) if one.opname != "EXTENDED_ARG"
        ]
        for level, names, step in zip(steps, steps[1:], steps[2:], strict=False):
            if step.opname == "IMPORT_NAME":
                given = function.__globals__, None, names.argval, level.argval
                with suppress(Exception):  # It may be one of two ways.
                    __import__(step.argval, *given)


COPIED_SOURCE = "__mimic_source__"
"""The attribute of a copied function with the digest of its source: it has no file."""


def source_of_function(function: FunctionType) -> str | None:
    """Give the digest of the source of a function, of a copied one of its original."""
    copied: str | None = vars(function).get(COPIED_SOURCE)
    return copied or source_of_code(function.__code__)


def source_of_code(code: CodeType) -> str | None:
    """Give the digest of the source of a function's code."""
    return _source_of_code(code, code.co_filename, _time_of(code.co_filename))


def source_of_class(cls: type) -> str | None:
    """Give the digest of the source of a class."""
    lines_of_methods = []
    for member in vars(cls).values():
        function = innermost(member)
        if function is not None and function.__module__ == cls.__module__:
            lines_of_methods.append(function.__code__.co_firstlineno)
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None) or ""
    found = [
        one
        for one in _classes_in(file, _time_of(file))
        if one.qualname == cls.__qualname__
    ]
    for one in found:
        if any(one.first <= line <= one.last for line in lines_of_methods):
            return one.digest
    return found[-1].digest if found else None


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


def parsed(text: str) -> ast.Module | None:
    """Parse a text; `None` if it is no Python."""
    with _parsing, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The import has shown what it warns of.
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def text_of_file(file: str) -> str:
    """Give the source in a file, or in an archive; "" if there is none."""
    linecache.checkcache(file)
    return "".join(linecache.getlines(file))


def _counted(node: ast.AST) -> Iterator[object]:
    """Give the fields of a node that count, each behind its name.

    Fields that are empty are left out: each Python adds some.
    """
    if isinstance(node, ast.Constant):
        yield _constant(node.value)
        return
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(value, list):
            value = _statements(node, value)
        elif isinstance(node, ast.JoinedStr):
            value = [one for one in value if not _is_empty_text(one)]
        if value is None or value == [] or name in ("ctx", "type_comment"):
            continue
        yield f"{name}="
        is_syntax = isinstance(value, ast.AST | list)
        yield value if is_syntax else repr(value)


def _constant(value: object) -> str:
    # Decimal digits of a long integer would exceed the limit of Python.
    text = hex(value) if type(value) is int else repr(value)
    return f"{type(value).__name__} {text}"


def _statements(node: ast.AST, body: list[ast.stmt]) -> list[ast.stmt]:
    """Give the statements of a body that do something."""
    if isinstance(node, (*_DEFINITIONS, ast.Module)) and _is_text(body[:1]):
        body = body[1:]
    return [one for one in body if not isinstance(one, ast.Pass)]


def _is_text(statements: list[ast.stmt]) -> bool:
    match statements:
        case [ast.Expr(value=ast.Constant(value=str()))]:
            return True
    return False


def _is_empty_text(part: ast.AST) -> bool:
    return isinstance(part, ast.Constant) and part.value == ""


def _time_of(file: str) -> int:
    try:
        return Path(file).stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


@functools.lru_cache(maxsize=4096)
def _source_of_code(code: CodeType, file: str, _time: int) -> str | None:
    text = text_of_file(file)
    if code.co_name == "<lambda>":
        return _source_of_lambda(parsed(text), code.co_firstlineno)
    lines = text.splitlines(keepends=True)[code.co_firstlineno - 1 :]
    if not lines:
        return None
    # Only the lines of the function are parsed: a first replay waits for this.
    block = _block_of(lines, _last_line(code) - code.co_firstlineno + 1)
    is_indented = lines[0][:1].isspace()
    tree = parsed("if 1:\n" + block if is_indented else block)
    for node in ast.walk(tree or parsed(text) or ast.Module([], [])):
        if isinstance(node, _DEFINITIONS):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            is_it = tree is not None or first == code.co_firstlineno
            if is_it:
                return digest_of_syntax(node) if node.name == code.co_name else None
    return None


def _block_of(lines: list[str], count: int) -> str:
    """Give the lines of a block, which has at least so many.

    A text in its last statement may go on at the margin: then they are no syntax.
    """
    indent = len(lines[0]) - len(lines[0].lstrip())
    for number, line in enumerate(lines[count:], count):
        inner = line.lstrip()
        if inner and len(line) - len(inner) <= indent:
            return "".join(lines[:number])
    return "".join(lines)


def _last_line(code: CodeType) -> int:
    lines = [line for _, _, line in code.co_lines() if line]
    inner = [_last_line(one) for one in code.co_consts if isinstance(one, CodeType)]
    return max([*lines, *inner])


def _source_of_lambda(tree: ast.Module | None, line: int) -> str | None:
    """Give the digest of the lambda of a line; `None` if there are different ones."""
    digests = set()
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Lambda) and node.lineno == line:
            digests.add(digest_of_syntax(node))
    return digests.pop() if len(digests) == 1 else None


class _ClassInFile(NamedTuple):
    qualname: str
    first: int
    last: int
    digest: str


@functools.lru_cache(maxsize=256)
def _classes_in(file: str, _time: int) -> list[_ClassInFile]:
    found: list[_ClassInFile] = []
    tree = parsed(text_of_file(file)) if file else None
    pending: list[tuple[ast.AST, str]] = [(tree, "")] if tree else []
    while pending:
        parent, prefix = pending.pop()
        for node in ast.iter_child_nodes(parent):
            inner = prefix
            if isinstance(node, _DEFINITIONS):
                inner = f"{prefix}{node.name}."
                if not isinstance(node, ast.ClassDef):
                    inner += "<locals>."
                else:
                    last = node.end_lineno or node.lineno
                    digest = digest_of_syntax(node)
                    name = prefix + node.name
                    found.append(_ClassInFile(name, node.lineno, last, digest))
            pending.append((node, inner))
    return found
