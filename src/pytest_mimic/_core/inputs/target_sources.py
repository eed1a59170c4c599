"""The source of a target whose module is not imported: whether it has changed since a call was recorded."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Literal

from pytest_mimic._core.identity.source import normalised, tree_of
from pytest_mimic._core.modules import file_of_module

Judgement = Literal["same", "changed", "unknown"]

# Decorators behind which the function itself is found: they keep it, or set `__wrapped__`.
_TRANSPARENT = frozenset(
    "abstractmethod asynccontextmanager cache cached_property classmethod contextmanager lru_cache property"
    " staticmethod wraps".split()
)

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def judge(target: str, fingerprint: str) -> Judgement:
    """Return whether the source of a target, `shop.api:Shop.price`, has this fingerprint.

    It is unknown where only the import shows which function it is: behind decorators of the user's, for a lambda, for
    an inherited method.
    """
    module, _, path = target.partition(":")
    found = list(_functions_named(module, path.split(".")))
    if any(normalised(node) == fingerprint for node in found):
        return "same"
    return "changed" if found and all(map(_is_transparent, found)) else "unknown"


def _functions_named(module: str, path: Sequence[str]) -> Iterator[_Function]:
    """Yield the functions of this name in a module. A recording has the name by which its target is defined."""
    file = file_of_module(module)
    tree = None if file is None else tree_of(file)
    yield from () if tree is None else _named(tree, path)


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


def _is_transparent(node: _Function) -> bool:
    return all(_name_of(decorator) in _TRANSPARENT for decorator in node.decorator_list)


def _name_of(decorator: ast.expr) -> str:
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    return decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
