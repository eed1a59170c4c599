"""The rules of identity: registrations first, then callables, libraries, the standard library, plain state."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pytest_mimic._core.identity.callables import callable_kind, class_variables, is_local
from pytest_mimic._core.identity.kinds import Kind, Rule, Unstable, registered_kind
from pytest_mimic._core.identity.libraries import LIBRARIES
from pytest_mimic._core.identity.object_state import state_kind
from pytest_mimic._core.identity.stdlib_types import stdlib_kind

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places


def kind_of(type_: type, places: Places, *, layout: bool) -> Kind:
    """Return the kind of a type that is neither a scalar nor a plain container. See `Resolver`.

    Raises:
        Unstable: The type has no module, and so no name that is the same in another process.
    """
    face = vars(type_).get("__mimic_original__")
    if face is not None:  # the class of a mimicked object: see `patch.descriptors`
        original = face.fget(None)
        behind = kind_of(type(original), places, layout=layout)
        return behind._replace(reduce=lambda _: behind.reduce(original))
    kind = registered_kind(type_) or callable_kind(type_)
    if kind is not None:
        return kind
    kind = (
        _library_kind(type_, layout=layout) or stdlib_kind(type_, places, layout=layout) or state_kind(type_)
    )
    variables = class_variables(type_) if is_local(type_) else None
    if not variables:
        return kind
    read = kind.reduce
    return kind._replace(reduce=lambda value: (variables, read(value)), variables=variables)


def _library_kind(type_: type, *, layout: bool) -> Kind | None:
    if type(type_.__module__) is not str:
        raise Unstable(f"an object of {type_.__qualname__}, a class without a module", type_)
    for base in type_.__mro__:
        package = str(base.__module__).partition(".")[0]
        library = LIBRARIES.get(package)
        if library is not None and library.identity:
            rules: dict[tuple[str, str], Rule] = import_module(library.identity).RULES
            rule = rules.get((package, base.__name__))
            if rule is not None:
                return rule.kind(type_, package, layout)
    return None
