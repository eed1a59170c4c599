"""A project that was really recorded, once for all tests, and the command called in this process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_mimic._tools.cli.main import main

MODULE = '''
import datetime
from dataclasses import dataclass

import numpy

@dataclass
class User:
    name: str
    born: datetime.date
    password: str

class Odd:
    """An object that only a pickle keeps."""
    def __init__(self, n):
        self.n = n
    def __reduce__(self):
        return Odd, (self.n,)
    def __repr__(self):
        return f"Odd({self.n}, token='hush')"

class NoRatesError(Exception):
    pass

def rates(base, day, password=None):
    return {"USD": 1.07, "CHF": 0.93, "password": "s3cret"}

def user(name):
    return User(name, datetime.date(2001, 2, 3), "s3cret")

def words(text):
    yield from text.split()

def fails(base):
    raise NoRatesError("no rates for " + base)

def matrix(n):
    return numpy.arange(n * n, dtype=float).reshape(n, n)

def odd(n):
    return Odd(n)

def picture():
    return bytes.fromhex("89504e470d0a1a0a0000000d49484452000000200000001008020000") + bytes(range(256))

def keyed(n):
    return numpy.array([(n, "s3cret")], dtype=[("n", int), ("password", "U9")])

def long(n):
    return [{"n": i, "text": "x" * 300} for i in range(n)]
'''
TESTS = """
import datetime

import pytest
import shop

def test_rates():
    assert shop.rates("EUR", datetime.date(2024, 5, 1), password="hush")["USD"] == 1.07

@pytest.mark.parametrize("name", ["Ann", "Bob"])
def test_user(name):
    assert shop.user(name).name == name

def test_words():
    assert list(shop.words("pen ink paper")) == ["pen", "ink", "paper"]

def test_error():
    with pytest.raises(shop.NoRatesError):
        shop.fails("XXX")

def test_matrix():
    assert shop.matrix(20).shape == (20, 20)
    assert len(shop.keyed(3)) == 1

def test_odd():
    assert shop.odd(3).n == 3

def test_long():
    assert shop.picture()[:1] == b"\\x89"
    assert len(shop.long(300)) == 300

def test_cassette(mimic_auto):
    with mimic_auto("shopping", targets=["shop:user", "shop:rates"]):
        shop.rates("CHF", datetime.date(2024, 5, 2))
        shop.user("Cid")
"""
ANSWER = """{
 "format": 5, "target": "http", "arguments": {"signature": "GET /users", "method": "GET", "url": "http://shop.test/users"},
 "source": null, "test": "tests/test_shop.py::test_http", "recorded": "2026-11-23", "outcomes": [
  {"duration": 0.1, "value": {"status": 503, "reason": "", "version": "HTTP/1.1", "headers": [], "body": {"json": {"users": [1]}}}}
 ]
}
"""
INI = "[pytest]\nmimic_functions =\n    shop:*\n"


class Result(NamedTuple):
    """What a call of the command gave."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of standard output."""
        return self.out.splitlines()

    @property
    def data(self) -> Any:
        """The JSON on standard output."""
        return json.loads(self.out)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, recorded. Not to be changed."""
    folder = tmp_path_factory.mktemp("recorded") / "project"
    (folder / "tests").mkdir(parents=True)
    (folder / "pytest.ini").write_text(INI)
    (folder / "shop.py").write_text(MODULE)
    (folder / "tests" / "test_shop.py").write_text(TESTS)
    done = run_pytest(folder, "--mimic-record")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def answered(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded project, with an answer of HTTP. Not to be changed."""
    folder = tmp_path_factory.mktemp("answered") / "project"
    shutil.copytree(recorded, folder, ignore=shutil.ignore_patterns("__pycache__"))
    answer = folder / ".mimic_vault/calls/http/0123456789abcdef0123456789abcdef.json"
    answer.parent.mkdir()
    answer.write_text(ANSWER)
    return folder


def run_pytest(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("CI", "PYTEST_ADDOPTS")
    }
    # Loading all installed plugins takes longer than the run.
    environment |= {"PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugins = ["-p", "pytest_mimic.plugin", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, *words, "tests"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def shop(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the recorded project, which is the current folder."""
    folder = tmp_path / "shop"
    shutil.copytree(recorded, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(folder)
    # `--load` imports it. Other tests have a module of this name, too.
    monkeypatch.setitem(sys.modules, "shop", None)
    monkeypatch.delitem(sys.modules, "shop")
    return folder


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Call the command in this process."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def call(*words: str) -> Result:
        capsys.readouterr()
        code = main(words)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call
