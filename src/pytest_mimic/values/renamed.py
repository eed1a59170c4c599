"""A function, class or module that has another name now."""

from __future__ import annotations

from typing import Any, NamedTuple

from pytest_mimic.values.tree import Tree, is_tagged

# Under these a tree has the name of what it is.
_NAMING = ("$name", "$function", "$class", "$type")


class Renamed(NamedTuple):
    """What has another name now.

    Attributes:
        old: The name that a function, class or module had: `lib:fit`, `lib`.
        new: The name that it has.
    """

    old: str
    new: str

    def named(self, name: str) -> str:
        """Return a name, as it is now."""
        rest = name.removeprefix(self.old)
        is_below = rest != name and rest[:1] in ("", ".", ":")
        return self.new + rest if is_below else name

    def tree(self, tree: Tree) -> Any:
        """Return a tree in which names are as they are now."""
        if isinstance(tree, list):
            return [self.tree(part) for part in tree]
        if not isinstance(tree, dict):
            return tree
        changed = {}
        for key, part in tree.items():
            # Data has such keys, too, but none that begins with a sign.
            is_name = key in _NAMING and isinstance(part, str) and is_tagged(tree)
            tag = f"${self.named(key[1:])}" if key[:1] == "$" else key
            changed[tag] = self.named(str(part)) if is_name else self.tree(part)
        return changed
