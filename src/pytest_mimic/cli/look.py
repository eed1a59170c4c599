"""`ls` and `show`: what is recorded, a call a line, or as people read it."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Generator, Iterator
from operator import itemgetter
from shutil import get_terminal_size

from pytest_mimic.cli.project import Project
from pytest_mimic.cli.proof import FALSE, Proof
from pytest_mimic.cli.select import Found, Selection
from pytest_mimic.engine.calls import failed_exchange, raised_in
from pytest_mimic.engine.secrecy import Secrecy
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.secrets.split import hide_split
from pytest_mimic.values.drawing import lines, one_line
from pytest_mimic.values.labels import CONVERSATION, answer_text, messages_of
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.values.tree import Node, Tree, is_tagged
from pytest_mimic.values.walk import deeply
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Vault
from pytest_mimic.words import duration, plural, size_in_words

_WIDEST_CELL = 40
_WIDEST_LINE = 100
_ENDS = {
    "waiting": "waiting: it was cancelled before more came",
    "open": "open: it was not read to its end",
    "empty": "nothing is kept of it",
}


def ls(project: Project, options: Namespace) -> Generator[str, None, int]:
    """List calls: day, duration, the call, how it failed, and who recorded it."""
    selection = Selection(project, options.selectors)
    if options.json:
        yield from _as_json(project, selection)
        return selection.code
    width = get_terminal_size().columns if sys.stdout.isatty() else None
    calls = size = 0
    for found in selection:
        calls += len(found.entries)
        size += project.vault.folder.size(found.name)
        for entry in found.entries:
            facts = [project.label(entry), _failure(entry), found.proof(entry).mark]
            label = ", ".join(filter(None, facts))
            took = duration(entry.seconds)
            row = f"{entry.recorded}  {took:>7}  {label}    {found.owner}"
            if width is not None and len(row) > width:
                row = f"{row[: width - 1]}…"
            yield row
    if calls:
        if not options.selectors:
            size = project.vault.size()
        yield f"{plural(calls, 'call')}, {size_in_words(size)}"
    elif not options.selectors and not selection.damaged:
        yield f"no recordings in {project.vault.label}"
        yield f"  to record: {project.commands.pytest('--mimic-record')}"
    yield from selection.warnings()
    return selection.code


def _as_json(project: Project, selection: Selection) -> Iterator[str]:
    """Give one document of JSON, a call a line: a vault may have very many."""
    before = '{"calls": ['
    for found in selection:
        for entry in found.entries:
            yield before
            signature = entry.signature or entry.target
            row = {
                "file": found.name,
                "owner": found.recording.owner,
                "call": project.label(entry),
                "target": entry.target,
                "signature": project.secrets.shown_text(signature),
                "identity": entry.identity,
                "failure": _failure(entry),
                "proof": found.proof(entry).mark,
                "end": entry.end,
                "recorded": entry.recorded,
                "seconds": entry.seconds,
            }
            before = f"{json.dumps(row)},"
    yield before.removesuffix(",")
    damaged = json.dumps([str(error) for error in selection.damaged])
    unmatched = json.dumps(selection.unmatched)
    yield f'], "damaged": {damaged}, "unmatched": {unmatched}}}'


def _failure(entry: Entry) -> str:
    if entry.end and entry.end != "empty":
        return entry.end
    return raised_in(entry.body) or failed_exchange(entry.body)


# -- show


def show(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Show calls with their outcomes, in the order of their file."""
    selection = Selection(project, options.selectors, with_asked=True)
    is_damaged = False
    for found, entry, is_left in _in_order(project, selection):
        effect = _effect(entry)
        if effect:
            yield f"{project.label(entry)}: {effect}"
            continue
        yield project.label(entry)
        took = duration(entry.seconds)
        yield f"  recorded {entry.recorded} by {found.owner} in {took}"
        yield f"  {project.path_of(found.name)}"
        if entry.end:
            yield f"  {_ENDS[entry.end]}"
        yield from words_of(found.proof(entry))
        if is_left:
            yield "  its test did not ask for it in its last run"
        try:
            yield from drawn(entry, project.vault, project.secrecy)
        except CorruptRecordingError as error:
            yield from (f"  {line}" for line in str(error).split("\n"))
            is_damaged = True
        yield ""
    for damage in selection.damaged:
        yield str(damage.what)
    yield from selection.warnings()
    return 1 if is_damaged else selection.code


def words_of(proof: Proof) -> list[str]:
    """Give the lines that say what nobody can vouch for."""
    if proof.is_false:
        return [f"  it {FALSE}"]
    return [f"  unproven: {proof.unproven}"] if proof.unproven else []


def _in_order(
    project: Project, selection: Selection
) -> Iterator[tuple[Found, Entry, bool]]:
    """Yield calls, and whether their test has not asked for them in its last run.

    Requests that all share come last, in the order in which the selected tests asked
    for them, or else all tests.
    """
    tests = [*filter(selection.names, project.asked)] or list(project.asked)
    # When each answer was asked for first, by its file.
    moments: dict[str, int] = {}
    for test in tests:
        for name in project.asked[test]:
            moments.setdefault(name, len(moments))
    shared: list[tuple[int, Found, Entry]] = []
    for found in selection:
        for entry in found.entries:
            if not found.is_shared or entry.request is None:
                yield found, entry, False
            else:
                moment = moments.get(found.name, len(moments))
                shared.append((moment, found, entry))
    for moment, found, entry in sorted(shared, key=itemgetter(0)):
        is_known = (entry.test or found.recording.owner) in tests
        yield found, entry, is_known and moment == len(moments)


def _effect(entry: Entry) -> str:
    """Return what a statement without rows has done; empty: it is no such call."""
    answer = entry.body.get("answer")
    if not isinstance(answer, dict) or not answer.keys() <= {"count", "lastrowid"}:
        return ""
    count = answer.get("count")
    if isinstance(count, int) and count >= 0:
        return plural(count, "row")
    return "done"


def drawn(entry: Entry, vault: Vault, secrecy: Secrecy) -> Iterator[str]:
    """Draw what a call has asked and what it got, as people read it.

    Args:
        entry: The call.
        vault: Where its objects are.
        secrecy: What is hidden.

    Raises:
        CorruptRecordingError: An object is damaged.
    """

    def shown(tree: Tree) -> Tree:
        whole = unshelve(tree, vault)
        masked: Tree = deeply(lambda: secrecy.secrets.shown(whole))
        hide_split(masked, secrecy.secrets.shown_text)
        return masked

    call = shown(entry.arguments or entry.request or {})
    body = {name: shown(part) for name, part in entry.body.items()}
    if entry.request is not None:
        yield from _exchange(call, body.get("answer", {}))
        return
    yield from _parts(call)
    if "items" in body:
        yield from _stream(body["items"])
    ended = body.get("last", body)
    assert isinstance(ended, dict)
    if "raised" in ended:
        yield from _part("raised ", ended["raised"])
    elif "value" in ended and not ("items" in body and ended["value"] is None):
        value = ended["value"]
        if isinstance(value, dict) and "$after" in value:
            yield f"  returned {value['$after']}"
        else:
            yield from _part("returned ", value)
    states = shown(entry.states)
    if isinstance(states, dict) and is_tagged(states):
        states = {"arguments": states}
    for name, state in states.items() if isinstance(states, dict) else ():
        yield from _part(f"left {name}: ", state)


def _exchange(request: Tree, answer: Tree) -> Iterator[str]:
    """Draw what a client asked and what it was answered."""
    assert isinstance(request, dict)
    assert isinstance(answer, dict)
    if "statement" in request:
        request, answer = _for_people(request), _for_people(answer)
    asked = _content(request.get("body"))
    said = messages_of(asked)
    for message in said:
        yield from _text(f"{message.role}: ", message.text)
    if said and isinstance(asked, dict):
        names = [name for name in asked if name not in CONVERSATION]
        yield f"  body: {one_line({name: asked[name] for name in names}, _WIDEST_LINE)}"
    else:
        yield from _parts({**request, "body": asked} if "body" in request else request)
    text = answer_text(answer.get("body")) if said else ""
    if text:
        yield from _text("assistant: ", text)
        return
    yield "  answer:"
    if "body" in answer:
        answer = {**answer, "body": _content(answer["body"])}
    yield from _parts(answer, "    ")


def _for_people(side: Node) -> Node:
    """Leave out what only a replay needs of a statement, and what its table shows."""
    left_out = {"names", "types"}
    if side.get("rows"):
        left_out |= {"columns", "count"}
    return {name: part for name, part in side.items() if name not in left_out}


def _content(body: Tree) -> Tree:
    """Return what a body of HTTP holds, in whichever form: JSON, a text, events."""
    if not isinstance(body, dict):
        return body
    forms = ("json", "form", "parts", "events", "lines", "text", "base64")
    held: Tree = next((body[form] for form in forms if form in body), body)
    return held


def _stream(items: Tree) -> Iterator[str]:
    if not isinstance(items, list):  # It was edited.
        yield from _part("items: ", items)
        return
    yield f"  a stream of {plural(len(items), 'item')}"
    texts = [item for item in items if isinstance(item, str)]
    if texts and len(texts) == len(items):
        yield from _text("joined: ", "".join(texts))
        return
    for number, item in enumerate(items, 1):
        yield from _part(f"{number}: ", item)


def _parts(tree: Tree, indent: str = "  ") -> Iterator[str]:
    if not isinstance(tree, dict) or is_tagged(tree):
        yield from _part("", tree, indent)
        return
    for name, part in tree.items():
        yield from _part(f"{name}: ", part, indent)


# Where a statement has its rows, or its one row.
_ROWS = "rows: "


def _part(before: str, tree: Tree, indent: str = "  ") -> Iterator[str]:
    """Draw a part behind a few words, rows as a table, a text of lines as it is."""
    if isinstance(tree, str) and "\n" in tree:
        yield from _text(before, tree, indent)
        return
    table = _table(tree, least=1 if before == _ROWS else 2)
    if table:
        yield f"{indent}{before}{plural(len(table) - 1, 'row')}"
        yield from (f"{indent}  {row}" for row in table)
        return
    first, *others = lines(tree)
    yield f"{indent}{before}{first}"
    yield from (f"{indent}{other}" for other in others)


def _text(before: str, text: str, indent: str = "  ") -> Iterator[str]:
    """Draw a text as it is; several lines stand below what comes before them."""
    if "\n" not in text:
        yield f"{indent}{before}{text}"
        return
    yield f"{indent}{before}|"
    yield from (f"{indent}  {part}" for part in text.split("\n"))


def _table(tree: Tree, *, least: int) -> list[str]:
    """Return the lines of so many mappings with the same names, else nothing."""
    if not isinstance(tree, list) or len(tree) < least:
        return []
    rows = [part for part in tree if isinstance(part, dict) and not is_tagged(part)]
    if len(rows) < len(tree) or any(row.keys() != rows[0].keys() for row in rows):
        return []
    cells = [list(rows[0])]
    for row in rows:
        cells.append([one_line(row[name], _WIDEST_CELL) for name in rows[0]])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    table = []
    for texts in cells:
        padded = map(str.ljust, texts, widths)
        table.append("  ".join(padded).rstrip())
    return table
