"""Which tests are gone, so that their recordings are unused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_mimic._core.engine.account import Account
from pytest_mimic._tools.unused.judging import GoneTests


def _settings(rootdir: Path, *, is_shared: bool) -> Any:
    return SimpleNamespace(rootdir=rootdir, is_shared=is_shared)


SOURCES = {
    "test_a.py": "def test_there(): ...\n\nclass TestIt(Base): ...\n",
    "mod.py": "def shown():\n    '>>> shown()'\n",
    "test_b.py": "",
    "notes.md": ">>> 1",
    "README": ">>> 1",
    "tests.yaml": "login: ...\nv1.0: ...",
    "latin.py": "# \xe9\ndef test_l(): ...",
}
EVERY = [*SOURCES]


@pytest.mark.parametrize(
    ("nodeid", "collected", "outcomes", "gone"),
    [
        pytest.param("test_c.py::test_x", EVERY, {}, True, id="its file is gone"),
        pytest.param("test_a.py::test_x", EVERY, {}, True, id="its name is gone"),
        pytest.param("test_a.py::test_the", EVERY, {}, True, id="a part of another name"),
        pytest.param("test_a.py::test_x", ["mod.py"], {}, False, id="its file was not collected"),
        pytest.param("test_a.py::test_there", EVERY, {}, False, id="its name is there"),
        pytest.param("test_a.py::test_there[1]", EVERY, {}, False, id="a parameter of a test that did not run"),
        pytest.param("test_a.py::test_there[2]", EVERY, {"test_a.py::test_there[1]": "failed"}, True, id="other parameters ran"),
        pytest.param("test_a.py::test_there[2]", EVERY, {"test_a.py::test_there[1]": "skipped"}, False, id="other parameters were skipped"),
        pytest.param("test_a.py::test_there", EVERY, {"test_a.py::test_there[1]": "passed"}, True, id="it has parameters now"),
        pytest.param("test_a.py::test_there", EVERY, {"test_a.py::test_there": "passed"}, False, id="it ran"),
        pytest.param("test_a.py::TestIt::test_in", EVERY, {}, False, id="its class is there and may inherit it"),
        pytest.param("test_a.py::TestGone::test_in", EVERY, {}, True, id="its class is gone"),
        pytest.param("latin.py::test_l", EVERY, {}, False, id="in another encoding"),
        pytest.param("mod.py::mod.shown", EVERY, {}, False, id="a doctest"),
        pytest.param("mod.py::mod", EVERY, {}, False, id="the doctest of a module"),
        pytest.param("mod.py::mod.gone", EVERY, {}, True, id="the doctest of a removed function"),
        pytest.param("test_b.py::test_b", EVERY, {}, True, id="named like its module"),
        pytest.param("notes.md::notes.md", EVERY, {}, False, id="the doctest of a text"),
        pytest.param("README::README", EVERY, {}, False, id="the doctest of a text without a suffix"),
        pytest.param("tests.yaml::login", EVERY, {}, False, id="in a file of another kind"),
        pytest.param("tests.yaml::v1.0", EVERY, {}, False, id="with a dot, in a file of another kind"),
        pytest.param("tests.yaml::logout", EVERY, {}, True, id="gone from a file of another kind"),
    ],
)  # fmt: skip
def test_a_test_is_gone_if_its_file_no_longer_has_its_name(
    tmp_path: Path,
    nodeid: str,
    collected: list[str],
    outcomes: dict[str, str],
    gone: bool,
) -> None:
    for name, text in SOURCES.items():
        (tmp_path / name).write_text(text, encoding="latin-1")

    account = Account()
    account.outcomes, account.collected = outcomes, set(collected)
    alone = GoneTests(account, _settings(tmp_path, is_shared=False))
    shared = GoneTests(account, _settings(tmp_path, is_shared=True))

    assert (nodeid in alone) is gone
    assert nodeid not in shared
