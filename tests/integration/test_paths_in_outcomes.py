"""Section 5, outcome: paths in outcomes come back below the rootdir and the temporary folders of the run that replays."""

from __future__ import annotations

import shutil
from contextlib import suppress

import pytest

with suppress(ImportError):
    import pandas  # noqa: F401  # a run in process forgets what it was first to import, and this loads only once

SHOP = """
    from collections import namedtuple
    from dataclasses import dataclass
    from pathlib import Path, PurePosixPath, PureWindowsPath

    Pair = namedtuple("Pair", "first second")

    @dataclass
    class Report:
        file: Path
        log: str
        rows: int

    class ExportError(Exception):
        pass

    def beside(path):
        ran("beside")
        return Path(path).with_name("out.csv")

    def text(path):
        ran("text")
        return str(Path(path).with_name("out.csv"))

    def many(path):
        ran("many")
        path = Path(path)
        return {
            "list": [path, str(path), 1],
            "tuple": (path, PurePosixPath("a/b"), PureWindowsPath("C:\\\\a"), path.parent),
            "pair": Pair(path / "x", str(path / "y")),
            "report": Report(path / "r", str(path / "log"), 3),
            "set": {path / name for name in "abcd"},
            path: str(path),
            "escape": {"$path": "no path"},
        }

    def readable(path):
        ran("readable")
        return {"files": [Path(path) / "a", str(path) + "/b", "c"], "odd": {"$str": 1}, "two": {"$$path": 2}}

    def checkout():
        ran("checkout")
        return [Path(__file__).parent / "data" / "a.csv", Path("relative/a.csv"), Path("/etc/hosts")]

    def fail(path):
        ran("fail")
        raise ExportError(path, str(path)) from FileNotFoundError(2, "No such file", str(path))

    def listed(path):
        ran("listed")
        for name in ("a", "b"):
            yield Path(path) / name
        yield str(path)

    async def later(path):
        ran("later")
        return Path(path) / "later"
"""

TESTS = """
    from pathlib import Path, PurePosixPath, PureWindowsPath

    def test_path(tmp_path):
        found = shop.beside(tmp_path / "in.csv")
        assert found == tmp_path / "out.csv" and type(found) is type(Path())

    def test_text(tmp_path):
        assert shop.text(tmp_path / "in.csv") == str(tmp_path / "out.csv")

    def test_many(tmp_path):
        many = shop.many(tmp_path)
        assert many["list"] == [tmp_path, str(tmp_path), 1]
        windows = PureWindowsPath("C:\\\\a")
        assert many["tuple"] == (tmp_path, PurePosixPath("a/b"), windows, tmp_path.parent)
        assert many["pair"] == shop.Pair(tmp_path / "x", str(tmp_path / "y"))
        assert many["report"] == shop.Report(tmp_path / "r", str(tmp_path / "log"), 3)
        assert many["set"] == {tmp_path / name for name in "abcd"}
        assert many[tmp_path] == str(tmp_path)
        assert many["escape"] == {"$path": "no path"}

    def test_readable(tmp_path):
        files = [tmp_path / "a", f"{tmp_path}/b", "c"]
        assert shop.readable(tmp_path) == {"files": files, "odd": {"$str": 1}, "two": {"$$path": 2}}

    def test_checkout():
        here = Path(shop.__file__).parent
        assert shop.checkout() == [here / "data" / "a.csv", Path("relative/a.csv"), Path("/etc/hosts")]

    def test_fail(tmp_path):
        with pytest.raises(shop.ExportError) as caught:
            shop.fail(tmp_path / "x")
        assert caught.value.args == (tmp_path / "x", str(tmp_path / "x"))
        assert caught.value.__cause__.filename == str(tmp_path / "x")

    def test_listed(tmp_path):
        assert list(shop.listed(tmp_path)) == [tmp_path / "a", tmp_path / "b", str(tmp_path)]

    def test_later(tmp_path):
        assert asyncio.run(shop.later(tmp_path)) == tmp_path / "later"
"""
NAMES = ("beside", "text", "many", "readable", "checkout", "fail", "listed", "later")
TARGETS = [f"shop:{name}" for name in NAMES]
PASSED = 8


def test_paths_come_back_under_the_temporary_folder_of_the_replay(shop):
    """Recording the equal outcomes again leaves the files alone, and verifying finds no drift."""
    shop.record().expect(passed=PASSED, real=[*NAMES])
    elsewhere = f"--basetemp={shop.root.parent / 'elsewhere'}"

    for options in ((), (elsewhere,)):
        assert shop.replay(*options).expect(passed=PASSED, real=[]).changed == set()
    for mode in ("--mimic-rerecord", "--mimic-verify"):
        assert shop.run(mode, elsewhere).expect(passed=PASSED).changed == set()


def test_paths_come_back_in_another_checkout(shop):
    shop.record().expect(passed=PASSED)
    moved = shop.root.parent / "moved"
    shutil.copytree(shop.root, moved)
    shop.module("")
    shop.root = moved
    shop.monkeypatch.chdir(moved)

    shop.replay().expect(passed=PASSED, real=[])


def test_a_path_that_another_checkout_would_get_as_it_is_is_named(project):
    project.ini("shop:status", "shop:lines")
    project.module("""
        from pathlib import Path
        HERE = Path(__file__).parent

        def status():
            return f"error:{HERE}/x", "https://shop.com/x", f"see {HERE}/x"

        def lines():
            yield f"<b>{HERE}</b>"
            yield "b"
    """)
    project.tests("""
        @pytest.mark.parametrize("n", [1, 2])
        def test_it(n):
            shop.status()
            list(shop.lines())
    """)
    here = str(project.root)[:20]
    project.monkeypatch.setenv("COLUMNS", "400")

    recorded = project.record().expect(passed=2)

    assert recorded.output.count(f"shop:status: 'error:{here}") == 1
    assert recorded.output.count(f"shop:lines: '<b>{here}") == 1
    project.replay().expect(passed=2, never=["in outcomes"])


def test_a_path_that_no_argument_names_follows_the_test(project):
    project.ini("shop:where", "shop:shared")
    project.module("""
        from pathlib import Path

        SETTINGS = {}

        def where():
            ran("where")
            return SETTINGS["out"] / "result.csv"

        def shared():
            ran("shared")
            return str(SETTINGS["shared"] / "result.csv")
    """)
    project.tests("""
        @pytest.fixture(scope="module")
        def shared(tmp_path_factory):
            return tmp_path_factory.mktemp("shared")

        def test_where(tmp_path):
            shop.SETTINGS["out"] = tmp_path / "deep"
            assert shop.where() == tmp_path / "deep" / "result.csv"

        def test_shared(shared):
            shop.SETTINGS["shared"] = shared
            assert shop.shared() == str(shared / "result.csv")
    """)
    project.write(
        "test_early.py",
        "def test_it(tmp_path_factory):\n    tmp_path_factory.mktemp('shared')\n",
    )
    project.record("test_shop.py").expect(passed=2, real=["where", "shared"])

    project.replay("test_early.py", "test_shop.py").expect(passed=3, real=[])


def test_paths_in_one_folder_and_in_two_are_two_calls(project):
    """The names of the folders do not count, but which paths are in the same one does."""
    project.ini("shop:beside")
    project.module(
        "from tally import ran\n\ndef beside(paths):\n    ran('beside')\n"
        "    return {key: path[:-2] + 'out' for key, path in paths.items()}\n"
    )
    project.tests("""
        def beside(one, two):
            paths = {"one": f"{one}/in", "two": f"{two}/in"}
            found = shop.beside(paths)
            assert found == {"one": f"{one}/out", "two": f"{two}/out"}
            assert shop.beside(dict(reversed(paths.items()))) == found

        @pytest.mark.parametrize("names", ["aa", "ab", "ba"])
        def test_it(tmp_path, tmp_path_factory, names):
            first = tmp_path_factory.mktemp(names[0])
            beside(first, tmp_path)
            beside(tmp_path, first)
            beside(tmp_path, tmp_path)
            beside(first, tmp_path_factory.mktemp(names[1]))
            beside(first, first)
    """)
    record = project.record().expect(passed=3)

    assert record.real == ["beside", "beside"]
    project.replay().expect(passed=3, real=[])
    project.replay("test_shop.py::test_it[ba]").expect(passed=1, real=[])


TEXTS = """
    from pathlib import Path
    import numpy, pandas

    def score(path, command):
        ran("score")
        path = Path(path)
        return {"model": str(path), "log": f'cp "{path}" {path.parent}/w.bak', "url": "https://shop.com/w"}

    def frame(paths):
        ran("frame")
        return pandas.DataFrame({"path": paths * 60})

    def arrays(paths):
        ran("arrays")
        many = numpy.array(paths * 30)
        return many[:4], many, [many[0], {"in a pickle": many, "gone": numpy.linspace}]

    def fail(path):
        ran("fail")
        raise OSError(2, f"cannot read '{path}'", path)

    def read(path, tag):
        ran("read")
        return Path(path).read_text()
"""
TESTS_OF_TEXTS = """
    from pathlib import Path
    import numpy, pytest, shop

    HERE = str(Path(__file__).parent)

    def test_texts():
        path = f"{HERE}/models/w.pkl"
        assert shop.score(path, f"--model={path}") == {
            "model": path, "log": f'cp "{path}" {HERE}/models/w.bak', "url": "https://shop.com/w",
        }

    def test_frame():
        assert shop.frame([f"{HERE}/a", "b"]).path[2] == f"{HERE}/a"

    def test_arrays():
        few, many, (one, kept) = shop.arrays([f"{HERE}/a", "b"])
        assert one == few[2] == many[2] == kept["in a pickle"][2] == f"{HERE}/a"
        assert (few[1], many[1]) == ("b", "b")

    def test_fail():
        with pytest.raises(OSError, match="cannot read") as caught:
            shop.fail(f"{HERE}/x")
        assert caught.value.args == (2, f"cannot read '{HERE}/x'")
        assert caught.value.filename == f"{HERE}/x"

    def test_content():
        assert "import numpy" in shop.read(f"{HERE}/shop.py", f"{HERE}/x")
"""


def test_texts_with_paths_are_moved_to_each_checkout(project, tmp_path_factory):
    """In arguments, outcomes, arrays, frames and exceptions; also where the folder has a blank."""
    pytest.importorskip("pandas")
    lines = "shop:score", "shop:frame", "shop:arrays", "shop:fail"
    project.ini(*lines, "shop:read")
    project.module(TEXTS)
    project.tests(TESTS_OF_TEXTS)
    first = project.root
    others = tmp_path_factory.mktemp("others")
    recorded = ["score", "frame", "arrays", "fail", "read"]
    project.record().expect(passed=5, real=recorded)

    for name in ("with a blank", "deep/er"):
        moved = others / name
        shutil.copytree(first, moved)
        project.root = moved
        project.monkeypatch.chdir(moved)
        project.replay().expect(passed=5, real=[])


def test_an_object_that_opens_a_temporary_file_later_is_refused(project):
    """As the netCDF file of a dataset of xarray. The file is gone in a replay."""
    project.ini("shop:read", "shop:fact")
    project["site-packages/lazy.py"] = """
        class File:
            def __init__(self, path):
                self.path = path

            def __reduce__(self):
                return File, (self.path,)
    """
    project.module("""
        sys.path.insert(0, __file__.replace("shop.py", "site-packages"))
        import lazy

        def read(path):
            return [lazy.File(str(path))]

        def fact(path):
            return [lazy.File(str(path.with_suffix(".gone")))]
    """)
    project.tests("""
        @pytest.fixture
        def path(tmp_path):
            made = tmp_path / "a.nc"
            made.write_text("1")
            return made

        def test_read(path):
            shop.read(path)

        def test_fact(path):
            assert shop.fact(path)[0].path == str(path.with_suffix(".gone"))
    """)

    run = project.record().expect(failed=1, passed=1)

    assert run.error[1:] == [
        "result[0][0]: a temporary file, which an object of a library may open later",
        "nothing was recorded",
        "return what it reads from the file",
    ]
    project.replay("-k", "fact").expect(passed=1, deselected=1)


def test_the_cells_of_a_large_frame_name_a_file_of_the_run(project):
    pytest.importorskip("pandas")
    project.ini("shop:listed")
    project.module("""
        import pandas as pd

        def listed(path):
            return pd.DataFrame({"path": [str(path)] * 60, "kind": ["csv"] * 60})
    """)
    project.test("""
        path = tmp_path / "a.csv"
        path.write_text("a")
        assert set(shop.listed(path)["path"]) == {str(path)}
    """)
    project.record().expect(passed=1)

    elsewhere = f"--basetemp={project.root.parent / 'elsewhere'}"
    project.replay(elsewhere).expect(passed=1)


def test_a_folder_without_a_number_is_that_of_the_worker(project):
    project.ini("shop:where")
    project.module("""
        def where():
            return os.environ["FOLDERS"].split(":")
    """)
    project.tests("""
        import os

        def test_it(tmp_path_factory, monkeypatch):
            own = tmp_path_factory.mktemp("cache", numbered=False)
            shared = own.parent.parent / "between"
            shared.mkdir(exist_ok=True)
            monkeypatch.setenv("FOLDERS", f"{own}:{shared}")
            assert shop.where() == [str(own), str(shared)]
    """)

    project.record("-n", "1", process=True).expect(passed=1)
    project.run("-n", "1", process=True).expect(passed=1)


def test_a_folder_whose_name_leads_to_another_one_is_kept_and_named(project):
    project.ini("shop:where")
    project.module("""
        def where(names):
            return os.environ["FOLDER"] + "/x"
    """)
    project.tests("""
        @pytest.mark.parametrize("names", [["2024"], ["a", "a1"], ["b", "b"]])
        def test_it(tmp_path_factory, monkeypatch, names):
            made = [tmp_path_factory.mktemp(name) for name in names]
            monkeypatch.setenv("FOLDER", str(made[0]))
            assert shop.where(names) == str(made[0]) + "/x"
    """)

    run = project.record().expect(passed=3)

    for folder in ("20240", "a0", "b0"):
        assert f"/{folder}/x" in "\n".join(run.section)
