"""The line of a target in `mimic_functions`, as a message suggests it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic._targets.options import Options


def target_line(target: str, options: Options | None, name: str, paths: Iterable[str]) -> str:
    """Return the whole line of a target, with these paths added to one of its options.

    It takes the place of the target's line, so it has the options of that line too. A function for `key` has no place in a
    line.
    """
    values = {} if options is None else options._asdict()
    defaults = {} if options is None else options._field_defaults
    given = {
        one: value for one, value in values.items() if one not in ("key", name) and value != defaults[one]
    }
    given[name] = tuple(dict.fromkeys([*values.get(name, ()), *paths]))
    return " ".join([target, *(_word(one, value) for one, value in given.items())])


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
