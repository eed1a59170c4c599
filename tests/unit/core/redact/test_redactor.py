"""Secret names, and how their values are hidden in data and texts."""

from __future__ import annotations

import re
from base64 import b64encode
from json import dumps, loads
from typing import Any

import pytest

from pytest_mimic._core.redact.redactor import Redactor, bare_secret
from pytest_mimic._core.redact.secret_names import PLACEHOLDER, holds_text, read_names
from pytest_mimic._core.redact.secret_values import Environment, hide_values, with_secrets


@pytest.fixture
def redactor() -> Redactor:
    return Redactor()


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "passwd", "pwd", "db_password", "password1", "new-password", "passwordHash",
        "secret", "client_secret", "clientSecret", "AWS_SECRET_ACCESS_KEY", "_secret_value", "secrets",
        "token", "access_token", "accessToken", "idToken", "x_auth_token", "X-Amz-Security-Token", "token_value",
        "apikey", "apiKey", "APIKey", "api-key", "openai_api_key", "X-API-Key", "X_api_keys",
        "authorization", "Authorization", "Proxy-Authorization", "auth", "basic_auth", b"Authorization",
        "cookie", "Set-Cookie", "cookies", "private_key", "privateKeyPem", "credential", "aws_credentials",
        "csrf", "csrftoken", "csrfmiddlewaretoken", "X-CSRFToken", "X-XSRF-TOKEN", "signature", "X-Amz-Signature",
        "user_password_for_db", "code_verifier", "client_assertion", "dsn", "sentry_dsn", "SENTRY_DSN",
        "connection_string", "ConnectionString", "webhook_url", "slackWebhookUrl", "license_key", "licenceKey",
        "subscription_key", "Ocp-Apim-Subscription-Key", "service_key", "service_role_key", "SUPABASE_SERVICE_ROLE_KEY", "AWSAccessKeyId", "aws_access_key_id",
        "sig", "webhook_sig", "psk", "wifi_psk", "otp", "email_otp", "otp_code", "cvv", "card_cvv", "cvv2", "cvc", "pin", "PIN",
        "card_pin", "this_is_my_password", "password_input", "accept_token",
    ],
)  # fmt: skip
def test_secret_names_match_in_any_spelling(redactor: Redactor, name: object) -> None:
    assert redactor.secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "tokens", "max_tokens", "maxTokens", "prompt_tokens", "completion_tokens", "token_count", "tokenizer",
        "token_ids", "token_count_1", "token_type", "tokenType", "eos_token", "next_page_token", "nextPageToken", "page_token",
        "author", "authors", "authority", "authorization_url", "auth_method", "secretary", "secret_name",
        "password_policy", "cookie_jar", "signature_version", "key", "name", "user", "", "base", "day",
        "Access-Control-Allow-Credentials", "allow_credentials", "accept_cookies", "cookie_consent", "requires_auth",
        "X-Requires-Auth", "requires_client_secret", "has_password", "is_token_valid", "Signature-Input", "Accept-Signature",
        "cookies_accepted", "cookieBanner", "token_created", "auth_options", "cookie_domain", "client_assertion_type",
        "pin_code", "pinned", "map_pin", "pin_count", "spin", "opinion", "mapping", "sig_figs", "design", "psk_identity",
        "otp_length", "cvv_check", "dsn_host", "sort_key", "primary_key", "foreign_key", "cache_key", "service_keys_count",
        "with_credentials", "withCredentials", "secret_santa", "SecretSantas", "password_hint", "passwordHints",
        "cursor_token", "cursorToken", "resume_token", "resumeToken",
        "code", "verifier", "assertion", "webhook", "connection", "license", "subscription",
        "session", "session_id", "JSESSIONID", "session_count", "sessions", "session_name",
        None, 3, ("token",), "token" * 100,
    ],
)  # fmt: skip
def test_names_that_only_resemble_secret_ones_are_public(redactor: Redactor, name: object) -> None:
    """Such as the token counts of a language model, paging, and names that describe a secret."""
    assert not redactor.secret(name)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("patient_id", ["patient_id"]),
        ("  ssn  ", ["ssn"]),
        ("customer, account,!token", ["customer", "account", "!token"]),
        ("!password\t!X-Api-Key  user.pin", ["!password", "!X-Api-Key", "user.pin"]),
        ("customer # of the shop, not ours", ["customer"]),
        ("!sha256:1a2b3c4d  # an example", ["!sha256:1a2b3c4d"]),
        ("# customer", []),
        (" , ", []),
        ("", []),
    ],
)
def test_a_line_contains_names(line: str, names: list[str]) -> None:
    assert read_names(line) == names


@pytest.mark.parametrize(
    "name",
    [
        "cust*",
        "!cust*",
        "!",
        "--",
        "'pin'",
        "pin?",
        "a/b",
        "[pin]",
        "!!pin",
        "_",
        "sha256:1a2b3c4d",
    ],
)
def test_a_name_that_matches_nothing_is_refused(name: str) -> None:
    """It would silently redact nothing."""
    with pytest.raises(ValueError, match=re.escape(f"{name} is not a name")):
        read_names(f"token {name}")


@pytest.mark.parametrize("mark", ["!sha256:1a2", "!sha256:zz", "!sha256:1a2b3c4d5e"])
def test_the_mark_of_a_text_has_eight_digits(mark: str) -> None:
    with pytest.raises(ValueError, match="or !sha256: and eight digits"):
        read_names(mark)


def test_names_can_be_added() -> None:
    redactor = Redactor(["patient_id", "ssn"])
    names = ("patientId", "old-patient-id", "patient_id_1", "SSN", "token")

    assert all(redactor.secret(name) for name in names)


def test_an_exclamation_mark_removes_a_name() -> None:
    redactor = Redactor(["!cookie", "!csrf_token"])

    assert not redactor.secret("Cookie")
    assert not redactor.secret("csrfToken")
    assert redactor.secret("set-cookie")
    assert redactor.secret("token")


def test_a_later_name_wins() -> None:
    assert Redactor(["!token", "token"]).secret("token")
    assert not Redactor(["mine", "!mine"]).secret("mine")


def test_numbers_are_no_secret_names_unless_the_user_says_so() -> None:
    assert not Redactor().secret("4711")
    assert Redactor(["4711"]).secret("4711")
    assert not Redactor(["4711"]).secret("4712")


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
    "name", ["session", "Session", "sessionid", "session_id", "JSESSIONID", "X-Session-Id", "PHPSESSID"]
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
    plain = {"key": GOOGLE_KEY, "keys": [GOOGLE_KEY], "sort": "AIzaleas", "k": {"key": "user-1"}}

    assert redactor.scrub(plain) == {
        "key": PLACEHOLDER,
        "keys": [PLACEHOLDER],
        "sort": "AIzaleas",
        "k": {"key": "user-1"},
    }


def test_booleans_under_secret_names_are_kept(redactor: Redactor) -> None:
    plain = {"auth": True, "password": False, "secret": {"on": True, "of": [False, "abc"]}, "token": "true"}

    assert redactor.scrub(plain, keep_types=True) == {
        "auth": True,
        "password": False,
        "secret": {"on": True, "of": [False, PLACEHOLDER]},
        "token": PLACEHOLDER,
    }
    assert redactor.scrub({"auth": True, "password": 1}) == {"auth": True, "password": PLACEHOLDER}


@pytest.mark.parametrize("keep_types", [True, False])
def test_empty_texts_under_secret_names_are_kept(redactor: Redactor, keep_types: bool) -> None:
    """Whether there is a secret at all is no secret."""
    plain = {"password": "", "api_key": b"", "session": "", "token": " "}

    scrubbed = redactor.scrub(plain, keep_types=keep_types)

    assert scrubbed == {"password": "", "api_key": b"", "session": "", "token": PLACEHOLDER}
    assert redactor.scrub_data('{"password": "", "n": [""]}') == '{"password": "", "n": [""]}'


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ({"api_keys": [{"id": 7, "key": "abc"}]}, {"api_keys": [{"id": 0, "key": PLACEHOLDER}]}),
        ({"name": "password", "value": "abc"}, {"name": "password", "value": PLACEHOLDER}),
        ([{"value": "abc", "Key": "api_token"}], [{"value": PLACEHOLDER, "Key": "api_token"}]),
        ({"name": "Ann", "value": 3}, {"name": "Ann", "value": 3}),
        ({"name": "token_count", "value": 3}, {"name": "token_count", "value": 3}),
        ({"args": ["--password", "abc", "-v"]}, {"args": ["--password", PLACEHOLDER, "-v"]}),
        ({"fields": ["token", "mail"]}, {"fields": ["token", "mail"]}),
        ([["password", "abc"], ["n", "a"]], [["password", PLACEHOLDER], ["n", "a"]]),
        ({"form": [["token", ""], ["token", 3]]}, {"form": [["token", ""], ["token", 0]]}),
        ([["password", "abc", "c"], ["a", "b"]], [["password", "abc", "c"], ["a", "b"]]),
        (["password", "abc"], ["password", "abc"]),
    ],
)
def test_parts_of_lists_are_secret_by_their_names(
    redactor: Redactor, plain: object, expected: object
) -> None:
    assert redactor.scrub(plain, keep_types=True) == expected
    assert loads(redactor.scrub_data(dumps(plain))) == expected
    assert "abc" not in str(redactor.scrub([plain])) or plain == expected


def test_commands_and_rows_that_clients_store_have_names() -> None:
    plain = {
        "commands": [["HSET", "user:1", "password", "abc", "name", "Ann"]],
        "columns": [["id", "INT"], ["api_key", "TEXT"]],
        "rows": [[1, "abc"], [2, None]],
    }

    scrubbed = Redactor().scrub(plain, stored=True)

    assert holds_text(plain, Redactor())
    assert not holds_text(scrubbed, Redactor())
    assert scrubbed["commands"] == [["HSET", "user:1", "password", PLACEHOLDER, "name", "Ann"]]
    assert scrubbed["rows"] == [[1, PLACEHOLDER], [2, None]]


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
        ("https://shop.com/?b=1&api%5Fkey=abc", "https://shop.com/?b=1&api%5Fkey=<redacted>"),
        ("https://shop.com/?token=&token", "https://shop.com/?token=&token"),
        (
            "https://shop.com/cb#access_token=abc&state=1",
            "https://shop.com/cb#access_token=<redacted>&state=1",
        ),
        ("https://shop.com/a#token", "https://shop.com/a#token"),
        ("postgresql://ann:pass@db/x?sslmode=on", "postgresql://ann:<redacted>@db/x?sslmode=on"),
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
        (f"https://maps.test/?key={GOOGLE_KEY}&q=a", "https://maps.test/?key=<redacted>&q=a"),
        ("https://maps.test/?key=user-1&session=abc", "https://maps.test/?key=user-1&session=<redacted>"),
        ("https://a.test/blob?sv=2022&sig=ab%2Bc%3D&se=1", "https://a.test/blob?sv=2022&sig=<redacted>&se=1"),
        ("https://a.test/b;jsessionid=0A1B/c;v=2?d=1", "https://a.test/b;jsessionid=<redacted>/c;v=2?d=1"),
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
        ("Cookie", "sid=abc; theme=dark; flag", "sid=<redacted>; theme=<redacted>; flag"),
        ("Cookie", "sid=", "sid="),
        (
            "Set-Cookie",
            "sid=abc; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Path=/; HttpOnly",
            "sid=<redacted>; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Path=/; HttpOnly",
        ),
        ("set-cookie", "a=1; Path=/, b=2; Secure", "a=<redacted>; Path=/, b=<redacted>; Secure"),
        ("Location", "https://shop.com/cb?token=abc", "https://shop.com/cb?token=<redacted>"),
        (
            "Link",
            "<https://a.com/?token=abc&page=2>; rel=next",
            "<https://a.com/?token=<redacted>&page=2>; rel=next",
        ),
        ("Link", "</?token=abc&page=2>; rel=next", "</?token=<redacted>&page=2>; rel=next"),
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
        ("Signature-Input", 'a=("@method");created=1;keyid="k"', 'a=("@method");created=1;keyid="k"'),
        ("Signature", "a=:abc=:", "<redacted>"),
    ],
)
def test_headers_lose_their_secrets(redactor: Redactor, name: str, value: str, expected: str) -> None:
    assert redactor.scrub_header(name, value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host=db password=hunter2 user=ann", "host=db password=<redacted> user=ann"),
        ('{"token": "a\\"b", "n": 1}', '{"token": "<redacted>", "n": 1}'),
        (r'{"body": "{\"token\": \"abc\", \"n\": 1}"}', r'{"body": "{\"token\": \"<redacted>\", \"n\": 1}"}'),
        ("{'token': 'abc'}", "{'token': '<redacted>'}"),
        ("Authorization: Bearer abc.def, Accept: x", "Authorization: <redacted>, Accept: x"),
        ("password=None token: null", "password=None token: null"),
        ("auth=True token: false pwd=Trueman", "auth=True token: false pwd=<redacted>"),
        (f"403 for {GOOGLE_KEY}: denied", "403 for <redacted>: denied"),
        ("cannot open https://ann:pw@shop.com/ now", "cannot open https://ann:<redacted>@shop.com/ now"),
        ("url=x;token=abc a=token=abc", "url=x;token=<redacted> a=token=<redacted>"),
        ("token=<redacted>", "token=<redacted>"),
        ("f(token=p(s<s>w0rd])", "f(token=<redacted>])"),
        ("max_tokens=5 tokens: 3", "max_tokens=5 tokens: 3"),
        ('unfinished "token": "abc', 'unfinished "token": "<redacted>"'),
        ("the password is wrong", "the password is wrong"),
        ("curl --token=abc -p=1 --api-key abc", "curl --token=<redacted> -p=1 --api-key <redacted>"),
        ("--password  'a b' -token abc --user ann", "--password  '<redacted>' -token <redacted> --user ann"),
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
        ('{"value": "ab", "name": "password"}', '{"value": "<redacted>", "name": "password"}'),
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
def test_free_text_loses_the_values_after_secret_names(redactor: Redactor, text: str, expected: str) -> None:
    assert redactor.scrub_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/users?token=abc&page=2", "/users?token=<redacted>&page=2"),
        ("users/1#access_token=abc", "users/1#access_token=<redacted>"),
        ("?token=<redacted>&api_key=abc", "?token=<redacted>&api_key=<redacted>"),
        ("password=abc", "password=<redacted>"),
        ("a=1&password=a=b&next=/x?y=1", "a=1&password=<redacted>&next=/x?y=1"),
        ("token=<redacted>&password=<abc>", "token=<redacted>&password=<redacted>"),
        ('{"password":"abc", "n":1.50}', '{"password":"<redacted>", "n":1.50}'),
        (
            '{"auth": {"id": 7, "of": ["a", null, true, 1e3]}, "user": ["ö", "\\u00f6"]}',
            '{"auth": {"id": 0, "of": ["<redacted>", null, true, 0.0]}, "user": ["ö", "\\u00f6"]}',
        ),
        ('{"got": "{\\"token\\": \\"abc\\"}"}', '{"got": "{\\"token\\": \\"<redacted>\\"}"}'),
        (
            '[{"token": "a\\"]}"}, {"a": NaN, "a": "token"}]',
            '[{"token": "<redacted>"}, {"a": NaN, "a": "token"}]',
        ),
        ('{"to": ["/x?token=abc"]}', '{"to": ["/x?token=<redacted>"]}'),
        (
            '{"session": "abc", "sessionid": {"session": 1, "n": "a"}, "auth": [true, "x"], "session": ["y"]}',
            '{"session": "<redacted>", "sessionid": {"session": 1, "n": "a"}, "auth": [true, "<redacted>"], "session": ["y"]}',
        ),
        (f'{{"key": "{GOOGLE_KEY}", "of": ["key", 1]}}', '{"key": "<redacted>", "of": ["key", 1]}'),
        ('cb({"token": "abc"});', 'cb({"token": "<redacted>"});'),
        ('/**/ my.shop_1([{"token": "abc"}])\n', '/**/ my.shop_1([{"token": "<redacted>"}])\n'),
        ('cb({"token": "abc"}, 1);', 'cb({"token": "abc"}, 1);'),
        ("see https://shop.com/?token=abc now", "see https://shop.com/?token=<redacted> now"),
        (
            'mutation In($password: String!) { in(by: {name: "Ann", password: "a\\"b"}, token : """c\n""") {token} }',
            "mutation In($password: String!) "
            '{ in(by: {name: "Ann", password: "<redacted>"}, token : """<redacted>""") {token} }',
        ),
        ('{in(password: "ab", token: $token)}', '{in(password: "<redacted>", token: $token)}'),
        ('query the password: "ab"', 'query the password: "ab"'),
        (
            '<?xml version="1.0"?><s:in api-key="abc" id="1"><s:token type="a">abc</s:token><token/></s:in>',
            '<?xml version="1.0"?><s:in api-key="&lt;redacted&gt;" id="1">'
            '<s:token type="a">&lt;redacted&gt;</s:token><token/></s:in>',
        ),
        (
            "<a token='abc' to='https://x.test/?token=abc'><token><![CDATA[a>b]]></token><b>c</b></a>",
            "<a token='&lt;redacted&gt;' to='https://x.test/?token=&lt;redacted&gt;'>"
            "<token>&lt;redacted&gt;</token><b>c</b></a>",
        ),
        (
            "<form><input type='hidden' name='csrf_token' value='a b'><input value=\"ab\" name=\"pin\"/><i name='token'>",
            "<form><input type='hidden' name='csrf_token' value='&lt;redacted&gt;'>"
            '<input value="&lt;redacted&gt;" name="pin"/><i name=\'token\'>',
        ),
        ("<input name='user' value='a'>", "<input name='user' value='a'>"),
        ("<redacted> and <redacted>", "<redacted> and <redacted>"),
        ("token = get_token(a)", "token = get_token(a)"),
        ("[INFO] token=abc", "[INFO] token=abc"),
        ("password=abc def", "password=abc def"),
        ("what?", "what?"),
    ],
)
def test_texts_that_are_data_lose_their_secrets(redactor: Redactor, text: str, expected: str) -> None:
    assert redactor.scrub_data(text) == expected
    assert redactor.scrub_data(expected) == expected
    assert redactor.scrub({"a": [text]}) == {"a": [expected]}


@pytest.mark.parametrize(
    "text",
    [
        "=" * 200_000,
        "a=" * 100_000 + " ",
        '{"a' * 50_000,
        '["' * 50_000,
        "--a " * 50_000,
        "?=" * 100_000 + " ",
        "<a " * 50_000,
        "<a a=" * 50_000,
        "<a" + " name='a'" * 20_000,
        "<a><![CDATA[" * 20_000,
        'query { a:"""' * 20_000,
    ],
)
def test_texts_are_scrubbed_in_linear_time(redactor: Redactor, text: str) -> None:
    """A pattern that backtracks would take minutes."""
    assert redactor.scrub_data(text) == redactor.scrub_text(text) == text


def test_known_secrets_are_hidden_anywhere() -> None:
    """Very short values would hide too much."""
    text = "hunter2 and hunter2x, (hunter2), a1"

    assert hide_values(text, ["hunter2", "a1"]) == "<redacted> and hunter2x, (<redacted>), a1"
    assert hide_values("abcd-efgh abcd", ["abcd", "abcd-efgh"]) == "<redacted> <redacted>"


@pytest.mark.parametrize("value", ["Bearer s3cr3t-token", "bearer s3cr3t-token", "s3cr3t-token"])
def test_the_scheme_before_a_secret_is_removed(value):
    assert bare_secret(value) == "s3cr3t-token"


# -- putting secrets back while a call is verified

P = PLACEHOLDER
# The recording, the real outcome without secrets, the real outcome, and what the application gets.
CASES: dict[str, tuple[Any, Any, Any, Any]] = {
    "text": (P, P, "s1", "s1"),
    "within a text": (f"id=1&key={P}", f"id=2&key={P}", "id=2&key=s1", "id=2&key=s1"),
    "several in a text": (f"{P}:{P}@a", f"{P}:{P}@b", "ann:s1@b", "ann:s1@b"),
    "text without a secret": ("a", f"a{P}", "as1", "a"),
    "text whose secret is gone": (f"a {P}", "b", "b", f"a {P}"),
    "number": (0, 0, 4711, 4711),
    "number that is no secret": (3, 4, 4, 3),
    "number of another type": (0, False, True, 0),
    "dict": ({"key": P, "n": 1}, {"key": P, "n": 2}, {"key": "s1", "n": 2}, {"key": "s1", "n": 1}),
    "key that is gone": ({"key": P, "n": 1}, {"n": 1}, {"n": 1}, {"key": P, "n": 1}),
    "kind that has changed": ({"key": P}, [P], ["s1"], {"key": P}),
    "list": ([1, {"key": P}], [1, {"key": P}], [1, {"key": "s1"}], [1, {"key": "s1"}]),
    "longer list": ([0, {"key": P}], [0], [0], [0, {"key": P}]),
    "list that redaction made shorter": ([0, P], [0], [0, "s1"], [0, P]),
    "headers in another order": (
        [["Date", "1"], ["X-Key", P], ["x-key", P]],
        [["X-Key", P], ["X-Key", P], ["Date", "2"]],
        [["X-Key", "s1"], ["X-Key", "s2"], ["Date", "2"]],
        [["Date", "1"], ["X-Key", "s1"], ["x-key", "s2"]],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("recorded", "hidden", "real", "expected"), CASES.values(), ids=CASES)
def test_recorded_data_gets_the_secrets_at_their_places(recorded, hidden, real, expected):
    found = with_secrets(recorded, hidden, real)

    assert repr(found) == repr(expected)


# -- values of environment variables with secret names

SECRET = "zx81-spectrum-4711-abcd"


def environment(**variables: str) -> Environment:
    return Environment(Redactor(["shop_id", "!wiki_token"]), variables)


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("SHOP_API_KEY", SECRET, True),
        ("shop_token", SECRET, True),
        ("SHOP_ID", SECRET, True),
        ("SHOP_API_KEY", "correct horse battery staple", True),
        ("SHOP_API_KEY", SECRET[:16], True),
        ("SHOP_API_KEY", SECRET[:15], False),
        ("SHOP_API_KEY", " " * 10 + SECRET[:15], False),
        ("SHOP_API_KEY", "Antidisestablishment", False),
        ("SHOP_API_KEY", "", False),
        ("SHOP_API_URL", SECRET, False),
        ("TOKEN_URL", SECRET, False),
        ("WIKI_TOKEN", SECRET, False),
    ],
)
def test_a_value_is_secret_by_its_name_and_length(name: str, value: str, is_secret: bool) -> None:
    found = environment(**{name: value})

    assert bool(found.forms) == is_secret
    assert found.text(f"a {value.strip()} b") == (f"a <{name}> b" if is_secret else f"a {value.strip()} b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"a {SECRET[:-1]}", "a "),
        (f"a {SECRET[:8]}", "a "),
        (f"a {SECRET[:7]}", f"a {SECRET[:7]}"),
        (f"a {SECRET[:8]}{SECRET[:9]}", f"a {SECRET[:8]}"),
        (f"a {SECRET[:8]} b", f"a {SECRET[:8]} b"),
        (f"a {b64encode(SECRET.encode()).decode()[:9]}", "a "),
        ("", ""),
    ],
)
def test_a_text_that_was_cut_loses_the_beginning_of_a_value(text: str, expected: str) -> None:
    assert environment(A_TOKEN=SECRET, B_TOKEN=SECRET[:8] * 3).without_start(text) == expected


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        (f"x{SECRET}y", "x<A_TOKEN>y"),
        ({SECRET: [SECRET, 1, None, [{"a": SECRET}]]}, {"<A_TOKEN>": ["<A_TOKEN>", 1, None, [{"a": "<A_TOKEN>"}]]}),
        (b64encode(SECRET.encode()).decode(), "<A_TOKEN>"),
        (dumps({"a": dumps({"b": SECRET})}), dumps({"a": dumps({"b": "<A_TOKEN>"})})),
        ({"chunks": ["a zx81-", "spectrum-4711-abcd b", ""]}, {"chunks": ["a <A_TOKEN> b", "", ""]}),
        ({"chunks": [*SECRET, "b"]}, {"chunks": ["<A_TOKEN>b", *[""] * len(SECRET)]}),
        ({"chunks": [f"a {SECRET}", "b"]}, {"chunks": ["a <A_TOKEN>", "b"]}),
        ({"list": ["a zx81-", "spectrum-4711-abcd b"]}, {"list": ["a zx81-", "spectrum-4711-abcd b"]}),
        ({"base64": b64encode(SECRET.encode()).decode()}, {"base64": b64encode(SECRET.encode()).decode()}),
        ({"$uuid": SECRET}, {"$uuid": SECRET}),
        ({"$shop:User": {"name": SECRET}, "$$a": SECRET}, {"$shop:User": {"name": "<A_TOKEN>"}, "$$a": "<A_TOKEN>"}),
    ],
)  # fmt: skip
def test_the_name_stands_for_the_value_in_plain_data(plain: object, expected: object) -> None:
    assert environment(A_TOKEN=SECRET, Z_TOKEN=SECRET).scrub(plain) == expected


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        "it's 4711-abcd-efgh",
        'a "quote" 4711-abcd',
        "both ' and \\" + '" 4711-ab',
        "ü 4711-abcd-efgh-\\n",
    ],
)
@pytest.mark.parametrize("around", ["", "'", '"', "'\""])
def test_a_value_is_found_in_parts_however_python_shows_them(value: str, around: str) -> None:
    found = environment(A_TOKEN=value)

    assert found.may_be_in(["GET", {"a": [f"b{around} {value}"]}])
    assert found.may_be_in(dumps([value], ensure_ascii=False))
    assert found.may_be_in(dumps([dumps([value])]))
    assert not found.may_be_in(["GET", {"a": [f"b{around} {value[1:]}"]}])


def test_the_longest_value_is_replaced_first() -> None:
    found = environment(A_TOKEN=SECRET, B_TOKEN=f"{SECRET}-more")

    assert found.text(f"{SECRET}-more {SECRET}") == "<B_TOKEN> <A_TOKEN>"


def test_bytes_that_hold_a_value_are_named() -> None:
    found = environment(A_TOKEN=SECRET, B_TOKEN=f"{SECRET}-more")

    assert found.held_by([b"a", memoryview(f"x{SECRET}".encode())]) == {"A_TOKEN": SECRET}
