"""Record the same small service with vcrpy, Timetracer, pytest-mimic 0.2.0 and this checkout; show what each does.

    python scripts/beside_peers.py          # writes docs/explanation/beside-the-peers.md

Each tool has an environment and a project of its own in a scratch folder, with the same client, the same tests as
far as its idioms allow, and the same server on loopback. Needs the network, for the package index alone. Outputs
are cut short, and freed of folders and ports; nothing else about them is changed.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from difflib import unified_diff
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import ClassVar, NamedTuple
from urllib.parse import urlsplit

from environments import build_wheel, environment

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "beside-the-peers.md"

WIDTH = 110

INTRODUCTION = """\
<!-- Made by scripts/beside_peers.py -->

# Beside its peers

The same small service, recorded by each tool on Python {python}, {today}: a shop on loopback, a client made with requests,
two tests. Each tool runs in an environment of its own, as its documentation has it: pytest-mimic with the line
`requests`, 0.2.0 with the client's function, vcrpy through pytest-recording's marker, Timetracer through its two
fixtures with `strict=True`. Outputs are as printed, cut short, without folders and ports.
"""

SECRETS = {
    "the API key, in the query": "key-3f9a1c77d2",
    "the bearer token, in a header": "bearer-8812ac40ef",
    "the session's token, in the answer": "session-55e0b19c3d",
}
KEY, BEARER, SESSION = SECRETS.values()

CLIENT = """\
import os

import requests


def fetch_price(item):
    answer = requests.get(
        f"http://127.0.0.1:{os.environ['SHOP_PORT']}/prices/{item}",
        params={"api_key": os.environ["SHOP_KEY"]},
        headers={"Authorization": f"Bearer {os.environ['SHOP_BEARER']}"},
        timeout=5,
    )
    answer.raise_for_status()
    return answer.json()


def label(item):
    try:
        return f"{item}: {fetch_price(item)['price']}"
    except Exception:
        return f"{item}: ask us"
"""

HAT = """

{decorator}def test_hat({fixture}):
    assert fetch_price("{item}")["item"] == "{item}"
"""

SCARF = """

{decorator}def test_scarf({fixture}):
    assert label("{item}").startswith("{item}")
"""

#: Timetracer's `timetracer_auto` writes under another name than it is given, so it is told what to play.
TIMETRACER_CONFTEST = """\
from pathlib import Path

import pytest


@pytest.fixture
def timetracer_cassette_dir(request):
    return Path(__file__).parent / "cassettes" / request.node.name


@pytest.fixture
def taped(timetracer_cassette_dir, timetracer_record, timetracer_replay):
    found = sorted(timetracer_cassette_dir.rglob("*.json"))
    with timetracer_replay(found[0], strict=True) if found else timetracer_record():
        yield
"""


class Tool(NamedTuple):
    """How one tool is set up and run."""

    name: str
    requirements: tuple[str, ...]
    store: str
    ini: str = ""
    conftest: str = ""
    decorator: str = ""
    fixture: str = ""
    record: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    rewrite: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


OURS = Tool(
    "pytest-mimic",
    ("requests",),
    ".mimic_vault",
    ini="mimic_functions =\n    requests\n",
    record=("--mimic-record",),
    verify=("--mimic-verify",),
    unused=("--mimic-fail-on-unused", "--mimic-clear-unused"),
)
TOOLS = (
    OURS,
    Tool(
        "pytest-mimic 0.2.0",
        ("pytest-mimic==0.2.0", "requests"),
        ".mimic_vault",
        ini="mimic_functions =\n    shop.fetch_price\n",
        record=("--mimic-record",),
        unused=("--mimic-fail-on-unused", "--mimic-clear-unused"),
    ),
    Tool(
        "vcrpy",
        ("vcrpy", "pytest-recording", "requests"),
        "cassettes",
        decorator="@pytest.mark.vcr\n",
        record=("--record-mode=once",),
        rewrite=("--record-mode=rewrite",),
    ),
    Tool(
        "Timetracer",
        ("timetracer", "requests"),
        "cassettes",
        conftest=TIMETRACER_CONFTEST,
        fixture="taped",
    ),
)


class Service(BaseHTTPRequestHandler):
    """The shop: tells a price, and issues a token with it."""

    price: ClassVar[object] = 12

    def do_GET(self) -> None:
        """Answer any request with a price."""
        item = urlsplit(self.path).path.rpartition("/")[2]
        body = json.dumps({"item": item, "price": self.price, "session_token": SESSION}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running(port: int = 0, *, price: object = 12) -> Iterator[int]:
    """The shop, open; its port."""
    handler = type("Handler", (Service,), {"price": price})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


class Seen(NamedTuple):
    """What a run printed, its pytest summary, and its exit code."""

    text: str
    verdict: str
    code: int


class Project:
    """A tool's project: the client, the tests, and what the tool has stored."""

    def __init__(self, tool: Tool, scratch: Path, wheel: Path, port: int) -> None:
        self.tool = tool
        self.port = port
        self.folder = scratch / re.sub(r"\W+", "-", tool.name)
        self.folder.mkdir()
        mine = [str(wheel)] if tool is OURS else []
        self.python = environment(scratch / f"venv-{self.folder.name}", ["pytest", *tool.requirements, *mine])
        (self.folder / "shop.py").write_text(CLIENT)
        (self.folder / "pytest.ini").write_text("[pytest]\n" + tool.ini)
        if tool.conftest:
            (self.folder / "conftest.py").write_text(tool.conftest)
        self.write()

    def write(self, *, hat: str = "hat", scarf: str | None = "scarf") -> None:
        """Write the tests: one of a hat, one of a scarf, whose label swallows errors."""
        words = {"decorator": self.tool.decorator, "fixture": self.tool.fixture}
        text = "import pytest\n" if self.tool.decorator else ""
        text += "from shop import fetch_price, label\n" + HAT.format(item=hat, **words)
        text += SCARF.format(item=scarf, **words) if scarf else ""
        (self.folder / "test_shop.py").write_text(text)

    def run(self, *arguments: str) -> Seen:
        """Run its tests in a process of their own."""
        command = [str(self.python), "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        shop = {"SHOP_PORT": str(self.port), "SHOP_KEY": KEY, "SHOP_BEARER": BEARER}
        variables = {**os.environ, **shop, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": str(WIDTH)}
        for name in ("CI", "PYTHONHASHSEED"):
            variables.pop(name, None)
        done = subprocess.run(
            command, cwd=self.folder, env=variables, capture_output=True, text=True, check=False
        )
        text = self.freed(done.stdout + done.stderr)
        ends = re.findall(r"^=+ (.*) in [\d.]+s =+$", text, re.MULTILINE)
        return Seen(text, ends[-1] if ends else "no verdict", done.returncode)

    def freed(self, text: str) -> str:
        """A text without folders, addresses of objects and ports."""
        text = text.replace(f"{self.folder}/", "").replace(str(self.folder), ".")
        text = re.sub(r"\S*/(?:site-packages|lib/python3\.\d+)/", "…/", text)
        text = re.sub(r"0x[0-9a-f]{6,}", "0x…", text)
        return text.replace(str(self.port), "8000")

    def stored(self) -> dict[str, bytes]:
        """The files that the tool has written."""
        store = self.folder / self.tool.store
        files = sorted(each for each in store.rglob("*") if each.is_file())
        return {each.relative_to(self.folder).as_posix(): each.read_bytes() for each in files}

    def versions(self) -> str:
        """What it ran with."""
        requirements = [self.tool.name.split()[0].lower(), *self.tool.requirements]
        names = list(dict.fromkeys(each.partition("==")[0] for each in requirements))
        code = f"from importlib.metadata import version\nprint(*(f'{{n}} {{version(n)}}' for n in {names}), sep=', ')"
        return subprocess.check_output([str(self.python), "-c", code], text=True).strip()


class Page:
    """The page as it grows: a table of what happened, and excerpts under it."""

    def __init__(self, projects: list[Project]) -> None:
        self.projects = projects
        self.rows: list[str] = []
        self.parts: list[str] = []

    def row(self, title: str, cells: Iterable[str]) -> None:
        """Add a line of the table, a cell a tool."""
        self.rows.append(f"| {title} | {' | '.join(cells)} |")

    def section(self, title: str, words: str) -> None:
        """Begin a section."""
        self.parts.append(f"## {title}\n\n{words}")

    def excerpt(self, project: Project, text: str, language: str = "text") -> None:
        """Show what a tool printed or stored."""
        self.parts.append(f"{project.tool.name}:\n\n```{language}\n{text.rstrip()}\n```")

    def words(self, project: Project, text: str) -> None:
        """Say what has no output."""
        self.parts.append(f"{project.tool.name}: {text}")

    def text(self) -> str:
        """All of it."""
        heads = [f"{each.tool.name}" for each in self.projects]
        table = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|", *self.rows]
        words = INTRODUCTION.format(python=platform.python_version(), today=date.today())
        return "\n\n".join([words.rstrip(), "\n".join(table), *self.parts]) + "\n"


def main() -> None:
    """Build the environments, play the scenes, write the page."""
    with TemporaryDirectory(prefix="beside-peers-") as scratch:
        with running() as port:
            pass
        wheel = build_wheel(Path(scratch))
        projects = [Project(each, Path(scratch), wheel, port) for each in TOOLS]
        page = Page(projects)
        page.row("versions", [each.versions() for each in projects])
        for scene in (recording, secrets, a_miss, a_swallowed_miss, a_changed_server, an_unused_recording):
            print(scene.__name__, flush=True)
            scene(page, projects)
    PAGE.write_text(page.text(), encoding="utf-8")


def recording(page: Page, projects: list[Project]) -> None:
    """Record with the shop open, replay with it closed, show what is stored."""
    with running(projects[0].port):
        recorded = [each.run(*each.tool.record).verdict for each in projects]
    page.row("recorded", recorded)
    page.row("replayed, the server gone", [each.run().verdict for each in projects])
    page.row(
        "files", [f"{len(each.stored())}, {sum(map(len, each.stored().values())):,} B" for each in projects]
    )
    page.section("What is stored", "All files, and what the test of the hat has left.")
    for each in projects:
        files = each.stored()
        listed = "\n".join(f"{len(data):6,} B  {name}" for name, data in files.items())
        page.excerpt(each, listed)
        name, data = next((name, data) for name, data in files.items() if b"hat" in data)
        if name.endswith((".json", ".yaml")):
            page.excerpt(each, cut(each.freed(data.decode()), 90), name.rpartition(".")[2])
        else:
            page.words(each, "a pickle.")


def secrets(page: Page, projects: list[Project]) -> None:
    """Look for the planted secrets in what is stored."""
    for title, secret in SECRETS.items():
        found = [secret.encode() in b"".join(each.stored().values()) for each in projects]
        page.row(f"stored: {title}", [cell(each) for each in found])


def cell(in_clear: bool) -> str:
    """What the table says of a secret."""
    return "**in clear**" if in_clear else "no"


def a_miss(page: Page, projects: list[Project]) -> None:
    """Ask for something that was not recorded."""
    page.section("A miss", "The test of the hat asks for a cap, the server is gone.")
    verdicts, told = [], []
    for each in projects:
        each.write(hat="cap")
        seen = each.run()
        verdicts.append(seen.verdict)
        told.append(KEY in essence(seen.text))
        page.excerpt(each, essence(seen.text))
        each.write()
    page.row("a miss", verdicts)
    page.row("its message: the API key", [cell(each) for each in told])


def a_swallowed_miss(page: Page, projects: list[Project]) -> None:
    """Ask for something that was not recorded, in code that catches all errors."""
    page.section(
        "A swallowed miss", "The other test asks for the label of a glove: `label` catches all exceptions."
    )
    verdicts = []
    for each in projects:
        each.write(scarf="glove")
        seen = each.run()
        verdicts.append(seen.verdict)
        page.excerpt(each, essence(seen.text))
        each.write()
    page.row("a swallowed miss", verdicts)


def a_changed_server(page: Page, projects: list[Project]) -> None:
    """Run while the shop tells its prices as texts, plainly and with what the tool has for it."""
    page.section("A changed server", 'The shop now tells `"price": "12.50"` in place of `"price": 12`.')
    with running(projects[0].port, price="12.50"):
        page.row("a changed server, plain run", [each.run().verdict for each in projects])
        verdicts = []
        for each in projects:
            if each.tool.verify:
                seen = each.run(*each.tool.verify)
                verdicts.append(f"`{each.tool.verify[0]}`: {seen.verdict}")
                page.excerpt(each, f"$ pytest {each.tool.verify[0]}\n{essence(seen.text)}")
            elif each.tool.name == "Timetracer":
                verdicts.append("`timetracer diff` of two cassettes")
                page.excerpt(each, compared(each))
            elif each.tool.rewrite:
                verdicts.append(f"`{each.tool.rewrite[0]}`, and the difference of the files")
                page.excerpt(each, f"$ pytest {each.tool.rewrite[0]}\n{rewritten(each)}")
            else:
                verdicts.append("nothing")
                page.words(each, "has no such run.")
    page.row("a changed server, looked for", verdicts)


def rewritten(project: Project) -> str:
    """How the file of the hat differs when it is recorded again; then it is put back."""
    before = project.stored()
    project.run(*project.tool.rewrite)
    after = project.stored()
    for name, data in before.items():
        (project.folder / name).write_bytes(data)
    name = next(each for each in before if "hat" in each)
    old, new = (files[name].decode().splitlines() for files in (before, after))
    return cut(project.freed("\n".join(unified_diff(old, new, "before", "after", lineterm="", n=1))), 40)


def compared(project: Project) -> str:
    """Timetracer's comparison of the cassettes of the hat, before and after."""
    store = project.folder / project.tool.store
    kept = project.folder / "kept"
    store.rename(kept)
    project.run()
    (before,), (after,) = (sorted((each / "test_hat").rglob("*.json")) for each in (kept, store))
    command = [str(project.python.with_name("timetracer")), "diff", "--a", str(before), "--b", str(after)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    shutil.rmtree(store)
    kept.rename(store)
    return "$ timetracer diff --a BEFORE --b AFTER\n" + cut(
        project.freed(done.stdout + done.stderr).strip(), 40
    )


def an_unused_recording(page: Page, projects: list[Project]) -> None:
    """Delete a test, and ask for what no test needs."""
    page.section("An unused recording", "The test of the scarf is deleted.")
    verdicts = []
    for each in projects:
        each.write(scarf=None)
        if each.tool.unused:
            runs = {option: each.run(option) for option in each.tool.unused}
            said = [f"`{option}`: {seen.verdict}, exit code {seen.code}" for option, seen in runs.items()]
            verdicts.append("; ".join([*said, f"files left: {len(each.stored())}"]))
            for option, seen in runs.items():
                page.excerpt(each, f"$ pytest {option}\n{essence(seen.text)}")
        else:
            before = each.stored()
            each.run()
            assert each.stored() == before
            verdicts.append("stays, nothing is said")
            page.words(each, "has no option for it. The file stays, and nothing is said.")
    page.row("an unused recording", verdicts)


def essence(text: str) -> str:
    """What a run says: errors, what stands in place of one, an uncaught exception; the mimic section; the summary."""
    kept = []
    told = False
    for line in text.splitlines():
        if line.startswith(("=", "___")):
            told = " mimic " in line or "short test summary" in line
        elif "passed only because" in line or re.match(r"\w+Error: ", line):
            told = True
        if told or line.startswith("E  ") or re.match("=.* in ", line):
            kept.append(line)
    return cut("\n".join(kept), 30)


def cut(text: str, count: int) -> str:
    """The first lines of a text, none of them long."""
    lines = [each if len(each) <= WIDTH else each[: WIDTH - 1] + "…" for each in text.splitlines()]
    return "\n".join(lines if len(lines) <= count else [*lines[:count], f"… {len(lines) - count} more lines"])


if __name__ == "__main__":
    main()
