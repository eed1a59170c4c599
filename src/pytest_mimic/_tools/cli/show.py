"""Show recordings: arguments, and each outcome as it is in the vault.

A pickle is not loaded: its size, its preview and its imports are shown. With --load, outcomes are loaded under the list
of imports of their recording, as a replay does, and shown by their repr. Secret names are hidden.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic._tools.catalog import Catalog, CatalogCall, CatalogFile, Filter
from pytest_mimic._tools.cli.phrasing import plural, short_seconds, size
from pytest_mimic._tools.cli.selection import hide_arguments, in_vault, of_tests, report_nothing
from pytest_mimic._tools.shown.document import lines_of
from pytest_mimic._tools.shown.outcome_words import error_of
from pytest_mimic._tools.shown.views import OutcomeViewer, Part
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.invocation import Invocation
    from pytest_mimic._tools.cli.output import Output
    from pytest_mimic._tools.cli.parser import Parser

_WIDTH, _SHOWN = 100, 20


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "what",
        metavar="RECORDING|CALL|TEST",
        nargs="+",
        help="a file, or the first digits of its name; a call as ls shows it, or a pattern; the id of a test",
    )
    parser.add_argument(
        "--load", action="store_true", help="load outcomes, which imports the classes that they list"
    )
    parser.add_argument(
        "--all", action="store_true", help="show all recordings, and all parts of long values"
    )


def run(invocation: Invocation) -> int:
    """Show them. Exit code 1: nothing matched."""
    options, out = invocation.options, invocation.out
    catalog, files = _find(invocation, options.what)
    viewer = OutcomeViewer(invocation.vault, invocation.redactor, **({"shown": None} if options.all else {}))
    if options.json:
        out.json({"recordings": [_as_json(invocation, catalog, viewer, file) for file in files]})
        return 0 if files else 1
    if not files:
        report_nothing(invocation, catalog)
        return 1
    shown = files if options.all else files[:_SHOWN]
    for number, file in enumerate(shown):
        if number:
            out.line()
        _show(invocation, catalog, viewer, file)
    if len(shown) < len(files):
        out.line()
        more = invocation.command("show", "--all", *options.what)
        out.line(f"{len(files) - len(shown)} more: {more}")
    return 0


def _find(invocation: Invocation, words: list[str]) -> tuple[Catalog, list[CatalogFile]]:
    """Return the recordings that are named by a file, digits, a pattern, a call or a test."""
    catalog = Catalog(invocation.vault)
    names = in_vault(invocation, words)
    for name in names:
        if catalog.vault.store.size(name) is not None and name.endswith(".json"):
            catalog.read(name)  # an error for a damaged file that was named
    files = catalog.files()
    found: dict[str, CatalogFile] = {}
    for word, name in zip(words, names):
        chosen = Filter([name])
        matched = [file for file in files if chosen.takes(file)]
        matched = matched or of_tests(invocation, [word], files)
        matched = matched or [file for file in files if _is_label(word, file)]
        found.update((file.name, file) for file in matched)
    shown = sorted(found.values(), key=lambda file: file.name)
    hide_arguments(invocation, shown)
    return catalog, shown


def _is_label(word: str, file: CatalogFile) -> bool:
    """Check whether a text is the call of a recording as `ls` shows it, perhaps cut."""
    labels = (file.label(), file.label(10_000))
    cut = word.removesuffix("...")
    return word in labels or (cut != word and any(label.startswith(cut) for label in labels))


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
    _print(out, viewer.arguments(call), indent, heading="cyan")
    for number, entry in enumerate(call.outcomes, 1):
        error = error_of(call, entry)
        if len(call.outcomes) > 1:
            out.line(f"{indent}outcome {number} of {len(call.outcomes)}, {short_seconds(entry['duration'])}")
        _print(out, viewer.outcome(call, entry, file.name), indent, heading="red" if error else "green")
        if invocation.options.load:
            _print(out, [("loaded: ", _loaded(invocation, file, call, number - 1))], indent, heading="bold")
        elif "pickle" in entry:
            load = invocation.command("show", "--load", file.short_key)
            out.line(f"{indent}to load it: {load}")


def _print(out: Output, parts: Any, indent: str, *, heading: str) -> None:
    width = max((out.width or _WIDTH) - len(indent), 40)
    part: Part
    for part in parts:
        title, node = part
        if node is None:
            out.line(indent, (title, heading))
            continue
        first, *others = list(lines_of(node, width - len(title)))
        out.line(indent, (title, heading), first)
        for line in others:
            out.line(indent, line)


def _loaded(invocation: Invocation, file: CatalogFile, call: CatalogCall, index: int) -> str:
    from pytest_mimic._tools.cli.loaded_outcomes import loaded

    return loaded(invocation, file, call, index)


def _as_json(
    invocation: Invocation, catalog: Catalog, viewer: OutcomeViewer, file: CatalogFile
) -> dict[str, Any]:
    calls = []
    for call in file.calls:
        outcomes = []
        for index, entry in enumerate(call.outcomes):
            try:
                facts = {"duration": entry["duration"], **viewer.body(call, entry, file.name)}
            except MimicError as error:
                facts = {"duration": entry["duration"], "damaged": error.what}
            if "preview" in entry:
                facts["preview"] = entry["preview"]
            if invocation.options.load:
                facts["loaded"] = _loaded(invocation, file, call, index)
            outcomes.append(facts)
        facts_of_call = {
            "target": call.target,
            "signature": call.signature,
            "call": call.label(10_000),
            "arguments": call.arguments,
            "source": call.source,
            "outcomes": outcomes,
        }
        calls.append(facts_of_call)
    return {
        "file": file.name,
        "kind": "cassette" if file.is_cassette else "recording",
        "test": file.test,
        "owner": file.owner,
        "recorded": file.recorded,
        "size": catalog.size(file),
        "calls": calls,
    }
