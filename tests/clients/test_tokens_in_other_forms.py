"""Section 5, secrets: an issued token that is sent back in another form, in part, or as its digest."""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import quote, quote_plus

import pytest
from support import loopback

# How a token is sent back that `/login` has given, and the form in which it is known then.
FORMS = {
    "base64": "base64.b64encode(token.encode()).decode()",
    "base64, in a URL": "base64.urlsafe_b64encode(json.dumps({'t': token}).encode()).decode()",
    "base64 of a page": "base64.urlsafe_b64encode(('<p>' * 2000 + token).encode()).decode()",
    "base64 without its end": "base64.b64encode((token + '?').encode()).decode().rstrip('=')",
    "capitals": "token.upper()",
    "small letters": "token.lower()",
    "hex": "token.encode().hex()",
    "of a URL": "quote(token, safe='')",
    "escaped": "json.dumps(json.dumps({'a': token}))",
}
PIECES = {
    "first half": "token[:len(token) // 2]",
    "second half": "token[len(token) // 2:]",
    "sha256": "hashlib.sha256(token.encode()).hexdigest()",
    "md5": "base64.b64encode(hashlib.md5(token.encode()).digest()).decode()",
}
SENDS = """
    import base64, hashlib, httpx, json, os
    from urllib.parse import quote

    def test_it():
        with httpx.Client(base_url=os.environ["API"]) as client:
            token = client.get("/login").json()["access_token"]
            client.get("/echo", params={"b": FORM})
            client.post("/echo", json={"b": FORM})
            client.post("/echo", json={"api_key": FORM, "b": token})
            client.get("/echo/" + quote(FORM, safe=""))
"""
TOKEN = "Tk-" + "q7Rk2mT9xW4vB8nZ3pL6sD5fG1hJ0" + "/QwErTy"
IN_BASE64 = base64.b64encode(TOKEN.encode()).decode()


class Login(loopback.Handler):
    def do_GET(self):
        self.body()
        is_login = self.path == "/login"
        self.json({"access_token": TOKEN} if is_login else {"you_sent": IN_BASE64})

    do_POST = do_GET


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_token_in_another_form_is_hidden_and_a_replay_sends_it_so(project, form):
    project.ini("http")
    project.tests(SENDS.replace("FORM", form))
    sent = eval(form, {"base64": base64, "json": json, "quote": quote, "token": TOKEN})

    with project.shop(Login):
        run = project.record()
    run.expect(passed=1, never=["misses"])

    kept = b"".join(run.vault.values()).decode()
    for text in (sent, quote_plus(sent), TOKEN, IN_BASE64):
        assert text not in kept
    project.run().expect(passed=1)


@pytest.mark.parametrize("form", PIECES.values(), ids=PIECES)
def test_a_request_with_a_part_or_a_digest_of_a_token_is_named(project, form):
    project.ini("http")
    project.tests(SENDS.replace("FORM", form))
    sent = eval(form, {"base64": base64, "hashlib": hashlib, "token": TOKEN})

    with project.shop(Login):
        run = project.record()

    run.expect(passed=1, says=["sends another request, and misses", "GET /echo"])
    if "token[" in form:
        assert sent not in b"".join(run.vault.values()).decode()
