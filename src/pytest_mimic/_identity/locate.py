"""The location of a part without identity, and the error that names it."""

from __future__ import annotations

from typing import Any

from pytest_mimic._identity.kinds import Kind, Raw
from pytest_mimic._identity.refused import Unstable
from pytest_mimic._identity.resolve import Resolver
from pytest_mimic._identity.walk import SCALARS
from pytest_mimic.errors import UnstableIdentityError


def refusal(unstable: Unstable, target: str = "", *, ignore: str = "") -> UnstableIdentityError:
    """Return the error for a call of `target`, or a value by itself, that has no identity.

    `ignore` is the path that leaves the part out, by default the whole argument.
    """
    argument = ignore or unstable.path.split(".")[0].split("[")[0]
    owner = (unstable.owner or unstable.kind).__name__
    teach = f"give {owner} a __mimic_identity__(), or register_fingerprint({owner}, ...)"
    what = (
        f"{target} has an argument without a stable identity"
        if target
        else "the value has no stable identity"
    )
    ways = [f"leave it out:   {target} ignore={argument}"]
    if unstable.remedy is None:
        ways.append(f"or teach it:    {teach}")
    elif unstable.remedy:
        ways.append(unstable.remedy)
    return UnstableIdentityError(
        what,
        facts=[f"{unstable.path}: {unstable.type_name}"],
        remedies=ways if target else [f"teach it: {teach}"] if unstable.remedy is None else [],
        target=target,
        path=unstable.path,
    )


def located(unstable: Unstable, value: object, resolver: Resolver, name: str) -> Unstable:
    """Return the same refusal with the path of the first part of `value` that is refused.

    This opens values as the identity does, which is not always by the parts that people see: an attribute that a
    `__reduce__` leaves out cannot be the reason.
    """
    kinds: dict[type, Kind] = {}
    seen: dict[int, object] = {}
    todo: list[tuple[str, Any, type | None]] = [(name, value, None)]
    locate = resolver.locator() if resolver.places.marks else str
    while todo:
        path, part, owner = todo.pop()
        if type(part) is str:
            part = locate(part)
        type_ = type(part)
        if type_ in SCALARS or type_ is Raw or id(part) in seen:
            continue
        # Kept alive, as the id of data that was only made for the identity could return.
        seen[id(part)] = part
        # The step to each part, the part, and the object that it belongs to.
        steps: list[tuple[str, Any, type | None]] = []
        if type_ in (list, tuple, set, frozenset):
            steps += ((f"[{place}]", item, owner) for place, item in enumerate(part))
        elif type_ is dict:
            for place, (key, item) in enumerate(part.items()):
                steps.append((f".keys()[{place}]", key, owner))
                steps.append((f"[{key!r}]" if type(key) in SCALARS else f".values()[{place}]", item, owner))
        else:
            try:
                kind = kinds.get(type_) or kinds.setdefault(type_, resolver(type_))
                reduced: Any = kind.reduce(part)
            except Unstable as error:
                return Unstable(error.type_name, error.kind, path, owner, remedy=error.remedy)
            if type(reduced) is dict and (kind.attributes or reduced is getattr(part, "__dict__", None)):
                steps += ((f".{name}", item, type_) for name, item in reduced.items())
            else:
                inner = reduced if type(reduced) is tuple else (reduced,)
                steps += (("", item, owner) for item in inner)
        todo += ((path + step, item, around) for step, item, around in reversed(steps))
    # Found before, but gone now: code of the value's class answers differently each time.
    return Unstable(unstable.type_name, unstable.kind, name, remedy=unstable.remedy)
