"""Section 8, `mv`: the recordings of a test go with it, and the summary proposes where."""

from __future__ import annotations

import json
import re
import shlex
import shutil

import pytest
from support import face

SHOP = """
    from tally import ran

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


PARAMETRIZED = f"@pytest.mark.parametrize('name', ['eur', 'usd'])\ndef test_x(name):\n{calls('x')}\n"
CASSETTES_PREFIX = """def NAME(mimic_replay):
    for name in ("a", "b"):
        with mimic_replay(targets=["shop:fetch"]):
            assert fetch(name) == {"name": name}
"""
CHANGES = {
    "rename": (
        {"a": making("test_x", 1) + making("test_z", 1)},
        {"a": making("test_y", 1) + making("test_z", 1)},
        ["a.py::test_x a.py::test_y"],
    ),
    "a file to two": (
        {"a": making("test_x", 1) + making("test_y", 1, 2)},
        {"b": making("test_x", 1), "c": making("test_y", 1, 2)},
        ["a.py::test_x b.py::test_x", "a.py::test_y c.py::test_y"],
    ),
    "parametrized": (
        {"a": making("test_x", "x")},
        {"a": PARAMETRIZED.replace(", 'usd'", "")},
        ["a.py::test_x a.py::test_x[eur]"],
    ),
    "a case": (
        {"a": PARAMETRIZED},
        {"a": PARAMETRIZED.replace("usd", "chf")},
        ["a.py::test_x[usd] a.py::test_x[chf]"],
    ),
    "a class to another file": (
        {"a": in_class("TestX", making("test_x", 1)) + making("test_z", 1)},
        {"a": making("test_z", 1), "b": in_class("TestX", making("test_x", 1))},
        ["a.py::TestX b.py::TestX"],
    ),
    "a class with one login": (
        {"a": in_class("TestX", making("test_x", 1, 2), making("test_y", 1, 3))},
        {"b": in_class("TestZ", making("test_x", 1, 2), making("test_y", 1, 3))},
        ["a.py::TestX b.py::TestZ"],
    ),
    "a class in its file": (
        {"a": in_class("TestX", making("test_x", 1, 2), making("test_y", 1, 3))},
        {"a": in_class("TestZ", making("test_x", 1, 2), making("test_y", 1, 3))},
        ["a.py::TestX a.py::TestZ"],
    ),
    "functions into a class of their file": (
        {"a": making("test_x", 1, 2) + making("test_y", 1, 3)},
        {"a": in_class("TestX", making("test_x", 1, 2), making("test_y", 1, 3))},
        ["a.py::test_x a.py::TestX::test_x", "a.py::test_y a.py::TestX::test_y"],
    ),
    "a method to another class of its file": (
        {
            "a": in_class("TestX", making("test_x", 1), making("test_z", 2))
            + in_class("TestY", making("test_y", 3))
        },
        {
            "a": in_class("TestX", making("test_z", 2))
            + in_class("TestY", making("test_x", 1), making("test_y", 3))
        },
        ["a.py::TestX::test_x a.py::TestY::test_x"],
    ),
    "a method": (
        {"a": in_class("TestX", making("test_x", 1, 2), making("test_y", 1, 3))},
        {"a": in_class("TestX", making("test_z", 1, 2), making("test_y", 1, 3))},
        ["a.py::TestX::test_x a.py::TestX::test_z"],
    ),
    "a function with cases": (
        {"a": PARAMETRIZED},
        {"a": PARAMETRIZED.replace("test_x", "test_y")},
        ["a.py::test_x[eur] a.py::test_y[eur]", "a.py::test_x[usd] a.py::test_y[usd]"],
    ),
    "a file": (
        {"a": making("test_x", 1) + in_class("TestX", making("test_x", 2))},
        {"b": making("test_x", 1) + in_class("TestX", making("test_x", 2))},
        ["a.py b.py"],
    ),
    "a file and a name": (
        {"a": making("test_x", 1) + making("test_y", 2)},
        {"b": making("test_x", 1) + making("test_z", 2)},
        ["a.py::test_x b.py::test_x", "a.py::test_y b.py::test_z"],
    ),
    "cassettes": (
        {"a": CASSETTES_PREFIX.replace("NAME", "test_x").replace("replay", "record")},
        {"a": CASSETTES_PREFIX.replace("NAME", "test_y")},
        ["a.py::test_x a.py::test_y"],
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
    project.module(SHOP)

    def put(files):
        shutil.rmtree(project.root / "t", ignore_errors=True)
        for name, text in files.items():
            project.write(f"t/{name}.py", HEAD + text)

    project.put = put
    return project


def recordings(run):
    """Return the recordings and cassettes that a run leaves in the vault."""
    return [data for name, data in run.vault.items() if not name.startswith("objects/")]


def proposed(run):
    """Return the commands that the summary proposes, without the folder of the tests."""
    lines = re.findall(r"pytest-mimic (mv .*)", run.output)
    return [" ".join(shlex.split(line)[1:]).replace("t/", "") for line in lines]


@pytest.mark.parametrize(("before", "after", "moves"), CHANGES.values(), ids=CHANGES)
def test_what_the_summary_proposes_replays(suite, capsys, before, after, moves):
    suite.put(before)
    recorded = suite.record()
    suite.put(after)

    missed = suite.replay("--mimic-clear-unused")
    assert (proposed(missed), missed.vault) == (moves, recorded.vault)
    for move in moves:
        assert face.command(["mv", *(f"t/{word}" for word in move.split())]) == 0

    again = suite.replay("--mimic-fail-on-unused").expect(real=[], **recorded.outcomes)
    assert again.section == [
        f"{len(recorded.real)} calls replayed, # s saved".replace("1 calls", "1 call")
    ]
    assert sorted(json.loads(one)["recorded"] for one in recordings(again)) == sorted(
        json.loads(one)["recorded"] for one in recordings(recorded)
    )
    assert "pytest-mimic" not in capsys.readouterr().err


def test_no_move_is_proposed_of_what_mimic_auto_has_just_recorded(suite, capsys):
    """Of the moved file, one test has a new cassette: the other test is moved alone."""
    tests = CASSETTES_PREFIX.replace("NAME", "test_x").replace(
        "replay", "auto"
    ) + making("test_z", 1)
    suite.put({"a": tests})
    suite.record().expect(passed=2)
    for path in suite.vault.rglob("test_x*.json"):
        path.write_text(path.read_text().replace('"name"', '"former"'))
    suite.put({"b": tests})

    failed = suite.run(env={"CI": ""}).expect(passed=1, failed=1)
    [line] = proposed(failed)

    assert line == "a.py::test_z b.py::test_z"
    assert face.command(["mv", *(f"t/{word}" for word in line.split())]) == 0
    assert "not moved" not in capsys.readouterr().out
    suite.replay().expect(passed=2, real=[])


def test_of_two_cases_of_a_test_the_first_gets_its_recordings(suite):
    suite.put({"a": making("test_x", "x")})
    suite.record()
    suite.put({"a": PARAMETRIZED})

    assert proposed(suite.replay()) == ["a.py::test_x a.py::test_x[eur]"]


def test_a_file_moves_with_what_its_fixture_has_recorded(suite):
    wide = f"@pytest.fixture(scope='module')\ndef wide():\n{calls('wide')}\n\n"
    tests = (
        wide
        + f"def test_x(wide):\n{calls(1)}\n"
        + CASSETTES_PREFIX.replace("NAME", "test_y")
    )
    suite.put({"a": tests.replace("replay", "record")})
    suite.record().expect(passed=2)
    suite.put({"b": tests})

    assert proposed(suite.replay()) == ["a.py b.py"]
    assert face.command(["mv", "t/a.py", "t/b.py"]) == 0

    suite.replay("--mimic-fail-on-unused").expect(passed=2, real=[])


def test_merged_tests_and_shared_recordings(suite, capsys):
    """A shared recording names the new test."""
    suite.put({"a": making("test_x", 1, 2) + "    shared(7)\n" + making("test_y", 3)})
    suite.record().expect(passed=2)
    suite.put({"a": making("test_xy", 1, 2, 3) + "    shared(7)\n"})

    assert face.command(["mv", "t/a.py::test_x", "t/a.py::test_xy"]) == 0
    assert face.command(["mv", "t/a.py::test_y", "t/a.py::test_xy"]) == 0

    assert "1 recording moved" in capsys.readouterr().out
    run = suite.replay().expect(passed=1, real=[])
    facts = [json.loads(one) for one in recordings(run)]
    assert {(one["test"], one["owner"]) for one in facts} == {
        ("t/a.py::test_xy", "t/a.py::test_xy"),
        ("t/a.py::test_xy", None),
    }
    assert len(facts) == 4


def test_a_recording_of_the_new_test_stays(suite, capsys):
    suite.put({"a": making("test_x", 1, 2)})
    suite.record().expect(passed=1)
    suite.put({"a": making("test_y", 1)})
    suite.module(SHOP.replace('{"name": name}', '{"name": name, "new": True}'))
    own = suite.record().vault

    assert face.command(["mv", "t/a.py::test_x", "t/a.py::test_y"]) == 1

    out = capsys.readouterr().out
    assert (
        "not moved, because t/a.py::test_y has another recording of it: calls/shop/fetch/"
        in out
    )
    assert "1 recording moved" in out
    assert own.items() - suite.files().items() == {
        (name, data) for name, data in own.items() if b'"name": 2' in data
    }


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (
            ["t/a.py::test_q", "t/a.py::test_y"],
            1,
            "nothing in .mimic_vault is of a test t/a.py::test_q",
        ),
        (
            ["shop:fetch", "shop.rates:fetch"],
            1,
            "a function that was moved or renamed has to be recorded again",
        ),
        (
            ["t/a.py", "t/a.py"],
            2,
            "mv cannot make t/a.py to t/a.py: it takes two tests",
        ),
        (["t/a.py::test_x", "t/b.py"], 2, "mv cannot make t/a.py::test_x to t/b.py"),
        (
            ["-n", "t/a.py", "t/b.py::test_g"],
            2,
            "mv cannot make t/a.py to t/b.py::test_g",
        ),
        (
            ["-n", "./t/", "u/v/"],
            0,
            "t/a.py::test_x -> u/v/a.py::test_x  2\n2 recordings would be moved",
        ),
        (
            ["-n", "t/a.py::test_x", "t/a.py::test_y[a]"],
            0,
            "t/a.py::test_x -> t/a.py::test_y[a]  2",
        ),
        (
            ["-n", "t/a.py", "t/a.py::TestA"],
            0,
            "t/a.py::test_x -> t/a.py::TestA::test_x  2",
        ),
    ],
)
def test_words(suite, capsys, words, code, says):
    suite.put({"a": making("test_x", 1, 2)})
    before = suite.record().vault

    assert face.command(["mv", *words]) == code

    shown = capsys.readouterr()
    assert says in shown.out + shown.err
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
        # The test is left out, and a class has one of the same name.
        (
            {
                "a": making("test_x", 1)
                + "del test_x\n\n"
                + in_class("TestX", making("test_x", 1))
            },
            [],
        ),
    ],
    ids=["there", "not collected", "a part of the cases", "another call", "left out"],
)
def test_nothing_is_proposed_without_a_gone_test(suite, after, args):
    suite.put({"a": after["a"] if "eur" in str(args) else making("test_x", 1)})
    suite.record(*(["-k", "usd"] if "eur" in str(args) else []))
    suite.put(after)

    run = suite.replay(*args)

    assert run.outcomes["failed"] == 1
    assert proposed(run) == []


def test_an_inherited_test_that_is_not_selected_is_not_taken_for_gone(suite):
    """Its function stands in the file once, as that of the selected one."""
    base = in_class("Base", making("test_x", 1))
    suite.put({"a": f"{base}\nclass TestA(Base):\n    pass\n"})
    suite.record()
    suite.put(
        {"a": f"{base}\nclass TestA(Base):\n    pass\n\nclass TestB(Base):\n    pass\n"}
    )

    run = suite.replay("t/a.py::TestB")

    assert run.outcomes["failed"] == 1
    assert proposed(run) == []


def test_tests_that_nothing_tells_apart_are_named(suite):
    suite.put({"a": making("test_x", 1, 2) + making("test_y", 1, 3)})
    suite.record()
    suite.put({"a": making("test_v", 1, 2) + making("test_w", 1, 3)})

    run = suite.replay()

    for test in ("test_v", "test_w"):
        assert (
            f"t/a.py::{test} may be one of the tests that are gone and began with the"
            " same call: t/a.py::test_x, t/a.py::test_y (pytest-mimic mv --help)"
        ) in run.section


def test_of_the_parts_of_a_split_test_none_gets_its_recordings(suite):
    suite.put({"a": making("test_x", 1, 2, 3) + making("test_z", 4)})
    suite.record()
    suite.put(
        {"a": making("test_v", 1, 2) + making("test_w", 1, 3) + making("test_z", 4)}
    )

    run = suite.replay()

    assert [line for line in proposed(run) if line != "--help)"] == []
    assert (
        "t/a.py::test_v may be the test that is gone and began with the same call:"
        " t/a.py::test_x (pytest-mimic mv --help)"
    ) in run.section


def test_renamed_tests_are_named_before_the_unused_are_dropped(suite):
    """Pasted from top to bottom, no command deletes what a later line offers."""
    suite.put({"a": making("test_x", 1, 2) + making("test_y", 1, 3)})
    suite.record()
    suite.put({"a": making("test_v", 1, 2) + making("test_w", 1, 3)})

    section = suite.replay().section

    drop = section.index("to drop the unused: pytest --mimic-clear-unused")
    for test in ("test_v", "test_w"):
        offer = f"t/a.py::{test} may be one of the tests that are gone"
        (line,) = [line for line in section if line.startswith(offer)]
        assert section.index(line) < drop


def test_proposed_where_only_the_new_test_runs(suite):
    suite.put({"a": making("test_x", 1) + making("test_z", 2)})
    suite.record()
    suite.put({"a": making("test_y", 1) + making("test_z", 2)})

    assert proposed(suite.replay("t/a.py::test_y")) == ["a.py::test_x a.py::test_y"]
