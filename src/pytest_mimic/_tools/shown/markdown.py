"""The differences between two vaults as a comment for a pull request, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from pytest_mimic._core.compare.tree_differences import TreeDifference
from pytest_mimic._core.describe.argument_differences import Difference
from pytest_mimic._tools.shown.showing import plain_text, shown
from pytest_mimic._tools.shown.vault_diff import CallDifference

# GitHub takes comments of up to 65,536 characters.
_MOST = 60_000
HEADINGS = {
    "outcome": ("changed outcome", "changed outcomes"),
    "call": ("changed call", "changed calls"),
    "added": ("added", "added"),
    "removed": ("removed", "removed"),
    "damaged": ("damaged", "damaged"),
}


def counts(found: Sequence[CallDifference]) -> str:
    """Return `2 changed outcomes, 1 added`."""
    numbers = {change: sum(one.change == change for one in found) for change in HEADINGS}
    return ", ".join(
        f"{number} {HEADINGS[change][number != 1]}" for change, number in numbers.items() if number
    )


def markdown(found: Sequence[CallDifference]) -> str:
    if not found:
        return "### Recordings\n\nNo recorded call or outcome has changed.\n"
    text = f"### Recordings: {counts(found)}\n"
    for number, one in enumerate(found):
        block = _block(one)
        if len(text) + len(block) > _MOST:
            return f"{text}\nand {len(found) - number} more\n"
        text += block
    return text


def _block(one: CallDifference) -> str:
    head = f"<code>{escape(one.call)}</code>: {HEADINGS[one.change][0]}"
    test = f"recorded by <code>{escape(one.test)}</code>\n\n" if one.test else ""
    lines = [*_lines(one)]
    if not lines:
        return f"\n{head}\n" if not one.test else f"\n{head}, recorded by <code>{escape(one.test)}</code>\n"
    body = "\n".join(line.replace("```", "` ` `") for line in lines)
    return f"\n<details><summary>{head}</summary>\n\n{test}```diff\n{body}\n```\n\n</details>\n"


def _lines(one: CallDifference) -> Iterator[str]:
    if one.before and one.before != one.call:
        yield f"- {one.before}"
        yield f"+ {one.call}"
    yield from (f"  {text}" for text in map(argument_line, one.arguments))
    for difference in one.outcomes:
        yield from _difference(difference)
    yield from (f"  {line}" for line in one.lines)


def _difference(one: TreeDifference) -> Iterator[str]:
    if one.kind in ("changed", "text") and one.spans:
        if one.path:
            yield f"@@ {one.path} @@"
        yield from _both(one)
    elif one.kind == "changed":
        yield f"@@ {one.path or 'outcome'} @@"
        yield f"- {one.old}"
        yield f"+ {one.new}"
    elif one.kind == "rows":
        lines = [plain_text(line) for line in shown([one])]
        yield f"@@ {lines[0]} @@"
        yield from (line[2:] for line in lines[1:])
    else:
        sign, value = ("+", one.new) if one.kind == "added" else ("-", one.old)
        yield f"{sign} {one.path}{': ' if one.path else ''}{value}"


def _both(one: TreeDifference) -> Iterator[str]:
    """Yield the lines of a text that differ, the old and the new ones."""
    old = "".join(text for sign, text in one.spans if sign != "+").splitlines()
    new = "".join(text for sign, text in one.spans if sign != "-").splitlines()
    from difflib import unified_diff

    for line in list(unified_diff(old, new, lineterm="", n=1))[2:]:
        if not line.startswith("@@"):
            yield f"{line[:1]} {line[1:]}"


def argument_line(one: Difference) -> str:
    """Return `base: 'EUR' before, 'USD' now`."""
    then = "absent" if one.old is None else one.old
    now = "absent" if one.new is None else one.new
    return f"{one.path}: {then} before, {now} now"
