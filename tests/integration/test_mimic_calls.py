"""Section 4, `mimic_calls`: the test's own calls so far, in every mode."""

from __future__ import annotations

import pytest

TESTS = """
    @pytest.fixture(scope="module")
    def wide():
        return shop.ask("wide")

    @pytest.fixture
    def own():
        return shop.ask("own")

    def test_plain():
        assert shop.fetch("Oslo") == "Oslo"

    def test_calls(mimic_calls, mimic_auto, wide, own):
        for _ in range(3):
            shop.fetch("Oslo")
        stream = shop.words("pen ink")
        assert next(stream) == "pen"
        with pytest.raises(ValueError):
            shop.fetch("")
        with mimic_auto("trip", targets=["shop:ask"]):
            shop.ask("Rome")
        list(stream)
        seen = [call.signature for call in mimic_calls]
        assert seen == ["shop:ask", *["shop:fetch"] * 3, "shop:words", "shop:fetch", "shop:ask"]
        assert [call.arguments for call in mimic_calls][:2] == [{"name": "own"}, {"name": "Oslo"}]
        assert [call.outcome for call in mimic_calls][3:5] == ["Oslo", ["pen", "ink"]]
        assert isinstance(mimic_calls[5].outcome, ValueError)

    def test_other(mimic_calls):
        shop.fetch("Oslo")
        assert [call.outcome for call in mimic_calls] == ["Oslo"]
"""


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--mimic-rerecord",),
        ("--mimic-verify",),
        ("--mimic-no-record",),
        ("--mimic-live",),
        ("-v",),
    ],
    ids=" ".join,
)
def test_a_test_sees_its_own_calls_in_their_order(project, options):
    project.ini("shop:fetch", "shop:ask sequence", "shop:words")
    project.module("""
        def fetch(name):
            if not name:
                raise ValueError("no name")
            return name

        def ask(name):
            return name

        def words(text):
            yield from text.split()
    """)
    project.tests(TESTS)
    project.record_once(passed=3)

    project.run(*options).expect(passed=3)


def test_a_call_that_has_not_ended_has_no_outcome(project):
    project.ini("shop:fetch")
    project.module("def fetch(name): yield from name\n")
    project.tests("""
        def test_it(mimic_calls):
            stream = shop.fetch("ab")
            next(stream)
            [call] = mimic_calls
            assert call.arguments == {"name": "ab"}
            assert call.outcome in (None, ["a", "b"])
            assert list(stream) == ["b"]
            assert call.outcome == ["a", "b"]
    """)

    project.round_trip(passed=1)
