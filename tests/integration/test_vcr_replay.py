"""`mimic_vcr = replay`: tests marked `vcr` replay the cassettes of vcrpy, without pytest-recording."""

from __future__ import annotations

import importlib
import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

# A run in this process forgets the modules that it is the first to import.
for _client in ("aiohttp", "httpx", "httpx2", "requests", "urllib3"):
    with suppress(ImportError):
        importlib.import_module(_client)

RECORDED = Path(__file__).parents[1] / "vcr_cassettes"

# The standard library's client, for what does not depend on the client.
FETCH = """
    import urllib.error, urllib.request

    def fetch(url, data=None, method=None, **headers):
        if url.startswith("/"):
            url = "http://shop.test" + url
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return f"{error.code} {error.read().decode()}"
"""


@pytest.fixture
def suite(project: Any) -> Any:
    """A project with `mimic_vcr = replay` and the module `client`."""
    project.ini(mimic_vcr="replay")
    project.write("client.py", FETCH)
    return project


def entry(
    uri: str,
    text: str,
    *,
    method: str = "GET",
    body: str | None = None,
    status: int = 200,
    **headers: str,
) -> dict[str, Any]:
    """Return an entry of a cassette."""
    if uri.startswith("/"):
        uri = "http://shop.test" + uri
    sent = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return {
        "request": {"method": method, "uri": uri, "body": body, "headers": sent},
        "response": {
            "status": {"code": status, "message": "OK"},
            "headers": {"Content-Type": ["text/plain"]},
            "body": {"string": text},
        },
    }


def write(project: Any, name: str, *entries: dict[str, Any]) -> Path:
    """Write a cassette. JSON is YAML as well."""
    text = json.dumps({"version": 1, "interactions": entries})
    path: Path = project.write(f"cassettes/{name}", text)
    return path


def test_file(project: Any, text: str) -> None:
    """Write `test_it.py`."""
    project.write("test_it.py", "import pytest\nfrom client import fetch\n")
    path = project.root / "test_it.py"
    path.write_text(path.read_text() + project_text(text))


test_file.__test__ = False  # type: ignore[attr-defined]


def project_text(text: str) -> str:
    """Return a dedented text."""
    import textwrap

    return textwrap.dedent(text)


# -- what vcrpy has recorded through each client


CLIENTS = {
    "requests": """
        import pytest, requests

        @pytest.mark.vcr
        def test_it():
            with requests.Session() as client:
                get = lambda path: client.get(BASE + path)
                assert get("/users?b=2&a=1").json()["query"] == "b=2&a=1"
                assert get("/gzip").json()["path"] == get("/br").json()["path"].replace("br", "gzip")
                assert get("/binary").content == bytes(range(256))
                assert client.cookies.get_dict() == {}
                get("/cookies")
                assert client.cookies.get_dict() == {"a": "1", "b": "2"}
                moved = get("/redirect")
                assert (moved.json()["path"], [one.status_code for one in moved.history]) == ("/landed", [302])
                assert (get("/chunked").text, get("/missing").status_code) == ("one two", 404)
                first, second = get("/count").json()["count"], get("/count").json()["count"]
                assert second == first + 1
                sent = client.post(BASE + "/json", json={"n": [1, 2.5], "s": "\\xe4"})
                assert "2.5" in sent.json()["body"]
                assert client.post(BASE + "/upload", files={"f": ("a.txt", b"hello")}).status_code == 200
        """,
    "httpx": """
        import httpx, pytest

        @pytest.mark.vcr
        def test_it():
            with httpx.Client(follow_redirects=True, base_url=BASE) as client:
                assert client.get("/users?b=2&a=1").json()["query"] == "b=2&a=1"
                assert client.get("/gzip").json()["path"] == "/gzip"
                assert client.get("/br").json()["path"] == "/br"
                assert client.get("/binary").content == bytes(range(256))
                client.get("/cookies")
                assert dict(client.cookies) == {"a": "1", "b": "2"}
                assert client.get("/redirect").json()["path"] == "/landed"
                assert client.get("/chunked").text == "one two"
                assert client.get("/missing").status_code == 404
                assert client.post("/form", data={"x": "1", "y": "\\xfc"}).status_code == 200
        """,
    "urllib3": """
        import pytest, urllib3

        @pytest.mark.vcr
        def test_it():
            with urllib3.PoolManager() as client:
                get = lambda path: client.request("GET", BASE + path)
                assert get("/gzip").json()["path"] == "/gzip"
                assert get("/binary").data == bytes(range(256))
                assert get("/redirect").json()["path"] == "/landed"
                assert get("/chunked").data == b"one two"
                assert get("/missing").status == 404
                sent = client.request("POST", BASE + "/form", fields={"x": "1"}, encode_multipart=False)
                assert sent.json()["body"] == "x=1"
        """,
    "urllib": """
        import json, pytest
        from client import fetch

        @pytest.mark.vcr
        def test_it():
            assert json.loads(fetch(BASE + "/users?a=1&b=2"))["path"] == "/users"
            assert json.loads(fetch(BASE + "/redirect"))["path"] == "/landed"
            assert fetch(BASE + "/chunked") == "one two"
            assert fetch(BASE + "/missing").startswith("404")
        """,
    "aiohttp": """
        import asyncio, aiohttp, pytest

        async def talk():
            async with aiohttp.ClientSession(BASE) as client:
                async with client.get("/gzip") as response:
                    assert (await response.json())["path"] == "/gzip"
                async with client.get("/binary") as response:
                    assert await response.read() == bytes(range(256))
                async with client.get("/redirect") as response:
                    assert ((await response.json())["path"], len(response.history)) == ("/landed", 1)
                async with client.get("/chunked") as response:
                    assert await response.text() == "one two"
                async with client.post("/json", json={"n": [1, 2.5], "s": "\\xe4"}) as response:
                    assert response.status == 200
                async with client.post("/form", data={"x": "1", "y": "\\xfc"}) as response:
                    assert response.status == 200

        @pytest.mark.vcr(match_on=["method", "uri", "body"])
        def test_it():
            asyncio.run(talk())
        """,
}


@pytest.mark.promise("mimic_vcr = replay replays the cassettes of vcrpy through every HTTP client")
@pytest.mark.parametrize("client", CLIENTS)
def test_what_vcrpy_recorded_replays_through_each_client(suite, client):
    pytest.importorskip(client, reason=f"needs {client}")
    text = project_text(CLIENTS[client])
    (suite.root / "test_shop.py").write_text(f'BASE = "http://api.shop.test:8080"\n{text}')
    folder = suite.root / "cassettes" / "test_shop"
    folder.mkdir(parents=True)
    shutil.copy(RECORDED / f"{client}.yaml", folder / "test_it.yaml")

    suite.run().expect(passed=1)


def test_httpx2_replays_what_httpx_recorded(suite):
    pytest.importorskip("httpx2", reason="needs httpx2")
    text = project_text(CLIENTS["httpx"]).replace("httpx", "httpx2")
    (suite.root / "test_shop.py").write_text(f'BASE = "http://api.shop.test:8080"\n{text}')
    folder = suite.root / "cassettes" / "test_shop"
    folder.mkdir(parents=True)
    shutil.copy(RECORDED / "httpx.yaml", folder / "test_it.yaml")

    suite.run().expect(passed=1)


@pytest.mark.promise("what vcrpy has filtered is filtered from the live request, too")
def test_what_vcrpy_filtered_is_filtered_from_the_live_request_too(suite):
    """The filters of vcrpy 8.5 made the file; each live request has the values that they took out."""
    pytest.importorskip("requests", reason="needs requests")
    folder = suite.root / "cassettes" / "test_it"
    folder.mkdir(parents=True)
    shutil.copy(RECORDED / "filtered.yaml", folder / "test_filters.yaml")
    test_file(
        suite,
        """
        BASE = "http://api.shop.test:8080"

        @pytest.fixture
        def vcr_config():
            return {
                "match_on": ["method", "uri", "body", "headers"],
                "filter_headers": ["authorization", ("x-key", "HIDDEN")],
                "filter_query_parameters": ["token", ("secret", "S")],
                "filter_post_data_parameters": ["password", ("pin", "0")],
            }

        @pytest.mark.vcr
        def test_filters():
            import requests
            headers = {"Authorization": "Bearer other", "X-Key": "other"}
            requests.get(BASE + "/users?token=other&secret=other&a=1", headers=headers)
            requests.post(BASE + "/form", data={"password": "other", "pin": "9", "n": "1"})
            requests.post(BASE + "/json", json={"password": "other", "pin": "9", "n": "1"})
        """,
    )

    suite.run().expect(passed=1)


def test_retries_of_urllib3_below_requests_are_played_one_by_one(suite):
    """vcrpy has recorded each attempt. A line for requests in the ini file does not hide them."""
    pytest.importorskip("requests", reason="needs requests")
    suite.ini("requests", mimic_vcr="replay")
    busy = [entry("/a", "busy", status=503), entry("/a", "busy", status=503)]
    write(suite, "test_it/test_one.yaml", *busy, entry("/a", "it"))
    test_file(
        suite,
        """
        @pytest.mark.vcr
        def test_one(vcr):
            import requests
            from requests.adapters import HTTPAdapter, Retry

            with requests.Session() as client:
                client.mount("http://", HTTPAdapter(max_retries=Retry(3, status_forcelist=[503])))
                assert client.get("http://shop.test/a").text == "it"
            assert vcr.all_played
        """,
    )

    suite.run().expect(passed=1)


# -- which file


FILES = {
    "a function": ("test_it/test_one.yaml", "@pytest.mark.vcr\ndef test_one(): assert fetch('/') == 'it'"),
    "a class": (
        "test_it/TestShop.test_one.yaml",
        "@pytest.mark.vcr\nclass TestShop:\n    def test_one(self): assert fetch('/') == 'it'",
    ),
    "a module": (
        "test_it/test_one.yaml",
        "pytestmark = pytest.mark.vcr\ndef test_one(): assert fetch('/') == 'it'",
    ),
    "parameters": (
        "test_it/test_one[a-b c-].yaml",
        "@pytest.mark.vcr\n@pytest.mark.parametrize('n', ['a/b c?'])\ndef test_one(n): assert fetch('/') == 'it'",
    ),
    "default_cassette": (
        "test_it/named.yaml",
        "@pytest.mark.default_cassette('named.yaml')\n@pytest.mark.vcr\ndef test_one(): assert fetch('/') == 'it'",
    ),
    "json": (
        "test_it/test_one.json",
        "@pytest.mark.vcr(serializer='json')\ndef test_one(): assert fetch('/') == 'it'",
    ),
    "folder": (
        "elsewhere/test_one.yaml",
        "@pytest.fixture(scope='module')\ndef vcr_cassette_dir(): return 'cassettes/elsewhere'\n"
        "@pytest.mark.vcr\ndef test_one(): assert fetch('/') == 'it'",
    ),
    "name": (
        "test_it/mine.yaml",
        "@pytest.fixture\ndef default_cassette_name(): return 'mine'\n"
        "@pytest.mark.vcr\ndef test_one(): assert fetch('/') == 'it'",
    ),
    "pytest-vcr": ("test_one.yaml", "@pytest.mark.vcr\ndef test_one(): assert fetch('/') == 'it'"),
    "path_transformer": (
        "test_it/test_one.yml",
        "@pytest.mark.vcr(path_transformer=lambda path: path + '.yml')\ndef test_one(): assert fetch('/') == 'it'",
    ),
}


@pytest.mark.parametrize(("file", "test"), FILES.values(), ids=FILES)
def test_cassettes_are_found_where_pytest_recording_finds_them(suite, file, test):
    write(suite, file, entry("/", "it"))
    test_file(suite, test)

    suite.run("--strict-markers").expect(passed=1)


def test_a_mark_may_name_several_cassettes(suite):
    write(suite, "test_it/test_one.yaml", entry("/default", "default"))
    write(suite, "test_it/a.yaml", entry("/a", "a"))
    other = write(suite, "elsewhere/b.yaml", entry("/b", "b"))
    test_file(
        suite,
        f"""
        @pytest.mark.vcr("a.yaml", {str(other)!r})
        def test_one(vcr):
            assert [fetch("/b"), fetch("/a"), fetch("/default")] == ["b", "a", "default"]
            assert len(vcr) == 3
        """,
    )

    suite.run().expect(passed=1)


def test_marks_are_merged_with_the_fixture_as_pytest_recording_merges_them(suite):
    """The mark of the test wins over that of the module, which wins over the fixture."""
    suite.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture(scope="module")
        def vcr_config():
            return {"match_on": ["method"], "allow_playback_repeats": True}
        """,
    )
    for name in ("test_mine", "test_modules"):
        write(suite, f"test_it/{name}.yaml", entry("/a", "it"))
    test_file(
        suite,
        """
        pytestmark = pytest.mark.vcr(match_on=["path"])

        @pytest.mark.vcr(match_on=["host"])
        def test_mine():
            assert fetch("/other") == "it"

        def test_modules():
            assert [fetch("/a"), fetch("/a", method="PUT")] == ["it", "it"]
            with pytest.raises(Exception, match="no recording"):
                fetch("/b")
        """,
    )

    suite.run().expect(passed=2)


def test_other_tests_have_no_cassette(suite):
    test_file(suite, "def test_one(vcr): assert vcr is None")

    suite.run().expect(passed=1)


# -- which request


WORDS = {
    "method": ("fetch('/a?q=1', method='PUT')", "fetch('http://other.test:81/b')"),
    "scheme": ("fetch('https://shop.test/a')", "fetch('http://other.test/b', method='PUT')"),
    "host": ("fetch('http://other.test/a?q=1')", "fetch('http://shop.test:81/b')"),
    "port": ("fetch('http://shop.test:81/a?q=1')", "fetch('http://other.test/b')"),
    "path": ("fetch('/b?q=1')", "fetch('http://other.test:81/a')"),
    "query": ("fetch('/a?q=2')", "fetch('http://other.test:81/b?q=1')"),
    "uri": ("fetch('/a?q=2')", "fetch('/a?q=1', method='PUT')"),
    "url": ("fetch('http://shop.test:81/a?q=1')", "fetch('/a?q=1', method='PUT')"),
    "headers": ("fetch('/a?q=1', X_One='2')", "fetch('/b', X_One='1', User_Agent='me')"),
    "body": ("fetch('/a', b'{}')", "fetch('/b', b'{\"b\": 2, \"a\": 1}', Content_Type='application/json')"),
    "raw_body": ("fetch('/a', b'{\"b\": 2, \"a\": 1}')", "fetch('/b', b'{\"a\": 1, \"b\": 2}')"),
}


@pytest.mark.promise("match_on of vcrpy chooses the parts of a request that count")
@pytest.mark.parametrize(("other", "same"), WORDS.values(), ids=WORDS)
def test_each_word_of_match_on_compares_its_part_only(suite, request, other, same):
    word = request.node.callspec.id
    body = '{"a": 1, "b": 2}' if "body" in word else None
    headers = {"X_One": "1"} if word == "headers" else {}
    write(suite, "test_it/test_one.yaml", entry("/a?q=1", "it", body=body, **headers))
    test_file(
        suite,
        f"""
        @pytest.mark.vcr(match_on=[{word!r}])
        def test_one():
            with pytest.raises(Exception, match="no recording"):
                {other}
            assert {same} == "it"
        """,
    )

    suite.run().expect(passed=1)


def test_bodies_do_not_count_by_default(suite):
    write(suite, "test_it/test_one.yaml", entry("/a", "it", method="POST", body="one"))
    test_file(suite, "@pytest.mark.vcr\ndef test_one(): assert fetch('/a', b'two') == 'it'")

    suite.run().expect(passed=1)


def test_secrets_that_differ_do_not_matter_unless_the_same_ones_are_recorded(suite):
    """A request with the recorded token gets the answer of that token, not the next one of another."""
    entries = [entry("/a?token=recorded-1", "one"), entry("/a?token=recorded-2", "two")]
    for name in ("test_same", "test_others", "test_twice"):
        write(suite, f"test_it/{name}.yaml", *entries)
    test_file(
        suite,
        """
        pytestmark = pytest.mark.vcr

        def test_same():
            assert [fetch("/a?token=recorded-2"), fetch("/a?token=recorded-1")] == ["two", "one"]

        def test_others():
            assert [fetch("/a?token=mine"), fetch("/a?token=mine")] == ["one", "two"]

        def test_twice():
            assert fetch("/a?token=recorded-1") == "one"
            with pytest.raises(Exception, match="no recording"):
                fetch("/a?token=recorded-1")
        """,
    )

    suite.run().expect(passed=3, never=["recorded-1", "recorded-2"])


def test_a_request_may_be_changed_or_left_out_by_a_function(suite, project):
    """`before_record_request` works on both sides, as in vcrpy."""
    write(suite, "test_it/test_one.yaml", entry("/v1/a", "it"), entry("/telemetry", "never"))
    test_file(
        suite,
        """
        def change(request):
            if request.path == "/telemetry":
                return None
            request.uri = request.uri.replace("/v1/", "/v2/")
            return request

        @pytest.mark.vcr(before_record_request=change)
        def test_one(vcr):
            assert fetch("/v2/a") == "it"
            assert [request.path for request in vcr.requests] == ["/v2/a"]
            with pytest.raises(OSError):
                fetch("http://127.0.0.1:1/telemetry")
        """,
    )

    suite.run().expect(passed=1)


def test_responses_may_be_changed_by_a_function(suite):
    write(suite, "test_it/test_one.yaml", entry("/a", "it"), entry("/b", "dropped"))
    test_file(
        suite,
        """
        def change(response):
            if response["body"]["string"] == b"dropped":
                return None
            response["body"]["string"] = response["body"]["string"].upper()
            return response

        @pytest.mark.vcr(before_record_response=change)
        def test_one(vcr):
            assert (fetch("/a"), len(vcr)) == ("IT", 1)
        """,
    )

    suite.run().expect(passed=1)


def test_sensitive_data_is_put_back_on_both_sides(suite):
    """vcrpy 9.2 writes placeholders in place of the values that `filter_sensitive_data` names."""
    recorded = entry("/it/<KEY>?page=1", "with <KEY> of <USER>", Accept="<USER>")
    write(suite, "test_it/test_one.yaml", recorded, entry("/b", "it"))
    test_file(
        suite,
        """
        SENSITIVE = {
            "<KEY>": "hunter2-hunter2",
            "<USER>": lambda request, response: request.headers.get("accept") and "Ann",
            "<NONE>": None,
        }
        pytestmark = pytest.mark.vcr(filter_sensitive_data=SENSITIVE, match_on=["path", "headers"])

        def test_one():
            assert fetch("/it/hunter2-hunter2", Accept="Ann") == "with hunter2-hunter2 of Ann"

        @pytest.mark.default_cassette("test_one")
        def test_two():
            fetch("/elsewhere/hunter2-hunter2")
        """,
    )

    run = suite.run().expect(passed=1, failed=1, says=["no recording of http GET /elsewhere/<redacted>"])

    message = [line for line in run.output.splitlines() if line.startswith("E ")]
    assert message
    assert not [line for line in message if "hunter2" in line]


def test_entries_may_be_changed_or_left_out_by_a_function_of_both_halves(suite):
    """`after_load_interaction` sees what `filter_sensitive_data` has put back."""
    write(suite, "test_it/test_one.yaml", entry("/a?<KEY>", "it"), entry("/b", "dropped"))
    test_file(
        suite,
        """
        def change(request, response):
            if request.path == "/b":
                return None
            assert request.query == [("key", "1")]
            response["body"]["string"] += request.method.encode()
            request.uri = request.uri.replace("/a", "/c")
            return request, response

        @pytest.mark.vcr(after_load_interaction=change, filter_sensitive_data=[("<KEY>", "key=1")])
        def test_one(vcr):
            assert (fetch("/c?key=1"), len(vcr)) == ("itGET", 1)
        """,
    )

    suite.run().expect(passed=1)


def multipart(**fields: str) -> str:
    """Return a multipart form."""
    parts = [
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join(parts) + "--B--\r\n"


@pytest.mark.parametrize(
    ("kind", "sent", "recorded", "option"),
    [
        ("application/json", '{"a": {"pin": 1, "n": [{"pin": 2}]}}', '{"a": {"n": [{}]}}', "nested"),
        ("application/json", '{"a": {"pin": 1}, "pin": 2}', '{"a": {"pin": 1}}', ""),
        ("application/x-www-form-urlencoded", "a%3Apin=1&n=1", "n=1", ""),
        ("multipart/form-data; boundary=B", multipart(pin="1", n="1"), multipart(n="1"), ""),
    ],
    ids=["nested", "not nested", "quoted", "multipart"],
)
def test_fields_are_filtered_wherever_vcrpy_finds_them(suite, kind, sent, recorded, option):
    write(suite, "test_it/test_one.yaml", entry("/a", "it", method="POST", body=recorded, Content_Type=kind))
    nested = ", filter_nested_post_data_parameters=True" if option else ""
    test_file(
        suite,
        f"""
        @pytest.mark.vcr(match_on=["body"], filter_post_data_parameters=["pin", "a:pin"]{nested})
        def test_one():
            assert fetch("/a", {sent.encode()!r}, Content_Type={kind!r}) == "it"
        """,
    )

    suite.run().expect(passed=1)


@pytest.mark.parametrize(
    "option",
    [
        "ignore_localhost=True",
        "ignore_hosts=['127.0.0.1']",
        "ignore_hosts=[re.compile(r'127\\.0\\..*')]",
    ],
)
def test_ignored_hosts_are_asked_for_real(suite, option):
    from support.http_server import running_server

    write(suite, "test_it/test_one.yaml", entry("/a", "it"))
    test_file(
        suite,
        f"""
        import os, re

        @pytest.mark.vcr({option})
        def test_one():
            assert fetch("/a") == "it"
            assert "Zo" in fetch(os.environ["API"] + "/users/1")
        """,
    )

    with running_server() as server:
        suite.run(env={"API": server.url}).expect(passed=1)
        assert server.seen == ["GET /users/1"]


def test_requests_of_a_client_that_vcrpy_does_not_patch_are_sent(suite):
    from support.http_server import running_server

    write(suite, "test_it/test_one.yaml", entry("/a", "it"))
    test_file(
        suite,
        """
        import os

        @pytest.mark.vcr(skip_patchers=["httplib"])
        def test_one():
            assert "Zo" in fetch(os.environ["API"] + "/users/1")
        """,
    )

    with running_server() as server:
        suite.run(env={"API": server.url}).expect(passed=1)
        assert server.seen == ["GET /users/1"]


# -- how often


def test_each_answer_is_played_once_and_in_order(suite):
    write(suite, "test_it/test_one.yaml", entry("/a", "one"), entry("/a", "two"))
    test_file(
        suite,
        """
        @pytest.mark.vcr
        def test_one(vcr):
            assert (vcr.play_count, vcr.all_played, vcr.record_mode, bool(vcr)) == (0, False, "none", True)
            assert repr(vcr) == "<Cassette containing 2 recorded response(s)>"
            assert [fetch("/a"), fetch("/a")] == ["one", "two"]
            assert vcr.play_counts == {0: 1, 1: 1}
            assert (vcr.play_count, vcr.all_played, vcr.dirty) == (2, True, False)
            vcr.rewind()
            assert fetch("/a") == "one"
            fetch("/a")
            fetch("/a")
        """,
    )

    suite.run().expect(
        failed=1,
        says=[
            "no recording of http GET /a: each of its 2 answers was played already",
            "recorded in cassettes/test_it/test_one.yaml",
            "to play it again: allow_playback_repeats=True",
        ],
    )


def test_with_allow_playback_repeats_the_first_answer_is_always_played(suite):
    for name in ("test_mark", "test_attribute"):
        write(suite, f"test_it/{name}.yaml", entry("/a", "one"), entry("/a", "two"))
    test_file(
        suite,
        """
        @pytest.mark.vcr(allow_playback_repeats=True)
        def test_mark():
            assert [fetch("/a"), fetch("/a"), fetch("/a")] == ["one", "one", "one"]

        @pytest.mark.vcr
        def test_attribute(vcr):
            vcr.allow_playback_repeats = True
            assert [fetch("/a"), fetch("/a")] == ["one", "one"]
        """,
    )

    suite.run().expect(passed=2)


def test_the_fixture_gives_requests_and_responses(suite):
    write(
        suite,
        "test_it/test_one.yaml",
        entry("http://shop.test:81/a/b?y=2&x=1", "one", method="POST", body="sent", X_One="1"),
    )
    test_file(
        suite,
        """
        @pytest.mark.vcr
        def test_one(vcr):
            (request,), (response,) = vcr.requests, vcr.responses
            assert (request.method, request.url, request.uri) == ("POST", request.uri, request.url)
            assert (request.scheme, request.host, request.port, request.path) == ("http", "shop.test", 81, "/a/b")
            assert request.query == [("x", "1"), ("y", "2")]
            assert (request.headers["x-one"], request.body) == ("1", b"sent")
            assert response["status"] == {"code": 200, "message": "OK"}
            assert response["headers"]["Content-Type"] == ["text/plain"]
            assert response["body"]["string"] == b"one"
        """,
    )

    suite.run().expect(passed=1)


# -- misses and what is not supported


def test_a_miss_names_the_file_the_nearest_request_and_the_command(suite):
    write(suite, "test_it/test_one.yaml", entry("/a?page=1", "one"), entry("/b?page=1", "two"))
    test_file(suite, "@pytest.mark.vcr\ndef test_one(): fetch('/a?page=2')")

    suite.run().expect(
        failed=1,
        says=[
            "MissingRecordingError: no recording of http GET /a",
            "nearest: recorded in cassettes/test_it/test_one.yaml",
            "query.page: '1' recorded, '2' now",
            "to record it: pytest --mimic-record test_it.py::test_one",
        ],
        never=["Traceback"],
    )


def test_a_miss_says_that_the_file_does_not_exist(suite):
    test_file(suite, "@pytest.mark.vcr\ndef test_one(): fetch('/a')")

    suite.run().expect(failed=1, says=["in cassettes/test_it/test_one.yaml, which does not exist"])


def test_a_miss_says_that_several_files_do_not_exist(suite):
    test_file(suite, "@pytest.mark.vcr('two.yaml')\ndef test_one(): fetch('/a')")

    suite.run().expect(
        failed=1, says=["in cassettes/test_it/test_one.yaml, cassettes/test_it/two.yaml, which do not exist"]
    )


@pytest.mark.promise("matchers and serializers that a suite registers for vcrpy are used")
def test_the_matchers_of_the_suite_are_used_also_under_the_names_of_vcrpys(suite):
    suite.write(
        "conftest.py",
        """
        def last(live, recorded):
            return live.path.rpartition("/")[2] == recorded.path.rpartition("/")[2]

        def tenant(live, recorded):
            assert live.headers["Tenant"] == recorded.headers["tenant"]

        def pytest_recording_configure(config, vcr):
            vcr.register_matcher("path", last)
            vcr.register_matcher(name="tenant", matcher=tenant)
        """,
    )
    entries = [entry("/v1/a", "first", Tenant="one"), entry("/v1/a", "second", Tenant="two")]
    write(suite, "test_it/test_one.yaml", *entries)
    write(suite, "test_it/test_two.yaml", *entries)
    test_file(
        suite,
        """
        @pytest.mark.vcr(match_on=["method", "path", "tenant"])
        def test_one():
            assert fetch("http://any.test/v2/a", Tenant="two") == "second"

        @pytest.mark.vcr(additional_matchers=["tenant"])
        def test_two():
            fetch("/v1/a", Tenant="three")
        """,
    )

    suite.run().expect(
        passed=1,
        failed=1,
        says=[
            "no recording of http GET /v1/a",
            "match_on names path, tenant, of the suite, so that no option records it: take it out, or move the test",
        ],
        never=["to record it: pytest --mimic-record"],
    )


def test_a_serializer_of_the_suite_reads_the_cassettes(suite):
    suite.write(
        "conftest.py",
        """
        import json
        from types import SimpleNamespace

        def deserialize(text):
            data = json.loads(text)
            for one in data["interactions"]:
                one["response"]["body"] = {"string": one["response"].pop("parsed_body")[0]}
            return data

        def pytest_recording_configure(config, vcr):
            vcr.register_serializer("yaml", SimpleNamespace(deserialize=deserialize))
            vcr.register_serializer("upper", SimpleNamespace(deserialize=lambda text: json.loads(text.upper().swapcase())))
            vcr.register_serializer(name="torn", serializer=SimpleNamespace(deserialize=lambda text: {}["no"]))
            vcr.register_persister(persister=object)
        """,
    )
    parsed = entry("/a", "")
    parsed["response"]["parsed_body"] = [parsed["response"].pop("body") and "it"]
    write(suite, "test_it/test_one.yaml", parsed)
    write(suite, "test_it/test_two.upper", entry("/a", "other"))
    write(suite, "test_it/test_three.torn", entry("/a", "it"))
    test_file(
        suite,
        """
        @pytest.mark.vcr
        def test_one(): assert fetch("/a") == "it"

        @pytest.mark.vcr(serializer="upper")
        def test_two(): assert fetch("/a") == "other"

        @pytest.mark.vcr(serializer="torn")
        def test_three(): fetch("/a")

        @pytest.mark.vcr(serializer="uper")
        def test_four(): fetch("/a")
        """,
    )

    suite.run().expect(
        passed=2,
        errors=2,
        says=[
            "test_three.torn cannot be read: the serializer of the suite raised KeyError: 'no'",
            "the serializer 'uper' does not exist (did you mean upper?)",
        ],
    )


def test_an_unknown_matcher_is_named(suite):
    write(suite, "test_it/test_one.yaml", entry("/a", "it"))
    test_file(
        suite,
        """
        @pytest.mark.vcr(match_on=["methd"])
        def test_two(): fetch("/a")

        @pytest.mark.vcr(match_on=["same_id"])
        def test_three(): fetch("/a")
        """,
    )

    suite.run().expect(
        errors=2,
        says=[
            "match_on names 'methd', which is no matcher (did you mean method?)",
            "match_on names 'same_id', which is no matcher\n      it may name method, scheme, host, port, path,",
        ],
        never=["Traceback"],
    )


def test_what_has_no_effect_is_named_once(suite):
    suite.write(
        "conftest.py",
        """
        def pytest_recording_configure(config, vcr):
            vcr.register_persister(object())
            vcr.allow_playback_repeats = True
        """,
    )
    write(suite, "test_it/test_one.yaml", entry("/a", "it"))
    test_file(
        suite,
        """
        @pytest.mark.vcr(custom_patches=((1, 2, 3),), record_on_exception=False, drop_unused_requests=True, matchon=1)
        @pytest.mark.parametrize("n", [1, 2])
        @pytest.mark.default_cassette("test_one.yaml")
        def test_one(n):
            assert [fetch("/a"), fetch("/a")] == ["it", "it"]
        """,
    )

    run = suite.run().expect(passed=2)

    assert [line for line in run.section if "vcrpy" in line] == [
        "custom_patches of vcrpy has no effect: name the functions that are to be recorded in mimic_functions",
        "register_persister of vcrpy has no effect: cassettes are read from files",
        "matchon is not an option of vcrpy (did you mean match_on?)",
    ]


def test_a_damaged_file_fails_the_tests_that_use_it_only(suite):
    suite.write("cassettes/test_it/test_one.yaml", "interactions: [")
    write(suite, "test_it/test_two.yaml", {"request": {}, "response": {}})
    write(suite, "test_it/test_three.yaml", entry("/a", "it"))
    test_file(
        suite,
        """
        pytestmark = pytest.mark.vcr
        def test_one(): pass
        def test_two(): pass
        def test_three(): fetch("/a")
        """,
    )

    suite.run().expect(
        passed=1,
        errors=2,
        says=[
            "CassetteError: cassettes/test_it/test_one.yaml is damaged, line",
            "CassetteError: cassettes/test_it/test_two.yaml is damaged",
            "entry 1: its request has no method",
        ],
    )


@pytest.mark.parametrize("value", ["replya", "record"])
def test_another_value_of_the_option_is_a_usage_error(project, value):
    project.ini(mimic_vcr=value)
    project.write("test_it.py", "def test_one(): pass")

    project.run().expect(exit_code=4, says=[f"ERROR: mimic_vcr = {value}: it takes off or replay"])


def test_an_active_pytest_recording_is_a_usage_error(suite):
    """Both would open a cassette for each test."""
    suite.write("fake/pytest_recording_stand_in.py", "")
    suite.write("test_it.py", "def test_one(): pass")
    suite.monkeypatch.syspath_prepend(suite.root / "fake")
    suite.write(
        "fake/recording-1.dist-info/entry_points.txt", "[pytest11]\nrecording = pytest_recording_stand_in\n"
    )
    suite.write("fake/recording-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: recording\nVersion: 1\n")

    suite.run(plugins=["recording"]).expect(
        exit_code=4,
        says=[
            "ERROR: mimic_vcr = replay does the work of pytest-recording",
            "pip uninstall pytest-recording",
        ],
    )
    suite.run("-p", "no:recording", plugins=["recording"]).expect(passed=1)


def test_off_leaves_the_marker_alone(project):
    project.ini(mimic_vcr="off")
    project.write(
        "test_it.py",
        "def test_one(pytestconfig): assert not hasattr(pytestconfig.option, 'mimic_vcr_disabled')",
    )

    project.run().expect(passed=1)


@pytest.mark.parametrize(
    ("mark", "args"),
    [("@pytest.mark.block_network", []), ("", ["--block-network"])],
    ids=["mark", "option"],
)
def test_block_network_refuses_what_no_cassette_answers(suite, mark, args):
    write(suite, "test_it/test_one.yaml", entry("/a", "it"))
    test_file(
        suite,
        f"""
        import socket

        def connect():
            # A datagram socket that connects sends nothing.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                return sock.connect_ex(("192.0.2.1", 80))

        @pytest.mark.vcr
        {mark}
        def test_one():
            assert fetch("/a") == "it"
            with pytest.raises(RuntimeError, match="the network is blocked"):
                connect()

        @pytest.mark.block_network(allowed_hosts=[r"192\\.0\\.2\\..*"])
        def test_allowed():
            assert isinstance(connect(), int)
        """,
    )

    suite.run("--strict-markers", *args).expect(passed=2)
