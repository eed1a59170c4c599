"""`rm` and `mv`: recordings go, or follow a test that has another name now."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Generator, Mapping, Sequence

from pytest_mimic.cli.moved import Moved, is_code, moved_code
from pytest_mimic.cli.project import Project
from pytest_mimic.cli.select import Found, Selection
from pytest_mimic.errors import CorruptRecordingError, MimicError
from pytest_mimic.values.renamed import Renamed
from pytest_mimic.vault.names import cassette_of_test, log_name
from pytest_mimic.vault.recording import Recording, copied
from pytest_mimic.vault.vault import Vault, Written
from pytest_mimic.words import plural, size_in_words


def rm(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Delete calls, and the objects that nothing else refers to."""
    vault = project.vault
    selection = Selection(project, options.selectors)
    chosen = list(selection)
    for found in chosen:
        for entry in found.going:
            yield f"{project.label(entry)}    {found.owner}"
    count = plural(sum(len(found.going) for found in chosen), "recording")
    if options.dry_run and chosen:
        yield f"{count} would be deleted"
    elif chosen:
        before = vault.size()
        delete_calls(vault, chosen)
        yield f"{count} deleted, {size_in_words(before - vault.size())} freed"
    yield from selection.warnings()
    return selection.code


def delete_calls(vault: Vault, found: Sequence[Found]) -> None:
    """Delete the named calls of a log; a cassette goes as a whole."""
    gone = {id(entry) for one in found for entry in one.going}
    left = {one.name: one.recording for one in found}
    for name, recording in left.items():
        kept = [entry for entry in recording.entries if id(entry) not in gone]
        left[name] = copied(recording, entries=kept)
    try:
        vault.reduce(left)
    finally:
        vault.close()


# -- mv


def mv(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Let the recordings of a test, class, file or folder go with it.

    Those of a function, class or module that moved go with it, too.

    Raises:
        MimicError: The one cannot become the other.
    """
    vault = project.vault
    if is_code(options.old, options.new):
        names = Renamed(options.old, options.new)
        code = Moved(names, is_tried=options.dry_run)
        # A plain word may name a folder of tests, too.
        if ":" in options.old or any(
            names.named(entry.target) != entry.target
            for _, recording in vault.all()
            if isinstance(recording, Recording)
            for entry in recording.entries
        ):
            return (yield from _mv_code(project, options, code))
    old, new = _owner_at(project, options.old), project.place_of(options.new)
    if _kind_of(old) != _kind_of(new) or old == new:
        raise MimicError(
            f"mv cannot make {options.old} to {options.new}:"
            " it takes two tests, classes, files or folders"
        )
    moves: dict[str, tuple[str, Recording]] = {}
    rows: list[str] = []
    stay = 0
    for name, recording in vault.all():
        if isinstance(recording, CorruptRecordingError):
            if recording.damage == "linked":
                rows.append(recording.what)
            continue
        moved = copied(
            recording,
            owner=_renamed(recording.owner, old, new),
            fixtures={
                _renamed(owner, old, new): digest
                for owner, digest in recording.fixtures.items()
            },
        )
        if moved == recording:
            continue
        to = _new_name(name, recording.owner, moved.owner)
        if to != name and vault.folder.size(to) > 0:
            stay += 1
            rows.append(f"{moved.owner}: not moved, {to} has recordings of its own")
            continue
        moves[name] = to, moved
        if moved.owner != recording.owner:
            rows.append(f"{recording.owner} -> {moved.owner}")
    if not moves and not stay:
        yield from rows
        yield f"nothing in {vault.label} is of a test {options.old}"
        return 1
    if not options.dry_run:
        replace_files(vault, moves)
    # What a test shares with others is a file a call.
    yield from dict.fromkeys(rows)
    return 1 if stay else 0


def _mv_code(
    project: Project, options: Namespace, moved: Moved
) -> Generator[str, None, int]:
    """Let the recordings of a function, class or module go with it."""
    vault = project.vault
    found: dict[str, Recording] = {}
    for name, recording in vault.all():
        if isinstance(recording, Recording):
            found[name] = recording
    moves, rows, staying = moved_code(moved, found, vault)
    taken = [to for name, (to, _) in moves.items() if to != name and to in found]
    for name in [name for name, (to, _) in moves.items() if to in taken]:
        to, _ = moves.pop(name)
        staying.append(f"{name}: not moved, {to} has recordings of its own")
    if not moves and not staying:
        yield f"nothing in {vault.label} is of {options.old}"
        return 1
    if not options.dry_run:
        replace_files(vault, moves)
    yield from dict.fromkeys(rows)
    yield from dict.fromkeys(staying)
    return 1 if staying else 0


def replace_files(vault: Vault, moves: Mapping[str, tuple[str, Recording]]) -> None:
    """Write new files before old files go: a process may be killed between.

    Args:
        vault: The vault.
        moves: By the name of each old file, the name and content of the new file.

    Raises:
        MimicError: A new file cannot be written, and all is as before; or an old file
            cannot be deleted.
    """
    written: list[Written] = []
    fact = ""
    try:
        for to, recording in moves.values():
            written.append(vault.write(to, recording))
        fact = "all was written, and what has moved stands at both places"
        vault.delete(moves.keys() - {to for to, _ in moves.values()})
    except MimicError as error:
        fact = fact or _undone(vault, written)
        raise MimicError(error.what, [*error.facts, fact], error.remedies) from None
    finally:
        vault.close()


def _undone(vault: Vault, written: Sequence[Written]) -> str:
    """Undo writes, and say what of them is left."""
    left = []
    for one in reversed(written):
        try:
            vault.put_back(one)
        except MimicError:
            left.append(one.name)
    if left:
        return f"nothing was changed but {', '.join(left)}, which cannot be put back"
    return "nothing was changed"


def _owner_at(project: Project, word: str) -> str:
    """Return the test, class, file or folder of a word; a log stands for its owner."""
    name = project.file_of(word)
    if name.startswith("logs/"):
        recording = project.vault.read(name)
        if recording is not None:
            return recording.owner
    return project.place_of(word)


def _kind_of(place: str) -> str:
    """Return what a place holds; a class holds tests as a file does."""
    file, _, name = place.partition("::")
    if name and not name.rpartition("::")[2][:1].isupper():
        return "test"
    return "file" if file.endswith(".py") else "folder"


def _renamed(owner: str, old: str, new: str) -> str:
    """Return the name of an owner after a test, class, file or folder has another.

    A fixture, `tests/test_a.py::db (module, tests/conftest.py)`, is defined somewhere.
    """
    place = rf"(^|, ){re.escape(old)}(?=$|/|::|\[|\)| \()"
    return re.sub(place, lambda found: f"{found[1]}{new}", owner)


def _new_name(name: str, before: str, owner: str) -> str:
    if name.startswith("logs/"):
        return log_name(owner)
    default = f"cassettes/{cassette_of_test(before)}"
    rest = name.removeprefix(default)
    # The second cassette of a test ends with `-2`.
    if rest != name and re.fullmatch(r"(-\d+)?\.json", rest):
        return f"cassettes/{cassette_of_test(owner)}{rest}"
    return name
