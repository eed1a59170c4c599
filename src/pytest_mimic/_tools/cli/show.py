"""Show recordings: arguments, and each outcome as it is in the vault.

A pickle is not loaded: its size, its preview and its imports are shown. Secret names are hidden.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.describe.recorded_files import CatalogCall, CatalogFile
from pytest_mimic._core.vault.long_parts import whole
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.cli.output import short_seconds
from pytest_mimic._tools.cli.selection import (
    add_selectors,
    given,
    report_nothing,
    report_unmatched,
    select,
)
from pytest_mimic._tools.shown.catalog import Catalog, hide_arguments
from pytest_mimic._tools.shown.outcome_lines import OutcomeViewer, Part
from pytest_mimic._tools.shown.outcome_words import error_of
from pytest_mimic._tools.shown.value_lines import lines_of
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.output import Output
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation


def add_arguments(parser: Parser) -> None:
    add_selectors(parser)


def run(invocation: Invocation) -> int:
    """Show them. Exit code 1: a selector matched nothing."""
    options, out = invocation.options, invocation.out
    if not given(invocation):
        raise MimicError("show needs a SELECTOR: what to show", remedies=["see pytest-mimic show --help"])
    selection = select(invocation)
    catalog, files = selection.catalog, selection.files
    if not files and options.selectors and selection.damaged:
        raise catalog.damaged[selection.damaged[0]]
    if not files:
        return report_nothing(invocation, selection)
    for call in (one for file in files for one in file.calls):
        call.arguments = whole(call.arguments, invocation.vault.store.read)
    if invocation.settings.redact:
        hide_arguments(files, invocation.redactor)
    viewer = OutcomeViewer(invocation.vault, invocation.redactor)
    for number, file in enumerate(files):
        if number:
            out.line()
        _show(invocation, catalog, viewer, file)
    return report_unmatched(invocation, selection.unmatched)


def _show(invocation: Invocation, catalog: Catalog, viewer: OutcomeViewer, file: CatalogFile) -> None:
    out = invocation.out
    out.line((file.label(10_000), "bold"))
    by = f" by {file.test}" if file.test else ""
    out.line(f"  recorded {file.recorded}{by} in {short_seconds(file.duration)}")
    if file.owner and file.owner != file.test:
        out.line(f"  belongs to {file.owner}")
    objects = (
        f", with {plural(len(file.objects), 'object')} {size(catalog.size(file))}" if file.objects else ""
    )
    out.line(f"  {invocation.settings.shown_vault}/{file.name}, {size(file.size)}{objects}")
    for call in file.calls:
        _show_call(invocation, viewer, file, call)


def _show_call(invocation: Invocation, viewer: OutcomeViewer, file: CatalogFile, call: CatalogCall) -> None:
    out = invocation.out
    indent = "  "
    if call.position is not None:
        out.line()
        out.line(
            "  ", (f"{call.position + 1}. {call.label(10_000)}", "bold"), f"  {short_seconds(call.duration)}"
        )
        indent = "    "
    _print(out, viewer.arguments(call), indent)
    for number, entry in enumerate(call.outcomes, 1):
        if len(call.outcomes) > 1:
            out.line(f"{indent}outcome {number} of {len(call.outcomes)}, {short_seconds(entry['duration'])}")
        style = "red" if error_of(call, entry) else ""
        _print(out, viewer.outcome(call, entry, file.name), indent, heading=style)
        for line in _ran_and_read(invocation, entry):
            out.line(f"{indent}{line}")


def _ran_and_read(invocation: Invocation, entry: dict[str, Any]) -> list[str]:
    """Return in words what the call of an outcome reaches and reads."""
    from pytest_mimic._core.inputs.input_lists import inputs_in

    if "inputs" not in entry:
        return []
    try:
        text = invocation.vault.objects.input_list(entry["inputs"])
    except MimicError as error:
        return [error.what]
    found = inputs_in(text)
    ran, read = [str(one) for one in found if one.source], [str(one) for one in found if not one.source]
    return [f"{verb} {', '.join(names)}" for verb, names in (("reaches", ran), ("reads", read)) if names]


def _print(out: Output, parts: Iterable[Part], indent: str, *, heading: str = "") -> None:
    width = max(out.width - len(indent), 40)
    for title, node in parts:
        first, *others = [""] if node is None else lines_of(node, width - len(title))
        out.line(indent, (title, heading), first)
        for line in others:
            out.line(indent, line)
