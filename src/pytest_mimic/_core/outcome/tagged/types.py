"""The tags by type and by name, and values written and read with them. Tags are loaded only for values that have them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import TYPE_CHECKING

from pytest_mimic._core.outcome.placed_paths import PathStore
from pytest_mimic._core.outcome.tagged.nodes import Tag
from pytest_mimic._core.outcome.tagged.reader import Reader

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.tagged.writer import Tree


@cache
def tags_by_type() -> dict[type, Tag]:
    from pytest_mimic._core.outcome.tagged.containers import CONTAINERS
    from pytest_mimic._core.outcome.tagged.scalar_tags import PATHS, SCALARS

    return {**SCALARS, **CONTAINERS, **PATHS}


@cache
def tags_by_name() -> dict[str, Tag]:
    from pytest_mimic._core.outcome.tagged.containers import MAPPING
    from pytest_mimic._core.outcome.tagged.scalar_tags import OTHERS

    return {tag.name: tag for tag in (*tags_by_type().values(), MAPPING, *OTHERS)}


def tag_of(type_: type) -> Tag | None:
    """Return the tag for the values of exactly this type, or None if they have none."""
    tag = tags_by_type().get(type_)
    if tag is not None:
        return tag
    package = str(type_.__module__).partition(".")[0]
    if package == "zoneinfo":
        return tags_by_name()["zoneinfo"] if type_.__name__ == "ZoneInfo" else None
    if package == "numpy":
        from pytest_mimic._core.outcome.tagged import arrays

        return arrays.tag_of(type_)
    return tag_of_class(type_)


@cache
def tag_named(name: str) -> Tag | None:
    """Return the tag with a name, or None if there is none."""
    tag = tags_by_name().get(name)
    if tag is None and name.startswith("numpy."):
        from pytest_mimic._core.outcome.tagged import arrays

        tag = arrays.tag_named(name)
    return tag


def tag_of_class(cls: type) -> Tag | None:
    """Return the tag for the objects of a class that a tag names, or None if they have none."""
    from pytest_mimic._core.outcome.tagged import class_tags

    return class_tags.tag_of(cls)


def write(value: object, paths: PathStore) -> Tree:
    """Return a value as a tree. NotTaggableError: a part has no exact form."""
    from pytest_mimic._core.outcome.tagged.writer import Writer

    return Writer(paths, tag_of, tags_by_name()["str"], tags_by_name()["dict"]).whole(value)


def reader(
    paths: PathStore,
    imports: Collection[str] | None,
    content: Callable[[str], bytes],
    classes: dict[int, Tag] | None = None,
) -> Reader:
    """Return a reader of one value; see `Reader`."""
    return Reader(paths, imports, content, tag_named, tag_of_class, {} if classes is None else classes)
