"""The HTML report as a person sees it: opened from its file in a headless chromium, which reaches no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.chromium import Browser, chromium

from pytest_mimic._tools.shown.page import page

pytestmark = pytest.mark.rare

HOSTILE = (
    "</script><script>window.harmed=1</script>",
    "<img src=x onerror='window.harmed=1'>",
    "<!--<script>",
    "]]>&lt;&amp;\u2028\u2029\x00\ud800",
    "javascript:window.harmed=1",
    "{{7*7}} ${7*7} @data@ @script@",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One chromium for all tests."""
    with chromium(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture(autouse=True)
def _no_problem(browser: Browser) -> Iterator[None]:
    """Check that the console shows no error, and that the page asked for nothing but itself."""
    browser.problems.clear()
    browser.emulate()
    browser.size(1280, 800)
    yield
    assert browser.problems == []
    assert browser.run("performance.getEntriesByType('resource').map((each) => each.name)") == []


def a_row(number: int, **facts: Any) -> dict[str, Any]:
    """Return the row of a call."""
    row = {
        "kind": "replayed",
        "client": "function",
        "target": "shop:fetch",
        "label": f"shop:fetch(city={number})",
        "test": f"test_shop.py::test_{number // 10}",
        "at": number / 100,
        "seconds": 0.25,
        "arguments": [("city", str(number))],
        "brief": f"{number} °C",
        "outcome": f'{{"celsius": {number}}}',
    }
    return {**row, **facts}


def show(browser: Browser, folder: Path, rows: list[dict[str, Any]], **facts: Any) -> None:
    """Open a page with these rows."""
    known = {"subject": "run", "heading": "replay from .mimic_vault", **facts}
    file = folder / "page.html"
    file.write_text(page(rows=rows, **known), encoding="utf-8")
    browser.open(file)


def texts(browser: Browser, selector: str) -> list[str]:
    """Return the texts of the elements that are in the page now."""
    found: list[str] = browser.run(
        f"[...document.querySelectorAll({selector!r})].map((each) => each.innerText.trim())"
    )
    return found


def search(browser: Browser, words: str) -> str:
    """Type words into the search field, and return how many calls are shown."""
    browser.press("/", *words)
    wait = (
        "new Promise((done) => setTimeout(done, 120)).then(() => document.getElementById('shown').innerText)"
    )
    shown: str = browser.run(wait)
    return shown


@pytest.mark.promise("the report opens from its file without a network")
def test_a_real_run(browser, project):
    project.ini("shop:fetch")
    project.write("mood.txt", "calm")
    project.module(
        "import pathlib\n\ndef fetch(city):\n    return {'city': city, 'mood': pathlib.Path('mood.txt').read_text()}\n"
    )
    project.tests(
        "import shop\n\ndef test_oslo():\n    shop.fetch('Oslo')\n\ndef test_rome():\n    shop.fetch('Rome')\n"
    )
    project.record().expect(passed=2)
    project.write("mood.txt", "wild")
    project.run("--mimic-verify", "--mimic-report=page.html").expect(failed=2)

    browser.open(project.root / "page.html")

    assert browser.run("location.protocol") == "file:"
    assert texts(browser, ".group .name") == ["test_shop.py::test_oslo", "test_shop.py::test_rome"]
    assert texts(browser, ".row .label") == ["shop:fetch(city='Oslo')", "shop:fetch(city='Rome')"]
    # The first problem is open, side by side.
    assert texts(browser, "#detail h2") == ["shop:fetch(city='Oslo')"]
    assert "mood: 'calm' recorded, 'wild' now" in texts(browser, "#detail .problem")[0]
    assert texts(browser, "td.old b") == ["calm"]
    assert texts(browser, "td.new b") == ["wild"]


@pytest.mark.promise("no recorded text becomes HTML or code in the report")
def test_hostile_texts(browser, tmp_path):
    rows = [
        a_row(
            number,
            label=text,
            test=text,
            target=text,
            arguments=[(text, text)],
            outcome=text,
            diff=[("~", text, text + text)],
            brief=text,
            problem=[text],
            remedies=[text],
            kind="drifted",
            note=text,
            name=text,
        )
        for number, text in enumerate(HOSTILE)
    ]
    show(browser, tmp_path, rows, heading=HOSTILE[0], notes=list(HOSTILE), tests={HOSTILE[0]: HOSTILE[1]})
    for _ in range(2 * len(HOSTILE)):
        browser.press("k")  # each row and each group, with its chart
    browser.run("dispatchEvent(new Event('beforeprint'))")

    assert browser.run("window.harmed") is None
    assert browser.run("document.querySelectorAll('script, img').length") == 2  # the data and the page's own
    assert texts(browser, "#heading") == [HOSTILE[0]]
    assert HOSTILE[1] in texts(browser, ".row .label")
    assert HOSTILE[5] in texts(browser, ".row .label")


def test_the_policy_of_the_page_lets_no_other_script_run(browser, tmp_path):
    show(browser, tmp_path, [a_row(1)])

    browser.run(
        "(() => { const script = document.createElement('script'); script.textContent = 'window.harmed = 1';"
        " document.body.append(script); document.body.insertAdjacentHTML('beforeend', '<b onclick=\"window.harmed = 1\">x</b>');"
        " document.body.lastChild.click(); })()"
    )

    assert browser.run("window.harmed") is None
    assert [problem for problem in browser.problems if "Content Security Policy" not in problem] == []
    assert browser.problems
    browser.problems.clear()


@pytest.mark.promise(
    "the report is searched by calls, arguments, outcomes and tests, and filtered by kind and target"
)
def test_search_and_filters(browser, tmp_path):
    missing = a_row(3, kind="missing", label="shop:book(day=1)", target="shop:book", problem=["no recording"])
    show(browser, tmp_path, [a_row(1), a_row(2), missing])

    assert texts(browser, "#shown") == ["3 calls"]
    assert search(browser, "CELSIUS 2") == "1 of 3"
    assert texts(browser, ".row .label") == ["shop:fetch(city=2)"]
    browser.press("Escape", "Escape")
    assert texts(browser, "#shown") == ["3 calls"]
    browser.run("document.querySelector('.kinds button').click()")
    assert texts(browser, ".row .label") == ["shop:book(day=1)"]
    browser.run("document.querySelector('.kinds button').click()")
    choose = "((each) => { each.value = 'shop:fetch'; each.dispatchEvent(new Event('change')); })"
    browser.run(f"{choose}(document.getElementById('target'))")
    assert texts(browser, "#shown") == ["2 of 3"]
    browser.run(f"{choose.replace('shop:fetch', 'target')}(document.getElementById('group'))")
    assert texts(browser, ".group .name") == ["shop:fetch"]


@pytest.mark.promise("the report is used by the keyboard alone")
def test_keys(browser, tmp_path):
    rows = [a_row(number) for number in range(8, 13)] + [a_row(13, kind="missing", problem=["no recording"])]
    show(browser, tmp_path, rows)
    chosen = "document.querySelector('[aria-selected=true]').innerText.split('\\n')"

    assert "shop:fetch(city=13)" in browser.run(chosen)  # the first problem
    browser.press("k", "ArrowUp")
    assert "shop:fetch(city=11)" in browser.run(chosen)
    browser.press("j", "ArrowDown")
    assert "shop:fetch(city=13)" in browser.run(chosen)
    browser.press("ArrowLeft")
    assert "test_shop.py::test_1" in browser.run(chosen)
    assert len(texts(browser, ".row")) == 2
    browser.press("Enter")
    assert len(texts(browser, ".row")) == 6
    browser.press("j", "Enter")
    assert browser.run("document.activeElement.id") == "detail"
    browser.press("Escape")
    assert browser.run("document.activeElement.id") == "list"
    browser.press("?")
    assert browser.run("document.getElementById('help').open") is True
    browser.press("Escape")
    assert browser.run("document.getElementById('help').open") is False


@pytest.mark.promise("the report draws the calls of a test in order as a sequence chart")
def test_a_sequence_chart(browser, tmp_path):
    request = [("method", "GET"), ("url", "https://api.shop.com/users/1")]
    facts = {"client": "http", "target": "http", "test": "test_shop.py::test_0", "arguments": request}
    rows = [
        a_row(1, **facts, label="http GET /users/1", brief="200 OK"),
        a_row(2),
        a_row(3, **facts, label="http POST /users", kind="missing"),
    ]
    show(browser, tmp_path, rows, tests={"test_shop.py::test_0": "failed"})

    browser.run("document.querySelector('.group').click()")

    assert (
        browser.run("document.querySelector('svg').getAttribute('aria-label')")
        == "3 calls between the test and api.shop.com, shop"
    )
    drawn = "[...document.querySelectorAll('svg text')].map((each) => each.textContent)"
    assert browser.run(drawn) == [
        *("test", "api.shop.com", "shop"),
        *("↺ GET /users/1", "200 OK, 250 ms"),
        *("↺ fetch(city=2)", "2 °C, 250 ms"),
        "✕ POST /users",
    ]
    browser.run("document.querySelectorAll('svg g')[1].dispatchEvent(new MouseEvent('click'))")
    assert texts(browser, "#detail h2") == ["shop:fetch(city=2)"]


@pytest.mark.promise("the report is dark or light as the reader prefers")
def test_dark_and_light(browser, tmp_path):
    paper = "getComputedStyle(document.body).backgroundColor"
    found = []
    for dark in (False, True):
        browser.emulate(dark=dark)
        show(browser, tmp_path, [a_row(1)])
        found.append(sum(map(int, re.findall(r"\d+", browser.run(paper)))))
    browser.press("t")
    found.append(sum(map(int, re.findall(r"\d+", browser.run(paper)))))
    browser.run("localStorage.clear()")

    light, dark, switched = found
    assert light == switched > 600
    assert dark < 150


@pytest.mark.promise("10,000 calls are in one report, and only those in view are in the page")
def test_ten_thousand_calls(browser, tmp_path):
    show(browser, tmp_path, [a_row(number) for number in range(10_000)])

    assert texts(browser, "#shown") == ["10,000 calls"]
    assert len(texts(browser, ".row, .group")) < 100
    assert search(browser, "city=7777)") == "1 of 10,000"
    assert texts(browser, ".row .label") == ["shop:fetch(city=7777)"]


@pytest.mark.promise("the report prints every call, 3,000 at most")
def test_print(browser, tmp_path):
    rows = [a_row(number) for number in range(300)]
    show(browser, tmp_path, [*rows, a_row(300, kind="missing", problem=["no recording of it"])])

    assert browser.pdf().startswith(b"%PDF")
    browser.emulate(media="print")
    browser.run("dispatchEvent(new Event('beforeprint'))")

    lines = texts(browser, "#print .line code")
    assert lines == [f"shop:fetch(city={number})" for number in (300, *range(300))]  # problems first
    assert texts(browser, "#print pre") == ["no recording of it"]
    assert browser.run("getComputedStyle(document.querySelector('main')).display") == "none"


@pytest.mark.promise("in the report, each command has a button that copies it")
def test_commands_are_copied(browser, tmp_path):
    command = "pytest --mimic-record test_shop.py::test_0"
    missing = a_row(1, kind="missing", problem=["no recording"], remedies=[f"to record it: {command}"])
    notes = ["1 call missing", f"to record the missing: {command} --again"]
    show(
        browser,
        tmp_path,
        [missing],
        notes=notes,
        places={"test_shop.py::test_0": ["test_shop.py:7", "up/x.py"]},
    )
    copied = (
        "(window.copied = [], navigator.clipboard.writeText = async (text) => { window.copied.push(text); })"
    )
    browser.run(f"{copied}, [...document.querySelectorAll('.copy')].forEach((each) => each.click())")

    address = f"{(tmp_path / 'page.html').as_uri()}#call-1"
    assert browser.run("window.copied") == [f"{command} --again", address, "test_shop.py:7", command]
    assert browser.run("document.querySelector('#detail a').href") == (tmp_path / "up/x.py").as_uri()


@pytest.mark.promise("in the report, each call and each test has an address")
def test_addresses(browser, tmp_path):
    show(browser, tmp_path, [a_row(number) for number in range(30)])
    chosen = "document.querySelector('[aria-selected=true] .label, [aria-selected=true] .name').innerText"
    found = []
    for address in ("#call-12", "#test_shop.py%3A%3Atest_2", "#nothing", "#%"):
        browser.run(
            f"new Promise((done) => {{ addEventListener('hashchange', done, {{once: true}}); location.hash = {address!r}; }})"
        )
        found.append(browser.run(chosen))

    second = "test_shop.py::test_2"
    assert found == ["shop:fetch(city=11)", second, second, second]
    browser.press("j")
    assert browser.run("location.hash") == "#call-21"


@pytest.mark.promise(
    "the report has the time and tokens saved, the oldest recording and the slowest targets on top"
)
def test_totals(browser, tmp_path):
    rows = [a_row(number, recorded=f"2026-11-0{5 - number}") for number in range(1, 4)]
    slow = a_row(4, target="shop:slow", label="shop:slow()", seconds=2.0, kind="verified")
    show(browser, tmp_path, [*rows, slow], tokens=52310)

    assert texts(browser, "#totals > span") == [
        "saved 750 ms, 52,310 tokens",
        "oldest recording 2026-11-02",
        "slowest shop:slow 2.0 sshop:fetch 750 ms",
    ]
    oldest, slowest, _ = range(3)
    browser.run(f"document.querySelectorAll('#totals button')[{oldest}].click()")
    assert texts(browser, "#detail .facts span")[2] == "recorded on 2026-11-02"
    browser.run(f"document.querySelectorAll('#totals button')[{slowest}].click()")
    assert texts(browser, ".row .label") == ["shop:slow()"]


@pytest.mark.promise("failed tests come first in the report")
def test_the_order_of_tests(browser, tmp_path):
    rows = [a_row(number) for number in (1, 11, 21, 31)]
    rows[2] |= {"kind": "missing", "problem": ["no recording"]}
    show(browser, tmp_path, rows, tests={"test_shop.py::test_1": "passed", "test_shop.py::test_3": "failed"})

    names = [f"test_shop.py::test_{number}" for number in (3, 2, 0, 1)]
    assert texts(browser, ".group .name") == names


@pytest.mark.promise("the page of a vault draws no order, but that of cassettes")
def test_bars_of_a_vault(browser, tmp_path):
    rows = [a_row(number, kind="recorded", at=0.0, test="test_a") for number in range(2)]
    talk = [
        a_row(number, kind="recorded", at=0.0, group="cassette x", note="cassette x") for number in (2, 3)
    ]
    show(browser, tmp_path, rows + talk, subject="vault")

    starts = browser.run("[...document.querySelectorAll('.bar i')].map((each) => each.style.left)")
    assert starts == ["0%", "0%", "0%", "50%"]


def test_every_control_has_a_name_and_the_list_says_where_it_is(browser, tmp_path):
    show(browser, tmp_path, [a_row(1), a_row(2)])

    tree = browser.send("Accessibility.getFullAXTree")["nodes"]
    named = {
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node.get("ignored") and node["role"]["value"] in ("button", "searchbox", "combobox", "listbox")
    }
    assert {
        ("searchbox", "Search"),
        ("listbox", "Calls"),
        ("combobox", "Target"),
        ("button", "Keys"),
    } <= named
    assert [role for role, name in named if not name] == []
    assert browser.run("document.getElementById('list').getAttribute('aria-activedescendant')") == "row-0"


def test_print_says_what_it_leaves_out(browser, tmp_path):
    show(browser, tmp_path, [a_row(number) for number in range(3_001)])

    browser.run("dispatchEvent(new Event('beforeprint'))")

    assert len(texts(browser, "#print .line")) == 3_000
    assert "The first 3,000 calls of 3,001" in browser.run(
        "document.getElementById('print').lastChild.textContent"
    )
