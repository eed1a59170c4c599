"""What stands for a stream or a generator in a `key=`: the line of Python to write."""

from __future__ import annotations

import re

from pytest_mimic._core.types.kinds import lineage

# The argument at the beginning of a path, and the steps that follow it.
_PATH = re.compile(r"(\w+)(.*)", re.DOTALL)


def stream_line(target: str, path: str, kind: type) -> str:
    """Return the line of Python in which a user says what stands for a stream.

    Args:
        target: The target of the call.
        path: Where the stream is: an argument, or a part of it, `batch.files[0]`.
        kind: The class of the stream.
    """
    found = _PATH.fullmatch(path)
    assert found is not None
    argument, steps = found.groups()
    part = expression(kind, f'call["{argument}"]{steps}')
    return (
        f'mimic("{target}", ignore="{argument}", '
        f'key=lambda call: {{**call, "{argument}": {part}}})'
    )


def is_wrapped_file(kind: type) -> bool:
    """Return whether objects of a class hand all methods of a file on."""
    return "tempfile._TemporaryFileWrapper" in lineage(kind)


def expression(kind: type, part: str) -> str:
    """Return the expression that gives what an object of a class would give next.

    | has | gives |
    |---|---|
    | `getvalue()` | the content and the position |
    | `read()`, `seek()` | the position and the rest, and is left there |
    | `getstate()`, `get_state()` | the state of a generator |
    | `bit_generator` | the state of numpy's generators |

    Three dots: none of these, so the user has to know.
    """
    if hasattr(kind, "getvalue"):
        return f"({part}.getvalue(), {part}.tell())"
    if is_wrapped_file(kind) or (hasattr(kind, "read") and hasattr(kind, "seek")):
        return f"(at := {part}.tell(), {part}.read(), {part}.seek(at))"
    if hasattr(kind, "getstate"):
        return f"{part}.getstate()"
    if hasattr(kind, "get_state"):
        return f"{part}.get_state()"
    if hasattr(kind, "bit_generator"):
        return f"{part}.bit_generator.state"
    return "..."
