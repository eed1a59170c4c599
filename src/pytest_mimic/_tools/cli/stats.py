"""Sum up the vault: counts and sizes, the time that replays save, the largest, slowest and oldest, and errors."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.describe.text import shortened
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.cli.output import counted, json_of, short_seconds
from pytest_mimic._tools.cli.selection import (
    add_selectors,
    is_error,
    report_damaged,
    report_left_out,
    report_nothing,
    select,
)
from pytest_mimic._tools.shown.outcome_words import error_of

if TYPE_CHECKING:
    from pytest_mimic._core.describe.recorded_files import CatalogFile
    from pytest_mimic._tools.cli.output import Piece
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation
    from pytest_mimic._tools.shown.catalog import Catalog

_SHOWN = 5
_COUNTS = ("recordings", "cassettes", "calls", "errors", "objects")


def add_arguments(parser: Parser) -> None:
    add_selectors(parser)
    parser.add_argument(
        "--top", type=int, default=_SHOWN, metavar="N", help="how many of the largest and slowest"
    )


def run(invocation: Invocation) -> int:
    selection = select(invocation)
    catalog, files = selection.catalog, selection.files
    stats = Stats(catalog, files, max(invocation.options.top, 0))
    if invocation.options.json:
        invocation.out.json({**stats.as_json(), "unmatched": selection.unmatched})
        return 1 if selection.unmatched else 0
    if not files:
        return report_nothing(invocation, selection)
    stats.show(invocation)
    exit_code = report_left_out(invocation, selection)
    report_damaged(invocation, len(catalog.damaged))
    return exit_code


class Stats:
    """The sums for a vault."""

    def __init__(self, catalog: Catalog, files: list[CatalogFile], top: int) -> None:
        self._catalog = catalog
        self._files = files
        objects = frozenset().union(*(file.objects for file in files))
        self.recordings = sum(not file.is_cassette for file in files)
        self.cassettes = len(files) - self.recordings
        self.objects = len(objects)
        self.file_bytes = sum(file.size for file in files)
        self.object_bytes = sum(map(catalog.object_size, objects))
        self.shared_bytes = sum(map(catalog.size, files)) - self.file_bytes - self.object_bytes
        self.duration = sum(file.duration for file in files)
        dates = sorted(file.recorded for file in files if file.recorded)
        self.oldest = dates[0] if dates else None
        self.newest = dates[-1] if dates else None
        self.targets = self._by_target()
        self.calls = sum(target.calls for target in self.targets)
        self.errors = sum(target.errors for target in self.targets)
        self.largest = self._top(catalog.size, top)
        self.slowest = self._top(lambda file: file.duration, top)

    def _top(self, key: Any, count: int) -> list[CatalogFile]:
        return sorted(self._files, key=key, reverse=True)[:count]

    def _by_target(self) -> list[SimpleNamespace]:
        """Return the sums for each target: its calls, errors, bytes and seconds."""
        found: dict[str, SimpleNamespace] = {}
        for file in self._files:
            for call in file.calls:
                sums = found.setdefault(
                    call.target, SimpleNamespace(target=call.target, calls=0, errors=0, bytes=0, duration=0.0)
                )
                sums.calls += len(call.outcomes)
                sums.errors += sum(error_of(call, entry) is not None for entry in call.outcomes)
                sums.duration += call.duration
            for target in {call.target for call in file.calls}:
                # The calls of a cassette share its file. Its bytes count for each target in it.
                found[target].bytes += self._catalog.size(file)
        return sorted(found.values(), key=attrgetter("duration"), reverse=True)

    def as_json(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in _COUNTS},
            "bytes": {
                "files": self.file_bytes,
                "objects": self.object_bytes,
                "saved_by_sharing": self.shared_bytes,
            },
            "duration": self.duration,
            "oldest": self.oldest,
            "newest": self.newest,
            "targets": [vars(target) for target in self.targets],
            "largest": [json_of(self._catalog, file) for file in self.largest],
            "slowest": [json_of(self._catalog, file) for file in self.slowest],
            "damaged": sorted(self._catalog.damaged),
        }

    def show(self, invocation: Invocation) -> None:
        out = invocation.out
        errors: list[Piece] = [", ", (f"{plural(self.errors, 'error')}", "red")] if self.errors else []
        out.line(
            (invocation.settings.shown_vault, "bold"),
            f": {counted(self.recordings, self.cassettes)}, {plural(self.calls, 'outcome')}",
            *errors,
        )
        shared = f", {size(self.shared_bytes)} saved by sharing" if self.shared_bytes > 0 else ""
        total = self.file_bytes + self.object_bytes
        out.line(
            f"size: {size(total)}, {size(self.object_bytes)} of it in {plural(self.objects, 'object')}{shared}"
        )
        out.line(f"time: replaying each once saves {short_seconds(self.duration)}")
        if self.oldest:
            end = f" to {self.newest}" if self.oldest != self.newest else ""
            out.line(f"recorded: {self.oldest}{end}")
        out.line()
        out.line(("by target", "bold"))
        rows: Iterable[list[Piece]] = (
            [
                target.target,
                plural(target.calls, "outcome"),
                short_seconds(target.duration),
                size(target.bytes),
                (plural(target.errors, "error") if target.errors else "", "red"),
            ]
            for target in self.targets
        )
        out.table(rows, right=(1, 2, 3), indent="  ")
        self._list(invocation, "largest", self.largest)
        self._list(invocation, "slowest", self.slowest)

    def _list(self, invocation: Invocation, title: str, files: list[CatalogFile]) -> None:
        if not files:
            return
        out = invocation.out
        width = max(out.width - 36, 40)
        out.line()
        out.line((title, "bold"))
        rows: Iterable[list[Piece]] = (
            [
                (file.short_key if not file.is_cassette else "", "dim"),
                size(self._catalog.size(file)),
                short_seconds(file.duration),
                (shortened(file.label(width), width), "red" if is_error(file) else ""),
            ]
            for file in files
        )
        out.table(rows, right=(1, 2), indent="  ")
