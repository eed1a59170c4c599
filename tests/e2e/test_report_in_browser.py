"""The page of `--mimic-report` in a real browser: Chromium, from a file, offline."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._tools.page.blocks import text_block
from pytest_mimic._tools.page.html_page import TestFacts, html_page

sync_api = pytest.importorskip("playwright.sync_api")
# What follows a click may come later (`<details>` tells of it in a task of its own), so
# each look at the page after a click is one that waits.
expect = sync_api.expect
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

SIZE = {"width": 1280, "height": 900}
HOSTILE = "<img src=x onerror='window.harmed=1'>\u202e\x1b[31m\"'</script>"
DIFF = {
    "type": "diff",
    "parts": [
        ["mood", [[" ", "so "], ["-", "calm"]], [[" ", "so "], ["+", "wild"]], ""],
        ["frame", [["-", "[0]: 1"]], [["+", "[0]: 2"]], "1 of 1 differ"],
        ["keys", [], [], "another order"],
    ],
    "more": 2,
}
COMMANDS = {
    "type": "commands",
    "lines": [
        "to record it: pytest --mimic-record test_a.py::test_a",
        "to stop the clock in tests: https://clock.example/page.html#stop",
    ],
}
ROWS: list[dict[str, Any]] = [
    {
        "kind": "replayed",
        "label": "http GET /rates?base=EUR",
        "test": "test_b.py::test_b[x]",
        "seconds": 1.5,
        "took": 0.0003,
        "brief": "200 OK",
        "name": "calls/http/1.json",
        "blocks": [
            {"type": "fields", "title": "request", "pairs": [("method", "GET")]},
            {"type": "headers", "title": "1 header", "pairs": [("accept", "*/*")]},
            {
                "type": "json",
                "title": "body",
                "value": {"rates": {"USD": {"a": 1.08}}},
                "begins": True,
            },
            {"type": "chat", "title": "1 message", "messages": [("user", "Rain?")]},
            {"type": "events", "title": "1 event", "items": [{"n": 1}]},
            {
                "type": "table",
                "title": "rows: 1 row",
                "columns": [["id", "int64"]],
                "rows": [["7"]],
                "more": 2,
            },
            {
                "type": "image",
                "title": "image/png",
                "url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
                "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
            },
        ],
    },
    {
        "kind": "replayed",
        "label": "shop:f()",
        "test": "test_b.py::test_b[x]",
        "seconds": 0.5,
        "took": 0.5,
        "blocks": [{"type": "text", "title": "outcome", "text": "returned needle"}],
    },
    {
        "kind": "missing",
        "label": HOSTILE,
        "test": HOSTILE,
        "seconds": 0.0,
        "blocks": [
            {"type": "text", "title": HOSTILE, "text": HOSTILE, "style": "error"},
            {"type": "json", "title": "json", "value": {HOSTILE: HOSTILE}},
            text_block("long", "x" * 5_000_000),
            DIFF,
            COMMANDS,
        ],
    },
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def window(browser: Any) -> Iterator[Any]:
    """A window of all tests: Chromium takes longer to open one than for a test."""
    context = browser.new_context(viewport=SIZE, offline=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def report(window: Any, tmp_path: Path) -> Iterator[Any]:
    """Open the page of `ROWS` in a window that is as new. Its console must stay silent."""
    path = tmp_path / "page.html"
    tests = {
        HOSTILE: TestFacts("failed", 0.1, "test_a.py:3"),
        "test_b.py::test_b[x]": TestFacts("passed", 0.1, "test_b.py:7"),
    }
    notes = [
        "2 calls replayed, 1 missing",
        "  shop:f()    test_b.py::test_b[x]",
        "to record the missing: pytest --mimic-record test_a.py::test_a",
    ]
    text = html_page(
        "replay", ROWS, project="shop", notes=notes, tests=tests, shown_vault=".v"
    )
    path.write_text(text, encoding="utf-8")
    window.context.clear_permissions()
    window.set_viewport_size(SIZE)
    window.emulate_media(media="null", color_scheme="null")
    window.mouse.move(0, 0)
    messages: list[str] = []

    def note_message(message: Any) -> None:
        messages.append(message.text)

    def note_error(error: Any) -> None:
        messages.append(str(error))

    window.on("console", note_message)
    window.on("pageerror", note_error)
    window.goto(path.as_uri())
    yield window
    window.remove_listener("console", note_message)
    window.remove_listener("pageerror", note_error)
    assert messages == []


def expect_shown(report: Any, calls: int) -> None:
    expect(report.locator(".call:visible .label")).to_have_count(calls)


def test_only_the_calls_with_a_problem_are_open_at_first(report: Any) -> None:
    expect(report.locator(".call[open]")).to_have_count(1)
    expect_shown(report, 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("media", ["screen", "print"])
def test_a_difference_stands_in_red_and_green_with_signs(
    report: Any, scheme: str, media: str
) -> None:
    report.emulate_media(media=media, color_scheme=scheme)

    diff = report.locator(".diff")
    words = diff.all_inner_texts()[0].split()
    frame = "frame 1 of 1 differ − [0]: 1 + [0]: 2"
    shown = f"mood − so calm + so wild {frame} keys another order 2 more"
    assert words == shown.split()
    assert diff.locator("del").all_inner_texts() == ["calm", "[0]: 1"]
    assert diff.locator("ins").all_inner_texts() == ["wild", "[0]: 2"]
    for place in range(2):
        old, new = (
            channels(diff.locator(side).nth(place)) for side in (".old", ".new")
        )
        assert old[0] > max(old[1:])
        assert new[1] > max(new[0], new[2])


def channels(side: Any) -> list[int]:
    """Return red, green and blue of a background that is printed, too."""
    style = "side => getComputedStyle(side)"
    assert side.evaluate(f"{style}.printColorAdjust") == "exact"
    colour = side.evaluate(f"{style}.backgroundColor")
    return [int(number) for number in re.findall(r"\d+", colour)]


def test_a_call_is_drawn_when_it_is_opened(report: Any) -> None:
    report.locator(".test.folded .fold").click()
    expect(report.locator(".test").nth(1).locator(".inside")).to_have_count(0)

    report.locator(".call", has_text="GET /rates").locator("summary").first.click()

    inside = report.locator(".call", has_text="GET /rates").locator(".inside")
    titles = inside.locator(".block > h3, .block > details > summary")
    expect(titles).to_have_text(
        [
            "request",
            "1 header",
            "body",
            "1 message",
            "1 event",
            "rows: 1 row",
            "image/png",
        ]
    )
    assert inside.locator(".rows td").inner_text() == "7"
    assert inside.locator(".rows th").inner_text().split() == ["id", "int64"]
    assert inside.locator("img").evaluate("image => image.naturalWidth") == 1
    expect(inside.locator("text=accept")).not_to_be_visible()
    expect(inside.locator("text=.v/calls/http/1.json")).to_be_visible()


def test_a_wide_screen_shows_request_and_outcome_side_by_side(report: Any) -> None:
    report.locator(".test.folded .fold").click()
    call = report.locator(".call", has_text="GET /rates")
    call.locator("summary").first.click()
    sides = call.locator(".side")
    expect(sides).to_have_count(2)
    request, outcome = sides.first, sides.last
    assert outcome.locator("h3").first.inner_text() == "body"
    assert request.bounding_box()["y"] == outcome.bounding_box()["y"]

    report.set_viewport_size({"width": 390, "height": 800})

    below = request.bounding_box()["y"] + request.bounding_box()["height"]
    assert outcome.bounding_box()["y"] >= below


def test_json_unfolds(report: Any) -> None:
    report.locator(".test.folded .fold").click()
    report.locator(".call", has_text="GET /rates").locator("summary").first.click()
    body = report.locator(".block", has_text="body").locator(".json")
    assert '"a": 1.08' not in body.inner_text()

    body.locator("summary", has_text="USD").click()

    # What is inside is made after the click.
    expect(body).to_contain_text('"a": 1.08')


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("rates", 1),
        ("NEEDLE", 1),
        ("test_b.py replayed", 2),
        ("accept", 1),
        ("nothing of this", 0),
    ],
)
def test_the_search_looks_into_calls(report: Any, words: str, count: int) -> None:
    report.locator("#search").fill(words)

    expect_shown(report, count)
    expect(report.locator("#count")).to_have_text(f"{count} shown")


def test_the_kinds_are_filters(report: Any) -> None:
    buttons = report.locator("#kinds button").all_inner_texts()
    assert [button.split()[1:] for button in buttons] == [
        ["missing", "1"],
        ["replayed", "2"],
    ]

    report.locator("#kinds button", has_text="replayed").click()

    expect_shown(report, 2)
    report.locator("#kinds button", has_text="replayed").click()
    expect(report.locator(".test:visible")).to_have_count(2)


def test_a_line_of_the_summary_leads_to_its_test(report: Any) -> None:
    report.locator("a.note").click()

    expect_shown(report, 3)
    expect(report).to_have_url(re.compile(r"#test_b\.py::test_b\[x\]$"))


def test_a_line_of_the_summary_ends_a_filter_that_hides_its_test(report: Any) -> None:
    report.locator("#kinds button", has_text="missing").click()
    expect_shown(report, 1)

    report.locator("a.note").click()

    expect_shown(report, 3)
    expect(report.locator("#count")).to_have_text("")


def test_tests_fold_again_after_a_search(report: Any) -> None:
    report.locator("#search").fill("rates")
    expect_shown(report, 1)

    report.locator("#search").fill("")

    expect(report.locator(".test:visible")).to_have_count(2)
    expect_shown(report, 1)


def test_keys_lead_to_the_search_and_from_call_to_call(report: Any) -> None:
    report.locator("#unfold").click()
    summaries = report.locator(".call > summary")
    summaries.first.focus()

    report.keyboard.press("ArrowDown")
    expect(summaries.nth(1)).to_be_focused()
    report.keyboard.press("ArrowUp")
    expect(summaries.first).to_be_focused()
    report.keyboard.press("/")
    expect(report.locator("#search")).to_be_focused()
    assert report.locator("#search").input_value() == ""


def test_the_filters_stay_in_sight_and_the_summary_does_not(report: Any) -> None:
    report.evaluate("document.body.style.minHeight = '3000px'")

    report.evaluate("scrollTo(0, 1500)")

    assert report.locator("nav").bounding_box()["y"] == 0
    assert report.locator("#notes").bounding_box()["y"] < 0


def test_an_anchor_opens_its_call(report: Any) -> None:
    address = f"{report.url}#test_b.py::test_b%5Bx%5D/2"

    report.goto(address)
    report.reload()

    call = report.locator(".call[open]", has_text="shop:f()")
    assert call.locator("pre").text_content() == "returned needle"


def test_a_command_is_copied_without_its_words(report: Any) -> None:
    report.context.grant_permissions(["clipboard-read", "clipboard-write"])

    report.locator(".commands .copy").click()

    report.locator(".copy", has_text="copied").wait_for()
    copied = report.evaluate("navigator.clipboard.readText()")
    assert copied == "pytest --mimic-record test_a.py::test_a"


def test_a_page_of_the_documentation_is_a_link(report: Any) -> None:
    link = report.locator(".commands a")

    assert link.get_attribute("href") == "https://clock.example/page.html#stop"
    expect(report.locator(".commands .copy")).to_have_count(1)


def test_the_time_line_shows_real_against_replayed_time(report: Any) -> None:
    report.locator(".test").nth(1).scroll_into_view_if_needed()
    line = report.locator(".test").nth(1).locator(".line")
    line.locator("button").first.wait_for()

    real, replayed = line.locator(".lane").all()

    assert real.inner_text().split("\n") == ["real", "2.00 s"]
    assert replayed.inner_text().split("\n") == ["this run", "500 ms"]
    first, second = widths(real)
    assert 2.8 < first / second < 3.2
    # Both lanes have one scale.
    assert widths(replayed)[1] == pytest.approx(second, rel=0.05)
    assert widths(replayed)[0] < 4
    title = "http GET /rates?base=EUR: 1.50 s real, replayed in 0.3 ms"
    assert line.locator("button").first.get_attribute("title") == title
    words = "2 calls; 2.0 s real time, replayed in 0.50 s; test took 0.10 s"
    assert line.get_attribute("title") == words
    legend = report.locator("#legend").inner_text().split("\n")
    assert " ".join(legend).split() == "saved by a replay taken by this run".split()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_time_line_has_an_axis(report: Any, width: int) -> None:
    report.set_viewport_size({"width": width, "height": 800})
    report.locator(".test").nth(1).scroll_into_view_if_needed()
    line = report.locator(".test").nth(1).locator(".line")
    ticks = line.locator(".tick")
    expect(ticks).to_have_text(["0", "500 ms", "1 s", "1.5 s", "2 s"])

    places = [tick.bounding_box()["x"] for tick in ticks.all()]

    bars = line.locator(".bars").first.bounding_box()
    quarters = [bars["x"] + bars["width"] * part / 4 for part in range(5)]
    assert places == pytest.approx(quarters, abs=2)
    ends = [tick["x"] + tick["width"] for tick in map(box, ticks.all())]
    for end, next_place in zip(ends, [*places[1:], width], strict=True):
        assert end < next_place


def box(element: Any) -> Any:
    return element.bounding_box()


def test_the_lanes_of_a_narrow_time_line_have_one_width(report: Any) -> None:
    report.set_viewport_size({"width": 390, "height": 800})
    report.locator(".test").nth(1).scroll_into_view_if_needed()
    bars = report.locator(".test").nth(1).locator(".bars")
    bars.first.wait_for()

    real, replayed = (bar.bounding_box() for bar in bars.all())

    assert (real["x"], real["width"]) == (replayed["x"], replayed["width"])


def widths(lane: Any) -> list[float]:
    return [bar.bounding_box()["width"] for bar in lane.locator("button").all()]


def test_all_tests_unfold(report: Any) -> None:
    report.locator("#unfold").click()
    expect_shown(report, 3)

    report.locator("#unfold").click()
    expect_shown(report, 0)


def test_a_command_of_the_summary_and_a_place_are_copied(report: Any) -> None:
    report.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copied = "navigator.clipboard.readText()"

    report.locator("#notes .copy").click()
    report.locator("#notes .copy", has_text="copied").wait_for()
    assert report.evaluate(copied) == "pytest --mimic-record test_a.py::test_a"

    report.locator(".place .copy").first.click()
    report.locator(".place .copy", has_text="copied").wait_for()
    assert report.evaluate(copied) == "test_a.py:3"

    # The file stands in the id of the test.
    report.locator(".place .copy", has_text="line 7").click()
    report.locator(".place .copy", has_text="copied").nth(1).wait_for()
    assert report.evaluate(copied) == "test_b.py:7"


def test_texts_stay_texts(report: Any) -> None:
    assert report.evaluate("window.harmed") is None
    expect(report.locator("img")).to_have_count(0)
    assert "\u202e" not in report.locator("body").inner_text()
    assert report.locator(".error").inner_text().startswith("<img src=x onerror=")


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen(report: Any, width: int) -> None:
    report.set_viewport_size({"width": width, "height": 800})
    report.locator("#kinds button").first.click()

    assert report.evaluate("document.documentElement.scrollWidth") <= width


def test_the_dark_mode_has_a_dark_paper(report: Any) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = report.evaluate(colour)

    report.emulate_media(color_scheme="dark")

    assert (light, report.evaluate(colour)) == ("rgb(252, 252, 251)", "rgb(23, 24, 26)")


def test_printing_shows_one_line_for_each_call(report: Any) -> None:
    report.emulate_media(media="print")

    expect_shown(report, 3)
    expect(report.locator("#search")).not_to_be_visible()


def test_printing_draws_all_time_lines(report: Any) -> None:
    report.pdf()

    expect(report.locator(".line button")).to_have_count(4)


def test_a_page_without_calls_has_nothing_to_filter(
    browser: Any, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    path.write_text(html_page("replay", [], project="shop"), encoding="utf-8")
    opened = browser.new_page()

    opened.goto(path.as_uri())

    expect(opened.locator("text=No call was made.")).to_be_visible()
    expect(opened.locator("nav")).not_to_be_visible()
    opened.close()


def test_without_a_script_tests_and_calls_are_there(browser: Any, report: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()

    plain.goto(report.url)

    expect(plain.locator(".call:visible")).to_have_count(3)
    context.close()
