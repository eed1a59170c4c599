"""The location of a part without identity, and the error that names it."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.identity.rules import kind_of
from pytest_mimic._core.identity.short import SCALARS
from pytest_mimic._core.target_options import target_line
from pytest_mimic._core.types.kinds import Kind, Raw, Unstable, is_stdlib
from pytest_mimic.errors import UnstableIdentityError

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.target_options import Options

# The path to an item or an attribute, as `ignore=` can name it.
_PART = re.compile(r"\w+(\.\w+|\[\d+\]|\['[^'.,*\s\[\]{}\"#\\]+'\])*")


def refusal(unstable: Unstable, target: str = "", options: Options | None = None) -> UnstableIdentityError:
    """Return the error for a call of `target`, or a value by itself, that has no identity.

    `options` are those of the target's line.
    """
    path = unstable.path
    if not _PART.fullmatch(path):
        path = re.split(r"[.\[{]", path)[0]
    steps = re.sub(r"\['?|'?\]|\.", " ", path).split()
    kind = unstable.kind
    if target:
        remedy = f"leave it out:   {target_line(target, options, 'ignore', ['.'.join(steps)])}"
    elif is_stdlib(kind.__module__):
        remedy = "replace it by data"
    else:
        remedy = f"teach it: give {kind.__name__} a __mimic_identity__(), or register_fingerprint({kind.__name__}, ...)"
    return UnstableIdentityError(
        f"{target} has an argument without a stable identity"
        if target
        else "the value has no stable identity",
        facts=[f"{unstable.path}: {unstable.type_name}"],
        remedies=[remedy, *filter(None, [unstable.remedy])],
        target=target,
        path=unstable.path,
    )


def located(unstable: Unstable, value: object, places: Places, name: str) -> Unstable:
    """Return the same refusal with the path of the first part of `value` that is refused.

    This opens values as the identity does, which is not always by the parts that people see: an attribute that a
    `__reduce__` leaves out cannot be the reason.
    """
    kinds: dict[type, Kind] = {}
    seen: dict[int, object] = {}
    todo: list[tuple[str, Any]] = [(name, value)]
    while todo:
        path, part = todo.pop()
        type_ = type(part)
        if type_ in SCALARS or type_ is Raw or id(part) in seen:
            continue
        # Kept alive, as the id of data that was only made for the identity could return.
        seen[id(part)] = part
        try:
            inner = _steps(part, kinds, partial(kind_of, places=places, layout=False))
        except Unstable as error:
            return Unstable(error.type_name, error.kind, path, remedy=error.remedy)
        todo += [(path + step, item) for step, item in reversed(inner)]
    # Found before, but gone now: code of the value's class answers differently each time, or a text is a path.
    return Unstable(unstable.type_name, unstable.kind, name, remedy=unstable.remedy)


def _steps(part: Any, kinds: dict[type, Kind], find: Any) -> list[tuple[str, Any]]:
    """Return the parts of a value, each behind the step to it; that of what is only made for the identity is empty."""
    type_ = type(part)
    if type_ in (list, tuple, set, frozenset):
        return [(f"[{place}]", item) for place, item in enumerate(part)]
    if type_ is dict:
        keys = [(f".keys()[{place}]", key) for place, key in enumerate(part)]
        return [*keys, *((f"[{key!r}]" if type(key) in SCALARS else "{...}", part[key]) for key in part)]
    kind = kinds.get(type_) or kinds.setdefault(type_, find(type_))
    reduced = kind.reduce(part)
    if type(reduced) is dict:
        return [(f".{name}", item) for name, item in reduced.items()]
    return [("", item) for item in (reduced if type(reduced) is tuple else (reduced,))]
