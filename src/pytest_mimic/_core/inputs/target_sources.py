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
    "abc.abstractmethod contextlib.asynccontextmanager contextlib.contextmanager functools.cache functools.lru_cache"
    " functools.cached_property functools.wraps classmethod property staticmethod".split()
)

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def judge(target: str, fingerprint: str) -> Judgement:
    """Return whether the source of a target, `shop.api:Shop.price`, has this fingerprint.

    It is unknown where only the import shows which function it is: behind decorators of the user's, for a lambda, for
    an inherited method.
    """
    module, _, path = target.partition(":")
    file = file_of_module(module)
    tree = None if file is None else tree_of(file)
    found = [] if tree is None else list(_named(tree, path.split(".")))
    if any(isinstance(node, _Function) and normalised(node) == fingerprint for node in found):
        return "same"
    imported = {} if tree is None else _imported(tree)
    return "changed" if found and all(_is_transparent(node, imported) for node in found) else "unknown"


def _named(tree: ast.AST, path: Sequence[str]) -> Iterator[ast.AST]:
    """Yield what a path of names is bound to, in branches as well: functions, and the names in assignments."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            if node.name == path[0] and len(path) > 1:
                yield from _named(node, path[1:])
        elif isinstance(node, _Function):
            if node.name == path[0] and len(path) == 1:
                yield node
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and [node.id] == path:
            yield node
        elif not isinstance(node, ast.expr):
            yield from _named(node, path)


def _imported(tree: ast.AST) -> dict[str, str]:
    """Return the full names of what a module imports."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        for name in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
            prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            found[name.asname or name.name] = prefix + name.name
    return found


def _is_transparent(node: ast.AST, imported: dict[str, str]) -> bool:
    if not isinstance(node, _Function):
        return False
    names = [ast.unparse(getattr(each, "func", each)).split(".", 1) for each in node.decorator_list]
    return all(".".join([imported.get(first, first), *rest]) in _TRANSPARENT for first, *rest in names)
