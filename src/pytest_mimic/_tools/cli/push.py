"""Send the large objects of recordings that the object store of `mimic_objects` does not have yet.

Each is checked against the SHA-256 in its recording before it is sent. Nothing in the store is overwritten or deleted.
Recordings made before `mimic_objects` was set are rewritten: their large objects move out of Git. With --check, nothing
is sent or rewritten: the exit code is 1 if the store lacks an object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.cli.selection import add_selectors, report_unmatched
from pytest_mimic._tools.cli.transfer import Selected, json_of_objects, listed, progress, total
from pytest_mimic._tools.shown.checking import Checker

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation
    from pytest_mimic._tools.objects.large import Moved


def add_arguments(parser: Parser) -> None:
    add_selectors(parser)
    parser.add_argument("--check", action="store_true", help="only say what the store lacks, exit code 1")


def run(invocation: Invocation) -> int:
    """Send them. Exit code 1: an object is missing or damaged, a selector matched nothing or a file cannot be read."""
    from pytest_mimic._tools.objects.large import detach

    selected = Selected(invocation)
    if invocation.options.check:
        return _check(invocation, selected)
    selected.find()  # first, because a store that cannot be used is no reason to rewrite anything
    checker = Checker(invocation.vault)
    moved = detach(invocation.vault, selected.files, lambda name: not checker.check([name]).findings)
    if moved.recordings:
        selected.read()
        selected.find()
    todo = selected.of("here")
    with progress("pushed", todo) as show:
        pushed = selected.transfer.push(todo, show)
    bad = [*selected.transfer.problems, *selected.of("lost", "wrong")]
    exit_code = 1 if bad or moved.damaged or selected.is_incomplete else 0
    if invocation.options.json:
        invocation.out.json(
            {
                "store": selected.url,
                "pushed": json_of_objects(pushed),
                "problems": json_of_objects(bad),
                "rewritten": moved.recordings,
                "damaged": moved.damaged,
            }
        )
        return exit_code
    selected.show_unreadable()
    _show_moved(invocation, moved)
    out = invocation.out
    selected.show_problems()
    there = len(selected.of("both", "there")) - len(pushed)
    if pushed:
        also = f"; {there} {'was' if there == 1 else 'were'} there" if there else ""
        out.line((f"{total(pushed)} pushed", "bold green"), f" to {selected.url}{also}")
    elif not bad and not selected.unreadable:
        out.line(f"nothing to push: {selected.url} has {_all(there)}")
    report_unmatched(invocation, selected.unmatched)
    return exit_code


def _check(invocation: Invocation, selected: Selected) -> int:
    """Say what the store lacks. Exit code 1: it lacks an object, or has another one under its hash."""
    from pytest_mimic._tools.objects.large import in_git

    out = invocation.out
    selected.find()
    lacking, bad = selected.of("here"), selected.of("lost", "wrong")
    attached = in_git(invocation.vault, selected.files)
    exit_code = 1 if lacking or bad or selected.is_incomplete else 0
    if invocation.options.json:
        out.json(
            {
                "store": selected.url,
                "lacking": json_of_objects(lacking),
                "problems": json_of_objects(bad),
                "in_git": [{"object": name, "size": bytes_} for name, bytes_ in attached.items()],
            }
        )
        return exit_code
    selected.show_unreadable()
    if lacking:
        out.line((total(lacking), "yellow"), f" to push: {invocation.command('push')}")
        listed(invocation, lacking)
    selected.show_problems()
    if not (lacking or bad or selected.unreadable):
        out.line(f"{selected.url} has {_all(len(selected.objects))}")
    if attached:
        bytes_ = size(sum(attached.values()))
        out.line(
            f"{plural(len(attached), 'large object')} in Git, {bytes_}: push moves them to {selected.url}"
        )
    report_unmatched(invocation, selected.unmatched)
    return exit_code


def _all(count: int) -> str:
    return f"all {plural(count, 'object')}" if count > 1 else "the object" if count else "no object to get"


def _show_moved(invocation: Invocation, moved: Moved) -> None:
    out, label = invocation.out, invocation.vault.label
    if moved.recordings:
        what = f"{plural(len(moved.objects), 'large object')}, {size(sum(moved.objects.values()))}"
        out.line(f"{plural(len(moved.recordings), 'recording')} rewritten: {what}, moved out of Git")
        out.line("  to commit: ", (f"git add --all {label}", "bold"))
    for name in moved.damaged:
        check = invocation.command("check", f"{label}/{name}")
        out.line((f"{label}/{name} was left alone, it is damaged: {check}", "red"))
