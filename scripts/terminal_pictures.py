"""Draw the pictures of a terminal in the README.

Run it as `python scripts/terminal_pictures.py`. It needs rich and httpx. It writes the
files of the README and runs its commands, in order. Each picture shows the command of
the last block `sh` above it. A block `diff` changes the file before it. The requests go
to a fake of the service, by way of a proxy, so that the pictures show the real host.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.chat_server import proxied_chat  # noqa: E402

WIDTH = 96
PART = re.compile(
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$"
    r"|^!\[[^\]]*\]\([\w:/.-]*?(?P<picture>docs/_terminal/[\w-]+\.svg)\)$",
    re.DOTALL | re.MULTILINE,
)
# These lines name the machine.
_MACHINE = re.compile(
    r"^(platform |rootdir: |configfile: |plugins: |cachedir: ).*\n", re.MULTILINE
)
# What stands between the user's own code and the report of the miss is the traceback
# through libraries.
_LIBRARIES = re.compile(r"(?<=\n)[^\n]*site-packages.*?(?=\n-+ mimic -+)", re.DOTALL)
# GitHub loads no fonts for a picture. The background is dark in both of its themes.
_SVG = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, SFMono-Regular, Consolas, \
"DejaVu Sans Mono", monospace }}
{styles}
</style>
<defs>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Output(NamedTuple):
    """What a picture shows.

    Attributes:
        picture: The path of the picture in the repository.
        command: As the README has it.
        text: What the command printed, with its colours.
    """

    picture: str
    command: str
    text: str


def outputs(page: str, folder: Path, variables: dict[str, str]) -> Iterator[Output]:
    """Write a page's files into a folder, and yield what each picture shows."""
    command, file = "", folder
    for part in PART.finditer(page):
        if part["picture"] is not None:
            yield Output(part["picture"], command, _run(command, folder, variables))
            continue
        if part["language"] == "sh":
            command = part["text"].strip()
            continue
        if part["language"] == "diff":
            text = file.read_text(encoding="utf-8")
            old, new = re.findall(r"^[-+](.*)$", part["text"], re.MULTILINE)
            file.write_text(text.replace(old, new), encoding="utf-8")
            continue
        # The first line of a file is its name: `# test_answers.py`.
        named = re.match(r"# (\S+\.\w+)\n", part["text"])
        if named is not None:
            file = folder / named[1]
            file.write_text(part["text"], encoding="utf-8")


def _run(command: str, folder: Path, variables: dict[str, str]) -> str:
    """Run a command of pytest, and return its output without what names the machine."""
    words = shlex.split(command)
    program = words.index("pytest")
    environment = {**os.environ, **variables}
    # Before the program stand variables of the environment, `NAME=value`.
    for word in words[:program]:
        name, value = word.split("=", 1)
        environment[name] = value
    environment["COLUMNS"] = str(WIDTH)
    environment["PYTEST_ADDOPTS"] = "-p mimic --color=yes"
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    environment.pop("CI", None)
    done = subprocess.run(
        [sys.executable, "-m", *words[program:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    without_machine = _MACHINE.sub("", done.stdout + done.stderr)
    return _LIBRARIES.sub("...", without_machine)


def picture(command: str, output: str, name: str) -> str:
    """Return a terminal with a command and its coloured output as SVG."""
    text = Text.assemble(
        ("$ ", "dim"), (command, "bold"), "\n", Text.from_ansi(output.rstrip())
    )
    console = Console(
        record=True,
        file=StringIO(),
        width=WIDTH,
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(text, no_wrap=True, overflow="ellipsis")
    return console.export_svg(title="", code_format=_SVG, unique_id=name)


def main() -> None:
    """Draw the pictures."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    with (
        tempfile.TemporaryDirectory() as folder,
        proxied_chat(delay=0.4) as variables,
    ):
        for output in outputs(readme, Path(folder), variables):
            path = ROOT / output.picture
            svg = picture(output.command, output.text, path.stem)
            path.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
