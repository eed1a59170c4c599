"""The HTML page of a run's calls: one file, which needs no network.

The HTML stands in files of its own, and is filled by `string.Template`. Tests, and one
line for each call, are HTML; what is inside of a call is JSON, which the script draws
when a call is opened.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from html import escape
from operator import attrgetter
from pathlib import Path
from string import Template
from time import strftime
from urllib.parse import quote

from pytest_mimic._core.words import SHORTEST_SHOWN, in_seconds, plural, short_seconds
from pytest_mimic._tools.page.call_log import CallRow
from pytest_mimic.errors import printable

# The folder with the HTML, the styles and the script of the page.
_ASSETS = Path(__file__).parent / "assets"
# Bound here, because a test may stop the clock.
_now = strftime
#: The kinds of calls, problems first, each with its sign.
KINDS = {
    "missing": "✕",
    "drifted": "≠",
    "recorded": "●",
    "verified": "✓",
    "replayed": "↺",
}
_PROBLEMS = ("missing", "drifted")
#: The name of the group of calls that no test made.
OUTSIDE = "outside of tests"
# One of these stands at the beginning of each page, of older versions, too.
_MARKS_OF_PAGES = (
    b'<meta name="generator" content="pytest-mimic">',
    b"<title>pytest-mimic report</title>",
)


@dataclass(frozen=True)
class TestFacts:
    """The facts of a test besides its calls.

    Attributes:
        outcome: `passed`, `failed` or `skipped`; `uncalled` if a plugin answered in
            place of the test's function; `forked` if the test forked a process; empty
            if it is not known.
        seconds: How long the set-up, the body and the tear-down of the test took.
        place: The file and line of the test, `tests/test_a.py:12`, or an empty text.
    """

    outcome: str = ""
    seconds: float = 0.0
    place: str = ""

    # pytest would take the class for one of tests.
    __test__ = False


@dataclass
class _Test:
    """The calls of a test, in their order."""

    name: str
    facts: TestFacts
    rows: list[CallRow] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """The id of the test's element, to which links of the page lead."""
        return quote(self.name, safe="/:.[]-_", errors="backslashreplace")

    @property
    def has_problem(self) -> bool:
        """Whether a call is missing or has drifted. Then the test is open at first."""
        return any(row["kind"] in _PROBLEMS for row in self.rows)

    @property
    def rank(self) -> tuple[bool, bool]:
        """Failed tests come first, then those with a problem."""
        return self.facts.outcome != "failed", not self.has_problem


def html_page(
    heading: str,
    call_rows: Iterable[CallRow],
    *,
    project: str = "",
    notes: Sequence[str] = (),
    tests: Mapping[str, TestFacts] | None = None,
    shown_vault: str = "",
) -> str:
    """Return the page of a run's calls.

    Args:
        heading: The mode of the run and its vault.
        call_rows: The calls, those of each process in the order in which they ended.
        project: The name of the project, for the title.
        notes: The lines of the run's summary.
        tests: What is known of each test, by its id. None: nothing is known.
        shown_vault: The vault's folder as people name it, `.mimic_vault`.
    """
    tests_with_calls = _tests_with_calls(call_rows, tests or {})
    calls: list[CallRow] = []
    for test in tests_with_calls:
        calls += test.rows
    counts = Counter(row["kind"] for row in calls)
    time = _now("%Y-%m-%d %H:%M")
    title = f"{heading} · {time}"
    if project:
        title = f"{project} · {title}"
    style = _asset("report.css")
    script = _asset("report.js")
    # By this Content-Security-Policy, the browser runs the script of the page and no
    # other, whatever the data holds.
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_checksum(style)}'; "
        f"script-src '{_checksum(script)}'; base-uri 'none'; form-action 'none'"
    )
    html_of_kinds = []
    for kind in KINDS:
        if counts[kind]:
            html_of_kinds.append(_html_of_kind(kind, counts[kind]))
    html_of_notes = [_html_of_note(note, tests_with_calls) for note in notes]
    # The page has the blocks of calls as JSON. The script finds the blocks of a call by
    # the number of the call on the page.
    first_number = 0
    html_of_tests = []
    for test in tests_with_calls:
        html_of_tests.append(_html_of_test(test, first_number))
        first_number += len(test.rows)
    return _filled_template(
        "report",
        policy=policy,
        title=_html_text(title),
        project=_html_text(project or "pytest-mimic"),
        heading=_html_text(heading),
        time=time,
        style=style,
        script=script,
        facts=_html_text(_run_facts(calls, tests_with_calls)),
        kinds="".join(html_of_kinds),
        notes="".join(html_of_notes),
        tests="".join(html_of_tests) or _filled_template("empty"),
        data=_json_of_blocks([row.get("blocks", []) for row in calls], shown_vault),
    )


def is_page(start: bytes) -> bool:
    """Check whether a file that begins with these bytes is a page of ours."""
    if not start.startswith(b"<!DOCTYPE html>"):
        return False
    return any(mark in start for mark in _MARKS_OF_PAGES)


def _tests_with_calls(
    call_rows: Iterable[CallRow], tests: Mapping[str, TestFacts]
) -> list[_Test]:
    """Return the tests of the page, each with its calls, failed tests first."""
    test_by_name: dict[str, _Test] = {}
    for call_row in call_rows:
        test_name = call_row["test"] or OUTSIDE
        if test_name not in test_by_name:
            test_by_name[test_name] = _Test(
                test_name, tests.get(test_name, TestFacts())
            )
        test_by_name[test_name].rows.append(call_row)
    for test in test_by_name.values():
        # Rows come in the order in which calls ended. Of calls at the same time, the
        # first one to end may have begun last.
        test.rows.sort(key=_when_begun)
    return sorted(test_by_name.values(), key=attrgetter("rank"))


def _when_begun(call_row: CallRow) -> float:
    """Return when a call began, by which the calls of a test are sorted."""
    began: float = call_row.get("began", 0.0)
    return began


def _run_facts(calls: Sequence[CallRow], tests_with_calls: Sequence[_Test]) -> str:
    """Return the run at a glance: calls, tests, seconds saved, tokens by model."""
    tests = [test for test in tests_with_calls if test.name != OUTSIDE]
    failed_tests = [test for test in tests if test.facts.outcome == "failed"]
    calls_and_tests = plural(len(calls), "call")
    if tests:
        calls_and_tests += f" in {plural(len(tests), 'test')}"
    facts = [calls_and_tests]
    if failed_tests:
        facts.append(f"{plural(len(failed_tests), 'test')} failed")
    saved_seconds = _saved_seconds(calls)
    if saved_seconds >= SHORTEST_SHOWN:
        facts.append(f"{in_seconds(saved_seconds)} saved")
    return " · ".join([*facts, *_token_facts(calls)])


def _time_facts(test: _Test) -> list[str]:
    """Return how long the real calls of a test took, and how long the test took now.

    Example: a test whose three calls took 5.6 s when they were recorded, were replayed
    in 3 ms, and which ran in 0.02 s, has `5.6 s real time, replayed in 3 ms` and
    `test took 0.02 s`.
    """
    time_facts = []
    real_seconds = sum(map(_counted_seconds, test.rows))
    saved_seconds = _saved_seconds(test.rows)
    if real_seconds >= SHORTEST_SHOWN:
        real_time = f"{in_seconds(real_seconds)} real time"
        replay_seconds = _seconds_of_replays(test.rows)
        replay_fact = f"replayed in {short_seconds(replay_seconds)}"
        if saved_seconds >= real_seconds:
            # Every call was replayed.
            real_time += f", {replay_fact}"
        elif saved_seconds >= SHORTEST_SHOWN:
            # `5.6 s real time, 2.1 s of it replayed in 3 ms`: others ran for real.
            real_time += f", {in_seconds(saved_seconds)} of it {replay_fact}"
        time_facts.append(real_time)
    if test.facts.seconds >= SHORTEST_SHOWN:
        time_facts.append(f"test took {in_seconds(test.facts.seconds)}")
    return time_facts


def _saved_seconds(call_rows: Iterable[CallRow]) -> float:
    """Return the seconds of real calls that replays saved.

    Seconds in which several calls were recorded at the same time count once.
    """
    return sum(
        _counted_seconds(call_row)
        for call_row in call_rows
        if call_row["kind"] == "replayed"
    )


def _counted_seconds(call_row: CallRow) -> float:
    """Return the seconds of a call that count in the sum of several calls.

    A second that a call shares with one that ended before it counts once, with that
    one. Only rows of replayed and recorded calls have such `wall_seconds`. Of any other
    call, all seconds count.
    """
    counted_seconds: float = call_row["seconds"]
    if "wall_seconds" in call_row:
        counted_seconds = call_row["wall_seconds"]
    return counted_seconds


def _seconds_of_replays(call_rows: Iterable[CallRow]) -> float:
    """Return how long the replays took in this run, in seconds."""
    total = 0.0
    for call_row in call_rows:
        if call_row["kind"] == "replayed":
            total += call_row.get("took", 0.0)
    return total


def _token_facts(call_rows: Iterable[CallRow]) -> list[str]:
    """Return how many tokens went to each language model and came from it.

    gpt-5-mini: 1,200 tokens in, 310 out
    """
    sent_tokens: Counter[str] = Counter()
    received_tokens: Counter[str] = Counter()
    for call_row in call_rows:
        if "tokens" in call_row:
            model, sent_count, received_count = call_row["tokens"]
            sent_tokens[model] += sent_count
            received_tokens[model] += received_count
    token_facts = []
    for model in sent_tokens:
        # An answer may not say which model gave it.
        model_name = model or "tokens"
        sent_count = sent_tokens[model]
        received_count = received_tokens[model]
        token_facts.append(
            f"{model_name}: {sent_count:,} tokens in, {received_count:,} out"
        )
    return token_facts


def _html_of_kind(kind_of_calls: str, count: int) -> str:
    """Return the button that shows calls of this kind, or hides them."""
    return _filled_template(
        "kind", kind=kind_of_calls, sign=KINDS[kind_of_calls], count=f"{count:,}"
    )


def _html_of_note(note: str, tests_with_calls: Sequence[_Test]) -> str:
    """Return a line of the summary, as a link if it ends with a test of the page."""
    # The columns of a list of calls are apart by blanks; the last one has the test.
    last_column = note.rpartition("  ")[2].strip()
    for test in tests_with_calls:
        if test.name == last_column:
            return _filled_template(
                "link", text=_html_text(note.strip()), anchor=_html_text(test.anchor)
            )
    return _filled_template("line", text=_html_text(note))


def _html_of_test(test: _Test, first_number: int) -> str:
    """Return a test with its calls.

    Args:
        test: The test.
        first_number: The number of its first call on the page.
    """
    counts = Counter(row["kind"] for row in test.rows)
    facts = [f"{counts[kind]:,} {kind}" for kind in KINDS if counts[kind]]
    time_facts = _time_facts(test)
    facts += [*time_facts, *_token_facts(test.rows)]
    is_open = test.facts.outcome == "failed" or test.has_problem
    html_of_calls = []
    for index, row in enumerate(test.rows):
        anchor = f"{test.anchor}/{index + 1}"
        html_of_calls.append(_html_of_call(row, anchor, first_number + index))
    return _filled_template(
        "test",
        name=_html_text(test.name),
        anchor=_html_text(test.anchor),
        outcome=test.facts.outcome,
        place=_html_text(test.facts.place),
        facts=_html_text(" · ".join(facts)),
        times=_html_text("; ".join([plural(len(test.rows), "call"), *time_facts])),
        state="open" if is_open else "folded",
        calls="".join(html_of_calls),
    )


def _html_of_call(call_row: CallRow, anchor: str, number: int) -> str:
    """Return one line of a call. The script needs its number, and its times in ms."""
    return _filled_template(
        "call",
        kind=call_row["kind"],
        sign=KINDS[call_row["kind"]],
        anchor=_html_text(anchor),
        number=str(number),
        label=_html_text(call_row["label"]),
        brief=_html_text(call_row.get("brief") or ""),
        failed="failed" if call_row.get("is_error") else "",
        length=_milliseconds(call_row["seconds"]),
        took=_milliseconds(call_row.get("took", 0.0)),
        time=_shown_time(call_row),
        file=_html_text(call_row.get("name") or ""),
    )


def _milliseconds(seconds: float) -> str:
    """Return a number of seconds for the script, which counts in milliseconds."""
    return f"{seconds * 1000:.3g}"


def _shown_time(call_row: CallRow) -> str:
    """Return how long a call took: `1.2 s`, or `1.2 s saved` of a replayed one.

    The text is empty where the time would be shown as zero.
    """
    if call_row["seconds"] < SHORTEST_SHOWN:
        return ""
    saved = " saved" if call_row["kind"] == "replayed" else ""
    return f"{in_seconds(call_row['seconds'])}{saved}"


def _json_of_blocks(blocks: list[object], shown_vault: str) -> str:
    """Return the blocks of all calls as JSON, in which no `<` ends the element."""
    page_data = {"vault": shown_vault, "calls": blocks}
    json_text = json.dumps(
        page_data, ensure_ascii=False, separators=(",", ":"), default=str
    )
    # A lone surrogate becomes the escape that JSON has for it.
    json_text = json_text.encode("utf-8", "backslashreplace").decode()
    return json_text.replace("<", "\\u003c")


def _filled_template(template: str, /, **values: str) -> str:
    """Return a piece of HTML with these values, which are HTML already.

    Raises:
        KeyError: The file of the piece names a value that is not here.
    """
    return _template(template).substitute(values)


@cache
def _template(name: str) -> Template:
    return Template(_asset(f"{name}.html"))


@cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text("utf-8")


def _checksum(text: str) -> str:
    """Return the checksum of a style or script, as the policy of the page names it."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _html_text(text: str) -> str:
    """Return a text for HTML, with control and surrogate characters as escapes."""
    return escape(printable(text).encode("utf-8", "backslashreplace").decode())
