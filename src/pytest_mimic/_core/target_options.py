"""The options of a target, and its line in `mimic_functions` as messages have it.

How a line is read, and what an option may be, is in `_core/targets/option_grammar.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from shlex import quote
from typing import Any, Literal

from pytest_mimic._core.named_fields import NamedFields


class Options(NamedFields):
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


def kept_options(options: Options) -> dict[str, Any]:
    """Return the options that a recording keeps in its file, `{"ignore": ["session"]}`.

    Only options go in that decide the identity of a call, or the place of its
    recording. A function for `key` is kept as `true`. `changed_options` compares them
    with those of a later line.
    """
    options_to_keep: dict[str, Any] = {}
    for name in ("ignore", "match", "content"):
        paths = getattr(options, name)
        if paths:
            options_to_keep[name] = sorted(paths)
    if options.sequence is not None:
        options_to_keep["sequence"] = options.sequence
    if options.key is not None:
        options_to_keep["key"] = True
    return options_to_keep


def is_sequence(options: Mapping[str, Any], *, is_client: bool) -> bool:
    """Return whether the n-th equal call of a test gets the n-th outcome.

    A miss and `rekey` ask it of the former options of a line, and of those of today.
    The `options` are those that a recording keeps. Clients have it unless a line says
    `sequence=no`.
    """
    sequence = options.get("sequence")
    if sequence is None:
        return is_client
    return bool(sequence)


def changed_options(
    options_before: Mapping[str, Any],
    options_now: Mapping[str, Any],
    *,
    is_client: bool,
) -> list[str]:
    """Return the options that differ between two lines of a target, in words.

    A miss prints them, and offers `rekey`. Both are as a recording keeps them. There
    are none if the lines identify calls alike.

    `["ignore=session is new", "match=headers.accept is gone", "sequence=no is new"]`
    """
    changes: list[str] = []
    for name in ("ignore", "match", "content"):
        old_paths = options_before.get(name, ())
        new_paths = options_now.get(name, ())
        added_paths = [path for path in new_paths if path not in old_paths]
        removed_paths = [path for path in old_paths if path not in new_paths]
        if added_paths:
            changes.append(f"{name}={','.join(added_paths)} is new")
        if removed_paths:
            changes.append(f"{name}={','.join(removed_paths)} is gone")
    was_sequence = is_sequence(options_before, is_client=is_client)
    is_sequence_now = is_sequence(options_now, is_client=is_client)
    if was_sequence != is_sequence_now:
        # A line has only the option that is not the default.
        is_sequence_by_default = is_client
        option = "sequence=no" if is_sequence_by_default else "sequence"
        is_new = is_sequence_now != is_sequence_by_default
        changes.append(f"{option} is {_new_or_gone(is_new)}")
    has_key = bool(options_now.get("key"))
    if bool(options_before.get("key")) != has_key:
        changes.append(f"key= is {_new_or_gone(has_key)}")
    return changes


def _new_or_gone(is_new: bool) -> str:
    return "new" if is_new else "gone"


def target_line(
    target: str, options: Options | None, name: str, paths: Sequence[str]
) -> str:
    """Return the whole line of a target, with these paths added to one of its options.

    Messages offer it to be pasted. It takes the place of the target's line, so it has
    the options of that line too. A function for `key` has no place in a line.
    """
    value_of_option = (options or Options())._asdict()
    # The option with the new paths stands last.
    present_paths = tuple(value_of_option.pop(name))
    value_of_option[name] = tuple(dict.fromkeys([*present_paths, *paths]))
    del value_of_option["key"]
    if name == "ignore":
        # No part both counts and does not.
        value_of_option["match"] = tuple(
            part for part in value_of_option["match"] if part not in paths
        )
    words_of_line = [target]
    for option, value in value_of_option.items():
        if value != Options._field_defaults[option]:
            words_of_line.append(_option_text(option, value))
    return " ".join(words_of_line)


def _option_text(name: str, value: object) -> str:
    """Return an option as a line of `mimic_functions` has it: `ignore=rows.*.id`."""
    if value is True:
        return name
    if value is False:
        # `false` would be read as well; people write `no`.
        return f"{name}=no"
    text = str(value).lower()
    if isinstance(value, tuple):
        text = ",".join(value)
    # A line is split as by a shell, and `#` begins a comment in it.
    if re.search(r'["\\]', text):
        text = quote(text)
    elif re.search(r"['#\s]", text):
        text = f'"{text}"'
    return f"{name}={text}"
