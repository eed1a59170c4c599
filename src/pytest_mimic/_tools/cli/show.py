"""Show recordings: arguments, and each outcome as it is in the vault.

A pickle is not loaded: its size, its preview and its imports are shown. Secret names are hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.tree.drawing import lines_of
from pytest_mimic._core.vault.long_parts import whole
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.cli.output import Line, Result, short_seconds
from pytest_mimic._tools.cli.selection import add_selectors, given, nothing, select
from pytest_mimic._tools.shown.catalog import Catalog, CatalogCall, CatalogFile, hide_arguments
from pytest_mimic._tools.shown.outcome_lines import OutcomeViewer, Part
from pytest_mimic._tools.shown.outcome_words import error_of
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from pytest_mimic._tools.cli.project import Invocation


def add_arguments(parser: ArgumentParser) -> None:
    add_selectors(parser)


def run(invocation: Invocation) -> Result:
    """Show them."""
    if not given(invocation):
        raise MimicError("show needs a SELECTOR: what to show", remedies=["see pytest-mimic show --help"])
    chosen = select(invocation)
    catalog, files = chosen.catalog, chosen.files
    if not files and invocation.options.selectors and chosen.damaged:
        raise catalog.damaged[chosen.damaged[0]]
    if not files:
        return nothing(invocation, chosen)
    for call in (one for file in files for one in file.calls):
        call.arguments = whole(call.arguments, invocation.vault.store.read)
    if invocation.settings.redact:
        hide_arguments(files, invocation.redactor)
    return Result(_lines(invocation, catalog, files), unmatched=chosen.unmatched)


def _lines(invocation: Invocation, catalog: Catalog, files: list[CatalogFile]) -> Iterator[Line]:
    viewer = OutcomeViewer(invocation.vault, invocation.redactor)
    for number, file in enumerate(files):
        if number:
            yield ""
        yield [(file.label(10_000), "bold")]
        by = f" by {file.test}" if file.test else ""
        yield f"  recorded {file.recorded}{by} in {short_seconds(file.duration)}"
        if file.owner and file.owner != file.test:
            yield f"  belongs to {file.owner}"
        many = plural(len(file.objects), "object")
        objects = f", with {many} {size(catalog.size(file))}" if file.objects else ""
        yield f"  {invocation.settings.shown_vault}/{file.name}, {size(file.size)}{objects}"
        for call in file.calls:
            yield from _call_lines(invocation, viewer, file, call)


def _call_lines(
    invocation: Invocation, viewer: OutcomeViewer, file: CatalogFile, call: CatalogCall
) -> Iterator[Line]:
    width, indent = invocation.out.width, "  "
    if call.position is not None:
        yield ""
        yield [
            "  ",
            (f"{call.position + 1}. {call.label(10_000)}", "bold"),
            f"  {short_seconds(call.duration)}",
        ]
        indent = "    "
    yield from _part_lines(viewer.arguments(call), indent, width)
    for number, entry in enumerate(call.outcomes, 1):
        if len(call.outcomes) > 1:
            yield f"{indent}outcome {number} of {len(call.outcomes)}, {short_seconds(entry['duration'])}"
        style = "red" if error_of(call, entry) else ""
        yield from _part_lines(viewer.outcome(call, entry, file.name), indent, width, heading=style)
        yield from (f"{indent}{line}" for line in _ran_and_read(invocation, file, entry))


def _ran_and_read(invocation: Invocation, file: CatalogFile, entry: dict[str, Any]) -> list[str]:
    """Return in words what the call of an outcome reaches and reads."""
    from pytest_mimic._core.inputs.project_sources import reached_and_read
    from pytest_mimic._core.vault.objects import Origin

    if "inputs" not in entry:
        return []
    try:
        text = invocation.vault.objects.read(entry["inputs"], Origin(file.name, "", file.test))
    except MimicError as error:
        return [error.what]
    found = zip(("reaches", "reads"), reached_and_read(text), strict=True)
    return [f"{verb} {', '.join(names)}" for verb, names in found if names]


def _part_lines(parts: Iterable[Part], indent: str, width: int, *, heading: str = "") -> Iterator[Line]:
    room = max(width - len(indent), 40)
    for title, node in parts:
        first, *others = [""] if node is None else lines_of(node, room - len(title))
        yield [indent, (title, heading), first]
        yield from (f"{indent}{line}" for line in others)
