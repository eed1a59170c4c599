"""The files and long bytes of an outcome: each content in an object of its own, equal ones once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from pytest_mimic._core.files.restoring import (
    FileTarget,
    FileToWrite,
    UnsafePathError,
    check_names,
    write_files,
)
from pytest_mimic._core.files.written import PIECE, WrittenFile, WrittenFolder
from pytest_mimic._core.outcome.container import FILE_START, checksum_of, unpack_segments

Listing = dict[str, Any]
"""The files of an outcome, by the argument that names them: a file, a folder with its `files`, or None."""

_OBJECT = re.compile(r"objects/[0-9a-f]{2}/[0-9a-f]{32}\.bin")


class KeptFiles:
    """The files of one outcome.

    Attributes:
        sources: The files whose content is not in the vault yet, by the name of their object.
        untouched: After a call, what it left alone, by argument and name; None for a folder.
    """

    def __init__(self, listing: Listing, content: Callable[[str], Iterator[Any]] | None = None) -> None:
        self.listing = listing  # the files as their recording lists them
        self.sources: dict[str, WrittenFile] = {}
        self.untouched: dict[str, WrittenFile | None] | None = None
        self._content = content
        self._spool: str | None = None

    @classmethod
    def of(
        cls, written: dict[str, WrittenFile | WrittenFolder | None], untouched: dict[str, WrittenFile | None]
    ) -> KeptFiles:
        """Return the files that a call wrote, by the argument that names them. Each is read. None is a removed file."""
        kept = cls({})
        kept.untouched = untouched
        kept.listing = {step: kept._listed(one) for step, one in written.items()}
        return kept

    def _listed(self, written: WrittenFile | WrittenFolder | None) -> object:
        if written is None:
            return None
        if isinstance(written, WrittenFile):
            listed = _listed_file(written)
            self.sources[listed["object"]] = written
            return listed
        found: dict[str, Any] = {"files": {name: self._listed(file) for name, file in written.files.items()}}
        if written.folders:
            found["folders"] = written.folders
        if written.removed:
            found["removed"] = written.removed
        if written.is_gone:
            found["gone"] = True
        return found

    def left_alone(self, name: str) -> Any:
        """Return a file or folder that the call left alone as a listing has it; None if there is nothing."""
        untouched = self.untouched or {}
        folder = name.removesuffix("/")
        if folder in untouched and untouched[folder] is None:
            return {}
        file = untouched.get(name)
        return _listed_file(file) if file is not None else None

    def detach(self) -> None:
        """Copy the files that are not in the vault yet, which may change."""
        from tempfile import mkdtemp

        from pytest_mimic._core.files.written import spooled

        if self.sources:
            folder = self._spool = mkdtemp(prefix="pytest-mimic-")
            found = enumerate(self.sources.items())
            self.sources = {name: spooled(file, folder, number) for number, (name, file) in found}

    def drop(self) -> None:
        self.sources = {}
        if self._spool is not None:
            from shutil import rmtree

            rmtree(self._spool, ignore_errors=True)

    def write(self, targets: Mapping[str, FileTarget]) -> None:
        """Write the files below the paths of the same arguments, which the listing has. What no path is for is left out.

        Raises:
            UnsafePathError, OSError: See `write_files`.
            CorruptRecordingError: An object is damaged. Nothing was written.
        """
        files: list[FileToWrite] = []
        folders: list[FileTarget] = []
        removed: list[FileTarget] = []
        for step, target in targets.items():
            listed = self.listing[step]
            if listed is None:
                removed.append(target)
            elif "files" not in listed:
                files.append(self._to_write(listed, target))
            else:
                files += (
                    self._to_write(file, _inside(target, name)) for name, file in listed["files"].items()
                )
                gone = listed.get("gone", False)
                (removed if gone else folders).append(target)
                folders += (_inside(target, name) for name in listed.get("folders", ()))
                removed += (_inside(target, name) for name in listed.get("removed", ()))
        write_files(files, folders=folders, removed=removed)

    def _to_write(self, file: dict[str, Any], at: FileTarget) -> FileToWrite:
        assert self._content is not None
        return FileToWrite(at, partial(self._content, file["object"]), file.get("executable", False))


def _listed_file(file: WrittenFile) -> dict[str, Any]:
    listed = {"object": _object_of(file.pieces()), "size": file.size}
    return {**listed, "executable": True} if file.is_executable else listed


def _inside(folder: FileTarget, name: str) -> FileTarget:
    return folder._replace(names=(*folder.names, *name.split("/")))


def objects_in(listing: Listing) -> Iterator[str]:
    return (file["object"] for file in _files_in(listing))


def sizes_in(listing: Listing, name: str) -> set[int]:
    """Return the sizes that are listed for the files of an object, in bytes."""
    return {file["size"] for file in _files_in(listing) if file["object"] == name and "size" in file}


def _files_in(listing: Listing) -> Iterator[dict[str, Any]]:
    for one in listing.values():
        if one is not None:
            yield from one["files"].values() if "files" in one else [one]


def listing_fault(listing: Any) -> str | None:
    """Return what is wrong with the files that a recording lists, or None."""
    try:
        is_sound = all(
            _is_sound_folder(one) for one in listing.values() if one is not None and "files" in one
        )
        is_sound = is_sound and all(map(_is_sound_file, _files_in(listing)))
    except UnsafePathError as unsafe:
        return f"files lead out of their folder: {unsafe}"
    except (AttributeError, KeyError, TypeError):
        is_sound = False
    return None if is_sound else "files must be objects with their content, size and place"


def _is_sound_folder(one: dict[str, Any]) -> bool:
    others = [one.get(key, []) for key in ("folders", "removed")]
    for names in (one["files"], *others):
        for name in names:
            check_names(name.split("/"))
    return {*map(type, others)} == {list} and type(one.get("gone", False)) is bool


def _is_sound_file(file: dict[str, Any]) -> bool:
    is_kept = _OBJECT.fullmatch(file["object"]) is not None
    return is_kept and type(file.get("size", 0)) is int and type(file.get("executable", False)) is bool


def content_of(data: memoryview, name: str) -> Iterator[Any]:
    """Yield the content of an object. DamagedError: it is not what its name says."""
    return unpack_segments(data, name.rpartition("/")[2].partition(".")[0], FILE_START)


def pieces_of(content: bytes) -> Iterator[bytes]:
    """Yield the content in the pieces in which objects store it; empty content is one empty piece."""
    for start in range(0, max(len(content), 1), PIECE):
        yield content[start : start + PIECE]


def object_name(content: bytes) -> str:
    """Return the name of the object of this content, which contains its checksum."""
    return _object_of(pieces_of(content))


def _object_of(pieces: Iterable[bytes]) -> str:
    checksum = checksum_of(pieces)
    return f"objects/{checksum[:2]}/{checksum}.bin"
