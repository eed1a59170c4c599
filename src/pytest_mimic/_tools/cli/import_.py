"""Import cassettes of vcrpy, pytest-recording and cassetter (YAML, JSON), and HAR files into the vault.

A cassette of pytest-recording becomes recordings of its test. Any other file becomes a cassette of its name. Secrets are
hidden as in a recording run. The exit code is 1 if something was not imported.
"""

from __future__ import annotations

from pathlib import Path
from time import strftime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation


def add_arguments(parser: Parser) -> None:
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder of files")
    parser.add_argument(
        "--match",
        default="method,uri",
        metavar="PARTS",
        help="what counts, as in match_on of vcrpy: method, scheme, host, port, path, query, uri, headers, body (default: method,uri)",
    )
    parser.add_argument(
        "--as", dest="form", choices=("cassette",), help="cassettes, whatever the names of the files lead to"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace recordings that are in the vault")
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="say what would be done, and write nothing"
    )


def run(invocation: Invocation) -> int:
    """Import, print the report, and return 1 if something was not imported."""
    from pytest_mimic._tools.foreign.importing import Importer, ImportRequest, read_match
    from pytest_mimic._tools.foreign.recording_exchanges import targets_of

    options, project = invocation.options, invocation.project
    invocation.refuse_file()
    request = ImportRequest(
        paths=options.paths,
        settings=project.settings,
        targets=targets_of(project.ini),
        today=strftime("%Y-%m-%d"),
        here=project.here,
        match=read_match(options.match),
        as_cassettes=options.form == "cassette",
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
