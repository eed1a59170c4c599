"""Differences as a comment for a pull request."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.compare.tree_differences import differences
from pytest_mimic._core.describe.argument_differences import Difference
from pytest_mimic._tools.shown.difference_lines import markdown
from pytest_mimic._tools.shown.vault_diff import CallDifference

FILE = "calls/shop/rates/aa.json"


def shown(one: CallDifference) -> str:
    """Return what stands in the block of one difference."""
    text = markdown([one])
    return text[text.index("\n") + 1 :]


def outcomes(old: Any, new: Any) -> str:
    """Return the lines between the fences for a changed outcome."""
    text = shown(CallDifference("outcome", "shop:rates()", FILE, outcomes=differences(old, new)))
    return text.partition("```diff\n")[2].partition("\n```\n")[0]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (1, 2, ["@@ outcome @@", "- 1", "+ 2"]),
        ({"a": 1}, {"a": 2}, ["@@ a @@", "- 1", "+ 2"]),
        ({"a": 1}, {"a": 1, "b": [2]}, ["+ b: [2]"]),
        ({"a": 1, "b": 2}, {"a": 1}, ["- b: 2"]),
        ("one\ntwo\nthree", "one\n2\nthree", ["  one", "- two", "+ 2", "  three"]),
        ({"t": "one\ntwo"}, {"t": "one\n2"}, ["@@ t @@", "  one", "- two", "+ 2"]),
        (
            [{"n": 1, "x": 1}, {"n": 2, "x": 2}, {"n": 3, "x": 3}],
            [{"n": 1, "x": 1}, {"n": 2, "x": 0}, {"n": 3, "x": 3}],
            ["@@ 1 of 3 rows @@", "  n  x", "- 2  2", "+ 2  0"],
        ),
        (["a```b"], ["c"], ["@@ [0] @@", "- 'a` ` `b'", "+ 'c'"]),
    ],
    ids=["whole", "part", "added", "removed", "text", "text in a part", "rows", "fence"],
)
def test_each_kind_of_difference_is_shown(old, new, lines):
    assert outcomes(old, new).splitlines() == lines


def test_a_changed_call_is_shown_with_its_arguments():
    one = CallDifference(
        "call",
        "shop:rates('USD', <b>)",
        FILE,
        test="test_shop.py::test_rates",
        before="shop:rates('EUR')",
        arguments=[Difference("base", "'EUR'", "'USD'"), Difference("day", None, "<b>")],
        lines=["2 outcomes, 1 before"],
    )

    assert shown(one) == (
        "\n<details><summary><code>shop:rates(&#x27;USD&#x27;, &lt;b&gt;)</code>: changed call</summary>\n\n"
        "recorded by <code>test_shop.py::test_rates</code>\n\n"
        "```diff\n- shop:rates('EUR')\n+ shop:rates('USD', <b>)\n  base: 'EUR' before, 'USD' now\n"
        "  day: absent before, <b> now\n  2 outcomes, 1 before\n```\n\n</details>\n"
    )


def test_a_difference_without_details_is_one_line():
    added = CallDifference("added", "shop:rates()", FILE)
    removed = CallDifference("removed", "shop:rates()", FILE, test="test_shop.py::test_rates")

    assert markdown([added, removed, removed]) == (
        "### Recordings: 1 added, 2 removed\n"
        "\n<code>shop:rates()</code>: added\n"
        + "\n<code>shop:rates()</code>: removed, recorded by <code>test_shop.py::test_rates</code>\n"
        * 2
    )
    assert markdown([]) == "### Recordings\n\nNo recorded call or outcome has changed.\n"


def test_a_comment_is_no_longer_than_github_takes():
    many = [CallDifference("damaged", f"shop:rates({n})", FILE, lines=["x" * 1000]) for n in range(100)]

    text = markdown(many)

    assert len(text) < 65_536
    assert f"\nand {100 - text.count('<details>')} more\n" in text
    assert 50 < text.count("<details>") < 100
