"""Secret names, and how their values are hidden in data and texts."""

from __future__ import annotations

from json import dumps, loads

import pytest

from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.redact.redactor import Redactor, parse_form
from pytest_mimic._core.redact.secret_values import bare_secret


@pytest.fixture
def redactor() -> Redactor:
    return Redactor()


@pytest.mark.must
def test_plain_data_loses_the_values_of_secret_names(redactor: Redactor) -> None:
    plain = {
        "user": "ann",
        "password": "hunter2",
        "token": None,
        "list": [{"api_key": ["a", "b"], "n": 1}, ["x"]],
        "next": "https://shop.com/items?page=2&access_token=abc",
        "usage": {"prompt_tokens": 3},
    }

    scrubbed = redactor.scrub(plain)

    assert scrubbed == {
        "user": "ann",
        "password": PLACEHOLDER,
        "token": None,
        "list": [{"api_key": PLACEHOLDER, "n": 1}, ["x"]],
        "next": f"https://shop.com/items?page=2&access_token={PLACEHOLDER}",
        "usage": {"prompt_tokens": 3},
    }
    assert plain["password"] == "hunter2"
    assert plain["list"][0]["api_key"] == ["a", "b"]  # type: ignore[index]


@pytest.mark.parametrize(
    "name",
    [
        "session",
        "Session",
        "sessionid",
        "session_id",
        "JSESSIONID",
        "X-Session-Id",
        "PHPSESSID",
    ],
)
def test_a_session_is_a_secret_if_it_is_a_text(redactor: Redactor, name: str) -> None:
    """An object, a mapping or a number of this name means something else."""
    assert redactor.hides(name, "a1b2c3d4e5")
    assert redactor.scrub({name: "a1b2c3d4e5"}) == {name: PLACEHOLDER}
    assert redactor.scrub({name: {"user": "ann", "token": "abc"}}) == {
        name: {"user": "ann", "token": PLACEHOLDER}
    }
    assert redactor.scrub({name: 12, "of": [True]}) == {name: 12, "of": [True]}
    assert Redactor([f"!{name}"]).scrub({name: "a1b2c3d4e5"}) == {name: "a1b2c3d4e5"}
    assert Redactor([name]).scrub({name: 12}) == {name: PLACEHOLDER}


GOOGLE_KEY = "AIza" + "Sy0-_x7" * 5


def test_a_key_is_a_secret_if_it_looks_like_one(redactor: Redactor) -> None:
    """Google's keys have a prefix and a length of their own; other keys are mostly names of things."""
    plain = {
        "key": GOOGLE_KEY,
        "keys": [GOOGLE_KEY],
        "sort": "AIzaleas",
        "k": {"key": "user-1"},
    }

    assert redactor.scrub(plain) == {
        "key": PLACEHOLDER,
        "keys": [PLACEHOLDER],
        "sort": "AIzaleas",
        "k": {"key": "user-1"},
    }


def test_booleans_under_secret_names_are_kept(redactor: Redactor) -> None:
    plain = {
        "auth": True,
        "password": False,
        "secret": {"on": True, "of": [False, "abc"]},
        "token": "true",
    }

    assert redactor.scrub(plain, keep_types=True) == {
        "auth": True,
        "password": False,
        "secret": {"on": True, "of": [False, PLACEHOLDER]},
        "token": PLACEHOLDER,
    }
    assert redactor.scrub({"auth": True, "password": 1}) == {
        "auth": True,
        "password": PLACEHOLDER,
    }


@pytest.mark.parametrize("keep_types", [True, False])
def test_empty_texts_under_secret_names_are_kept(
    redactor: Redactor, keep_types: bool
) -> None:
    """Whether there is a secret at all is no secret."""
    plain = {"password": "", "api_key": b"", "session": "", "token": " "}

    scrubbed = redactor.scrub(plain, keep_types=keep_types)

    assert scrubbed == {
        "password": "",
        "api_key": b"",
        "session": "",
        "token": PLACEHOLDER,
    }
    assert (
        redactor.scrub_data('{"password": "", "n": [""]}')
        == '{"password": "", "n": [""]}'
    )


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        (
            {"api_keys": [{"id": 7, "key": "abc"}]},
            {"api_keys": [{"id": 0, "key": PLACEHOLDER}]},
        ),
        (
            {"name": "password", "value": "abc"},
            {"name": "password", "value": PLACEHOLDER},
        ),
        ({"auth": {"note": f"abc {PLACEHOLDER}"}}, {"auth": {"note": PLACEHOLDER}}),
        (
            [{"value": "abc", "Key": "api_token"}],
            [{"value": PLACEHOLDER, "Key": "api_token"}],
        ),
        (
            {"setting": "password", "value": "abc"},
            {"setting": "password", "value": PLACEHOLDER},
        ),
        (
            {"header": "Authorization", "value": "Bearer abc"},
            {"header": "Authorization", "value": PLACEHOLDER},
        ),
        (
            {"field": "password", "value": "is too short"},
            {"field": "password", "value": "is too short"},
        ),
        ({"name": "Ann", "value": 3}, {"name": "Ann", "value": 3}),
        ({"name": "token_count", "value": 3}, {"name": "token_count", "value": 3}),
        (
            {"args": ["--password", "abc", "-v"]},
            {"args": ["--password", PLACEHOLDER, "-v"]},
        ),
        ({"fields": ["token", "mail"]}, {"fields": ["token", "mail"]}),
        ([["password", "abc"], ["n", "a"]], [["password", PLACEHOLDER], ["n", "a"]]),
        (
            {"form": [["token", ""], ["token", 3]]},
            {"form": [["token", ""], ["token", 0]]},
        ),
        (
            [["password", "abc", "c"], ["a", "b"]],
            [["password", "abc", "c"], ["a", "b"]],
        ),
        (["password", "abc"], ["password", "abc"]),
    ],
)
def test_parts_of_lists_are_secret_by_their_names(
    redactor: Redactor, plain: object, expected: object
) -> None:
    assert redactor.scrub(plain, keep_types=True) == expected
    assert loads(redactor.scrub_data(dumps(plain))) == expected
    assert "abc" not in str(redactor.scrub([plain])) or plain == expected


def test_deep_plain_data_is_scrubbed(redactor: Redactor) -> None:
    deep: list[object] = [{"token": "abc"}]
    for _ in range(50_000):
        deep = [deep]

    inner = redactor.scrub(deep)
    for _ in range(50_000):
        inner = inner[0]

    assert inner == [{"token": PLACEHOLDER}]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.com/a?b=1", "https://shop.com/a?b=1"),
        ("https://shop.com/?token=abc&b=1", "https://shop.com/?token=<redacted>&b=1"),
        (
            "https://shop.com/?b=1&api%5Fkey=abc",
            "https://shop.com/?b=1&api%5Fkey=<redacted>",
        ),
        ("https://shop.com/?token=&token", "https://shop.com/?token=&token"),
        (
            "https://shop.com/cb#access_token=abc&state=1",
            "https://shop.com/cb#access_token=<redacted>&state=1",
        ),
        ("https://shop.com/a#token", "https://shop.com/a#token"),
        (
            "postgresql://ann:pass@db/x?sslmode=on",
            "postgresql://ann:<redacted>@db/x?sslmode=on",
        ),
        ("redis://:pass@cache:6379/0", "redis://:<redacted>@cache:6379/0"),
        ("postgresql://ann@db/x", "postgresql://ann@db/x"),
        ("https://ghp_abc@github.com/a/b", "https://<redacted>@github.com/a/b"),
        ("https://ann:p@ss@shop.com/", "https://ann:<redacted>@shop.com/"),
        ("/items?token=abc", "/items?token=<redacted>"),
        (
            "https://a.com/?next=https://b.com/?token=abc",
            "https://a.com/?next=https://b.com/?token=<redacted>",
        ),
        ("https://a.com/x?mail=ann@shop.com", "https://a.com/x?mail=ann@shop.com"),
        (
            f"https://maps.test/?key={GOOGLE_KEY}&q=a",
            "https://maps.test/?key=<redacted>&q=a",
        ),
        (
            "https://maps.test/?key=user-1&session=abc",
            "https://maps.test/?key=user-1&session=<redacted>",
        ),
        (
            "https://a.test/blob?sv=2022&sig=ab%2Bc%3D&se=1",
            "https://a.test/blob?sv=2022&sig=<redacted>&se=1",
        ),
        (
            "https://a.test/b;jsessionid=0A1B/c;v=2?d=1",
            "https://a.test/b;jsessionid=<redacted>/c;v=2?d=1",
        ),
        (
            "/in?auth=true&remember_token=False&password=abc",
            "/in?auth=true&remember_token=False&password=<redacted>",
        ),
    ],
)
def test_urls_lose_their_secrets(redactor: Redactor, url: str, expected: str) -> None:
    assert redactor.scrub_url(url) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Accept", "text/html", "text/html"),
        ("Authorization", "Bearer abc", "<redacted>"),
        ("X-Api-Key", "abc", "<redacted>"),
        (
            "Cookie",
            "sid=abc; theme=dark; flag",
            "sid=<redacted>; theme=<redacted>; flag",
        ),
        ("Cookie", "sid=", "sid="),
        (
            "Set-Cookie",
            "sid=abc; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Path=/; HttpOnly",
            "sid=<redacted>; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Path=/; HttpOnly",
        ),
        (
            "set-cookie",
            "a=1; Path=/, b=2; Secure",
            "a=<redacted>; Path=/, b=<redacted>; Secure",
        ),
        (
            "Location",
            "https://shop.com/cb?token=abc",
            "https://shop.com/cb?token=<redacted>",
        ),
        (
            "Link",
            "<https://a.com/?token=abc&page=2>; rel=next",
            "<https://a.com/?token=<redacted>&page=2>; rel=next",
        ),
        (
            "Link",
            "</?token=abc&page=2>; rel=next",
            "</?token=<redacted>&page=2>; rel=next",
        ),
        ("X-Mirror", "https://ann:abc@a.com/", "https://ann:<redacted>@a.com/"),
        ("Refresh", "0; url=/in?token=abc", "0; url=/in?token=<redacted>"),
        (
            "WWW-Authenticate",
            'Digest realm="a b", nonce="n1", qop="auth,auth-int", session_token="abc", stale=false',
            'Digest realm="a b", nonce="n1", qop="auth,auth-int", session_token="<redacted>", stale=false',
        ),
        ("Content-Type", "text/html; charset=utf-8", "text/html; charset=utf-8"),
        ("X-Session-Id", "abc", "<redacted>"),
        ("X-Auth", "true", "true"),
        ("Access-Control-Allow-Credentials", "true", "true"),
        (
            "Signature-Input",
            'a=("@method");created=1;keyid="k"',
            'a=("@method");created=1;keyid="k"',
        ),
        ("Signature", "a=:abc=:", "<redacted>"),
    ],
)
def test_headers_lose_their_secrets(
    redactor: Redactor, name: str, value: str, expected: str
) -> None:
    assert redactor.scrub_header(name, value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host=db password=hunter2 user=ann", "host=db password=<redacted> user=ann"),
        ('{"token": "a\\"b", "n": 1}', '{"token": "<redacted>", "n": 1}'),
        (
            r'{"body": "{\"token\": \"abc\", \"n\": 1}"}',
            r'{"body": "{\"token\": \"<redacted>\", \"n\": 1}"}',
        ),
        ("{'token': 'abc'}", "{'token': '<redacted>'}"),
        (
            "Authorization: Bearer abc.def, Accept: x",
            "Authorization: <redacted>, Accept: x",
        ),
        ("password=None token: null", "password=None token: null"),
        ("auth=True token: false pwd=Trueman", "auth=True token: false pwd=<redacted>"),
        (f"403 for {GOOGLE_KEY}: denied", "403 for <redacted>: denied"),
        (
            "cannot open https://ann:pw@shop.com/ now",
            "cannot open https://ann:<redacted>@shop.com/ now",
        ),
        ("url=x;token=abc a=token=abc", "url=x;token=<redacted> a=token=<redacted>"),
        ("token=<redacted>", "token=<redacted>"),
        ("f(token=p(s<s>w0rd])", "f(token=<redacted>])"),
        ("max_tokens=5 tokens: 3", "max_tokens=5 tokens: 3"),
        ('unfinished "token": "abc', 'unfinished "token": "<redacted>"'),
        ("the password is wrong", "the password is wrong"),
        (
            "curl --token=abc -p=1 --api-key abc",
            "curl --token=<redacted> -p=1 --api-key <redacted>",
        ),
        (
            "--password  'a b' -token abc --user ann",
            "--password  '<redacted>' -token <redacted> --user ann",
        ),
        ("--token --verbose --token", "--token --verbose --token"),
        ("--max-tokens 5 --password None", "--max-tokens 5 --password None"),
        ("--client-secret=abc", "--client-secret=<redacted>"),
        (
            "{'name': 'password', 'value': 'ab', 'n': 1}",
            "{'name': 'password', 'value': '<redacted>', 'n': 1}",
        ),
        (
            r"{\"key\": \"api_token\", \"value\": \"ab\"}",
            r"{\"key\": \"api_token\", \"value\": \"<redacted>\"}",
        ),
        (
            '{"value": "ab", "name": "password"}',
            '{"value": "<redacted>", "name": "password"}',
        ),
        ('{"name": "Ann", "value": "ab"}', '{"name": "Ann", "value": "ab"}'),
        (
            '{"password": ["ab", {"a": "b"}], "n": 1}',
            '{"password": ["<redacted>", {"a": "<redacted>"}], "n": 1}',
        ),
        ("auth=('ann', 'a)b') n=1", "auth=<redacted> n=1"),
        ("token={'a': ['b']} auth=[] n=(1)", "token=<redacted> auth=[] n=(1)"),
        ("unfinished auth=('ann', 'ab", "unfinished auth=<redacted>"),
    ],
)
def test_free_text_loses_the_values_after_secret_names(
    redactor: Redactor, text: str, expected: str
) -> None:
    assert redactor.scrub_text(text) == expected


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        (
            "mutation($p: String!, $n: String) { in(password: $p, name: $n) { id } }",
            {"p": "abc", "n": "ann"},
            {"p": PLACEHOLDER, "n": "ann"},
        ),
        ("{ in(by: {token:$t}) }", {"t": ["abc"]}, {"t": PLACEHOLDER}),
        ("{ in(by: $by) }", {"by": {"pin": "1", "a": 2}}, {"by": {"pin": PLACEHOLDER, "a": 2}}),
        ("{ in(token: $t) log(note: $t) }", {"t": "abc"}, {"t": PLACEHOLDER}),
        ("{ in(token: token) }", {"t": "abc"}, {"t": "abc"}),
        (None, {"p": "abc"}, {"p": "abc"}),
    ],
)  # fmt: skip
def test_a_variable_of_graphql_is_as_secret_as_its_argument(
    redactor: Redactor, query: str | None, variables: object, expected: object
) -> None:
    body = {"query": query, "variables": variables}

    assert redactor.scrub([body]) == [{"query": query, "variables": expected}]


def test_a_repeated_field_of_a_form_is_a_list() -> None:
    assert parse_form("a=1&b=2&b=3&c=") == {"a": "1", "b": ["2", "3"], "c": ""}


def test_names_of_the_configuration_can_be_asked_for_alone() -> None:
    declared = Redactor(["ssn", "!token"]).of_configuration

    assert declared.scrub({"ssn": "1", "token": "2", "password": "3"}) == {
        "ssn": PLACEHOLDER,
        "token": "2",
        "password": "3",
    }


@pytest.mark.parametrize(
    "value", ["Bearer s3cr3t-token", "bearer s3cr3t-token", "s3cr3t-token"]
)
def test_the_scheme_before_a_secret_is_removed(value):
    assert bare_secret(value) == "s3cr3t-token"
