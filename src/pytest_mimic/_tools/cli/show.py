"""Show recordings: arguments, and each outcome as it is in the vault.

A pickle is not loaded: its size, its preview and its imports are shown. With --load, outcomes are loaded under the list
of imports of their recording, as a replay does, and shown by their repr. Secret names are hidden.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.describe.recorded_files import CatalogCall, CatalogFile
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.vault.long_parts import whole
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.cli.output import facts_of, short_seconds
from pytest_mimic._tools.cli.selection import (
    add_selectors,
    given,
    importable,
    report_left_out,
    report_nothing,
    select,
)
from pytest_mimic._tools.shown.catalog import Catalog, hide_arguments
from pytest_mimic._tools.shown.outcome_lines import OutcomeViewer, Part
from pytest_mimic._tools.shown.outcome_words import error_of
from pytest_mimic._tools.shown.value_lines import lines_of
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import Stored
    from pytest_mimic._tools.cli.output import Output
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation

_SHOWN = 20
_WORD = re.compile(r"[A-Za-z_][\w-]*")
# What follows a secret name whose value is hidden.
_HIDDEN = re.compile(rf"\W{{0,6}}{re.escape(PLACEHOLDER)}")


def add_arguments(parser: Parser) -> None:
    add_selectors(parser)
    parser.add_argument(
        "--load", action="store_true", help="load outcomes, which imports the classes that they list"
    )
    parser.add_argument(
        "--all", action="store_true", help="show all recordings, and all parts of long values"
    )


def run(invocation: Invocation) -> int:
    """Show them. Exit code 1: a selector matched nothing."""
    options, out = invocation.options, invocation.out
    if not given(invocation):
        raise MimicError("show needs a SELECTOR: what to show", remedies=["see pytest-mimic show --help"])
    selection = select(invocation)
    catalog, files = selection.catalog, selection.files
    if not files and options.selectors and selection.damaged:
        raise catalog.damaged[selection.damaged[0]]
    for call in (one for file in files for one in file.calls):
        call.arguments = whole(call.arguments, invocation.vault.store.read)
    if invocation.settings.redact:
        hide_arguments(files, invocation.redactor)
    viewer = OutcomeViewer(invocation.vault, invocation.redactor, **({"shown": None} if options.all else {}))
    if options.json:
        rows = [_as_json(invocation, catalog, viewer, file) for file in files]
        out.json({"recordings": rows, "unmatched": selection.unmatched})
        return 0 if files and not selection.unmatched else 1
    if not files:
        return report_nothing(invocation, selection)
    shown = files if options.all else files[:_SHOWN]
    for number, file in enumerate(shown):
        if number:
            out.line()
        _show(invocation, catalog, viewer, file)
    if len(shown) < len(files):
        out.line()
        more = invocation.command("show", "--all", *given(invocation))
        out.line(f"{len(files) - len(shown)} more: {more}")
    return report_left_out(invocation, selection)


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
        for line in _ran_and_read(invocation, entry):
            out.line(indent, (line, "dim"))
        if invocation.options.load:
            _print(out, [("loaded: ", _loaded(invocation, file, call, number - 1))], indent, heading="bold")
        elif "pickle" in entry:
            load = invocation.command("show", "--load", file.short_key)
            out.line(f"{indent}to load it: {load}")


def _ran_and_read(invocation: Invocation, entry: dict[str, Any]) -> list[str]:
    """Return in words what the call of an outcome ran and read."""
    from pytest_mimic._core.inputs.input_lists import inputs_in, why_not_noted

    if "inputs" not in entry:
        return []
    try:
        text = invocation.vault.objects.input_list(entry["inputs"])
    except MimicError as error:
        return [error.what]
    found = inputs_in(text)
    ran, read = [str(one) for one in found if one.source], [str(one) for one in found if not one.source]
    fault = why_not_noted(text)
    lines = [f"{verb} {', '.join(names)}" for verb, names in (("ran", ran), ("read", read)) if names]
    return [*lines, *([f"functions {fault}"] if fault else [])]


def _print(out: Output, parts: Iterable[Part], indent: str, *, heading: str) -> None:
    width = max(out.width - len(indent), 40)
    for title, node in parts:
        first, *others = [""] if node is None else lines_of(node, width - len(title))
        out.line(indent, (title, heading), first)
        for line in others:
            out.line(indent, line)


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
            if inputs := _ran_and_read(invocation, entry):
                facts["inputs"] = inputs
            if "preview" in entry:
                facts["preview"] = entry["preview"]
            if invocation.options.load:
                facts["loaded"] = _loaded(invocation, file, call, index)
            outcomes.append(facts)
        calls.append(
            {
                "target": call.target,
                "signature": call.signature,
                "call": call.label(10_000),
                "arguments": call.arguments,
                "source": call.source,
                "outcomes": outcomes,
            }
        )
    return {**facts_of(catalog, file), "calls": calls}


# -- loaded outcomes


def _loaded(invocation: Invocation, file: CatalogFile, call: CatalogCall, index: int) -> str:
    """Return the repr of an outcome of a call, without secrets.

    MimicError: it is damaged, cannot be loaded here, or is a pickle and `mimic_pickle = forbid`.
    """
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.outcome.placed_paths import PathStore

    places = Places(str(invocation.settings.rootdir))
    # What a module of the user prints is no output of the command.
    with importable(invocation, file), redirect_stdout(sys.stderr):
        return _text(_stored(invocation, file, call, index).load(PathStore(places)), invocation.redactor)


def _stored(invocation: Invocation, file: CatalogFile, call: CatalogCall, index: int) -> Stored:
    if call.position is not None:
        entries = invocation.vault.read_cassette(file.name) or []
        return entries[call.position].stored
    recording = invocation.vault.read(file.name)
    assert recording is not None
    return recording.outcomes[index]


def _text(outcome: Outcome, redactor: Redactor) -> str:
    if outcome.kind == "raised":
        return f"raised {_repr(outcome.exception, redactor)}"
    if outcome.kind == "stream":
        has_end = outcome.end is not None and (outcome.end.kind == "raised" or outcome.end.value is not None)
        end = f", then {_text(outcome.end, redactor)}" if outcome.end is not None and has_end else ""
        return f"stream {_repr(outcome.items, redactor)}{end}"
    return _repr(outcome.value, redactor)


def _repr(value: object, redactor: Redactor) -> str:
    """Return the repr of a value without secrets. None is shown if they could be anywhere in it, as in a table."""
    from pytest_mimic._core.describe.described_secrets import secrets_in

    try:
        secrets = secrets_in(value, redactor)
        text = redactor.texts.scrub_text(repr(value), secrets)
    except Exception as error:  # code of the user's class
        return f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    for word in _WORD.finditer(text):
        if redactor.hides(word[0], "text") and not _HIDDEN.match(text, word.end()):
            return f"<{type(value).__name__} whose repr is not shown: it has the secret name {word[0]}>"
    return text
