"""Reads the calls in an HTML report."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import NamedTuple

CALL = re.compile(r'<details class="call".*?</details>', re.DOTALL)


class ShownCall(NamedTuple):
    """One call in a report: its kind, test and label, and its parts by their class in the page."""

    kind: str
    group: str
    label: str
    facts: str
    problem: str
    remedies: str
    outcome: str
    arguments: dict[str, str]
    sides: list[tuple[str, str]]
    where: str


class ReportPage:
    """A report.

    Attributes:
        text: The whole file.
        heading: The mode of the run.
        notes: The summary of the run.
        tests: How each test ended.
        calls: The calls in their order.
    """

    def __init__(self, path: Path) -> None:
        self.text = path.read_text(encoding="utf-8")
        self.heading = part(self.text, r"</h1><p>(.*?)</p>")
        self.notes = part(self.text, r'<pre id="notes">(.*?)</pre>')
        self.tests: dict[str, str] = {}
        self.calls: list[ShownCall] = []
        for group in re.split(r'(?=<details class="test")', self.text)[1:]:
            name = part(group, r"<b>(.*?)</b>")
            self.tests[name] = part(group, r'</b> <span class="(\w*)"')
            self.calls += [read_call(call, name) for call in CALL.findall(group)]

    def kinds(self) -> dict[str, list[str]]:
        """Return the labels of the calls by kind, sorted."""
        found: dict[str, list[str]] = {}
        for call in self.calls:
            found.setdefault(call.kind, []).append(call.label)
        return {kind: sorted(labels) for kind, labels in found.items()}

    def one(self, label: str) -> ShownCall:
        """Return the only call with this label."""
        [call] = [call for call in self.calls if call.label == label]
        return call


def part(text: str, pattern: str) -> str:
    found = re.search(pattern, text, re.DOTALL)
    return unescape(found[1]) if found else ""


def read_call(text: str, group: str) -> ShownCall:
    names = re.findall(r"<dt>(.*?)</dt><dd><pre>(.*?)</pre>", text, re.DOTALL)
    sides = re.findall(
        r'<td class="old">(.*?)</td><td class="new">(.*?)</td>', text, re.DOTALL
    )
    return ShownCall(
        kind=part(text, r'class="kind (\w+)"'),
        group=group,
        label=part(text, r"<code>(.*?)</code>"),
        facts=part(text, r'</code> <span class="dim">(.*?)</span>'),
        problem=part(text, r'<pre class="problem">(.*?)</pre>'),
        remedies=part(text, r'<pre class="remedies">(.*?)</pre>'),
        outcome=part(text, r'<pre class="outcome">(.*?)</pre>'),
        arguments={unescape(name): unescape(value) for name, value in names},
        sides=[(unescape(old), unescape(new)) for old, new in sides],
        where=part(text, r'<p class="dim">(.*?)</p></details>'),
    )
