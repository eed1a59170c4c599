"""The pages show real output: their files are written and their commands are run, in order. So do their pictures."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.llm_server import proxied_llm

from pytest_mimic._core.seam.registry import CLIENTS

REPOSITORY = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "docs/tutorial.md",
    "docs/how-to/hidden-inputs.md",
    "docs/contributing/add-a-client.md",
    "docs/contributing/add-a-type.md",
]
# A fenced block, or a picture made by scripts/terminal_pictures.py.
PART = re.compile(
    r"^```(\w+)\n(.*?)^```$|^!\[[^\]]*\]\([\w:/.-]*?(docs/_terminal/[\w-]+\.svg)\)$",
    re.DOTALL | re.MULTILINE,
)
COLUMN = 12.2  # the width of a column in a picture of rich

# Parts that differ from run to run or from machine to machine, with their replacements.
VARIES = [
    (r"^(platform|rootdir:|configfile:|plugins:|cachedir:|hypothesis profile).*\n", ""),
    (r"^[ E]+\^+\n", ""),  # Python 3.10 does not mark the part of a line
    (r"(?<=\ds) \(\d+:\d\d:\d\d\)", ""),  # pytest prints durations over a minute twice
    (r"\d[\d.]*( ?)(ms|s)\b", r"#\1\2"),
    (r"\d[\d.]* k?B\b", "# B"),  # lists of what a call ran are longer on newer Pythons
    (r"\d{4}-\d\d-\d\d", "####-##-##"),
    (r"\b[0-9a-f]{32}\b", "#"),
    (r'"duration": [\d.e-]+', '"duration": #'),
    (r', "inputs": "[^"]*"', ""),  # Python 3.12 and newer note more
    (r"^(FAILED \S+) - .*", r"\1"),  # cut at the width of the terminal
    (r"=+(?= )|(?<= )=+|_{3,}|(?:_ ){3,}_?", "="),
]


# How the pages call a client, if not as its client is named.
SPELLED = {"sqlalchemy": "SQLAlchemy", "redis": "redis-py"}


@pytest.mark.promise("the docs name the versions of each client that its client was tested with")
@pytest.mark.parametrize("client", sorted(set(CLIENTS) - {"http"}))
def test_the_versions_of_a_client_are_named(client):
    pages = [REPOSITORY / f"docs/how-to/{name}.md" for name in ("http-clients", "databases", "grpc", "mcp")]
    rows = [
        line
        for page in pages
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    client = SPELLED.get(client, client)

    first_cells = {row.split("|")[1]: row for row in rows if row.count("|") >= 4}

    [row] = [
        row for cell, row in first_cells.items() if re.search(rf"(?<![\w.]){re.escape(client)}(?!\w)", cell)
    ]
    assert re.search(r"\d+\.\d+", row)


URLS = dict(
    re.findall(r'^(\w+) = "(https://[^"]+)"$', (REPOSITORY / "pyproject.toml").read_text("utf-8"), re.M)
)
#: Where the README leads to. PyPI shows it too, so its links are absolute.
PLACES = {
    f"{URLS['Homepage']}/blob/main": (REPOSITORY, ""),
    f"{URLS['Homepage']}/main".replace("github.com", "raw.githubusercontent.com"): (REPOSITORY, ""),
    f"{URLS['Documentation']}/en/latest": (REPOSITORY / "docs", ".md"),
}


def test_each_link_of_the_readme_leads_to_a_file():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")

    linked = []
    for link in re.findall(r"\]\(([^)]+)\)", readme):
        [(place, path)] = [
            (place, link[len(place) + 1 :]) for place in PLACES if link.startswith(f"{place}/")
        ]
        root, suffix = PLACES[place]
        linked.append(root / (re.sub(r"\.html$", suffix, path) if suffix else path))

    assert [path for path in linked if not path.exists()] == []


@pytest.fixture
def model(monkeypatch):
    """A fake of OpenAI's API, which the SDK in another process reaches."""
    pytest.importorskip("openai", reason="the README's example needs openai")
    with proxied_llm() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_real_output(request, project, page):
    if page == "README.md":
        request.getfixturevalue("model")
    for language, text, picture in PART.findall((REPOSITORY / page).read_text(encoding="utf-8")):
        if language == "console" or picture:
            for command, expected in _commands(text or _drawn(REPOSITORY / picture)):
                printed = _run(project, command)
                assert _agree(expected, printed), f"$ {command}\n{printed}"
        elif (named := re.match(r"# (\S+\.\w+)\n", text)) is not None:
            project.write(named.group(1), text)


def _drawn(picture: Path) -> str:
    """Return the text of a terminal that a picture shows."""
    lines: dict[float, str] = {}
    for piece in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text"):
        y, column = float(piece.attrib["y"]), round(float(piece.attrib["x"]) / COLUMN)
        lines[y] = lines.get(y, "").ljust(column) + (piece.text or "").replace("\xa0", " ")
    return "".join(f"{line.rstrip()}\n" for line in lines.values())


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block with the output that the page shows."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def _run(project, command: str) -> str:
    """Run a command as a reader who has installed only pytest-mimic."""
    python = shlex.quote(sys.executable)
    variables = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p mimic", "COLUMNS": "80"}
    done = subprocess.run(
        re.sub(r"^((?:\w+=\S+ )*)pytest\b", rf"\1{python} -m pytest", command),
        shell=True,
        cwd=project.root,
        env={**project.environment(), **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.stdout + done.stderr


def _agree(expected: str, printed: str) -> bool:
    """Return whether two outputs agree apart from varying parts, whitespace, and `...` in the page."""
    for pattern, replacement in VARIES:
        expected = re.sub(pattern, replacement, expected, flags=re.MULTILINE)
        printed = re.sub(pattern, replacement, printed, flags=re.MULTILINE)
    return OutputChecker().check_output(expected, printed, ELLIPSIS | NORMALIZE_WHITESPACE)
