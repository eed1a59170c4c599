"""Section 5, *Security*: a client can read the JWT that a replay gives it."""

from __future__ import annotations

import base64
import json
import time
import uuid

import pytest
from support import loopback

pytest.importorskip("httpx")


def _encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


SIGNATURE = "Sig0123456789abcdefghijk"
API_KEY = "Key0123456789abcdef"


def _issued():
    """Return a token as a service issues it: another one at each log-in."""
    now, own_id = time.time(), str(uuid.uuid4())
    own = {"iat": now, "nbf": now, "exp": now + 300, "jti": own_id}
    claims = {"sub": "ann", **own, "api_key": API_KEY}
    header = _encoded({"alg": "HS256", "typ": "JWT"})
    return f"{header}.{_encoded(claims)}.{SIGNATURE}{own_id}"


TEST = """
    import base64, httpx, json, os, time

    API = os.environ["API"]

    def claims_of(token):
        payload = token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))

    def is_of_whole_bytes(part):
        # PyJWT refuses others.
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        return base64.urlsafe_b64encode(data).decode().rstrip("=") == part

    def test_the_token_is_valid():
        token = httpx.post(API + "/login").json()["access_token"]
        claims = claims_of(token)
        assert claims["sub"] == "ann"
        assert all(map(is_of_whole_bytes, token.split(".")))
        assert claims["iat"] < time.time() < claims["exp"]
        answer = httpx.get(API + "/me", headers={"Authorization": "Bearer " + token})
        assert answer.json() == {"me": "ann"}
"""


class Handler(loopback.Handler):
    """Issues a token, and wants it back."""

    def do_POST(self):
        self.body()
        token = _issued()
        self.server.issued.append(token)
        self.json({"access_token": token})

    def do_GET(self):
        scheme, _, token = self.headers["Authorization"].partition(" ")
        is_known = scheme == "Bearer" and token in self.server.issued
        self.json({"me": "ann"} if is_known else {}, 200 if is_known else 401)


def test_a_jwt_is_read_in_a_replay_and_stands_nowhere(project):
    project.ini("http")
    project.tests(TEST)
    with project.shop(Handler) as server:
        server.issued = []
        recorded = project.record().expect(passed=1)

        project.run("--mimic-verify").expect(passed=1)
        again = project.run("--mimic-rerecord").expect(passed=1)

    replayed = project.run().expect(passed=1)
    assert again.vault == recorded.vault
    stored = b"".join(recorded.vault.values()).decode()
    for secret in (SIGNATURE, API_KEY, *server.issued):
        assert secret not in stored + recorded.output + replayed.output
