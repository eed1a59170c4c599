"""Section 3, `--mimic-accept-source`: what changed without a matter replays on, and nothing runs for real."""

from __future__ import annotations

import pytest
from support.git import git

EMBED = """
    from tally import ran

    def embed(word):
        ran("embed", word)
        return [len(word)]
"""
EDITED = EMBED.replace("return [len(word)]", "size = len(word)\n        return [size]")
OPTION = "--mimic-accept-source"


@pytest.fixture
def nets(project):
    """A recorded function whose source has changed since, and that needs a machine that is not here."""
    project.ini("shop:embed")
    project.module(EMBED)
    project.tests("""
        @pytest.mark.parametrize("word", ["a", "bb"])
        def test_it(word):
            assert shop.embed(word) == [len(word)]

        def test_again():
            assert shop.embed("a") == [1]
    """)
    project.record_once(passed=3)
    project.module(EDITED)
    return project


def test_the_last_remedy_of_a_stale_call_makes_it_replay(nets):
    stale = nets.run("test_shop.py::test_again", offline=True).expect(failed=1)
    assert stale.error[-1] == (
        "if the change does not matter: pytest --mimic-accept-source test_shop.py::test_again"
    )
    before = nets.calls()

    accepted = nets.run(OPTION, offline=True).expect(passed=3, real=[])

    assert (
        accepted.header
        == "replay from .mimic_vault, accepting changed source (1 target)"
    )
    assert accepted.section[1:] == [
        "accepted:",
        "  shop:embed    3 calls in 3 tests",
    ]
    assert accepted.changed == {call.file for call in before}
    for old, new in zip(before, nets.calls(), strict=True):
        assert new.call.pop("source") != old.call.pop("source")
        assert new.call == old.call
    nets.replay().expect(passed=3, real=[])


def test_a_test_that_fails_accepts_nothing_that_others_use(nets):
    nets.write(
        "test_more.py",
        "import shop\ndef test_more():\n    assert shop.embed('a') == 3\n",
    )

    run = nets.run(OPTION, offline=True).expect(
        passed=3,
        failed=1,
        says=[
            "not accepted, since a test that uses it did not pass:",
            "(test_more.py::test_more)",
        ],
    )

    assert [name for name in run.changed if name.endswith(".json")] == [
        call.file for call in nets.calls() if call.arguments == {"word": "bb"}
    ]
    (nets.root / "test_more.py").unlink()
    nets.replay().expect(passed=1, failed=2)


def test_a_changed_input_is_accepted_also_where_it_only_warns(project):
    project.inputs = "warn"
    project.ini("shop:price")
    module = "RATE = {}\n\ndef price(n):\n    return n * RATE\n"
    project.module(module.format(2))
    project.test("assert shop.price(2) == 4")
    project.record_once(passed=1)
    project.module(module.format(3))
    project.replay().expect(passed=1, says=["shop (shop.py)"])

    project.run(OPTION).expect(passed=1, says=["accepted:"])

    project.replay().expect(passed=1, never=["have changed"])


def test_a_miss_stays_a_miss(nets):
    nets.module(EMBED.replace("(word)", "(text)", 1))

    run = nets.run(OPTION, offline=True).expect(failed=3, real=[])

    assert run.changed == set()


def test_an_outcome_of_another_class_stays_stale(project):
    project.ini("shop:fetch")
    text = """
        from dataclasses import dataclass

        @dataclass
        class Town:
            name: str

        def fetch(name):
            return Town(name)
    """
    project.module(text)
    project.test("assert shop.fetch('Oslo').name == 'Oslo'")
    project.record_once(passed=1)
    project.module(
        text.replace("name: str\n", "name: str\n            size: int = 0\n")
    )

    run = project.run(OPTION).expect(failed=1, says=["has a new field 'size'"])

    assert run.changed == set()


def test_a_cassette_replays_and_takes_the_new_source(project):
    project.ini("shop:embed")
    project.module(EMBED)
    project.test("with mimic_auto('trip'):\n    assert shop.embed('a') == [1]")
    project.run().expect(passed=1, real=["embed a"])
    project.module(EDITED)
    project.run().expect(failed=1)

    project.run(OPTION).expect(passed=1, real=[])

    project.run().expect(passed=1, real=[])
    project.test("with mimic_record('trip'):\n    shop.embed('a')")
    project.run(OPTION).expect(
        failed=1,
        real=[],
        says=[
            "CassetteError: mimic_record may not record cassette trip: --mimic-accept-source was given"
        ],
    )


def test_workers_accept_together(nets):
    nets.run(OPTION, "-n2", offline=True).expect(passed=3, real=[])

    nets.replay().expect(passed=3, real=[])


@pytest.mark.parametrize(
    ("options", "env", "says"),
    [
        ((), {"CI": "true"}, "the environment says CI, and a person accepts"),
        (
            ("--mimic-verify",),
            {},
            "--mimic-verify cannot be combined with --mimic-accept-source",
        ),
        (
            ("--mimic-no-record",),
            {},
            "--mimic-accept-source cannot be combined with --mimic-no-record",
        ),
        (
            ("--mimic-clear-unused",),
            {},
            "--mimic-accept-source cannot be combined with --mimic-clear-unused",
        ),
    ],
)
def test_what_it_excludes(nets, options, env, says):
    run = nets.run(OPTION, *options, env=env).expect(exit_code=4, says=[says], real=[])

    assert run.changed == set()


FALLBACK = """
    def embed(word):
        ran("embed", word)
        if os.environ.get("GPU") != "1":
            raise RuntimeError("no CUDA")
        return [len(word)]

    def robust(word):
        try:
            return embed(word)
        except RuntimeError:
            return None
"""


@pytest.mark.parametrize("is_in_git", [True, False])
@pytest.mark.parametrize("line", ["shop:embed", "shop:embed sequence"])
def test_an_error_that_replaces_a_value_is_named(project, line, is_in_git):
    """Whoever has no such machine gets the value back by the command, if Git has it."""
    if is_in_git:
        git(project.root, "init", "-q")
    project.ini(line)
    project.module(FALLBACK)
    project.test("shop.robust('a')")
    project.record(env={"GPU": "1"}).expect(passed=1)
    project.module(FALLBACK.replace("no CUDA", "no CUDA here"))

    option = "--mimic-rerecord" if "sequence" in line else "--mimic-record"
    run = project.run(option).expect(passed=1, real=["embed a"])

    [name] = run.changed
    way = f"to get the values back: git restore -- .mimic_vault/{name}"
    rows = [
        "errors that have replaced recorded values:",
        "  shop:embed(word='a') raised RuntimeError    test_shop.py::test_it",
        *([way] if is_in_git else []),
    ]
    assert run.section[-len(rows) :] == rows
    # What is an error already is replaced by another one without a word.
    project.module(FALLBACK.replace("no CUDA", "none here"))
    again = project.run(option).expect(passed=1)
    assert "replaced" not in again.output


# What the accepted body reaches that the recorded one did not, and what changes later.
REACHED = {
    "a helper of the same module": ("def _impl(a):\n    return a * 42\n", "_impl(a)", "42", "43"),
    "a method of a new class": (
        "class Net:\n    def run(self, a):\n        return a * 42\n",
        "Net().run(a)",
        "42",
        "43",
    ),
    "a value": ("SCALE = 42\n", "a * SCALE", "42", "43"),
}  # fmt: skip


@pytest.mark.parametrize("has_helper", [False, True], ids=["alone", "beside a helper"])
@pytest.mark.parametrize(("new", "call", "old", "now"), REACHED.values(), ids=REACHED)
def test_what_an_accepted_body_reaches_counts_from_then_on(
    project, has_helper, new, call, old, now
):
    project.ini("shop:fit", mimic_inputs="strict")
    helper, used = (
        ("def _known():\n    return 0\n", " + _known()") if has_helper else ("", "")
    )
    project.module(f"{helper}def fit(a):\n    return a * 42{used}\n")
    project.test("assert shop.fit(1) == 42")
    project.record().expect(passed=1)
    accepted = f"{helper}{new}def fit(a):\n    return {call}{used}\n"
    project.module(accepted)
    project.run(OPTION).expect(passed=1)
    project.replay().expect(passed=1)

    project.module(accepted.replace(old, now))

    project.replay().expect(failed=1, says=["StaleRecordingError"])
