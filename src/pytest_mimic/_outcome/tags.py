"""Values that JSON does not have, as mappings with one tag: `{"$path": ["rootdir", "data/a.csv"]}`.

Only the outcomes whose entry says `tagged` have tags. In these, a mapping whose only key begins with `$` gets a second `$`.
"""

from __future__ import annotations

from typing import Any

from pytest_mimic._outcome.placing import TEXT, PathStore, Where, kind_of
from pytest_mimic._outcome.plain import DEPTH

__tracebackhide__ = True  # pytest leaves this module out of tracebacks


class _NotTaggableError(Exception):
    """A part has no form in JSON."""


def tagged(value: Any, paths: PathStore) -> Any:
    """Return a tree for JSON in which each path, and each string that names a temporary place, is a tag.

    Returns:
        The value itself if there is nothing to tag; None if a part has no form in JSON.
    """
    writer = _Writer(paths)
    try:
        tree = writer.written(value, DEPTH)
    except _NotTaggableError:
        return None
    return tree if writer.has_tags else value


class _Writer:
    def __init__(self, paths: PathStore) -> None:
        self._paths = paths
        self.has_tags = False
        # By the ids of containers: one that occurs over and over is written once.
        self._known: dict[int, Any] = {}

    def written(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            where = self._paths.stored_text(value)
            return value if where is None else self._tag(TEXT, where)
        if value is None or kind is int or kind is float or kind is bool:
            return value
        if kind is list or kind is dict:
            if id(value) not in self._known:
                self._known[id(value)] = self._container(value, depth)
            return self._known[id(value)]
        name = kind_of(value)
        if name is None:
            raise _NotTaggableError
        return self._tag(name, self._paths.stored_path(value))

    def _container(self, value: Any, depth: int) -> Any:
        if depth == 0:
            raise _NotTaggableError
        if type(value) is list:
            return [self.written(item, depth - 1) for item in value]
        if any(type(key) is not str or self._paths.stored_text(key) is not None for key in value):
            raise _NotTaggableError
        inner = {key: self.written(item, depth - 1) for key, item in value.items()}
        return {f"${key}": item for key, item in inner.items()} if _is_tag(inner) else inner

    def _tag(self, name: str, where: Where) -> dict[str, Any]:
        self.has_tags = True
        return {f"${name}": where if isinstance(where, str) else list(where)}


def untagged(tree: Any, paths: PathStore) -> Any:
    """Return the value of a tree that `tagged` made.

    Raises:
        ValueError: There is no such tag, or it holds something else than the place of a path.
    """
    if type(tree) is list:
        return [untagged(item, paths) for item in tree]
    if type(tree) is not dict:
        return tree
    if not _is_tag(tree):
        return {key: untagged(item, paths) for key, item in tree.items()}
    [(key, item)] = tree.items()
    if key.startswith("$$"):
        return {key[1:]: untagged(item, paths)}
    if type(item) is list and len(item) == 2 and all(type(part) is str for part in item):
        return paths.restored(key[1:], (item[0], item[1]))
    if type(item) is str:
        return paths.restored(key[1:], item)
    raise ValueError(f"{key} must be a text, or a folder and the rest of a path")


def _is_tag(tree: dict[Any, Any]) -> bool:
    return len(tree) == 1 and next(iter(tree)).startswith("$")
