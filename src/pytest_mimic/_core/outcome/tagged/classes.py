"""Tags of objects by their class, `{"$shop.models:User": {"name": "Ann"}}`: the kinds of classes."""

from __future__ import annotations

from pytest_mimic._core.outcome.tagged import enums, instances, models, named_tuples
from pytest_mimic._core.outcome.tagged import exception_tags as exceptions
from pytest_mimic._core.outcome.tagged.class_checks import check_metaclass
from pytest_mimic._core.outcome.tagged.nodes import NotTaggableError, Tag

# Each has a function that returns the tag of a class of this kind, None for another kind, or raises NotTaggableError.
_KINDS = (enums.tag_of, named_tuples.tag_of, exceptions.tag_of, models.tag_of, instances.tag_of)


def tag_of(type_: type) -> Tag | None:
    """Return the tag for the objects of a class, or None if they have none. Writer and reader both ask this."""
    try:
        check_metaclass(type_)
        return next(tag for kind in _KINDS if (tag := kind(type_)) is not None)
    except (NotTaggableError, AttributeError, LookupError, StopIteration, TypeError):
        # A class may only look like one of a library: it has `__attrs_attrs__` with something else in it.
        return None
