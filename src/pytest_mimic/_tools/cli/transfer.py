"""The parts that `push` and `pull` share: the object store, the chosen objects, progress and problems."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.ambient import command_for
from pytest_mimic._core.words import SHOWN, and_more, plural, size
from pytest_mimic._tools.cli.selection import report_damaged, select
from pytest_mimic._tools.objects.large import LargeObject, LargeObjects, Show, large_objects
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import FolderStore
    from pytest_mimic._tools.cli.project import Invocation
    from pytest_mimic._tools.objects.bucket import Bucket


def bucket_of(invocation: Invocation) -> Bucket:
    """Return the object store of the project. MimicError: there is none, or its URL is wrong."""
    from pytest_mimic._core.object_place import parse_place
    from pytest_mimic._tools.objects.bucket import Bucket

    url = invocation.settings.objects
    if not url:
        raise MimicError(
            "there is no object store: mimic_objects is not set",
            remedies=["to keep large objects in one: mimic_objects = s3://bucket/prefix"],
        )
    try:
        return Bucket(parse_place(url, invocation.settings.rootdir))
    except ValueError as reason:
        raise MimicError(f"mimic_objects: {reason}") from None


class Selected:
    """The recordings that were asked for, and their large objects."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self.bucket = bucket_of(invocation)
        self.store: FolderStore = invocation.vault.store  # type: ignore[assignment]
        self.transfer = LargeObjects(self.store, self.bucket)
        self.objects: list[LargeObject] = []  # their large objects; empty until `find`
        self.read()

    def read(self) -> None:
        """Read the recordings, again if they were rewritten."""
        selection = select(self._invocation)
        self.files = selection.files
        self.unmatched = selection.unmatched
        # What they name is not known.
        self.unreadable = list(selection.catalog.damaged.values())

    @property
    def url(self) -> str:
        return self.bucket.place.shown

    def find(self, *, only_absent: bool = False) -> None:
        """Find the large objects here and in the store; see `LargeObjects.find`."""
        self.objects = large_objects(self.files)
        self.transfer.find(self.objects, only_absent=only_absent)

    def of(self, *states: str) -> list[LargeObject]:
        return [one for one in self.objects if one.state in states]

    def show_problems(self) -> None:
        """Print the objects that are lost or wrong, and those that were not transferred."""
        out, label = self._invocation.out, self._invocation.vault.label
        bad = [*self.transfer.problems, *self.of("lost", "wrong")]
        for one in bad[:SHOWN]:
            problem = self.transfer.problems.get(one)
            if problem is not None:
                line = f"was left out: {problem}"
            elif one.state == "lost":
                line = f"is neither here nor in {self.url} ({one.size:,} bytes)"
            else:
                line = f"has other content in {self.url}: {one.there:,} bytes instead of {one.size:,}"
            out.line((f"{label}/{one.name} {line}", "red"))
            out.line(f"  named by {label}/{one.files[0].name}{_more(one)}")
            if one.state != "lost":
                out.line(f"  in the store: {self.url}/{one.detached.key}")
        for more in and_more(len(bad) - SHOWN, " objects, all with --json"):
            out.line(more)
        if any(one.state == "wrong" for one in bad):
            out.line(
                "  to replace a wrong object: delete it in the store, then push from the machine that recorded it:"
            )
            out.line("  ", (self._invocation.command("push"), "bold"))
        if lost := self.of("lost"):
            tests = [file.test for one in lost for file in one.files]
            out.line("  to get what is lost: pytest-mimic push where it was recorded, or record it again:")
            out.line("  ", (command_for("--mimic-rerecord", tests, most=SHOWN), "bold"))

    def show_unreadable(self) -> None:
        """Print which recordings have a merge conflict, and how many others cannot be read."""
        conflicts = [error for error in self.unreadable if "merge conflict" in error.what]
        for error in conflicts[:SHOWN]:
            self._invocation.out.line((error.what, "red"))
            self._invocation.out.line(f"  {error.remedies[0]}")
        for more in and_more(len(conflicts) - SHOWN, " recordings with a merge conflict"):
            self._invocation.out.line(more)
        report_damaged(self._invocation, len(self.unreadable) - len(conflicts))

    @property
    def is_incomplete(self) -> bool:
        """Whether a selector matched nothing, or a recording cannot be read."""
        return bool(self.unmatched or self.unreadable)


def _more(one: LargeObject) -> str:
    return "".join(f" {more}" for more in and_more(len(one.files) - 1))


def listed(invocation: Invocation, objects: Sequence[LargeObject]) -> None:
    """Print objects with the calls that name them, ten at most."""
    rows: list[Any] = [
        [size(one.size), one.name, (one.files[0].label(60), "bold"), (one.files[0].test or "", "dim")]
        for one in objects[:SHOWN]
    ]
    invocation.out.table(rows, right=(0,), indent="  ")
    for more in and_more(len(objects) - SHOWN):
        invocation.out.line(f"  {more}")


def json_of_objects(objects: Sequence[LargeObject]) -> list[dict[str, Any]]:
    return [
        {
            "object": one.name,
            "sha256": one.detached.sha256,
            "size": one.size,
            "state": one.state,
            "recordings": [file.name for file in one.files],
            "tests": sorted({file.test for file in one.files if file.test}),
        }
        for one in objects
    ]


def total(objects: Sequence[LargeObject]) -> str:
    """Return the number of objects and their bytes in words."""
    return f"{plural(len(objects), 'object')}, {size(sum(one.size for one in objects))}"


@contextmanager
def progress(verb: str, objects: Sequence[LargeObject]) -> Iterator[Show]:
    """Show on a terminal how far a transfer is, in one line that is gone at the end."""
    terminal = sys.stderr if sys.stderr and sys.stderr.isatty() else None
    whole = size(sum(one.size for one in objects))

    def show(count: int, bytes_: int) -> None:
        if terminal is not None:
            line = f"{verb} {count} of {len(objects)} objects, {size(bytes_)} of {whole}"
            print(f"\r\x1b[K{line}", end="", file=terminal, flush=True)

    try:
        show(0, 0)
        yield show
    finally:
        if terminal is not None:
            print("\r\x1b[K", end="", file=terminal, flush=True)
