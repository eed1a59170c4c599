"""Streams in memory and generators of random numbers, which a call leaves changed.

A call that reads a stream moves its position, and a call that draws a number moves its
generator. So the state before the call counts in the identity of the call. The
recording keeps the state after the call as plain JSON, and a replay sets this state.

| class | state |
|---|---|
| `BytesIO` | `["BytesIO", content in base64, position]` |
| `StringIO` | `["StringIO", content, position]` |
| `random.Random` | `["Random", version, numbers as a text, next gauss]` |
| `Generator` of numpy | `["Generator", state of its bits]` |
| `RandomState` of numpy | `["RandomState", state]` |

A stream whose content did not change has null in place of the content.
"""

from __future__ import annotations

import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from itertools import islice
from typing import Any

from pytest_mimic._core.types.attributes_and_parts import parts_of
from pytest_mimic._core.types.libraries import library_of
from pytest_mimic._core.types.type_names import full_name

State = list[Any]

# The most objects that are looked into in the arguments of a call.
_MOST_OBJECTS = 10_000
_PLAIN = frozenset({bool, bytes, complex, float, int, str, type(None)})
_CONTAINERS = frozenset({dict, frozenset, list, set, tuple})
# The name that a recording has for a class, by the full name of the class.
_RECORDED_NAMES = {
    "_io.BytesIO": "BytesIO",
    "_io.StringIO": "StringIO",
    "numpy.random._generator.Generator": "Generator",
    "numpy.random.mtrand.RandomState": "RandomState",
    "random.Random": "Random",
}


def kind_of_advancing(value: object) -> str | None:
    """Return the name of the class of a value whose state a call may advance, or None.

    A subclass may have more state. The generators behind `random.random()` and
    `numpy.random.random()` count as shared: their state is no argument.
    """
    kind = _RECORDED_NAMES.get(full_name(type(value)))
    shared: object = None
    if kind == "Random":
        shared = sys.modules["random"]._inst
    elif kind == "RandomState":
        shared = sys.modules["numpy"].random.mtrand._rand
    if value is shared:
        return None
    return kind


def advancing_in(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the streams and generators in the arguments of a call, by their paths.

    `{"file": <StringIO>, "jobs[0].rng": <Random>}`. The call's recording keeps what
    becomes of their state.
    """
    advancing: dict[str, Any] = {}
    searched: dict[int, object] = {}
    pending: list[tuple[str, Any]] = list(arguments.items())
    while pending and len(searched) < _MOST_OBJECTS:
        path, part = pending.pop()
        kind = type(part)
        if kind in _PLAIN or id(part) in searched:
            continue
        # The table keeps the part alive, so that no other object gets its id.
        searched[id(part)] = part
        if _holds_plain_values(part):
            continue
        if kind_of_advancing(part) is not None:
            advancing[path] = part
        elif library_of(kind) is None:
            # A value of a library, such as a frame, is data and holds no stream.
            for inner_part in islice(parts_of(part), _MOST_OBJECTS):
                pending.append((path + inner_part.step, inner_part.value))
    return advancing


def _holds_plain_values(part: Any) -> bool:
    """Return whether a value is a container of texts, numbers and the like alone.

    No stream or generator is in it, so that long lists of numbers are not walked.
    """
    kind = type(part)
    if kind is dict and not _PLAIN.issuperset(map(type, part.values())):
        return False
    return kind in _CONTAINERS and _PLAIN.issuperset(map(type, part))


def state_of_advancing(value: Any) -> State:
    """Return the state of a stream or a generator, as the table of this module has it.

    The state is plain JSON. It counts in the identity of a call that is given the
    value, and stands in the recording.

    Raises:
        ValueError: The stream is closed.
    """
    kind = kind_of_advancing(value)
    if kind == "BytesIO":
        return [kind, b64encode(value.getvalue()).decode(), value.tell()]
    if kind == "StringIO":
        return [kind, value.getvalue(), value.tell()]
    if kind == "Random":
        version, numbers, gauss = value.getstate()
        return [kind, version, " ".join(map(str, numbers)), gauss]
    if kind == "Generator":
        return [kind, _plain(value.bit_generator.state)]
    return [str(kind), _plain(value.get_state(legacy=False))]


def changed_state(state_before: State, state_after: State) -> State | None:
    """Return the state after a call as a recording keeps it; None: it is unchanged."""
    if state_before == state_after:
        return None
    is_stream = state_after[0] in ("BytesIO", "StringIO")
    if is_stream and state_before[1] == state_after[1]:
        # The call has only read, so the recording keeps no copy of the content.
        return [state_after[0], None, state_after[2]]
    return state_after


def set_state(value: Any, state: State) -> None:
    """Give a stream or a generator the state that a recorded call left it in.

    A replay does so, since it makes no call that would advance the value.

    Raises:
        ValueError: The state is that of an object of another class.
    """
    kind, *parts = state
    if kind != kind_of_advancing(value):
        raise ValueError(f"the state of a {kind}")
    if kind in ("BytesIO", "StringIO"):
        content, position = parts
        # None: the call has left the content as it was.
        if content is not None:
            if kind == "BytesIO":
                content = b64decode(content)
            value.seek(0)
            value.truncate()
            value.write(content)
        value.seek(position)
    elif kind == "Random":
        version, numbers, gauss = parts
        value.setstate((version, tuple(map(int, numbers.split())), gauss))
    elif kind == "Generator":
        value.bit_generator.state = parts[0]
    else:
        value.set_state(parts[0])


def _plain(state: Any) -> Any:
    """Return the state of a generator of numpy as the JSON of a recording has it.

    Its arrays become lists of numbers.
    """
    if isinstance(state, dict):
        return {name: _plain(part) for name, part in state.items()}
    if hasattr(state, "tolist"):
        return state.tolist()
    return state
