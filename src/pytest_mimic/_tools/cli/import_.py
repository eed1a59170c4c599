"""Import cassettes of vcrpy and pytest-recording (YAML, JSON) into the vault.

A cassette of pytest-recording becomes recordings of its test. Any other one becomes a cassette of its name. Secrets are
hidden as in a recording run, and nothing is overwritten. The exit code is 1 if something was not imported.
"""

from __future__ import annotations

from pathlib import Path
from time import strftime
from typing import TYPE_CHECKING

from pytest_mimic._tools.cli.output import Result, add_dry_run

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from pytest_mimic._tools.cli.project import Invocation


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder of files")
    parser.add_argument(
        "--match",
        default="method,uri",
        metavar="PARTS",
        help="what counts, as in match_on of vcrpy: method, scheme, host, port, path, query, uri, headers, body (default: method,uri)",
    )
    add_dry_run(parser, "say what would be done, and write nothing")


def run(invocation: Invocation) -> Result:
    """Import. Found: something was not imported."""
    from pytest_mimic._tools.foreign.importing import Importer, ImportRequest, read_match
    from pytest_mimic._tools.foreign.recording_exchanges import targets_of

    options, project = invocation.options, invocation.project
    request = ImportRequest(
        paths=options.paths,
        settings=project.settings,
        targets=targets_of(project.ini),
        today=strftime("%Y-%m-%d"),
        here=project.here,
        match=read_match(options.match),
        dry_run=options.dry_run,
    )
    importer = Importer(request)
    lines = list(importer.run())
    return Result(lines, found=not importer.is_whole)
