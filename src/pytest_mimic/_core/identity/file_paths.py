"""Paths in identities: their place in the run, and the content of their files.

A path that counted by its text would be another one in each checkout, and each
`tmp_path` in each run: the call would miss.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.files.digests import MISSING, Content, FileDigests
from pytest_mimic._core.files.places import LONGEST_PATH, TEMPORARY
from pytest_mimic._core.identity.short_scalars import SCALARS
from pytest_mimic._core.types.attributes_and_parts import parts_of
from pytest_mimic._core.types.libraries import library_of
from pytest_mimic._core.types.reductions import Unstable

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import PathPlace, Places


def digests_of(places: Places) -> FileDigests:
    """Return the cache of the digests of files of a run, kept with its places.

    Identities and descriptions of arguments take the digests from it.
    """
    if places.digests is None:
        places.digests = FileDigests(places.now)
    return places.digests


class TextPath:
    """Stands in a walk for a string that is a path below the base temporary folder."""

    __slots__ = ("content", "place", "places", "text")
    # The tag of the class in identities, wherever the class is defined.
    __module__ = "pytest_mimic"

    def __init__(self, text: str, place: PathPlace, places: Places) -> None:
        self.text = text
        self.place = place
        self.places = places
        self.content: Content | None = None

    def __mimic_identity__(self) -> object:
        if self.content is None:
            # One walk reads a file once, even if it has just changed.
            self.content = digests_of(self.places).content_of(self.text)
        return self.place.rest, *self.content


class NamedContent:
    """A path whose content counts, but neither its place nor its name.

    `content=` names the argument that holds such paths.
    """

    __slots__ = ("places", "text")
    __module__ = "pytest_mimic"

    def __init__(self, path: str | os.PathLike[str], places: Places) -> None:
        self.text = os.path.abspath(path)  # noqa: PTH100 - the text of any path, also of a pure one
        self.places = places

    def __mimic_identity__(self) -> object:
        content = digests_of(self.places).content_of(self.text)
        if content.kind == MISSING:
            remedy = "or make the file before the call: content= counts what is in it"
            raise Unstable(
                "a path of content= at which there is no file", str, remedy=remedy
            )
        return content


def path_reducer(places: Places) -> Callable[[Any], object]:
    """Return the function that reduces a `pathlib` path to plain parts.

    | path | its parts |
    |---|---|
    | `/etc/hosts` | the text `/etc/hosts` |
    | `data/in.csv` of the rootdir | `("rootdir", "data/in.csv")` |
    | `in.csv` of `tmp_path` | `("tmp", "in.csv", "file", digest)` |
    """
    # One walk reads a file once, even if it has just changed.
    contents: dict[str, Content] = {}

    def content_of(file: str) -> Content:
        content = contents.get(file)
        if content is None:
            content = contents[file] = digests_of(places).content_of(file)
        return content

    def reduce(value: Any) -> object:
        place = places.place_of(os.fspath(value))
        file = counted_file(value, places)
        if place is None:
            # A path in no folder of the run counts by its text.
            text = value.as_posix()
            return text if file is None else (text, *content_of(file))
        places.note(place)
        if file is None:
            return place.token, place.rest
        return place.token, place.rest, *content_of(file)

    return reduce


def counted_file(path: Any, places: Places) -> str | None:
    """Return the absolute path of the file whose content counts with a path.

    The content of files below the base temporary folder counts, as the test has made
    them. A description has the digest of such a file, too, so that a miss says when
    only the content differs.

    None: only the path counts. After `monkeypatch.chdir(tmp_path)`, a relative path
    names a file below the base temporary folder.
    """
    file: str = os.fspath(path)
    place = places.place_of(file)
    is_relative = isinstance(path, Path) and not path.is_absolute()
    if place is None and places.temporary_folders and is_relative:
        try:
            # Links are not resolved, as the call opens the path as it is.
            file = os.path.abspath(file)  # noqa: PTH100
        except FileNotFoundError:
            # The current folder is gone.
            return None
        place = places.place_of(file)
        # A relative path at which there is no file is often no path to a file at all.
        if not os.path.exists(file):  # noqa: PTH110
            return None
    if place is None or place.token != TEMPORARY:
        return None
    return file


def path_replacer(places: Places) -> Callable[[str], object]:
    """Return the function that replaces a string that is a path by a `TextPath`.

    Only paths below the base temporary folder are replaced: `/tmp/…/in.csv`. The
    function returns any other string as it is.
    """
    text_paths: dict[str, TextPath] = {}

    def replace_path(text: str) -> object:
        if len(text) > LONGEST_PATH:
            return text
        text_path = text_paths.get(text)
        if text_path is None:
            place = places.place_of_text(text)
            if place is None:
                return text
            places.note(place)
            text_path = text_paths[text] = TextPath(text, place, places)
        return text_path

    return replace_path


def with_contents(value: object, places: Places) -> Any:
    """Return an argument of `content=` with a `NamedContent` for each path.

    The argument is one path, or a container of paths.

    Raises:
        Unstable: A part is no path.
    """
    if isinstance(value, (str, os.PathLike)):
        return NamedContent(value, places)
    if value is None or isinstance(value, NamedContent):
        return value
    if isinstance(value, dict):
        return {key: with_contents(item, places) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        # A set of paths may hold equal contents at different places.
        items = [with_contents(item, places) for item in value]
        return frozenset(items) if isinstance(value, (set, frozenset)) else items
    type_in_words = (
        f"a value of type {type(value).__name__}, where content= takes paths"
    )
    raise Unstable(type_in_words, type(value), remedy="")


# The most containers and objects that are looked into in an argument.
MOST_PARTS = 10_000
# Modules of the standard library whose classes hold what their user gives them. The
# classes of other modules, such as sockets and loggers, have parts of their own.
_MODULES_OF_HOLDERS = frozenset(
    {"argparse", "builtins", "collections", "functools", "types"}
)


def given_folders(argument: object, places: Places) -> list[str]:
    """Return the given folders in which the paths in an argument are.

    `tmp_path` and `mktemp` give folders, such as `test_a0`. The list has a folder for
    each path, in an order that is the same for equal arguments. By the list, a call
    with paths in two folders has another identity than one with paths in one, and a
    path in an outcome is stored with the number of its folder.
    """
    # For each path: where it stands in the argument, the path below its folder, and the
    # folder, `("[0].file", "in.csv", "test_a0")`.
    places_of_paths: list[tuple[str, str, str]] = []
    opened_objects: dict[int, object] = {}
    pending: list[tuple[str, Any]] = [("", argument)]
    while pending and len(opened_objects) < MOST_PARTS:
        path_in_argument, part_of_argument = pending.pop()
        type_ = type(part_of_argument)
        place: PathPlace | None = None
        if type_ is str:
            place = places.place_of_text(part_of_argument)
        elif isinstance(part_of_argument, PurePath):
            place = places.place_of(os.fspath(part_of_argument))
        elif (
            type_ not in SCALARS
            and id(part_of_argument) not in opened_objects
            and _may_hold_paths(type_)
        ):
            # An object that leads back to itself is opened once. It is kept alive, so
            # that no other object gets its id.
            opened_objects[id(part_of_argument)] = part_of_argument
            for inner_part in islice(parts_of(part_of_argument), MOST_PARTS):
                pending.append((path_in_argument + inner_part.step, inner_part.value))
        if place is not None and place.given_folder:
            places_of_paths.append((path_in_argument, place.rest, place.given_folder))
    return [folder for _, _, folder in sorted(places_of_paths)]


def _may_hold_paths(type_: type) -> bool:
    """Return whether paths are looked for in the parts of objects of a class."""
    module = str(type_.__module__)
    if module.partition(".")[0] in sys.stdlib_module_names:
        return module in _MODULES_OF_HOLDERS
    return library_of(type_) is None
