"""The states of streams in memory and of generators of random numbers."""

from __future__ import annotations

import base64
import io
import random
import sys
from collections.abc import Mapping
from typing import Any

from pytest_mimic.values.tree import Tree


def states_of(values: Mapping[str, object]) -> dict[str, Tree]:
    """Return the states of those arguments that a call may move on, by name.

    These are `BytesIO`, `StringIO`, `random.Random`, and numpy's `Generator` and
    `RandomState`, as a whole argument. A state is plain JSON.
    """
    return {
        name: _state_of(value) for name, value in values.items() if _is_moved(value)
    }


def set_states(values: Mapping[str, object], states: Mapping[str, Tree]) -> None:
    """Leave arguments in recorded states.

    Args:
        values: The arguments, by name.
        states: Those to set. A state of another kind of argument is not set.
    """
    for name, state in states.items():
        value = values.get(name)
        if _is_moved(value) and isinstance(state, dict):
            _set_state(value, state)


def _is_moved(value: object) -> bool:
    return type(value) in (io.BytesIO, io.StringIO, random.Random) or _is_numpy(value)


def _is_numpy(value: object) -> bool:
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is None:
        return False
    return type(value) in (numpy_random.Generator, numpy_random.RandomState)


def _state_of(value: Any) -> Tree:
    if isinstance(value, (io.BytesIO, io.StringIO)):
        if value.closed:
            return {"closed": True}
        content = value.getvalue()
        if isinstance(content, bytes):
            text = base64.b64encode(content).decode()
            return {"position": value.tell(), "base64": text}
        return {"position": value.tell(), "text": content}
    if isinstance(value, random.Random):
        version, numbers, following = value.getstate()
        return {"version": version, "numbers": list(numbers), "following": following}
    if hasattr(value, "bit_generator"):
        return _as_plain(value.bit_generator.state)
    return _as_plain(value.get_state(legacy=False))


def _set_state(value: Any, state: dict[str, Any]) -> None:
    if isinstance(value, (io.BytesIO, io.StringIO)):
        _set_stream(value, state)
    elif isinstance(value, random.Random):
        numbers = tuple(state["numbers"])
        value.setstate((state["version"], numbers, state["following"]))
    elif hasattr(value, "bit_generator"):
        value.bit_generator.state = state
    else:
        value.set_state(state)


def _set_stream(stream: Any, state: dict[str, Any]) -> None:
    if "position" not in state:
        stream.close()
        return
    is_text = isinstance(stream, io.StringIO)
    content = state["text"] if is_text else base64.b64decode(state["base64"])
    stream.seek(0)
    stream.truncate()
    stream.write(content)
    stream.seek(state["position"])


def _as_plain(part: Any) -> Tree:
    """Return a state of numpy with lists in place of its arrays."""
    if isinstance(part, dict):
        return {name: _as_plain(inner) for name, inner in part.items()}
    if hasattr(part, "tolist"):
        plain: Tree = part.tolist()
        return plain
    return int(part) if isinstance(part, int) else part
