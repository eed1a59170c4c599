"""Secrets in URLs, headers, forms, markup, scripts and free text: hidden, and nothing else."""

from __future__ import annotations

import base64
import json

import pytest

from values.stored import holds, stored_http, texts_in

S = "Rk7hunter2Qx9zWv3m"
GOOGLE_KEY = "AIza" + "Sy0-_x7" * 5
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{S}dozjgNryP4J3jVmNHl0w5N"

# The target of a request, and what stays readable.
URLS = {
    "query": (f"/a?token={S}&b=1", "b"),
    "escaped name": (f"/a?b=1&api%5Fkey={S}", "b"),
    "session": (f"/a?session={S}&page=2", "page"),
    "URL in a query": (f"https://shop.test/a?next=https://b.com/%3Ftoken%3D{S}&c=d", "b.com"),
    "plain URL in a query": (f"https://shop.test/a?next=https://b.com/?token={S}", "b.com"),
    "JSON in a query": (f"/a?q=%7B%22password%22%3A+%22{S}%22%2C+%22page%22%3A+2%7D", "page"),
    "setting in a path": (f"https://shop.test/a/token%3D{S}/b", "https://shop.test/a/token%3D"),
    "user": (f"https://ann:{S}@shop.test/a", "shop.test"),
    "host called like a secret": (f"http://auth:8080/a?b=1&token={S}", "http://auth:8080/a?b=1"),
    "signature of Azure": (f"/blob?sv=2022&sig={S}%3D&se=1", "/blob"),
    "signature of AWS": (f"/a?X-Amz-Signature={S}&X-Amz-Date=1&k=v", "/a"),
    "path parameter": (f"/b;jsessionid={S}/c?d=1", "/c"),
    "key of Google": (f"/maps?key={GOOGLE_KEY}&q=oslo", "oslo"),
    "start of OAuth": (f"/go?response_type=code&state={S}&nonce={S}&q=oslo", "oslo"),
    "end of OAuth": (f"/go?code={S}&state={S}&q=oslo", "oslo"),
    "ticket of CAS": (f"/go?ticket=ST-1856339-{S}&q=oslo", "oslo"),
}  # fmt: skip


@pytest.mark.parametrize(("target", "kept"), URLS.values(), ids=URLS)
def test_urls_lose_their_secrets(target, kept):
    found = stored_http(target=target, method="GET")

    assert S not in found
    assert GOOGLE_KEY not in found
    assert kept in texts_in(found)


# A header of a request or an answer, and what stays readable.
HEADERS = {
    "bearer": ("Authorization", f"Bearer {S}", ""),
    "basic": ("Authorization", "Basic YW5uOlJrN2h1bnRlcjJReDl6V3YzbQ==", ""),
    "key": ("X-Api-Key", S, ""),
    "cookie": ("Cookie", f"sid={S}; theme=dark", ""),
    "base64 as a cookie": ("Cookie", f"{S}==", ""),
    "session": ("X-Session-Id", S, ""),
    "signature": ("Signature", f"a=:{S}=:", ""),
    "data of SCRAM (RFC 7804)": ("Authorization", f'SCRAM-SHA-256 realm="r", data={S}', ""),
    "URL": ("X-Mirror", f"https://ann:{S}@a.com/", ""),
}  # fmt: skip
ANSWERED = {
    "cookie": ("Set-Cookie", f"sid={S}; Path=/; HttpOnly", "HttpOnly"),
    "location": ("Location", f"https://shop.test/cb?token={S}&b=1", "shop.test"),
    "link": ("Link", f"<https://a.com/?token={S}&page=2>; rel=next", "rel=next"),
    "refresh": ("Refresh", f"0; url=/in?token={S}", "url=/in"),
    "challenge": (
        "WWW-Authenticate",
        f'Digest realm="a b", nonce="n1", session_token="{S}", stale=false',
        "stale=false",
    ),
    "token": ("X-Auth-Token", S, ""),
    "token of Keystone": ("X-Subject-Token", S, ""),
    "data of SCRAM (RFC 7804)": ("Authentication-Info", f"sid=AAAA, data={S}", ""),
    "fragment": (
        "Location",
        f"https://a.com/cb#access_token={S}&expires_in=3600",
        "a.com",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value", "kept"), HEADERS.values(), ids=HEADERS)
def test_headers_of_requests_lose_their_secrets(name, value, kept):
    found = stored_http(headers=((name, value),))

    assert S not in found
    assert "YW5uOlJrN2h1" not in found
    assert kept in texts_in(found)


@pytest.mark.parametrize(("name", "value", "kept"), ANSWERED.values(), ids=ANSWERED)
def test_headers_of_answers_lose_their_secrets(name, value, kept):
    found = stored_http(answer_headers=((name, value),))

    assert S not in found
    assert kept in texts_in(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Auth", "true"),
        ("Access-Control-Allow-Credentials", "true"),
        ("X-Request-Cost", "3 tokens"),
    ],
)
def test_headers_that_only_resemble_secret_ones_stay(name, value):
    assert value in texts_in(stored_http(answer_headers=((name, value),)))


def basic(user, password):
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return f"Basic {encoded}"


# What carries credentials: a target and headers.
CARRIERS = {
    "a password": ("/a", ("Authorization", basic("me", S))),
    "a key as the user": ("/a", ("Authorization", basic(S, ""))),
    "a key beside a password": ("/a", ("Authorization", basic(S, "x"))),
    "a proxy": ("/a", ("Proxy-Authorization", basic("me", S))),
    "an address": (f"https://ann:{S}@shop.test/a", ("A", "b")),
    "a user of an address": (f"https://{S}:@shop.test/a", ("A", "b")),
    "a key in an address": (f"https://{S}:x@shop.test/a", ("A", "b")),
    "an address in a header": ("/a", ("X-Mirror", f"https://{S}@shop.test/")),
}


@pytest.mark.parametrize(("target", "header"), CARRIERS.values(), ids=CARRIERS)
def test_credentials_are_known_in_each_of_their_parts(target, header):
    said = json.dumps({"note": f"your key is {S}, not ann or me"})

    found = stored_http(target=target, headers=(header,), answer=said)

    assert S not in found
    assert "your key is mimic-redacted, not ann or me" in found


def part(facts, content):
    """Return a part of a form, and another part."""
    head = "--b\r\nContent-Disposition: form-data; "
    other = 'name="other"\r\n\r\nkept\r\n--b--\r\n'
    return f"{head}{facts}\r\n\r\n{content}\r\n{head}{other}"


XML, HTML, JS = "application/xml", "text/html", "text/javascript"
# The type of a body, the body, and what of it stays readable.
BODIES = {
    "form": ("application/x-www-form-urlencoded", f"a=1&password={S}&next=x", "next"),
    "JSON": ("application/json", f'{{"password":"{S}", "note":"kept"}}', "kept"),
    "JSON in JSON": ("application/json", json.dumps({"got": json.dumps({"token": S, "b": "kept"})}), "kept"),
    "lists": ("application/json", json.dumps({"api_keys": [{"id": 7, "key": S}], "b": "kept"}), "kept"),
    "pair of name and value": ("application/json", json.dumps([{"name": "password", "value": S, "b": "kept"}]), "kept"),
    "pair of key and value": ("application/json", json.dumps([{"value": S, "Key": "api_token", "b": "kept"}]), "kept"),
    "pairs in lists": ("application/json", json.dumps([["password", S], ["b", "kept"]]), "kept"),
    "arguments of a command": ("application/json", json.dumps({"args": ["--password", S, "-v"]}), "-v"),
    "URL in JSON": ("application/json", json.dumps({"next": f"https://a.com/?page=2&access_token={S}"}), "a.com"),
    "keys of Google": ("application/json", json.dumps({"keys": [GOOGLE_KEY], "b": "kept"}), "kept"),
    "JSONP": (JS, f'cb({{"token": "{S}", "b": "kept"}});', "kept"),
    "settings": ("text/plain", f"host=db password={S} user=ann", "user=ann"),
    "mapping in a text": ("text/plain", f"{{'token': '{S}', 'b': 'kept'}}", "kept"),
    "URL in a text": ("text/plain", f"cannot open https://ann:{S}@shop.test/ now", "cannot open"),
    "argument of GraphQL": ("application/graphql", f'mutation {{ in(name: "Ann", password: "{S}") {{id}} }}', "Ann"),
    "element": (XML, f"<s:in><s:token type='a'>{S}</s:token><b>kept</b></s:in>", "kept"),
    "attribute": (XML, f'<s:in api-key="{S}" id="1"><b>kept</b></s:in>', "kept"),
    "attribute with blanks": (XML, f"<in user = 'ann'\n  token = '{S}' />", "ann"),
    "CDATA": (XML, f"<a><token><![CDATA[{S}]]></token><b>kept</b></a>", "kept"),
    "names beside values": (XML, f"<a><name>password</name> <value>{S}</value><b>kept</b></a>", "kept"),
    "member of XML-RPC": (XML, f"<a><member><name>password</name><value><string>{S}</string></value></member><b>kept</b></a>", "kept"),
    "WS-Security": (XML, f'<w:Token xmlns:w="urn:w"><w:Username>ann</w:Username><w:Password Type="urn:w#Text">{S}</w:Password></w:Token>', "ann"),
    "otpauth": ("application/json", json.dumps({"uri": f"otpauth://totp/Shop:ann?secret={S}&issuer=Shop"}), "Shop"),
    "property list": (XML, f"<d><key>api_key</key><string>{S}</string><b>kept</b></d>", "kept"),
    "property": (XML, f"<p><property name='password'>{S}</property><b>kept</b></p>", "kept"),
    "field of a form": (HTML, f"<form><input type='hidden' name='csrf_token' value='{S}'><b>kept</b></form>", "kept"),
    "value before its name": (HTML, f'<form><input value="{S}" name="pin"/><b>kept</b></form>', "kept"),
    "field of a password": (HTML, f"<p><input type=password name=q value='{S}'><b>kept</b></p>", "kept"),
    "meta": (HTML, f"<html><meta content='{S}' name='csrf-token'><b>kept</b></html>", "kept"),
    "link": (HTML, f"<p><a href='/go?a=1&amp;token={S}'>Of the token</a></p>", "Of the token"),
    "script": (HTML, f"<script>var api_key = '{S}'; if (token == 'a') b()</script>", "if (token =="),
    "settings of a script": (JS, f'window._env_ = {{"API_KEY": "{S}", a: 1, b: "kept"}};', "kept"),
    "key of a script": (HTML, f"<html><script>x = {{accessToken: '{S}', b: 'kept'}}</script></html>", "kept"),
    "value without quotes": (HTML, f"<form><input value={S} name=csrfmiddlewaretoken><b>kept</b></form>", "kept"),
    "connection": ("application/json", json.dumps({"conn": f"Server=db;Uid=ann;Pwd={S};"}), "Uid=ann"),
    "lines of JSON": ("application/jsonl", f'{{"password": "{S}"}}\n{{"b": "kept"}}\n', "kept"),
    "events": ("text/event-stream", f'data: {{"token": "{S}", "b": "kept"}}\n\n', "kept"),
    "event with a line end of its own": ("text/event-stream", f'data: {{"a":"kept\u2028","token":"{S}"}}\n\n', "kept"),
    "behind an image": ("text/plain", f"kept data:image/png;base64,{'iVBOR/w0+' * 900}password={S}", "kept"),
    "before an image": ("text/plain", f"kept password={S}&image={'iVBOR/w0+' * 900}", "kept"),
    "constant of a script": (JS, f"const apiKey='{S}', b='kept'", "kept"),
}  # fmt: skip


# Of requests alone.
SENT = {
    "part of a form": ("multipart/form-data; boundary=b", part('name="password"', S), "kept"),
    "file of lines of JSON": ("multipart/form-data; boundary=b", part('name="f"; filename="b.jsonl"', f'{{"password": "{S}"}}'), "kept"),
    "file of settings": ("multipart/form-data; boundary=b", part('name="f"; filename=".env"', f"PASSWORD={S}"), "kept"),
    "batch": ("multipart/mixed; boundary=b", f"--b\r\nContent-Type: application/http\r\n\r\nPOST /x?access_token={S} HTTP/1.1\r\nAuthorization: Bearer {S}\r\n\r\nkept\r\n--b--\r\n", "kept"),
    "JWT": ("application/json", json.dumps({"id": JWT, "b": "kept"}), "kept"),
}  # fmt: skip
# Of answers alone.
GIVEN = {
    "event of several lines": ("text/event-stream", f'data: {{\ndata: "access_token":\ndata: "{S}", "b": "kept"}}\n\n', "kept"),
}  # fmt: skip


@pytest.mark.parametrize("name", [*BODIES, *SENT])
def test_bodies_of_requests_lose_their_secrets(name):
    type_, body, kept = {**BODIES, **SENT}[name]

    found = stored_http(body=body, type_=type_)

    assert S not in found
    assert GOOGLE_KEY not in found
    assert kept in texts_in(found)


@pytest.mark.parametrize("name", [*BODIES, *GIVEN])
def test_bodies_of_answers_lose_their_secrets(name):
    type_, body, kept = {**BODIES, **GIVEN}[name]

    found = stored_http(answer=body, answer_type=type_)

    assert S not in found
    assert GOOGLE_KEY not in found
    assert kept in texts_in(found)


def test_a_secret_that_comes_in_pieces_over_several_events_is_hidden():
    """A language model sends the arguments of a tool so."""
    text = json.dumps({"user": "ann", "password": S, "b": "kept"})
    pieces = [text[start : start + 5] for start in range(0, len(text), 5)]
    events = [{"choices": [{"delta": {"arguments": piece}}]} for piece in pieces]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)

    found = stored_http(answer=body, answer_type="text/event-stream")

    _, answer, _ = json.loads(found)
    stored = [event["data"]["choices"][0] for event in answer["body"]["events"]]
    joined = "".join(choice["delta"]["arguments"] for choice in stored)
    assert len(stored) == len(events)
    assert S not in joined
    assert joined.startswith('{"user": "ann", "password": "mimic-redacted-')
    assert joined.endswith('", "b": "kept"}')


# Texts without a secret.
HARMLESS = [
    "the password is wrong",
    "max_tokens=5 tokens: 3",
    "password=None token: null",
    "auth=True token: false",
    "--max-tokens 5 --password None",
    "what?",
    "see https://shop.com/a-b/~c",
    "It's (50 %) off; see page 7, or ask ann@example.org!",
    "2024-05-01T10:30:00.125+02:00",
    "<p><a name='token'>Of tokens</a></p>",
    "<p>Set the token to what you like</p>",
    "if (token == 'a') b()",
    "see http://auth:8080/users?page=1",
    "redis://ann@token:6379",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_a_text_without_a_secret_stays_as_it_is(text):
    assert holds(stored_http(answer=text, answer_type="text/plain"), text)
    data = json.dumps({"a": [text]})
    assert holds(stored_http(body=data, type_="application/json"), {"a": [text]})


def test_usual_data_stays_as_it_is():
    plain = {
        "id": 7,
        "name": "order 7 of 2024-05-01",
        "lines": [{"sku": "SKU-000007", "price": 8.25}, None],
        "customer": {"email": "ann@example.org", "vip": False},
        "url": "https://api.shop.com/orders/7",
        "usage": {"prompt_tokens": 3},
        "pairs": [["n", "a"], {"name": "Ann", "value": 3}],
    }

    assert holds(stored_http(answer=json.dumps(plain)), plain)


HOSTILE = [
    "=" * 100_000,
    "a=" * 50_000 + " ",
    '{"a' * 25_000,
    '["' * 25_000,
    "--a " * 25_000,
    "?=" * 50_000 + " ",
    "<a " * 25_000,
    "<a a=" * 25_000,
    "<a" + " name='a'" * 10_000,
    "<a><![CDATA[" * 10_000,
    'query { a:"""' * 10_000,
    "<name>" * 25_000,
    "<name>a</name>" + " " * 100_000,
    "<input type=password" * 10_000,
    "<property name='a'>" * 10_000,
    "<a name" + " " * 100_000,
    "<a><value" * 25_000,
    "var a=[" * 25_000,
    "<a" + " name = " * 25_000,
    "<a" + " href='/?" * 10_000,
    "localStorage.setItem('a'" * 10_000,
    "a.b-c " * 20_000,
    "a" * 2_000_000 + "=",
    "a-" * 50_000 + "://",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_a_hostile_text_is_looked_through_at_once(text):
    """A pattern that backtracks would take minutes."""
    stored_http(answer=text, answer_type="text/html")
