"""Of secrets that are planted in the calls of each client no byte is stored or shown.

Which names and texts hold secrets stands in values/test_secret_names and
values/test_secrets_in_texts.
"""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

import pytest
from support import loopback
from support.http_drivers import DRIVERS, Ask
from support.loopback import serving
from support.planted import assert_hidden, planted

pytest_plugins = ("support.database_servers",)


def jwt(name):
    """Return what looks like a JSON Web Token; it is secret by its look."""
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    claims = base64.urlsafe_b64encode(json.dumps({"sub": name}).encode())
    return f"{header}.{claims.decode().rstrip('=')}.{'s' * 20}{name}"


TOKENS = [jwt(f"Planted{number}") for number in range(4)]
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = {"Content-Type": "multipart/form-data; boundary=b"}
PART = '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{}\r\n--b--\r\n'
BASIC = base64.b64encode(f"ann:{planted(1)}".encode()).decode()


def sent(headers, body):
    """Return a request with a body."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Ask("/echo", "POST", headers, text.encode())


REQUESTS = [
    Ask("/echo?" + urlencode({"q": "shoes", "api_key": planted(0)})),
    Ask("/echo", headers={"Authorization": f"Basic {BASIC}"}),
    Ask("/echo", headers={"Authorization": f"Bearer {planted(2)}"}),
    Ask("/echo", headers={"X-Api-Key": planted(3)}),
    Ask("/echo", headers={"Cookie": f"sid={planted(4)}; theme={planted(5)}"}),
    sent(JSON, {"user": "ann", "deep": [{"password": planted(6)}]}),
    sent(FORM, urlencode({"grant_type": "code", "code": planted(7)})),
    sent(PARTS, PART.format(planted(8))),
    # What was sent under its name, in a path, a query and a text.
    Ask(f"/users/{planted(6)}/me"),
    Ask(f"/echo?note=of-{planted(6)}"),
    sent(JSON, {"note": f"it was {planted(6)}"}),
    Ask(f"/of/{TOKENS[0]}"),
    Ask(f"/echo?cursor={TOKENS[1]}"),
    sent(JSON, {"request": TOKENS[2]}),
    sent({"Content-Type": "text/plain"}, TOKENS[3]),
]
# Answers, by their media types.
ANSWERS = [
    ("application/json", json.dumps({"of": {"access_token": planted(10)}})),
    ("application/json", json.dumps({"pin": 470011220033})),
    ("text/html", f'<input name="csrf_token" value="{planted(11)}">'),
    ("text/event-stream", f'data: {{"token": "{planted(9)}"}}\n\n'),
]
COOKIE = planted(12)
OWN = [planted(20 + number) for number in range(7)]
SECRETS = [*(planted(number) for number in range(13)), *OWN, *TOKENS, "470011220033"]


class Handler(loopback.Handler):
    """Echoes nothing, and answers with what is planted."""

    def handle_any(self):
        self.body()
        kind, _, number = self.path.strip("/").partition("/")
        if kind == "answer":
            media_type, text = ANSWERS[int(number)]
            self.answer(200, text, media_type)
        elif kind == "login":
            self.json({"ok": True}, Set_Cookie=f"sid={COOKIE}; Path=/")
        else:
            self.json({"ok": True})

    do_GET = do_POST = handle_any


TEST = """
    import json, os, pytest, redis, sqlalchemy as sa
    from clients.test_planted_secrets import ANSWERS, OWN, REQUESTS
    from support.http_drivers import DRIVERS, Ask

    API = os.environ["API"]
    CHOSEN = [one for one in DRIVERS if one.name in os.environ["CLIENTS"].split(",")]

    @pytest.mark.parametrize("client", CHOSEN, ids=lambda one: one.name)
    def test_client(client):
        asks = [*REQUESTS, *(Ask(f"/answer/{number}") for number in range(len(ANSWERS)))]
        client.talk(API, *asks, Ask("/login", "POST"))

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
    project.ini("http", "sqlalchemy", "redis")
    project.write("test_plants.py", TEST)
    env = {"CLIENTS": ",".join(clients)}

    with serving(loopback.Server(Handler)) as server:
        env |= {"API": server.url, "REDIS": str(redis_server.port)}
        run = project.record("--mimic-report=page.html", env=env)
    replayed = project.run(env={**env, "REDIS": "1"})

    run.expect(passed=2 + len(clients))
    assert_hidden(project, run, replayed, SECRETS)
