"""A function gets an argument with a default after its calls were recorded."""

from __future__ import annotations

import pytest

BEFORE = "def fit(city, days=3):\n    ran('fit')\n    return [city, days]\n"
CALL = "assert shop.fit('rome')[0] == 'rome'"


def changed(parameters: str) -> str:
    return f"def fit({parameters}):\n    ran('fit')\n    return [city, days]\n"


# What the function takes now, how it is called, and whether its recording is stale.
NEW = {
    "none": ("city, days=3, shops=None", CALL, True),
    "a number": ("city, days=3, shops=5", CALL, True),
    "keyword-only": ("city, days=3, *, shops=None", CALL, True),
    "positional-only": ("city, days=3, shops=None, /", CALL, True),
    "in front": ("city, shops=None, days=3", CALL, True),
    "two": ("city, days=3, shops=(), rows=0", CALL, True),
    "more positional ones": ("city, days=3, *more", CALL, True),
    "the default passed": ("city, days=3, shops=1", "shop.fit('rome', shops=1)", True),
    "an equal one": ("city, days=3, shops=1", "shop.fit('rome', shops=True)", False),
    "another": ("city, days=3, shops=None", "shop.fit('rome', shops=1)", False),
    "a changed default": ("city, days=4, shops=None", CALL, False),
    "without a default": ("city, shops, days=3", "shop.fit('rome', None)", False),
}


@pytest.fixture
def fitting(project):
    """A project that has recorded `fit` without a new argument."""
    project.ini("shop:fit")
    project.module(BEFORE)
    project.test("assert shop.fit('rome') == ['rome', 3]")
    project.record().expect(passed=1)
    return project


@pytest.mark.parametrize("source", ["strict", "ignore"])
@pytest.mark.parametrize("line", ["shop:fit", "shop:fit sequence"])
@pytest.mark.parametrize(("parameters", "call", "is_stale"), NEW.values(), ids=NEW)
def test_a_new_argument_with_its_default_is_stale(
    fitting, line, source, parameters, call, is_stale
):
    if line != "shop:fit":
        fitting.ini(line)
        fitting.run("--mimic-rerecord").expect(passed=1)
        fitting.run("--mimic-clear-unused").expect(passed=1)
    fitting.ini(line, mimic_source=source)
    fitting.module(changed(parameters))
    fitting.test(call)

    run = fitting.replay().expect(failed=1, real=[])

    error = "StaleRecordingError" if is_stale else "MissingRecordingError"
    assert error in run.output
    assert ("before it had an argument" in run.output) == is_stale
    if is_stale:
        fitting.run("--mimic-accept-source").expect(
            passed=1, real=[], says=["accepted:"], never=["unused:"]
        )
        fitting.replay().expect(passed=1, real=[], never=["stale:"])
        assert len(fitting.calls()) == 1
        assert fitting.command("check").code == 0


def test_a_default_that_changes_after_it_was_accepted_is_a_miss(fitting):
    fitting.module(changed("city, days=3, shops=None"))
    fitting.test(CALL)
    fitting.run("--mimic-accept-source").expect(passed=1)

    fitting.module(changed("city, days=3, shops=5"))

    fitting.run("-o", "mimic_source=ignore").expect(
        failed=1, says=["MissingRecordingError"], real=[]
    )


def test_nothing_is_left_out_under_a_key(fitting):
    text = "@pytest.mark.mimic('shop:fit', key=lambda given: given)\ndef test_it():\n"
    fitting.tests(f"{text}    shop.fit('rome')\n")
    fitting.run("--mimic-rerecord").expect(passed=1)

    fitting.module(changed("city, days=3, shops=None"))

    fitting.replay().expect(failed=1, says=["MissingRecordingError"])


def test_recording_makes_a_call_with_a_new_argument(fitting):
    fitting.module(changed("city, days=3, shops=None"))

    fitting.record().expect(passed=1, real=["fit"])
    fitting.replay().expect(passed=1, real=[])
