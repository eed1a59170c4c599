"""The line that takes a recorded call is that which would take it in a run."""

from __future__ import annotations

import pytest

from pytest_mimic._core.targets.target import Target, parse_target
from pytest_mimic._tools.cli import project
from pytest_mimic._tools.rekey.lines_of_today import lines_for

# The table of clients is handed in by the module of projects.
assert project


def targets(*lines: str) -> list[Target]:
    found = [parse_target(line) for line in lines]
    return [target for target in found if target is not None]


FUNCTIONS = {
    "by its name": (["shop:fetch"], "shop:fetch"),
    "by a wildcard": (["shop:*"], "shop:*"),
    "a wildcard gives way": (["shop:fetch ignore=a", "shop:*"], "shop:fetch"),
    "the last one": (["shop:fetch ignore=a", "shop:fetch"], "shop:fetch"),
    "excluded": (["shop:*", "!shop:fetch"], None),
    "another module": (["shop.api:*", "other:fetch"], None),
    "a class": (["shop:Client.*"], None),
}


@pytest.mark.parametrize(("lines", "expected"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_has_the_line_that_decides_about_it(
    lines: list[str], expected: str | None
) -> None:
    found = lines_for(targets(*lines), "shop:fetch", "shop:fetch", None)

    assert [line.name for line in found] == ([expected] if expected else [])


def test_a_method_has_the_wildcard_of_its_class() -> None:
    lines = targets("shop:Client.* ignore=self", "shop:*")

    [line] = lines_for(lines, "shop:Client.get", "shop:Client.get", None)

    assert (line.name, line.options) == ("shop:Client.*", {"ignore": ["self"]})


def test_a_private_function_has_no_wildcard() -> None:
    assert lines_for(targets("shop:*"), "shop:_get", "shop:_get", None) == []


def test_a_function_that_is_exported_is_named_so() -> None:
    [line] = lines_for(
        targets("shop:fetch"),
        "shop.api:fetch",
        "shop.api:fetch",
        None,
        name_in_line="shop:fetch",
    )

    assert line.name == "shop:fetch"


def test_a_request_has_the_first_line_that_takes_it() -> None:
    lines = targets("http only=POST sequence=no", "http ignore=headers")

    [post] = lines_for(lines, "http", "POST /users", "shop.test")
    [get] = lines_for(lines, "http", "GET /users", "shop.test")

    assert post.options == {"sequence": False}
    assert get.options == {"ignore": ["headers"]}


def test_several_clients_have_several_lines() -> None:
    lines = targets("httpx ignore=query", "requests")

    found = lines_for(lines, "http", "GET /users", None)

    assert [line.name for line in found] == ["httpx", "requests"]


def test_lines_that_identify_alike_are_one() -> None:
    lines = targets("httpx volatile=headers.date", "requests", "http")

    assert len(lines_for(lines, "http", "GET /users", None)) == 1
