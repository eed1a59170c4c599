"""Of 150 secrets that are planted under promised names no byte is stored or shown, and no harmless value is hidden."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from urllib.parse import urlencode

import pytest
from support import loopback
from support.http_drivers import DRIVERS
from support.loopback import serving

pytest_plugins = ("support.database_servers",)


def planted(number):
    return f"Planted{number:03d}xSecret4711"


NAMES = """
    password passwd pwd passphrase passcode secret client_secret secret_key token access_token auth_token
    bearer_token id_token refresh_token session_token api_key api_token x_api_key access_key account_key
    encryption_key license_key private_key service_key shared_key signing_key subscription_key auth
    authorization credential csrf_token dsn jwt otp_code signature user_pin webhook_url xsrf_token
    code_verifier client_assertion connection_string id_token_hint login_hint_token auth_req_id
    software_statement oauth_verifier SAMLResponse SAMLRequest SAMLart pgtId pgtIou clientDataJSON
    authenticatorData attestationObject mfa_code totp totp_code verification_code recovery_code
    backup_code cvv cvc otp psk session session_id sessid JSESSIONID assertion sign hmac
    g-recaptcha-response cf-turnstile-response
""".split()
# Requests, each with what it plants: method, path with query, headers, body.
REQUESTS = []
_numbers = iter(range(1000))


def plant():
    return planted(next(_numbers))


def add(path="/echo", body="", kind="application/json", **headers):
    text = body if isinstance(body, str) else json.dumps(body)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if text:
        sent["Content-Type"] = kind
    REQUESTS.append(("POST" if text else "GET", path, sent, text))


for index, name in enumerate(NAMES):
    place = index % 5
    if place == 0:
        add(f"/echo?{urlencode({'q': 'shoes', name: plant()})}")
    elif place == 1:
        add(body={"user": "ann", "deep": [{name: plant()}]})
    elif place == 2:
        add(body=urlencode({name: plant()}), kind="application/x-www-form-urlencoded")
    elif place == 3:
        part = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{plant()}\r\n--b--\r\n'
        add(body=part, kind="multipart/form-data; boundary=b")
    else:
        add(body={"settings": [{"name": name, "value": plant()}]})
for header in ("Authorization", "X-Api-Key", "X-Auth-Token", "X-CSRF-Token", "DPoP"):
    add(**{header: plant()})
add(Authorization="Basic " + base64.b64encode(f"ann:{plant()}".encode()).decode())
add(Cookie=f"sid={plant()}; theme={plant()}")
FORM = "application/x-www-form-urlencoded"
add(body=f"grant_type=authorization_code&code={plant()}", kind=FORM)
add(body=f"grant_type=device&device_code={plant()}", kind=FORM)
add(body=f"grant_type=jwt&assertion={plant()}", kind=FORM)
add(
    f"/echo?response_type=code&state={plant()}&nonce={plant()}&code_challenge={plant()}"
)
add(f"/echo?code={plant()}&state={plant()}")
add("/echo?ticket=ST-1856339-" + plant())
add(body={"tokens": [plant(), plant()]})
add(body={"conn": f"Server=db;Uid=a;Pwd={plant()};"})
add(body={"conn": f"host=db user=a password={plant()}"})
add(body={"url": f"postgresql://ann:{plant()}@db/shop"})
add(body={"user": "ann", "pass": plant()})
add(body={"rpId": "shop.test", "challenge": plant()})
add(body={"text": json.dumps({"api_key": plant()})})
add(body={"args": ["--password", plant()]})
add(body={"query": f'mutation {{ in(password: "{plant()}") {{ id }} }}'})
add(body=f"<in><password>{plant()}</password></in>", kind="text/xml")
add(body=f'<login password="{plant()}"/>', kind="text/xml")
add(
    body=f'{{"password": "{plant()}"}}\n{{"token": "{plant()}"}}\n',
    kind="application/jsonl",
)
add(f"/echo;jsessionid={plant()}")
batch = (
    "--b\r\nContent-Type: application/http\r\n\r\n"
    f"POST /x?access_token={plant()} HTTP/1.1\r\nAuthorization: Bearer {plant()}\r\n"
    f'Content-Type: application/json\r\n\r\n{{"password": "{plant()}"}}\r\n--b--\r\n'
)
add(body=batch, kind="multipart/mixed; boundary=b")
files = '--b\r\nContent-Disposition: form-data; name="f"; filename="{}"\r\nContent-Type: {}\r\n\r\n{}\r\n--b--\r\n'
add(
    body=files.format("b.jsonl", "application/jsonl", f'{{"password": "{plant()}"}}'),
    kind="multipart/form-data; boundary=b",
)
add(
    body=files.format(".env", "text/plain", f"PASSWORD={plant()}"),
    kind="multipart/form-data; boundary=b",
)
# What was sent under its name, in a path, a query and a text.
add(f"/users/{planted(1)}/me")
add(f"/echo?note=of-{planted(1)}")
add(body={"note": "it was " + planted(1)})
SENT = next(_numbers)


def jwt(name):
    """Return what looks like a JSON Web Token; it is secret by its look."""
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    claims = base64.urlsafe_b64encode(json.dumps({"sub": name}).encode())
    return f"{header}.{claims.decode().rstrip('=')}.{'s' * 20}{name}"


TOKENS = [jwt(f"Planted{number}") for number in range(4)]
add(f"/of/{TOKENS[0]}")
add(f"/echo?cursor={TOKENS[1]}")
add(body={"request": TOKENS[2]})
add(body=TOKENS[3], kind="text/plain")

# Answers, by their media types.
ANSWERS = []
for name in NAMES[:24]:
    ANSWERS.append(("application/json", json.dumps({"of": {name: plant()}})))
ANSWERS += [
    ("text/html", f'<meta name="csrf-token" content="{plant()}">'),
    ("text/html", f"<input value={plant()} name=csrfmiddlewaretoken>"),
    ("text/html", f'<input name="csrf_token" value="{plant()}">'),
    ("text/html", f'<html><script>window.x={{"apiKey":"{plant()}"}}</script></html>'),
    ("text/html", f"<html><script>x = {{accessToken: '{plant()}'}}</script></html>"),
    ("text/xml", f"<a><token>{plant()}</token><b secret='{plant()}'/></a>"),
    ("application/x-ndjson", f'{{"token": "{plant()}"}}\n{{"a": 1}}\n'),
    ("text/event-stream", f'data: {{"token": "{plant()}"}}\n\n'),
    ("text/event-stream", f'data: {{\ndata: "access_token":\ndata: "{plant()}"}}\n\n'),
    ("text/event-stream", f'data: {{"a":"\u2028","token":"{plant()}"}}\n\n'),
    ("text/plain", f"access_token={plant()}&scope=all"),
    ("application/json", json.dumps({"pin": 470011220033})),
]
_split = json.dumps({"password": plant()})
_pieces = [_split[start : start + 5] for start in range(0, len(_split), 5)]
ANSWERS.append(
    (
        "text/event-stream",
        "".join(f"data: {json.dumps({'arguments': one})}\n\n" for one in _pieces),
    )
)
LAST = next(_numbers)

HARMLESS = {
    "code": "US", "state": "California", "sign": "leo", "ticket": "IC-2026-11-25-BERLIN-01", "tokens": ["the", " cat"],
    "max_tokens": 512, "token_count": 17, "token_type": "bearer", "next_page_token": "page2abc", "pageToken": "p3",
    "author": "Ann Lee", "authority": "city", "secretary": "Bob", "secret_santa": "Cleo", "password_policy": "strong",
    "has_password": True, "password_hint": "pet", "cookie_consent": "yes", "cookie_banner": "shown", "signature_version": "4",
    "public_key": "pk-public", "primary_key": "id", "sort_key": "name", "foreign_key": "user", "cache_key": "k1",
    "pin_code": "110001", "map_pin": "blue", "session_count": 3, "session_name": "keynote", "sessions": ["a", "b"],
    "assertion": "a equals b", "assertions": 12, "hmac_algorithm": "sha256", "challenge": "30 days", "device_code": "iPhone14",
    "user_code": "ann", "login_hint": "ann@shop.test", "RelayState": "/home", "pass": "annual", "passenger": "Dan",
    "request": "GET /users", "nonce_count": 2, "promo_code": "SPRING", "postal_code": "94103", "status_code": 200,
    "otp_length": 6, "cvv_required": False, "dsn_host": "db", "webhook": "on", "license": "MIT", "subscription": "monthly",
    "credit": "high", "bearer_name": "Eve", "jwt_algorithm": "RS256", "csrf_enabled": True, "auth_method": "sso",
    "key": "size", "verifier": "Fay", "totp_enabled": True, "recovery_email": "a@b.test", "backup_codes_count": 8,
    "sid": "SM0123456789abcdef0123456789abcdef",
}  # fmt: skip


class Handler(loopback.Handler):
    """Echoes nothing, and answers with what is planted."""

    def handle_any(self):
        self.body()
        kind, _, number = self.path.strip("/").partition("/")
        if kind == "answer":
            media_type, text = ANSWERS[int(number)]
            self.answer(200, text, media_type)
        elif kind == "login":
            self.json({"ok": True}, Set_Cookie=f"sid={planted(LAST)}; Path=/")
        elif kind == "harmless":
            self.json(HARMLESS)
        else:
            self.json({"ok": True})

    do_GET = do_POST = handle_any


TEST = """
    import json, os, pathlib, pytest, redis, requests, sqlalchemy as sa
    from support.http_drivers import DRIVERS, Ask

    API = os.environ["API"]
    PLAN = json.loads(pathlib.Path("plan.json").read_text())
    OWN = PLAN["own"]

    CHOSEN = [one for one in DRIVERS if one.name in PLAN["clients"]]

    @pytest.mark.parametrize("client", CHOSEN, ids=lambda one: one.name)
    def test_client(client):
        asks = [Ask(path, method, headers, body.encode() or None) for method, path, headers, body in PLAN["requests"]]
        asks += [Ask(f"/answer/{number}") for number in range(PLAN["answers"])]
        client.talk(API, *asks, Ask("/login", "POST"))

    def test_harmless():
        answer = requests.post(API + "/harmless", json=PLAN["harmless"])
        assert answer.json() == PLAN["harmless"]

    def test_sql():
        engine = sa.create_engine("sqlite://")
        with engine.begin() as connection:
            connection.execute(sa.text("create table users (name text, password text, api_key text)"))
            insert = sa.text("insert into users values ('ann', :password, :api_key)")
            connection.execute(insert, {"password": OWN[0], "api_key": OWN[1]})
            connection.execute(sa.text(f"update users set password = '{OWN[2]}' where password = '{OWN[0]}'"))
            connection.execute(sa.text("select password, api_key from users")).all()

    def test_redis():
        store = redis.Redis(port=int(os.environ["REDIS"]))
        store.set("ann:api_key", OWN[3])
        store.hset("user:1", mapping={"password": OWN[4], "token": OWN[5]})
        store.hgetall("user:1"), store.get("ann:api_key")
        store.set("config", json.dumps({"client_secret": OWN[6]}))
"""


@pytest.mark.parametrize(
    "clients",
    [
        pytest.param(["requests"], id="requests"),
        pytest.param(
            [one.name for one in DRIVERS if one.line != "requests"],
            id="others",
            marks=pytest.mark.rare,
        ),
    ],
)
def test_none_of_the_planted_secrets_is_stored_or_shown(project, redis_server, clients):
    pytest.importorskip("requests")
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("redis")
    own = [planted(LAST + 1 + number) for number in range(7)]
    secrets = [planted(number) for number in range(LAST + 8) if number != SENT]
    plan = {
        "requests": REQUESTS,
        "answers": len(ANSWERS),
        "clients": clients,
        "harmless": HARMLESS,
        "own": own,
    }
    project.ini("http", "sqlalchemy", "redis")
    project.root.joinpath("plan.json").write_text(json.dumps(plan))
    project.write("test_plants.py", TEST)

    with serving(loopback.Server(Handler)) as server:
        env = {"API": server.url, "REDIS": str(redis_server.port)}
        run = project.run("--mimic-record", "--mimic-report=page.html", env=env)
    replayed = project.run(env={**env, "REDIS": "1"})

    run.expect(passed=3 + len(clients))
    replayed.expect(passed=3 + len(clients))
    page = project.root.joinpath("page.html").read_text()
    stored = b"\n".join(run.vault.values()).decode()
    seen = "\n".join([stored, run.output, replayed.output, page])
    assert len(secrets) + len(TOKENS) >= 150
    assert len(HARMLESS) >= 60
    assert [secret for secret in [*secrets, *TOKENS] if secret in seen] == []
    assert "470011220033" not in seen


GRPC = """
    import grpc, os
    from support.grpc_server import protos, services

    PLANTED = os.environ["PLANTED"].split()

    def test_grpc():
        with grpc.insecure_channel(os.environ["LIBRARY"]) as channel:
            stub = services.LibraryStub(channel)
            metadata = [
                ("authorization", "Bearer " + PLANTED[0]),
                ("x-api-key", PLANTED[1]),
                ("session-token-bin", PLANTED[2].encode()),
                ("cookie", "sid=" + PLANTED[3]),
                ("x-goog-api-key", PLANTED[6]),
                ("proxy-authorization", "Custom " + PLANTED[7]),
            ]
            wish = protos.Wish(title="Emma", password=PLANTED[4])
            book = stub.Find(wish, metadata=metadata)
            title = '{"client_secret": "' + PLANTED[5] + '"}'
            stub.Find(protos.Wish(title=title))
            list(stub.List(protos.Wish(title="of " + PLANTED[4], count=2, password=PLANTED[4])))
            assert stub.Store(iter([wish, wish])).id == 1
            stub.Find(protos.Wish(title=book.api_key))
"""


def test_none_of_those_of_grpc_is_stored_or_shown(project):
    pytest.importorskip("grpc_tools")
    from support.grpc_server import TOKEN, running_library

    secrets = [planted(500 + number) for number in range(8)]
    project.process = True
    project.ini("grpc match=metadata")
    project.write("test_plants.py", GRPC)

    with running_library() as library:
        env = {
            "LIBRARY": library.target,
            "PLANTED": " ".join(secrets),
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        run = project.run("--mimic-record", "--mimic-report=page.html", env=env)
        library.stop()
        replayed = project.run(env=env)

    assert_hidden(project, run, replayed, [*secrets, TOKEN])


MCP = """
    import asyncio, json, os, pytest, sys
    from mcp import Client, StdioServerParameters

    PLANTED = os.environ["PLANTED"].split()
    SERVER = StdioServerParameters(
        command=sys.executable,
        args=["server.py", "--token", PLANTED[0], "--api-key=" + PLANTED[6]],
        env={"API_KEY": PLANTED[1]},
    )
    MISSING = StdioServerParameters(command="no-such", args=["--token", PLANTED[0]])

    async def talk():
        async with Client(SERVER) as client:
            await client.call_tool("log_in", {"api_key": PLANTED[2]})
            nested = {"text": "a", "user": {"password": PLANTED[3]}, "again": PLANTED[3]}
            await client.call_tool("say", nested)
            await client.call_tool("say", {"text": json.dumps({"token": PLANTED[4]})})
            headers = {"Authorization": "Bearer " + PLANTED[7]}
            await client.call_tool("say", {"text": "b", "headers": headers})
            variables = [{"name": "API_KEY", "value": PLANTED[8]}]
            await client.call_tool("say", {"text": "c", "env": variables})
            patch = {"op": "add", "path": "/password", "value": PLANTED[9]}
            await client.call_tool("say", {"text": "d", "changes": [patch]})
            await client.call_tool("say", {"text": f"https://ann:{PLANTED[5]}@shop.test/"})

    def test_mcp():
        asyncio.run(talk())

    def test_missing(mimic_mode):
        if mimic_mode == "record":  # A start that fails is not recorded.
            with pytest.raises(FileNotFoundError):
                asyncio.run(talk_to_nobody())

    async def talk_to_nobody():
        async with Client(MISSING) as client:
            await client.list_tools()
"""


@pytest.mark.rare
def test_none_of_those_of_mcp_is_stored_or_shown(project):
    pytest.importorskip("mcp")
    secrets = [planted(600 + number) for number in range(10)]
    server = Path(__file__).parents[1] / "support/mcp_stdio_server.py"
    shutil.copy(server, project.root / "server.py")
    project.write("answer", "as usual")
    project.ini("mcp")
    project.write("test_plants.py", MCP)
    project.process = True
    env = {"PLANTED": " ".join(secrets)}

    run = project.run("--mimic-record", "--mimic-report=page.html", env=env)
    project.root.joinpath("server.py").unlink()
    replayed = project.run(env=env)

    assert_hidden(project, run, replayed, secrets)


def assert_hidden(project, run, replayed, secrets):
    """Assert that both runs pass, and that no secret is in the vault or was printed."""
    run.expect(passed=sum(run.outcomes.values()))
    replayed.expect(passed=sum(run.outcomes.values()))
    page = project.root.joinpath("page.html").read_text()
    stored = b"\n".join(run.vault.values()).decode()
    seen = "\n".join([stored, run.output, replayed.output, page])
    assert "redacted" in stored
    assert [secret for secret in secrets if secret in seen] == []
    coded = [base64.b64encode(secret.encode()).decode() for secret in secrets]
    assert [code for code in coded if code in seen] == []
