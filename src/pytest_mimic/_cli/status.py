"""Compare the large objects of recordings with the object store of `mimic_objects`: what to push, to pull, or lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._cli.selection import add_selection
from pytest_mimic._cli.transfer import Selected, json_of_objects, listed, total
from pytest_mimic._cli.words import plural, size

if TYPE_CHECKING:
    from pytest_mimic._cli.invocation import Invocation
    from pytest_mimic._cli.parser import Parser

_STATES = ("both", "here", "there", "lost", "wrong")


def add_arguments(parser: Parser) -> None:
    """Add the options."""
    add_selection(parser)
    parser.add_argument("--check", action="store_true", help="hash the objects that are here")


def run(invocation: Invocation) -> int:
    """Compare them. Exit code 0: each object is here and in the store. 1: one is not."""
    from pytest_mimic._remote.detaching import in_git

    options, out = invocation.options, invocation.out
    selected = Selected(invocation)
    objects = selected.find(check=options.check)
    attached = in_git(invocation.vault, selected.files)
    exit_code = 1 if len(selected.of("both")) < len(objects) or selected.is_incomplete else 0
    if options.json:
        counts = {state: selected.of(state) for state in _STATES}
        out.json(
            {
                "store": selected.url,
                "objects": json_of_objects(objects),
                "counts": {state: len(some) for state, some in counts.items()},
                "bytes": {state: sum(one.size for one in some) for state, some in counts.items()},
                "in_git": [{"object": name, "size": bytes_} for name, bytes_ in attached.items()],
            }
        )
        return exit_code
    for state, title in (
        ("both", "here and there"),
        ("here", f"to push: {invocation.command('push')}"),
        ("there", f"to pull: {invocation.command('pull')}{' --check' if options.check else ''}"),
    ):
        if some := selected.of(state):
            out.line((total(some), "green" if state == "both" else "yellow"), f" {title}")
            if state != "both":
                listed(invocation, some)
    selected.show_problems("lost", "wrong")
    if not objects:
        out.line("no recording names a large object")
    if attached:
        bytes_ = size(sum(attached.values()))
        out.line(
            f"{plural(len(attached), 'large object')} in Git, {bytes_}: push moves them to {selected.url}"
        )
    selected.report_rest()
    return exit_code
