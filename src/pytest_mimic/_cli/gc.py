"""Delete what no recording needs: objects that no recording names, and temporary files of runs that were killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    sizes = {name: vault.store.size(name) or 0 for name in (*sorted(orphans.names), *leftovers(vault.store))}
    is_held = False
    if not options.dry_run:
        # Under a lock, and from what is in the vault then: a run may be recording.
        is_held = vault.delete(()).is_held
        sizes = {name: bytes_ for name, bytes_ in sizes.items() if vault.store.size(name) is None}
    names = [name for name in sizes if name in orphans.names]
    temporary = [name for name in sizes if name not in orphans.names]
    bytes_ = sum(sizes.values())
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
    for name in sizes:
        out.line(name)
    what = f"{plural(len(names), 'object')} and {plural(len(temporary), 'temporary file')}"
    if not sizes and not is_held:
        out.line("nothing to delete")
    elif options.dry_run:
        out.line(f"{what} would be deleted, {size(bytes_)}")
    else:
        out.line(f"{what} deleted, {size(bytes_)} freed")
    if is_held:
        out.line(HELD)
    if orphans.unreadable:
        count = plural(len(orphans.unreadable), "file")
        verify = invocation.command("verify")
        reason = f"because {count} cannot be read and may name any"
        out.line((f"no objects are deleted, {reason}: {verify}", "red"))
    return exit_code
