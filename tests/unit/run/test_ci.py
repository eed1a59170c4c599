"""The texts for CI systems, escaped as they read them."""

from __future__ import annotations

from pytest_mimic._run.ci import annotation


def test_an_annotation_is_escaped():
    command = annotation("tests/a,b:100%.py", 7, "50%: a,b\r\n  next")

    place = "file=tests/a%2Cb%3A100%25.py,line=7,title=pytest-mimic"
    assert command == f"::error {place}::50%25: a,b%0D%0A  next"
