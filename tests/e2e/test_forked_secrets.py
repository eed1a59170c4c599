"""What one process of a run has sent, or was issued, is known in all that share its test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import pytest
from support import loopback
from support.forked_calls import WAYS
from support.loopback import serving

pytest_plugins = ("support.forking",)

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


class Handler(loopback.Handler):
    """A service that issues another token at each log-in."""

    server: Service

    def do_POST(self) -> None:
        self.body()
        if self.path == "/login":
            token = f"tok-{next(self.server.tokens)}-f00d4711"
            self.server.users[token] = f"user {len(self.server.users) + 1}"
            self.json({"access_token": token})
        else:
            self.json({"created": True})

    def do_GET(self) -> None:
        token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        word = self.path.rpartition("/")[2]
        user = self.server.users.get(token) or self.server.users.get(word)
        self.json({"user": user, "said": self.headers["X-Note"]})


class Service(loopback.Server):
    def __init__(self) -> None:
        super().__init__(Handler)
        self.tokens = count(1)
        self.users: dict[str, str] = {}


@pytest.fixture
def server() -> Iterator[Service]:
    with serving(Service()) as service:
        yield service


LOGIN = """
def log_in():
    sent = {"user": "ann", "password": "pw-4711-0815"}
    return requests.post(URL + "/login", json=sent).json()["access_token"]

def ask(token):
    bearer = {"Authorization": "Bearer " + token}
    return requests.get(URL + "/me", headers=bearer).json()["user"]

def open_path(token):
    return requests.get(URL + "/open/" + token).json()["user"]
"""


def stored(forking) -> bytes:
    """Return all that the vault holds."""
    return b"".join(forking.files().values())


@pytest.mark.parametrize("way", WAYS)
def test_a_token_of_a_log_in_in_a_child_is_hidden_where_others_send_it(
    forking, server, way
):
    """The parent and a brother send it in a path, in which nothing names it."""
    forking.forking_tests(f"""{LOGIN}
def test_token():
    token = {way}(log_in)
    assert open_path(token) == "user 1"
    assert {way}(open_path, token) == "user 1"
    assert ask(token) == "user 1"
""")

    forking.run_forking("--mimic-record").expect(passed=1, says=["4 calls recorded"])

    assert b"f00d4711" not in stored(forking)
    server.stop()
    forking.run_forking().expect(passed=1, says=["4 calls replayed"])


def test_the_tokens_of_equal_log_ins_in_two_children_stay_two(forking, server):
    """In a replay they may be sent in another order."""
    forking.forking_tests(f"""{LOGIN}
def test_tokens():
    tokens = [in_fork(log_in), in_fork(log_in), log_in()]
    users = {{0: "user 1", 1: "user 2", 2: "user 3"}}
    for number in map(int, os.environ["ORDER"].split()):
        assert in_fork(ask, tokens[number]) == users[number]
        assert open_path(tokens[number]) == users[number]
""")

    forking.env["ORDER"] = "0 1 2"
    forking.run_forking("--mimic-record").expect(passed=1, says=["9 calls recorded"])

    assert b"f00d4711" not in stored(forking)
    server.stop()
    forking.env["ORDER"] = "2 0 1"
    forking.run_forking().expect(passed=1, says=["9 calls replayed"])


def test_what_a_brother_has_sent_stays_the_applications_own(forking, server):
    """An answer to another process repeats it; a replay has a made-up one."""
    forking.forking_tests("""
KEY = os.environ["SHOP_PASSPHRASE_OF_TEST"]

def send():
    return requests.post(URL + "/notes", json={"password": KEY}).json()["created"]

def repeat():
    return requests.get(URL + "/echo", headers={"X-Note": KEY}).json()["said"]

def test_key():
    assert in_fork(send)
    said = in_fork(repeat)
    assert ("RECORDING" in os.environ) == (said == KEY)
""")

    forking.env.update(SHOP_PASSPHRASE_OF_TEST="own-4711-0815", RECORDING="1")
    forking.run_forking("--mimic-record").expect(passed=1)

    assert b"own-4711-0815" not in stored(forking)
    del forking.env["RECORDING"]
    forking.env["SHOP_PASSPHRASE_OF_TEST"] = "made-up-by-the-replay"
    server.stop()
    forking.run_forking().expect(passed=1)


@pytest.mark.rare
def test_equal_calls_of_two_processes_that_differ_in_a_secret_are_named(
    forking, server
):
    forking.forking_tests(f"""{LOGIN}
def test_users():
    in_fork(ask, "key-of-ann-1")
    ask("key-of-bob-2")
""")

    run = forking.run_forking("--mimic-record")

    run.expect(passed=1, says=["differ in authorization"])


def test_equal_calls_of_two_processes_have_no_common_recording(forking, server):
    """Under `sequence=no` one recording would serve both: the second one is refused."""
    forking.ini("http sequence=no")
    forking.forking_tests(f"""{LOGIN}
def test_users():
    in_fork(ask, "key-of-ann-1")
    ask("key-of-bob-2")
""")

    run = forking.run_forking("--mimic-record")

    run.expect(failed=1, says=["one recording would serve both"])


@pytest.mark.rare
def test_a_test_hides_what_a_child_of_another_test_was_issued(forking, server):
    forking.forking_tests(f"""{LOGIN}
TOKENS = []

def test_first():
    TOKENS.append(in_fork(log_in))

def test_second():
    open_path(TOKENS[0])
""")

    forking.run_forking("--mimic-record", "-p", "no:randomly").expect(passed=2)

    assert b"f00d4711" not in stored(forking)


@pytest.mark.rare
def test_verifying_gives_the_tokens_of_children_their_recorded_placeholders(
    forking, server
):
    """The service issues other tokens."""
    forking.forking_tests(f"""{LOGIN}
def test_tokens():
    tokens = [in_fork(log_in), in_fork(log_in)]
    assert [ask(token) for token in tokens] == ["user 1", "user 2"]
""")
    forking.run_forking("--mimic-record").expect(passed=1)
    server.users.clear()

    run = forking.run_forking("--mimic-verify")

    run.expect(passed=1, says=["4 calls verified"])


@pytest.mark.rare
def test_a_log_of_secrets_is_in_no_file_that_has_a_name(forking, server, tmp_path):
    forking.forking_tests(f"""{LOGIN}
def test_token():
    assert open_path(in_fork(log_in)) == "user 1"
""")

    forking.env["TMPDIR"] = str(tmp_path)
    forking.run_forking("--mimic-record").expect(passed=1)

    texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"f00d4711" in text for text in texts)
