"""The drawings of docs/contributing/follow-a-call.md show what calls do."""

from __future__ import annotations

import json
import re
from importlib import import_module
from inspect import unwrap
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import pytest
from support.http_server import running_server

import pytest_mimic

INPUTS = "warn"

PACKAGE = Path(pytest_mimic.__file__).parent
PAGE = (Path(__file__).parents[2] / "docs/contributing/follow-a-call.md").read_text(encoding="utf-8")
DRAWINGS = {
    section.partition("\n")[0]: re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    for section in PAGE.split("\n## ")
}
LINE = re.compile(r"^([│├└─ ]*)(\w[\w/]*\.py) ([\w.]+)", re.MULTILINE)

# Notes each function of pytest-mimic that a call enters: how deep, its file, line and name.
TRACING = """
    import json, pathlib, sys
    from contextlib import suppress

    ROOT = %r
    FILE = pathlib.Path(__file__).with_name("traced.json")

    def traced(title, call):
        seen, depth = [], 0

        def note(frame, event, arg):
            nonlocal depth
            code = frame.f_code
            if code.co_filename.startswith(ROOT) and event in ("call", "return"):
                if event == "call":
                    seen.append([depth, code.co_filename, code.co_firstlineno, code.co_name])
                depth += 1 if event == "call" else -1

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            with suppress(Exception):
                call()
        finally:
            sys.setprofile(before)
        found = json.loads(FILE.read_text()) if FILE.exists() else {}
        FILE.write_text(json.dumps({**found, title: [*found.get(title, []), seen]}))
"""
SHOP = """
    def fetch(base):
        return {"base": base}
"""
RECORDING = """
    import shop
    from tracing import traced

    def test_calls():
        traced("A recorded call", lambda: shop.fetch("EUR"))
"""
REPLAYING = """
    import shop
    from tracing import traced

    def test_calls():
        traced("A replayed value", lambda: shop.fetch("EUR"))
        traced("A replayed value", lambda: shop.fetch("EUR"))
        traced("A miss", lambda: shop.fetch("???"))
"""
REQUEST = """
    import requests
    from tracing import traced

    def test_request():
        traced(%r, lambda: requests.get(%r))
"""


class Entered(NamedTuple):
    """A function that a call enters, or that a drawing names: how deep, and where its code is."""

    depth: int
    place: tuple[str, int, str]


def read_drawing(drawing: str) -> list[Entered]:
    """Return the functions of a drawing, each as deep as it is indented."""
    return [Entered(len(indent), place_of(module, name)) for indent, module, name in LINE.findall(drawing)]


def place_of(module: str, name: str) -> tuple[str, int, str]:
    """Return where a function is. `outer.inner` is a method, or a function inside another one."""
    found: Any = import_module(f"pytest_mimic.{module.removesuffix('.py').replace('/', '.')}")
    for part in name.split("."):
        found = inner(found, part) if isinstance(found, CodeType) else code_or_class(getattr(found, part))
    assert isinstance(found, CodeType), f"{module} {name} is no function"
    return found.co_filename, found.co_firstlineno, found.co_name


def code_or_class(named: Any) -> Any:
    return named if isinstance(named, type) else unwrap(named).__code__


def inner(code: CodeType, name: str) -> CodeType:
    [found] = [one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == name]
    return found


def missing_from(call: list[Entered], drawing: list[Entered]) -> list[str]:
    """Return the functions of a drawing that a call does not enter in this order and below those they are drawn below."""
    missing: list[str] = []
    at = 0
    open_calls: list[tuple[int, int]] = []  # how deep they are in the drawing, and in the call
    for drawn in drawing:
        while open_calls and open_calls[-1][0] >= drawn.depth:
            open_calls.pop()
        outer = open_calls[-1][1] if open_calls else -1
        found = None
        for index in range(at, len(call)):
            if call[index].depth <= outer:
                break  # the function that it is drawn below has returned
            if call[index].place == drawn.place:
                found = index
                break
        if found is None:
            missing.append(" ".join(map(str, drawn.place)))
        else:
            at = found + 1
            open_calls.append((drawn.depth, call[found].depth))
    return missing


def check(project: Any, *titles: str) -> None:
    """Check the drawings of these sections against the calls that a project has made."""
    traced = json.loads((project.root / "traced.json").read_text())
    for title in titles:
        calls = [[Entered(depth, tuple(place)) for depth, *place in call] for call in traced[title]]
        drawings = [read_drawing(text) for text in DRAWINGS[title]]
        assert [missing_from(*pair) for pair in zip(calls, drawings, strict=True)] == [[]] * len(drawings), (
            title
        )


@pytest.fixture
def traced_project(project) -> Any:
    project.ini("shop:fetch", "requests")
    project.write("tracing.py", TRACING % str(PACKAGE))
    return project


def test_calls_of_a_function_go_the_way_of_the_drawings(traced_project):
    traced_project.tests(RECORDING)
    traced_project.record().expect(passed=1)
    traced_project.tests(REPLAYING)
    traced_project.run().expect(failed=1)  # by the miss

    check(traced_project, "A recorded call", "A replayed value", "A miss")


def test_requests_go_the_way_of_the_drawings(traced_project):
    pytest.importorskip("requests")
    with running_server() as server:
        url = f"{server.url}/json"
        traced_project.write("test_request.py", REQUEST % ("A recorded request", url))
        traced_project.record().expect(passed=1)
    traced_project.write("test_request.py", REQUEST % ("A replayed request", url))
    traced_project.run().expect(passed=1)

    check(traced_project, "A recorded request", "A replayed request")


def test_the_text_names_what_there_is():
    """A module in the text exists, and a function or class is in the module that the sentence names."""
    text = re.sub(r"```text.*?```", "", PAGE, flags=re.DOTALL)
    for name, module in re.findall(r"`([\w.]+)` in\s+`(\w[\w/]*\.py)`", text):
        found = (PACKAGE / module).read_text(encoding="utf-8")
        assert re.search(rf"^\s*(def|class) {name.rpartition('.')[2]}\b", found, re.MULTILINE), name
    for module in re.findall(r"`([\w/]+\.py)`", text):
        assert (PACKAGE / module).is_file(), module
