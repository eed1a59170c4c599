"""What a call shows in one place is hidden in all others."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from html import escape
from json import dumps
from urllib.parse import quote, quote_plus

import pytest

from pytest_mimic._core.engine.owners import SecretScope
from pytest_mimic._core.placeholders import plain_placeholders
from pytest_mimic._core.redact.known_secrets import known_in
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.call_secrets import Secrets, holds_placeholder

SECRET = "hunter2-4711-abcd"
URL = "https://api.shop.test/"


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(Redactor())


ODD = "p/ü=4711&'\"<x> ~?~"


@pytest.mark.parametrize(
    "written",
    [
        quote(ODD),
        quote_plus(ODD),
        re.sub("%..", lambda code: code[0].lower(), quote(ODD, safe="")),
        escape(ODD),
        escape(ODD).replace("&#x27;", "&#39;"),
        dumps(ODD)[1:-1],
        dumps(ODD, ensure_ascii=False)[1:-1],
        dumps(ODD)[1:-1].replace("/", r"\/"),
        b64encode(ODD.encode()).decode(),
        urlsafe_b64encode(ODD.encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_hidden_in_the_form_in_which_it_is_echoed(secrets, written):
    secrets.learn({"password": ODD})

    assert secrets.text(f"it is {written}.") == "it is <redacted>."


@pytest.mark.parametrize(
    "header",
    [f"Bearer {SECRET}", "Basic " + b64encode(f"ann:{SECRET}".encode()).decode()],
)
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_a_whole_header_is_hidden_where_a_server_echoes_it_as_base64(
    secrets, header, encode
):
    secrets.learn_headers([("Authorization", header)])

    assert secrets.text(f"got {encode(header.encode()).decode()}") == "got <redacted>"


def test_a_secret_beside_its_name_is_learned_in_headers_and_fields_that_are_lists(
    secrets,
):
    secrets.learn(
        {
            "headers": [["X-Api-Key", SECRET]],
            "fields": [{"name": "password", "value": SECRET[::-1]}],
        }
    )

    assert (
        secrets.text(f"it is {SECRET}, {SECRET[::-1]}")
        == "it is <redacted>, <redacted>"
    )


@pytest.mark.parametrize("before", ["%20", r"\n", r"\u003d", "&gt;"])
def test_an_escaped_character_before_a_secret_is_no_part_of_it(secrets, before):
    secrets.learn({"password": SECRET})

    assert secrets.text(f"it is{before}{SECRET}") == f"it is{before}<redacted>"


def test_common_words_are_not_taken_for_secrets(secrets):
    secrets.learn({"password": "darkmodes"})

    assert secrets.text("it is darkmodes") == "it is darkmodes"


def test_each_line_of_a_text_may_be_a_form() -> None:
    text = Secrets(Redactor()).text("apikey=short\nlanguage=en\n")

    assert text == "apikey=<redacted>\nlanguage=en\n"


def test_the_place_that_a_redirect_leads_to_has_no_secret(secrets):
    assert SECRET not in secrets.header("Location", f"{URL}?token={SECRET}")


TOKEN = "<redacted:1a2b3c4d>"
PIN = "190909012345678"


def basic(credentials: str) -> list[tuple[str, str]]:
    """Return the headers of a request with basic authentication."""
    return [("Authorization", "Basic " + b64encode(credentials.encode()).decode())]


@pytest.mark.parametrize(
    ("url", "headers", "body"),
    [
        (f"{URL}?token=<redacted>", [], b""),
        (f"{URL}users/%3Credacted%3E", [], b""),
        (f"{URL}users/{PIN}", [], b""),
        (URL, [("X-Pin", PIN)], b""),
        (URL, [("Cookie", "token=%3Credacted%3E")], b""),
        (URL, basic("ann:<redacted>"), b""),
        (URL, basic(f"ann:{PIN}"), b""),
        (URL, basic(f"{TOKEN}:x-oauth-basic"), b""),
        (URL, [], dumps({"token": TOKEN}).encode()),
        (URL, [], f"token={quote(TOKEN)}&a=1".encode()),
        (URL, [], b"\xff\x0f" + TOKEN.encode()),
        (URL, [], dumps({"pin": int(PIN)}).encode()),
        (URL, [], f"pin={PIN}".encode()),
    ],
    ids=[
        "query",
        "path",
        "number in a path",
        "number in a header",
        "cookie",
        "password",
        "number as a password",
        "user name",
        "JSON",
        "form",
        "bytes",
        "number in JSON",
        "number in a form",
    ],
)
def test_a_placeholder_is_found_wherever_a_request_has_it(url, headers, body):
    assert holds_placeholder(url, headers, body)


def test_a_request_of_ordinary_texts_has_no_placeholder():
    """In a body, `<redacted>` may be a word of the application."""
    headers = [("Authorization", "Basic ?"), ("Range", "bytes=1909090-19090909")]

    assert not holds_placeholder(URL, headers, b"this was <redacted> in 1909090")


@pytest.mark.parametrize(
    "link",
    [
        "<p><a href='{}'>go</a> {}</p>",
        "<p>Open https://shop.test{} or type {}</p>",
        "Open https://shop.test{} or type {}",
    ],
)
def test_a_secret_in_a_link_of_an_answer_is_hidden_elsewhere(link: str) -> None:
    known = known_in(SecretScope())
    secrets = Secrets(Redactor(), (), known)
    secrets.begin_answer(known.begin("http", "a1b2"))

    answer = secrets.text(link.format(f"/confirm?a=1&token={SECRET}", SECRET))

    later = Secrets(Redactor(), (), known)
    placeholder = later.path(f"/users/{SECRET}").removeprefix("/users/")
    assert placeholder.startswith("<redacted:")
    assert SECRET not in answer
    assert plain_placeholders(answer).count(placeholder) == 2


def test_a_link_that_runs_a_script_keeps_its_bracket() -> None:
    known = known_in(SecretScope())
    secrets = Secrets(Redactor(), (), known)
    secrets.begin_answer(known.begin("http", "a1b2"))

    answer = secrets.text(f"<a href='javascript:open(?token={SECRET})'>go</a>")

    assert SECRET not in answer
    assert answer.endswith("&gt;)'>go</a>")


@pytest.mark.parametrize("token", [SECRET, f"a/{SECRET}"])
@pytest.mark.parametrize(
    "encode",
    [
        quote_plus,
        lambda text: quote(text, safe=""),
        lambda text: b64encode(text.encode()).decode(),
        lambda text: urlsafe_b64encode(text.encode()).decode().rstrip("="),
    ],
    ids=["form", "URL", "base64", "base64 of URLs"],
)
def test_an_issued_secret_that_a_request_encodes_is_the_same_in_a_replay(
    token: str, encode: Callable[[str], str]
) -> None:
    known = known_in(SecretScope())
    answer = Secrets(Redactor(), (), known)
    answer.begin_answer(known.begin("http", "a1b2"))
    placeholder = answer.scrub({"token": token})["token"]

    def request(sent: str) -> list[object]:
        secrets = Secrets(Redactor(), (), known)
        return [
            secrets.scrub({"note": f"use {encode(sent)}", "key": encode(sent)}),
            secrets.text(f"use {encode(sent)} now"),
            secrets.header("X-Note", encode(sent)),
            secrets.scrub({"password": encode(sent)}),
        ]

    assert request(token) == request(placeholder)
    assert request(token)[1] == f"use {placeholder} now"
    assert holds_placeholder("", [], f"use {encode(placeholder)}".encode())
