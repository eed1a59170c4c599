"""The HTML page of a run: one file whose data is no HTML."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from pytest_mimic._tools.shown.page import page

HOSTILE = (
    "</script><script>window.harmed=1</script>",
    "<img src=x onerror='window.harmed=1'>",
    "<!--<script>",
    "]]>&lt;&amp;\u2028\u2029\x00\ud800",
    "{{7*7}} ${7*7} @data@ @script@",
)


class Parts(HTMLParser):
    """The elements of a page, and the text of its block of data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][1].get("id") == "data":
            self.data += data


def test_hostile_texts_are_data_of_a_page_that_loads_nothing() -> None:
    row = {"kind": "missing", "client": "function", "target": "shop:f", "at": 0.0, "seconds": 0.0}
    rows = [{**row, "label": one, "test": one, "arguments": [(one, one)], "outcome": one} for one in HOSTILE]

    parts = Parts(page("replay", rows, notes=HOSTILE, tests=dict.fromkeys(HOSTILE, "failed")))

    assert set(HOSTILE) <= set(json.loads(parts.data)["texts"])
    assert [tag for tag, _ in parts.tags].count("script") == 2
    assert "img" not in [tag for tag, _ in parts.tags]
    assert [one for _, one in parts.tags if "src" in one or (one.get("href") or "#")[0] != "#"] == []
    policy = next(one["content"] for _, one in parts.tags if one.get("http-equiv"))
    assert str(policy).startswith("default-src 'none'; ")
