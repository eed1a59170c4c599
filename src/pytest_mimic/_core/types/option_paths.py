"""Paths to the parts of values, as options take them: `ignore=rows.*.id`.

A message shows the path of a part as Python does, `rows[0].id`. `option_path` and
`drawn_steps` lead from such a path to that of an option.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

#: A path as the steps that it takes.
Steps = tuple[str, ...]

# A step between dots, such as `rows` and `0`, and a step in brackets, such as `[-1]`,
# `[*]` and `['two words']`.
_PLAIN_STEP = r"[^\s.\[\]]+"
_BRACKET = r"""\[(?:-?\d+|\*|'[^']+'|"[^"]+")\]"""
_PATH = re.compile(rf"{_PLAIN_STEP}(?:\.{_PLAIN_STEP}|{_BRACKET})*")
_STEP_OF_PATH = re.compile(rf"{_BRACKET}|{_PLAIN_STEP}")
_INDEX = re.compile(r"\[(-?\d+)\]")
_QUOTED_STEP = re.compile(r"""(\['[^']+'\]|\["[^"]+"\])""")
# A step of a path in a message. It may be a key that is no text, such as `[(1, 2)]`.
_DRAWN_STEP = re.compile(rf"\.?(?P<step>{_BRACKET}|\[[^\]]+\]|[^\s.\[\]{{}}]+)")


def parse_path(path: str) -> Steps:
    """Return the steps of a path.

    Between dots are mapping keys, attributes, indexes (`rows.0` or `rows[0]`), or `*`
    for any one. A key with spaces or dots is written as `rows['two words']`.

    rows.0.id  →  ("rows", "0", "id")        rows['two words']  →  ("rows", "two words")

    Raises:
        ValueError: A step is empty, or brackets contain neither an index nor a quoted
            key.
    """
    if not _PATH.fullmatch(path.strip()):
        raise ValueError(
            f"not a path: {path!r} (write steps between dots, like rows.*.id)"
        )
    return tuple(map(_bare_step, _STEP_OF_PATH.findall(path.strip())))


def drawn_steps(path: str) -> Steps:
    """Return the steps of a path in a message, up to the first set.

    By them, a difference is recognised as lying in an ignored part. `ignore=` has no
    step that leads to a member of a set.

    | path | steps |
    |---|---|
    | `order.tags{'a b'}` | `("order", "tags")` |
    | `rates[(1, 2)].day` | `("rates", "(1, 2)", "day")` |
    """
    steps = []
    position = 0
    while (match := _DRAWN_STEP.match(path, position)) is not None:
        steps.append(_bare_step(match["step"]))
        position = match.end()
    return tuple(steps)


def _bare_step(step: str) -> str:
    """Return a step without the brackets around an index, and the quotes of a key."""
    if step[0] != "[":
        return step
    content = step[1:-1]
    if content[0] in "'\"":
        return content[1:-1]
    return content


def paths_into_part(paths: Sequence[Steps], *names: str) -> tuple[bool, list[Steps]]:
    """Return whether paths leave out a part, and the paths that lead on into it.

    The paths are those of `ignore=` or `volatile=`.

    Args:
        paths: The paths.
        names: The names of the part, any of which may stand in a path.

    Returns:
        Of the part `rates` and the paths `rates.day` and `base`: False, `[("day",)]`.
        With the path `rates` among them, the part itself is left out: True.
    """
    is_left_out = False
    paths_below = []
    for first_step, *later_steps in paths:
        if first_step != "*" and first_step not in names:
            continue
        if later_steps:
            paths_below.append(tuple(later_steps))
        else:
            is_left_out = True
    return is_left_out, paths_below


def option_path(path: str) -> str:
    """Return a path of a message as options take it: `messages.0.id`.

    The message has `messages[0].id`. A remedy offers the path for `ignore=` or
    `volatile=`. A key in quotes stays as it is: `rates['[0]']`.
    """
    parts = _QUOTED_STEP.split(path)
    for place, part in enumerate(parts):
        if not _QUOTED_STEP.fullmatch(part):
            parts[place] = _INDEX.sub(r".\1", part)
    return "".join(parts).removeprefix(".")


def uncounted_paths(
    ignore: Iterable[str], names: Iterable[str], implied: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return the paths of `ignore=` as they lead into the parts of a client's call.

    A call is identified without these parts when it is made, and by `rekey`.

    Args:
        ignore: The paths of `ignore=`. A path that begins with `*` leads into any part,
            except those that `match=` has added, `match headers.accept`.
        names: The names of the parts that count.
        implied: Parts that are left out together with another one.
    """
    ignored = tuple(ignore)
    paths = [*ignored]
    for path in ignored:
        paths += implied.get(path, ())
    expanded: list[str] = []
    for path in paths:
        if path.startswith("*"):
            expanded += [name + path[1:] for name in names if " " not in name]
        else:
            expanded.append(path)
    return expanded
