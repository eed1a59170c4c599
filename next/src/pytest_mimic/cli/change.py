"""`rm` and `mv`: recordings go, or follow a test that has another name now."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Generator, Iterable
from dataclasses import replace

from pytest_mimic.cli.project import Project
from pytest_mimic.cli.select import Found, Selection, select, told
from pytest_mimic.vault.vault import Vault
from pytest_mimic.words import plural, size_in_words


def rm(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Delete calls, and the objects that nothing else refers to."""
    selection = select(project, options)
    for found in selection.found:
        for entry in found.entries:
            yield f"{project.label(entry)}    {found.owner}"
    count = plural(calls_that_go(selection), "recording")
    if options.dry_run and selection.found:
        yield f"{count} would be deleted"
    elif selection.found:
        before = project.vault.size()
        delete_calls(project.vault, selection.found)
        yield f"{count} deleted, {size_in_words(before - project.vault.size())} freed"
        places = [(found.name, found.recording.owner) for found in selection.found]
        again = project.record_again("--mimic-record", places)
        yield f"  to record again: {again}"
    yield from told(project, selection)
    return selection.code


def calls_that_go(selection: Selection) -> int:
    """Return how many calls are deleted: a cassette goes as a whole."""
    return sum(
        len(found.recording.entries) if _goes_whole(found) else len(found.entries)
        for found in selection.found
    )


def delete_calls(vault: Vault, found: Iterable[Found]) -> None:
    """Delete calls: files as a whole, and of logs the calls that are named."""
    files = []
    parts: dict[str, list[Found]] = {}
    for one in found:
        if _goes_whole(one):
            files.append(one.name)
        else:
            parts.setdefault(one.name, []).append(one)
    for name, ones in parts.items():
        gone = {id(entry) for one in ones for entry in one.entries}
        recording = ones[0].recording
        kept = [entry for entry in recording.entries if id(entry) not in gone]
        vault.write(name, replace(recording, entries=kept))
    vault.delete(files)
    vault.end()


def _goes_whole(found: Found) -> bool:
    return found.is_whole or found.is_cassette
