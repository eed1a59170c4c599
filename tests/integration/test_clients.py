"""Section 7, HTTP in a run: the parts of a request that count, and the calls around it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("httpx", reason="needs httpx")

from support.http_server import running_server

LARGE_BODIES = """
    import base64, os
    import httpx, pytest

    IMAGE = bytes(range(256)) * 1_200
    CHANGED = IMAGE[:199_808] + b"!" + IMAGE[199_809:]
    KINDS = {
        "json": lambda text, image: {"json": {"model": "m", "image": text, "rows": [*range(5_000), text[266_411]]}},
        "text file": lambda text, image: {"files": {"rows": ("rows.csv", text)}},
        "file": lambda text, image: {"files": {"image": ("cat.png", image, "image/png")}},
    }

    @pytest.mark.parametrize("kind", KINDS)
    def test_it(kind):
        image = CHANGED if "AGAIN" in os.environ else IMAGE
        httpx.post(os.environ["API"] + f"/nothing/{kind}", **KINDS[kind](base64.b64encode(image).decode(), image))
"""


def test_a_large_body_makes_no_large_recording(project):
    """It still counts in full, and a miss shows that it differs."""
    project.ini("httpx ignore=port")
    project.tests(LARGE_BODIES)
    with running_server() as server:
        recorded = project.record(env={"API": server.url}).expect(passed=3)
    sizes = [len(call.text) for call in recorded.calls]

    nowhere = {"API": "http://127.0.0.1:9"}
    project.replay(env=nowhere).expect(passed=3)
    missed = project.replay(env={**nowhere, "AGAIN": "1"}).expect(failed=3)

    assert len(sizes) == 3
    assert max(sizes) < 70_000
    assert "  body.image: '...BxcnN0dXZ3" in missed.output
    assert "body.rows[5000]: 'A' recorded, 'h' now" in missed.output
    assert missed.output.count("body.image") >= 2  # of the JSON, and of the form
    assert "every run" not in missed.output  # another file is no id


WHOLE = """
    import os
    import httpx, pytest
    from pytest_mimic import mimic

    SYSTEM = "Be kind.\\n" * 900
    TOOLS = [{"name": f"tool {number}", "text": "x" * 99} for number in range(500)]

    @pytest.mark.parametrize("number", [1, 2])
    def test_it(number):
        body = {"system": SYSTEM, "tools": TOOLS, "schema": {"$ref": ["y" * 3000]}, "number": number}
        assert httpx.post(os.environ["API"] + "/nothing", json=body).is_success

    def test_cassette(mimic_auto):
        with mimic_auto("here", targets=["http ignore=port"]) as cassette:
            httpx.post(os.environ["API"] + "/nothing", json={"system": SYSTEM})
        assert cassette.calls[0].arguments["body"]["system"] == SYSTEM
"""


def test_the_whole_of_a_request_is_kept_and_shared(project):
    project.ini("http ignore=port")
    project.tests(WHOLE)
    with running_server() as server:
        env = {"API": server.url}
        recorded = project.record(env=env).expect(passed=3)
        again = project.run("--mimic-rerecord", env=env).expect(passed=3)
    offline = {"API": "http://127.0.0.1:9"}

    def pytest_mimic(*words):
        return subprocess.run(
            [sys.executable, "-m", "pytest_mimic", *words],
            cwd=project.root, env=project.environment({}), capture_output=True, text=True, check=False,
        )  # fmt: skip

    project.replay(env=offline).expect(passed=3)

    assert again.changed == set()
    [name] = (
        name
        for name, data in recorded.vault.items()
        if name.startswith("objects/") and data.count(b"Be kind.") == 900
    )
    shown = pytest_mimic("show", "test_shop.py").stdout
    assert shown.count("Be kind.") >= 900
    assert all(f"'tool {number}'" in shown for number in range(500))
    (project.vault / name).write_text("[]")
    damaged = pytest_mimic("check")
    assert (damaged.returncode, name in damaged.stdout) == (1, True)
    project.replay("-k", "test_it", env=offline).expect(
        passed=2, deselected=1
    )  # only a miss reads it
    (project.vault / name).unlink()
    assert "is missing" in pytest_mimic("check").stdout
    assert pytest_mimic("rm", "test_shop.py").returncode == 0
    assert not [name for name in project.files() if "objects/" in name]


def test_a_miss_shows_the_place_in_a_long_prompt(project):
    project.ini("httpx ignore=host,port,headers.host")
    project.test("""
        import httpx
        prompt = "Be kind. " * 900 + os.environ["END"]
        more = [*range(250), *([1] if os.environ["END"].endswith("French.") else [])]
        httpx.post(os.environ["API"] + "/echo", json={"messages": [{"content": prompt}], "seen": more})
    """)

    with running_server() as server:
        project.record(env={"API": server.url, "END": "Answer in English."}).expect(
            passed=1
        )
        run = project.replay(
            env={"API": server.url, "END": "Answer in French."}
        ).expect(failed=1)

    assert "kind. Answer in English.' recorded" in run.output
    assert "kind. Answer in French.' now" in run.output
    assert "body.seen[250]: 1 now, not in the recording" in run.output


def test_the_summary_names_a_cancelled_request_that_has_no_place(project):
    """Only while recording."""
    project.ini("httpx sequence=no")
    project.tests("""
        import asyncio, os
        import httpx, pytest

        @pytest.mark.parametrize("page", [1, 2, 2])
        def test_it(page):
            async def main():
                url = f"{os.environ['API']}/hang?page={page}"
                async with httpx.AsyncClient() as client:
                    await asyncio.wait_for(client.get(url), 0.3)
            with pytest.raises(asyncio.TimeoutError):
                asyncio.run(main())
    """)

    with running_server() as server:
        recorded = project.record(env={"API": server.url}).expect(passed=3)
        live = project.run("--mimic-live", env={"API": server.url}).expect(passed=3)

    said = [line for line in recorded.section if "was cancelled" in line]
    assert {line.split("    ")[0].strip() for line in said} == {
        "http GET /hang?page=1 was cancelled: not recorded, a replay will miss it",
        "http GET /hang?page=2 was cancelled: not recorded, a replay will miss it",
    }
    assert live.section == [
        "every call ran for real, and nothing was recorded or compared"
    ]
    assert not recorded.vault


def test_the_summary_names_an_answer_that_a_retry_has_replaced(project):
    """All tests share one answer, so the order is lost."""
    project.ini("httpx sequence=no")
    project.test("""
        import httpx
        url = os.environ["API"] + "/flaky"
        assert [httpx.get(url).status_code for _ in range(3)][-1] == 200
    """)

    with running_server() as server:
        recorded = project.record(env={"API": server.url}).expect(passed=1)
    project.replay(env={"API": server.url}).expect(passed=1)

    row = (
        "http GET /flaky gave status 503 first: sequence=no keeps the last answer alone"
    )
    assert [line.strip() for line in recorded.section if "/flaky" in line] == [
        f"{row}    test_shop.py::test_it"
    ]


def test_an_answer_that_no_client_can_be_given_shows_no_frames_of_ours(project):
    project.ini("httpx")
    project.test("import httpx\nhttpx.get(os.environ['API'] + '/users/1')")
    with running_server() as server:
        project.record(env={"API": server.url}).expect(passed=1)
    [log] = project.vault.rglob("test_it*.json")
    log.write_text(log.read_text("utf-8").replace('"status": 200', '"status": 20'))

    run = project.replay(env={"API": server.url})

    run.expect(failed=1, says=["20 is not a status"], never=["answers.py", "replayed,"])


TALK = """
import os
import httpx

def test_it(mimic_auto):
    url = os.environ["API"]
    place = url.removeprefix("http://")  # 127.0.0.1 and the port
    excluded = ["127.0.0.1/pages", f"{place}/items/*", "127.0.0.1:9/echo"]
    with mimic_auto("talk", targets=["httpx"], exclude=excluded) as cassette:
        httpx.get(url + "/users/1?page=2")
        httpx.get(url + "/pages")
        httpx.get(url + "/items/1")
        httpx.post(url + "/echo", json={"a": [1]})
    assert [call.signature for call in cassette.calls] == ["GET /users/1 \u2192 200", "POST /echo \u2192 200"]
    [get, post] = cassette.calls
    assert get.match("GET /users/*") and get.match("127.0.0.1/*") and not get.match("POST")
    assert get.match(f"GET {place}/users/*") and not get.match(exclude=f"{place}/*") and not get.match("*:9/*")
    assert (get.kind, get.arguments["query"], post.arguments["body"]) == ("http", {"page": "2"}, {"a": [1]})
"""


def test_a_cassette_holds_a_conversation_in_order(project):
    """Excluded calls are real each time."""
    project.ini()
    project.write("test_talk.py", TALK)

    with running_server() as server:
        project.run(env={"API": server.url}).expect(passed=1)
        project.run(env={"API": server.url}).expect(passed=1)

    both = ["GET /users/1?page=2", "GET /pages", "GET /items/1", "POST /echo"]
    assert server.seen == [*both, "GET /pages", "GET /items/1"]


def test_reading_a_stream_further_is_a_miss_with_a_working_command(project):
    project.ini("httpx")
    project.test("""
        import httpx
        with httpx.stream("GET", os.environ["API"] + "/events") as response:
            lines = response.iter_lines()
            for _ in range(int(os.environ["LINES"])):
                next(lines)
    """)

    with running_server() as server:
        first, second = ({"API": server.url, "LINES": count} for count in ("1", "6"))
        project.record(env=first).expect(passed=1)
        project.replay(env=first).expect(passed=1)
        remedy = "to record the rest: pytest --mimic-rerecord test_shop.py::test_it"
        for mode in ([], ["--mimic-record"]):
            project.run(*mode, env=second).expect(
                failed=1, says=["read further than when it was", remedy]
            )
        project.run("--mimic-rerecord", env=second).expect(passed=1)
    project.replay(env=second).expect(passed=1)


HEADERS = {
    "Accept": ("text/html", "application/json"),
    "Range": ("bytes=0-9", "bytes=10-19"),
    "If-Match": ('"one"', '"two"'),
    "If-None-Match": ('"one"', '"two"'),
    "If-Modified-Since": (
        "Mon, 02 Nov 2026 10:00:00 GMT",
        "Tue, 03 Nov 2026 10:00:00 GMT",
    ),
    "Prefer": ("return=minimal", "return=representation"),
    "X-HTTP-Method-Override": ("PATCH", "DELETE"),
    "X-Amz-Target": ("DynamoDB_20120810.GetItem", "DynamoDB_20120810.DeleteItem"),
    "SOAPAction": ('"urn:add"', '"urn:remove"'),
}


def test_answers_of_one_url_that_a_header_chooses_are_calls_of_their_own(project):
    """Beside a plain request, they come back to those who asked for them: in any order, in threads and in tasks."""
    pytest.importorskip("requests")
    project.ini("http")
    project.tests(f"""
        import asyncio, os
        from concurrent.futures import ThreadPoolExecutor
        import httpx, pytest, requests

        HEADERS, URL = {HEADERS!r}, os.environ["API"] + "/chosen"

        def one_by_one(headers):
            return [httpx.get(URL, headers=one).text for one in headers]

        def in_threads(headers):
            with ThreadPoolExecutor(3) as pool:
                return list(pool.map(lambda one: requests.get(URL, headers=one).text, headers))

        def in_tasks(headers):
            async def main():
                async with httpx.AsyncClient() as client:
                    return await asyncio.gather(*(client.get(URL, headers=one) for one in headers))
            return [answer.text for answer in asyncio.run(main())]

        @pytest.mark.parametrize("ask", [one_by_one, in_threads, in_tasks])
        @pytest.mark.parametrize("name", HEADERS)
        def test_it(name, ask):
            values = sorted(["", *HEADERS[name]], reverse="REVERSED" in os.environ)
            assert ask([{{name: value}} if value else {{}} for value in values]) == values
    """)

    with running_server() as server:
        project.record(env={"API": server.url}).expect(passed=3 * len(HEADERS))
    project.replay(env={"API": server.url}).expect(passed=3 * len(HEADERS))
    project.replay(env={"API": server.url, "REVERSED": "1"}).expect(
        passed=3 * len(HEADERS)
    )


REFUSED = """
    import sqlite3
    import pytest
    import sqlalchemy as sa
    from pytest_mimic.errors import UnstorableOutcomeError

    sqlite3.register_converter("stream", lambda _: iter("ab"))

    def test_it():
        options = {"detect_types": sqlite3.PARSE_COLNAMES}
        engine = sa.create_engine("sqlite://", connect_args=options)
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
            with pytest.raises(UnstorableOutcomeError, match="rows.0..text"):
                connection.exec_driver_sql("SELECT 'a' AS 'text [stream]'")
"""


def test_check_reads_a_log_in_which_a_call_was_refused(project):
    pytest.importorskip("sqlalchemy")
    project.ini("sqlalchemy")
    project.tests(REFUSED)
    project.record().expect(passed=1)

    command = [sys.executable, "-m", "pytest_mimic", "check"]
    ran = subprocess.run(
        command, cwd=project.root, capture_output=True, text=True, check=False
    )

    assert ran.stdout.startswith(".mimic_vault is sound"), ran.stderr
