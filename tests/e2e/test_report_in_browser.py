"""The page of `--mimic-report` in a real browser: Chromium, from a file, offline."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from support import face

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

HOSTILE = "<img src=x onerror='window.harmed=1'></script><b>\"'"
SHOP = """
    def fetch(city):
        return {"city": city, "mood": "calm"}

    def rows(count):
        yield from ({"row": number} for number in range(count))

    def login(name):
        return {"token": name}
"""
TESTS = f"""
    import os, pytest, shop

    HOSTILE = {HOSTILE!r}

    @pytest.fixture(scope="module")
    def users():
        return [shop.login(name) for name in ("ann", "bob", "eve")]

    @pytest.mark.parametrize("city", ["Oslo", HOSTILE])
    def test_fetch(city):
        assert shop.fetch(city)["city"] == city

    def test_rows():
        assert len(list(shop.rows(3))) == 3

    def test_new(users):
        shop.fetch(os.environ.get("CITY", "Rome"))
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def window(browser: Any) -> Iterator[Any]:
    """A window without a network, whose console must stay silent."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert said == []


@pytest.fixture
def report(project: Any, window: Any) -> Any:
    """The page of a run in which one call misses, opened in the window."""
    project.ini("shop:fetch", "shop:rows", "shop:login sequence")
    project.module(SHOP)
    project.tests(TESTS)
    project.record_once(passed=4)
    project.run("--mimic-report=page.html", env={"CITY": HOSTILE * 2}).expect(
        passed=3, failed=1
    )
    window.goto((project.root / "page.html").as_uri())
    return window


def test_what_is_wrong_is_seen_at_once(report: Any) -> None:
    text = report.inner_text("body")

    assert "no recording of shop:fetch" in text
    assert "--mimic-record" in text


def test_each_call_is_there_and_nothing_of_it_is_markup(report: Any) -> None:
    text = report.evaluate("document.body.textContent")

    assert "shop:rows(count=3)" in text
    assert "shop:fetch(city='Oslo')" in text
    assert "<img src=x onerror=" in text
    assert report.evaluate("window.harmed") is None


def test_no_part_of_the_page_comes_from_elsewhere(report: Any) -> None:
    """And the page is no wider than a small window."""
    report.set_viewport_size({"width": 700, "height": 800})

    asked = report.evaluate(
        "performance.getEntriesByType('resource').map(one => one.name)"
        ".filter(name => !name.startsWith('data:'))"
    )
    wide = report.evaluate("document.documentElement.scrollWidth")

    assert asked == []
    assert wide <= 700


def test_a_failing_test_opens_at_what_is_missing(report: Any) -> None:
    """The calls of its fixture are folded, and the tests that passed."""
    opened = report.locator("details.test[open]")

    assert opened.count() == 1
    assert opened.locator(".group").count() == 1
    assert opened.locator("details.call[open]").count() == 1
    assert "no recording of" in opened.locator("details.call[open]").inner_text()
    assert report.get_by_text("login(name='ann')").count() == 0

    found = opened.locator("details.call[open]")
    assert found.locator(".before").inner_text().endswith(" recorded")
    assert found.locator(".now").inner_text().endswith(" now")

    report.get_by_text("3 calls of test_shop.py::users").click()

    assert report.get_by_text("login(name='ann')").count() == 1


def test_tests_and_calls_are_filtered_and_found(report: Any) -> None:
    tests = report.locator("details.test")
    assert tests.count() == 4

    report.get_by_role("button", name="failed tests").click()
    assert tests.count() == 1
    report.get_by_role("button", name="failed tests").click()
    report.get_by_role("button", name="missing").click()
    assert tests.count() == 1
    report.get_by_role("button", name="missing").click()
    report.keyboard.press("/")
    report.keyboard.type("rows(")
    assert tests.count() == 1
    report.locator("input").fill("")
    assert tests.count() == 4


def test_the_address_of_a_call_opens_it(report: Any) -> None:
    name = "test_shop.py::test_rows"

    report.goto(f"{report.url}#{name}/1")
    report.reload()

    assert report.locator("details.test[open]").count() == 2
    assert report.locator(f"[id='{name}/1']").is_visible()


def test_arrow_keys_go_from_line_to_line(report: Any) -> None:
    report.locator("main summary").first.focus()

    report.keyboard.press("ArrowDown")
    report.keyboard.press("Enter")

    focused = report.evaluate("document.activeElement.parentElement.className")
    assert focused == "group"
    assert report.locator("details.group[open]").count() == 1


def test_tests_are_sorted_by_the_tokens_of_language_models(
    project: Any, window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk(number: int, tokens: int) -> dict[str, Any]:
        body = json.dumps({"usage": {"input_tokens": tokens, "output_tokens": 1}})
        headers = {"Content-Type": ["application/json"]}
        answer = {"status": {"code": 200}, "headers": headers, "body": {"string": body}}
        request = {"method": "GET", "uri": f"http://a.test/{number}", "body": None}
        return {"request": request, "response": answer}

    project.ini("http")
    for number, tokens in enumerate((10, 30, 20)):
        name = f"cassettes/test_talk/test_talk[{number}].json"
        cassette = {"interactions": [talk(number, tokens)]}
        project.write(name, json.dumps(cassette))
    project.write(
        "test_talk.py",
        """
        import pytest, requests

        @pytest.mark.parametrize("number", range(3))
        def test_talk(number):
            requests.get(f"http://a.test/{number}")
        """,
    )
    monkeypatch.chdir(project.root)
    assert face.command(["import", "cassettes"]) == 0
    project.run("--mimic-report=page.html").expect(passed=3)
    window.goto((project.root / "page.html").as_uri())

    window.get_by_label("order of the tests").select_option("tokens")

    shown = window.locator("details.test > summary").all_inner_texts()
    assert [line.split("test_talk[")[1][0] for line in shown] == ["1", "2", "0"]
    assert "31 tokens" in shown[0]
