"""Section 8, `diff`: `pytest-mimic diff` compares the vault and a revision of git as calls and outcomes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter

import pytest
from support.git import git
from support.http_server import running_server

# A module whose objects leave the file BAIT when their pickle is loaded.
BAITED = """
    class Evil:
        def __init__(self, name):
            self.name = name

        def __reduce__(self):
            return (make, (self.name,))

    def make(name):
        if os.environ.get("BAIT"):
            open(os.environ["BAIT"], "a").close()
        return Evil(name)
"""
SHOP = """
    from evil import Evil

    def fetch(base, day="monday"):
        return {"rates": {"USD": 1.07 if os.environ["VERSION"] == "1" else 1.08}, "token": "token-" + os.environ["VERSION"]}

    def ask(question):
        return f"The model said {os.environ['VERSION']} to this question,\\nand nothing else, however often anybody has asked it."

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
def shop(project):
    """A project whose vault is committed as recorded from version 1, and recorded again from version 2."""
    project.write("evil.py", BAITED)
    project.ini("shop:fetch", "shop:ask", "shop:odd")
    project.tests(BEFORE)
    project.record(env={"VERSION": "1"})
    git(project.root, "init", "-q")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "one")
    shutil.copytree(project.vault, project.root / "old")
    project.tests(AFTER)
    project.run("--mimic-rerecord", "--mimic-clear-unused", env={"VERSION": "2"})
    return project


def test_calls_and_outcomes_are_compared(shop):
    result = shop.command("diff")

    assert result.code == 1
    heads = [
        line for line in result.out.splitlines() if line and not line.startswith(" ")
    ]
    assert sorted(heads) == [
        "6 changed, 1 added",
        "test_shop.py::test_ask",
        "test_shop.py::test_cassette, cassette trip",
        "test_shop.py::test_fetch",
        "test_shop.py::test_odd",
    ]
    calls = re.findall(r"^  ((?:added|changed|removed): .*)$", result.out, re.M)
    assert calls == [
        "changed: shop:ask(question='why?')",
        "added: shop:ask(question='new?')",
        "changed: shop:fetch(base='EUR', day='monday')",
        "changed: shop:fetch(base='GBP', day='monday')",
        "changed: shop:fetch(base='EUR', day='monday')",
        "changed: shop:fetch(base='CHF', day='tuesday')",
        "changed: shop:odd()",
    ]
    assert "    rates.USD: 1.07 before, 1.08 now" in result.out
    assert re.search("    result: .*said 1 to.* before, .*said 2 to.* now", result.out)
    assert not re.search("token-[12]", result.out)


def test_new_facts_alone_are_no_difference(shop):
    shutil.rmtree(shop.vault)
    shutil.copytree(shop.root / "old", shop.vault)
    for path in shop.vault.rglob("*.json"):
        text = path.read_text(encoding="utf-8").replace(
            '"recorded": "', '"recorded": "1'
        )
        path.write_text(text, encoding="utf-8")

    assert shop.command("diff") == (0, "", "")


def test_a_new_id_is_told_only_where_nothing_else_differs(project):
    project.ini("shop:order")
    project.module("""
        import os, uuid

        def order(item):
            return {"id": str(uuid.uuid4()), "prices": os.environ["PRICE"].split()}
    """)
    project.tests("import shop\n\ndef test_it(): shop.order('tea')\n")
    project.record(env={"PRICE": "3"})
    git(project.root, "init", "-q")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "one")

    for price, differing in (("3", "id"), ("", "prices")):
        project.run("--mimic-rerecord", env={"PRICE": price}).expect(passed=1)
        told = project.command("diff").out
        assert re.findall("^    ([^:]+): .* before, .* now$", told, re.M) == [differing]


def test_calls_in_another_order_are_no_difference(shop):
    """So tasks side by side may begin them."""
    swapped = BEFORE.replace('("EUR"), shop.fetch("GBP")', '("GBP"), shop.fetch("EUR")')
    shutil.rmtree(shop.vault)
    shutil.copytree(shop.root / "old", shop.vault)
    shop.tests(swapped)

    shop.run("--mimic-rerecord", env={"VERSION": "1"})

    assert shop.command("diff") == (0, "", "")


def test_json_is_for_scripts(shop):
    found = json.loads(shop.command("diff", "--json").out)["differences"]

    assert Counter(one["change"] for one in found) == {
        "changed": 6,
        "added": 1,
    }
    assert {one["file"].split("/")[0] for one in found} == {"calls", "cassettes"}
    assert found[1]["call"] == "shop:ask(question='new?')"
    euro = next(one for one in found if one["owner"] == "test_shop.py::test_fetch")
    assert "rates.USD: 1.07 before, 1.08 now" in euro["differences"]


def test_no_pickle_is_loaded(shop, monkeypatch):
    bait = shop.root / "bait"
    monkeypatch.setenv("BAIT", str(bait))
    monkeypatch.syspath_prepend(str(shop.root))

    shop.command("diff"), shop.command("diff", "--json")

    assert not bait.exists()


def test_a_folder_in_no_repository_is_said(shop):
    shutil.rmtree(shop.root / ".git")

    error = f"ERROR: {shop.root} is not in a Git repository\n"
    assert shop.command("diff") == (2, "", error)


MOVED = """
    from http.client import HTTPConnection

    def send(verb, path, body):
        connection = HTTPConnection("HOST")
        connection.request(verb, path, body)
        connection.getresponse().read()
        connection.close()

    def test_it():
        for number in ORDER:
            send("GET", f"/hello?number={number}", "")
        send("POST", "/echo", "WORDS")
"""


# What git would run if it took this folder for a repository.
BARE = "[core]\n\trepositoryformatversion = 0\n\tworktree = {tree}\n\tfsmonitor = touch {bait}\n"


@pytest.mark.must
@pytest.mark.parametrize("place", ["vault", "vault/.git", "above", "above/.git"])
def test_git_takes_no_settings_from_a_folder_that_came_as_data(project, place):
    """A vault that has the shape of a bare repository is a repository for git, which then runs what its settings say."""
    project.ini("shop:fetch", mimic_vault_path="data/vault")
    project.module("def fetch(n): return n")
    project.tests("import shop\n\ndef test_it(): shop.fetch(1)\n")
    project.record()
    git(project.root, "init", "-q")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "one")
    vault, bait = project.root / "data/vault", project.root / "bait"
    tree = vault if place.startswith("vault") else vault.parent
    shape = tree / ".git" if place.endswith(".git") else tree
    for folder in ("objects", "refs"):
        (shape / folder).mkdir(parents=True, exist_ok=True)
    (shape / "HEAD").write_text("ref: refs/heads/main\n")
    (shape / "config").write_text(BARE.format(tree=tree, bait=bait))

    told = project.command("diff")
    checked = project.command("check")

    assert not bait.exists()
    assert told.code == (2 if place.endswith(".git") else 0)
    assert "-C" not in told.out
    assert checked.code == 1
    label = {"vault": "data/vault", "above": "data"}[place.split("/")[0]]
    assert f"{label} has the shape of a Git repository" in checked.out
    assert not bait.exists()


def test_a_vault_that_is_a_submodule_is_compared_in_it(project, tmp_path_factory):
    library = tmp_path_factory.mktemp("library")
    project.ini("shop:fetch")
    project.module("def fetch(n): return [n, os.environ['VERSION']]")
    project.tests("import shop\n\ndef test_it(): shop.fetch(1)\n")
    project.record(env={"VERSION": "1"})
    shutil.move(project.vault, library / "vault")
    git(library / "vault", "init", "-q")
    git(library / "vault", "add", "-A")
    git(library / "vault", "commit", "-q", "-m", "one")
    git(project.root, "init", "-q")
    local = ("-c", "protocol.file.allow=always")
    git(
        project.root,
        *local,
        "submodule",
        "add",
        "-q",
        str(library / "vault"),
        ".mimic_vault",
    )
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "one")
    project.run("--mimic-rerecord", env={"VERSION": "2"})

    told = project.command("diff")
    (command,) = re.findall("to put it back: (.*)", told.out)
    subprocess.run(command, shell=True, cwd=project.root, check=True)

    assert "1 changed" in told.out
    assert project.command("diff") == (0, "", "")


def test_a_linked_worktree_and_another_repository_in_the_environment(
    project, monkeypatch
):
    project.ini("shop:fetch")
    project.module("def fetch(n): return [n, os.environ['VERSION']]")
    project.tests("import shop\n\ndef test_it(): shop.fetch(1)\n")
    project.record(env={"VERSION": "1"})
    git(project.root, "init", "-q")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "one")
    other = project.root / "other"
    git(project.root, "worktree", "add", "-q", str(other), "-b", "other")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    for path in other.rglob(".mimic_vault/calls/**/*.json"):
        path.write_text(path.read_text().replace('"1"', '"2"'))

    told = project.command("diff", folder=other)

    assert "result[1]: '1' before, '2' now" in told.out


def test_a_request_is_compared_with_one_of_its_own_signature(project):
    """Requests in parallel come in another order in each recording."""
    project.ini("http")
    with running_server() as server:
        tests = MOVED.replace("HOST", server.url.partition("//")[2])
        project.tests(tests.replace("ORDER", "(1, 2, 3)").replace("WORDS", "before"))
        project.record().expect(passed=1)
        git(project.root, "init", "-q")
        git(project.root, "add", "-A")
        git(project.root, "commit", "-q", "-m", "one")
        project.tests(tests.replace("ORDER", "(3, 1, 2)").replace("WORDS", "after"))
        project.run("--mimic-rerecord").expect(passed=1)

    printed = project.command("diff").out

    assert "changed: http POST /echo" in printed
    assert "method: " not in printed


@pytest.mark.parametrize(
    "options", [("--mimic-record",), ("--mimic-rerecord", "--mimic-clear-unused")]
)
def test_a_changed_call_that_tests_share_is_one_change(project, options):
    """Its file has another name; the former one is gone, or its test asks for it no more."""
    project.ini("http shared")
    text = """
        import os, httpx

        def test_it():
            url = os.environ["API"] + "/echo"
            assert httpx.post(url, json={"prompt": "Say hello."}).status_code == 200
    """
    project.tests(text)
    git(project.root, "init", "-q")
    with project.shop():
        project.record().expect(passed=1)
        git(project.root, "add", "-A")
        git(project.root, "commit", "-q", "-m", "one")
        project.tests(text.replace("Say hello.", "Say hello, please."))
        project.run(*options, plugins=["cacheprovider"]).expect(passed=1)

    answer = project.command("diff")

    assert "1 changed" in answer.out.splitlines()[-1]
    told = answer.out.splitlines()
    assert any("Say hello." in line and "Say hello, please." in line for line in told)
    back = [line for line in told if "to put it back" in line]
    subprocess.run(back[0].partition(": ")[2], shell=True, check=True, cwd=project.root)
