"""The files that the arguments of a call name: refused if the call changes them, or kept if `writes=` names them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.event_loop import outside_event_loop
from pytest_mimic._core.files.places import ROOTDIR, TEMPORARY, PathPlace, Places
from pytest_mimic._core.files.states import (
    NotKeptError,
    Snapshot,
    changes,
    snapshot_of,
    wait_for_the_clock,
)
from pytest_mimic._core.identity.named_paths import NamedPath, named_paths
from pytest_mimic._core.words import limited
from pytest_mimic.errors import MimicError, MutatedInputError, UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Argument
    from pytest_mimic._core.files.restoring import FileTarget
    from pytest_mimic._core.outcome.kept_files import KeptFiles
    from pytest_mimic._core.target_options import Options

_SHOWN = 5
_ROOTS = "the rootdir and the base temporary folder"


class NamedFile(NamedTuple):
    """A file or folder that an argument names: the argument, the way to it in there, and the absolute path."""

    argument: Argument
    step: str
    path: str


class WrittenPath(NamedTuple):
    """A path in an argument that `writes=` names, and the states of its files before the call.

    Attributes:
        excluded: Absolute paths of what does not belong to it: the vault, and in the rootdir what other paths name.
    """

    file: NamedFile  # the path
    is_inside: bool  # whether it is inside an object or dict, where only what the call touches counts
    excluded: tuple[str, ...]
    before: Snapshot | NotKeptError  # the states, or why there are none


class CallFiles:
    """The files that the arguments of a real call name, as they were before it; not those of the `vault`."""

    @outside_event_loop
    def __init__(
        self, target: str, options: Options, arguments: Iterable[Argument], places: Places, *, vault: str
    ) -> None:
        self._target = target
        self._options = options
        self._places = places
        self._excluded: tuple[str, ...] = (vault,)
        self._named: list[tuple[NamedFile, Snapshot]] = []
        written: list[tuple[NamedFile, bool]] = []
        # Most strings are no paths. After the call, it is enough to look whether there is a file now.
        self._absent: list[tuple[Argument, NamedPath]] = []
        self._folder = _current_folder()
        for argument, path, is_written in _named_by(arguments, options):
            if path.is_text and not is_written and not _exists(path.text):
                self._absent.append((argument, path))
            else:
                is_text = path.is_text
                one = NamedFile(argument, path.step, _absolute(path.text))
                if is_written:
                    if not (path.is_inside and self._is_too_wide(path, one.path)):
                        written.append((one, path.is_inside))
                elif not (self._holds_root(one.path) or (is_text and self._is_elsewhere(one.path))):
                    with suppress(NotKeptError):
                        self._named.append((one, self._read(one.path)))

        paths = tuple(one.path for one, _ in written)
        self._written = [self._before(one, paths, is_inside=is_inside) for one, is_inside in written]
        inside = [one.before for one in self._written if one.is_inside]
        if inside:
            wait_for_the_clock([one for one in inside if isinstance(one, dict)], places.now)

    def _read(self, path: str) -> Snapshot:
        return snapshot_of(path, self._excluded, digests=self._places.digests)

    def _before(self, file: NamedFile, paths: tuple[str, ...], *, is_inside: bool) -> WrittenPath:
        """Return a path that is written to, which is one of `paths`, with the facts before the call."""
        excluded = self._excluded
        if is_inside and self._holds_root(file.path):
            excluded += tuple(path for path in paths if path != file.path)
        try:
            return WrittenPath(file, is_inside, excluded, snapshot_of(file.path, excluded))
        except NotKeptError as reason:
            return WrittenPath(file, is_inside, excluded, reason)

    def _is_too_wide(self, named: NamedPath, path: str) -> bool:
        """Return whether a path inside an object is no folder to write to: one around the run's, a `.`, or a `/usr`."""
        if named.is_text and not os.path.isabs(named.text):  # noqa: PTH117
            return self._holds_root(path)
        return self._places.place_of(path) is None and (
            self._holds_root(path) or (named.is_text and self._is_elsewhere(path))
        )

    def _holds_root(self, path: str) -> bool:
        """Return whether a folder is too wide to be the call's: the rootdir, the temporary folder or one around them."""
        for token in (ROOTDIR, TEMPORARY):
            root = self._places.root(token)
            if root is not None and (root == path or root.startswith(os.path.join(path, ""))):  # noqa: PTH118
                return True
        return False

    def _is_elsewhere(self, path: str) -> bool:
        """Return whether a string names a folder outside of the run's: `/proc`, `/usr`, which may be a route of a URL."""
        return self._places.place_of(path) is None and os.path.isdir(path)  # noqa: PTH112

    def _made(self) -> Iterator[tuple[NamedFile, Snapshot]]:
        """Yield the files in a folder of the run that strings name and that exist only since the call."""
        has_moved = bool(self._absent) and _current_folder() != self._folder
        for argument, named in self._absent:
            text = os.path.join(self._folder, named.text) if has_moved else named.text  # noqa: PTH118
            if _exists(text):
                path = _absolute(text)
                if self._places.place_of(path) is not None and not self._holds_root(path):
                    yield NamedFile(argument, named.step, path), {}

    @outside_event_loop
    def refuse_changes(self) -> None:
        """Raise MutatedInputError for a call that changed a file which `writes=` does not name."""
        allowed = [one.file.path for one in self._written]
        found: list[tuple[NamedFile, str, str]] = []
        for one, before in (*self._named, *self._made()):
            try:
                after = self._read(one.path)
            except NotKeptError:
                continue
            for name, how in changes(before, after):
                path = os.path.join(one.path, name) if name else one.path  # noqa: PTH118
                if not any(path == other or path.startswith(os.path.join(other, "")) for other in allowed):  # noqa: PTH118
                    found.append((one, path, how))
        if found:
            raise self._changed(found)

    def _changed(self, found: Sequence[tuple[NamedFile, str, str]]) -> MutatedInputError:
        facts = limited([f"{one.step}: {self._shown(path)}: {how}" for one, path, how in found], _SHOWN)
        outside = [path for _, path, _ in found if self._places.place_of(path) is None]
        changed = dict.fromkeys(one.argument.option for one, _, _ in found)
        if outside:
            facts.append(f"writes= keeps files below {_ROOTS} only: {outside[0]} is elsewhere")
            remedies = [f"if the file does not matter: {self._line('ignore', changed)}"]
        else:
            remedies = [f"if that is its job: {self._line('writes', changed)}"]
        what = f"{self._target} has changed a file that an argument names"
        return MutatedInputError(what, facts=facts, remedies=remedies, call=self._target)

    def _line(self, option: str, names: Iterable[str]) -> str:
        from pytest_mimic._core.target_options import target_line

        return target_line(self._target, self._options, option, names)

    def kept(self) -> KeptFiles | None:
        """Return the files that `writes=` names, as they are after the call. UnstorableOutcomeError: they cannot be kept."""
        if not self._written:
            return None
        from pytest_mimic._core.files.restoring import UnsafePathError, check_target
        from pytest_mimic._core.files.written import WrittenFile, WrittenFolder, written_at
        from pytest_mimic._core.outcome.kept_files import KeptFiles

        found: dict[str, WrittenFile | WrittenFolder | None] = {}
        untouched: dict[str, WrittenFile | None] = {}
        for one, is_inside, excluded, before in self._written:
            try:
                if isinstance(before, NotKeptError):
                    if is_inside and self._places.place_of(one.path) is None:
                        continue
                    if is_inside:
                        raise before
                    before = {}
                after = snapshot_of(one.path, excluded)
                left = written_at(one.path, before, after, only_touched=is_inside)
                untouched |= {f"{one.step}/{name}".rstrip("/"): file for name, file in left.untouched.items()}
                if left.written is None and not left.is_removed:
                    continue
                # The same checks as for a replay, which could not write the file otherwise.
                check_target(_target(self._target, one, self._places, self._excluded[0]))
                # What verifying finds removed already is no drift there.
                is_gone = left.is_removed and is_inside
                found[one.step] = WrittenFolder({}, [], [], is_gone=True) if is_gone else left.written
            except (NotKeptError, UnsafePathError) as reason:
                raise self._unstorable(one, str(reason)) from None
            except MimicError as refused:
                raise self._unstorable(one, refused.facts[0].partition(": ")[2]) from None
        return KeptFiles.of(found, untouched)

    def _unstorable(self, one: NamedFile, what: str) -> UnstorableOutcomeError:
        title = f"what {self._target} wrote cannot be stored"
        return UnstorableOutcomeError(
            title, facts=[f"{one.step}: {what}"], remedies=["nothing was recorded"], path=one.step
        )

    def _shown(self, path: str) -> str:
        place = self._places.place_of(path)
        return path if place is None else place.text


def _exists(path: str) -> bool:
    try:
        return os.access(path, os.F_OK)  # one call of the system, and no exception where there is nothing
    except ValueError:  # a lone surrogate
        return False


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)  # noqa: PTH100
    except FileNotFoundError:  # the current folder is gone
        return path


def _current_folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except FileNotFoundError:  # a test has removed it
        return ""


def _named_by(arguments: Iterable[Argument], options: Options) -> Iterator[tuple[Argument, NamedPath, bool]]:
    """Yield the paths that arguments name, each with whether `writes=` names it; none of those that `ignore=` leaves out."""
    for argument in arguments:
        names = {argument.parameter, argument.name}
        is_written = not names.isdisjoint(options.writes)
        if is_written or names.isdisjoint(options.ignore):
            for path in named_paths(argument.name, argument.value):
                yield argument, path, is_written


def write_kept(
    target: str,
    options: Options,
    files: KeptFiles,
    arguments: Iterable[Argument],
    places: Places,
    *,
    vault: str,
) -> None:
    """Write recorded files below the paths of a replayed call's arguments.

    Raises:
        MimicError: They would be written elsewhere than below the rootdir and the base temporary folder, or cannot.
        CorruptRecordingError: An object of the vault is damaged. Nothing was written.
    """
    from pytest_mimic._core.files.restoring import UnsafePathError

    targets: dict[str, FileTarget] = {}
    for argument, path, is_written in _named_by(arguments, options):
        if is_written and path.step in files.listing:
            one = NamedFile(argument, path.step, outside_event_loop(_absolute)(path.text))
            targets[path.step] = _target(target, one, places, vault)
    try:
        files.write(targets)
    except UnsafePathError as unsafe:
        raise _not_written(target, str(unsafe)) from None
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise _not_written(target, f"{error.strerror or error}{where}") from None


def _target(target: str, one: NamedFile, places: Places, vault: str) -> FileTarget:
    from pytest_mimic._core.files.restoring import FileTarget

    place = places.place_of(one.path)
    if place is None:
        raise _not_written(target, f"{one.step}: {one.path} is not below {_ROOTS}")
    if not (place.given or place.rest):
        fact = (
            "is the rootdir or the base temporary folder, of which only what is below a named folder is kept"
        )
        raise _not_written(target, f"{one.step}: {one.path} {fact}")
    if one.path == vault or one.path.startswith(os.path.join(vault, "")):  # noqa: PTH118
        raise _not_written(target, f"{one.step}: {one.path} is in the vault")
    root = places.path_of(PathPlace(place.token, "", ""))
    names = [name for part in (place.given, place.rest) for name in part.split("/") if name]
    return FileTarget(root, tuple(names))


def _not_written(target: str, fact: str) -> MimicError:
    what = f"the recorded files of {target} cannot be written"
    return MimicError(what, facts=[fact, "nothing was written"], call=target)
