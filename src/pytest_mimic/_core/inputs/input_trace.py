"""Notes what real calls reach and read in the project, while they run.

What is noted becomes a list of fingerprints, which `reached_and_read` makes and
compares.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import Any
from weakref import ref

from pytest_mimic._core.inputs.reached_and_read import ProjectSources
from pytest_mimic._core.types.attributes_and_parts import CONTAINERS, items_of_container


class InputTrace:
    """Notes what one call reads and reaches.

    A call reaches what the code of its target and of the classes of its arguments
    names. The engine makes a trace around each real call of a target; its list, in a
    file beside the recording, tells later runs what has changed since.

    Attributes:
        paths: The files that the call has opened, in whatever mode. One that the call
            has written is new, and left out of the list for that.
    """

    def __init__(
        self, sources: ProjectSources, target: str, values: Iterable[object]
    ) -> None:
        self._sources = sources
        self._target = target
        self._classes = _classes_of(values)
        self.paths: set[str] = set()
        _WATCHING_RUNS.add(ref(sources, _WATCHING_RUNS.discard))
        _watch_files(_audit)

    def with_fingerprints(self) -> InputTrace:
        """Take the fingerprints of now, once for each file, and return this trace."""
        names_and_digests = map(self._sources.file_at, tuple(self.paths))
        files = frozenset(filter(None, names_and_digests))
        self._list_of_inputs = self._sources.listed(self._target, self._classes, files)
        return self

    def list_to_store(self, list_before: bytes | None, *, is_same: bool) -> str:
        """Return the list to store in place of the one before, "" for none.

        With `is_same`, the stored outcome is kept. Then the list before stays, too, as
        long as nothing in it has changed: which files a call reads may depend
        on other tests.
        """
        if list_before and is_same:
            # A damaged list is replaced.
            with suppress(LookupError, TypeError, ValueError):
                if not self._sources.changed(list_before):
                    return list_before.decode()
        return self._list_of_inputs


def _classes_of(values: Iterable[object]) -> frozenset[type]:
    """Return the classes of arguments, and of the items of containers among them.

    A call reaches their methods, of which a change counts. Builtin classes are left
    out.
    """
    classes = set[type]()
    for value in values:
        classes.add(type(value))
        if issubclass(type(value), CONTAINERS):
            classes.update(map(type, items_of_container(value)))
    return frozenset([class_ for class_ in classes if class_.__module__ != "builtins"])


# All runs of this process share one audit hook, because none can be removed. It asks
# each of them for the call that opens a file.
_watch_files = cache(sys.addaudithook)
# The projects of the runs that have made a trace. A `WeakSet` takes several times as
# long to iterate over, at each file that is opened.
_WATCHING_RUNS: set[ref[ProjectSources]] = set()


def _audit(event: str, args: tuple[Any, ...]) -> None:
    """Note the file that the running call opens: an audit hook (PEP 578).

    The interpreter calls the hook for each event; `args` begins with the file's path.
    """
    if event != "open":
        return
    # An exception here would come out of the `open` of the code under test.
    with suppress(Exception):
        for watching_run in tuple(_WATCHING_RUNS):
            sources = watching_run()
            trace = None if sources is None else sources.running_trace()
            if trace is None:
                continue
            path = os.fsdecode(args[0])
            # Source files are imported: what counts of them is the code that is named.
            if not path.endswith(".py"):
                trace.paths.add(os.path.abspath(path))  # noqa: PTH100 - may be called with any path
