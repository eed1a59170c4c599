"""The error for a value without a stable identity, and the rule for types without one."""

from __future__ import annotations


class Unstable(TypeError):  # noqa: N818 - it becomes an UnstableIdentityError with the call's facts
    """A value has no stable identity.

    Attributes:
        path: The path that leads to it, such as `config.clients[2]._lock`; empty until it is known.
        is_named: Whether `ignore=` can name the path: only items of lists and mappings, and attributes, lead to it.
        remedy: What to do besides leaving it out, or an empty string if there is nothing. None: teach the type.
    """

    def __init__(
        self,
        type_name: str,
        kind: type,
        path: str = "",
        owner: type | None = None,
        *,
        remedy: str | None = None,
    ) -> None:
        super().__init__(f"{path or 'the value'} has no stable identity: {type_name}")
        self.type_name = type_name  # the name of its type for people, such as `a thread lock`
        self.kind = kind
        self.path = path
        self.owner = owner  # the type of the nearest object around it that a user may have written, or None
        self.is_named = False
        self.in_object = False  # whether it is a part of an argument that is an object with attributes
        self.remedy = remedy


def full_name(type_: type) -> str:
    """Return the dotted name under which the tables of this package list a type."""
    return f"{type_.__module__}.{type_.__qualname__}"


def human_name(type_: type) -> str:
    from pytest_mimic._core.identity.libraries import words_for

    return words_for(type_) or f"an object of {type_.__module__}.{type_.__qualname__}"


def refuse(value: object) -> object:
    """Raise Unstable. This is the `reduce` of types without identity."""
    raise Unstable(human_name(type(value)), type(value))
