"""Section 3, `--mimic-verify`: a service that gives new ids is green with one line."""

from __future__ import annotations

import itertools
import json
import sqlite3
import time
import uuid
from contextlib import closing
from datetime import date, timedelta

import pytest
from support import face, loopback
from support.git import git

pytest.importorskip("httpx")
pytest.importorskip("requests")
pytest.importorskip("redis")

pytest_plugins = ("support.database_servers",)

HEAD = """
    import os, {client} as client

    API = os.environ["API"]
"""
TEST = (
    HEAD
    + """
    def test_create_read_change():
        made = client.post(API + "/users", json={{"name": "ann"}}).json()
        place = f"{{API}}/users/{{made['id']}}"
        assert client.get(place).json()["name"] == "ann"
        changed = client.patch(place, json={{"id": made["id"], "name": "eve"}})
        assert changed.json()["name"] == "eve"
        found = client.get(API + "/users", params={{"id": made["id"]}}).json()
        assert found["name"] == "eve"
"""
)

PAYMENT = """
    def test_pay():
        paid = client.post(API + "/payments", json={"sum": 5}).json()
        assert paid["method"]
        assert client.post(API + "/users", json={"name": "bo"}).status_code == 201
"""


NEW = "if this is new each time:"


def lines_under(heading, run):
    """Return the lines of the block below a heading, as they can be pasted."""
    lines = run.section[run.section.index(heading) + 1 :]
    block = itertools.takewhile(lambda line: line.startswith("    "), lines)
    return [line.strip() for line in block]


class Service(loopback.Server):
    """Keeps users under ids that it never gives twice."""

    def __init__(self):
        super().__init__(Handler)
        self.ids = itertools.count(1001)
        self.users = {}
        self.files = {}
        self.method = "card"
        self.plan = "free"


class Handler(loopback.Handler):
    """Creates, reads and changes."""

    server: Service

    def do_POST(self):
        if self.path == "/payments":
            self.json({"paid": f"{time.time():.6f}", "method": self.server.method})
            return
        if self.path == "/orders":
            number = next(self.server.ids)
            self.json({"id": number, "link": f"/orders/{number}", "state": "new"})
            return
        if self.path == "/quotes":
            token = f"q1a2b3c4-{uuid.uuid4().hex[:4]}"
            link = f"https://pay.test/receipts/{token}?v=1"
            self.json({"quote": token, "receipt": link, "oid": time.time()})
            return
        if self.path == "/days":
            self.json({"day": date.today().isoformat()})
            return
        if self.path == "/page":
            self.answer(200, f"<id>{uuid.uuid4()}</id>", "application/xml")
            return
        if self.path == "/lines":
            lines = "".join(f'{{"id":"{uuid.uuid4()}"}}\n' for _ in range(2))
            self.answer(200, lines, "application/x-ndjson")
            return
        if self.path == "/accounts":
            self._open_account(json.loads(self.body()))
            return
        user = {"id": next(self.server.ids), **json.loads(self.body())}
        self.server.users[str(user["id"])] = user
        self.json(user, 201)

    def _open_account(self, asked):
        number, tag = next(self.server.ids), uuid.uuid4().hex
        row = {"account": number, "owner": asked["owner"], "code": f"C-{number:08d}"}
        self.server.files[f"/files/{tag}.csv?v={number}"] = [json.dumps(row)] * 2
        self.json(
            {"id": number, **asked, "file": f"{tag}.csv"},
            201,
            Location=f"/files/{tag}.csv?v={number}",
            ETag=tag,
        )

    def do_GET(self):
        lines = self.server.files.get(self.path)
        if lines and self.headers["If-Match"] in self.path:
            self.answer(200, "\n".join(lines), "application/x-ndjson")
            return
        self._give(self.path.rpartition("/")[2].rpartition("=")[2])

    def do_PATCH(self):
        change = json.loads(self.body())
        key = self.path.rpartition("/")[2]
        user = self.server.users.get(key)
        if user is not None and str(change["id"]) == key:
            user.update(change)
        self._give(key)

    def do_DELETE(self):
        self.server.users.pop(self.path.rpartition("/")[2])
        self.json({})

    def _give(self, key):
        user = self.server.users.get(key)
        if user is None:
            self.json({"error": "no such user"}, 404)
        else:
            self.json({**user, "plan": self.server.plan})


@pytest.mark.parametrize(
    ("client", "options"), [("httpx", ""), ("requests", ""), ("httpx", "sequence=no")]
)
def test_create_read_and_change_verify_with_one_line(project, client, options):
    project.ini(f"http volatile=body.id {options}")
    project.tests(TEST.format(client=client))
    with project.shop(Service()):
        project.record().expect(passed=1)
        for _ in range(2):
            project.run("--mimic-verify").expect(passed=1)

    project.run().expect(passed=1)


@pytest.mark.parametrize("client", ["httpx", "requests"])
def test_a_log_made_again_with_new_ids_stays_byte_for_byte(project, client):
    project.ini("http volatile=body.id")
    project.tests(TEST.format(client=client))
    with project.shop(Service()):
        recorded = project.record().expect(passed=1)
        again = project.run("--mimic-rerecord").expect(passed=1)

    assert again.vault == recorded.vault
    project.run().expect(passed=1)


def test_the_diff_of_a_log_made_again_tells_no_new_ids(project, monkeypatch, capsys):
    project.ini("http volatile=body.id")
    project.tests(TEST.format(client="httpx"))
    with project.shop(Service()) as service:
        project.record().expect(passed=1)
        git(project.root, "init", "-q")
        git(project.root, "add", ".")
        git(project.root, "commit", "-m", "recorded")
        service.plan = "paid"
        project.run("--mimic-rerecord").expect(passed=1)

    monkeypatch.chdir(project.root)
    capsys.readouterr()
    assert face.command(["diff"]) == 1
    told = capsys.readouterr().out

    assert "body.plan: 'free' before, 'paid' now" in told
    assert "3 changed" in told
    assert all(word not in told for word in ("url", "1001"))


def test_an_id_of_a_wider_fixture_is_known_in_tests_and_in_other_fixtures(project):
    project.ini("http volatile=body.id")
    project.tests("""
        API = os.environ["API"]

        def post(name):
            return httpx.post(API + "/users", json={"name": name}).json()["id"]

        @pytest.fixture(scope="module")
        def ann():
            return post("ann")

        @pytest.fixture(scope="module")
        def eve(ann):
            assert httpx.get(f"{API}/users/{ann}").json()["name"] == "ann"
            return post("eve")

        def test_read(eve):
            assert httpx.get(f"{API}/users/{eve}").json()["name"] == "eve"

        def test_read_again(ann, mimic_auto):
            with mimic_auto():
                assert httpx.get(f"{API}/users/{ann}").json()["name"] == "ann"
    """)
    with project.shop(Service()):
        recorded = project.record().expect(passed=2)
        project.run("--mimic-verify").expect(passed=2)
        again = project.run("--mimic-rerecord").expect(passed=2)

    assert again.vault == recorded.vault
    project.run().expect(passed=2)


# Tests, and the options of the line with which they verify.
NAMED = {
    "all new parts": (
        TEST.format(client="httpx") + PAYMENT,
        "volatile=body.id,body.paid",
    ),
    "a text that holds a new id": (
        """
        def test_order():
            order = httpx.post(os.environ["API"] + "/orders").json()
            assert order["state"] == "new"
        """,
        "volatile=body.id,body.link",
    ),
    "values in other fields, headers, links, lines of JSON and texts of the test": (
        """
        API = os.environ["API"]

        def test_account():
            user = httpx.post(API + "/users", json={"name": "ann"}).json()["id"]
            # By chance, the first id that the service gives to who verifies.
            asked = {"owner": user, "size": 1003}
            made = httpx.post(API + "/accounts", json=asked)
            assert made.json()["owner"] == user
            tag = {"If-Match": made.headers["ETag"]}
            rows = httpx.get(API + made.headers["Location"], headers=tag).text
            row = json.loads(rows.split("\\n")[1])
            assert [row["owner"], row["account"]] == [user, made.json()["id"]]
            again = f"{API}/files/{made.json()['file']}?v={row['account']}"
            assert httpx.get(again, headers=tag).text == rows
            assert int(row["code"][2:]) == row["account"]
        """,
        "volatile=body.id,body.*.account,body.*.code,body.owner,body.*.owner",
    ),
    "calls that all tests share": (
        HEAD.format(client="httpx") + PAYMENT,
        "shared volatile=body.paid,body.id",
    ),
}


@pytest.mark.parametrize(("tests", "options"), NAMED.values(), ids=NAMED)
def test_a_verify_prints_one_line_for_all_that_is_new(project, tests, options):
    """Where a later answer holds what an earlier one has issued, the next verify adds it."""
    project.ini("http shared" if options.startswith("shared") else "http")
    project.tests(tests)
    count = tests.count("def test_")
    with project.shop(Service()):
        project.record().expect(passed=count)

        for _ in range(1 + ("owner" in tests)):
            run = project.run("--mimic-verify").expect(failed=count, never=["missing"])
            project.ini(*lines_under(NEW, run))

        assert lines_under(NEW, run) == [f"http {options}"]
        for _ in range(2):
            project.run("--mimic-verify").expect(passed=count)
    project.run().expect(passed=count)


@pytest.mark.parametrize("options", ["", "sequence"])
def test_a_function_that_is_given_a_new_id_is_compared(project, options):
    """Its identity counts a secret, which no recording holds."""
    project.ini("http volatile=body.id", f"labels:of {options}")
    project.write("labels.py", "def of(user, password): return len(user['name'])")
    project.tests("""
        import os, httpx, labels

        def test_label():
            user = httpx.post(os.environ["API"] + "/users", json={"name": "ann"})
            assert labels.of(user.json(), "correct horse battery") == 3
    """)
    with project.shop(Service()):
        project.record().expect(passed=1)
        project.run("--mimic-verify").expect(passed=1)
        project.run("--mimic-rerecord").expect(passed=1)
        project.run().expect(passed=1)

        text = "def of(user, password): return len(user['name']) - 1"
        project.write("labels.py", text)
        run = project.run("--mimic-verify").expect(failed=1)

    assert "3 recorded, 2 now" in run.output


def test_the_line_names_short_tokens_and_never_a_whole_body(project):
    project.ini("http")
    project.tests("""
        def test_quote():
            assert httpx.post(os.environ["API"] + "/quotes").json()["quote"]

        def test_page():
            assert httpx.post(os.environ["API"] + "/page").text
    """)
    with project.shop(Service()):
        project.record().expect(passed=2)

        run = project.run("--mimic-verify").expect(failed=2)

    line = "http volatile=body.quote,body.receipt,body.oid"
    assert lines_under(NEW, run) == [line]


def test_the_field_of_a_body_is_that_of_each_line_of_json(project):
    project.ini("http volatile=body.id")
    project.test("""
        assert httpx.post(os.environ["API"] + "/lines").text.count("id") == 2
    """)
    with project.shop(Service()):
        project.record().expect(passed=1)
        project.run("--mimic-verify").expect(passed=1)


def test_a_marker_has_what_the_line_of_the_ini_file_leaves_out(project):
    project.ini("http ignore=body.name volatile=body.id compare=shape")
    project.tests("""
        @pytest.mark.mimic("http", volatile="body.plan")
        def test_user():
            user = {"name": os.environ["NAME"]}
            assert httpx.post(os.environ["API"] + "/users", json=user).json()["id"]
    """)
    with project.shop(Service()):
        project.record(env={"NAME": "ann"}).expect(passed=1)
        project.run("--mimic-verify", env={"NAME": "bo"}).expect(passed=1)


def test_two_new_ids_may_be_equal(project):
    """In an empty database each table counts from one."""
    pytest.importorskip("sqlalchemy")
    tables = """
        CREATE TABLE products (id INTEGER PRIMARY KEY);
        INSERT INTO products VALUES (1);
        CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT);
        CREATE TABLE lines (order_id, product_id);
    """
    project.ini("sqlalchemy volatile=rows.*.id")
    project.tests("""
        from sqlalchemy import create_engine, text

        def test_order():
            with create_engine("sqlite:///shop.db").begin() as connection:
                def ask(statement, **values):
                    return connection.execute(text(statement), values)

                product = ask("SELECT id FROM products").scalar()
                order = ask("INSERT INTO orders DEFAULT VALUES RETURNING id").scalar()
                ask("INSERT INTO lines VALUES (:order, :product)", order=order, product=product)
    """)
    place = project.root / "shop.db"
    with closing(sqlite3.connect(place)) as database:
        database.executescript(f"{tables} INSERT INTO orders VALUES (7);")
    project.record().expect(passed=1)
    place.unlink()
    with closing(sqlite3.connect(place)) as database:
        database.executescript(tables)

    project.run("--mimic-verify").expect(passed=1)


def test_the_day_of_the_recording_looks_new_the_next_day(project):
    project.ini("http")
    project.tests("""
        def test_day():
            assert httpx.post(os.environ["API"] + "/days").json()["day"]
    """)
    today = date.today()
    with project.shop(Service()):
        project.record().expect(passed=1)
        for log in (project.root / ".mimic_vault/logs").rglob("*.json"):
            day = today - timedelta(days=1)
            log.write_text(log.read_text().replace(str(today), str(day)))
        run = project.run("--mimic-verify").expect(failed=1)

    assert lines_under(NEW, run) == ["http volatile=body.day"]


def test_the_line_leaves_another_drift_to_be_seen(project):
    project.ini("http")
    project.tests(TEST.format(client="httpx") + PAYMENT)
    with project.shop(Service()) as service:
        project.record().expect(passed=2)
        service.method = "cash"
        run = project.run("--mimic-verify").expect(failed=2)

        project.ini(*lines_under(NEW, run))

        run = project.run("--mimic-verify").expect(passed=1, failed=1)
    assert "body.method: 'card' recorded, 'cash' now" in run.output


def test_services_that_keep_their_data_verify_night_after_night(project, redis_server):
    """Ids of a session fixture, of the test, of a table, in paths, bodies, parameters, arguments."""
    sa = pytest.importorskip("sqlalchemy")
    engine = sa.create_engine(f"sqlite:///{project.root / 'shop.db'}")
    with engine.begin() as connection:
        connection.execute(
            sa.text("CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, owner)")
        )
    engine.dispose()
    project.module("def of(customer, order): return len([customer, order])")
    project.tests(f"""
        import redis, sqlalchemy as sa

        API = os.environ["API"]
        engine = sa.create_engine("sqlite:///shop.db")

        @pytest.fixture(scope="session")
        def customer():
            made = httpx.post(API + "/users", json={{"name": "ann"}}).json()["id"]
            yield made
            httpx.delete(f"{{API}}/users/{{made}}")

        def test_order(customer):
            place = f"{{API}}/users/{{customer}}"
            assert httpx.get(place).json()["name"] == "ann"
            change = {{"id": customer, "name": "eve"}}
            assert httpx.patch(place, json=change).json()["name"] == "eve"
            with engine.begin() as connection:
                def ask(statement, **values):
                    return connection.execute(sa.text(statement), values)

                order = ask("INSERT INTO orders (owner) VALUES (:owner) RETURNING id", owner=customer).scalar()
                assert ask("SELECT id FROM orders WHERE id = :id", id=order).scalar() == order
                ask("DELETE FROM orders WHERE id = :id", id=order)
            with redis.Redis(port={redis_server.port}, decode_responses=True) as client:
                client.sadd("orders", order)
                assert client.sismember("orders", order)
                client.srem("orders", order)
            assert shop.of(customer, order) == 2
    """)
    project.ini("http", "sqlalchemy", "redis", "shop:of")
    with project.shop(Service()):
        project.record().expect(passed=1)
        block = lines_under(NEW, project.run("--mimic-verify").expect(failed=1))
        assert block == ["http volatile=body.id", "sqlalchemy volatile=rows.*.id"]
        project.ini(*block, "redis", "shop:of")
        for _ in range(5):
            project.run("--mimic-verify").expect(passed=1)
    project.run().expect(passed=1)
