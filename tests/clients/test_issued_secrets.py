"""Two secrets that services issue stay two, and those of the application stay its own, through every client."""

from __future__ import annotations

import json
import re
import threading
from itertools import count
from urllib.parse import parse_qs, urlsplit

import pytest
from support import loopback
from support.face import ISSUED, PLACEHOLDER

pytest_plugins = ("support.database_servers",)

# Each run of the server issues other secrets.
RUNS = count(1)
# How long the slow ones of concurrent answers wait at most, in seconds.
PATIENCE = 10


class Handler(loopback.Handler):
    """A service that issues tokens, pages, sessions and numbers."""

    server: Service

    def handle_any(self):
        url = urlsplit(self.path)
        self.sent = self.body()
        self.query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        page = getattr(self, f"page_{url.path.split('/')[1]}")
        page()

    def token(self, *words):
        return "-".join(["tok", *words, f"{self.server.run}f00d4711"])

    def page_login(self):
        sent = json.loads(self.sent)
        user = sent["user"]
        self.json(
            {
                self.server.field: self.token(user),
                "pin": self.server.run * 1000000 + len(user),
            },
            Set_Cookie=f"sid={self.token('sid', user)}; Path=/",
        )

    def page_me(self):
        given = self.headers["Authorization"] or self.headers["Cookie"] or "nobody"
        user = re.search("ann|bob|nobody", given)[0]
        self.json({"user": user})

    def page_list(self):
        """Serve three pages of a list, of which `books` answers after `maps` has ended."""
        name, _, page = self.query.get("token", f"{self.query.get('set')}:0").partition(
            ":"
        )
        name = name.removeprefix("page-")
        if name == "books" and self.query.get("slow") and page == "0":
            self.server.maps_ended.wait(PATIENCE)
        number = int(page.partition("-")[0])
        answer = {"item": f"{name}{number}"}
        if number < 2:
            answer["token"] = f"page-{name}:{number + 1}-{self.server.run}ab12"
        elif name == "maps":
            self.server.maps_ended.set()
        self.json(answer)

    def page_number(self):
        self.json({"pin": int(self.query["of"]) * 1000000 + self.server.run})

    def page_open(self):
        self.json({"opened": self.path.rpartition("/")[2][:1]})

    def page_echo(self):
        self.json({"token": self.query.get("token"), "said": self.query.get("note")})

    def page_repeat(self):
        note = self.query["note"]
        self.json({"access_token": note, "said": note})

    def page_form(self):
        """Serve a form with a token that is good for one order."""
        if self.command == "POST":
            sent = parse_qs(self.sent.decode())
            is_known = sent.get("csrf_token") == [self.server.form_token]
            self.json({"ordered": sent["q"][0] if is_known else "nothing"})
            return
        self.server.form_token = self.token("form", f"{next(RUNS)}")
        field = f'<input name="csrf_token" value="{self.server.form_token}">'
        link = f'<a href="/form?csrf_token={self.server.form_token}">again</a>'
        self.answer(200, f"<html><form>{field}</form>{link}</html>", "text/html")

    do_GET = do_POST = handle_any


class Service(loopback.Server):
    def __init__(self, field="access_token"):
        super().__init__(Handler)
        self.run = next(RUNS)
        self.field = field
        self.form_token = ""
        self.maps_ended = threading.Event()


TWO_LISTS = """
    import asyncio, os, re, httpx

    URL = os.environ["API"] + "/list"

    async def harvest(client, name):
        items, query = [], {"set": name}
        while True:
            page = (await client.get(URL, params={**query, "slow": "yes"})).json()
            items.append(page["item"])
            if "token" not in page:
                return items
            query = {"set": "", "token": page["token"]}

    async def walk():
        async with httpx.AsyncClient() as client:
            return await asyncio.gather(*(harvest(client, one) for one in ("books", "maps")))

    def test_two_lists():
        books, maps = asyncio.run(walk())

        assert books == ["books0", "books1", "books2"]
        assert maps == ["maps0", "maps1", "maps2"]
"""


def test_two_lists_that_are_walked_side_by_side_keep_their_pages(project):
    pytest.importorskip("httpx")
    project.ini("http ignore=port")
    project.write("test_two_lists.py", TWO_LISTS)

    with project.shop(Service()):
        project.record().expect(passed=1)
    replayed = project.run()
    with project.shop(Service()):
        verified = project.run("--mimic-verify")

    replayed.expect(passed=1)
    verified.expect(passed=1)


LOGINS = """
    import os, threading, httpx, requests

    API = os.environ["API"]

    def log_in(user):
        session = requests.Session()
        answer = session.post(API + "/login", json={"user": user, "password": "pw-" + user})
        return session, answer.json()

    def test_two_users():
        (ann, of_ann), (bob, of_bob) = log_in("ann"), log_in("bob")
        order = os.environ["ORDER"].split()
        sessions = {"ann": ann, "bob": bob}
        tokens = {"ann": of_ann["access_token"], "bob": of_bob["access_token"]}

        for user in order:
            assert sessions[user].get(API + "/me").json() == {"user": user}
        for user in order:
            bearer = {"Authorization": "Bearer " + tokens[user]}
            assert httpx.get(API + "/me", headers=bearer).json() == {"user": user}
        for user in order:
            assert requests.get(API + "/open/" + tokens[user]).status_code == 200
"""


def test_the_sessions_and_tokens_of_two_users_stay_two(project):
    """The order of their requests may be another one in a replay."""
    pytest.importorskip("httpx")
    project.ini("http")
    project.write("test_users.py", LOGINS)

    with project.shop(Service()):
        env = {"ORDER": "ann bob"}
        run = project.record(env=env).expect(passed=1)
    replayed = project.run(env={**env, "ORDER": "bob ann"})

    replayed.expect(passed=1)
    assert b"f00d4711" not in b"".join(run.vault.values())


FORMS = """
    import html, os, re, urllib.parse, pytest, requests

    API = os.environ["API"] + "/form"
    READERS = {
        "parser": lambda page: html.unescape(re.search('value="(.*?)"', page)[1]),
        "pattern": lambda page: re.search('value="(.*?)"', page)[1],
        "link": lambda page: urllib.parse.unquote(
            html.unescape(re.search('csrf_token=([^"]*)"', page)[1])
        ),
    }

    @pytest.mark.parametrize("reader", READERS)
    def test_order(reader):
        for drink in ("tea", "coffee"):
            token = READERS[reader](requests.get(API).text)
            order = requests.post(API, data={"csrf_token": token, "q": drink})
            assert order.json() == {"ordered": drink}
"""


def test_a_form_of_a_page_is_sent_with_the_token_of_its_page(project):
    """The placeholder stands in the page as markup, as a parser and a pattern read it."""
    pytest.importorskip("requests")
    project.ini("http ignore=port")
    project.write("test_forms.py", FORMS)

    with project.shop(Service()):
        run = project.record().expect(passed=3)
    replayed = project.run()
    with project.shop(Service()):
        verified = project.run("--mimic-verify")
        project.run("--mimic-rerecord").expect(passed=3)
    again = project.run()

    replayed.expect(passed=3)
    verified.expect(passed=3)
    again.expect(passed=3)
    assert b"f00d4711" not in b"".join(run.vault.values())


def test_a_number_has_a_number_of_its_own(project):
    pytest.importorskip("requests")
    project.ini("http")
    project.test("""
        import requests
        API = os.environ["API"]
        pins = [requests.get(API + "/number", params={"of": n}).json()["pin"] for n in (1, 2)]
        for pin in pins:
            requests.get(API + "/open", params={"pin": pin})
            requests.get(f"{API}/open/{pin}")
            requests.post(API + "/open", json={"pin": pin})
        assert pins[0] != pins[1] and all(isinstance(pin, int) for pin in pins)
        assert ("RECORDING" in os.environ) == (pins[0] < 3000000)
    """)

    with project.shop(Service()):
        recorded = project.record(env={"RECORDING": "1"})
    replayed = project.run()

    recorded.expect(passed=1)
    replayed.expect(passed=1)


SIGNED = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0NzExIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV"


@pytest.mark.parametrize(
    "value", [SIGNED, "47f00d11+a/b=="], ids=["a JWT", "with escapes"]
)
def test_what_an_answer_repeats_stays_that_of_the_application(project, value):
    """It has stood in an address, under a name that says nothing."""
    pytest.importorskip("requests")
    project.ini("http")
    project.test("""
        import requests
        for _ in range(2):
            requests.get(os.environ["API"] + "/repeat", params={"note": os.environ["NOTE"]})
    """)

    with project.shop(Service()):
        recorded = project.record(env={"NOTE": value}).expect(passed=1)
    project.run(env={"NOTE": value}).expect(passed=1)

    stored = b"".join(recorded.vault.values()).decode()
    assert not re.search(ISSUED, stored)
    assert SIGNED not in stored


def test_what_the_application_has_sent_stays_its_own(project):
    """A replay matches with made-up credentials."""
    pytest.importorskip("requests")
    project.ini("http")
    project.test("""
        import requests
        API = os.environ["API"]
        own = os.environ["OWN"]
        for value in (own, own + "-csrf", os.environ["REFRESH_TOKEN"]):
            answer = requests.get(API + "/echo", params={"token": value}).json()
            requests.get(API + "/open", params={"token": answer["token"]})
            requests.get(API + "/open", params={"token": value})
    """)

    with project.shop(Service()):
        env = {
            "OWN": "own-4711-abc",
            "REFRESH_TOKEN": "rt-0815-0815-0815-x",
        }
        recorded = project.record(env=env).expect(passed=1)
    env = {"OWN": "made-up", "REFRESH_TOKEN": "none"}
    project.run(env=env).expect(passed=1)

    stored = b"".join(recorded.vault.values()).decode()
    assert not re.search(ISSUED, stored)
    assert PLACEHOLDER in stored


FIXTURES = """
    API = os.environ["API"]

    @pytest.fixture(scope="session")
    def ann():
        return requests.post(API + "/login", json={"user": "ann", "password": "a"}).json()

    @pytest.fixture(scope="module")
    def bob():
        return requests.post(API + "/login", json={"user": "bob", "password": "b"}).json()

    def test_both(ann, bob):
        for user in (ann, bob):
            requests.get(API + "/open", params={"token": user["access_token"]})

    def test_own(bob):
        mine = requests.post(API + "/login", json={"user": "bob", "password": "b"}).json()
        requests.get(API + "/open", params={"token": mine["access_token"]})
"""


def test_placeholders_do_not_depend_on_other_tests(project):
    """A fixture that another test uses counts as little as the other test."""
    pytest.importorskip("requests")
    project.ini("http")
    project.write("test_it.py", FIXTURES)

    with project.shop(Service()):
        alone = project.record("-k", "own").expect(passed=1, deselected=1)
        project.run("--mimic-rerecord").expect(passed=2)
    together = project.run().expect(passed=2)
    project.run("-k", "own").expect(passed=1, deselected=1)

    def marks(run, names):
        text = b"".join(run.vault[name] for name in names).decode()
        return set(re.findall(ISSUED, text))

    assert marks(alone, alone.vault) == marks(together, alone.vault)


ANN, BOB = "ann-key-4711-0815", "bob-key-0815-4711"


# How a client sends what a recorded answer gave to where no line takes it.
LEFT_OUT = {
    "a header": "requests.get(OPEN, headers={'Authorization': f'Bearer {token}'})",
    "a user": "requests.get(OPEN, auth=(token, ''))",
    "a number in a password": "requests.get(OPEN, auth=('ann', str(pin)))",
    "a form": "requests.post(OPEN, data={'token': token})",
    "a number": "requests.post(OPEN, json={'pin': pin})",
    "httpx": "httpx.post(OPEN, json={'token': token})",
    "a body that aiohttp makes": "asyncio.run(by_aiohttp())",
    "a stream of httpx": "httpx.post(OPEN, content=iter([b'token=', *map(str.encode, token)]))",
    "a stream of aiohttp": "asyncio.run(by_aiohttp(slowly()))",
    "a file of aiohttp": "asyncio.run(by_aiohttp(io.BytesIO(token.encode())))",
    "urllib": "urllib.request.urlopen(OPEN + '?token=' + token)",
    "redis": "redis.Redis(port=PORT).get(token)",
}


@pytest.mark.parametrize("left_out", LEFT_OUT)
def test_a_request_that_is_left_out_is_not_sent_with_a_placeholder(
    project, redis_server, left_out
):
    for name in ("aiohttp", "httpx", "redis", "requests"):
        pytest.importorskip(name)
    project.ini("http exclude='GET /open/*, POST /open/*'", "redis exclude='GET *'")
    project.test(
        """
        import aiohttp, asyncio, httpx, io, redis, requests, urllib.request
        API, PORT = os.environ["API"], int(os.environ["REDIS"])
        OPEN = API + "/open/it"
        login = {"user": "ann", "password": "a"}
        given = requests.post(API + "/login", json=login).json()
        token, pin = given["access_token"], given["pin"]

        async def slowly():
            yield b"token="
            yield token.encode()

        async def by_aiohttp(data=None):
            json = {"token": token} if data is None else None
            async with aiohttp.ClientSession() as client:
                async with client.post(OPEN, data=data, json=json) as answer:
                    await answer.read()

        SEND
    """.replace("SEND", LEFT_OUT[left_out])
    )

    with project.shop(Service()):
        env = {"REDIS": str(redis_server.port)}
        recorded = project.record(env=env)
        replayed = project.run(env=env)

    recorded.expect(passed=1, never=["cannot be sent"])
    remedy = "pytest --mimic-rerecord test_shop.py::test_it"
    replayed.expect(failed=1, says=["cannot be sent", "exclude=", remedy])


THROUGH_ALL = """
    import os, pytest, redis, requests, sqlalchemy as sa

    API = os.environ["API"]

    def test_tokens_through_all_clients(tmp_path):
        engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
        store = redis.Redis(host="127.0.0.1", port=int(os.environ["REDIS"]), decode_responses=True)
        tokens = []
        with engine.begin() as connection:
            connection.execute(sa.text("create table users (name text, token text, pin int)"))
            for user in ("ann", "bobby"):
                given = requests.post(API + "/login", json={"user": user, "password": "p"}).json()
                insert = sa.text("insert into users values (:name, :token, :pin)")
                row = {"name": user, "token": given["access_token"], "pin": given["pin"]}
                connection.execute(insert, row)
                store.hset(f"user:{user}", "token", given["access_token"])
                tokens.append(given["access_token"])
            rows = connection.execute(sa.text("select token, pin from users order by name")).all()
        held = [store.hget(f"user:{user}", "token") for user in ("ann", "bobby")]

        assert [row.token for row in rows] == held == tokens
        assert len({*tokens, rows[0].pin, rows[1].pin}) == 4
        for token in held:
            assert requests.get(API + "/open", params={"token": token}).ok
            assert requests.get(API + "/open/" + token).ok
"""


def test_a_token_is_one_and_the_same_through_all_clients(project, redis_server):
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("redis")
    pytest.importorskip("requests")
    project.ini("http", "sqlalchemy", "redis")
    project.write("test_it.py", THROUGH_ALL)

    with project.shop(Service()):
        env = {"REDIS": str(redis_server.port)}
        run = project.record(env=env).expect(passed=1)
    replayed = project.run(env={**env, "REDIS": "1"})

    replayed.expect(passed=1)
    assert b"f00d4711" not in b"".join(run.vault.values())


SHARED_LOGIN = """
    API = os.environ["API"]

    @pytest.fixture(scope="session")
    def token():
        login = {"user": "ann", "password": "a"}
        answer = requests.post(API + "/login", json=login).json()
        return answer.get("access_token") or answer["token"]

    @pytest.mark.parametrize("n", [1, 2])
    def test_open(token, n):
        requests.get(API + "/open", params={"token": token, "n": n})
"""


@pytest.mark.parametrize("renamed", ["test_login", "test_login_again"])
def test_verifying_knows_a_token_after_a_new_name_or_line(project, renamed):
    """What stands for it was made of the former name and line."""
    pytest.importorskip("requests")
    login = """
        API = os.environ["API"]

        def test_login():
            answer = requests.post(API + "/login", json={"user": "ann", "id": 1}).json()
            requests.get(API + "/open", params={"token": answer["access_token"]})
            assert isinstance(answer["pin"], int)
    """
    project.ini("http ignore=port")
    project.tests(login)
    with project.shop(Service()):
        project.record().expect(passed=1)
    project.tests(login.replace("test_login", renamed))
    project.command("mv", "test_shop.py::test_login", f"test_shop.py::{renamed}")
    project.ini("http ignore=port,body.id")

    with project.shop(Service()):
        project.run("--mimic-verify").expect(passed=1)


def test_a_new_test_with_the_token_of_a_fixture_names_what_records_it(project):
    """`--mimic-record` would replay the log-in, and have no token to send."""
    pytest.importorskip("requests")
    project.ini("http ignore=port")
    project.write("test_it.py", SHARED_LOGIN)
    with project.shop(Service()):
        project.record().expect(passed=2)
        project.write("test_it.py", SHARED_LOGIN.replace("[1, 2]", "[1, 2, 3]"))
        remedy = "pytest --mimic-rerecord 'test_it.py::test_open[3]'"

        missed = project.run().expect(passed=2, failed=1, says=[remedy])
        project.run("--mimic-rerecord", "-k", "3").expect(passed=1, deselected=2)

    assert "--mimic-record " not in missed.output


def test_the_run_names_the_tests_that_hold_an_old_placeholder(project):
    """The remedy, done, ends it."""
    pytest.importorskip("requests")
    project.ini("http ignore=port")
    project.write("test_it.py", SHARED_LOGIN)

    with project.shop(Service()):
        first = project.record()
    with project.shop(Service("token")):
        again = project.run("--mimic-rerecord", "-k", "1")
        whole = project.run("--mimic-rerecord")
    replayed = project.run()

    # For all that the login serves, the test of the run among them.
    tests = "'test_it.py::test_open[1]' 'test_it.py::test_open[2]'"
    remedy = f"pytest --mimic-rerecord {tests}"
    first.expect(passed=2, never=[remedy])
    again.expect(passed=1, deselected=1, exit_code=1, says=[remedy])
    whole.expect(passed=2, never=[remedy])
    replayed.expect(passed=2)
