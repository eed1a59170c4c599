"""The line of Python for a remedy: a `key=` with what a stream would give.

A call with a stream or a generator of random numbers is refused, and the error says how
the test can name the content of the stream in its place.
"""

from __future__ import annotations

import re

from pytest_mimic._core.types.kinds import lineage

# A path: the argument at its beginning, and the steps that follow, `batch` and
# `.files[0]`.
_PATH = re.compile(r"(\w+)(.*)", re.DOTALL)


def stream_line(target: str, path: str, kind: type) -> str:
    """Return the line of Python in which a user says what stands for a stream.

    Args:
        target: The target of the call.
        path: Where the stream is: an argument, or a part of it, `batch.files[0]`.
        kind: The class of the stream.

    Example:
        For the argument `file` of `shop:load`, a `BytesIO`:

            mimic("shop:load", ignore="file", key=lambda call: {**call, "file":
                (call["file"].getvalue(), call["file"].tell())})
    """
    match = _PATH.fullmatch(path)
    assert match is not None
    argument, steps = match.groups()
    part = expression(kind, f'call["{argument}"]{steps}')
    return (
        f'mimic("{target}", ignore="{argument}", '
        f'key=lambda call: {{**call, "{argument}": {part}}})'
    )


def is_wrapped_file(kind: type) -> bool:
    """Return whether objects of a class wrap a file, as `NamedTemporaryFile` does."""
    return "tempfile._TemporaryFileWrapper" in lineage(kind)


def expression(kind: type, part: str) -> str:
    """Return the expression of Python that gives what a stream would give next.

    Args:
        kind: The class of the stream, or of a generator of random numbers.
        part: The expression that leads to the stream, `call["file"]`.

    | the class has | the expression gives |
    |---|---|
    | `getvalue()` | the content and the position |
    | `read()`, `seek()` | the position and the rest; the position stays |
    | `getstate()`, `get_state()` | the state of a generator |
    | `bit_generator` | the state of numpy's generators |

    Three dots: the class has none of these, so the user has to fill them in.
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
