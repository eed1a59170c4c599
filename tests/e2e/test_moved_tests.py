"""Twenty tests of each of three projects are renamed, moved, put into classes, parametrized and merged, without a service."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from support.cart_server import cart_server
from support.git import git

from pytest_mimic._tools.cli.main import main

pytest.importorskip("requests", reason="needs requests")

SHOP = """
    import os
    import requests
    from tally import ran

    def cart(number):
        url = f"{os.environ['API']}/cart{number}"
        requests.delete(url)
        requests.post(url, json={"item": f"tea {number}"})
        requests.post(url, json={"item": "milk"})
        return requests.get(url).json()

    def price(number):
        ran("price", number)
        return [f"tea {number}", "milk"]
"""
HEAD = """import pytest, shop

@pytest.fixture(scope="module")
def opened():
    return shop.{function}(0)

"""
PROJECTS = {
    "functions": ("price", "shop:price sequence", "assert {call} == {call} == {value}"),
    "conversations": ("cart", "requests ignore=port", "assert {call} == {value}"),
    "cassettes": (
        "cart",
        "requests ignore=port",
        "with mimic_auto(targets=['requests ignore=port']):\n    assert {call} == {value}",
    ),
}


class Place(NamedTuple):
    """The id of a test in parts."""

    file: str
    name: str
    cls: str = ""
    case: str = ""

    def __str__(self) -> str:
        classes = f"{self.cls}::" if self.cls else ""
        return f"{self.file}::{classes}{self.name}{f'[{self.case}]' if self.case else ''}"


OLD = [Place(f"tests/test_{number % 2}.py", f"test_number_{number}") for number in range(20)]
NEW = [
    *(one._replace(name=f"test_cart_{number}") for number, one in enumerate(OLD[:4])),
    *(one._replace(file="tests/far/test_moved.py") for one in OLD[4:8]),
    *(one._replace(cls=f"TestCart{number}") for number, one in enumerate(OLD[8:12])),
    *(one._replace(case="once") for one in OLD[12:16]),
    *(OLD[number]._replace(name=f"test_both_{number // 2}") for number in (16, 16, 18, 18)),
]


def write(project, places: Sequence[Place], function: str, body: str) -> None:
    """Write the tests at their places, and commit them. Those of one place are one test."""
    shutil.rmtree(project.root / "tests", ignore_errors=True)
    bodies: dict[Place, list[str]] = defaultdict(list)
    for number, place in enumerate(places):
        call = f"shop.{function}({number})"
        bodies[place] += body.format(call=call, value=[f"tea {number}", "milk"]).splitlines()
    files: dict[str, str] = {}
    for place, lines in bodies.items():
        is_moved = places.index(place) in range(4, 8)  # to another file, without the fixture of the module
        words = (
            ["self"] * bool(place.cls)
            + ["mimic_auto"]
            + ["opened"] * (not is_moved)
            + ["case"] * bool(place.case)
        )
        text = [f"def {place.name}({', '.join(words)}):", *(f"    {line}" for line in lines), ""]
        if place.case:
            text.insert(0, f'@pytest.mark.parametrize("case", [{place.case!r}])')
        if place.cls:
            text = [f"class {place.cls}:", *(f"    {line}" for line in text)]
        files[place.file] = files.get(place.file, HEAD.format(function=function)) + "\n".join([*text, ""])
    for file, content in files.items():
        project.write(file, content)
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "tests")


@pytest.mark.parametrize("kind", PROJECTS)
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_twenty_tests_change_and_replay(project, kind, capsys):
    """They verify with the service, too. At last, git moves a file, with the conversation of its fixture."""
    function, target, body = PROJECTS[kind]
    # A test has one cassette of its id for each block, so that a merged one would need that of both.
    new = NEW if kind != "cassettes" else [*NEW[:16], *(one._replace(case="one") for one in OLD[16:])]
    project.ini(target, python_files="test_*.py", pythonpath=".")
    project.module(SHOP)
    git(project.root, "init", "-q")
    with cart_server() as server:
        service, nothing = {"API": server.url}, {"API": "http://127.0.0.1:1", "CI": "true"}
        write(project, OLD, function, body)
        recorded = project.record(env=service).expect(passed=20)
        write(project, new, function, body)
        assert project.replay(env=nothing).exit_code == 1

        for before, after in zip(OLD, new, strict=True):
            assert main(["mv", str(before), str(after)]) == 0, capsys.readouterr().out
        git(project.root, "mv", "tests/test_0.py", "tests/test_even.py")
        assert main(["mv", "tests/test_0.py", "tests/test_even.py"]) == 0

        server.take()
        replayed = project.replay("--mimic-fail-on-unused", env=nothing).expect(passed=len(set(new)), real=[])
        assert server.take() == []
        assert len(replayed.vault) == len(recorded.vault)
        verified = project.run("--mimic-verify", env=service).expect(passed=len(set(new)))
        assert len(server.take()) + len(verified.real) > 40
    assert not any("drifted" in line for line in verified.section)
