"""The HTML page of a run: one file whose data is no HTML."""

from __future__ import annotations

from html.parser import HTMLParser

from pytest_mimic._tools.shown.page import page

HOSTILE = (
    "</script><script>window.harmed=1</script>",
    "<img src=x onerror='window.harmed=1'>",
    "<!--<script>",
    "]]>&lt;&amp;",
    "\u2028\x00\ud800",
    '"><a href="javascript:harm()">',
)


class Parts(HTMLParser):
    """The elements and the texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_hostile_texts_are_data_of_a_page_that_loads_nothing() -> None:
    row = {
        "kind": "missing",
        "client": "function",
        "target": "shop:f",
        "at": 0.0,
        "seconds": 0.0,
    }
    more = {
        "problem": HOSTILE,
        "remedies": HOSTILE,
        "diff": [("~", one, one) for one in HOSTILE],
    }
    rows = [
        {
            **row,
            **more,
            "label": one,
            "test": one,
            "brief": one,
            "arguments": [(one, one)],
            "outcome": one,
        }
        for one in HOSTILE
    ]

    text = page("replay", rows, notes=HOSTILE, tests=dict.fromkeys(HOSTILE, "failed"))
    parts = Parts(text)

    assert set(HOSTILE[:4]) <= set(parts.texts)
    assert text.encode("utf-8")
    assert "\x00" not in text
    assert [tag for tag, _ in parts.tags if tag in ("script", "img", "a")] == ["script"]
    assert [one for _, one in parts.tags if "src" in one or "href" in one] == []
    policy = next(one["content"] for _, one in parts.tags if one.get("http-equiv"))
    assert str(policy).startswith("default-src 'none'; ")
