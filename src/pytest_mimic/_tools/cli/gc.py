"""Delete what no recording needs: objects that no recording names, and temporary files of runs that were killed.

Large objects of `mimic_objects` that no recording names are deleted if the object store has them. A recording of another
branch may name one, so those that were not pushed are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic._core.vault.clearing import remove
from pytest_mimic._core.vault.file_names import OBJECTS_LOCK
from pytest_mimic._tools.catalog.unreferenced import Orphans, leftovers
from pytest_mimic._tools.cli.phrasing import HELD, plural, size
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.invocation import Invocation
    from pytest_mimic._tools.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("-n", "--dry-run", action="store_true", help="only show what would be deleted")
    parser.add_argument(
        "--unpushed",
        action="store_true",
        help="also delete large objects that the object store does not have",
    )


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
    temporary = [name for name in sizes if name not in orphans.names]
    large, kept = _large(invocation, orphans.detached, is_held=is_held)
    sizes.update(large)
    names = [name for name in sizes if name not in temporary]
    bytes_ = sum(sizes.values())
    exit_code = 1 if orphans.unreadable else 0
    if options.json:
        out.json(
            {
                "objects": names,
                "not_pushed": kept,
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
    if kept:
        out.line(
            (
                f"{plural(len(kept), 'large object')} kept, not known to be pushed: another branch may need them",
                "yellow",
            )
        )
        out.line(f"  to delete them: {invocation.command('gc', '--unpushed')}")
    if is_held:
        out.line(HELD)
    if orphans.unreadable:
        count = plural(len(orphans.unreadable), "file")
        verify = invocation.command("verify")
        reason = f"because {count} cannot be read and may name any"
        out.line((f"no objects are deleted, {reason}: {verify}", "red"))
    return exit_code


def _large(invocation: Invocation, orphans: list[str], *, is_held: bool) -> tuple[dict[str, int], list[str]]:
    """Delete the large objects that no recording names; return their sizes, and the names of those that are kept."""
    if not orphans or is_held:
        return {}, orphans
    store: Any = invocation.vault.store
    sizes = {name: store.size(name) or 0 for name in orphans}
    kept = [] if invocation.options.unpushed else _not_pushed(invocation, sizes)
    gone = [name for name in orphans if name not in kept]
    if gone and not invocation.options.dry_run:
        with store.lock(OBJECTS_LOCK):  # a writer holds it until its recording names its objects
            left = set(Orphans(invocation.vault).detached)
            gone = [name for name in gone if name in left]
            remove(store, gone)
    return {name: sizes[name] for name in gone}, kept


def _not_pushed(invocation: Invocation, sizes: dict[str, int]) -> list[str]:
    """Return the names of the objects that the object store does not have, all if it cannot be asked."""
    if not invocation.settings.objects:
        return list(sizes)
    from pytest_mimic._core.vault.detached import Detached
    from pytest_mimic._tools.cli.transfer import bucket_of
    from pytest_mimic._tools.objects.large import LargeObject, LargeObjects

    objects = [LargeObject(name, Detached(name.rpartition("/")[2], size)) for name, size in sizes.items()]
    store: Any = invocation.vault.store
    try:
        LargeObjects(store, bucket_of(invocation)).find(objects)
    except MimicError as error:
        if not invocation.options.json:
            invocation.out.line((error.what, "yellow"))
        return list(sizes)
    return [one.name for one in objects if one.state != "both"]
