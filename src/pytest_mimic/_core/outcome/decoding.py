"""Outcomes made of stored bodies. `encoding` makes the bodies."""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.outcome.outcome import Outcome


def decode_plain(body: Any) -> Outcome:
    """Return the outcome of a JSON body, whose parts become the outcome's.

    Raises:
        KeyError, TypeError, ValueError: The body has another shape.
        ImportError, AttributeError: The class of an exception does not exist.
    """
    outcome = _decode(body)
    if outcome.kind == "stream":
        outcome.items = body["stream"]["items"]
    return outcome


def decode_pickled(bodies: list[Any]) -> Outcome:
    """Return the outcome of loaded pickles: the body, then the items of a stream.

    Raises:
        LookupError, TypeError, AttributeError: The body has another shape.
    """
    outcome = _decode(bodies[0])
    outcome.items = bodies[1:]
    return outcome


def _decode(body: Any) -> Outcome:
    changed = body.get("changed", {})
    if "raised" in body:
        raised = body["raised"]
        if isinstance(raised, dict):  # the tree of a JSON body; a pickle has the exception itself
            from pytest_mimic._core.outcome.exceptions import from_plain

            raised = from_plain(raised)
        if not isinstance(raised, Exception):
            raise TypeError(f"{type(raised)!r} is not an outcome: it is not an Exception")
        outcome = Outcome("raised", exception=raised)
    elif "stream" in body:
        stream = body["stream"]
        end = stream.get("end")
        outcome = Outcome("stream", end=None if end is None else _decode(end), sent=stream.get("sent"))
    elif "returned" in body:
        outcome = Outcome("value", value=changed[body["returned"]])
    else:
        outcome = Outcome("value", value=body["value"])
    outcome.changed = changed
    return outcome
