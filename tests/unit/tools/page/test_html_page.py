"""The HTML page of a run: one file whose data is no HTML."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from pytest_mimic._tools.page.html_page import TestFacts, html_page

HOSTILE = (
    "</script><script>window.harmed=1</script>",
    "<img src=x onerror='window.harmed=1'>",
    "<!--<script>",
    "]]>&lt;&amp;",
    "\u2028\x00\ud800",
    '"><a href="javascript:harm()">',
    "$data ${script}",
)
ROW = {"kind": "replayed", "label": "shop:f()", "test": "test_a.py::test_a"}


class Parts(HTMLParser):
    """The elements, the texts and the data of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def data(self) -> Any:
        """The inside of the calls, as the script reads it."""
        return json.loads(next(text for text in self.texts if '"calls":' in text))

    def with_class(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for _, attrs in self.tags if name in str(attrs.get("class"))]


def row(**facts: Any) -> dict[str, Any]:
    return {**ROW, "seconds": 0.0, **facts}


def test_hostile_texts_are_data_of_a_page_that_loads_nothing() -> None:
    rows = [
        row(
            label=text,
            test=text,
            brief=text,
            name=text,
            blocks=[{"type": "text", "title": text, "text": text}],
        )
        for text in HOSTILE
    ]
    tests = dict.fromkeys(HOSTILE, TestFacts("failed", 1.0, "test_a.py:1"))

    text = html_page("replay", rows, project=HOSTILE[0], notes=HOSTILE, tests=tests)
    parts = Parts(text)

    assert set(HOSTILE[:4]) <= set(parts.texts)
    assert text.encode("utf-8")
    assert "\x00" not in text
    assert [tag for tag, _ in parts.tags if tag in ("script", "img")] == ["script"] * 2
    hrefs = [str(attrs["href"]) for _, attrs in parts.tags if "href" in attrs]
    assert [href for href in hrefs if not href.startswith("#")] == []
    assert [attrs for _, attrs in parts.tags if "src" in attrs] == []
    policy = next(one["content"] for _, one in parts.tags if one.get("http-equiv"))
    assert str(policy).startswith("default-src 'none'; ")
    shown = [blocks[0]["text"] for blocks in parts.data["calls"]]
    assert shown == list(HOSTILE)


def test_failed_tests_come_first_then_those_with_a_problem() -> None:
    rows = [
        row(test="passes"),
        row(test="drifts", kind="drifted"),
        row(test="fails"),
    ]

    parts = Parts(html_page("verify", rows, tests={"fails": TestFacts("failed")}))

    assert [attrs["id"] for attrs in parts.with_class("test ")] == [
        "fails",
        "drifts",
        "passes",
    ]
    states = [str(attrs["class"]) for attrs in parts.with_class("test ")]
    assert states == ["test open", "test open", "test folded"]


def test_the_kinds_are_buttons_with_numbers_problems_first() -> None:
    rows = [row(), row(kind="missing"), row()]

    parts = Parts(html_page("replay", rows))

    buttons = [attrs["value"] for tag, attrs in parts.tags if "value" in attrs]
    assert buttons == ["missing", "replayed"]
    assert [text for text in parts.texts if text in ("1", "2")] == ["1", "2"]


def test_a_line_of_the_summary_that_ends_with_a_test_is_a_link() -> None:
    notes = ["1 missing", "  shop:f()    test_a.py::test_a", "  shop:g()    elsewhere"]

    parts = Parts(html_page("replay", [row()], notes=notes))

    links = parts.with_class("note")
    assert [attrs.get("href") for attrs in links] == [None, "#test_a.py::test_a", None]


def test_calls_have_anchors_in_their_test() -> None:
    parts = Parts(html_page("replay", [row(), row(test="b[x y]"), row()]))

    assert [attrs["id"] for attrs in parts.with_class("call ")] == [
        "test_a.py::test_a/1",
        "test_a.py::test_a/2",
        "b[x%20y]/1",
    ]


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({"seconds": 0.004}, ""),
        ({"seconds": 0.5}, "0.50 s saved"),
        ({"seconds": 0.5, "kind": "verified"}, "0.50 s"),
    ],
)
def test_the_time_of_a_call_is_marked_as_saved_where_it_is_replayed(
    facts: dict[str, Any], shown: str
) -> None:
    text = html_page("replay", [row(**facts)])

    assert f'<span class="time">{shown}</span>' in text


@pytest.mark.parametrize(
    ("kinds", "shown"),
    [
        (
            ["replayed", "replayed"],
            "2 calls; 5.0 s real time, replayed in 4 ms; test took 0.02 s",
        ),
        (["verified", "verified"], "2 calls; 5.0 s real time; test took 0.02 s"),
        (
            ["recorded", "replayed"],
            "2 calls; 5.0 s real time, 2.5 s of it replayed in 2 ms; test took 0.02 s",
        ),
    ],
)
def test_the_time_line_says_real_time_and_that_of_the_test(
    kinds: list[str], shown: str
) -> None:
    rows = [row(kind=kind, seconds=2.5, took=0.002) for kind in kinds]
    tests = {"test_a.py::test_a": TestFacts("passed", 0.02)}

    parts = Parts(html_page("replay", rows, tests=tests))

    [line] = parts.with_class("line")
    assert (line["aria-label"], line["title"]) == (shown, shown)
    facts = shown.partition("; ")[2].replace("; ", " · ")
    assert any(text.endswith(f" · {facts}") for text in parts.texts)


def test_calls_stand_in_the_order_in_which_they_began() -> None:
    rows = [row(label="short", began=2.0), row(label="long", began=1.0)]

    text = html_page("replay", rows)

    labels = re.findall('<code class="label">(.*?)</code>', text)
    assert labels == ["long", "short"]


def test_the_page_says_how_many_tests_failed() -> None:
    rows = [row(), row(test="fails"), row(test="")]

    parts = Parts(html_page("replay", rows, tests={"fails": TestFacts("failed")}))

    assert "3 calls in 2 tests · 1 test failed" in parts.texts


def test_tokens_are_added_up_by_model() -> None:
    rows = [
        row(tokens=["m-1", 10, 2]),
        row(tokens=["m-1", 5, 1], test="b"),
        row(tokens=["m-2", 7, 0]),
    ]

    parts = Parts(html_page("record", rows))

    assert (
        "3 calls in 2 tests · m-1: 15 tokens in, 3 out · m-2: 7 tokens in, 0 out"
        in parts.texts
    )
    assert "3 replayed" not in parts.texts


def test_the_title_names_project_and_run() -> None:
    text = html_page("replay from .mimic_vault", [], project="shop")

    assert "<title>shop · replay from .mimic_vault · 20" in text
    assert "No call was made." in text
