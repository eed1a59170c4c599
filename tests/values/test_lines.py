"""The grammar of a line of `mimic_functions`: what is read of it, and the one line that says what is wrong."""

from __future__ import annotations

import re

import pytest
from support.face import line

from pytest_mimic import TargetError

# A line: its target, whether it excludes, and its options.
FORMS = {
    "function": ("shop.api:fetch", "shop.api:fetch", False, {}),
    "method": ("shop:Client.fetch", "shop:Client.fetch", False, {}),
    "nested": ("shop:Client.Nested.fetch", "shop:Client.Nested.fetch", False, {}),
    "module": ("shop.api:*", "shop.api:*", False, {}),
    "class": ("shop.api:Client.*", "shop.api:Client.*", False, {}),
    "exclusion": ("!shop.api:helper", "shop.api:helper", True, {}),
    "blanks and a comment": ("  shop.api:fetch   # the slow one", "shop.api:fetch", False, {}),
    "other letters": ("shop.api:größe", "shop.api:größe", False, {}),
    "ignore": ("shop:f ignore=a,b.c,rows.*.id", "shop:f", False, {"ignore": ("a", "b.c", "rows.*.id")}),
    "sequence": ("shop:f sequence", "shop:f", False, {"sequence": True}),
    "sequence yes": ("shop:f sequence=yes", "shop:f", False, {"sequence": True}),
    "sequence no": ("http sequence=no", "http", False, {"sequence": False}),
    "shared": ("http shared", "http", False, {"sequence": False}),
    "mutates": ("shop:f ignore=x.lock mutates=x,self", "shop:f", False, {"ignore": ("x.lock",), "mutates": ("x", "self")}),
    "tolerance": ("shop:f rtol=1e-6 atol=0.5", "shop:f", False, {"rtol": 1e-6, "atol": 0.5}),
    "volatile": ("shop:f volatile=headers.date,body.id", "shop:f", False, {"volatile": ("headers.date", "body.id")}),
    "compare": ("shop:f compare=shape", "shop:f", False, {"compare": "shape"}),
    "patterns": ('http only="GET /users, POST" exclude=*/edit', "http", False, {"only": ("GET /users", "POST"), "exclude": ("*/edit",)}),
    "match": ("httpx match=headers.accept-language", "httpx", False, {"match": ("headers.accept-language",)}),
    "tabs and a comment": ("shop:f\tignore=a  sequence # and why", "shop:f", False, {"ignore": ("a",), "sequence": True}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name", "is_excluded", "options"), FORMS.values(), ids=FORMS
)
def test_every_form_of_a_line_is_read(text, name, is_excluded, options):
    found = line(text)

    assert found is not None
    assert (found.name, found.is_excluded) == (name, is_excluded)
    assert found.options == options


@pytest.mark.parametrize(
    "client",
    "http httpx httpx2 requests aiohttp urllib3 http.client sqlalchemy redis".split(),
)
def test_every_client_is_a_target(client):
    found = line(client)

    assert found is not None
    assert found.name == client


@pytest.mark.parametrize("client", ["grpc", "mcp"])
def test_a_client_of_a_distribution_that_is_not_installed_names_it(client, monkeypatch):
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: ())

    with pytest.raises(
        TargetError, match=f"{client} has a distribution: install pytest-mimic-{client}"
    ):
        line(client)


@pytest.mark.parametrize("text", ["", "   ", "# shop.api:fetch"])
def test_a_comment_is_not_a_target(text):
    assert line(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "http volatile=headers.date,body.id,status",
        "sqlalchemy volatile=rows.*.id",
        "redis volatile=reply.0",
        "shop:f volatile=anything.at",
        "http ignore=host,port,headers,query,body",
        "sqlalchemy ignore=params",
    ],
)
def test_options_of_clients_name_parts_of_their_calls(text):
    found = line(text)

    assert found is not None
    assert found.options.keys() <= {"volatile", "ignore"}


# A wrong line, and words that the one line of the error has.
WRONG = {
    "no colon": ("fetch", ["fetch"]),
    "almost a client": ("httpy", ["httpy", "http"]),
    "dot for a colon": ("shop.api.fetch", ["shop.api.fetch", "shop.api:fetch"]),
    "no function": ("shop:", ["shop:"]),
    "star in the middle": ("shop:*.fetch", ["shop:*.fetch"]),
    "almost an option": ("shop:f ignroe=a", ["shop:f", "ignroe", "ignore"]),
    "no such option": ("shop:f frozen=a", ["shop:f", "frozen"]),
    "ignore of nothing": ("shop:f ignore", ["shop:f", "ignore"]),
    "changed and ignored": ("shop:f ignore=x mutates=x", ["shop:f", "ignore=x.PART"]),
    "path without a step": ("shop:f ignore=a..b", ["shop:f", "a..b"]),
    "negative tolerance": ("shop:f rtol=-1", ["shop:f", "rtol", "-1"]),
    "almost a comparison": ("shop:f compare=shap", ["shop:f", "shap", "shape"]),
    "no truth": ("shop:f sequence=2", ["shop:f", "sequence", "2"]),
    "key in a line": ("shop:f key=str", ["shop:f", "key", "Python"]),
    "twice": ("shop:f rtol=1 rtol=2", ["shop:f", "rtol", "twice"]),
    "options of an exclusion": ("!shop:f sequence", ["!shop:f"]),
    "exclusion of a client": ("!httpx", ["httpx", "exclude"]),
    "filling method": ("shop:Client.__init__", ["shop:Client.__init__", "function that makes the object"]),
    "open quote": ('shop:f only="GET', ["shop:f"]),
    "library": ("openai", ["openai", "http"]),
    "library with options": ("boto3 ignore=headers", ["boto3", "http"]),
    "driver": ("asyncpg", ["asyncpg", "sqlalchemy"]),
    "no part of an answer": ("http volatile=bogus.id", ["http", "bogus"]),
    "almost a part of an answer": ("http volatile=headers.date,bodi", ["bodi", "body"]),
    "no part of a call": ("httpx ignore=hosts", ["httpx", "hosts", "host"]),
    "option of a client": ("shop:f match=headers", ["shop:f", "match"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_line_is_reported_in_one_line(text, words):
    with pytest.raises(TargetError, match=re.escape(words[0])) as caught:
        line(text)

    said = str(caught.value)
    assert [word for word in words if word not in said] == []
    assert len(said.splitlines()) == 1
