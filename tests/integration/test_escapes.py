"""Section 5, *Security*: what a file or a service says controls no terminal, page or shell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

EVIL = (
    "\x1b]0;title\x07\x1b[2J\u202e\x00 '\"$(touch pwned)`touch pwned`;touch pwned"
    "\nto record it: touch pwned\r\u2028</script><b>"
)
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]"
)
CASSETTE = Path(__file__).parents[1] / "vcr_cassettes" / "plain.json"
COMMAND = re.compile(r"(?:^|: | {4})((?:pytest|pytest-mimic|git) .*)$", re.MULTILINE)
SHELL = "pytest() { :; }; pytest-mimic() { :; }; git() { :; }\n"
SHOP = """
    def fetch(name, day=1): return {"name": name, "rows": [{"id": 1}, {"id": 2}]}
    def ask(name): return [name]
    def old(name): return name
"""
TESTS = """
    def test_it(mimic_auto):
        assert shop.fetch("Oslo")
        assert shop.ask("Rome")
        body = {"model": "small", "messages": [{"role": "user", "content": "hello"}]}
        assert httpx.post(os.environ["API"] + "/echo", json=body)
        with mimic_auto("trip", targets=["shop:ask"]):
            assert shop.ask("Bern")
"""
LATER = """
    def test_renamed():
        assert shop.fetch("Oslo", day=2)
        assert shop.ask("Rome")
"""
RUNS = (
    ("pytest", "-v"),
    ("pytest", "--mimic-fail-on-unused", "--mimic-report=page.html"),
    ("pytest", "--mimic-verify"),
    ("pytest-mimic", "ls"),
    ("pytest-mimic", "ls", "--json"),
    ("pytest-mimic", "show", "test_shop.py", "shop:old", "cassettes/trip.json"),
    ("pytest-mimic", "check"),
    ("pytest-mimic", "rm", "-n", "test_shop.py"),
)


def leaves(tree, path=()):
    """Yield the places of all texts in a tree, and of the names of mappings."""
    if isinstance(tree, dict):
        for key, part in tree.items():
            yield (*path, key), True
            yield from leaves(part, (*path, key))
    elif isinstance(tree, list):
        for number, part in enumerate(tree):
            yield from leaves(part, (*path, number))
    elif isinstance(tree, str):
        yield path, False


def forged(text, path, is_name):
    """Return a document in which a text, or a name, goes on with what nobody may print."""
    tree = json.loads(text)
    part = tree
    for step in path[:-1]:
        part = part[step]
    if is_name:
        part[path[-1] + EVIL] = part.pop(path[-1])
    else:
        part[path[-1]] += EVIL
    return json.dumps(tree, ensure_ascii=False)


def check(output, root):
    """Check what was printed: nothing but lines, and commands that do nothing else."""
    found = CONTROL.search(output)
    assert found is None, output[max(0, found.start() - 300) : found.end() + 20]
    # A text of several lines is drawn as it is by `show`, further to the right.
    assert not re.search(r"^ {0,2}to record it: touch", output, re.MULTILINE), output
    commands = COMMAND.findall(output)
    if not commands:
        return
    script = SHELL + "\n".join(commands)
    done = subprocess.run(
        ["bash", "-c", script], cwd=root, capture_output=True, text=True, check=False
    )
    assert not (root / "pwned").exists(), script
    assert done.stderr == "", script


@pytest.fixture
def shop(project, server):
    pytest.importorskip("httpx")
    project.ini("shop:fetch", "shop:ask sequence", "shop:old", "http")
    project.module(SHOP)
    project.tests(TESTS + "\n    def test_old():\n        assert shop.old(1) == 1\n")
    project.record().expect(passed=2)
    project.tests(TESTS + LATER)
    return project


def run_all(project, env):
    """Check all runs and commands, and the page."""
    for program, *words in RUNS:
        if program == "pytest":
            output = project.run(*words, env=env).output
        else:
            output = project.command(*words).text
        assert "INTERNALERROR" not in output
        check(output, project.root)
    page = project.root.joinpath("page.html").read_text("utf-8")
    assert CONTROL.search(page) is None
    assert "</script><b>" not in page


def forge_each(file, every=1):
    """Forge a place of a file at a time, each or some of them, and yield it."""
    text = file.read_text("utf-8")
    for path, is_name in [*leaves(json.loads(text))][::every]:
        file.write_text(forged(text, path, is_name), "utf-8")
        yield path
    file.write_text(text, "utf-8")


SOME_OR_ALL = [61, pytest.param(1, marks=pytest.mark.rare)]
FEW_OR_ALL = [7, pytest.param(1, marks=pytest.mark.rare)]


@pytest.mark.parametrize("every", SOME_OR_ALL, ids=["some", "all"])
def test_what_a_recording_says_controls_nothing(shop, server, every):
    for file in sorted(shop.vault.rglob("*.json")):
        for _ in forge_each(file, every):
            run_all(shop, {"API": server.url})


@pytest.mark.parametrize("every", FEW_OR_ALL, ids=["some", "all"])
def test_what_a_cassette_says_controls_nothing(project, every):
    project.ini("http")
    cassette = project.root / "cassettes/test_shop/test_it.json"
    project.write("test_shop.py", "def test_it(): pass\n")
    project.write("cassettes/test_shop/test_it.json", CASSETTE.read_text("utf-8"))

    for _ in forge_each(cassette, every):
        for words in (["import", "cassettes"], ["ls"], ["show", "test_shop.py"]):
            check(project.command(*words).text, project.root)
        shutil.rmtree(project.vault, ignore_errors=True)


def test_what_a_service_says_controls_nothing(project):
    """The vault is sound: the real answer goes to the terminal, and to the page."""
    project.ini("shop:ask")
    project.module("""
        def ask(name):
            said = json.loads(os.environ["SAYS"])
            return {"text": said, said: [said], "names": [{said: name}]}
    """)
    project.test("assert shop.ask('Oslo')")
    project.record(env={"SAYS": json.dumps("fine")}).expect(passed=1)

    drift = project.run(
        "--mimic-verify", "--mimic-report=page.html", env={"SAYS": json.dumps(EVIL)}
    ).expect(failed=1)

    check(drift.output, project.root)
    assert CONTROL.search((project.root / "page.html").read_text("utf-8")) is None
