"""What pytest sees of the plugin: its entry point, hooks and fixtures, and options that the reference lists."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pytest_mimic import plugin


class Parser:
    """Takes the names of options as pytest's own parser does."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def getgroup(self, *_: str) -> Parser:
        return self

    def addoption(self, flag: str, *, help: str, **_: Any) -> None:
        self.names.append(flag)

    def addini(self, name: str, help: str, *_: str, **__: str) -> None:
        self.names.append(name)


def test_pytest_finds_the_plugin_as_mimic() -> None:
    assert [one.value for one in entry_points(group="pytest11", name="mimic")] == [
        "pytest_mimic.plugin"
    ]


def test_the_reference_lists_each_option() -> None:
    parser: Any = Parser()
    page = (
        Path(__file__)
        .parents[2]
        .joinpath("docs/reference/configuration.md")
        .read_text(encoding="utf-8")
    )

    plugin.pytest_addoption(parser)

    assert len(set(parser.names)) == len(parser.names) > 15
    assert [name for name in parser.names if f"`{name}" not in page] == []
