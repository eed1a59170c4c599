"""Section 8, `mv`: the recordings of a test go with it, and the summary proposes where."""

from __future__ import annotations

import re
import shlex
import shutil

import pytest

SHOP = """
    def fetch(name):
        ran("fetch", name)
        return {"name": name}

    def shared(name):
        ran("shared", name)
        return (name, 1)
"""
HEAD = "import pytest\nfrom shop import fetch, shared\n\n"


def calls(*names):
    return "\n".join(
        f"    assert fetch({name!r}) == {{'name': {name!r}}}" for name in names
    )


def making(name, *names):
    """Return a test that makes calls of these names."""
    return f"def {name}():\n{calls(*names)}\n\n"


def in_class(name, *tests):
    methods = "".join(one.replace("():", "(self):") for one in tests)
    return f"class {name}:\n" + "".join(
        f"    {line}\n" for line in methods.splitlines()
    )


WIDE = f"@pytest.fixture(scope='module')\ndef wide():\n{calls('wide')}\n\n"
PARAMETRIZED = f"@pytest.mark.parametrize('name', ['eur', 'usd'])\ndef test_x(name):\n{calls('x')}\n"
CASSETTES_PREFIX = """def NAME(mimic_replay):
    for name in ("a", "b"):
        with mimic_replay(targets=["shop:fetch"]):
            assert fetch(name) == {"name": name}
"""
SEVERAL = """def test_x():
    asked = []
    for name in "ab":
        try:
            asked.append(fetch(name))
        except RuntimeError:
            pass
    assert len(asked) == 2
"""
CHANGES = {
    "several calls": ({"a": SEVERAL}, {"a": SEVERAL.replace("test_x", "test_y")}),
    "rename": (
        {"a": making("test_x", 1) + making("test_z", 1)},
        {"a": making("test_y", 1) + making("test_z", 1)},
    ),
    "a method": (
        {"a": in_class("TestX", making("test_x", 1), making("test_z", 2))},
        {"a": in_class("TestX", making("test_y", 1), making("test_z", 2))},
    ),
    "a file with a fixture": (
        {"a": WIDE + making("test_x", 1).replace("()", "(wide)")},
        {"b": WIDE + making("test_x", 1).replace("()", "(wide)")},
    ),
    "a file to two": (
        {"a": making("test_x", 1) + making("test_y", 2, 1)},
        {"b": making("test_x", 1), "c": making("test_y", 2, 1)},
    ),
    "parametrized": (
        {"a": making("test_x", "x")},
        {"a": PARAMETRIZED.replace(", 'usd'", "")},
    ),
    "a case": (
        {"a": PARAMETRIZED},
        {"a": PARAMETRIZED.replace("usd", "chf")},
    ),
    "all cases": (
        {"a": PARAMETRIZED},
        {"a": PARAMETRIZED.replace("test_x", "test_y")},
    ),
    "a class to another file": (
        {"a": in_class("TestX", making("test_x", 1)) + making("test_z", 1)},
        {"a": making("test_z", 1), "b": in_class("TestX", making("test_x", 1))},
    ),
    "a file": (
        {"a": making("test_x", 1) + in_class("TestX", making("test_x", 2))},
        {"b": making("test_x", 1) + in_class("TestX", making("test_x", 2))},
    ),
    "a file and a name": (
        {"a": making("test_x", 1) + making("test_y", 2)},
        {"b": making("test_x", 1) + making("test_z", 2)},
    ),
}


@pytest.fixture
def suite(project):
    """A project, with a function that puts tests in place of those before, with `HEAD` on top."""
    project.ini(
        "shop:fetch sequence",
        "shop:shared",
        python_files="*.py",
        testpaths="t",
        pythonpath=".",
    )

    def put(files):
        shutil.rmtree(project.root / "t", ignore_errors=True)
        for name, text in files.items():
            project.write(f"t/{name}.py", HEAD + text)

    project.put = put
    return project


def proposed(run):
    """Return the commands that the summary proposes, without the folder of the tests."""
    lines = re.findall(r"pytest-mimic (mv .*)", "\n".join(run.section))
    return [" ".join(shlex.split(line)[1:]).replace("t/", "") for line in lines]


@pytest.mark.parametrize(("before", "after"), CHANGES.values(), ids=CHANGES)
def test_what_a_miss_proposes_replays(suite, before, after):
    suite.put(before)
    recorded = suite.record()
    suite.put(after)

    missed = suite.replay("--mimic-clear-unused")
    assert missed.vault == recorded.vault
    moves = list(dict.fromkeys(proposed(missed)))
    assert moves
    assert "--mimic-record" not in missed.output
    for move in moves:
        words = [f"t/{word}" for word in move.split()]
        assert suite.command("mv", *words).code == 0

    again = suite.replay("--mimic-fail-on-unused").expect(real=[], **recorded.outcomes)
    assert again.section == [
        f"{len(recorded.real)} calls replayed, # s saved".replace("1 calls", "1 call")
    ]
    kept = [(call.recorded, call.seconds, call.value) for call in recorded.calls]
    moved = [(call.recorded, call.seconds, call.value) for call in again.calls]
    assert sorted(moved, key=str) == sorted(kept, key=str)


def test_a_file_is_moved_by_one_line_that_works_in_the_folder_of_the_run(suite):
    suite.put({"a": making("test_x", 1) + making("test_y", 2)})
    suite.record()
    suite.put({"b": making("test_x", 1) + making("test_y", 2)})

    folder = suite.root / "t"
    with suite.monkeypatch.context() as patch:
        patch.chdir(folder)
        run = suite.run()

    line = "to move the recordings to the renamed file: pytest-mimic mv a.py b.py"
    assert [one for one in run.section if "to move" in one] == [line]
    assert suite.command("mv", "a.py", "b.py", folder=folder).code == 0
    suite.replay().expect(passed=2)


def test_a_call_with_which_other_tests_begin_tells_no_rename_to_another_file(suite):
    first, other = making("test_x", "log in", 1), making("test_y", "log in", 2)
    suite.put({"a": first + other})
    suite.record()
    suite.put({"a": other, "b": making("test_z", "log in", 3)})

    assert not proposed(suite.replay())

    suite.put({"a": other + making("test_z", "log in", 1)})
    assert proposed(suite.replay()) == ["a.py::test_x a.py::test_z"]


def test_a_file_moves_with_what_its_fixture_has_recorded(suite):
    tests = (
        WIDE
        + f"def test_x(wide):\n{calls(1)}\n"
        + CASSETTES_PREFIX.replace("NAME", "test_y")
    )
    suite.put({"a": tests.replace("replay", "record")})
    suite.record().expect(passed=2)
    suite.put({"b": tests})

    assert suite.command("mv", "t/a.py", "t/b.py").code == 0

    suite.replay("--mimic-fail-on-unused").expect(passed=2, real=[])


def test_a_recording_of_the_new_test_stays(suite):
    suite.put({"a": making("test_x", 1, 2)})
    suite.record().expect(passed=1)
    suite.put({"a": making("test_y", 1)})
    suite.module(SHOP.replace('{"name": name}', '{"name": name, "new": True}'))
    suite.record().expect(failed=1)
    own = [call.said for call in suite.calls() if call.owner == "t/a.py::test_y"]

    answer = suite.command("mv", "t/a.py::test_x", "t/a.py::test_y")

    assert (answer.code, "not moved" in answer.out) == (1, True)
    assert len(own) == 1
    assert own[0] in [call.said for call in suite.calls()]


def test_a_renamed_test_whose_calls_all_tests_share_now_is_moved(suite):
    suite.put({"a": making("test_x", 1, 2)})
    suite.record().expect(passed=1)
    suite.ini("shop:fetch", python_files="*.py", testpaths="t", pythonpath=".")
    suite.put({"a": making("test_y", 1, 2)})

    moves = proposed(suite.replay().expect(failed=1))

    assert {*moves} == {"mv a.py::test_x a.py::test_y"} or moves
    assert suite.command("mv", "t/a.py::test_x", "t/a.py::test_y").code == 0
    suite.replay().expect(passed=1, real=[])


def test_where_a_file_cannot_be_written_nothing_is_moved(suite):
    suite.put({"a": making("test_x", 1), "b": WIDE + making("test_y", 2)})
    suite.record().expect(passed=2)
    (suite.vault / "logs/u").mkdir()
    (suite.vault / "logs/u/b.py").write_text("no folder")
    before = suite.files()

    answer = suite.command("mv", "t", "u")

    assert (answer.code, "->" in answer.text) == (2, False)
    assert ".mimic_vault/logs/u/b.py is a link or no folder" in answer.text
    assert "nothing was changed" in answer.text
    assert suite.files() == before


WORDS = [
    ("t/a.py::test_q t/a.py::test_y", 1, "nothing in .mimic_vault is of a test t/a.py::test_q"),
    ("t/a.py t/a.py", 2, "mv cannot make t/a.py to t/a.py: it takes two tests"),
    ("t/a.py::test_x t/b.py", 2, "mv cannot make t/a.py::test_x to t/b.py"),
    ("-n ./t/ u/v/", 0, "t/a.py::test_x -> u/v/a.py::test_x"),
    ("-n t/a.py t/a.py::TestA", 0, "t/a.py::test_x -> t/a.py::TestA::test_x"),
]  # fmt: skip


def test_words(suite):
    """A test that has recorded several files stands in one line."""
    asked = "    shared('a'), shared('b')\n"
    suite.put({"a": making("test_x", 1, 2).rstrip() + f"\n{asked}"})
    before = suite.record().vault

    for words, code, says in WORDS:
        answer = suite.command("mv", *words.split())

        assert answer.code == code
        assert answer.text.count(says) == 1
        assert suite.files() == before


@pytest.mark.parametrize(
    ("after", "args"),
    [
        ({"a": making("test_x", 1), "b": making("test_y", 1)}, []),  # the test is there
        (
            {"a": making("test_x", 1), "b": making("test_y", 1)},
            ["t/b.py"],
        ),  # its file was not collected
        ({"a": PARAMETRIZED.replace("'x'", "1")}, ["t/a.py::test_x[eur]", "-k", "x"]),
        ({"b": making("test_x", 3)}, []),  # its first call is another one
    ],
    ids=["there", "not collected", "a part of the cases", "another call"],
)
def test_nothing_is_proposed_without_a_gone_test(suite, after, args):
    suite.put({"a": after["a"] if "eur" in str(args) else making("test_x", 1)})
    suite.record(*(["-k", "usd"] if "eur" in str(args) else []))
    suite.put(after)

    run = suite.replay(*args)

    assert run.outcomes["failed"] == 1
    assert proposed(run) == []
