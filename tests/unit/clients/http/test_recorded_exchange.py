"""A recorded request by the rules of today is identified as a run would."""

from __future__ import annotations

from pytest_mimic._clients.http.recorded_exchange import (
    redacted_parts,
    redacted_request,
)
from pytest_mimic._core.redact.redactor import Redactor

SECRET = "hunter-4711-zebra"


def test_each_part_loses_what_its_name_hides() -> None:
    parts = {
        "method": "POST",
        "path": "/pay",
        "query": {"motto": SECRET, "page": "2"},
        "format": "form",
        "body": {"motto": SECRET, "n": "1"},
    }
    described = {
        "signature": "POST /pay",
        "url": "http://shop.test/pay",
        "query": parts["query"],
        "body": parts["body"],
        "headers.x-motto": SECRET,
    }

    hidden, shown = redacted_parts(parts, described, Redactor(("motto", "x-motto")))

    assert hidden == {
        **parts,
        "query": {"motto": "<redacted>", "page": "2"},
        "body": {"motto": "<redacted>", "n": "1"},
    }
    assert shown == {
        **described,
        "query": hidden["query"],
        "body": hidden["body"],
        "headers.x-motto": "<redacted>",
    }


def test_a_request_without_a_secret_stays_as_it_is() -> None:
    parts = {"method": "GET", "path": "/users", "query": {"page": "2"}}
    described = {"url": "http://shop.test/users", "query": {"page": "2"}}

    assert redacted_parts(parts, described, Redactor(("motto",))) == (parts, described)


def test_a_stored_request_is_hidden_as_its_text_files_are() -> None:
    """A line of a file counts, in several files of one field as well."""
    line = "HOST=a\nPASSWORD=planted-4711"
    file = {"filename": ".env", "type": "text/plain", "content": line}
    described = {"method": "POST", "url": "/x", "body": {"f": file, "g": [file]}}

    hidden = redacted_request(described, Redactor())

    content = "HOST=a\nPASSWORD=<redacted>"
    assert hidden["body"]["f"] == {**file, "content": content}
    assert hidden["body"]["g"] == [{**file, "content": content}]
    assert redacted_request(hidden, Redactor()) == hidden
