"""Compares a function's source with a fingerprint without importing its module."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pytest_mimic._core.identity.source import normalised
from pytest_mimic._core.modules import file_of_module

Judgement = Literal["same", "changed", "unknown"]

# Decorators behind which the function itself is found: they keep it, or set `__wrapped__`.
_TRANSPARENT = frozenset(
    "abstractmethod asynccontextmanager cache cached_property classmethod contextmanager lru_cache property"
    " staticmethod wraps".split()
)
# So many re-exports are followed.
_HOPS = 5

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def judge(target: str, fingerprint: str) -> Judgement:
    """Return whether the source of a target, `shop.api:Shop.price`, has this fingerprint.

    It is unknown where only the import shows which function it is: behind decorators of the user's, for a lambda, for
    an inherited method.
    """
    module, _, path = target.partition(":")
    found = list(_definitions(module, tuple(path.split("."))))
    if any(normalised(node) == fingerprint for node in found):
        return "same"
    return "changed" if found and all(map(_is_transparent, found)) else "unknown"


def _definitions(module: str, path: Sequence[str], hops: int = _HOPS) -> Iterator[_Function]:
    """Yield the functions of this name in a module, or in the one that it imports the name from."""
    file = file_of_module(module)
    tree = None if file is None else _current_tree(file)
    if tree is None or not path:
        return
    found = list(_named(tree, path))
    yield from found
    if found or not hops:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == path[0]:
                    origin = _absolute(module, node, is_package=Path(str(file)).name == "__init__.py")
                    yield from _definitions(origin, (alias.name, *path[1:]), hops - 1)


def _current_tree(file: str) -> ast.Module | None:
    try:
        facts = Path(file).stat()
    except OSError:  # it is in a zip archive, for example
        return None
    return _tree(file, (facts.st_mtime_ns, facts.st_size))


@lru_cache(maxsize=64)
def _tree(file: str, _stamp: tuple[int, int]) -> ast.Module | None:
    try:
        return ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None


def _named(tree: ast.AST, path: Sequence[str]) -> Iterator[_Function]:
    """Yield the functions that a path of names leads to, in branches as well."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            if node.name == path[0] and len(path) > 1:
                yield from _named(node, path[1:])
        elif isinstance(node, _Function):
            if node.name == path[0] and len(path) == 1:
                yield node
        elif not isinstance(node, ast.expr):
            yield from _named(node, path)


def _absolute(module: str, node: ast.ImportFrom, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join([*base, *([node.module] if node.module else [])])


def _is_transparent(node: _Function) -> bool:
    return all(_name_of(decorator) in _TRANSPARENT for decorator in node.decorator_list)


def _name_of(decorator: ast.expr) -> str:
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    return decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
