"""The recordings that a subcommand was asked for: by SELECTOR, age, errors and changed sources."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.ambient import command
from pytest_mimic._core.describe.recorded_files import CatalogFile
from pytest_mimic._core.origin import is_version
from pytest_mimic._core.settings import days_in
from pytest_mimic._core.words import plural
from pytest_mimic._tools.shown.catalog import Catalog, hide_arguments
from pytest_mimic._tools.shown.outcome_words import error_of
from pytest_mimic._tools.shown.selectors import Selectable, Selectors, of_file
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.inputs.project_sources import ProjectSources
    from pytest_mimic._core.inputs.target_sources import Judgement
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation

SELECTOR_HELP = (
    "a test, a file or folder of tests; a target (shop.api:fetch, httpx); a pattern of calls (GET '/users/*'); a path in the "
    "vault; the first digits of a recording's name; or a word of a call"
)


class Chosen(NamedTuple):
    """The recordings that were asked for."""

    catalog: Catalog
    files: list[CatalogFile]  # the recordings and cassettes, by name
    damaged: list[str]  # the names of those that cannot be read
    unmatched: list[str]  # the selectors that match nothing
    unknown: dict[str, set[str]]  # with `--stale`, the targets that were not judged, by the reason

    @property
    def names(self) -> list[str]:
        return [*(file.name for file in self.files), *self.damaged]


def add_selectors(parser: Parser) -> None:
    parser.add_argument("selectors", metavar="SELECTOR", nargs="*", help=SELECTOR_HELP)
    chosen = parser.add_argument_group("only some of them")
    chosen.add_argument("--older", metavar="SPAN", help="recorded longer ago than this: 90d, 12w")
    chosen.add_argument("--errors", action="store_true", help="with an error as an outcome")
    chosen.add_argument(
        "--stale", action="store_true", help="whose source, or what they ran and read, has changed since"
    )


def given(invocation: Invocation) -> list[str]:
    """Return the words that choose recordings, empty if all were asked for."""
    options = invocation.options
    older = ("--older", options.older) if options.older else ()
    flags = {"--errors": options.errors, "--stale": options.stale}
    return [*options.selectors, *older, *(flag for flag, is_given in flags.items() if is_given)]


def select(invocation: Invocation) -> Chosen:
    """Return the recordings that the command was asked for. MimicError: an option has a wrong value."""
    options = invocation.options
    latest = _latest(options.older) if options.older else None
    catalog = Catalog(invocation.vault)
    files = catalog.files()
    if invocation.settings.redact:
        hide_arguments(files, invocation.redactor)
    selectors = SelectorsHere(invocation, options.selectors)
    files = sorted(selectors.choose(files, of_file), key=lambda file: file.name)
    damaged = selectors.choose(sorted(catalog.damaged), of_name)
    if latest is not None:
        files = [file for file in files if file.recorded and max(file.recorded, file.checked) < latest]
    if options.errors:
        files = [file for file in files if is_error(file)]
    unknown: dict[str, set[str]] = {}
    if latest is not None or options.errors or options.stale:
        damaged = []
    if options.stale:
        catalog.damaged.clear()
        files, unknown = stale(invocation, files, catalog.damaged)
        damaged = list(catalog.damaged)
    return Chosen(catalog, files, damaged, selectors.unmatched, unknown)


class SelectorsHere(Selectors):
    """Selectors with paths as they are in the current folder."""

    def __init__(self, invocation: Invocation, words: Sequence[str]) -> None:
        given = dict(zip(_in_vault(invocation, words), words))
        project = invocation.project
        is_below = project.here.is_relative_to(project.rootdir) and project.here != project.rootdir
        below = f"{project.here.relative_to(project.rootdir).as_posix()}/" if is_below else ""
        super().__init__(list(given), below=below)
        self._given = given

    @property
    def unmatched(self) -> list[str]:
        """The selectors that have matched nothing, as they were given."""
        return [self._given[word] for word in self.left]


def of_name(name: str) -> Selectable:
    """Return by what a recording or cassette is selected that cannot be read."""
    return Selectable((name,), (), (), tuple)


def _in_vault(invocation: Invocation, words: Sequence[str]) -> list[str]:
    """Return selectors with the paths of existing files of the vault as names in it."""
    settings = invocation.settings
    found = []
    for word in words:
        name = ""
        if "/" in word or "\\" in word:
            absolute = Path(word).absolute()
            if absolute.is_relative_to(settings.vault) and absolute.exists():
                name = absolute.relative_to(settings.vault).as_posix()
        found.append(name or word.removeprefix(f"{settings.shown_vault}/"))
    return found


def _latest(span: str) -> str:
    """Return the date that lies so long ago, `2026-08-24` for `90d`. MimicError: it is no span."""
    try:
        return (date.today() - timedelta(days=days_in(span))).isoformat()
    except ValueError as fault:
        raise MimicError(f"--older {fault}") from None


def is_error(file: CatalogFile) -> bool:
    """Return whether an outcome of a recording or cassette is an error."""
    return any(error_of(call, entry) for call in file.calls for entry in call.outcomes)


def report_damaged(invocation: Invocation, count: int) -> None:
    """Print how many files could not be read, if there are any."""
    if count:
        check = invocation.command("check")
        invocation.out.line((f"{plural(count, 'file')} cannot be read: {check}", "red"))


def report_unmatched(invocation: Invocation, unmatched: Sequence[str]) -> None:
    """Print the selectors that match nothing."""
    if unmatched:
        label = invocation.settings.shown_vault
        invocation.out.line((f"nothing in {label} matches {', '.join(unmatched)}", "yellow"))


def report_left_out(invocation: Invocation, selection: Chosen) -> int:
    """Print the selectors that match nothing, and the targets that were not judged; return the exit code."""
    report_unmatched(invocation, selection.unmatched)
    for reason, targets in selection.unknown.items():
        invocation.out.line((f"not judged, because {reason}: {', '.join(sorted(targets))}", "yellow"))
    return 1 if selection.unmatched else 0


def report_nothing(invocation: Invocation, selection: Chosen) -> int:
    """Print that nothing was selected, or that there is no recording at all; return the exit code."""
    label = invocation.settings.shown_vault
    is_asked, names, damaged = given(invocation), invocation.vault.names(), selection.catalog.damaged
    if not names:
        invocation.out.line(f"no recordings in {label}")
        invocation.out.line(f"  to record: {command('--mimic-record')}")
        return 1 if is_asked else 0
    if not selection.unmatched and len(names) > len(damaged):
        invocation.out.line(f"nothing in {label} matches {' '.join(is_asked)}")
    report_left_out(invocation, selection)
    report_damaged(invocation, len(damaged))
    return 1


def stale(
    invocation: Invocation, files: list[CatalogFile], lost: dict[str, MimicError]
) -> tuple[list[CatalogFile], dict[str, set[str]]]:
    """Return those of the recordings that are stale, and the targets that were not judged: modules are read, not imported.

    `lost` gets the errors of lists of what calls ran and read that cannot be read.
    """
    from pytest_mimic._core.inputs.project_sources import ProjectSources
    from pytest_mimic._core.inputs.target_sources import judge

    judged: dict[tuple[str, str], Judgement] = {}
    found = list[CatalogFile]()
    unknown: dict[str, set[str]] = {}
    settings = invocation.settings
    sources = None if settings.inputs == "ignore" else ProjectSources(settings.rootdir, settings.vault)
    for file in files:
        is_stale = sources is not None and _has_changed_inputs(invocation, file, sources, lost)
        if is_stale is None and hasattr(sys, "monitoring"):  # else nothing can note them here
            unknown.setdefault("the functions that they ran were not noted", set()).add(file.calls[0].target)
        for call in file.calls:
            if call.source is None or is_version(call.source):  # a client, or a function of a library
                continue
            key = (call.target, call.source)
            if key not in judged:
                with importable(invocation, file):
                    judged[key] = judge(*key)
            is_stale = is_stale or judged[key] == "changed"
            if judged[key] == "unknown" and not is_stale:
                unknown.setdefault("reading their modules is not enough", set()).add(call.target)
        if is_stale:
            found.append(file)
    return found, unknown


def _has_changed_inputs(
    invocation: Invocation, file: CatalogFile, sources: ProjectSources, lost: dict[str, MimicError]
) -> bool | None:
    """Check whether something has changed that a recorded call ran or read. None if its functions were not noted."""
    from pytest_mimic._core.inputs.input_lists import changed_inputs, why_not_noted

    is_noted = True
    lists = {entry["inputs"] for entry in file.outcomes if "inputs" in entry}
    for name in sorted(lists):
        try:
            with importable(invocation, file):
                text = invocation.vault.objects.input_list(name)
                if changed_inputs(text, sources):
                    return True
                is_noted = is_noted and not why_not_noted(text)
        except MimicError as error:
            lost[name] = error
    return False if is_noted else None


@contextmanager
def importable(invocation: Invocation, file: CatalogFile) -> Iterator[None]:
    """Put the folders on the path from which the tests import: the rootdir, `pythonpath` and the test's folder."""
    before = list(sys.path)
    sys.path[:0] = _folders_of(invocation, file)
    try:
        yield
    finally:
        sys.path[:] = before


def _folders_of(invocation: Invocation, file: CatalogFile) -> list[str]:
    """Return the folders from which a test imports besides those of the environment."""
    project = invocation.project
    given = " ".join(project.ini.lines("pythonpath")).split()
    folders = [project.rootdir / folder for folder in given]
    if file.test:
        folders.append(_base_of(project.rootdir / Path(file.test.partition("::")[0])))
    return list(dict.fromkeys(str(folder) for folder in (*folders, project.rootdir, project.here)))


def _base_of(module: Path) -> Path:
    """Return the folder from which pytest imports a test module: the first one upwards that is no package."""
    folder = module.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
    return folder
