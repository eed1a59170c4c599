"""The location of a part without identity, and the error that names it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.identity.kinds import Kind, Raw, Unstable, full_name, is_stdlib
from pytest_mimic._core.identity.resolve import Resolver
from pytest_mimic._core.identity.short import SCALARS
from pytest_mimic._core.target_options import target_line
from pytest_mimic.errors import UnstableIdentityError

if TYPE_CHECKING:
    from pytest_mimic._core.target_options import Options

# Types of Python itself that have no name, in the words that create them.
_NAMELESS = {"_thread.RLock": "threading.RLock()", "_thread.lock": "threading.Lock()"}
# The path to an item or an attribute, as `ignore=` can name it.
_PART = re.compile(r"\w+(\.\w+|\[\d+\]|\['[^'.,*\s\[\]{}\"#\\]+'\])+")


def refusal(unstable: Unstable, target: str = "", options: Options | None = None) -> UnstableIdentityError:
    """Return the error for a call of `target`, or a value by itself, that has no identity.

    `options` are those of the target's line.
    """
    argument = re.split(r"[.\[{]", unstable.path)[0]
    what = (
        f"{target} has an argument without a stable identity"
        if target
        else "the value has no stable identity"
    )

    def line(path: str) -> str:
        return target_line(target, options, "ignore", [path])

    ways = []
    is_part = target and unstable.is_named and _PART.fullmatch(unstable.path)
    if is_part:
        steps = re.sub(r"\['?|'?\]|\.", " ", unstable.path).split()
        ways.append(f"leave it out:   {line('.'.join(steps))}")
    if target and unstable.in_object:
        # Without its attributes, calls on different objects would get one recording.
        ways.append(f"only if no attribute of {argument} changes the result:   {line(argument)}")
    elif target:
        ways.append(f"{'or all of it: ' if is_part else 'leave it out: '}  {line(argument)}")
    if unstable.remedy is None:
        ways += _lessons(unstable.owner or unstable.kind, is_only=not target)
    elif unstable.remedy and target:
        ways.append(unstable.remedy)
    return UnstableIdentityError(
        what,
        facts=[f"{unstable.path}: {unstable.type_name}"],
        remedies=ways,
        target=target,
        path=unstable.path,
    )


def _lessons(kind: type, *, is_only: bool) -> list[str]:
    """Return how values of a type can get an identity, in a line, or nothing if they cannot.

    With `is_only`, it is the only remedy.
    """
    if kind is object:
        what = "a member of an Enum has an identity"
        return [f"replace it: {what}" if is_only else f"or replace it:  {what}"]
    if not is_stdlib(kind.__module__):
        name = kind.__name__
        how = f"give {name} a __mimic_identity__(), or register_fingerprint({name}, ...)"
    elif full_name(kind) in _NAMELESS:
        how = f"register_fingerprint(type({_NAMELESS[full_name(kind)]}), lambda lock: None)"
    elif getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is kind and not (
        kind.__module__.startswith("_") or kind.__module__ == "builtins"
    ):
        how = f"register_fingerprint({kind.__module__}.{kind.__qualname__}, ...)"
    else:
        return []
    return [f"teach it: {how}" if is_only else f"or teach it:    {how}"]


def located(unstable: Unstable, value: object, resolver: Resolver, name: str) -> Unstable:
    """Return the same refusal with the path of the first part of `value` that is refused.

    This opens values as the identity does, which is not always by the parts that people see: an attribute that a
    `__reduce__` leaves out cannot be the reason.
    """
    kinds: dict[type, Kind] = {}
    seen: dict[int, object] = {}
    in_object = False
    # With whether `ignore=` can name the path.
    todo: list[tuple[str, Any, type | None, bool]] = [(name, value, None, True)]
    locate = resolver.locator() if resolver.places.marks else str
    while todo:
        path, part, owner, is_named = todo.pop()
        part = _located(part, locate)
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
                found = Unstable(error.type_name, error.kind, path, owner, remedy=error.remedy)
                found.is_named, found.in_object = is_named, in_object
                return found
            if kind.variables is not None:
                steps.append((".<class>", kind.variables, type_))
                reduced = reduced[1]
            has_attributes = type(reduced) is dict and (
                kind.attributes or reduced is getattr(part, "__dict__", None)
            )
            is_named = is_named and has_attributes
            if part is value:
                in_object = has_attributes or not is_stdlib(type_.__module__)
            if has_attributes:
                steps += ((f".{name}", item, type_) for name, item in reduced.items())
            else:
                inner = reduced if type(reduced) is tuple else (reduced,)
                steps += (("", item, owner) for item in inner)
        is_named = is_named and type_ not in (set, frozenset)
        todo += ((path + step, item, around, is_named) for step, item, around in reversed(steps))
    # Found before, but gone now: code of the value's class answers differently each time.
    return Unstable(unstable.type_name, unstable.kind, name, remedy=unstable.remedy)


def _located(part: object, locate: Callable[[str], object]) -> Any:
    return locate(part) if type(part) is str else part
