"""Section 8, `import`: cassettes that vcrpy recorded replay in the real clients without a server."""

from __future__ import annotations

import re
import shlex

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("httpx")
pytest.importorskip("requests")
pytest.importorskip("yaml")

import yaml
from support.http_server import running_server

# What each client sees of the recorded service. Nothing listens at this address.
SUITE = """
    from asyncio import run

    import pytest

    URL = "http://api.shop.test:8080"
    JSON = {"n": [1, 2.5], "s": "ä"}


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
        landed = requests.get(URL + "/redirect")
        assert landed.json()["path"] == "/landed" and [one.status_code for one in landed.history] == [302]
        assert requests.post(URL + "/form", data={"y": "ü", "x": "1"}).json()["path"] == "/form"

    class TestClients:
        def test_httpx(self):
            check(httpx.get)
            assert httpx.post(URL + "/json", json=JSON).json()["path"] == "/json"

    def test_aiohttp():
        async def talk():
            async with aiohttp.ClientSession() as session:
                async with session.get(URL + "/gzip") as answer:
                    assert (await answer.json())["path"] == "/gzip"
                async with session.post(URL + "/form", data={"x": "1", "y": "ü"}) as answer:
                    assert (await answer.json())["path"] == "/form"

        run(talk())
"""
ORIGIN = "http://a.test"


def entries(*calls, headers="{}", body="null"):
    """Return a cassette of such requests, each with the text of its answer."""
    return "interactions:\n" + "".join(
        f"- request: {{method: {method}, uri: '{ORIGIN}{path}', headers: {headers}, body: {body}}}\n"
        f"  response: {{status: {{code: 200, message: OK}}, headers: {{}}, body: {{string: '{text}'}}}}\n"
        for method, path, text in calls
    )


def test_a_suite_recorded_with_pytest_recording_replays_through_the_real_clients(
    project, take_over, keep
):
    project.ini("http")
    project.write("tests/test_api.py", SUITE)
    keep("requests.yaml", "tests/cassettes/test_api/test_requests.yaml")
    keep("httpx.yaml", "tests/cassettes/test_api/TestClients.test_httpx.yaml")
    keep("aiohttp.yaml", "tests/cassettes/test_api/test_aiohttp.yaml")

    assert take_over("tests/cassettes")[0] == 0

    replayed = project.replay().expect(passed=3, says=["calls replayed"])
    code, said = take_over(".")
    assert (code, project.files()) == (0, replayed.vault)
    assert said.splitlines()[0] == "imported 0 calls into .mimic_vault"
    assert "calls, already there)" in said


def test_any_other_cassette_becomes_one_of_its_name(project, take_over, keep):
    project.ini("requests")
    keep("plain.json", "fixtures/vcr/talks/plain.json")
    project["test_talk.py"] = """
        import pytest, requests

        def test_talk(mimic_replay):
            with mimic_replay("talks/plain", strict=True) as cassette:
                assert requests.get("http://api.shop.test:8080/users", params={"a": 1}).json()["path"] == "/users"
                assert requests.post("http://api.shop.test:8080/json", data=b'{"a":1}').status_code == 200
            assert cassette.all_played

        def test_without_a_cassette():
            requests.get("http://api.shop.test:8080/users", params={"a": 2})
    """

    code, said = take_over("fixtures/vcr")

    assert (code, said.splitlines()[:2]) == (
        0,
        [
            "imported 2 calls into .mimic_vault",
            "  fixtures/vcr/talks/plain.json -> cassette talks/plain (2 calls)",
        ],
    )
    replayed = project.replay().expect(passed=1, failed=1)
    assert "nearest: recorded by cassettes/talks/plain" in replayed.output


def test_options_of_the_ini_line_apply_to_imported_calls(project, take_over, keep):
    """`filter_query_parameters` has taken a parameter out of the cassette that live calls have."""
    project.ini("requests ignore=query.token match=headers.accept")
    keep("filtered.yaml", "cassettes/talk.yaml")
    project["test_talk.py"] = """
        def test_talk(mimic_replay):
            with mimic_replay("talk"):
                found = requests.get("http://api.shop.test:8080/users?a=1&secret=other&token=abc")
                assert found.json()["path"] == "/users"
    """

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


def test_no_secret_of_a_cassette_reaches_the_vault_or_the_report(project, take_over):
    project.ini("requests", mimic_redact="pin")
    project.write("cassettes/talk.yaml", SECRET)
    secrets = r"hunter2|live-token|key-0123|issued-987|cookie-5555|99887766"
    project["test_talk.py"] = """
        def test_talk(mimic_replay):
            with mimic_replay("talk"):
                login = {"password": "another", "user": "ann"}
                found = requests.post("https://api.shop.test/login?api_key=mine", json=login).json()
                assert "redacted" in found["access_token"]
                assert found["pin"] != 4711
                requests.get("https://api.shop.test/by-token/" + found["access_token"], params={"token": "mine"})
    """

    code, said = take_over("cassettes/talk.yaml")

    assert (code, "entry 3: " in said, "its URL is not valid" in said) == (
        1,
        True,
        True,
    )
    assert not re.search(secrets, said)
    assert not re.search(
        secrets, "".join(content.decode() for content in project.files().values())
    )
    project.replay().expect(passed=1)


def test_nothing_in_the_vault_is_replaced(project, take_over, keep):
    project.ini("requests")
    project.write("tests/test_api.py", SUITE)
    keep("plain.json", "tests/cassettes/test_api/test_requests.json")
    keep("plain.json", "talk.json")
    take_over("tests", "talk.json")
    before = project.files()
    (project.root / "tests/cassettes/test_api/test_requests.json").unlink()
    keep("requests.yaml", "tests/cassettes/test_api/test_requests.yaml")
    keep("requests.yaml", "talk.yaml")

    for words in (["--dry-run"], []):
        code, said = take_over("tests", "talk.yaml", *words)

        assert code == 1
        assert said.count("has other recordings: ") == 2
        assert project.files() == before


ONE_CALL = """
    interactions:
    - request: {{method: GET, uri: 'http://a.test/{path}', body: null, headers: {{User-Agent: [python-requests/2]}}}}
      response: {{status: {{code: 200, message: OK}}, headers: {{}}, body: {{string: {path}}}}}
"""


@pytest.mark.parametrize("is_known", [True, False])
def test_a_test_gets_a_cassette_that_could_not_be_called_as_it_is(
    project, take_over, is_known
):
    """pytest-recording writes hyphens. pytest knows the ids of a suite that it has run."""
    project.ini("requests")
    project.write(
        "tests/test_api.py",
        """
        import pytest, requests

        @pytest.mark.parametrize("client", "ab")
        @pytest.mark.parametrize("path", ["/one", "/two?x"])
        def test_get(path, client):
            assert requests.get(f"http://a.test{path}").text == client
        """,
    )
    for client in "ab":
        for path in ("/one", "/two?x"):
            name = f"test_get[{path}-{client}]".replace("/", "-").replace("?", "-")
            text = entries(("GET", path, client))
            project.write(f"tests/cassettes/test_api/{name}.yaml", text)
    if is_known:
        project.run(plugins=["cacheprovider"]).expect(failed=4)

    assert take_over("tests/cassettes")[0] == 0

    run = project.replay()
    if not is_known:
        run.expect(failed=4)
        for words in set(re.findall("pytest-mimic (mv .*)", run.output)):
            assert project.command(*shlex.split(words)).code == 0
        run = project.replay()
    run.expect(passed=4)


def test_calls_outside_of_conversations_do_not_replace_one_another(project, take_over):
    project.ini("requests sequence=no")
    project.write("tests/test_api.py", "def test_one(): pass\ndef test_two(): pass\n")
    for path in ("one", "two"):
        project.write(
            f"tests/cassettes/test_api/test_{path}.yaml", ONE_CALL.format(path=path)
        )

    assert take_over("tests/cassettes/test_api/test_one.yaml")[0] == 0
    assert take_over("tests/cassettes/test_api/test_two.yaml")[0] == 0

    assert sorted(call.arguments["url"] for call in project.calls()) == [
        "http://a.test/one",
        "http://a.test/two",
    ]


def test_what_vcrpy_keeps_as_values_of_python_is_read_as_it_was_sent(
    project, take_over
):
    """It keeps headers of botocore as bytes, and of aiohttp what the application gave."""
    project.ini("http")
    sent = [
        ({b"X-Amz-Target": [b"Put"]}, b'{"key": "n"}'),
        ({b"X-Amz-Target": [b"Get"]}, b'{"key": "n"}'),
        ({b"Prefer": b"minimal"}, {"key": b"n", "other": "\xe4"}),
        ({"Content-Type": [b"application/json"]}, [1, {"key": "n"}]),
    ]
    interactions = [
        {
            "request": {
                "method": b"POST",
                "uri": b"http://a.test/",
                "headers": headers,
                "body": body,
            },
            "response": {
                "status": {"code": 200, "message": b"All good"},
                "headers": {b"X-Name": [b"M\xfcller"]},
                "body": {"string": str(number)},
            },
        }
        for number, (headers, body) in enumerate(sent)
    ]
    project.write("cassettes/talk.yaml", yaml.safe_dump({"interactions": interactions}))
    project["test_talk.py"] = """
        def ask(headers={}, **body):
            return requests.post("http://a.test/", headers=headers, **body)

        def test_talk(mimic_replay):
            with mimic_replay("talk"):
                assert ask(json=[1, {"key": "n"}]).text == "3"
                assert ask({"Prefer": "minimal"}, data={"other": "\xe4", "key": "n"}).text == "2"
                assert ask({"X-Amz-Target": "Get"}, json={"key": "n"}).text == "1"
                answer = ask({"X-Amz-Target": "Put"}, json={"key": "n"})
                assert (answer.text, answer.reason, answer.headers["X-Name"]) == ("0", "All good", "M\xfcller")
    """

    assert take_over("cassettes/talk.yaml")[0] == 0

    replayed = project.replay().expect(passed=1)
    assert "imported, but now" not in replayed.output


DAMAGED = {
    "empty.yaml": ("", "is not a cassette of vcrpy"),
    "broken.yaml": ("interactions: [", "is damaged"),
    "object.yaml": (
        "interactions: !!python/object/apply:os.system ['touch ran']",
        "holds more than plain data: could not determine a constructor for the tag",
    ),
    "broken.json": ('{"interactions": [', "is damaged"),
    "deep.json": ("[" * 100_000, "is nested too deeply"),
}


def test_a_request_whose_body_has_changed_meets_an_imported_call_and_is_named(
    project, take_over
):
    """As vcrpy does: the first one left of the same method and URL."""
    project.ini("http")
    project.write(
        "cassettes/test_talk/test_talk.yaml",
        entries(
            ("POST", "/chat?a=1&b=2", "one"),
            ("POST", "/talk", "three"),
            ("POST", "/chat?a=1&b=2", "two"),
            body="n",
        ),
    )
    talk = """
        import requests

        def chat(body, url="http://a.test/chat?b=2&a=1"):
            return requests.post(url, data=body).text

        def test_talk():
            assert [chat("new"), chat("newer")] == ["one", "two"]
            assert chat("new", "http://a.test/talk") == "three"
            {}
        """
    project.write("test_talk.py", talk.format(""))
    take_over("cassettes")

    run = project.run("--mimic-clear-unused")

    run.expect(
        passed=1,
        says=[
            "imported, but now sent otherwise:",
            "and 1 more call in 1 test: logs/test_talk.py/test_talk.json",
            "to record them: pytest --mimic-rerecord test_talk.py::test_talk",
        ],
    )
    assert len(project.calls()) == 3
    for more in ("chat('newest')", "chat('new', 'http://a.test/chat')"):
        project.write("test_talk.py", talk.format(more))
        project.replay().expect(failed=1, says=["MissingRecordingError"])


def test_a_key_that_a_filter_has_left_out_makes_no_miss(project, take_over):
    """`filter_query_parameters=["api_key"]`: other parameters still count."""
    project.ini("http")
    calls = entries(
        ("GET", "/talk?x=1", "one"), ("GET", "/bare", "two"), ("GET", "/talk?x=3", "")
    )
    project.write("cassettes/test_talk/test_talk.yaml", calls)
    project.write(
        "test_talk.py",
        """
        import pytest, pytest_mimic, requests

        def ask(path):
            return requests.get(f"http://a.test{path}").text

        def test_talk():
            assert ask("/bare?api_key=k-0817-mine") == "two"
            assert ask("/talk?x=1&api_key=k-0817-mine") == "one"
            with pytest.raises(pytest_mimic.MissingRecordingError):
                ask("/talk?x=2&api_key=k-0817-mine")
        """,
    )
    take_over("cassettes")

    run = project.replay().expect(passed=1)

    assert "imported, but now sent otherwise:" in run.section


def test_of_imported_calls_the_one_that_differs_least_is_met_first(project, take_over):
    project.ini("http")
    calls = [entries(("POST", "/", body), body=body) for body in "abc"]
    calls.append(entries(("POST", "/", "d"), body="d", headers="{Prefer: d}"))
    whole = "".join(calls).replace("interactions:\n", "")
    project.write("cassettes/talk.yaml", f"interactions:\n{whole}")
    project["test_talk.py"] = """
        def ask(body, prefer):
            return requests.post("http://a.test/", data=body, headers={"Prefer": prefer}).text

        def test_talk(mimic_replay):
            with mimic_replay("talk"):
                asked = [ask("c", "new"), ask("new", "d"), ask("new", "new"), ask("newer", "new")]
                assert asked == ["c", "d", "a", "b"]
    """

    assert take_over("cassettes/talk.yaml")[0] == 0

    project.replay().expect(passed=1)


def test_damaged_files_are_named_and_the_others_are_imported(project, take_over, keep):
    for name, (content, _) in DAMAGED.items():
        project.write(f"cassettes/{name}", content)
    keep("plain.json", "cassettes/sound.json")

    code, said = take_over(
        "cassettes/sound.json", *(f"cassettes/{name}" for name in DAMAGED)
    )

    told = dict(re.findall(r"^  cassettes/([\w.]+): (.*)$", said, re.MULTILINE))
    assert code == 1
    assert told.keys() == DAMAGED.keys()
    assert [
        name for name, (_, problem) in DAMAGED.items() if problem not in told[name]
    ] == []
    assert "a file or an iterator; to record it again: pytest --mimic-record\n" in said
    assert "Traceback" not in said
    assert list(project.files()) == ["cassettes/sound.json"]
    assert not (project.root / "ran").exists()


@pytest.mark.parametrize("line", ["http", "http sequence=no"])
def test_what_is_recorded_takes_the_place_of_what_was_imported(
    line, project, take_over
):
    project.ini(line)
    with running_server() as server:
        imported = entries(
            ("POST", "/echo", "old"), ("POST", "/echo?x=1", "old"), body="n"
        ).replace(ORIGIN, server.url)
        project.write("cassettes/test_talk/test_talk.yaml", imported)
        talk = """
            import requests

            def test_talk():
                found = [requests.post("{}" + path, data=b"n").text for path in {}]
                assert ["old" in one for one in found] == {}
            """
        paths = ["/echo?x=2", "/echo", "/echo?x=1"]
        project.write("test_talk.py", talk.format(server.url, paths[1:], [True, True]))
        take_over("cassettes")
        project.record().expect(passed=1)
        project.write("test_talk.py", talk.format(server.url, paths, [False] * 3))

        project.run("--mimic-rerecord").expect(passed=1)

        assert server.seen
    assert len(project.calls()) == 3
    project.replay().expect(passed=1)


def test_imported_recordings_are_verified_judged_and_found_by_the_command(
    project, take_over
):
    project.ini("http")
    with running_server() as server:
        calls = entries(("POST", "/echo", "old"), body="n").replace(ORIGIN, server.url)
        project.write("cassettes/test_talk/test_talk.yaml", calls)
        project.write("cassettes/test_talk/test_gone.yaml", calls)
        project["test_talk.py"] = f"""
            def test_talk():
                assert requests.post("{server.url}/echo", data=b"n").text == "old"

            def test_gone():
                pass
        """
        take_over("cassettes")
        project.run("--mimic-verify").expect(failed=1, passed=1, says=["DriftError"])

        project.run("--mimic-clear-unused").expect(passed=2, says=["::test_gone"])

    assert len(project.calls()) == 1
    for command in (["check"], ["ls", "POST /echo"], ["show", "test_talk.py"]):
        assert project.command(*command).code == 0


def test_the_marks_of_pytest_recording_are_registered_where_they_are_unknown(project):
    project.ini("http", addopts="--strict-markers")
    marks = ("vcr('other.yaml')", "default_cassette('own.yaml')", "block_network")
    lines = "".join(f"@pytest.mark.{mark}\n" for mark in marks)
    project.write("test_talk.py", f"import pytest\n\n{lines}def test_marked(): pass\n")

    project.run().expect(passed=1)
    assert "vcr(*paths" in project.run("--markers").output


FILTERED = """
    interactions:
    - request:
        body: null
        headers: {Authorization: [DUMMY]}
        method: POST
        uri: https://api.shop.test/login?api_key=DUMMY
      response:
        body: {string: '{"access_token": "REDACTED", "refresh_token": "real-0815-4711"}'}
        headers: {Content-Type: [application/json]}
        status: {code: 200, message: OK}
    """


def test_what_filters_wrote_in_place_of_secrets_stays(project, take_over):
    project.ini("requests")
    project.write("cassettes/talk.yaml", FILTERED)
    project["test_talk.py"] = """
        def test_talk(mimic_replay):
            with mimic_replay("talk"):
                answer = requests.post("https://api.shop.test/login?api_key=mine").json()
                assert answer["access_token"] == "REDACTED"
                assert "redacted" in answer["refresh_token"]
    """

    assert take_over("cassettes/talk.yaml")[0] == 0

    project.replay().expect(passed=1)
