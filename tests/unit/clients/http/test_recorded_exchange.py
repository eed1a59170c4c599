"""A recorded request by the rules of today is identified as a run would."""

from __future__ import annotations

from pytest_mimic._clients.http.recorded_exchange import (
    redacted_parts,
    redacted_request,
    redacted_response,
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


def test_a_secret_across_the_chunks_of_a_response_is_hidden() -> None:
    """A reader who stops early leaves chunks, which may cut a secret in two."""
    half = len(SECRET) // 2
    chunks = [f"motto={SECRET[:half]}", f"{SECRET[half:]}\n", "the rest"]
    response = {"status": 200, "headers": [], "body": {"chunks": chunks}}

    hidden = redacted_response(response, Redactor(("motto",)))

    assert "".join(hidden["body"]["chunks"]) == "motto=<redacted>\nthe rest"
    assert redacted_response(hidden, Redactor(("motto",))) == hidden
    assert redacted_response(response, Redactor()) == response


def test_chunks_of_bytes_stay_as_they_are() -> None:
    chunks = [{"base64": "/wA="}, {"base64": "/wE="}]
    response = {"status": 200, "headers": [], "body": {"chunks": chunks}}

    assert redacted_response(response, Redactor(("motto",))) == response
