"""Show what differs between two recordings or two vaults, or between the vault and a revision of git.

Calls and outcomes are compared rather than bytes. A changed call is shown beside its nearest predecessor.
The exit code is 0 if nothing differs, 1 if something does or a SELECTOR matches nothing, 2 if it could not be found out.

As git's textconv:  git config diff.mimic.textconv "pytest-mimic diff --textconv"
and in .gitattributes:  .mimic_vault/**/*.json diff=mimic
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._tools.cli.parser import add_load
from pytest_mimic._tools.cli.selection import SelectorsHere, of_name, report_unmatched
from pytest_mimic._tools.shown.catalog import Catalog
from pytest_mimic._tools.shown.selectors import of_file
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation
    from pytest_mimic._tools.shown.vault_diff import CallDifference


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="SELECTOR|VAULT",
        help="two recordings, cassettes or vaults; with --git, the recordings to compare (default: all)",
    )
    parser.add_argument("--git", metavar="REV", help="compare the vault with this revision, or two: REV..REV")
    parser.add_argument("--markdown", action="store_true", help="print a comment for a pull request")
    parser.add_argument("--textconv", metavar="FILE", help="print a file of a vault as text, for git")
    add_load(parser)


def run(invocation: Invocation) -> int:
    options, out = invocation.options, invocation.out
    if options.textconv:
        from pytest_mimic._tools.shown.outcome_lines import text_of_file

        out.text(text_of_file(Path(options.textconv), invocation.redactor))
        return 0
    found, unmatched = _by_git(invocation) if options.git is not None else _by_paths(invocation)
    if options.json:
        out.json({"differences": [one.to_plain() for one in found], "unmatched": unmatched})
    elif options.markdown and (found or not unmatched):
        from pytest_mimic._tools.shown.difference_lines import markdown

        out.text(markdown(found))
    else:
        _print(invocation, found)
        report_unmatched(invocation, unmatched)
    if any(one.change == "damaged" for one in found):
        return 2
    return 1 if found or unmatched else 0


def _by_git(invocation: Invocation) -> tuple[list[CallDifference], list[str]]:
    """Return the differences to a revision, and the selectors that match nothing in either."""
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._tools.shown.comparing import Comparer
    from pytest_mimic._tools.shown.git_revisions import GitStore
    from pytest_mimic._tools.shown.vault_diff import VaultDiff, folder_vault

    options, settings = invocation.options, invocation.settings
    policy = settings.pickles if options.load else "forbid"
    first, dots, second = options.git.partition("..")
    old = Vault(GitStore(settings.vault, first), pickles=policy, label=f"{first}:{settings.shown_vault}")
    new = folder_vault(settings.vault, settings.shown_vault, pickles=policy)
    if dots:
        label = f"{second or 'HEAD'}:{settings.shown_vault}"
        new = Vault(GitStore(settings.vault, second or "HEAD"), pickles=policy, label=label)
    diff = VaultDiff(old, new, Comparer(invocation.redactor, loads=options.load))
    if not options.words:
        return diff.all(), []
    selectors = SelectorsHere(invocation, options.words)
    names = set()
    for vault in (old, new):
        if isinstance(vault.store, GitStore):
            vault.store.load(vault.names())
        catalog = Catalog(vault)
        names |= {file.name for file in selectors.choose(catalog.files(), of_file)}
        names |= set(selectors.choose(sorted(catalog.damaged), of_name))
    return diff.all(takes=names.__contains__), selectors.unmatched


def _by_paths(invocation: Invocation) -> tuple[list[CallDifference], list[str]]:
    """Return the differences between two recordings or vaults, and the selectors that match none."""
    from pytest_mimic._tools.shown.comparing import Comparer
    from pytest_mimic._tools.shown.vault_diff import VaultDiff

    options = invocation.options
    if len(options.words) != 2:
        raise MimicError(
            "diff takes two recordings or vaults, or --git REV", remedies=["see pytest-mimic diff --help"]
        )
    sides = {path: _side(invocation, path) for path in options.words}
    if unmatched := [path for path, side in sides.items() if side is None]:
        return [], unmatched
    (old, first), (new, second) = (side for path in options.words if (side := sides[path]) is not None)
    diff = VaultDiff(old, new, Comparer(invocation.redactor, loads=options.load))
    names = [first, second]
    if all(names):
        return diff.pair(*names), []
    if any(names):
        raise MimicError("a recording cannot be compared with a whole vault")
    return diff.all(), []


def _side(invocation: Invocation, path: str) -> tuple[Vault, str] | None:
    """Return the vault to which a path leads, and the name of a recording in it, empty for the vault.

    What is no path is a selector of one recording. None: it matches nothing.
    """
    from pytest_mimic._tools.shown.vault_diff import folder_vault, vault_of

    policy = invocation.settings.pickles if invocation.options.load else "forbid"
    if not Path(path).exists():
        files = SelectorsHere(invocation, [path]).choose(Catalog(invocation.vault).files(), of_file)
        if not files:
            return None
        if len(files) > 1:
            raise MimicError(
                f"{path} matches {len(files)} recordings: diff takes two, such as the first digits of their names"
            )
        label = invocation.settings.shown_vault
        return folder_vault(invocation.settings.vault, label, pickles=policy), files[0].name
    folder, name = vault_of(Path(path).absolute(), path)
    label = path.removesuffix(f"/{name}") if name else path
    return folder_vault(folder, label, pickles=policy), name


def _print(invocation: Invocation, found: list[CallDifference]) -> None:
    from pytest_mimic._tools.shown.difference_lines import HEADINGS, argument_line, counts, shown

    out = invocation.out
    styles = {"added": "green", "removed": "red", "damaged": "red"}
    for one in found:
        out.line((HEADINGS[one.change][0], styles.get(one.change, "yellow")), ": ", (one.call, "bold"))
        if one.before and one.before != one.call:
            out.line(f"  before: {one.before}")
        if one.test:
            out.line("  ", (one.test, "dim"))
        for difference in one.arguments:
            out.line(f"  {argument_line(difference)}")
        for line in shown(one.outcomes, arrow=out.sign("→", "->")):
            out.line("    ", *line)
        for text in one.lines:
            out.line(f"    {text}")
    if found:
        out.line(counts(found))
    if not invocation.options.load and any(part.is_opaque for one in found for part in one.outcomes):
        out.line("  to compare the values of pickles: add --load")
