"""The pages show real output, and name only what exists. So do the pictures.

A page's files are written and its commands run, in order. `tests/e2e/pages` holds what
a page leaves out to stay short:
files and commands that run before it. An output of which a page shows a part is looked
for in all that was printed.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import sys
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from configparser import ConfigParser
from contextlib import redirect_stdout, suppress
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from functools import cache
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent, indent
from xml.etree import ElementTree

import pytest
from support import face
from support.cart_server import cart_server
from support.chat_server import proxied_chat

import pytest_mimic
from pytest_mimic.values.rows import TAGS
from pytest_mimic.vault.recording import FORMAT

REPOSITORY = Path(__file__).parents[2]
#: Every page but the changelog, which names what is gone.
ALL = {
    path.relative_to(REPOSITORY).as_posix(): path.read_text(encoding="utf-8")
    for path in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md")))
    if path.name != "changelog.md" and "_build" not in path.parts
}
#: What runs before a page, by its name.
BEFORE = {
    path.name: path.read_text(encoding="utf-8")
    for path in Path(__file__).parent.glob("pages/*.md")
}
#: Each page that shows an output is run.
PAGES = [
    name
    for name, text in ALL.items()
    if name == "README.md" or re.search(r"^```(console|text)$", text, re.MULTILINE)
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
    (r"^E +(pytest_mimic\.)?(?=\S)", ""),
    (r"(?<=\ds) \(\d+:\d\d:\d\d\)", ""),  # pytest prints durations over a minute twice
    # A short time stands in milliseconds: `<1 ms`.
    (r"<?\d[\d.]*( ?)m?s\b", r"#\1s"),
    (r"\d[\d.]* k?B\b", "# B"),  # lists of what a call ran are longer on newer Pythons
    (r"\d[\d,]* (tokens|bytes)\b", r"# \1"),
    (r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?)?", "####-##-##"),
    (r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b", "#"),
    (r"\b([0-9a-f]{2}/)?([0-9a-f]{32,64}\b|[0-9a-f]{2,8}…)", "#"),
    (r"\bsha256:[0-9a-f]{8}\b", "sha256:#"),
    (r'"(duration|seconds)": [\d.e-]+', r'"\1": #'),
    (r'"digest": "[0-9a-f]{8}"', '"digest": #'),
    (r', "inputs": "[^"]*"', ""),  # Python 3.12 and newer note more
    (r"^(FAILED \S+) - .*", r"\1"),  # cut at the width of the terminal
    (
        r"=+(?= )|(?<= )=+|_{3,}|(?:_ ){3,}_?|-{3,}(?= mimic)|(?<=mimic )-{3,}",
        "=",
    ),  # as wide as the terminal
]
if sys.version_info < (3, 12):
    VARIES.append((r"^  shop.tax:rate .*\n", ""))  # a function that a recorded call ran


# How the pages call a client, if not as its client is named.
SPELLED = {"sqlalchemy": "SQLAlchemy", "redis": "redis-py"}


CLIENTS = "httpx httpx2 requests aiohttp urllib3 http.client sqlalchemy redis"


@pytest.mark.parametrize("client", CLIENTS.split())
def test_the_versions_of_a_client_are_named(client):
    pages = [REPOSITORY / f"docs/how-to/{name}.md" for name in ("http", "databases")]
    rows = [
        line
        for page in pages
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    client = SPELLED.get(client, client)

    name = re.compile(rf"(?<![\w.]){re.escape(client)}(?!\w)")
    of_client = [row for row in rows if name.search(row.split("|")[1])]
    assert any(re.search(r"\d+\.\d+", row) for row in of_client)


def test_each_link_of_the_readme_leads_to_a_file():
    """The built package has whole addresses in their place: on an index there are no files."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", readme)

    assert [link for link in links if not (REPOSITORY / link).exists()] == []
    described = metadata("pytest-mimic")["Description"]
    built = re.findall(
        r"(!?)\[[^]]*\]\(https://.*?/(raw|blob)/main/([^)]+)\)", described
    )
    assert [link for _, _, link in built] == links
    assert {kind for is_picture, kind, _ in built if is_picture} == {"raw"}
    assert {kind for is_picture, kind, _ in built if not is_picture} == {"blob"}


def test_the_readme_installs_this_version():
    readme, project = (
        (REPOSITORY / name).read_text(encoding="utf-8")
        for name in ("README.md", "pyproject.toml")
    )
    [version] = re.findall('^version = "(.+)"$', project, re.MULTILINE)

    assert re.findall(r"pytest-mimic==(\S+)", readme) == [version]


@pytest.fixture
def services(monkeypatch):
    """Fakes of public services, which keep their hosts, and a shopping cart."""
    with proxied_chat() as chat, cart_server() as cart:
        for name, value in {
            **chat,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "SHOP": cart.url,
        }.items():
            monkeypatch.setenv(name, value)
        yield


#: What pages need besides pytest-mimic: libraries, or services.
NEEDS = {
    "README.md": ("services", "httpx"),
    "docs/how-to/http.md": ("services", "requests"),
    "docs/how-to/dates-and-ids.md": ("sqlalchemy",),
}


# The tutorial calls a slow function, which takes a tenth of the time with these primes.
SMALLER = {
    "32_452_843": "1_452_853",
    "32_452_867": "1_452_863",
    "7_368_787": "268_049",
    "32452843": "1452853",
    "32452867": "1452863",
    "54299021851369": "71850266401",
    "5d61*": "6629*",
}


# The characters of a line in the pictures of `scripts/terminal_pictures.py`. A list is
# laid out for the width of the terminal.
PICTURED = "96"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_real_output(request, project, capsys, page):
    """A reader has installed only pytest-mimic, and what the page needs."""
    for need in NEEDS.get(page, ()):
        if need == "services":
            request.getfixturevalue(need)
        elif find_spec(need) is None:
            pytest.skip(f"the page needs {need}")
    project.monkeypatch.setenv("COLUMNS", PICTURED if page == "README.md" else "80")

    source = BEFORE.get(Path(page).name, "") + ALL[page]
    for number, smaller in SMALLER.items():
        source = source.replace(number, smaller)
    printed = ""
    file = ""
    for language, text, picture in PART.findall(source):
        if language == "console" or picture:
            for command, expected in _commands(text or _drawn(REPOSITORY / picture)):
                output = _run(project, capsys, command)
                printed += output
                assert not expected or _agree(expected, output), (
                    f"$ {command}\n{output}"
                )
        elif (named := re.match(r"# (\S+\.\w+)\n", text)) is not None:
            file = named.group(1)
            project.write(file, text)
        elif language == "diff":
            _change(project.root / file, text)
        elif language == "text":
            assert _agree(f"...{text}...", printed), f"{text}\nis not in\n{printed}"


def _change(file, difference):
    old, new = re.findall(r"^[-+](.*)$", difference, re.MULTILINE)
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")


def _drawn(picture):
    """Return the text of a terminal that a picture shows."""
    lines: dict[float, str] = {}
    for piece in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text"):
        y, column = float(piece.attrib["y"]), round(float(piece.attrib["x"]) / COLUMN)
        lines[y] = lines.get(y, "").ljust(column) + (piece.text or "").replace(
            "\xa0", " "
        )
    # The picture cuts a line that is wider than it is.
    texts = (re.sub("…$", "...", line.rstrip()) for line in lines.values())
    return "".join(f"{text}\n" for text in texts)


def _commands(text):
    """Yield each command of a console block with the output that the page shows."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def _run(project, capsys, command):
    """Run a command: pytest and pytest-mimic in this process, another one in a shell."""
    given, program, rest = re.fullmatch(r"((?:\w+=\S+ )*)(\S+) ?(.*)", command).groups()
    variables = dict(pair.split("=", 1) for pair in given.split())
    if program == "pytest":
        return project.run(*shlex.split(rest), env=variables).output + "\n"
    if program == "pytest-mimic":
        capsys.readouterr()
        face.command(shlex.split(rest))
        return "".join(capsys.readouterr())
    done = subprocess.run(
        command,
        shell=True,
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def _agree(expected, printed):
    """Return whether two outputs agree apart from varying parts, whitespace, and `...` in the page."""
    for pattern, replacement in VARIES:
        expected = re.sub(pattern, replacement, expected, flags=re.MULTILINE)
        printed = re.sub(pattern, replacement, printed, flags=re.MULTILINE)
    return OutputChecker().check_output(
        expected, printed, ELLIPSIS | NORMALIZE_WHITESPACE
    )


BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(
    r"(?:^ {4,}|^\$ |`|run: |entry: |script: )(?:\w+=\S+ )*(pytest|pytest-mimic) (--\w[^`\n]*|(?!\w+,)\w[^`\n]*)",
    re.MULTILINE,
)


# Their clients are distributions of their own, which are not installed.
OF_OTHER_CLIENTS = ("docs/contributing/", "docs/how-to/grpc-and-mcp.md")


@pytest.mark.parametrize("page", ALL)
def test_a_page_names_only_what_exists(pytester, monkeypatch, page):
    """Its blocks are in their language, and its commands, options and ini lines pass the parsers."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    config = pytester.parseconfig("-p", "pytest_mimic.plugin")
    for language, block in BLOCK.findall(ALL[page]):
        text = dedent(block)
        if language == "python":
            compile(text, page, "exec", PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        elif language == "json":
            values = text.replace("}\n{", "},{")
            json.loads(f"[{values}]" if text.startswith("{") else f"{{{values}}}")
        elif language == "yaml":
            pytest.importorskip("yaml").safe_load(text)
        elif language == "ini" and not page.startswith(OF_OTHER_CLIENTS):
            _read_ini(config, text)
    shown = re.sub(r"^```text\n.*?^```$", "", ALL[page], flags=re.DOTALL | re.MULTILINE)
    for program, rest in COMMAND.findall(
        re.sub(r"\$\{\{.*?\}\}", "1", shown)
    ):  # an expression of GitHub
        _read_command(config, program, shlex.split(rest, comments=True))
    for name in set(re.findall(r"--(mimic-[a-z-]*[a-z])", ALL[page])):
        assert hasattr(config.option, name.replace("-", "_")), name
    for name in set(re.findall(r"\b(mimic_[a-z_]+) = ", ALL[page])):
        config.getini(name)


def _read_ini(config, text):
    """Read an ini file, some lines of one, or lines of `mimic_functions` alone."""
    if not re.search(r"^(\[|\w+ =)", text, re.MULTILINE):
        text = "mimic_functions =\n" + indent(text, "    ")
    if "[pytest]" not in text:
        text = f"[pytest]\n{text}"
    ini = ConfigParser(interpolation=None)
    ini.read_string(text)
    for name, value in ini["pytest"].items():
        config.getini(name)
        if name == "mimic_functions":
            for line in value.splitlines():
                face.line(line)


def _read_command(config, program, words):
    if program == "pytest":
        _, unknown = config._parser.parse_known_and_unknown_args(words)
        assert not [word for word in unknown if word.startswith("--mimic")], words
        return
    command, *words = words
    known = _options_of(command)
    for word in words:
        assert not word.startswith("-") or word.partition("=")[0] in known, word


@cache
def _options_of(command):
    """Return the options of a subcommand, as its help names them."""
    return set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", _help(command)))


def _help(*command):
    said = io.StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        assert face.command([*command, "--help"]) == 0
    return said.getvalue()


def test_the_reference_has_the_names_that_there_are(project, monkeypatch):
    """Options, ini keys, fixtures, the marker, commands, errors and the package's other names: those and none besides."""
    pages = {
        path.stem: path.read_text("utf-8")
        for path in (REPOSITORY / "docs/reference").glob("*.md")
    }
    monkeypatch.setenv("COLUMNS", "200")
    listed = project.run("--help").output
    fixtures = re.findall(
        r"^(mimic_\w+)\b.* -- .*\n +(.+)",
        project.run("--fixtures").output,
        re.MULTILINE,
    )
    markers = re.findall(
        r"^@pytest\.mark\.(mimic\w*)\(.*\): (.+)",
        project.run("--markers").output,
        re.MULTILINE,
    )
    commands = re.findall(r"^ {2,4}(\w+)  ", _help(), re.MULTILINE)
    errors = {name for name in pytest_mimic.__all__ if name.endswith("Error")}

    def named(pattern, page):
        return sorted(re.findall(pattern, pages[page], re.MULTILINE))

    assert named(r"^### `(--mimic-[\w-]+)`", "configuration") == sorted(
        set(re.findall(r"^  (--mimic-[\w-]+)", listed, re.M))
    )
    assert named(r"^### `(mimic_\w+)`", "configuration") == sorted(
        set(re.findall(r"^  (mimic_\w+) \(", listed, re.M))
    )
    assert named(r"^\| `(mimic_\w+)", "python") == sorted(
        name for name, doc in fixtures if doc
    )
    assert [name for name, doc in markers if doc] == ["mimic"]
    assert "pytest.mark.mimic" in pages["python"]
    assert named(r"^## ([a-z]+)$", "command") == sorted(set(commands))
    assert {"MimicError", *named(r"^\| `(\w+Error)`", "python")} == errors
    assert [
        name for name in {*pytest_mimic.__all__} - errors if name not in pages["python"]
    ] == []


def test_the_page_of_the_format_has_each_tag():
    page = (REPOSITORY / "docs/internals/vault-format.md").read_text("utf-8")
    written = {*re.findall(r"\$[a-z0-9]+\b(?!:)", page)}
    named = {
        path: {*re.findall(r'"(\$[a-z0-9]+)"', path.read_text("utf-8"))}
        for path in face.PACKAGE.rglob("*.py")
    }
    values = [named[path] for path in named if path.parent.name == "values"]

    assert {*TAGS}.union(*values) - {*re.findall(r"\$\w+", page)} == set()
    assert written - {*TAGS}.union(*named.values()) == set()
    assert f"Format {FORMAT}," in page
    assert f"| `format` | {FORMAT} |" in page
