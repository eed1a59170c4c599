"""Remedies for a stream as an argument: a `mimic(…, key=…)` with what it would give.

A call with a stream or a generator of random numbers is refused, and the error says how
the test can name the content of the stream in its place.
"""

from __future__ import annotations

import re

from pytest_mimic._core.target_options import Options
from pytest_mimic._core.types.kinds import lineage

# The argument at the beginning of a path: `batch` of `batch.files[0]`.
_ARGUMENT = re.compile(r"\w+")


def stream_content(path: str, kind: type, options: Options | None) -> str | None:
    """Return the expression of Python that stands for a stream by its content.

    None: the user has to say what stands for it, in one of these cases:

    - The class of the stream has no content that can be told.
    - The stream is a part of an argument. Its content would stand for the whole
      argument, and calls that differ in the rest would become one.
    - The line has an option about parts that `key=` would let count again.

    Args:
        path: Where the stream is: an argument, or a part of it, `batch.files[0]`.
        kind: The class of the stream.
        options: The options of the target's line. None: no line is known.
    """
    is_part = not path.isidentifier()
    options_so_far = options or Options()
    ignores_parts = any(not path.isidentifier() for path in options_so_far.ignore)
    if is_part or ignores_parts or options_so_far.content:
        return None
    return expression(kind, f'call["{path}"]')


def stream_line(
    target: str, path: str, content: str | None, options: Options | None = None
) -> str:
    """Return the line of Python in which a user says what stands for a stream.

    The line takes the place of the target's line, so it has the options of that line
    too.

    Args:
        target: The target of the call.
        path: Where the stream is: an argument, or a part of it, `batch.files[0]`.
        content: What stands for the stream, of `stream_content`. None: the line has
            `key=...`, which is an error until the user has filled it in.
        options: The options of the target's line. None: no line is known.

    Example:
        For the argument `file` of `shop:load`, a `BytesIO`:

            mimic("shop:load", ignore="file", key=lambda call: {**call, "file":
                (call["file"].getvalue(), call["file"].tell())})
    """
    match = _ARGUMENT.match(path)
    assert match is not None, "a path begins with an argument"
    argument_with_stream = match[0]
    options_so_far = options or Options()
    ignored = tuple(dict.fromkeys([*options_so_far.ignore, argument_with_stream]))
    arguments = [f'"{target}"', f"ignore={_keyword_value(ignored)}"]
    for name, value in options_so_far._asdict().items():
        is_default = value == Options._field_defaults[name]
        if name not in ("ignore", "key") and not is_default:
            arguments.append(f"{name}={_keyword_value(value)}")
    key = "..."
    if content is not None:
        # What the target's line leaves out must not count by way of `key`.
        left_out = [f'"{name}": None' for name in options_so_far.ignore]
        entry_of_stream = f'"{argument_with_stream}": {content}'
        entries = ", ".join(["**call", *left_out, entry_of_stream])
        key = f"lambda call: {{{entries}}}"
    return f"mimic({', '.join(arguments)}, key={key})"


def _keyword_value(value: object) -> str:
    """Return an option as Python has it: `"a,b"`, `True`, `0.01`."""
    if isinstance(value, tuple):
        value = ",".join(value)
    if isinstance(value, str) and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return repr(value)


def is_wrapped_file(kind: type) -> bool:
    """Return whether objects of a class wrap a file, as `NamedTemporaryFile` does."""
    return "tempfile._TemporaryFileWrapper" in lineage(kind)


def expression(kind: type, part: str) -> str | None:
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

    None: the class has none of these.
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
    return None
