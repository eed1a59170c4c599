"""Section 3, *Session output*: a replay names connections to other machines that no line took."""

from __future__ import annotations

HEADING = "connections that no line took: "
# No system lets a stream go to all machines: nothing leaves this one.
OTHER = "255.255.255.255"
TESTS = f"""
    import socket

    def test_socket():
        with pytest.raises(OSError):
            socket.create_connection(("{OTHER}", 443))

    def test_asyncio():
        with pytest.raises(OSError):
            asyncio.run(asyncio.open_connection("{OTHER}", 80))

    def test_this_machine():
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname()).close()

    def test_left_out():
        with pytest.raises(httpx.ConnectError):
            httpx.get("http://{OTHER}/")
"""


def test_a_replay_names_connections_that_no_line_took(project):
    project.ini("app:f")
    project.write("app.py", "def f():\n    return 1\n")
    project.write("test_app.py", TESTS)

    project.monkeypatch.setenv("COLUMNS", "200")
    run = project.replay("test_app.py::test_socket", "test_app.py::test_asyncio")

    told = [
        f"test_app.py::test_{one}"
        for one in (
            f"socket connected to {OTHER}:443",
            f"asyncio connected to {OTHER}:80",
        )
    ]
    run.expect(passed=2, says=[HEADING + ", ".join(told)])


def test_this_machine_and_what_a_line_leaves_out_are_not_named(project):
    project.ini(f"http exclude={OTHER}/*")
    project.write("test_app.py", TESTS)

    run = project.replay("test_app.py::test_this_machine", "test_app.py::test_left_out")

    run.expect(passed=2, never=[HEADING])


def test_a_recording_run_names_none(project):
    project.ini("app:f")
    project.write("app.py", "def f():\n    return 1\n")
    project.write("test_app.py", TESTS)

    project.record("test_app.py::test_socket").expect(passed=1, never=[HEADING])
