"""Reads the data in an HTML report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple


class ShownCall(NamedTuple):
    """One call in a report."""

    kind: str
    group: str
    label: str
    target: str
    seconds: float
    brief: str
    outcome: str
    arguments: dict[str, str]
    more: dict[str, Any]


class ReportPage:
    """The data of a report.

    Attributes:
        text: The whole file.
        data: Its block of JSON.
        calls: The calls in their order.
    """

    def __init__(self, path: Path) -> None:
        self.text = path.read_text(encoding="utf-8")
        block = re.search(r'<script type="application/json" id="data">(.*?)</script>', self.text, re.DOTALL)
        assert block, self.text[:1_000]
        self.data: dict[str, Any] = json.loads(block[1])
        texts = self.data["texts"]
        self.calls = [
            ShownCall(
                *(kind, texts[group], texts[label], texts[target], seconds, texts[brief], texts[outcome]),
                {name: texts[number] for name, number in arguments},
                more,
            )
            for kind, group, label, target, _at, seconds, brief, outcome, arguments, more in self.data[
                "calls"
            ]
        ]

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
