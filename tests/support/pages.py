"""Reads the calls in an HTML report."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

from support.placeholders import unmarked


class ShownCall(NamedTuple):
    """One call in a report.

    Attributes:
        kind: What became of it.
        test: The test that made it.
        label: The call in words.
        file: Its recording in the vault.
        seconds: How long the real call took.
        fixture: The wider fixture that made it.
        problem: What is wrong.
        facts: What explains it.
        remedies: What to do: pairs of words and command.
        shown: What it asked and what it got, as drawn lines.
    """

    kind: str
    test: str
    label: str
    file: str
    seconds: float
    fixture: str
    problem: str
    facts: list[str]
    remedies: list[tuple[str, str]]
    shown: str


class ReportPage:
    """A report.

    Attributes:
        text: The whole file.
        title: The title of the page.
        heading: The mode of the run.
        notes: The summary of the run.
        tests: How each test ended.
        places: The file and line of each test.
        calls: The calls, by test, in their order.
    """

    def __init__(self, path: Path) -> None:
        # Which form a placeholder has is shown elsewhere.
        self.text = unmarked(path.read_text(encoding="utf-8"))
        self.title = part(self.text, r"<title>(.*?)</title>")
        data = json.loads(part(self.text, r'id="data">(.*?)</script>'))
        self.heading = data["heading"]
        self.notes = "\n".join(data["notes"])
        shown = [test for test in data["tests"] if test["id"]]
        self.tests = {test["id"]: test["outcome"] for test in shown}
        self.places = {test["id"]: test["place"] for test in shown}
        self.calls = [
            read_call(call, test["id"])
            for test in data["tests"]
            for call in test["calls"]
        ]

    def kinds(self) -> dict[str, list[str]]:
        """Return the labels of the calls by kind, sorted."""
        labels: dict[str, list[str]] = {}
        for call in self.calls:
            labels.setdefault(call.kind, []).append(call.label)
        return {kind: sorted(texts) for kind, texts in labels.items()}

    def one(self, label: str) -> ShownCall:
        """Return the only call with this label."""
        [call] = [call for call in self.calls if call.label == label]
        return call


def part(text: str, pattern: str) -> str:
    match = re.search(pattern, text, re.DOTALL)
    return unescape(match[1]) if match else ""


def read_call(call: dict[str, Any], test: str) -> ShownCall:
    return ShownCall(
        kind=call["kind"],
        test=test,
        label=call["label"],
        file=call["file"],
        seconds=call["seconds"],
        fixture=call["owner"],
        problem=call["what"],
        facts=call["facts"],
        remedies=[(words, command) for words, command in call["remedies"]],
        shown="\n".join(call["lines"]),
    )
