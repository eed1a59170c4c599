"""Vaults of other projects whose tests this run collects: it does not use them, and says so."""

from __future__ import annotations

import pytest

SERVICE = """
    from tally import ran

    def fetch(city):
        ran("NAME", city)
        return city
"""
TEST = """
    import pytest, NAME

    def test_NAME():
        assert NAME.fetch("Oslo") == "Oslo"
"""


@pytest.fixture
def monorepo(project):
    """Two services, each with a configuration, a recorded call and tests of its own."""
    for name in ("svc1", "svc2"):
        project.write(f"{name}/{name}.py", SERVICE.replace("NAME", name))
        project.write(f"{name}/tests/test_{name}.py", TEST.replace("NAME", name))
        project.write(f"{name}/pytest.ini", f"[pytest]\nmimic_functions = {name}:fetch\npythonpath = . ..\n")
        project.record(name).expect(passed=1, real=[f"{name} Oslo"])
    return project


UNUSED = "svc2/.mimic_vault is not the vault of this run"


@pytest.mark.promise(
    "a vault in a tested folder that the run does not use is named, with the command that uses it"
)
def test_a_vault_beside_that_of_the_run_is_named(monorepo):
    monorepo.monkeypatch.syspath_prepend(monorepo.root / "svc2")

    both = monorepo.run("svc1", "svc2").expect(passed=2, real=["svc2 Oslo"])
    alone = monorepo.replay("--rootdir=svc2", "svc2").expect(passed=1, real=[])

    lines = both.output.splitlines()
    start = next(number for number, line in enumerate(lines) if UNUSED in line)
    assert lines[start : start + 2] == [
        f"mimic: {UNUSED}: nothing is replayed from it",
        "  to use it: pytest --rootdir=svc2 svc2",
    ]
    assert start < next(number for number, line in enumerate(lines) if line.startswith("svc1/tests"))
    assert "is not the vault" not in alone.output


@pytest.mark.parametrize("arguments", [[], ["-q"], ["svc1/tests/test_svc1.py", "svc2/tests"]], ids=" ".join)
def test_a_vault_is_named_where_nothing_is_configured(monorepo, arguments):
    """With an ini file at the top, the vaults of the folders below are not those of the run."""
    monorepo.ini(pythonpath="svc1 svc2 .")

    run = monorepo.run(*arguments).expect(passed=2, real=["svc1 Oslo", "svc2 Oslo"])

    assert run.output.count("svc1/.mimic_vault is not the vault of this run") == 1
    assert run.output.count(UNUSED) == 1


def test_the_workers_of_xdist_name_a_vault_once(monorepo):
    monorepo.ini(pythonpath="svc1 svc2 .")

    run = monorepo.run("-n2", process=True).expect(passed=2)

    assert [line for line in run.section if "svc2" in line] == [
        f"{UNUSED}: nothing is replayed from it",
        "  to use it: pytest --rootdir=svc2 svc2",
    ]


@pytest.mark.parametrize(
    "arguments",
    [["svc1"], ["--mimic-vault=svc2/.mimic_vault"], ["--mimic-live"]],
    ids=["another folder", "the vault is chosen", "live"],
)
def test_no_vault_is_named_that_the_run_needs_not(monorepo, arguments):
    monorepo.ini(pythonpath="svc1 svc2 .", mimic_vault_path="svc1/.mimic_vault")

    run = monorepo.run(*arguments)

    assert "is not the vault" not in run.output


def test_an_empty_vault_is_not_named(project):
    project.write("svc/test_plain.py", "def test_plain(): pass\n")
    (project.root / "svc/.mimic_vault").mkdir()

    run = project.run("--rootdir=.").expect(passed=1)

    assert "is not the vault" not in run.output
