"""Misses: of a traceback only the frames of the project are shown."""

from __future__ import annotations

import pytest

DEEP = """
import svc


class Reader(json.JSONDecoder):
    def decode(self, text):
        return svc.fetch(text)


def through_libraries(text):
    with contextlib.ExitStack() as stack:
        return stack.enter_context(contextlib.nullcontext(json.loads(text, cls=Reader)))
"""


@pytest.fixture
def deep(project):
    project.ini("svc:fetch")
    project.write("svc.py", "def fetch(text):\n    return text\n")
    project.write("deep.py", DEEP)
    project.write(
        "test_deep.py",
        "import deep\n\ndef test_deep():\n    deep.through_libraries('1')\n",
    )
    return project


def test_a_miss_shows_the_frames_of_the_project_alone(deep):
    run = deep.run().expect(failed=1)

    assert "test_deep.py:4" in run.output
    assert "deep.py:" in run.output
    assert "json/__init__.py" not in run.output
    assert run.output.count("no recording of svc:fetch") == 2  # and in the last lines


def test_a_miss_that_a_library_has_caught_and_named_as_cause_is_words_alone(deep):
    """As the SDKs of language models do: no frame of the miss is of the project."""
    deep["deep.py"] = """
        from concurrent.futures import ThreadPoolExecutor
        import svc

        def through_libraries(text):
            with ThreadPoolExecutor() as pool:
                error = pool.submit(svc.fetch, text).exception()
            raise ConnectionError("no connection") from error
    """

    run = deep.run().expect(failed=1)

    assert "MissingRecordingError: no recording of svc:fetch" in run.output
    assert "to record it: pytest --mimic-record test_deep.py::test_deep" in run.output
    assert "no connection" in run.output
    assert "futures/thread.py" not in run.output
    assert "steps.py" not in run.output


@pytest.mark.parametrize("option", ["--full-trace", "--tb=native"])
def test_the_whole_traceback_is_shown_if_it_is_asked_for(deep, option):
    run = deep.run(option).expect(failed=1)

    assert "json/__init__.py" in run.output


def test_other_errors_have_their_whole_traceback(deep):
    deep.write(
        "test_deep.py",
        "import json\n\ndef test_deep():\n    json.loads('{')\n",
    )

    run = deep.run().expect(failed=1)

    assert "decoder.py" in run.output


def test_an_error_that_hides_a_miss_shows_both_without_libraries(deep):
    deep.write(
        "test_deep.py",
        "import deep\n\ndef test_deep():\n    try:\n        deep.through_libraries('1')\n"
        "    except Exception as error:\n        raise ValueError('hidden') from error\n",
    )

    run = deep.run().expect(failed=1)

    assert "ValueError: hidden" in run.output
    assert "json/__init__.py" not in run.output


def test_an_error_that_cannot_say_what_it_is_is_shown_like_any_other(project):
    project.ini("svc:fetch")
    project.write("svc.py", "def fetch(text):\n    return text\n")
    project.tests("""
        class Mute(Exception):
            def __str__(self):
                raise AttributeError("text")

        def test_it():
            raise Mute
    """)

    project.run().expect(failed=1, says=["Mute"])
