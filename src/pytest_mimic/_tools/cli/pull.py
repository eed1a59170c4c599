"""Fetch the large objects of recordings that are missing here from the object store of `mimic_objects`.

Each is checked against the SHA-256 in its recording before it is put in its place. Those that are here are checked,
too, and replaced if they are wrong. A pull that was stopped continues with the objects that are still missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._core.words import plural
from pytest_mimic._tools.cli.selection import add_selectors, report_unmatched
from pytest_mimic._tools.cli.transfer import Selected, json_of_objects, progress, total

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation


def add_arguments(parser: Parser) -> None:
    add_selectors(parser)


def run(invocation: Invocation) -> int:
    """Fetch them. Exit code 1: an object is not in the store or wrong there, or a selector matched nothing."""
    options, out = invocation.options, invocation.out
    selected = Selected(invocation)
    selected.find(only_absent=True)
    todo = selected.of("there")
    with progress("pulled", todo) as show:
        pulled = selected.transfer.pull(todo, show)
    bad = [*selected.transfer.problems, *(one for one in selected.of("lost", "wrong") if not one.here)]
    exit_code = 1 if bad or selected.is_incomplete else 0
    if options.json:
        out.json({"store": selected.url, "pulled": json_of_objects(pulled), "problems": json_of_objects(bad)})
        return exit_code
    selected.show_unreadable()
    selected.show_problems()
    here = sum(one.here for one in selected.objects) - len(pulled)
    if pulled:
        also = f"; {here} {'was' if here == 1 else 'were'} here" if here else ""
        out.line((f"{total(pulled)} pulled", "bold green"), f" from {selected.url}{also}")
    elif not bad and not selected.unreadable:
        what = f"{plural(here, 'object')} here" if here else "no recording names a large object"
        out.line(f"nothing to pull: {what}")
    report_unmatched(invocation, selected.unmatched)
    return exit_code
