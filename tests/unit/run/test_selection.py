"""Complete and partial selections of tests, and tests that no longer exist."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_mimic._run.complete_selection import selection_of
from pytest_mimic._tools.unused.judging import GoneTests

PART = ["only a part of the tests was named"]


@pytest.fixture
def rootdir(tmp_path: Path) -> Path:
    """A project with tests in two folders, one of them nested."""
    for name in ("tests/test_a.py", "pkg/deep/tests/test_b.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("started_in", "args", "testpaths", "expected"),
    [
        pytest.param(".", ["."], [], [], id="the rootdir"),
        pytest.param(".", ["tests"], [], PART, id="a folder, nothing configured"),
        pytest.param(".", ["tests"], ["tests"], [], id="the configured folder"),
        pytest.param(".", ["tests/test_a.py"], ["tests"], PART, id="a file of the configured folder"),
        pytest.param(".", ["tests/test_a.py"], ["tests/test_a.py"], [], id="the configured file"),
        pytest.param(".", ["tests"], ["tests", "pkg"], PART, id="one of two configured folders"),
        pytest.param("tests", ["."], [], PART, id="a folder, from within it"),
        pytest.param("tests", [".."], [], [], id="the rootdir, from below it"),
        pytest.param("tests", ["."], ["tests"], [], id="the configured folder, from within it"),
        pytest.param(".", ["pkg/deep/tests"], ["**/tests"], PART, id="one folder of a recursive pattern"),
        pytest.param(".", ["tests", "pkg"], ["**/tests"], [], id="all folders of a recursive pattern"),
        pytest.param(".", ["tests"], ["gone"], PART, id="a configured folder that does not exist"),
        pytest.param(".", ["."], ["gone"], [], id="the rootdir instead of a folder that does not exist"),
    ],
)
def test_a_partial_selection_is_recognised(
    rootdir: Path, started_in: str, args: list[str], testpaths: list[str], expected: list[str]
) -> None:
    selection = selection_of(
        Namespace(), args=args, testpaths=testpaths, rootdir=rootdir, cwd=rootdir / started_in
    )

    assert selection.narrowed == expected


def test_each_option_that_narrows_is_named(rootdir: Path) -> None:
    option = Namespace(keyword="a", markexpr="", ignore=None, lf=True)

    selection = selection_of(option, args=["tests"], testpaths=[], rootdir=rootdir, cwd=rootdir)

    assert selection.narrowed == ["-k was given", "--lf was given", *PART]


SOURCES = {
    "test_a.py": """
        import unittest

        def test_there(): ...
        async def test_async(): ...

        class TestIt:
            def test_in(self): ...
            class TestInner:
                def test_deep(self): ...

        class TestIt2(TestIt): ...

        class TestCase(unittest.TestCase):
            def helper(self): ...

        if False:
            def test_a(): ...
    """,
    "mod.py": """
        def shown():
            \"\"\"
            >>> shown()
            \"\"\"
    """,
    "plain.py": "def shown(): ...",
    "broken.py": "def (",
    "notes.md": ">>> 1",
    "README": ">>> 1",
    "other.md": "nothing",
    "tests.yaml": "login: ...\nv1.0: ...",
    "latin.py": "# \xe9\ndef test_l(): ...",
}
EVERY = [*SOURCES]


@pytest.mark.parametrize(
    ("nodeid", "collected", "ran", "gone"),
    [
        pytest.param("test_b.py::test_x", EVERY, [], True, id="its file is gone"),
        pytest.param("test_a.py::test_x", EVERY, [], True, id="its file does not define it"),
        pytest.param("test_a.py::test_x", ["mod.py"], [], False, id="its file was not collected"),
        pytest.param("test_a.py::test_there", EVERY, [], False, id="its file defines it"),
        pytest.param("test_a.py::test_there[1]", EVERY, [], False, id="a parameter of a defined test"),
        pytest.param("test_a.py::test_async", EVERY, [], False, id="an async test"),
        pytest.param(
            "test_a.py::test_there[2]", EVERY, ["test_a.py::test_there[1]"], True, id="other parameters ran"
        ),
        pytest.param("test_a.py::TestIt::test_in", EVERY, [], False, id="in a class"),
        pytest.param("test_a.py::TestIt::TestInner::test_deep", EVERY, [], False, id="in a class of a class"),
        pytest.param("test_a.py::TestGone::test_in", EVERY, [], True, id="its class is gone"),
        pytest.param("test_a.py::TestInner::test_in", EVERY, [], True, id="of another class"),
        pytest.param("test_a.py::TestIt2::test_in", EVERY, [], False, id="its class may inherit it"),
        pytest.param("test_a.py::TestIt2::test_x", EVERY, [], True, id="no class defines it"),
        pytest.param("test_a.py::test_a", EVERY, [], False, id="named like its module"),
        pytest.param("broken.py::test_x", EVERY, [], False, id="a file that cannot be parsed"),
        pytest.param("latin.py::test_l", EVERY, [], False, id="in another encoding"),
        pytest.param("mod.py::mod.shown", EVERY, [], False, id="a doctest, no doctest ran"),
        pytest.param(
            "mod.py::mod.shown", EVERY, ["mod.py::mod.other"], True, id="a doctest, others of its file ran"
        ),
        pytest.param(
            "mod.py::mod.shown", EVERY, ["test_a.py::test_there"], False, id="a doctest, others ran elsewhere"
        ),
        pytest.param(
            "mod.py::mod.shown", EVERY, ["notes.md::notes.md"], False, id="a doctest, others ran in a text"
        ),
        pytest.param(
            "mod.py::mod.shown", EVERY, ["mod.py::test_x"], False, id="a doctest, a function of its file ran"
        ),
        pytest.param("mod.py::shown[1.5]", EVERY, ["mod.py::mod.other"], False, id="a parameter with a dot"),
        pytest.param("mod.py::mod", EVERY, [], False, id="the doctest of a module"),
        pytest.param("mod.py::mod.gone", EVERY, [], True, id="the doctest of a removed function"),
        pytest.param("plain.py::plain.shown", EVERY, [], True, id="its examples are gone"),
        pytest.param("plain.py::plain", EVERY, [], True, id="the examples of its module are gone"),
        pytest.param("notes.md::notes.md", EVERY, [], False, id="the doctest of a text"),
        pytest.param("other.md::other.md", EVERY, [], True, id="the examples of a text are gone"),
        pytest.param("tests.yaml::login", EVERY, [], False, id="in a file of another kind"),
        pytest.param("tests.yaml::tests", EVERY, [], False, id="named like its file of another kind"),
        pytest.param("tests.yaml::v1.0", EVERY, [], False, id="with a dot, in a file of another kind"),
        pytest.param("README::README", EVERY, [], False, id="the doctest of a text without a suffix"),
        pytest.param("tests.yaml::logout", EVERY, [], True, id="gone from a file of another kind"),
    ],
)
def test_a_test_is_gone_if_its_file_no_longer_has_its_name(
    tmp_path: Path, nodeid: str, collected: list[str], ran: list[str], gone: bool
) -> None:
    for name, text in SOURCES.items():
        (tmp_path / name).write_text(dedent(text), encoding="latin-1")

    alone = GoneTests(collected=collected, ran=ran, rootdir=tmp_path, is_shared=False)
    shared = GoneTests(collected=collected, ran=ran, rootdir=tmp_path, is_shared=True)

    assert (nodeid in alone, nodeid in alone) == (gone, gone)
    assert nodeid not in shared
