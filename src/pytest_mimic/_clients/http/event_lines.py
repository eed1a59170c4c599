"""Secrets in streams of lines, such as server-sent events, hidden without joining the chunks of the stream."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from pytest_mimic._core.redact.texts import looks_like_json, parse_json_text

if TYPE_CHECKING:
    from pytest_mimic._clients.http.http_secrets import Secrets

# Not `str.splitlines`: a JSON text may contain other characters that end a line for it, such as U+2028.
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
# The field of an event that holds its text. An event may have several such lines, which belong together.
_DATA = re.compile(r"^data: ?")


def scrub_lines(texts: Sequence[str], secrets: Secrets) -> list[str]:
    """Hide the secrets in a stream of lines, whose chunks may end anywhere in a line.

    A JSON document is handled as a whole, and so is an event that has one in several `data:` lines: the name of a
    secret may be in one line and the value in the next. The secrets in all lines are learned before any is hidden.
    A chunk that ended in a line that has changed ends as far from the line's beginning as before.
    """
    units = _units(_LINES.findall("".join(texts)))
    for unit in units:
        secrets.learn(_text_of(unit))
    lines: list[tuple[str, str]] = []  # before and after
    for unit in units:
        if len(unit) == 1:
            lines.append((unit[0], secrets.line(unit[0])))
            continue
        heads = [head[0] if (head := _DATA.match(line)) else "" for line in unit]
        scrubbed = _LINES.findall(secrets.text(_text_of(unit)))
        if len(scrubbed) == len(unit):
            lines += [(old, head + new) for old, head, new in zip(unit, heads, scrubbed, strict=True)]
        else:
            lines.append(("".join(unit), "".join(heads[0] + line for line in scrubbed)))
    if all(old == new for old, new in lines):
        return list(texts)
    whole = "".join(new for _, new in lines)
    ends = _moved_ends(texts, lines)
    cuts = [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return [cut for cut, text in zip(cuts, texts, strict=True) if cut or not text]


def _units(lines: list[str]) -> list[list[str]]:
    """Group lines that have to be handled together: a document, or an event that holds one."""
    if _is_document(lines):
        return [lines]
    units: list[list[str]] = []
    for is_data, group in groupby(lines, lambda line: line.startswith("data:")):
        event = list(group)
        whole = is_data and len(event) > 1 and _is_document([_DATA.sub("", line) for line in event])
        units += [event] if whole else [[line] for line in event]
    return units


def _is_document(lines: Sequence[str]) -> bool:
    """Check whether lines are one JSON text, perhaps cut off by its reader, rather than one JSON text each."""
    return looks_like_json("".join(lines)) and parse_json_text(next(filter(str.strip, lines))) is None


def _text_of(event: Sequence[str]) -> str:
    return "".join(_DATA.sub("", line) for line in event)


def _moved_ends(texts: Sequence[str], lines: Sequence[tuple[str, str]]) -> list[int]:
    """Return where each chunk ends in the new lines."""
    ends: list[int] = []
    # `before` and `after` are the beginning of the line in which the chunk ends, in the old text and in the new one.
    end = number = before = after = 0
    for text in texts:
        end += len(text)
        while number < len(lines) and before + len(lines[number][0]) <= end:
            old, new = lines[number]
            before, after, number = before + len(old), after + len(new), number + 1
        inside = end - before
        ends.append(after + (min(inside, len(lines[number][1])) if inside else 0))
    return ends
