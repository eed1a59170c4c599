"""Section 7: what a mocking library answers is left alone."""

from __future__ import annotations

import pytest

TEST = """
    import requests, responses

    @responses.activate
    def test_rates():
        responses.get("http://rates.test/eur", body="mocked")
        assert requests.get("http://rates.test/eur").text == "mocked"
        assert len(responses.calls) == 1
"""


def test_what_a_mocking_library_answers_is_left_alone(project):
    """In a recording run nothing of it is kept, and in a replay nothing is missing."""
    pytest.importorskip("responses")
    project.ini("http")
    project.tests(TEST)

    recorded = project.record().expect(passed=1, never=["recorded"])
    project.replay().expect(passed=1, never=["missing"])

    assert recorded.vault == {}
