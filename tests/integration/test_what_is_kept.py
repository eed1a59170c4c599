"""Section 5, *What is kept*: what a test leaves in the vault by how it has ended, a row a sentence."""

from __future__ import annotations

import pytest

SHOP = """
    def value(name):
        ran(name)
        if os.environ.get("RAISES"):
            raise OSError("no disk")
        return os.environ["RUN"]
"""
# How a test ends: its last line, whether it fails, and what pytest counts.
ENDINGS = {
    "passes": ("pass", {"passed": 1}),
    "fails": ("assert 0", {"failed": 1}),
    "skips": ("pytest.skip()", {"skipped": 1}),
    "is expected to fail": ("pytest.xfail()", {"xfailed": 1}),
}
# The ending, the outcome of the call, what stood before, and what is kept: the run
# whose value stands in the vault, `raised`, or nothing.
ROWS = [
    ("passes", "value", "", "2"),
    ("passes", "raises", "", "raised"),
    ("passes", "value", "1", "2"),
    ("passes", "raises", "1", "raised"),
    ("fails", "value", "", "2"),
    ("fails", "raises", "", ""),
    ("fails", "value", "1", "1"),
    ("fails", "raises", "1", "1"),
    ("skips", "value", "", "2"),
    ("skips", "raises", "", "raised"),
    ("is expected to fail", "value", "", "2"),
    ("is expected to fail", "value", "1", "2"),
]


def kept(run):
    """Return what the vault has of the call."""
    found = [
        "raised" if call.raised else call.value
        for call in run.calls
        if call.end != "empty"
    ]
    return "".join(found)


@pytest.mark.parametrize("line", ["shop:value", "shop:value sequence"])
@pytest.mark.parametrize(("ending", "outcome", "before", "wanted"), ROWS)
def test_what_a_call_leaves(project, line, ending, outcome, before, wanted):
    project.ini(line)
    project.module(SHOP)
    test = """
        try:
            shop.value("a")
        except OSError:
            pass
        {}
    """
    if before:
        project.test(test.format("pass"))
        project.record(env={"RUN": before}).expect(passed=1)
    last, counts = ENDINGS[ending]
    project.test(test.format(last))
    env = {"RUN": "2", "RAISES": "1" if outcome == "raises" else ""}

    run = project.run("--mimic-rerecord", env=env).expect(**counts)

    assert kept(run) == wanted
