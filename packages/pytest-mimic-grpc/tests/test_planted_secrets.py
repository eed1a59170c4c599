"""Of secrets that are planted in calls of gRPC no byte is stored or shown."""

from __future__ import annotations

from pathlib import Path

from support.grpc_server import TOKEN, running_library
from support.planted import assert_hidden, planted

GRPC = """
    import grpc, os
    from support.grpc_server import protos, services

    PLANTED = os.environ["PLANTED"].split()

    def test_grpc():
        with grpc.insecure_channel(os.environ["LIBRARY"]) as channel:
            stub = services.LibraryStub(channel)
            metadata = [
                ("authorization", "Bearer " + PLANTED[0]),
                ("x-api-key", PLANTED[1]),
                ("session-token-bin", PLANTED[2].encode()),
                ("cookie", "sid=" + PLANTED[3]),
                ("x-goog-api-key", PLANTED[6]),
                ("proxy-authorization", "Custom " + PLANTED[7]),
            ]
            wish = protos.Wish(title="Emma", password=PLANTED[4])
            book = stub.Find(wish, metadata=metadata)
            title = '{"client_secret": "' + PLANTED[5] + '"}'
            stub.Find(protos.Wish(title=title))
            list(stub.List(protos.Wish(title="of " + PLANTED[4], count=2, password=PLANTED[4])))
            assert stub.Store(iter([wish, wish])).id == 1
            stub.Find(protos.Wish(title=book.api_key))
"""


def test_none_of_those_of_grpc_is_stored_or_shown(project):
    secrets = [planted(500 + number) for number in range(8)]
    project.process = True
    project.ini("grpc match=metadata")
    project.write("test_plants.py", GRPC)

    with running_library() as library:
        env = {
            "LIBRARY": library.target,
            "PLANTED": " ".join(secrets),
            "PYTHONPATH": str(Path(__file__).parents[3] / "tests"),
        }
        run = project.record("--mimic-report=page.html", env=env)
        library.stop()
        replayed = project.run(env=env)

    assert_hidden(project, run, replayed, [*secrets, TOKEN])
