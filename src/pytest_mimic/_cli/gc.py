"""Delete what no recording needs: objects that no recording names, and temporary files of runs that were killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._catalog import Catalog
from pytest_mimic._catalog.references import Orphans, leftovers
from pytest_mimic._cli.words import HELD, plural, size

if TYPE_CHECKING:
    from pytest_mimic._cli.invocation import Invocation
    from pytest_mimic._cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="only show what would be deleted")


def run(invocation: Invocation) -> int:
    """Delete it. Exit code 1: a file is damaged, so that the objects it names are not known."""
    options, out, vault = invocation.options, invocation.out, invocation.vault
    orphans = Orphans(vault)
    catalog = Catalog(vault)
    temporary = leftovers(vault.store)
    names = sorted(orphans.names)
    bytes_ = sum(map(catalog.object_size, [*names, *temporary]))
    is_held = False
    if not options.dry_run:
        # Under a lock, and from what is in the vault then: a run may be recording.
        is_held = vault.delete(()).is_held
        names = [name for name in names if vault.store.size(name) is None]
        temporary = [name for name in temporary if vault.store.size(name) is None]
    exit_code = 1 if orphans.unreadable else 0
    if options.json:
        out.json(
            {
                "objects": names,
                "leftovers": temporary,
                "bytes": bytes_,
                "dry_run": options.dry_run,
                "unreadable": orphans.unreadable,
                "is_recording": is_held,
            }
        )
        return exit_code
    for name in [*names, *temporary]:
        out.line(name)
    what = f"{plural(len(names), 'object')} and {plural(len(temporary), 'temporary file')}"
    if not names and not temporary and not is_held:
        out.line("nothing to delete")
    elif options.dry_run:
        out.line(f"{what} would be deleted, {size(bytes_)}")
    else:
        out.line(f"{what} deleted, {size(bytes_)} freed")
    if is_held:
        out.line(HELD)
    if orphans.unreadable:
        count = plural(len(orphans.unreadable), "file")
        out.line(
            (
                f"no objects are deleted, because {count} cannot be read and may name any: pytest-mimic verify",
                "red",
            )
        )
    return exit_code
