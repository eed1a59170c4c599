"""Secrets that standards name are stored and shown nowhere, and values of near names are shown.

The rows were written from the standards that they name, without a look at the tables
of names.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple

import pytest
from support import loopback
from support.loopback import serving

pytest_plugins = ("support.database_servers",)

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
XML = {"Content-Type": "text/xml"}
HTML = {"Content-Type": "text/html"}
PATCH = {"Content-Type": "application/json-patch+json"}
PARTS = {"Content-Type": "multipart/form-data; boundary=q1"}
TEXT = {"Content-Type": "text/plain"}


class Sent(NamedTuple):
    """A request with a secret, which stands as `X`."""

    target: str
    headers: dict[str, str] = {}
    body: str = ""


class Given(NamedTuple):
    """An answer with a secret, which stands as `X`."""

    headers: dict[str, str]
    body: str = ""


# By the standard and what it calls the secret.
PLANTS: dict[str, Sent | Given] = {
    "RFC 6749, 4.1.2: code in a redirect": Given(
        {**TEXT, "Location": "https://app.example/cb?code=X&state=af0ifjsldkj"}
    ),
    "RFC 6749, 4.1.3: code": Sent(
        "/token", FORM, "grant_type=authorization_code&code=X&client_id=c"
    ),
    "RFC 6749, 4.2.2: access_token in a fragment": Given(
        {**TEXT, "Location": "https://app.example/cb#access_token=X&expires_in=3600"}
    ),
    "RFC 6749, 5.1: refresh_token": Given(
        JSON, '{"token_type": "Bearer", "expires_in": 3600, "refresh_token": "X"}'
    ),
    "RFC 7009: token": Sent("/revoke", FORM, "token=X&token_type_hint=access_token"),
    "RFC 7591: client_secret": Given(
        JSON, '{"client_id": "c", "client_secret": "X", "client_secret_expires_at": 0}'
    ),
    "RFC 7592: registration_access_token": Given(
        JSON, '{"client_id": "c", "registration_access_token": "X"}'
    ),
    "RFC 7636: code_verifier": Sent(
        "/token", FORM, "grant_type=authorization_code&code=c&code_verifier=X"
    ),
    "RFC 8628: device_code": Given(
        JSON,
        '{"device_code": "X", "user_code": "WDJB-MJHT", "interval": 5,'
        ' "verification_uri": "https://as.example/device"}',
    ),
    "RFC 8693: subject_token": Sent(
        "/token",
        FORM,
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
        "&subject_token=X&subject_token_type=t",
    ),
    "RFC 9449: DPoP": Sent(
        "/dpop",
        {"DPoP": "eyJ0eXAiOiJkcG9wK2p3dCJ9.eyJqdGkiOiJhIiwiaHRtIjoiR0VUIn0.X"},
    ),
    "OpenID Connect, back-channel: logout_token": Sent("/out", FORM, "logout_token=X"),
    "OpenID Connect, CIBA: auth_req_id": Given(
        JSON, '{"auth_req_id": "X", "expires_in": 120}'
    ),
    "RFC 5849: oauth_token_secret": Given(
        FORM, "oauth_token=t&oauth_token_secret=X&oauth_callback_confirmed=true"
    ),
    "SAML 2.0: SAMLart": Sent("/acs?SAMLart=X&RelayState=r"),
    "CAS 3: ticket": Sent("/validate?service=https%3A%2F%2Fa.example&ticket=ST-X"),
    "RFC 6265: cookie": Sent("/cookie", {"Cookie": "theme=dark; __Host-SID=X"}),
    "RFC 6265: set-cookie": Given({**JSON, "Set-Cookie": "__Secure-rt=X; Path=/"}),
    "RFC 7804: data in a request": Sent(
        "/scram", {"Authorization": 'SCRAM-SHA-256 realm="r", data=X'}
    ),
    "RFC 7804: data in an answer": Given(
        {**JSON, "Authentication-Info": "sid=AAAA, data=X"}, "{}"
    ),
    "RFC 9110: Proxy-Authorization": Sent("/", {"Proxy-Authorization": "Custom X"}),
    "Keystone 3: X-Subject-Token": Given({**JSON, "X-Subject-Token": "X"}, "{}"),
    "RFC 8288: api_key in a link": Given(
        {**JSON, "Link": '<https://api.example/list?api_key=X>; rel="next"'}, "[]"
    ),
    "RFC 3986: userinfo": Given(JSON, '{"clone_url": "https://ann:X@git.example/a"}'),
    "RFC 7644: a password in a PATCH of SCIM": Sent(
        "/Users/1",
        {"Content-Type": "application/scim+json"},
        '{"Operations": [{"op": "replace", "path": "password", "value": "X"}]}',
    ),
    "RFC 6902: a password in a JSON Patch": Sent(
        "/accounts/1",
        PATCH,
        '[{"op": "replace", "path": "/account/password", "value": "X"}]',
    ),
    "RFC 7578: client_secret": Sent(
        "/parts",
        PARTS,
        '--q1\r\nContent-Disposition: form-data; name="client_secret"\r\n\r\nX\r\n'
        "--q1--\r\n",
    ),
    "RFC 8291: auth of a push subscription": Sent(
        "/push", JSON, '{"keys": {"p256dh": "BNc", "auth": "X"}}'
    ),
    "RFC 4519: userPassword": Sent(
        "/entries", JSON, '{"attributes": {"userPassword": ["X"], "cn": ["Ann"]}}'
    ),
    "RFC 7518: k of a symmetric key": Given(
        JSON, '{"keys": [{"kty": "oct", "kid": "1", "alg": "HS256", "k": "X"}]}'
    ),
    "otpauth: secret": Given(
        JSON, '{"uri": "otpauth://totp/Shop:ann?secret=X&issuer=Shop"}'
    ),
    "GraphQL: a literal": Sent(
        "/graphql",
        JSON,
        '{"query": "mutation { signIn(email: \\"a\\", password: \\"X\\") { id } }"}',
    ),
    "WS-Security 1.1: Password": Sent(
        "/soap",
        XML,
        '<w:UsernameToken xmlns:w="urn:w"><w:Username>ann</w:Username>'
        '<w:Password Type="urn:w#PasswordText">X</w:Password></w:UsernameToken>',
    ),
    "WS-Trust 1.3: BinarySecret": Given(
        XML, '<t:Token xmlns:t="urn:t"><t:BinarySecret>X</t:BinarySecret></t:Token>'
    ),
    "XML-RPC: a member": Sent(
        "/RPC2",
        XML,
        "<params><struct><member><name>password</name><value><string>X</string>"
        "</value></member></struct></params>",
    ),
    "HTML: a field of type password": Given(
        HTML, '<form><input type="password" name="answer" value="X"></form>'
    ),
    "ASP.NET: __RequestVerificationToken": Given(
        HTML, '<input name="__RequestVerificationToken" type="hidden" value="X">'
    ),
    "Spring: _csrf": Given(
        HTML, '<meta name="_csrf" content="X"><meta name="_csrf_header" content="h">'
    ),
    "OCI: auth of a registry": Sent(
        "/login", JSON, '{"auths": {"registry.example": {"auth": "X"}}}'
    ),
    "Kubernetes: the token of a TokenRequest": Given(
        JSON, '{"kind": "TokenRequest", "status": {"token": "X"}}'
    ),
}
STATEMENTS: dict[str, tuple[str, dict[str, str]]] = {
    "a literal": ("insert into users (name, password) values ('ann', 'X')", {}),
    "a parameter": ("update users set api_key = :v where name = 'ann'", {"v": "X"}),
    "a list": ("select name from users where reset_token in ('X', 'other')", {}),
    "a key of SQLCipher": ("pragma key = 'X'", {}),
    "under another name": ("select password as p from users where name = 'eve'", {}),
    "in JSON": ("select 1 from users where json_extract(d, '$.password') = 'X'", {}),
}
COMMANDS: dict[str, list[str]] = {
    "ACL": ["ACL", "SETUSER", "bob", "on", ">X", "~*", "+@all"],
    "CONFIG": ["CONFIG", "SET", "masterauth", "X"],
    "a hash": ["HSET", "user:1", "name", "ann", "password", "X"],
    "the fields of a hash": ["HGETALL", "user:3"],
    "a stream": ["XADD", "logins", "*", "user", "ann", "token", "X"],
    "JSON": ["SET", "user:2", '{"password": "X"}'],
}
ROWS = [*PLANTS, *STATEMENTS, *COMMANDS]
# Harmless texts with a name near to that of a secret.
HARMLESS = [
    (JSON, '{"token_type": "DPoP", "scope": "openid email", "expires_in": 3600}'),
    (JSON, '{"token_endpoint": "https://as.example/t", "authority": "city"}'),
    (JSON, '{"token_endpoint_auth_methods_supported": ["client_secret_basic"]}'),
    (JSON, '{"code_challenge_methods_supported": ["S256"]}'),
    (JSON, '{"password_expires_at": "2027-01-01", "session_length": "an hour"}'),
    (JSON, '{"_meta": {"progressToken": "job seven"}, "nextPageToken": "CAUQAA"}'),
    (JSON, '{"usage": {"prompt_tokens": 12, "completion_tokens": 7}}'),
    (JSON, '{"keys": [{"kty": "RSA", "kid": "2026-01", "n": "0vx7"}]}'),
    (JSON, '{"country": "Germany", "code": "DE"}'),
    (JSON, '{"city": "Springfield", "state": "Illinois"}'),
    (JSON, '{"from": "Bern", "ticket": "day return"}'),
    (JSON, '{"number": -4, "sign": "negative"}'),
    (JSON, '{"secretary": "Mara Quist", "author": "Ann Ott"}'),
    (JSON, '{"cookie_policy": "essential only", "keyboard": "qwertz"}'),
    (JSON, '{"signature_dish": "ramen", "auth_time": 1700000000}'),
    (JSON, '{"token_symbol": "USDC", "token_decimals": 6, "password_strength": "low"}'),
    (PATCH, '[{"op": "replace", "path": "/title", "value": "Autumn sale"}]'),
    (PATCH, '[{"op": "replace", "path": "/password_policy", "value": "strict"}]'),
    (JSON, '{"name": "colour", "value": "teal"}'),
    (JSON, '{"kind": "kilo", "k": 1000, "unit": "m"}'),
    (FORM, "grant_type=client_credentials&token_type_hint=refresh_token"),
    (FORM, "response_type=code"),
    (HTML, '<input name="q" value="shoes"><input type="text" name="passenger">'),
    (HTML, '<meta name="description" content="Shoes and coats">'),
    (XML, "<Policy><PasswordComplexity>high</PasswordComplexity></Policy>"),
    (XML, '<testsuite assertions="12"/>'),
    (XML, "<member><name>colour</name><value><string>teal</string></value></member>"),
]  # fmt: skip


class Service(loopback.Server):
    def __init__(self, given: list[Given]) -> None:
        super().__init__(Handler)
        self.given = given


class Handler(loopback.Handler):
    """Gives what is planted, and echoes the rest."""

    server: Service

    def handle_any(self) -> None:
        body = self.body()
        kind, _, number = self.path.strip("/").partition("/")
        if kind == "given":
            given = self.server.given[int(number)]
            headers = dict(given.headers)
            media_type = headers.pop("Content-Type")
            self.answer(200, given.body, media_type, **headers)
        elif kind == "echo":
            self.answer(200, body, self.headers["Content-Type"])
        else:
            self.json({"ok": True})

    do_GET = do_POST = do_PATCH = handle_any


TESTS = """
    import json, os, pathlib, requests, sqlalchemy, redis

    API = os.environ["API"]
    PLAN = json.loads(pathlib.Path("plan.json").read_text())

    def test_http():
        for target, headers, body in PLAN["sent"]:
            requests.post(API + target, headers=headers, data=body.encode())
        for number in range(PLAN["given"]):
            requests.get(f"{API}/given/{number}")

    def test_harmless():
        given = []
        for headers, text in PLAN["harmless"]:
            answer = requests.post(API + "/echo", headers=headers, data=text)
            given.append(answer.text)
        assert given == [text for _, text in PLAN["harmless"]]

    def test_sql():
        engine = sqlalchemy.create_engine("sqlite:///" + os.environ["SHOP"])
        with engine.begin() as connection:
            for statement, parameters in PLAN["statements"]:
                connection.execute(sqlalchemy.text(statement), parameters)

    def test_redis():
        with redis.Redis(port=int(os.environ["REDIS"])) as store:
            for command in PLAN["commands"]:
                store.execute_command(*command)
"""


def planted(name: str) -> str:
    """Return the secret in a row, by the row's name."""
    return f"Plnt{ROWS.index(name):02}xKw9Tr5Lm2Qz7"


def with_secrets(rows: Mapping[str, Any]) -> list[Any]:
    """Return rows with their secrets."""
    filled = []
    for name, row in rows.items():
        text = re.sub(r"(?<![A-Z])X(?![\w-])", planted(name), json.dumps(row))
        filled.append(json.loads(text))
    return filled


def test_what_standards_call_secret_is_stored_and_shown_nowhere(
    project, redis_server, tmp_path
):
    redis = pytest.importorskip("redis")
    for name in ("requests", "sqlalchemy"):
        pytest.importorskip(name)
    sent = {name: row for name, row in PLANTS.items() if isinstance(row, Sent)}
    given = {name: row for name, row in PLANTS.items() if isinstance(row, Given)}
    plan = {
        "sent": with_secrets(sent),
        "given": len(given),
        "harmless": HARMLESS,
        "statements": with_secrets(STATEMENTS),
        "commands": with_secrets(COMMANDS),
    }
    project.write("plan.json", json.dumps(plan))
    project.ini("http", "sqlalchemy", "redis")
    project.tests(TESTS)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.execute("create table users (name, password, api_key, reset_token, d)")
        row = ("eve", planted("under another name"))
        shop.execute("insert into users (name, password) values (?, ?)", row)
        shop.commit()
    with redis.Redis(port=redis_server.port) as store:
        store.hset("user:3", "token", planted("the fields of a hash"))
    env = {"REDIS": str(redis_server.port), "SHOP": str(tmp_path / "shop.db")}

    answers = [Given(*row) for row in with_secrets(given)]
    with serving(Service(answers)) as server:
        env["API"] = server.url
        run = project.run("--mimic-record", "--mimic-report=page.html", env=env)
    replayed = project.run(env={**env, "REDIS": "1", "SHOP": "/nowhere"})

    run.expect(passed=4)
    page = project.root.joinpath("page.html").read_text(encoding="utf-8")
    stored = b"\n".join(run.vault.values()).decode()
    seen = "\n".join([stored, run.output, replayed.output, page])
    leaked = [name for name in ROWS if planted(name) in seen]
    hidden = []
    for call in run.calls:
        if "::test_harmless" in call.owner:
            hidden += re.findall(r'".{0,60}redacted', call.text)
    assert (leaked, hidden) == ([], [])
    replayed.expect(passed=4)
