"""The options of a target, and its line in `mimic_functions` as a message suggests it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from shlex import quote
from typing import Any, Literal, NamedTuple


class Options(NamedTuple):
    """The options of one target. Each item of a list is one path or pattern."""

    ignore: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    key: Callable[[Mapping[str, Any]], object] | None = None
    sequence: bool | None = None
    content: tuple[str, ...] = ()
    rtol: float = 0.0
    atol: float = 0.0
    volatile: tuple[str, ...] = ()
    compare: Literal["exact", "shape"] = "exact"
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def target_line(
    target: str, options: Options | None, name: str, paths: Sequence[str]
) -> str:
    """Return the whole line of a target, with these paths added to one of its options.

    It takes the place of the target's line, so it has the options of that line too. A
    function for `key` has no place in a
    line.
    """
    given = (options or Options())._asdict()
    defaults = Options._field_defaults
    others = {
        one: given[one]
        for one in given
        if one not in ("key", name) and given[one] != defaults[one]
    }
    if name == "ignore" and "match" in others:  # no part is both
        others["match"] = tuple(part for part in others["match"] if part not in paths)
    added = tuple(dict.fromkeys([*given[name], *paths]))
    return " ".join(
        [
            target,
            *(
                _word(one, value)
                for one, value in {**others, name: added}.items()
                if value != ()
            ),
        ]
    )


def _word(name: str, value: object) -> str:
    """Return an option as a line has it: `ignore=rows.*.id`, `sequence`, `rtol=0.01`."""
    if value is True:
        return name
    text = ",".join(value) if isinstance(value, tuple) else str(value).lower()
    if re.search(r'["\\]', text):
        text = quote(text)
    elif re.search(r"['#\s]", text):
        text = f'"{text}"'
    return f"{name}={text}"
