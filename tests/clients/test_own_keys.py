"""Section 5, *Security*: equal calls that differ only in the application's own keys."""

from __future__ import annotations

import re

import pytest
from support import loopback

pytest.importorskip("httpx")

TEST = """
    API = os.environ["API"]

    def me(key, user):
        headers = {"X-Api-Key": key, "X-User": user}
        return httpx.get(API + "/me", headers=headers).json()["user"]

    def test_two_users():
        assert me("key-of-ann-0123456789", "ann") == "ann"
        assert me("key-of-eve-0123456789", "eve") == "eve"
"""


class Handler(loopback.Handler):
    """Knows users by their keys."""

    def do_GET(self):
        self.json({"user": self.headers["X-Api-Key"].split("-")[2]})


def record(project, line):
    project.ini(line)
    project.tests(TEST)
    with project.shop(Handler):
        return project.record()


def test_in_a_log_they_keep_their_order_and_are_named(project):
    run = record(project, "http").expect(passed=1)

    project.run().expect(passed=1)
    section = "\n".join(run.section)
    assert "GET /me" in section
    assert "to tell them apart: http match=headers.x-user" in section
    assert b"key-of-ann" not in b"".join(run.vault.values())


def test_the_named_header_tells_them_apart(project):
    run = record(project, "http match=headers.x-user").expect(passed=1)

    project.run().expect(passed=1)
    assert "match=" not in "\n".join(run.section)


def test_where_one_recording_serves_all_a_second_sender_is_refused(project):
    run = record(project, "http sequence=no").expect(failed=1)

    # Pytest shows the lines of the test, which hold the keys.
    said = "\n".join(re.findall(r"^E .*", run.output, re.M) + run.section)
    assert "GET /me" in said
    assert "to tell them apart: http match=headers.x-user shared" in said
    assert "key-of-" not in said


LOGINS = """
    def log_in(secret):
        form = {"client_id": "shop", "client_secret": secret}
        return httpx.post(os.environ["API"] + "/token", data=form).status_code

    def test_right():
        assert log_in("right-secret") == 200

    def test_wrong():
        assert log_in("wrong") == 401
"""


class Tokens(loopback.Handler):
    """Knows one secret."""

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        is_right = b"right-secret" in self.rfile.read(size)
        self.json({}, status=200 if is_right else 401)


def test_a_replay_gives_a_second_sender_no_shared_recording(project):
    project.ini("http sequence=no")
    project.tests(LOGINS)
    with project.shop(Tokens):
        project.record("test_shop.py::test_right")

    run = project.run().expect(passed=1, failed=1)

    assert "is sent with a different client_secret" in run.output
    assert "content-length" not in run.output
    assert "leave out shared" in run.output


def test_a_replay_gives_a_shared_recording_whatever_the_key_in_a_header(project):
    project.ini("http sequence=no")
    project.tests(TEST.replace('== "eve"', '== "ann"'))
    with project.shop(Handler):
        project.record().expect(failed=1)

    project.run().expect(passed=1)


SIGNED = {
    # A signature holds the second in which it was made.
    "one sender": """
        for second in ("07", "08"):
            signed = f"AWS4-HMAC-SHA256 Credential=AKID/20261128, Signature=a{second}"
            date = f"20261128T1757{second}Z"
            headers = {"Authorization": signed, "X-Amz-Date": date, "X-Api-Key": "a-b-c"}
            assert httpx.get(os.environ["API"], headers=headers).json()
    """,
    "two senders": """
        for key in ("AKIDANN", "AKIDBOB"):
            signed = f"AWS4-HMAC-SHA256 Signature=a07, Credential={key}/20261128"
            headers = {"Authorization": signed, "X-Api-Key": "a-b-c"}
            assert httpx.get(os.environ["API"], headers=headers).json()
    """,
}


@pytest.mark.parametrize("senders", SIGNED)
def test_what_stands_around_a_signature_tells_senders_apart(project, senders):
    project.ini("http")
    project.test(SIGNED[senders])
    with project.shop(Handler):
        run = project.record().expect(passed=1)

    assert ("only their order" in run.output) is (senders == "two senders")
