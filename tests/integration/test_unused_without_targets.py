"""Section 5, *Unused*: a run judges only what it could have used, so one that mimics nothing judges nothing."""

from __future__ import annotations

import pytest

SHOP = """
    def fetch(city):
        return {"city": city}

    def load(city):
        return {"loaded": city}
"""
TESTS = """
    def test_oslo():
        assert shop.fetch("Oslo")

    def test_rome():
        assert shop.load("Rome")
"""
NOTHING = "nothing is mimicked"
OTHER = "[pytest]\npythonpath = .\nmimic_functions = shop:fetch\n"
ASKED = ("--mimic-clear-unused", "--mimic-fail-on-unused")


@pytest.fixture
def shop(project):
    """`shop.fetch` and `shop.load` are mimicked, and each has a recording."""
    project.ini("shop:fetch", "shop:load", pythonpath=".")
    project.write("test_shop.py", TESTS)
    project.record_once(passed=2)
    return project


def misspelt(project):
    project.ini(pythonpath=".", mimic_funtions="shop:fetch")
    return ("-W", "ignore::pytest.PytestConfigWarning")


def another_ini(project):
    project.write("other.ini", "[pytest]\npythonpath = .\n")
    return ("-c", "other.ini")


@pytest.mark.parametrize("configure", [misspelt, another_ini])
def test_a_run_that_mimics_nothing_judges_nothing_and_says_so(shop, configure):
    words = configure(shop)

    run = shop.run("-q", *words).expect(passed=2)

    assert run.section[0] == NOTHING
    assert "unused" not in run.output
    assert run.changed == set()


def test_such_a_run_clears_nothing_and_says_why(shop):
    words = misspelt(shop)

    run = shop.run(*ASKED, *words).expect(passed=2)

    assert run.changed == set()
    assert [line for line in run.section if line.startswith("warning")] == [
        f"warning: --mimic-fail-on-unused could not judge: {NOTHING}"
    ]


@pytest.mark.parametrize(
    "words",
    [("-c", "other.ini"), ("--override-ini=mimic_functions=shop:fetch",)],
    ids=["-c", "-o"],
)
def test_lines_of_the_command_line_judge_only_what_they_mimic(shop, words):
    shop.write("other.ini", OTHER)
    shop.write("test_shop.py", "def test_nothing(): pass")

    run = shop.run(*ASKED, *words).expect(passed=1, exit_code=1)

    assert run.section[0].startswith("1 unused recording cleared")
    assert [call.target for call in run.calls] == ["shop:load"]
    assert "could not judge 1 recording: shop:load is not mimicked (-" in "\n".join(
        run.section
    )


def test_a_line_that_is_gone_from_the_ini_leaves_its_recordings_unused(shop):
    """The configuration mimics something else, and names this no more."""
    shop.ini("shop:fetch", pythonpath=".")

    run = shop.replay().expect(passed=2)

    assert run.section[0] == "1 call replayed, # s saved; 1 recording unused"


def test_beside_a_marker_a_misspelt_key_judges_only_what_the_marker_mimics(shop):
    words = misspelt(shop)
    shop.tests("""
        @pytest.mark.mimic("shop:fetch")
        def test_oslo():
            assert shop.fetch("Bergen" if False else "Oslo")

        def test_rome():
            assert shop.load("Rome")
    """)

    run = shop.run(*ASKED, *words).expect(passed=2)

    assert run.section[0] == "1 call replayed, # s saved"
    assert run.changed == set()


def test_what_a_marker_or_a_block_mimics_is_judged(shop):
    shop.ini(pythonpath=".")
    shop.tests("""
        import pytest, shop
        from pytest_mimic import mimic

        @pytest.mark.mimic("shop:fetch")
        def test_oslo(): pass

        def test_rome():
            with mimic("shop:*"): pass
    """)

    run = shop.replay().expect(passed=2)

    assert run.section[0] == "2 recordings unused"


def test_a_run_that_was_not_asked_reads_only_some_of_many(shop):
    """One that was asked judges all."""
    shop.write(
        "test_many.py",
        "import shop\n\ndef test_it():\n    for n in range(600): shop.fetch(n)\n",
    )
    shop.record().expect(passed=3)
    (shop.root / "test_many.py").unlink()

    run = shop.replay().expect(passed=2)
    asked = shop.replay("--mimic-fail-on-unused").expect(passed=2, exit_code=1)

    assert run.section[0].endswith("; at least 500 recordings unused")
    assert run.section[-2:] == [
        "  and 490 more",
        "to drop the unused: pytest --mimic-clear-unused",
    ]
    assert asked.section[0].endswith("; 600 recordings unused")
