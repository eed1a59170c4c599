"""Secrets in texts that are data: markup, scripts, GraphQL, settings, forms, JSON."""

from __future__ import annotations

import pytest

from pytest_mimic._core.redact.redactor import Redactor

GOOGLE_KEY = "AIza" + "Sy0-_x7" * 5


@pytest.fixture
def redactor() -> Redactor:
    return Redactor()


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
    "text", ["<a>the token: abc</a>", "<a>see --token abc</a>", "<a b='token=abc'/>"]
)
def test_free_text_in_markup_is_redacted_once(redactor: Redactor, text: str) -> None:
    """What is stored is redacted again by `check`, which finds nothing more to hide."""
    stored = redactor.scrub_text(text)

    assert "abc" not in stored
    assert redactor.scrub_data(stored) == redactor.scrub_text(stored) == stored
