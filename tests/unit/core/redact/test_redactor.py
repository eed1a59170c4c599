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
        (
            '{"got": "{\\"token\\": \\"abc\\"}"}',
            '{"got": "{\\"token\\": \\"<redacted>\\"}"}',
        ),
        (
            '[{"token": "a\\"]}"}, {"a": NaN, "a": "token"}]',
            '[{"token": "<redacted>"}, {"a": NaN, "a": "token"}]',
        ),
        ('{"to": ["/x?token=abc"]}', '{"to": ["/x?token=<redacted>"]}'),
        (
            '{"session": "abc", "sessionid": {"session": 1, "n": "a"}, "auth": [true, "x"], "session": ["y"]}',
            '{"session": "<redacted>", "sessionid": {"session": 1, "n": "a"}, "auth": [true, "<redacted>"], "session": ["y"]}',
        ),
        (
            f'{{"key": "{GOOGLE_KEY}", "of": ["key", 1]}}',
            '{"key": "<redacted>", "of": ["key", 1]}',
        ),
        ('cb({"token": "abc"});', 'cb({"token": "<redacted>"});'),
        (
            '/**/ my.shop_1([{"token": "abc"}])\n',
            '/**/ my.shop_1([{"token": "<redacted>"}])\n',
        ),
        (
            '/* v1 - x */cb({"token": "abc"});',
            '/* v1 - x */cb({"token": "<redacted>"});',
        ),
        (
            '{"token":"abc","é":"\\ud83d \\u00001"}',
            '{"token":"<redacted>","é":"\\ud83d \\u00001"}',
        ),
        ('{"token":"abc","n":1e400}', '{"token":"<redacted>","n":1e400}'),
        ('cb({"token": "abc"}, 1);', 'cb({"token": "abc"}, 1);'),
        (
            "see https://shop.com/?token=abc now",
            "see https://shop.com/?token=<redacted> now",
        ),
        (
            'mutation In($password: String!) { in(by: {name: "Ann", password: "a\\"b"}, token : """c\n""") {token} }',
            "mutation In($password: String!) "
            '{ in(by: {name: "Ann", password: "<redacted>"}, token : """<redacted>""") {token} }',
        ),
        (
            '{in(password: "ab", token: $token)}',
            '{in(password: "<redacted>", token: $token)}',
        ),
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
        (
            "<input type=password name=q value='a b'><input name=r value=ab type='Password'>",
            "<input type=password name=q value='&lt;redacted&gt;'>"
            "<input name=r value=&lt;redacted&gt; type='Password'>",
        ),
        (
            "<a><name>password</name>\n <value><string>abc</string></value><name>b</name></a>",
            "<a><name>password</name>\n <value><string>&lt;redacted&gt;</string></value><name>b</name></a>",
        ),
        (
            "<d><key>api_key</key><string>abc</string><key>a</key><string>b</string></d>",
            "<d><key>api_key</key><string>&lt;redacted&gt;</string><key>a</key><string>b</string></d>",
        ),
        (
            "<p><property name='password' type='x'>abc</property><entry key='a'>b</entry></p>",
            "<p><property name='password' type='x'>&lt;redacted&gt;</property><entry key='a'>b</entry></p>",
        ),
        (
            '<s:Attribute Name="token"><s:AttributeValue a="b">abc</s:AttributeValue></s:Attribute>',
            '<s:Attribute Name="token"><s:AttributeValue a="b">&lt;redacted&gt;</s:AttributeValue></s:Attribute>',
        ),
        (
            "<in user = 'ann'\n  token = 'abc' />",
            "<in user = 'ann'\n  token = '&lt;redacted&gt;' />",
        ),
        (
            "<p><input name = pin value = ab ><meta content = 'ab' name = 'csrf-token'></p>",
            "<p><input name = pin value = &lt;redacted&gt; >"
            "<meta content = '&lt;redacted&gt;' name = 'csrf-token'></p>",
        ),
        (
            "<script>var api_key = 'abc'; a.token=\"abc\"; if (token == 'a') b()</script>",
            "<script>var api_key = '&lt;redacted&gt;'; a.token=\"&lt;redacted&gt;\"; "
            "if (token == 'a') b()</script>",
        ),
        (
            "<u><Password a='b'>\n <Value>abc</Value></Password><Name><Value>c</Value></Name></u>",
            "<u><Password a='b'>\n <Value>&lt;redacted&gt;</Value></Password><Name><Value>c</Value></Name></u>",
        ),
        (
            'window._env_ = {"API_KEY": "abc", a: 1, token: \'abc\'};',
            'window._env_ = {"API_KEY": "<redacted>", a: 1, token: \'<redacted>\'};',
        ),
        ("const apiKey='abc', b='c'", "const apiKey='<redacted>', b='c'"),
        (
            "<script>localStorage.setItem('auth.token', tok); localStorage.setItem(\"token\", 'abc')</script>",
            "<script>localStorage.setItem('auth.token', tok); localStorage.setItem(\"token\", '&lt;redacted&gt;')</script>",
        ),
        (
            "if (a) { sessionStorage.setItem('api_key', 'abc'); sessionStorage.setItem('a', 'b') }",
            "if (a) { sessionStorage.setItem('api_key', '<redacted>'); sessionStorage.setItem('a', 'b') }",
        ),
        (
            "(() => { localStorage.setItem('token', 'abc') })()",
            "(() => { localStorage.setItem('token', '<redacted>') })()",
        ),
        (
            "Keep it:\n```js\nlocalStorage.setItem('token', 'abc')\n```",
            "Keep it:\n```js\nlocalStorage.setItem('token', 'abc')\n```",
        ),
        (
            "cookieStorage.getItem('token', 'abc')",
            "cookieStorage.getItem('token', 'abc')",
        ),
        (
            "<p><a href='/go?a=1&amp;token=abc'>Of the token</a><a href='?q=token=abc'>b</a></p>",
            "<p><a href='/go?a=1&amp;token=&lt;redacted&gt;'>Of the token</a><a href='?q=token=abc'>b</a></p>",
        ),
        (
            "<a href='/in?auth=1&amp;next=/'>in</a><a href='/in?auth=12'>in</a>",
            "<a href='/in?auth=1&amp;next=/'>in</a><a href='/in?auth=&lt;redacted&gt;'>in</a>",
        ),
        (
            "<a href='javascript:open(?token=abc)'>a</a><a href='javascript:go(1?2:3)'>b</a>",
            "<a href='javascript:open(?token=&lt;redacted&gt;)'>a</a><a href='javascript:go(1?2:3)'>b</a>",
        ),
        (
            '<a href="javascript:open(&#39;/p?session=AbC123xyz9&#39;);">a</a>',
            '<a href="javascript:open(&#39;/p?session=&lt;redacted&gt;&#39;);">a</a>',
        ),
        (
            "<a href='/go?token=abc&amp;next=https://b.test/'>a</a><a href='https://b.test/?token=abc'>b</a>",
            "<a href='/go?token=&lt;redacted&gt;&amp;next=https://b.test/'>a</a><a href='https://b.test/?token=&lt;redacted&gt;'>b</a>",
        ),
        (
            '<p><form action="/in#token=abc"><img src="/a?b"></form>What? token=abc</p>',
            '<p><form action="/in#token=&lt;redacted&gt;"><img src="/a?b"></form>What? token=abc</p>',
        ),
        (
            "<P><member><ParameterKey>DbPassword</ParameterKey><ParameterValue>abc</ParameterValue></member></P>",
            "<P><member><ParameterKey>DbPassword</ParameterKey><ParameterValue>&lt;redacted&gt;</ParameterValue></member></P>",
        ),
        ("const apiKey=getKey('abc')", "const apiKey=getKey('abc')"),
        ("<a name='token'>Of tokens</a>", "<a name='token'>Of tokens</a>"),
        ("<redacted> and <redacted>", "<redacted> and <redacted>"),
        ("token = get_token(a)", "token = get_token(a)"),
        ("[INFO] token=abc", "[INFO] token=abc"),
        ("password=abc def", "password=abc def"),
        ("password = user.password", "password = user.password"),
        ("<p>Set the token = users</p>", "<p>Set the token = users</p>"),
        ("what?", "what?"),
    ],
)
def test_texts_that_are_data_lose_their_secrets(
    redactor: Redactor, text: str, expected: str
) -> None:
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
        "<name>" * 50_000,
        "<name>a</name>" * 20_000,
        "<name>a</name>" + " " * 200_000,
        "<input type=password" * 20_000,
        "<input type=password " + "a=b " * 50_000,
        "<property name='a'>" * 20_000,
        "<property" * 20_000 + " name='a'",
        "<a name" + " " * 200_000,
        "<a><value" * 50_000,
        "var a=[" * 50_000,
        "<a" + " name = " * 50_000,
        "<input type = password " * 20_000,
        "<a" + " href='/a" * 20_000,
        "<a" + " href='/?" * 20_000,
        "localStorage.setItem('a'" * 20_000,
    ],
)
def test_texts_are_scrubbed_in_linear_time(redactor: Redactor, text: str) -> None:
    """A pattern that backtracks would take minutes."""
    assert redactor.scrub_data(text) == redactor.scrub_text(text) == text


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


@pytest.mark.parametrize(
    "text", ["<a>the token: abc</a>", "<a>see --token abc</a>", "<a b='token=abc'/>"]
)
def test_free_text_in_markup_is_redacted_once(redactor: Redactor, text: str) -> None:
    """What is stored is redacted again by `check`, which finds nothing more to hide."""
    stored = redactor.scrub_text(text)

    assert "abc" not in stored
    assert redactor.scrub_data(stored) == redactor.scrub_text(stored) == stored


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
