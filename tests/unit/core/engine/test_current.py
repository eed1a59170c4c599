"""The test and the owner of now, and the real calls of now."""

from __future__ import annotations

from pytest_mimic._core.engine.current import Current, RealCalls
from pytest_mimic._core.engine.owners import Owner, SecretScope
from pytest_mimic.errors import MimicError


def test_a_command_runs_the_scope_again_while_a_wider_fixture_is_torn_down() -> None:
    current = Current()
    current.test = "test_a.py::test_x"
    current.owner = Owner("test_a.py[db='sqlite']")
    assert current.test_to_run_again == "test_a.py::test_x"

    current.owner.is_being_torn_down = True

    assert current.test_to_run_again == "test_a.py"


def test_a_test_uses_the_secrets_of_its_fixtures_and_with_request_of_all() -> None:
    current = Current()
    for name in ("login", "database"):
        current.fixture_scopes[name] = SecretScope(name)

    assert [scope.name for scope in current.scopes_of(["login", "tmp_path"])] == [
        "login"
    ]
    assert [scope.name for scope in current.scopes_of(["request"])] == [
        "login",
        "database",
    ]


def test_an_error_of_the_running_test_names_it() -> None:
    current = Current()
    current.test = "test_a.py::test_x"

    current.pending.note(MimicError("no place"))
    current.end_test()

    assert [error.test for error in current.pending.take()] == ["test_a.py::test_x"]
    assert current.test == ""


def test_a_forked_process_leaves_the_unread_streams_of_its_parent_alone() -> None:
    calls = RealCalls()
    ended = []

    def end() -> None:
        if ended:
            return
        # A stream may be dropped while the call of another one ends.
        calls.end_unread_stream(lambda: ended.append("inner"))
        ended.append("outer")

    calls.end_unread_stream(end)
    assert ended == ["inner", "outer"]

    process = object()
    calls.begin_process(process, lambda: None)
    calls.end_unread_streams()

    assert ended == ["inner", "outer"]
    assert calls.running == {process}


def test_an_unread_stream_that_fails_to_end_keeps_no_other_from_its_end() -> None:
    calls = RealCalls()
    ended = []

    def refuse() -> None:
        calls.end_unread_stream(lambda: ended.append("other"))
        raise MimicError("cannot be stored")

    calls.end_unread_stream(refuse)

    assert ended == ["other"]
