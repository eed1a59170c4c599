"""Lists of tests in text files: a path relative to the root or a node id a line, `#` for comments."""

from __future__ import annotations

from pathlib import Path


class ListOfTests:
    """The tests that a file names.

    A line names a folder, a module, a class, a test, or one of its parameters.
    """

    def __init__(self, file: Path) -> None:
        lines = file.read_text(encoding="utf-8").splitlines()
        # A parameter may hold this sign, but never behind a blank.
        bare = [f" {line}".split(" #", 1)[0].strip() for line in lines]
        self.names = frozenset(filter(None, bare))

    def __contains__(self, node_id: str) -> bool:
        """Whether a line names this test, or what it belongs to."""
        test = node_id.partition("[")[0]
        path, *inner = test.split("::")
        holders = {node_id, path}
        holders.update(parent.as_posix() for parent in Path(path).parents)
        for count in range(len(inner)):
            holders.add("::".join([path, *inner[: count + 1]]))
        return not self.names.isdisjoint(holders)
