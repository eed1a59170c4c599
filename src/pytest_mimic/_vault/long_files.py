"""Reads a long cassette or sequence with one of its calls in memory at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pytest_mimic._vault.parsing import is_known_format, scan

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_BEGIN_OF_LIST, _COMMA, _END_OF_LIST = (
    re.compile(rf"[ \t\n\r]*{sign}[ \t\n\r]*") for sign in (r"\[", ",", r"\]")
)


def parse_long(data: bytes, part: str, pack: Callable[[Any], Any]) -> dict[str, Any] | None:
    """Return the facts of a file, with each member of its list `part` in the form that `pack` returns.

    None if the layout is unusual or the file damaged, which `parse_recording` finds out.
    """
    try:
        text = data.decode()
        key = f'\n "{part}": '
        begin = text.index(f"{key}[")
        members: list[Any] = []
        end = begin + len(key)
        between = _BEGIN_OF_LIST.match(text, end)
        while between is not None:
            member, end = scan(text, between.end())
            members.append(pack(member))
            between = _COMMA.match(text, end)
        close = _END_OF_LIST.match(text, end)
        if close is None:
            return None
        rest = f"{text[:begin]}{key}null{text[close.end() :]}"
        facts: dict[str, Any]
        facts, end = scan(rest, 0)
        is_usual = rest[end:] == "\n" and data.count(b'\n "') == len(facts) and facts[part] is None
        number = facts["format"]
        if not is_usual or not is_known_format(number, data):
            return None
    except (ValueError, StopIteration, RecursionError, LookupError, TypeError):
        return None
    facts[part] = members
    return facts
