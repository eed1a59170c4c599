"""The entry of an outcome in the JSON of a recording: its keys, and which shape it has.

An entry has the duration of the call, and the value, error or stream that it gave, or
the name of the object that holds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic._core.vault.format import is_object_name

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.outcome import OutcomeKind

Entry = dict[str, Any]
"""One outcome in a recording's JSON: its duration, and its value or an object's name.
"""
# The keys of an entry that are no part of the outcome itself (`body_of_entry`).
_KEYS_BESIDE_OUTCOME = (
    # How long the call took, how it ended, and its place among those of its test.
    "duration",
    "beside",
    "end",
    "number",
    # In which form a replay gives the outcome.
    "awaited",
    "coroutine",
    # What a replay reads beside the outcome, and may import for it.
    "tagged",
    "inputs",
    "imports",
    "objects",
    # How people see an outcome that is a pickle.
    "preview",
    "described",
)
#: How a call ended that has no whole outcome: it was cancelled while it waited, it was
#: still open when its test ended, or nothing is known and its place is empty.
WAITING, OPEN, EMPTY = "waiting", "open", "empty"
#: What a coroutine gave whose outcome is a stream, under the key `coroutine`.
COROUTINE_GAVE = ("iterator", "async iterator")
#: The kinds of outcomes, which are the keys of inline bodies.
KINDS: tuple[OutcomeKind, ...] = ("value", "raised", "stream")
_KEYS_OF_BODIES = (*KINDS, "json", "pickle")
# The keys under which an entry names an object.
_KEYS_OF_OBJECT_NAMES = ("json", "pickle", "inputs")
#: The key of the states in which a call left streams and generators of random numbers
#: among its arguments: a replay sets them.
AFTER = "after"
# An entry with any other key is refused: somebody has edited it.
_KEYS_OF_ENTRIES = frozenset(
    {
        AFTER,
        *_KEYS_BESIDE_OUTCOME,
        *_KEYS_OF_BODIES,
        "kind",
        "count",
        "fingerprint",
        "python",
    }
)


def body_of_entry(outcome_entry: Entry) -> Entry:
    """Return the outcome in an entry, without the facts beside it.

    A replay makes the outcome of it. Where a call is recorded again, in a miss and in
    `rekey`, it is compared with that of another entry.
    """
    return {
        key: value
        for key, value in outcome_entry.items()
        if key not in _KEYS_BESIDE_OUTCOME
    }


def objects_of_entry(outcome_entry: Entry) -> list[str]:
    """Return the names of the objects that the entry of an outcome names.

    `check` looks whether they are there and sound, and `ls` adds up their bytes.
    """
    names = [
        outcome_entry[key] for key in _KEYS_OF_OBJECT_NAMES if key in outcome_entry
    ]
    return [*names, *outcome_entry.get("objects", ())]


def _is_state(state: object) -> bool:
    """Check the shape of the state in which a call left a stream.

    It is a list that begins with the name of the stream's class.
    """
    return type(state) is list and bool(state) and type(state[0]) is str


def check_entry(outcome_entry: Any) -> None:
    """Check the shape of an outcome's entry, which somebody may have edited.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: The entry has another shape.
            Who reads the file makes one error of these, for a damaged recording.
    """
    duration = outcome_entry["duration"]
    # The comparison with infinity is also False for a NaN.
    if type(duration) not in (float, int) or not abs(duration) < float("inf"):
        raise ValueError("a duration must be a number of seconds")
    beside = outcome_entry.get("beside", 0.0)
    if type(beside) not in (float, int) or not 0 <= beside <= max(duration, 0):
        raise ValueError("beside must be a part of the duration")
    if outcome_entry.get("end", WAITING) not in (WAITING, OPEN, EMPTY):
        raise ValueError("an end must be waiting, open or empty")
    bodies = [key for key in _KEYS_OF_BODIES if key in outcome_entry]
    if len(bodies) != 1:
        raise ValueError("an outcome needs one value, exception or file")
    body = bodies[0]
    is_mapping = type(outcome_entry[body]) is dict and bool(outcome_entry[body])
    if body in ("raised", "stream") and not is_mapping:
        raise ValueError(f"{body} must be a mapping, not empty")
    # To these states, a replay sets the streams and generators among the arguments.
    states = outcome_entry.get(AFTER, {})
    if type(states) is not dict or not all(map(_is_state, states.values())):
        raise ValueError("after must hold the states of streams by path")
    # An edited name, such as `../../.netrc`, must not lead out of the vault.
    if not all(map(is_object_name, objects_of_entry(outcome_entry))):
        raise ValueError("it names no object of the vault")
    # `show` orders the calls of a test by their numbers.
    if type(outcome_entry.get("number", 1)) is not int:
        raise TypeError("number must be the number of a call")
    for name in ("awaited", "tagged"):
        if type(outcome_entry.get(name, False)) is not bool:
            raise ValueError("awaited and tagged must be true or false")
    if (
        "coroutine" in outcome_entry
        and outcome_entry["coroutine"] not in COROUTINE_GAVE
    ):
        raise ValueError("coroutine must be iterator or async iterator")
    for name in ("imports", "objects", "preview"):
        texts = outcome_entry.get(name, [])
        if type(texts) is not list or not {*map(type, texts)} <= {str}:
            raise ValueError("imports, objects and preview must be lists of texts")
    if body in ("json", "pickle"):
        count = outcome_entry.get("count", 1)
        if outcome_entry["kind"] not in KINDS:
            raise ValueError("kind must be value, raised or stream")
        if type(count) is not int or count < 1:
            raise ValueError("count must be a number from one on")
    # Plain JSON is read without imports and objects of bytes, and so names none.
    is_listing = outcome_entry.get("imports") or outcome_entry.get("objects")
    if is_listing and body != "pickle" and not outcome_entry.get("tagged"):
        raise ValueError("it lists imports or objects, but is not tagged")
    # An unknown key may be the damaged name of another one.
    unknown = outcome_entry.keys() - _KEYS_OF_ENTRIES
    if unknown:
        raise ValueError(f"it has an unknown {min(unknown)!r:.60}")
