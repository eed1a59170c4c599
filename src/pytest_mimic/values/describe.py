"""What a recording keeps of a call in place of its secrets."""

from __future__ import annotations

from collections.abc import Callable

from pytest_mimic.values.tree import PAIRS, Leaf, Path, Tree, is_open, shown_path

REDACTED = "mimic-redacted"


def masked(
    tree: Tree, is_secret: Callable[[str], bool], hidden: list[str] | None = None
) -> Tree:
    """Give a tree with `mimic-redacted` in place of what stands under secret names.

    `None`, booleans and empty texts stay. It has to be done before the tree is cut: a
    digest, or the beginning of a long part, would tell of the secret.

    Args:
        tree: The tree of arguments, or any other one.
        is_secret: Whether a name is secret: of an argument, an attribute or a key.
        hidden: Gets the paths of what was replaced.
    """
    return _Mask(is_secret, [] if hidden is None else hidden).of(tree, ())


class _Mask:
    def __init__(self, is_secret: Callable[[str], bool], hidden: list[str]) -> None:
        self._is_secret = is_secret
        self._hidden = hidden

    def of(self, tree: Tree, path: Path) -> Tree:
        if isinstance(tree, list):
            items = enumerate(tree)
            return [self.of(part, (*path, str(number))) for number, part in items]
        if isinstance(tree, dict):
            return {key: self._part(key, part, path) for key, part in tree.items()}
        return tree

    def _part(self, key: str, part: Tree, path: Path) -> Tree:
        if key in PAIRS and isinstance(part, list):
            return [self._pair(pair, path) for pair in part]
        if is_open(key):
            return self.of(part, path)
        return self._named(key, part, (*path, key))

    def _pair(self, pair: Tree, path: Path) -> Tree:
        if not isinstance(pair, list) or len(pair) != 2:
            return pair
        key, part = pair
        if isinstance(key, str):
            return [key, self._named(key, part, (*path, key))]
        return [self.of(key, path), self.of(part, path)]

    def _named(self, name: str, part: Tree, path: Path) -> Tree:
        if not self._is_secret(name) or _tells_nothing(part):
            return self.of(part, path)
        self._hidden.append(shown_path(path))
        return REDACTED


def _tells_nothing(part: Tree) -> bool:
    if isinstance(part, Leaf):
        return False
    return part is None or isinstance(part, bool) or part == ""
