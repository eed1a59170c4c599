"""Section 3, session output: the header, the section titled `mimic`, and what the report of a test says of its calls."""

from __future__ import annotations

import pytest
from support.city_shop import SHOP  # noqa: F401 - the project's module

TARGETS = ["shop:fetch"]
TESTS = """
    def test_oslo():
        assert shop.fetch("Oslo") == {"city": "Oslo"}

    def test_rome():
        assert shop.fetch("Rome") == {"city": "Rome"}
"""


# -- the header and the section


def test_the_header_names_a_vault_elsewhere(shop, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    inside = shop.record("--mimic-vault=data/recs").expect(passed=2)
    outside = shop.record(f"--mimic-vault={elsewhere}").expect(passed=2)

    assert inside.header == "record into data/recs (1 target)"
    assert outside.header == f"record into {elsewhere} (1 target)"
    assert shop.record("--no-header").expect(passed=2).header == ""


def test_a_run_with_recordings_has_a_header(shop):
    """The configuration names no target, so the header does not count them."""
    shop.ini()
    shop.tests(
        "import pytest, shop\n\n@pytest.mark.mimic('shop:fetch')\ndef test_it(): shop.fetch('Oslo')\n"
    )
    shop.record().expect(passed=1)

    assert shop.replay().expect(passed=1).header == "replay from .mimic_vault"
    for option in ("--mimic-verify", "--mimic-live"):
        quiet = shop.run("-q", option).expect(passed=1)
        assert (quiet.header, quiet.section) == ("", [])


@pytest.mark.parametrize(("tests", "told"), [(10, ""), (11, " of 11 tests")])
def test_a_recording_run_of_many_tests_counts_them(shop, tests, told):
    shop.tests(
        "import pytest, shop\n\n"
        f"@pytest.mark.parametrize('number', range({tests}))\n"
        "def test_it(number): shop.fetch(str(number))\n"
    )

    run = shop.record().expect(passed=tests)

    assert run.section[0].startswith(f"{tests} calls{told} recorded in ")


def test_a_target_that_no_test_calls_prints_only_a_header(shop):
    shop.test("pass")

    run = shop.run().expect(passed=1)

    assert (run.header, run.section) == (
        "replay from .mimic_vault, which does not exist (1 target)",
        [],
    )


def test_the_time_saved_is_that_of_the_real_calls(shop):
    shop.record()
    shop.edit_calls(lambda call: setattr(call, "seconds", 21.0))

    shop.replay().expect(passed=2, says=["2 calls replayed, 42.0 s saved"])


def test_a_miss_at_import_fails_the_run(shop):
    """No test can fail for it if the code swallowed it."""
    shop.tests(
        "import shop\ntry:\n    shop.fetch('Oslo')\nexcept Exception:\n    pass\n\ndef test_it(): pass\n"
    )

    run = shop.run().expect(passed=1, exit_code=1)

    assert run.section[-1] == "to record the missing: pytest --mimic-record"


# -- the report of a failing test says in one line what was replayed in it


def said(run):
    """Return the lines about replays in the reports of failing tests."""
    return [line for line in run.output.splitlines() if " replayed; " in line]


def test_a_failing_test_names_its_replays(shop):
    """Those of sequences, cassettes and fixtures count.

    Those of `mimic_replay` do not, as no option records them. Other tests say nothing.
    """
    shop.ini("shop:fetch sequence")
    shop.tests("""
        @pytest.fixture
        def city():
            yield shop.fetch("Oslo")
            shop.fetch("Rome")
            assert "FAILS" not in os.environ

        def test_fixture(city): pass

        def test_partly(mimic_auto, mimic_replay):
            for fixture in (mimic_auto, mimic_replay):
                with fixture("trip", targets=["shop:fetch"]):
                    shop.fetch("Oslo")
            shop.fetch("Rome")
            assert "FAILS" not in os.environ

        def test_passing():
            shop.fetch("Oslo")

        def test_without():
            assert "FAILS" not in os.environ
    """)
    shop.record("-p", "no:randomly").expect(passed=4)

    run = shop.replay("-rA", env={"FAILS": "1"})

    remedy = "to record them again: pytest --mimic-rerecord test_shop.py::test_"
    assert sorted(said(run)) == [
        f"1 call replayed; {remedy.replace('them', 'it')}partly",
        f"2 calls replayed; {remedy}fixture",
    ]


def test_pointers_of_git_lfs_are_counted_in_one_line(project):
    """Each test says so by itself; the section says it once for all of them."""
    project.module("def f(n): shared = [n]; return [shared, shared]\n")
    project.tests(
        "import pytest, shop\n\n@pytest.mark.parametrize('n', range(3))\n"
        "def test_it(n): assert shop.f(n)\n"
    )
    project.ini("shop:f")
    project.record().expect(passed=3)
    pickles = list(project.vault.rglob("*.pkl"))
    for pickle in pickles:
        pickle.write_text(
            "version https://git-lfs.github.com/spec/v1\n"
            f"oid sha256:{'0' * 64}\nsize 10\n"
        )

    run = project.replay().expect(failed=len(pickles) or 3)

    assert run.section[-2:] == [
        "damaged files of the vault, and what helps:",
        f"  Git LFS pointers: git lfs pull    {len(pickles)} files",
    ]


# The arguments of a run, and the tests in the command that records its misses. All
# tests miss but those of `test_fine.py`.
SELECTIONS = {
    "all": ((), "test_one.py test_two.py"),
    "a file and a test": (
        ("test_one.py", "test_two.py::test_a"),
        "test_one.py test_two.py::test_a",
    ),
    "by name": (("-k", "test_one"), "test_one.py::test_a test_one.py::test_b"),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_a_command_names_a_file_where_all_of_its_tests_are_meant(project, name):
    arguments, tests = SELECTIONS[name]
    project.module("def fetch(city): return city")
    project.ini("shop:fetch")
    for file in ("test_one", "test_two"):
        calls = [f"def test_{x}(): shop.fetch('{file} {x}')\n" for x in "ab"]
        project.write(f"{file}.py", "import shop\n\n" + "\n".join(calls))
    project.write("test_fine.py", "def test_fine(): pass\n")

    run = project.run(*arguments)

    assert run.section[-1] == f"to record the missing: pytest --mimic-record {tests}"


def test_a_command_names_a_function_where_all_of_its_cases_are_meant(project):
    project.module("def fetch(city): return city")
    project.ini("shop:fetch")
    project.tests("""
        @pytest.mark.parametrize("city", ["Oslo", "Rome", "Wien"])
        def test_city(city): shop.fetch(city)

        @pytest.mark.parametrize("city", ["Paris", ""])
        def test_some(city): city and shop.fetch(city)

        def test_fine(): pass
    """)

    run = project.run()

    assert run.section[-1] == (
        "to record the missing: pytest --mimic-record"
        " test_shop.py::test_city 'test_shop.py::test_some[Paris]'"
    )
