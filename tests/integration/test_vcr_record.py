"""What the modes of a run do with tests that have cassettes of vcrpy: new ones are in our format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.http_server import Server, running_server

CLIENT = """
    import os, urllib.request

    def fetch(path, data=None):
        headers = {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(os.environ["API"] + path, data, headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.read().decode()
"""
FILE = "cassettes/test_it/test_one.yaml"


@pytest.fixture
def server() -> Any:
    with running_server() as server:
        yield server


@pytest.fixture
def suite(project: Any, server: Server) -> Any:
    """A project with a test that makes two requests, of which its cassette has the first."""
    project.ini(mimic_vcr="replay")
    project.monkeypatch.setenv("API", server.url)
    project.write("client.py", CLIENT)
    write(project, server, "/users/1")
    suite_test(project, "@pytest.mark.vcr")
    return project


def suite_test(project: Any, mark: str, *paths: str) -> None:
    """Write the test, which fetches these paths."""
    fetches = "".join(f"    fetch({path!r})\n" for path in paths or ("/users/1", "/users/2"))
    project.write(
        "test_it.py", f"import pytest\nfrom client import fetch\n\n{mark}\ndef test_one():\n{fetches}"
    )


def write(project: Any, server: Server, *paths: str, name: str = "Zoë") -> None:
    """Write the test's cassette."""
    text = json.dumps({"id": 1, "name": name, "page": None}, ensure_ascii=False)
    entries = [
        {
            "request": {"method": "GET", "uri": server.url + path, "headers": {}, "body": None},
            "response": {
                "status": {"code": 200, "message": "OK"},
                "headers": {"Content-Type": ["application/json"]},
                "body": {"string": text},
            },
        }
        for path in paths
    ]
    project.write(FILE, json.dumps({"version": 1, "interactions": entries}))


def cassettes(run: Any) -> dict[str, list[str]]:
    """Return the calls of each cassette in the vault after a run."""
    return {
        name: [call["signature"] for call in json.loads(data)["calls"]]
        for name, data in run.vault.items()
        if name.startswith("cassettes/")
    }


OURS = {"cassettes/test_it/test_one.json": ["GET /users/1", "GET /users/2"]}


@pytest.mark.promise(
    "the modes of the command line apply to tests with cassettes of vcrpy, whose files stay as they are"
)
@pytest.mark.promise(
    "--mimic-record records in our format what a cassette of vcrpy lacks, as a whole conversation"
)
def test_recording_a_request_that_is_missing_records_the_whole_test(suite, server):
    before = (suite.root / FILE).read_bytes()

    recorded = suite.run("--mimic-record").expect(passed=1, says=["mimic: record into .mimic_vault"])

    assert cassettes(recorded) == OURS
    assert server.seen == ["GET /users/1", "GET /users/2"]
    assert (suite.root / FILE).read_bytes() == before
    server.stop()
    replayed = suite.run().expect(passed=1)
    assert replayed.section == [
        "2 calls replayed, # s saved",
        f"1 cassette of vcrpy no longer used, because the vault has one for the test: {FILE}",
    ]


def test_recording_leaves_alone_what_the_cassette_answers(suite, server):
    write(suite, server, "/users/1", "/users/2")

    run = suite.run("--mimic-record").expect(passed=1)

    assert (cassettes(run), server.seen) == ({}, [])


def test_recording_makes_a_cassette_that_does_not_exist(suite, server):
    (suite.root / FILE).unlink()

    assert cassettes(suite.run("--mimic-record").expect(passed=1)) == OURS


@pytest.mark.parametrize(
    ("mark", "args"),
    [
        ("@pytest.mark.vcr(record_mode='none')", []),
        ("@pytest.mark.vcr", ["--record-mode=none"]),
    ],
)
def test_record_mode_none_records_never(suite, server, mark, args):
    suite_test(suite, mark)

    for option in ("--mimic-record", "--mimic-rerecord"):
        run = suite.run(option, *args).expect(
            failed=1, says=["no recording of http GET /users/2", "its record_mode is none"]
        )
        assert (cassettes(run), server.seen) == ({}, [])


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all", "any", "rewrite"])
def test_the_other_record_modes_record_only_if_an_option_asks_for_it(suite, server, mode):
    suite_test(suite, f"@pytest.mark.vcr(record_mode={mode!r})")

    suite.run().expect(failed=1, says=["no recording of http GET /users/2"])
    assert server.seen == []
    assert cassettes(suite.run("--mimic-record").expect(passed=1)) == OURS


def test_a_record_mode_that_does_not_exist_is_named(suite):
    suite_test(suite, "@pytest.mark.vcr(record_mode='new_episode')")

    suite.run().expect(errors=1, says=["'new_episode' is not a record mode (did you mean new_episodes?)"])


@pytest.mark.promise(
    "the modes of the command line apply to tests with cassettes of vcrpy, whose files stay as they are"
)
def test_rerecording_records_all_in_our_format(suite, server):
    write(suite, server, "/users/1", "/users/2")

    assert cassettes(suite.run("--mimic-rerecord").expect(passed=1)) == OURS
    assert cassettes(suite.run("--mimic-rerecord").expect(passed=1)) == OURS
    assert len(server.seen) == 4


@pytest.mark.promise(
    "the modes of the command line apply to tests with cassettes of vcrpy, whose files stay as they are"
)
def test_verifying_compares_the_cassette_with_the_service(suite, server):
    suite_test(suite, "@pytest.mark.vcr", "/users/1")
    suite.run("--mimic-verify").expect(passed=1)
    write(suite, server, "/users/1", name="Zoe")

    run = suite.run("--mimic-verify").expect(
        failed=1,
        says=["DriftError: http GET /users/1 no longer gives what was recorded", "'Zoe' recorded"],
    )

    assert (cassettes(run), server.seen) == ({}, ["GET /users/1", "GET /users/1"])


@pytest.mark.promise(
    "the modes of the command line apply to tests with cassettes of vcrpy, whose files stay as they are"
)
@pytest.mark.parametrize("args", [["--mimic-live"], ["--disable-recording"]])
def test_live_tests_ask_the_service(suite, server, args):
    run = suite.run(*args).expect(passed=1)

    assert (cassettes(run), server.seen) == ({}, ["GET /users/1", "GET /users/2"])


@pytest.mark.promise(
    "the modes of the command line apply to tests with cassettes of vcrpy, whose files stay as they are"
)
def test_no_record_replays(suite, server):
    suite.run("--mimic-no-record").expect(failed=1, says=["no recording of http GET /users/2"])

    assert server.seen == []


def test_a_failing_test_leaves_the_cassette_of_vcrpy_in_use(suite, server):
    project_test = (suite.root / "test_it.py").read_text()
    suite.write("test_it.py", project_test + "    assert False\n")

    run = suite.run("--mimic-record").expect(failed=1)

    assert cassettes(run) == {}


def test_only_selects_the_tests_to_record_again(suite, server):
    write(suite, server, "/users/1", "/users/2")

    left_out = suite.run("--mimic-rerecord", "--mimic-only=GET /other").expect(passed=1)
    assert (cassettes(left_out), server.seen) == ({}, [])
    taken = suite.run("--mimic-rerecord", "--mimic-only=GET /users/2").expect(passed=1)

    assert cassettes(taken) == OURS


def test_what_the_matchers_leave_out_does_not_count_in_our_format_either(suite, server):
    """vcrpy compares no bodies by default, and this test no queries and no parameter that is filtered."""
    (suite.root / FILE).unlink()
    suite.write(
        "test_it.py",
        """
        import itertools, os, urllib.request
        import pytest

        number = itertools.count(int(os.environ["FIRST"]))

        @pytest.mark.vcr
        def test_body():
            urllib.request.urlopen(os.environ["API"] + "/echo", b"%d" % next(number)).close()

        @pytest.mark.vcr(match_on=["method", "path"])
        def test_query():
            urllib.request.urlopen(os.environ["API"] + f"/echo?n={next(number)}").close()

        @pytest.mark.vcr(filter_query_parameters=["n"])
        def test_filter():
            urllib.request.urlopen(os.environ["API"] + f"/echo?n={next(number)}&m=1").close()

        @pytest.mark.vcr(match_on=["method", "body"])
        def test_counts():
            urllib.request.urlopen(os.environ["API"] + "/echo", b"%d" % next(number)).close()
        """,
    )
    suite.run("--mimic-record", env={"FIRST": "1"}).expect(passed=4)
    server.stop()

    suite.run(env={"FIRST": "11"}).expect(passed=3, failed=1, says=["FAILED test_it.py::test_counts"])


@pytest.mark.promise(
    "the modes of the command line apply to tests with cassettes of vcrpy, whose files stay as they are"
)
def test_files_of_vcrpy_are_never_unused(suite, server):
    write(suite, server, "/users/1", "/users/2", "/users/3")

    run = suite.run("--mimic-fail-on-unused", "--mimic-clear-unused").expect(passed=1)

    assert run.section == ["2 calls replayed"]
    assert (suite.root / FILE).exists()


def test_the_fixture_shows_what_is_recorded_in_our_format(suite, server):
    (suite.root / FILE).unlink()
    suite.write(
        "test_it.py",
        """
        import pytest
        from client import fetch

        @pytest.mark.vcr
        def test_one(vcr):
            assert (len(vcr), vcr.all_played, bool(vcr)) == (SEEN, not SEEN, True)
            fetch("/users/1?page=2")
            fetch("/echo", b'{"n": 1}')
            (request, sent), (response, _) = vcr.requests, vcr.responses
            assert (sent.method, sent.body) == ("POST", b'{"n": 1}')
            assert (request.method, request.path, request.query) == ("GET", "/users/1", [("page", "2")])
            assert response["status"]["code"] == 200
            assert b"Zo" in response["body"]["string"]
            assert (vcr.play_count, vcr.dirty, vcr.all_played) == (SEEN, not SEEN, True)
        """,
    )
    text = (suite.root / "test_it.py").read_text()
    (suite.root / "test_it.py").write_text(text.replace("SEEN", "0"))
    suite.run("--mimic-record").expect(passed=1)
    (suite.root / "test_it.py").write_text(text.replace("SEEN", "2"))

    suite.run().expect(passed=1)


def test_verifying_shows_and_compares_no_secret(suite, server):
    """The server issues another token than vcrpy has kept in clear."""
    suite_test(suite, "@pytest.mark.vcr", "/login")
    write(suite, server, "/login")
    file = suite.root / FILE
    data = json.loads(file.read_text())
    data["interactions"][0]["response"]["body"]["string"] = json.dumps(
        {"access_token": "kept-in-clear-4711", "expires_in": 3600, "refresh_token": None}
    )
    file.write_text(json.dumps(data))

    suite.run("--mimic-verify").expect(passed=1, never=["kept-in-clear-4711"])


def test_a_message_shows_no_token_that_an_answer_has_issued(suite, server):
    """The application puts it into a path, where nothing says that it is secret."""
    write(suite, server, "/login")
    file = suite.root / FILE
    file.write_text(
        file.read_text().replace("Zo\\u00eb", "kept-in-clear-4711").replace('\\"name', '\\"token')
    )
    suite.write(
        "test_it.py",
        """
        import json
        import pytest
        from client import fetch

        @pytest.mark.vcr
        def test_one():
            token = json.loads(fetch("/login"))["token"]
            assert token.startswith("kept-in-")
            fetch(f"/of/{token}")
        """,
    )

    suite.run().expect(
        failed=1, says=["no recording of http GET /of/<redacted>"], never=["kept-in-clear-4711"]
    )


def test_what_the_filters_take_out_is_not_recorded_in_our_format_either(suite, server):
    (suite.root / FILE).unlink()
    suite.write(
        "test_it.py",
        """
        import os, urllib.request
        import pytest

        @pytest.mark.vcr(filter_query_parameters=["who"], filter_post_data_parameters=["where"])
        def test_one():
            url = os.environ["API"] + "/users/1?who=ann-4711&page=2"
            urllib.request.urlopen(url, b"where=oslo-4711&n=1").close()
        """,
    )

    run = suite.run("--mimic-record").expect(passed=1)

    (data,) = run.vault.values()
    (call,) = json.loads(data)["calls"]
    assert (call["arguments"]["query"], call["arguments"]["body"]) == ({"page": "2"}, {"n": "1"})
    assert b"4711" not in data
    server.stop()
    suite.run().expect(passed=1)


@pytest.mark.parametrize(
    "option",
    [
        "before_record_response=lambda response: response",
        "filter_sensitive_data={'<KEY>': 'hunter2-hunter2'}",
        "before_save_interaction=lambda request, response: (request, response)",
        "after_load_interaction=lambda request, response: (request, response)",
    ],
    ids=lambda option: option.partition("=")[0],
)
def test_a_test_whose_cassette_an_option_changes_is_not_recorded(suite, server, option):
    """The option may take secrets out, which our format would keep."""
    suite_test(suite, f"@pytest.mark.vcr({option})")

    for mode in ("--mimic-record", "--mimic-rerecord"):
        run = suite.run(mode).expect(
            failed=1,
            says=[
                f"CassetteError: test_it.py::test_one cannot be recorded: {option.partition('=')[0]}",
                "hide secrets by mimic_redact",
            ],
        )
        assert (cassettes(run), server.seen) == ({}, [])


def test_a_test_with_a_matcher_of_the_suite_is_not_recorded(suite, server):
    """Our format knows nothing of what it compares, so another answer could be replayed."""
    suite.write(
        "conftest.py",
        """
        def pytest_recording_configure(config, vcr):
            vcr.register_matcher("mine", lambda live, recorded: True)
        """,
    )
    suite_test(suite, "@pytest.mark.vcr(match_on=['method', 'mine'])")

    for option in ("--mimic-record", "--mimic-rerecord"):
        run = suite.run(option).expect(
            failed=1, says=["CassetteError: test_it.py::test_one cannot be recorded: match_on names mine"]
        )
        assert (cassettes(run), server.seen) == ({}, [])
