"""The page of `--mimic-report` in a real browser: Chromium, from a file, offline."""

from __future__ import annotations

import shutil

import pytest

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
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def window(browser):
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
def report(project, window):
    """The page of a run in which one call misses, opened in the window."""
    project.ini("shop:fetch", "shop:rows", "shop:login sequence")
    project.tests(TESTS)
    project.record_once(passed=4)
    project.run("--mimic-report=page.html", env={"CITY": HOSTILE * 2}).expect(
        passed=3, failed=1
    )
    window.goto((project.root / "page.html").as_uri())
    return window


def test_what_is_wrong_is_seen_at_once(report):
    text = report.inner_text("body")

    assert "no recording of shop:fetch" in text
    assert "--mimic-record" in text


def test_each_call_is_there_and_nothing_of_it_is_markup(report):
    text = report.evaluate("document.body.textContent")

    assert "shop:rows(count=3)" in text
    assert "shop:fetch(city='Oslo')" in text
    assert "<img src=x onerror=" in text
    assert report.evaluate("window.harmed") is None


def test_no_part_of_the_page_comes_from_elsewhere(report):
    """And the page is no wider than a small window."""
    report.set_viewport_size({"width": 700, "height": 800})

    asked = report.evaluate(
        "performance.getEntriesByType('resource').map(one => one.name)"
        ".filter(name => !name.startsWith('data:'))"
    )
    wide = report.evaluate("document.documentElement.scrollWidth")

    assert asked == []
    assert wide <= 700


def test_a_failing_test_opens_at_what_is_missing(report):
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

    # The rows are made when the browser tells that they were opened.
    report.get_by_text("login(name='ann')").wait_for()
    assert report.get_by_text("login(name='ann')").count() == 1


def test_tests_and_calls_are_filtered_and_found(report):
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


def test_the_title_names_the_run_and_a_failing_test_says_why(project, window):
    project.ini("shop:fetch")
    project.module(SHOP)
    project.tests("import shop\n\ndef test_mood(): assert shop.fetch('Oslo') == {}\n")
    project.record().expect(failed=1)
    project.run("--mimic-report=page.html").expect(failed=1)
    window.goto((project.root / "page.html").as_uri())

    named = f"{project.root.name} · replay from .mimic_vault · 20"
    assert window.title().startswith(named)
    assert "E   AssertionError" not in window.inner_text(".notes")
    assert "AssertionError: assert {'city':" in window.inner_text("details.test[open]")


def test_one_cause_of_several_misses_is_one_block(project, window):
    project.ini("shop:fetch")
    project.module(SHOP)
    project.tests("""
        @pytest.mark.parametrize("number", range(3))
        def test_fetch(number):
            shop.fetch(f"{number} of {os.environ['CITY']}")
    """)
    project.record(env={"CITY": "Oslo"}).expect(passed=3)
    project.tests("""
        def test_one(): shop.fetch(os.environ["CITY"])
        def test_two(): shop.fetch(os.environ["CITY"])
    """)
    project.run("--mimic-report=page.html", env={"CITY": "Rome"}).expect(failed=2)
    window.goto((project.root / "page.html").as_uri())

    cause = window.locator(".cause")
    assert cause.count() == 1
    assert "2 missing" in cause.inner_text()
    assert "'Rome' now" in cause.inner_text()
    assert window.locator("details.test[open]").count() == 0


def test_calls_at_once_stand_above_one_another(project, window):
    project.ini("shop:wait sequence")
    project.module("""
        from threading import Barrier

        both = Barrier(2)

        def wait(name):
            both.wait(20)
    """)
    project.tests("""
        from concurrent.futures import ThreadPoolExecutor

        def test_waits():
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(shop.wait, "ab"))
                list(pool.map(shop.wait, "cd"))
    """)
    project.record().expect(passed=1)
    project.run("--mimic-report=page.html").expect(passed=1)
    window.goto((project.root / "page.html").as_uri())

    tops = window.eval_on_selector_all(
        ".time i", "all => all.map(one => one.style.top)"
    )
    lefts = window.eval_on_selector_all(
        ".time i", "all => all.map(one => one.style.left)"
    )
    assert sorted(tops) == ["0.45rem", "0.45rem", "0rem", "0rem"]
    assert lefts[0] == lefts[1] == "0%"
    assert "0%" not in lefts[2:]
