"""Format 1 is frozen: a vault of it replays on every supported Python, and its identities do not change."""

from __future__ import annotations

import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pytest_mimic._core.identity.call_identity import VERSION
from pytest_mimic._core.identity.refused import full_name
from pytest_mimic._core.identity.stdlib_types import PATHS, REDUCERS
from pytest_mimic._core.outcome.container import FILE_START, START
from pytest_mimic._core.vault.parsing import FORMAT

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs/reference"
FIXTURE = HERE / "projects/format_1"
IDENTITIES = HERE.parent / "unit/core/identity"

#: The tables of known fingerprints, with the number of lines that belong to format 1 and their digest. These lines do not
#: change while the number of the format is 1. Lines for new kinds of values are added below them.
FROZEN = {
    HERE / "known_fingerprints.txt": (43, "a58092b385fbfe081ea5d1dba840b866e6c4770bc310d3e7bae202b2421642e6"),
    IDENTITIES / "known_values.txt": (
        508,
        "78b286aef2f13bf1346f314bc5b5b2cb3434a1cefb440fbf375703c9d590e9b0",
    ),
    IDENTITIES / "known_libraries.txt": (
        300,
        "d6dc9bef1c0f615c286fdab6511cba6c9ff795a7799da0caefd0339ac3980bfb",
    ),
}
#: The tests of each group of libraries. `groups.py` says which library a group needs.
TESTS = {
    "plain": 169,
    "numpy": 24,
    "pandas": 18,
    "polars": 4,
    "pyarrow": 7,
    "scipy": 6,
    "PIL": 3,
    "attrs": 3,
    "pydantic": 3,
    "httpx": 3,
    "httpx2": 3,
    "requests": 2,
    "aiohttp": 2,
    "sqlalchemy": 2,
    "psycopg": 2,
    "redis": 3,
}
#: Types with a rule that no machine has: a library's, Windows', and a name in a later Python.
ELSEWHERE = {
    "annotationlib.ForwardRef",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "typing.ForwardRef",
    "typing.Union",
}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the groups whose libraries are installed here."""
    monkeypatch.syspath_prepend(FIXTURE)
    monkeypatch.delitem(sys.modules, "groups", raising=False)
    names: list[str] = import_module("groups").installed()
    return names


@pytest.mark.promise("a vault of format 1 replays on every supported Python")
def test_a_vault_of_format_1_replays(project, installed):
    """In one run, without any server. If all libraries are there, each recording is used."""
    shutil.copytree(FIXTURE, project.root, dirs_exist_ok=True)
    options = ["--mimic-fail-on-unused"] if installed == list(TESTS) else []

    run = project.replay(
        *options, "--junitxml=tests.xml", process=True, env={"FORMAT_1_GROUPS": " ".join(installed)}
    )

    run.expect(passed=sum(TESTS[group] for group in installed))
    assert Counter(_groups(project.root / "tests.xml")) == {group: TESTS[group] for group in installed}
    assert run.changed == set()


def _groups(report: Path) -> Iterator[str]:
    """Yield the group of each test: the first word of its kind, or the name of its file."""
    for case in ElementTree.parse(report).iter("testcase"):
        module = case.attrib["classname"].removeprefix("test_")
        kind = re.search(r"\[(\S+) ", case.attrib["name"])
        yield kind[1] if kind else "plain" if module == "calls" else module


@pytest.mark.parametrize("group", TESTS)
def test_the_library_of_the_group_is_here(group, installed):
    """Names each library whose recordings could not be replayed."""
    if group not in installed:
        pytest.skip(f"the recordings of format 1 with {group} are not replayed: it is not installed")

    assert (FIXTURE / f"test_{group}.py").exists() or (FIXTURE / f"kinds_{group}.py").exists()


def test_the_vault_has_an_argument_of_each_type_of_the_standard_library(monkeypatch):
    monkeypatch.syspath_prepend(FIXTURE)
    monkeypatch.delitem(sys.modules, "kinds_plain", raising=False)
    arguments = [make() for make in import_module("kinds_plain").ARGUMENTS.values()]

    found = {full_name(base) for value in _parts(arguments) for base in type(value).__mro__}
    if "typing.Union" in found:  # since Python 3.14, all unions have this class
        found |= {"types.UnionType", "typing._UnionGenericAlias"}

    assert {*REDUCERS, *PATHS} - {name.replace("pathlib._local.", "pathlib.") for name in found} <= ELSEWHERE


def _parts(value: object) -> Iterator[object]:
    """Yield a value and the items of its lists, up to those of a list of lists of lists."""
    level = [value]
    for _ in range(4):
        yield from level
        level = [part for item in level if type(item) is list for part in item]


@pytest.mark.promise("identities and the vault's layout change only with a new format number")
@pytest.mark.parametrize("table", FROZEN, ids=lambda table: table.stem)
def test_known_fingerprints_change_only_with_the_number_of_the_format(table):
    count, digest = FROZEN[table]
    lines = table.read_text(encoding="utf-8").splitlines()[:count]

    assert FORMAT == 1
    assert sha256("\n".join(lines).encode()).hexdigest() == digest


@pytest.mark.promise("identities and the vault's layout change only with a new format number")
def test_code_reference_table_and_vault_name_the_same_format():
    texts = {
        (DOCS / "vault-format.md").read_text(encoding="utf-8"): r"describes format (\d+)\.",
        (DOCS / "identity.md").read_text(encoding="utf-8"): r"This is version (\d+)\.",
        (HERE / "known_fingerprints.txt").read_text(encoding="utf-8"): r"\Aformat (\d+): ",
        START.decode(): r"pickle, format (\d+)\n",
        FILE_START.decode(): r"file, format (\d+)\n",
        **{
            file.read_text(encoding="utf-8"): r'\A{\n "format": (\d+),\n'
            for folder in ("calls", "cassettes")
            for file in FIXTURE.glob(f".mimic_vault/{folder}/**/*.json")
        },
    }

    found = {int(re.search(pattern, text)[1]) for text, pattern in texts.items()}

    assert {FORMAT, VERSION, *found} == {1}
