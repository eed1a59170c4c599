"""Section 8: what a command reads grows with what it has to look at, not with the vault."""

from __future__ import annotations

import gc
import json
import os
import sys
import tracemalloc
from collections import Counter
from contextlib import redirect_stdout
from shutil import which

import pytest
from support import face
from support.git import git

SHOP = """
    def large(n):
        ran("large", n)
        return "x" * 70_000

    def small(n):
        ran("small", n)
        return n
"""
opened: list[str] = []
listed: list[str] = []
is_counting = False


def note(event, arguments):
    if is_counting and event in ("os.scandir", "os.listdir"):
        listed.append(str(arguments[0]))
    if not is_counting or event != "open":
        return
    path, mode, _ = arguments
    if (
        isinstance(path, str) and mode is None
    ):  # The tests open by `open`, which has one.
        opened.append(path)


@pytest.fixture(scope="module", autouse=True)
def hook():
    """A hook for audits stays for ever."""
    sys.addaudithook(note)


@pytest.fixture
def shop(project):
    project.ini("shop:*")
    project.module(SHOP)
    project.tests("""
        @pytest.mark.parametrize("n", range(30))
        def test_it(n):
            shop.small(n), shop.large(n)

        @pytest.mark.mimic("shop:small", sequence=True)
        @pytest.mark.parametrize("n", range(5))
        def test_log(n):
            shop.small(n)
    """)
    project.record_once(passed=35)
    return project


def reads(shop, act, *words):
    """Return how often each file of the vault was opened, and what a command or run said."""
    global is_counting
    opened.clear()
    listed.clear()
    is_counting = True
    try:
        answer = act(*words)
    finally:
        is_counting = False
    label = f"{shop.vault}/"
    return Counter(one[len(label) :] for one in opened if one.startswith(label)), answer


@pytest.mark.parametrize("command", ["show", "rm"])
@pytest.mark.parametrize("start", ["{}", ".mimic_vault/{}"])
def test_a_file_of_the_vault_is_read_alone(shop, command, start):
    names = [name for name in shop.files("calls") if "small" in name]
    log = next(iter(shop.files("logs")))

    for name in [names[0], log]:
        found, answer = reads(shop, shop.command, command, start.format(name))

        of_calls = {file for file in found if file.startswith(("calls", "logs"))}
        # Who else names its object of `inputs` is looked for, and found at once.
        assert (answer.code, name in of_calls, len(of_calls) <= 2) == (0, True, True)


@pytest.mark.parametrize("command", ["ls", "check"])
def test_each_file_is_read_a_few_times_at_most(shop, command):
    found, answer = reads(shop, shop.command, command)

    known = shop.files("calls").keys() | shop.files("logs").keys()
    assert answer.code == 0
    assert max(found[name] for name in known) <= (1 if command == "ls" else 2)


def test_what_is_cleared_is_read_a_few_times_at_most(shop):
    """Whatever it is, and however much goes."""
    shop.test("shop.small(1)")
    before = set(shop.files("calls"))

    found, run = reads(shop, shop.run, "--mimic-clear-unused")

    run.expect(passed=1)
    assert len(shop.files("calls")) == 1
    assert max(found[name] for name in before - shop.files("calls").keys()) <= 3


def test_misses_read_what_comes_next_to_them_once(shop):
    shop.tests("""
        @pytest.mark.parametrize("n", range(100, 120))
        def test_it(n):
            shop.small(n)
    """)

    found, run = reads(shop, shop.run)

    run.expect(failed=20, says=["nearest: recorded by"])
    # They are read for their arguments, the unused ones and the cost, too.
    assert max(found[name] for name in shop.files("calls")) <= 4


def test_the_json_of_ls_is_one_document_that_comes_call_by_call(shop):
    answer = shop.command("ls", "--json")

    rows = json.loads(answer.out)
    assert len(rows["calls"]) == len(answer.out.splitlines()) - 2 == 65
    assert (rows["damaged"], rows["unmatched"]) == ([], [])
    assert json.loads(shop.command("ls", "--json", "shop:none").out)["calls"] == []


def test_a_run_that_records_lists_the_logs_as_often_for_many_tests_as_for_few(shop):
    counts = []
    for tests in (5, 50):
        shop.tests(f"""
            @pytest.mark.mimic("shop:small", sequence=True)
            @pytest.mark.parametrize("n", range({tests}))
            def test_log(n):
                shop.small(n)
        """)
        reads(shop, shop.run, "--mimic-rerecord")[1].expect(passed=tests)
        counts.append(sum(f"{shop.vault}/logs" in path for path in listed))

    assert counts[0] == counts[1]


@pytest.fixture
def peak_of(monkeypatch, tmp_path):
    """A function that runs a command in a project, and gives how many bytes it held at most."""

    def peak_of(project, command):
        monkeypatch.chdir(project.root)
        threshold = gc.get_threshold()
        gc.set_threshold(700)
        tracemalloc.start()
        try:
            with (tmp_path / "printed").open("w") as printed, redirect_stdout(printed):
                face.command(command)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            gc.set_threshold(*threshold)

    return peak_of


@pytest.mark.parametrize(
    "command", [["ls"], ["ls", "--json"], ["show", "shop:few"], ["check"]]
)
def test_a_command_keeps_no_call_in_memory_that_it_has_printed(
    project, peak_of, command
):
    project.ini("shop:*")
    project.module("""
        def few(n):
            return {"number": n, "texts": [f"text {n} {k}" for k in range(20)]}
    """)
    peaks = []
    for count in (200, 800):
        project.test(f"[shop.few(n) for n in range({count})]")
        project.run("--mimic-record").expect(passed=1)
        peaks.append(peak_of(project, command))

    assert peaks[1] < 2 * peaks[0]


def test_diff_has_git_look_for_no_file_by_its_name(shop, monkeypatch, tmp_path):
    """Git reads all of the names in a folder for that."""
    git(shop.root, "init", "-q")
    git(shop.root, "add", "-f", ".mimic_vault")
    git(shop.root, "commit", "-qm", "first")
    shop.module(SHOP.replace("return n", "return n + 1"))
    shop.run("--mimic-rerecord").expect(passed=35)
    asked = tmp_path / "asked"
    asked.touch()
    script = tmp_path / "git"
    script.write_text(
        f'#!/bin/sh\nif [ "$3" = cat-file ]; then tee {asked} | {which("git")} "$@"\n'
        f'else exec {which("git")} "$@"\nfi\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    answer = shop.command("diff")

    words = asked.read_text().split()
    assert "35 changed" in answer.lines[-1]
    assert len(words) >= 35
    assert not [word for word in words if ":" in word]
