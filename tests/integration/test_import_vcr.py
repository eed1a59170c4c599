"""`pytest-mimic import` takes over cassettes that vcrpy recorded; the real clients then replay them without a server."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("httpx")
pytest.importorskip("requests")
pytest.importorskip("yaml")

from pytest_mimic._tools.cli.main import main

RECORDED = Path(__file__).parents[1] / "vcr_cassettes"

# What each client sees of the recorded service. Nothing listens at this address.
SUITE = """
    import json
    import urllib.error
    import urllib.request
    from asyncio import run

    import aiohttp
    import httpx
    import pytest
    import requests
    import urllib3

    URL = "http://api.shop.test:8080"
    JSON = {"n": [1, 2.5], "s": "ä"}


    class Urllib:
        def __init__(self, answer):
            self.status_code, self.content = answer.status, answer.read()

        def json(self):
            return json.loads(self.content)

        @classmethod
        def get(cls, url):
            try:
                return cls(urllib.request.urlopen(url))
            except urllib.error.HTTPError as error:
                with error:
                    return cls(error)


    def check(get):
        assert get(URL + "/users?a=1&b=2").json()["query"] == "b=2&a=1"
        assert get(URL + "/cookies").json()["path"] == "/cookies"
        assert get(URL + "/binary").content[:3] == bytes([0, 1, 2])
        assert get(URL + "/chunked").content == b"one two"
        assert get(URL + "/missing").status_code == 404
        first, second = (get(URL + "/count").json()["count"] for _ in range(2))
        assert second == first + 1


    def test_requests():
        check(requests.get)
        assert requests.get(URL + "/gzip").json()["path"] == "/gzip"
        landed = requests.get(URL + "/redirect")
        assert landed.json()["path"] == "/landed" and [one.status_code for one in landed.history] == [302]
        assert requests.post(URL + "/json", json=JSON).json()["path"] == "/json"
        assert requests.post(URL + "/form", data={"y": "ü", "x": "1"}).json()["path"] == "/form"


    class TestClients:
        def test_httpx(self):
            check(httpx.get)
            assert httpx.get(URL + "/gzip").json()["path"] == "/gzip"
            assert httpx.get(URL + "/redirect", follow_redirects=True).json()["path"] == "/landed"
            assert httpx.post(URL + "/json", json=JSON).json()["path"] == "/json"
            assert httpx.post(URL + "/form", data={"y": "ü", "x": "1"}).json()["path"] == "/form"

        @pytest.mark.parametrize("kind", ["sync"])
        def test_urllib(self, kind):
            check(Urllib.get)
            assert Urllib.get(URL + "/redirect").json()["path"] == "/landed"


    def test_urllib3():
        http = urllib3.PoolManager()
        assert json.loads(http.request("GET", URL + "/users?b=2&a=1").data)["query"] == "b=2&a=1"
        assert json.loads(http.request("GET", URL + "/gzip").data)["path"] == "/gzip"
        assert json.loads(http.request("GET", URL + "/redirect").data)["path"] == "/landed"
        assert json.loads(http.request("POST", URL + "/form", fields={"x": "1"}, encode_multipart=False).data)


    def test_aiohttp():
        async def talk():
            async with aiohttp.ClientSession() as session:
                async with session.get(URL + "/gzip") as answer:
                    assert (await answer.json())["path"] == "/gzip"
                async with session.get(URL + "/redirect") as answer:
                    assert (await answer.json())["path"] == "/landed"
                async with session.post(URL + "/json", json=JSON) as answer:
                    assert (await answer.json())["path"] == "/json"
                async with session.post(URL + "/form", data={"x": "1", "y": "ü"}) as answer:
                    assert (await answer.json())["path"] == "/form"

        run(talk())
"""
CLIENTS = ("requests", "httpx", "aiohttp", "urllib3", "http.client")


@pytest.fixture
def take_over(project, capsys, monkeypatch):
    """Return a function that imports into the project, and returns the exit code and what was printed."""

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.chdir(project.root)
        with monkeypatch.context() as patch:
            # Where tests are collected, loading all installed plugins would take longest.
            patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
            code = main(["import", *words])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def keep(project, name: str, place: str) -> Path:
    """Copy a recorded cassette into the project."""
    path = project.root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(RECORDED / name, path)
    return path


@pytest.mark.promise("pytest-mimic import takes over cassettes of vcrpy, and the real clients replay them")
def test_a_suite_recorded_with_pytest_recording_replays_through_the_real_clients(project, take_over):
    project.ini(*CLIENTS)
    project.write("tests/test_api.py", SUITE)
    keep(project, "requests.yaml", "tests/cassettes/test_api/test_requests.yaml")
    keep(project, "httpx.yaml", "tests/cassettes/test_api/TestClients.test_httpx.yaml")
    keep(project, "urllib.yaml", "tests/cassettes/test_api/TestClients.test_urllib[sync].yaml")
    keep(project, "aiohttp.yaml", "tests/cassettes/test_api/test_aiohttp.yaml")
    urllib3 = keep(project, "urllib3.yaml", "urllib3/cassettes/test_api/test_urllib3.yaml")
    urllib3 = urllib3.rename(project.root / "tests/cassettes/test_api/test_urllib3.yml")

    by_agent = take_over("tests/cassettes", "--json")
    by_option = take_over(str(urllib3), "--client", "urllib3")

    assert by_agent[0] == 1  # vcrpy keeps no User-Agent of urllib3
    assert [(one["file"], one["reason"]) for one in json.loads(by_agent[1])["not_imported"]] == [
        (
            "tests/cassettes/test_api/test_urllib3.yml",
            "the client of entry 1 is not known: import this file with --client NAME",
        )
    ]
    assert by_option[0] == 0
    project.replay().expect(passed=5, says=["calls replayed"])


@pytest.mark.promise("importing again changes nothing")
def test_importing_again_changes_nothing(project, take_over):
    project.ini("requests")
    project.write("tests/test_api.py", SUITE)
    keep(project, "requests.yaml", "tests/cassettes/test_api/test_requests.yaml")
    take_over("tests")
    before = project.files()

    code, said = take_over("tests")

    assert code == 0
    assert (
        "imported 0 calls of 0 files into .mimic_vault; 1 file of the same content was there already" in said
    )
    assert project.files() == before
    assert "cassettes replay in blocks" in take_over("tests", "--as", "cassette")[1]
    assert "cassettes replay in blocks" not in take_over("tests", "--as", "cassette")[1]


def test_any_other_cassette_becomes_one_of_its_name(project, take_over):
    project.ini("requests")
    keep(project, "plain.json", "fixtures/vcr/talks/plain.json")
    project.write(
        "test_talk.py",
        """
        import pytest, requests

        def test_talk(mimic_replay):
            with mimic_replay("talks/plain", strict=True) as cassette:
                assert requests.get("http://api.shop.test:8080/users", params={"a": 1}).json()["path"] == "/users"
                assert requests.post("http://api.shop.test:8080/json", data=b'{"a":1}').status_code == 200
            assert cassette.all_played
        """,
    )

    code, said = take_over("fixtures/vcr")

    assert (code, said.splitlines()[:2]) == (
        0,
        [
            "imported 2 calls of 1 file into .mimic_vault",
            "  fixtures/vcr/talks/plain.json -> cassette talks/plain (2 at requests)",
        ],
    )
    project.replay().expect(passed=1)


def test_options_of_the_ini_line_apply_to_imported_calls(project, take_over):
    """`filter_query_parameters` has taken a parameter out of the cassette that live calls have."""
    project.ini("requests ignore=query.token match=headers.accept")
    keep(project, "filtered.yaml", "cassettes/talk.yaml")
    project.write(
        "test_talk.py",
        """
        import requests

        def test_talk(mimic_replay):
            with mimic_replay("talk"):
                found = requests.get("http://api.shop.test:8080/users?a=1&secret=other&token=abc")
                assert found.json()["path"] == "/users"
        """,
    )

    assert take_over("cassettes/talk.yaml")[0] == 0

    project.replay().expect(passed=1)


SECRET = """
    interactions:
    - request:
        body: '{"user": "ann", "password": "hunter2-hunter2-4711"}'
        headers:
          Authorization: [Bearer live-token-abcdef-123456]
          Content-Type: [application/json]
          User-Agent: [python-requests/2.34.2]
        method: POST
        uri: https://api.shop.test:443/login?api_key=key-0123456789-secret
      response:
        body: {string: '{"access_token": "issued-987654321-zyxw", "pin": 99887766}'}
        headers: {Content-Type: [application/json], Set-Cookie: [sid=cookie-5555-value; Path=/]}
        status: {code: 200, message: OK}
    - request:
        body: null
        headers: {User-Agent: [python-requests/2.34.2]}
        method: GET
        uri: https://api.shop.test/by-token/issued-987654321-zyxw?token=live-token-abcdef-123456
      response:
        body: {string: 'hello live-token-abcdef-123456'}
        headers: {Content-Type: [text/plain]}
        status: {code: 200, message: OK}
    - request:
        body: null
        headers: {User-Agent: [python-requests/2.34.2]}
        method: GET
        uri: https://api.shop.test:x/?token=live-token-abcdef-123456
      response: {body: {string: ''}, headers: {}, status: {code: 200, message: OK}}
    """


@pytest.mark.promise("no secret of an imported file reaches the vault or the report")
def test_no_secret_of_a_cassette_reaches_the_vault_or_the_report(project, take_over):
    project.ini("requests", mimic_redact="pin")
    project.write("cassettes/talk.yaml", SECRET)
    secrets = r"hunter2|live-token|key-0123|issued-987|cookie-5555|99887766"
    project.write(
        "test_talk.py",
        """
        import requests

        def test_talk(mimic_replay):
            with mimic_replay("talk"):
                login = {"password": "another", "user": "ann"}
                found = requests.post("https://api.shop.test/login?api_key=mine", json=login).json()
                assert found == {"access_token": "<redacted>", "pin": 0}
                requests.get("https://api.shop.test/by-token/" + found["access_token"], params={"token": "mine"})
        """,
    )

    code, said = take_over("cassettes/talk.yaml")

    assert (code, "entry 3: GET" in said, "its URL is not valid" in said) == (1, True, True)
    assert not re.search(secrets, said + take_over("cassettes/talk.yaml", "--json")[1])
    assert not re.search(secrets, "".join(content.decode() for content in project.files().values()))
    project.replay().expect(passed=1)


def test_redact_on_the_command_line_hides_a_further_name(project, take_over):
    project.ini("requests")
    project.write("cassettes/talk.yaml", SECRET)

    take_over("cassettes/talk.yaml", "--redact", "pin, user")

    content = project.files()["cassettes/talk.json"].decode()
    assert "99887766" not in content
    assert "ann" not in content


@pytest.mark.promise("an import replaces nothing in the vault without --overwrite")
def test_nothing_in_the_vault_is_replaced_without_overwrite(project, take_over):
    project.ini("requests")
    project.write("tests/test_api.py", SUITE)
    keep(project, "plain.json", "tests/cassettes/test_api/test_requests.json")
    keep(project, "plain.json", "talk.json")
    take_over("tests", "talk.json")
    before = project.files()
    (project.root / "tests/cassettes/test_api/test_requests.json").unlink()
    keep(project, "requests.yaml", "tests/cassettes/test_api/test_requests.yaml")
    keep(project, "requests.yaml", "talk.yaml")

    kept = take_over("tests", "talk.yaml")

    assert kept[0] == 1
    assert kept[1].count("--overwrite replaces them") == 2
    assert project.files() == before
    planned = take_over("tests", "talk.yaml", "--overwrite", "--dry-run")
    assert (planned[0], planned[1].splitlines()[0]) == (
        0,
        "would import 30 calls of 2 files into .mimic_vault",
    )
    assert project.files() == before
    assert take_over("tests", "talk.yaml", "--overwrite")[0] == 0
    # Nothing is left of the conversation that was there.
    assert {
        json.loads(text)["arguments"]["url"] for name, text in project.files().items() if "calls/" in name
    } >= {"http://api.shop.test:8080/upload"}
    assert not project.files().items() & before.items()


def test_two_files_for_one_test_do_not_mix(project, take_over):
    project.ini("requests")
    project.write("tests/test_api.py", SUITE)
    keep(project, "plain.json", "tests/cassettes/test_api/test_requests.json")
    keep(project, "requests.yaml", "tests/cassettes/test_api/test_requests.yaml")

    for words in (["--dry-run"], []):
        code, said = take_over("tests", *words)

        assert code == 1
        assert "imported: 1 entry\n  tests/cassettes/test_api/test_requests.yaml\n" in said


def test_overwrite_does_not_let_one_file_replace_another_of_the_same_import(project, take_over):
    project.ini("requests")
    keep(project, "plain.json", "talks/talk.json")
    keep(project, "requests.yaml", "talks/talk.yaml")

    code, said = take_over("talks", "--overwrite")

    assert code == 1
    assert "  talks/talk.yaml\n    another file of this import became cassette talk: import one" in said
    assert take_over("talks/talk.json")[1].count("were there already") == 0
    assert "1 file of the same content was there already" in take_over("talks/talk.json")[1]


ONE_CALL = """
    interactions:
    - request: {{method: GET, uri: 'http://a.test/{path}', body: null, headers: {{User-Agent: [python-requests/2]}}}}
      response: {{status: {{code: 200, message: OK}}, headers: {{}}, body: {{string: {path}}}}}
"""


def test_a_conversation_that_cannot_be_written_leaves_the_one_that_was_there(project, take_over):
    project.ini("requests")
    project.write("tests/test_api.py", "def test_one(): pass\n")
    cassette = "tests/cassettes/test_api/test_one.yaml"
    project.write(cassette, ONE_CALL.format(path="one"))
    assert take_over("tests")[0] == 0
    project.write(cassette, ONE_CALL.format(path="two" * 20_000))
    assert take_over("tests", "--vault", "elsewhere")[0] == 0
    (folder,) = (project.root / "elsewhere/objects").iterdir()
    (project.vault / "objects").mkdir()
    (project.vault / "objects" / folder.name).write_text("in the way")
    before = project.files()

    code, said = take_over("tests", "--overwrite")

    assert (code, said.partition(" ")[0]) == (2, "ERROR:")
    assert "Traceback" not in said
    assert project.files() == before


def test_overwriting_leaves_no_large_body_of_what_was_there(project, take_over):
    project.ini("requests")
    for path in ("two" * 20_000, "one"):
        project.write("talk.yaml", ONE_CALL.format(path=path))
        assert take_over("talk.yaml", "--overwrite")[0] == 0

    assert [name for name in project.files() if "objects/" in name] == []


def test_a_request_that_the_ini_line_excludes_is_named(project, take_over):
    project.ini("requests exclude=a.test")
    project.write("talk.yaml", ONE_CALL.format(path="one"))

    code, said = take_over("talk.yaml")

    assert code == 1
    assert "only= or exclude= of requests in mimic_functions leaves it out" in said
    assert project.files() == {}


def test_calls_outside_of_conversations_do_not_replace_one_another(project, take_over):
    project.ini("requests sequence=no")
    project.write("tests/test_api.py", "def test_one(): pass\ndef test_two(): pass\n")
    for path in ("one", "two"):
        project.write(f"tests/cassettes/test_api/test_{path}.yaml", ONE_CALL.format(path=path))

    assert take_over("tests/cassettes/test_api/test_one.yaml")[0] == 0
    assert take_over("tests/cassettes/test_api/test_two.yaml", "--overwrite")[0] == 0

    stored = [json.loads(text) for name, text in project.files().items() if "calls/" in name]
    assert sorted(one["arguments"]["url"] for one in stored) == ["http://a.test/one", "http://a.test/two"]


def test_a_cassette_whose_test_is_gone_is_named(project, take_over):
    project.ini("requests")
    project.write("tests/test_api.py", "class TestBase: pass\n")
    keep(project, "plain.json", "tests/cassettes/test_api/test_gone.json")
    keep(project, "plain.json", "tests/cassettes/test_api/TestBase.test_gone.json")

    code, said = take_over("tests")

    assert code == 1
    assert "tests/test_api.py has no test test_gone: --as cassette keeps it" in said
    assert "tests/test_api.py has no test TestBase::test_gone: --as cassette keeps it" in said
    assert take_over("tests", "--as", "cassette")[0] == 0
    assert "cassettes/cassettes/test_api/test_gone.json" in project.files()


def test_recordings_are_asked_for_where_there_is_no_test(project, take_over):
    keep(project, "plain.json", "talk.json")

    code, said = take_over("talk.json", "--as", "recordings")

    assert code == 1
    assert "its name leads to no test: --as cassette makes a cassette of it" in said
    assert take_over("talk.json", "--as", "recordings", "--name", "talk")[0] == 1
    assert project.files() == {}


def test_a_name_makes_a_cassette_of_what_has_a_test(project, take_over):
    project.ini("requests")
    project.write("tests/test_api.py", "def test_one(): pass\n")
    project.write("tests/cassettes/test_api/test_one.yaml", ONE_CALL.format(path="one"))

    assert take_over("tests/cassettes/test_api/test_one.yaml", "--name", "talk")[0] == 0

    assert list(project.files()) == ["cassettes/talk.json"]


def test_signs_that_a_cassette_cannot_have_in_its_name_are_replaced(project, take_over):
    project.ini("requests")
    project.write("a-b.yaml" if os.name == "nt" else "a:b.yaml", ONE_CALL.format(path="one"))

    assert take_over(".")[0] == 0

    assert list(project.files()) == ["cassettes/a-b.json"]


def _entry(request: str = "method: GET, uri: 'http://a.test/'", code: str = "200") -> str:
    """Return a cassette with one entry."""
    agent = "headers: {User-Agent: [python-requests/2]}"
    return f"interactions:\n- request: {{{request}, {agent}}}\n  response: {{status: {{code: {code}}}}}"


DAMAGED = {
    "empty.yaml": ("", "is not a cassette of vcrpy"),
    "list.yaml": ("interactions: 3", "is not a cassette of vcrpy"),
    "broken.yaml": ("interactions: [", "is damaged"),
    "object.yaml": ("interactions: !!python/object/apply:os.system ['touch ran']", "nothing was run"),
    "growing.yaml": (
        f"a: &a [x]\nb: &b {['*a '] * 400}\nc: &c {['*b '] * 400}\ninteractions: *c".replace("'", ""),
        "aliases",
    ),
    "status.yaml": (_entry(code=".inf"), "its response has no status"),
    "code.yaml": (_entry(code="-1"), "its response has no valid status"),
    "number.yaml": (_entry(f"method: POST, uri: 'http://a.test/', body: 0x{'f' * 5000}"), "too large"),
    "binary.yaml": ("interactions: \0", "is damaged"),
    "broken.json": ('{"interactions": [', "is damaged"),
    "empty.har": ("", "is not JSON"),
    "other.har": ('{"log": {}}', "is not a HAR file"),
}


@pytest.mark.promise("nothing in an imported file is run")
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named_and_the_others_are_imported(name, project, take_over):
    content, problem = DAMAGED[name]
    project.write(f"cassettes/{name}", content)
    keep(project, "plain.json", "cassettes/sound.json")

    code, said = take_over("cassettes/sound.json", f"cassettes/{name}")

    assert code == 1
    assert f"  cassettes/{name}\n" in said
    assert problem in said
    assert "Traceback" not in said
    assert list(project.files()) == ["cassettes/sound.json"]
    assert not (project.root / "ran").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["missing.yaml"], "ERROR: no such file or folder: missing.yaml"),
        (["empty"], "ERROR: empty has no files of"),
        (
            ["old"],
            "ERROR: old is a vault of pytest-mimic 0.x, which this version does not read\n"
            "  to record it again: pytest --mimic-record",
        ),
        (["talk.yaml"], "ERROR: nothing was imported: the client of 1 request is not known"),
        (["talk.yaml", "--client", "sqlalchemy"], "invalid choice: 'sqlalchemy'"),
        (
            ["talk.yaml", "--client", "requests", "--name", "../out"],
            "ERROR: a cassette cannot be called '../out'",
        ),
        (["talk.yaml", "empty.yaml", "--name", "one"], "ERROR: --name is for one file, and there are 2"),
    ],
)
def test_a_wrong_use_is_said_in_a_few_lines(words, problem, project, take_over):
    (project.root / "empty").mkdir()
    project.write(f"old/{'0' * 64}.pkl", "")
    project.write("empty.yaml", "")
    project.write(
        "talk.yaml",
        """
        interactions:
        - request: {method: GET, uri: 'http://a.test/b?token=t', body: null, headers: {User-Agent: [shop/1.0]}}
          response: {status: {code: 200, message: OK}, headers: {}, body: {string: hi}}
        """,
    )

    code, said = take_over(*words)

    assert code == 2
    assert problem in said
    assert "Traceback" not in said
    assert project.files() == {}


def test_an_unknown_client_is_asked_for_with_what_was_found(project, take_over):
    keep(project, "urllib3.yaml", "talk.yaml")

    _, said = take_over("talk.yaml")

    assert said.splitlines() == [
        "ERROR: nothing was imported: the client of 13 requests is not known",
        "  the first one is talk.yaml, entry 1: GET http://api.shop.test:8080/users",
        "  13 with no User-Agent",
        "  name it: --client {http,httpx,httpx2,requests,aiohttp,urllib3,http.client}",
    ]


@pytest.mark.promise("no secret of an imported file reaches the vault or the report")
def test_a_secret_in_the_name_of_an_unknown_client_is_not_shown(project, take_over):
    agent = "a shop in Oslo, version 1.0, see https://ann:hunter2-hunter2-4711@api.shop.test"
    project.write("talk.yaml", ONE_CALL.format(path="one").replace("python-requests/2", f"'{agent}'"))

    _, said = take_over("talk.yaml")

    assert "a shop in Oslo" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("agent", "line", "found"),
    [
        ("OpenAI/Python 1.78.0", "httpx2", "httpx2"),
        ("AsyncAnthropic/Python 0.50", "httpx", "httpx"),
        ("python-httpx/0.28.1", "httpx2", "httpx2"),
        ("python-httpx2/2.0", "httpx", "httpx2"),
        ("Python-urllib/3.11", "requests", "http.client"),
        ("Python/3.11 aiohttp/3.14.5", "requests", "aiohttp"),
        ("shop/1.0", "requests", "requests"),
    ],
)
def test_the_client_is_the_one_that_the_project_uses_for_such_calls(agent, line, found, project, take_over):
    project.ini(line)
    project.write("test_talk.py", "def test_talk(): pass")
    project.write(
        "cassettes/test_talk/test_talk.yaml",
        f"""
        interactions:
        - request: {{method: GET, uri: 'http://a.test/', body: null, headers: {{User-Agent: ['{agent}']}}}}
          response: {{status: {{code: 200, message: OK}}, headers: {{}}, body: {{string: hi}}}}
        """,
    )

    _, said = take_over("cassettes", "--json")

    assert [one["clients"] for one in json.loads(said)["imported"]] == [{found: 1}]
    assert json.loads(said)["missing_lines"] == ([] if found == line else [found])


def test_a_client_below_the_client_takes_the_calls_of_a_test_if_only_that_is_mimicked(project, take_over):
    project.ini("urllib3")
    keep(project, "plain.json", "cassettes/test_talk/test_talk.json")
    keep(project, "plain.json", "talk.json")
    project.write(
        "test_talk.py",
        """
        import requests

        URL = "http://api.shop.test:8080/users?a=1"

        def test_talk():
            assert requests.get(URL).json()["path"] == "/users"

        def test_block(mimic_replay):  # it mimics every client that is installed
            with mimic_replay("talk"):
                assert requests.get(URL).json()["path"] == "/users"
        """,
    )

    _, said = take_over("cassettes", "talk.json")

    assert "test_talk.py::test_talk (2 at urllib3)" in said
    assert "cassette talk (2 at requests)" in said
    project.replay().expect(passed=2)


def test_what_may_have_been_a_form_replays_as_what_it_was_and_never_as_another(project, take_over):
    """vcrpy keeps aiohttp's arguments. The same one twice may have been sent in two ways."""
    project.ini("aiohttp")
    entry = "{{method: POST, uri: 'http://a.test/{}', headers: {{}}, body: {{a: '1'}}}}"
    response = "{{status: {{code: 200, message: OK}}, headers: {{}}, body: {{string: {}}}}}"
    project.write(
        "cassettes/test_talk/test_talk.yaml",
        "interactions:\n"
        + "".join(
            f"- request: {entry.format(path)}\n  response: {response.format(text)}\n"
            for path, text in [("json", "one"), ("form", "two"), ("twice", "three"), ("twice", "four")]
        ),
    )
    project.write(
        "test_talk.py",
        """
        from asyncio import run

        import aiohttp
        import pytest

        def test_talk():
            async def talk():
                async with aiohttp.ClientSession() as session:
                    async with session.post("http://a.test/json", json={"a": "1"}) as answer:
                        assert await answer.text() == "one"
                    async with session.post("http://a.test/form", data={"a": "1"}) as answer:
                        assert await answer.text() == "two"

            run(talk())
        """,
    )

    code, said = take_over("cassettes")

    assert code == 1
    assert said.count("http://a.test/twice") == 2
    assert "it was sent several times: record it again" in said
    project.replay().expect(passed=1)


def test_what_may_have_been_a_form_is_in_a_cassette_once_and_named(project, take_over):
    project.ini("aiohttp")
    project.write(
        "talk.yaml",
        """
        interactions:
        - request: {method: POST, uri: 'http://a.test/', headers: {}, body: {a: '1'}}
          response: {status: {code: 200, message: OK}, headers: {}, body: {string: hi}}
        """,
    )

    code, said = take_over("talk.yaml")

    assert code == 0
    assert said.splitlines()[2:5] == [
        "imported, but look at them:",
        "  talk.yaml, entry 1: POST http://a.test/",
        "    vcrpy does not say whether its body was json= or data=: a test gets both, a cassette json=",
    ]
    assert len(json.loads(project.files()["cassettes/talk.json"])["calls"]) == 1


def test_the_tests_are_collected_where_a_name_leaves_them_open(project, take_over):
    """pytest-recording writes `-` for signs that a file's name may not have, and a class may inherit its tests."""
    project.ini("requests")
    project.write("tests/base.py", "class Base:\n    def test_inherited(self): pass\n")
    project.write(
        "tests/test_api.py",
        """
        import pytest
        from base import Base

        class TestOuter:
            class TestInner(Base):
                pass

        @pytest.mark.parametrize("url", ["http://a", "b-c", "d/e", "d:e"])
        def test_url(url): pass

        @pytest.mark.default_cassette("shared.json")
        class TestShared:
            def test_one(self): pass
            def test_two(self): pass
        """,
    )
    for name in (
        "TestInner.test_inherited",
        "test_url[http---a]",
        "test_url[b-c]",
        "test_url[d-e]",
        "shared",
        "gone",
    ):
        keep(project, "plain.json", f"tests/cassettes/test_api/{name}.json")

    code, said = take_over("tests", "--json")

    report = json.loads(said)
    assert code == 1
    assert sorted(one["to"].removeprefix("tests/test_api.py::") for one in report["imported"]) == [
        "TestOuter::TestInner::test_inherited",
        "TestShared::test_one",
        "TestShared::test_two",
        "test_url[b-c]",
        "test_url[d/e]",
        "test_url[d:e]",
        "test_url[http://a]",
    ]
    assert [one["reason"] for one in report["not_imported"]] == [
        "tests/test_api.py has no test gone: --as cassette keeps it"
    ]


def test_a_call_of_boto3_is_named_unless_only_a_client_below_it_is_mimicked(project, take_over):
    agent = "Boto3/1.34.0 md/Botocore#1.34.0 Botocore/1.34.0"
    request = f"{{method: GET, uri: 'https://s3.test/b', body: null, headers: {{User-Agent: ['{agent}']}}}}"
    response = "{status: {code: 200, message: OK}, headers: {}, body: {string: hi}}"
    entry = f"interactions:\n- request: {request}\n  response: {response}\n"
    project.write("cassettes/test_s3/test_get.yaml", entry)
    project.write("test_s3.py", "def test_get(): pass")

    for lines in ([], ["botocore", "urllib3"]):
        project.ini(*lines)
        code, said = take_over("cassettes")
        assert code == 1
        assert "calls of botocore count by their operation and its parameters" in said

    project.ini("urllib3")
    assert "test_s3.py::test_get (1 at urllib3)" in take_over("cassettes")[1]


def test_a_cassette_with_an_entry_that_cannot_be_read_is_left_out(project, take_over):
    good = "{request: {method: GET, uri: 'http://a.test/'}, response: {status: 200, body: {string: hi}}}"
    bad = "{request: {method: GET, uri: 'http://a.test/'}, response: {status: 200, body: {base64_string: x}}}"
    project.write("talk.yaml", f"interactions: [{good}, {bad}, {good}]")

    code, said = take_over("talk.yaml", "--client", "requests")

    assert (code, said.splitlines()[1:]) == (
        1,
        [
            "not imported: 2 entries",
            "  talk.yaml",
            "    its other entries are left out, too, because one of the answers to a request may be missing",
            "  talk.yaml, entry 2",
            "    the body of its response is not base64",
        ],
    )
    assert project.files() == {}
