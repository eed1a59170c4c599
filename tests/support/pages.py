"""Reads the calls in an HTML report."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

from support.placeholders import unmarked

CALL = re.compile(r'<details class="call .*?</details>', re.DOTALL)


class ShownCall(NamedTuple):
    """One call in a report: its kind, test and label, and its blocks.

    The texts of blocks stand under their titles; `problem`, `remedies` and `sides` are
    those of a miss or a drift.
    """

    kind: str
    group: str
    label: str
    brief: str
    file: str
    blocks: list[dict[str, Any]]
    milliseconds: float

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [block for block in self.blocks if block["type"] == kind]

    @property
    def problem(self) -> str:
        errors = [block for block in self.blocks if block.get("style") == "error"]
        return "\n".join(block["text"] for block in errors)

    @property
    def remedies(self) -> list[str]:
        return [line for block in self.of_type("commands") for line in block["lines"]]

    @property
    def outcome(self) -> str:
        texts = [block for block in self.blocks if block.get("title") == "outcome"]
        return "\n".join(block["text"] for block in texts)

    @property
    def arguments(self) -> dict[str, str]:
        pairs = [pair for block in self.of_type("fields") for pair in block["pairs"]]
        return dict(pairs)

    @property
    def sides(self) -> list[tuple[str, str]]:
        """The recorded and the new side of each difference, with its path before."""
        return [
            (side_text(path, old or fact), side_text(path, new))
            for block in self.of_type("diff")
            for path, old, new, fact in block["parts"]
        ]


def side_text(path: str, side: Any) -> str:
    """Return one side of a difference, which is a text or consists of stretches."""
    text = side if isinstance(side, str) else "".join(text for _, text in side)
    return f"{path}: {text}" if path and text else text


class ReportPage:
    """A report.

    Attributes:
        text: The whole file.
        title: The title of the page.
        heading: The mode of the run.
        notes: The summary of the run.
        tests: How each test ended.
        places: The file and line of each test.
        calls: The calls in their order.
    """

    def __init__(self, path: Path) -> None:
        # Which form a placeholder has is shown elsewhere.
        self.text = unmarked(path.read_text(encoding="utf-8"))
        self.title = part(self.text, r"<title>(.*?)</title>")
        self.heading = part(self.text, r'<p class="mode">(.*?)</p>')
        notes = part(self.text, r'<section id="notes".*?>(.*?)</section>')
        self.notes = re.sub(r"<.*?>", "", notes)
        self.tests: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.calls: list[ShownCall] = []
        inside = json.loads(part(self.text, r'id="data">(.*?)</script>'))["calls"]
        for group in re.split(r'(?=<section class="test )', self.text)[1:]:
            name = part(group, r'<a class="name".*?>(.*?)</a>')
            self.tests[name] = part(group, r'<span class="ended (\w*)"')
            self.places[name] = part(group, r'<span class="place dim">(.*?)</span>')
            for call in CALL.findall(group):
                self.calls.append(read_call(call, name, inside))

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


def read_call(text: str, group: str, inside: list[Any]) -> ShownCall:
    return ShownCall(
        kind=part(text, r'class="call (\w+)"'),
        group=group,
        label=part(text, r'<code class="label">(.*?)</code>'),
        brief=part(text, r'<span class="brief .*?">(.*?)</span>'),
        file=part(text, r'data-file="(.*?)"'),
        blocks=inside[int(part(text, r'data-call="(\d+)"'))],
        milliseconds=float(part(text, r'data-took="(.*?)"')),
    )
