"""Import cassettes of vcrpy, pytest-recording and cassetter (YAML, JSON), and HAR files into the vault.

A cassette of pytest-recording becomes recordings of its test. Any other file becomes a cassette of its name. Secrets are
hidden as in a recording run. The exit code is 1 if something was not imported.
"""

from __future__ import annotations

from pathlib import Path
from time import strftime
from typing import TYPE_CHECKING

from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation, Project


def add_arguments(parser: Parser) -> None:
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder of files")
    parser.add_argument(
        "--match",
        default="method,uri",
        metavar="PARTS",
        help="what counts, as in match_on of vcrpy: method, scheme, host, port, path, query, uri, headers, body (default: method,uri)",
    )
    parser.add_argument(
        "--as",
        dest="form",
        choices=("auto", "cassette", "recordings"),
        default="auto",
        help="cassettes, or recordings of the tests that the names of the files lead to (default: what fits)",
    )
    parser.add_argument("--name", default="", help="the name of the cassette, for a single file")
    parser.add_argument(
        "--redact",
        action="append",
        default=[],
        metavar="NAME",
        help="a further secret name, as in mimic_redact",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace recordings that are in the vault")
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="say what would be done, and write nothing"
    )


def run(invocation: Invocation) -> int:
    """Import, print the report, and return 1 if something was not imported."""
    from pytest_mimic._tools.foreign.importing import Importer, ImportRequest, read_match, targets_of

    options, project = invocation.options, invocation.project
    request = ImportRequest(
        paths=options.paths,
        settings=_settings(project, options.redact),
        targets=targets_of(project.ini),
        today=strftime("%Y-%m-%d"),
        here=project.here,
        match=read_match(options.match),
        form=options.form,
        name=options.name,
        overwrite=options.overwrite,
        dry_run=options.dry_run,
    )
    report = Importer(request).run()
    if options.json:
        invocation.out.json(report.as_json())
    else:
        for line in report.lines():
            invocation.out.line(line)
    return 1 if report.leftovers else 0


def _settings(project: Project, redact: list[str]) -> Settings:
    """Return the settings of the project's runs, with further secret names."""
    from pytest_mimic._core.redact.secret_names import read_names

    settings = project.settings
    if settings.vault.exists() and not settings.vault.is_dir():
        raise MimicError(f"the vault {settings.shown_vault} is not a folder")
    names = list(settings.redact)
    for line in redact:
        try:
            names += read_names(line)
        except ValueError as reason:
            raise MimicError(f"--redact: {reason}") from None
    return settings._replace(redact=tuple(names))
