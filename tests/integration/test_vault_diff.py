"""`pytest-mimic diff` compares recordings, vaults and revisions of git as calls and outcomes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.forged import BAITED
from support.git import git

from pytest_mimic._tools.cli.main import main

SHOP = """
    import os
    from evil import Evil

    def fetch(base, day="monday"):
        return {"rates": {"USD": 1.07 if os.environ["VERSION"] == "1" else 1.08}, "token": "token-" + os.environ["VERSION"]}

    def ask(question):
        return f"The model said {os.environ['VERSION']} to this question,\\nand nothing else."

    def odd():
        return Evil(os.environ["VERSION"])
"""
BEFORE = """
    import shop

    def test_fetch():
        shop.fetch("EUR")
        shop.fetch("CHF")

    def test_ask():
        shop.ask("why?")

    def test_odd():
        shop.odd()

    def test_cassette(mimic_auto):
        with mimic_auto("trip", targets=["shop:fetch"]):
            shop.fetch("EUR"), shop.fetch("GBP")
"""
AFTER = BEFORE.replace('shop.fetch("CHF")', 'shop.fetch("CHF", "tuesday")').replace(
    'shop.ask("why?")', 'shop.ask("why?"), shop.ask("new?")'
)


@pytest.fixture
def shop(project: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """A project whose vault is committed as recorded from version 1, and recorded again from version 2."""
    project.write("evil.py", BAITED)
    project.ini("shop:fetch", "shop:ask", "shop:odd")
    project.tests(BEFORE)
    monkeypatch.chdir(project.root)
    project.run("--mimic-record", env={"VERSION": "1"})
    git(project.root, "init", "-q")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "one")
    shutil.copytree(project.vault, project.root / "old")
    project.tests(AFTER)
    project.run("--mimic-rerecord", "--mimic-clear-unused", env={"VERSION": "2"})

    def diff(*words: str) -> SimpleNamespace:
        capsys.readouterr()
        code = main(["diff", *words])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return SimpleNamespace(code=code, out=printed.out, err=printed.err)

    return SimpleNamespace(project=project, root=project.root, diff=diff)


@pytest.mark.parametrize("words", [["--git", "HEAD"], ["old", ".mimic_vault"]], ids=["git", "folders"])
@pytest.mark.promise("diff shows vaults and revisions of git as calls and outcomes")
def test_calls_and_outcomes_are_compared(shop: Any, words: list[str]) -> None:
    result = shop.diff(*words)

    assert result.code == 1
    heads = [line for line in result.out.splitlines() if line and not line.startswith(" ")]
    assert sorted(heads) == [
        "5 changed outcomes, 1 changed call, 1 added",
        "added: shop:ask(question='new?')",
        "changed call: shop:fetch(base='CHF', day='tuesday')",
        "changed outcome: cassette trip: shop:fetch(base='EUR', day='monday')",
        "changed outcome: cassette trip: shop:fetch(base='GBP', day='monday')",
        "changed outcome: shop:ask(question='why?')",
        "changed outcome: shop:fetch(base='EUR', day='monday')",
        "changed outcome: shop:odd()",
    ]
    assert "  before: shop:fetch(base='CHF', day='monday')" in result.out
    assert "day: 'monday' before, 'tuesday' now" in result.out
    assert "rates.USD: 1.07 → 1.08" in result.out
    assert "The model said [-1-]{+2+} to this question," in result.out
    assert not re.search("token-[12]", result.out)


def test_equal_vaults_and_new_facts_alone_are_no_difference(shop: Any) -> None:
    for path in (shop.root / "old").rglob("*.json"):
        path.write_text(
            path.read_text(encoding="utf-8").replace('"recorded": "', '"recorded": "1'), encoding="utf-8"
        )
    shutil.copytree(shop.root / "old", shop.root / "older")
    for path in (shop.root / "older").rglob("*.json"):
        path.write_text(
            path.read_text(encoding="utf-8").replace('"recorded": "1', '"recorded": "'), encoding="utf-8"
        )

    assert (shop.diff("old", "older").code, shop.diff("old", "older").out) == (0, "")
    assert shop.diff("--git", "HEAD..HEAD").code == 0


def test_two_recordings_are_compared_by_their_paths(shop: Any) -> None:
    name = next(
        path.relative_to(shop.root / "old")
        for path in sorted((shop.root / "old/calls/shop/fetch").iterdir())
        if "EUR" in path.read_text(encoding="utf-8")
    )

    result = shop.diff(f"old/{name}", f".mimic_vault/{name}")

    assert (result.code, result.out.splitlines()[0]) == (
        1,
        "changed outcome: shop:fetch(base='EUR', day='monday')",
    )
    assert shop.diff(f"old/{name}", f"old/{name}").code == 0
    # Those of the project are found by any selector.
    assert "changed call: shop:ask(question='new?')" in shop.diff("why", "new").out
    assert shop.diff("shop:fetch", "new").err.splitlines()[0] == (
        "ERROR: shop:fetch matches 3 recordings: diff takes two, such as the first digits of their names"
    )


def test_selectors_limit_what_is_compared_with_a_revision(shop: Any) -> None:
    by_call, by_test = shop.diff("--git", "HEAD", "ask"), shop.diff("--git", "HEAD", "test_ask", "nothing")

    for result in (by_call, by_test):
        assert result.code == 1
        assert "1 changed outcome, 1 added" in result.out
    assert by_test.out.splitlines()[-1] == "nothing in .mimic_vault matches nothing"


@pytest.mark.promise("diff prints a comment for a pull request, and text for git diff")
def test_markdown_is_a_comment_for_a_pull_request(shop: Any) -> None:
    text = shop.diff("--git", "HEAD", "--markdown").out

    assert text.startswith("### Recordings: 5 changed outcomes, 1 changed call, 1 added\n")
    assert "<code>shop:ask(question=&#x27;why?&#x27;)</code>: changed outcome" in text
    assert "- The model said 1 to this question,\n+ The model said 2 to this question,\n" in text
    assert text.count("```") % 2 == 0
    assert not re.search("token-[12]", text)


def test_json_is_for_scripts(shop: Any) -> None:
    found = json.loads(shop.diff("--git", "HEAD", "--json").out)["differences"]

    assert [one["change"] for one in found] == ["outcome"] * 5 + ["call", "added"]
    assert {one["file"].split("/")[0] for one in found} == {"calls", "cassettes"}
    call = found[5]
    assert (call["call"], call["before"]) == (
        "shop:fetch(base='CHF', day='tuesday')",
        "shop:fetch(base='CHF', day='monday')",
    )


def test_a_removed_recording_and_a_damaged_one_are_named(shop: Any) -> None:
    shutil.rmtree(shop.root / ".mimic_vault/calls/shop/odd")
    broken = next((shop.root / ".mimic_vault/calls/shop/ask").iterdir())
    broken.write_text("{", encoding="utf-8")

    result = shop.diff("--git", "HEAD")

    assert result.code == 2
    assert "removed: shop:odd()" in result.out
    assert f"damaged: calls/shop/ask/{broken.name}" in result.out


def test_no_pickle_is_loaded_without_load(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bait = shop.root / "bait"
    monkeypatch.setenv("BAIT", str(bait))
    monkeypatch.syspath_prepend(str(shop.root))

    for words in ([], ["--json"], ["--markdown"]):
        shop.diff("--git", "HEAD", *words)
    hint = shop.diff("--git", "HEAD").out
    is_loaded = bait.exists()
    with_load = shop.diff("--git", "HEAD", "--load").out

    assert not is_loaded
    assert bait.exists()
    assert "name: '1' recorded, '2' now" in with_load
    assert hint.endswith("  to compare the values of pickles: add --load\n")
    assert "add --load" not in with_load


@pytest.mark.promise("diff prints a comment for a pull request, and text for git diff")
def test_git_shows_recordings_as_text_by_textconv(shop: Any) -> None:
    shop.project.write(".gitattributes", ".mimic_vault/**/*.json diff=mimic\n")
    recorded = next((shop.root / "old/calls/shop/fetch").iterdir())

    result = shop.diff("--textconv", str(recorded))

    assert result.code == 0
    assert result.out.startswith("recorded by test_shop.py::test_fetch\nshop:fetch(base=")
    assert "'USD': 1.07" in result.out
    assert "duration" not in result.out
    assert "token-1" not in result.out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "diff takes two recordings or vaults, or --git REV"),
        (["old"], "diff takes two recordings or vaults, or --git REV"),
        (["old", "shop.py"], "shop.py is not in a vault"),
        (["--git", "nowhere"], "git knows no revision nowhere here"),
        (["--git=--help"], "'--help' is no revision of git"),
        (["--textconv", "nowhere"], "cannot read nowhere: No such file or directory"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_exit_code_2(shop: Any, words: list[str], error: str) -> None:
    result = shop.diff(*words)

    assert (result.code, result.err.splitlines()[0]) == (2, f"ERROR: {error}")


@pytest.mark.promise("a SELECTOR that matches nothing is said, and the exit code is 1")
@pytest.mark.parametrize("option", ["--load", "--markdown", "--json"])
def test_a_side_that_matches_nothing_is_said(shop: Any, option: str) -> None:
    result = shop.diff("nowhere", "why", option)

    said = "nothing in .mimic_vault matches nowhere\n"
    if option == "--json":
        said = json.dumps({"differences": [], "unmatched": ["nowhere"]}, indent=1) + "\n"
    assert (result.code, result.out) == (1, said)


def test_two_cassettes_are_compared_call_by_call(shop: Any) -> None:
    shop.project.tests("""
        import shop

        def test_cassettes(mimic_auto):
            with mimic_auto("short", targets=["shop:fetch"]):
                shop.fetch("EUR")
            with mimic_auto("long", targets=["shop:fetch"]):
                shop.fetch("EUR"), shop.fetch("CHF")
    """)
    shop.project.run("--mimic-record", env={"VERSION": "1"})

    assert shop.diff("short", "long").out.splitlines() == [
        "added: cassette long: shop:fetch(base='CHF', day='monday')",
        "  test_shop.py::test_cassettes",
        "1 added",
    ]
    assert shop.diff("short", "why").err == "ERROR: a recording cannot be compared with a cassette\n"


def test_a_pickle_has_one_size(shop: Any) -> None:
    """Without a preview, its size is all that tells it from another one."""
    for vault in ("old", ".mimic_vault"):
        [file] = (shop.root / vault / "calls/shop/odd").iterdir()
        facts = json.loads(file.read_text(encoding="utf-8"))
        del facts["outcomes"][0]["preview"]
        file.write_text(json.dumps(facts), encoding="utf-8")
    [file] = (shop.root / ".mimic_vault/objects").rglob("*.pkl")

    shown = shop.diff("old", ".mimic_vault").out

    assert f"a pickle, {file.stat().st_size} B, of other content\n" in shown


def test_a_date_before_the_log_of_a_clone_is_an_error(shop: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Git would take the first commit of the log, in which nothing differs."""
    git(tmp_path, "clone", "-q", str(shop.root), "clone")
    monkeypatch.chdir(tmp_path / "clone")

    result = shop.diff("--git", "HEAD@{1 week ago}")

    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[0] == "ERROR: this clone is younger than HEAD@{1 week ago}"
    assert "git rev-list -1 --before=" in result.err


def test_an_empty_revision_is_an_error(shop: Any) -> None:
    result = shop.diff("--git", "")

    assert (result.code, result.out, result.err) == (2, "", "ERROR: '' is no revision of git\n")


def test_calls_are_matched_with_their_nearest_predecessor(
    project: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The outcomes are all the same."""
    project.module("def fetch(base, day='monday', n=1):\n    return 1\n")
    project.ini("shop:fetch")
    test = """
        import shop

        def test_{0}():
            shop.fetch("EUR", "monday", {1})

        def test_far_{0}():
            shop.fetch(*"{2}")

        def test_trip(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch"]):
                shop.fetch("EUR"), shop.fetch("{3}"), shop.fetch("USD")
    """
    for vault, words in (("old", ("a", 1, "abc", "GBP")), (".mimic_vault", ("b", 2, "xyz", "NOK"))):
        project.tests(test.format(*words))
        project.run("--mimic-record", f"--mimic-vault={vault}")
    for vault in ("old", ".mimic_vault"):
        project.write(f"{vault}/calls/shop/fetch/{'0' * 32}.json", "{" if vault == "old" else "[")
    monkeypatch.chdir(project.root)
    capsys.readouterr()

    assert main(["diff", "old", ".mimic_vault"]) == 2

    assert [line for line in capsys.readouterr().out.splitlines() if not line.startswith("    ")] == [
        "changed call: cassette trip: shop:fetch(base='NOK', day='monday', n=1)",
        "  before: shop:fetch(base='GBP', day='monday', n=1)",
        "  test_shop.py::test_trip",
        "  base: 'GBP' before, 'NOK' now",
        "changed call: shop:fetch(base='EUR', day='monday', n=2)",
        "  before: shop:fetch(base='EUR', day='monday', n=1)",
        "  test_shop.py::test_b",
        "  n: 1 before, 2 now",
        "added: shop:fetch(base='x', day='y', n='z')",
        "  test_shop.py::test_far_b",
        "removed: shop:fetch(base='a', day='b', n='c')",
        "  test_shop.py::test_far_a",
        f"damaged: calls/shop/fetch/{'0' * 32}.json",
        "2 changed calls, 1 added, 1 removed, 1 damaged",
    ]
