"""Section 5, made anew: ids and moments that each run makes, and the lines that help."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "dates-and-ids.md"


def test_what_differs_in_each_run_is_a_miss_whose_line_lets_the_next_run_pass(project):
    project.module("""
        def send(order):
            return "sent"

        def order():
            return {"id": str(uuid.uuid4()), "item": "tea"}
    """)
    project.tests(
        "import shop\n\ndef test_tea(): assert shop.send(shop.order()) == 'sent'\n"
    )
    project.ini("shop:send")
    project.record().expect(passed=1)

    project.replay().expect(failed=1, says=["order.id: ", "shop:send ignore=order.id"])

    project.ini("shop:send ignore=order.id")
    project.replay().expect(passed=1, real=[])


def test_the_fixture_of_the_guide_makes_ids_and_times_the_same(project):
    """Each test has ids of its own."""
    pytest.importorskip("time_machine")
    project.module("""
        import datetime, secrets, uuid

        def send(order):
            return order["id"]

        def order():
            made = datetime.datetime.now().isoformat()
            return {"id": str(uuid.uuid4()), "key": secrets.token_hex(), "made": made}
    """)
    project.tests("""
        def test_tea():
            assert shop.send(shop.order())

        def test_again():
            assert shop.send(shop.order())
    """)
    project.ini("shop:send")
    _, _, section = GUIDE.read_text("utf-8").partition("## The same ids and times\n")
    project.conftest(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1])

    recorded = project.record().expect(passed=2, never=["the next run"])

    assert len(recorded.calls) == 2
    project.replay().expect(passed=2, real=[])


def test_where_ids_are_seeded_the_line_that_moves_says_that_a_name_may_be_the_seed(
    project,
):
    project.ini("shop:send sequence")
    project.module("def send(order):\n    return order")
    project.conftest("""
        @pytest.fixture(autouse=True)
        def same_ids(monkeypatch, request):
            numbers = random.Random(request.node.nodeid)
            monkeypatch.setattr(os, "urandom", numbers.randbytes)
    """)
    project.tests("import shop\n\ndef test_tea(): shop.send(1)")
    project.record().expect(passed=1)
    project.tests("def test_coffee(): shop.send(1)")

    run = project.replay().expect(failed=1)

    [line] = [line for line in run.section if "(if its name seeds" in line]
    assert line.endswith("its ids, record it again):")
    assert (
        "    pytest-mimic mv test_shop.py::test_tea test_shop.py::test_coffee"
        in run.section
    )
