"""Where in a value a part without identity stands, and the error that says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_mimic._identity.kinds import Kind, Raw
from pytest_mimic._identity.refused import Unstable
from pytest_mimic._identity.resolve import Resolver
from pytest_mimic._identity.walk import SCALARS
from pytest_mimic.errors import UnstableIdentityError


def refusal(unstable: Unstable, target: str = "", *, ignore: str = "") -> UnstableIdentityError:
    """The error that a user sees where a call of `target`, or a value by itself, has no identity.

    Args:
        unstable: What has none.
        target: What was called.
        ignore: The path that leaves it out; the whole argument where it is not given.
    """
    argument = ignore or unstable.path.split(".")[0].split("[")[0]
    owner = (unstable.owner or unstable.kind).__name__
    teach = f"give {owner} a __mimic_identity__(), or register_fingerprint({owner}, ...)"
    remedies = (f"leave it out:   {target} ignore={argument}", f"or teach it:    {teach}")
    return UnstableIdentityError(
        f"{target} has an argument without a stable identity"
        if target
        else "the value has no stable identity",
        facts=(f"{unstable.path}: {unstable.type_name}",),
        remedies=remedies if target else (f"teach it: {teach}",),
        target=target,
        path=unstable.path,
    )


def located(unstable: Unstable, value: object, resolver: Resolver, name: str) -> Unstable:
    """The same refusal, with the path of the first part of `value` that is refused."""
    kinds: dict[type, Kind] = {}
    held = []
    seen = set()
    todo: list[tuple[str, Any, type | None]] = [(name, value, None)]
    while todo:
        path, part, owner = todo.pop()
        if type(part) in SCALARS or type(part) is Raw or id(part) in seen:
            continue
        seen.add(id(part))
        held.append(part)
        try:
            steps = list(_steps(part, owner, resolver, kinds))
        except Unstable as error:
            return Unstable(error.type_name, error.kind, path, owner)
        todo += [(path + step, inner, around) for step, inner, around in reversed(steps)]
    return Unstable(unstable.type_name, unstable.kind, name)


def _steps(
    value: Any, owner: type | None, resolver: Resolver, kinds: dict[type, Kind]
) -> Iterator[tuple[str, Any, type | None]]:
    """What a value holds: the step that leads there, the part, and the object that it belongs to."""
    type_ = type(value)
    if type_ in (list, tuple, set, frozenset):
        for place, item in enumerate(value):
            yield f"[{place}]", item, owner
    elif type_ is dict:
        for place, key in enumerate(value):
            yield f".keys()[{place}]", key, owner
            yield f"[{key!r}]" if type(key) in SCALARS else f".values()[{place}]", value[key], owner
    else:
        kind = kinds.get(type_)
        if kind is None:
            kind = kinds[type_] = resolver(type_)
        reduced = kind.reduce(value)
        if type(reduced) is dict and (kind.attributes or reduced is getattr(value, "__dict__", None)):
            for name, item in reduced.items():
                yield f".{name}", item, type_
        elif type(reduced) is tuple:
            for item in reduced:
                yield "", item, owner
        else:
            yield "", reduced, owner
