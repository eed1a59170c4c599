"""Section 8, `mv`: recordings follow a function, a class or a module that moved."""

from __future__ import annotations

import pytest

LIB = """
    from dataclasses import dataclass
    from tally import ran

    @dataclass
    class Price:
        amount: int

    def helper(value):
        return value * 2

    def fit(price):
        ran("fit")
        return Price(helper(price.amount))

    class Net:
        def __init__(self, size):
            self.size = size

        def run(self, value):
            ran("run")
            return [self.size, value]
"""
TESTS = """
    import lib

    def test_it():
        assert lib.fit(lib.Price(2)) == lib.Price(4)
        assert lib.Net(3).run("x") == [3, "x"]
        assert lib.fit(lib.Price(2)).amount == 4
"""
LINES = ("lib:fit", "lib:Net.run")


@pytest.fixture
def lib(project):
    """A project that has recorded functions and classes of `lib`."""
    project.write("lib.py", LIB)
    project.tests(TESTS)
    return project


@pytest.mark.parametrize("options", ["", " sequence"], ids=["shared", "in a log"])
@pytest.mark.parametrize("new", ["core", "core.fit"])
def test_recordings_follow_a_module(lib, options, new):
    lib.ini(*[line + options for line in LINES], mimic_inputs="strict")
    lib.record().expect(passed=1)
    before = lib.files("calls") | lib.files("logs")
    lib.root.joinpath("lib.py").unlink()
    lib.write("core/__init__.py", LIB if new == "core" else "")
    lib.write("core/fit.py", LIB)
    lib.tests(TESTS.replace("import lib", f"import {new} as lib"))
    lines = [line.replace("lib:", f"{new}:") + options for line in LINES]
    lib.ini(*lines, mimic_inputs="strict")
    lib.replay().expect(failed=1)

    tried = lib.command("mv", "lib", new, "--dry-run")
    assert tried.code == 0
    assert lib.files("calls") | lib.files("logs") == before
    assert lib.command("mv", "lib", new).out == tried.out
    assert f"-> {new}:fit" in tried.out

    lib.replay("--mimic-fail-on-unused").expect(passed=1, real=[])
    assert lib.command("check").code == 0


def test_recordings_follow_a_function_and_a_class(lib):
    lib.ini(*LINES)
    lib.record().expect(passed=1)
    moved = LIB.replace("def fit", "def train").replace("class Net", "class Model")
    lib.write("lib.py", moved)
    lib.tests(TESTS.replace("lib.fit", "lib.train").replace("lib.Net", "lib.Model"))
    lib.ini("lib:train", "lib:Model.run")

    for what, old, new in (
        ("function", "lib:fit", "lib:train"),
        ("class", "lib:Net", "lib:Model"),
    ):
        line = f"to move the recordings to the {what} that moved: pytest-mimic mv"
        assert lib.replay().expect(failed=1).section[-1] == f"{line} {old} {new}"
        assert lib.command("mv", old, new).code == 0

    lib.replay().expect(passed=1, real=[], never=["have changed"])
    assert lib.command("mv", "lib:fit", "lib:train").code == 1
    lib.write(
        "lib.py", moved.replace("helper(price.amount)", "helper(price.amount + 0)")
    )
    lib.replay().expect(failed=1, says=["StaleRecordingError"])


def test_a_miss_prints_the_line_where_it_works(project):
    project.write("lib.py", "def fit(size):\n    return size\n")
    project.ini("lib:fit")
    project.test("import lib\nassert lib.fit(3) == 3")
    project.record().expect(passed=1)
    project.root.joinpath("lib.py").rename(project.root / "core.py")
    project.test("import core\nassert core.fit(3) == 3")

    told = "pytest-mimic mv lib:fit core:fit"
    project.ini("core:fit")
    project.replay().expect(failed=1, says=[told])
    project.test("import core\nassert core.fit(4) == 4")
    project.replay().expect(failed=1, never=[told])
    project.test("import core\nassert core.fit(3) == 3")

    assert project.command("mv", "lib:fit", "core:fit").code == 0
    project.replay().expect(passed=1)


def test_data_that_looks_like_a_name_stays(project):
    data = {"by": "lib", "imports": 3, "names": ["lib:fit"], "$name": "lib:fit"}
    project.write("lib.py", f"def fit(given):\n    return {data}\n")
    project.ini("lib:fit")
    project.test(f"import lib\nassert lib.fit({data}) == {data}")
    project.record().expect(passed=1)
    project.root.joinpath("lib.py").rename(project.root / "core.py")
    project.test(f"import core\nassert core.fit({data}) == {data}")
    project.ini("core:fit")

    assert project.command("mv", "lib", "core").code == 0

    project.replay().expect(passed=1)


def test_what_cannot_follow_is_listed(project):
    project.ini("shop:login")
    project.module("def login(password):\n    return 1\n")
    project.test("shop.login(password='hunter2')")
    project.record().expect(passed=1)

    answer = project.command("mv", "shop:login", "shop:enter")

    assert answer.code == 1
    assert "not moved, a part of it is hidden" in answer.out


def test_a_file_that_is_deeper_than_any_call_moves_nothing(project):
    """Somebody else may have written it."""
    project.write("lib.py", "def fit(size):\n    return 3\n")
    project.ini("lib:fit")
    project.test("import lib\nassert lib.fit([3]) == 3")
    project.record().expect(passed=1)
    [file] = project.root.rglob("calls/**/*.json")
    deep = "[" * 1_500 + "3" + "]" * 1_500
    file.write_text(file.read_text().replace('"size": [3]', f'"size": {deep}'))
    project.root.joinpath("lib.py").rename(project.root / "core.py")
    project.ini("core:fit")
    project.test("import core\nassert core.fit([3]) == 3")

    project.replay().expect(failed=1, says=["there are no recordings of core:fit"])
