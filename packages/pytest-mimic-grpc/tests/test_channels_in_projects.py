"""gRPC in projects: the options of a line, cassettes, conversations, Google's libraries, requests for tokens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("grpc_tools", reason="needs grpcio-tools")

import grpc
from support import http_server
from support.grpc_server import running_library

LIBRARY = """
    import os, grpc
    from support.grpc_server import protos, services

    stub = services.LibraryStub(grpc.insecure_channel(os.environ["LIBRARY"]))

    def find(title, **fields):
        return stub.Find(protos.Wish(title=title, **fields))

    def books(title, count=2):
        return [book.title for book in stub.List(protos.Wish(title=title, count=count))]
"""


@pytest.fixture
def library(monkeypatch):
    """The service."""
    with running_library() as library:
        monkeypatch.setenv("LIBRARY", library.target)
        yield library


@pytest.fixture
def shop(project, monkeypatch):
    """A project whose channel is made when its module is imported."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)
    project.process = True
    project.module(LIBRARY)
    project.ini("grpc")
    return project


def signatures(run):
    return sorted(f"{call.target} {call.signature}" for call in run.calls)


def test_a_service_in_use_is_recorded_and_replayed_without_it(shop, library):
    shop.tests("""
        import grpc, pytest, shop

        @pytest.mark.parametrize("title", ["Emma", "Persuasion", "Sanditon"])
        def test_find(title):
            grpc.channel_ready_future(shop.grpc.insecure_channel(shop.os.environ["LIBRARY"])).result(60)
            assert shop.find(title, password="hunter2-9a8b7c6d").title == title

        def test_books():
            assert shop.books("Emma") == ["Emma 0", "Emma 1"]

        def test_error():
            with pytest.raises(grpc.RpcError) as caught:
                shop.find("UNAVAILABLE")
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    """)
    recorded = shop.record().expect(
        passed=5, says=["5 calls recorded", "gave UNAVAILABLE"]
    )
    assert set(signatures(recorded)) == {
        "grpc CALL /shop.Library/Find",
        "grpc CALL /shop.Library/List",
    }
    assert not [name for name, data in recorded.vault.items() if b"hunter2" in data]
    library.stop()
    replayed = shop.run("-n", "2").expect(passed=5, says=["5 calls replayed"])
    assert not replayed.changed


def test_a_line_says_what_counts(shop, library):
    """It ignores a part of the request, matches metadata, leaves out a method, and verifies without a volatile part."""
    options = "only=/shop.Library/* exclude=*/List ignore=request.sent_at match=metadata.tenant volatile=response.id"
    shop.ini(f"grpc {options}")
    test = """
        import shop

        def test_it():
            wish = shop.protos.Wish(title="a", sent_at="{sent_at}")
            shop.stub.Find(wish, metadata=[("tenant", "{tenant}"), ("trace", "{sent_at}")])
            shop.books("b", count={listed})
    """
    shop.tests(test.format(sent_at=1, tenant="one", listed=1))
    assert signatures(shop.record().expect(passed=1)) == [
        "grpc CALL /shop.Library/Find"
    ]
    library.edition = 2
    shop.run("--mimic-verify").expect(passed=1)
    assert library.asked == ["a", "b"] * 2
    shop.ini(f"grpc {options.replace('volatile=response.id', 'compare=shape')}")
    shop.run("--mimic-verify").expect(passed=1)

    shop.tests(test.format(sent_at=2, tenant="one", listed=2))
    shop.run().expect(passed=1)
    shop.tests(test.format(sent_at=1, tenant="two", listed=1))
    shop.run().expect(failed=1, says=["metadata.tenant: 'one' recorded, 'two' now"])


def test_servers_are_told_apart(shop, library, monkeypatch):
    """Without the call to the first server, the same request to the second keeps its own answer."""
    with running_library() as other:
        other.edition = 2
        monkeypatch.setenv("OTHER", other.target)
        shop.module(
            LIBRARY
            + """
    other = services.LibraryStub(grpc.insecure_channel(os.environ["OTHER"]))
"""
        )
        to_other = "assert shop.other.Find(shop.protos.Wish(title='a')).id == 2"
        shop.test(f"import shop; shop.books('b'); shop.find('a'); {to_other}")
        shop.record().expect(passed=1)
    library.stop()

    shop.test(f"import shop; shop.books('b'); {to_other}")
    shop.run().expect(passed=1, says=["2 calls replayed"])


def test_a_cassette_takes_grpc_only_by_name(shop, library):
    shop.ini()
    shop.tests("""
        def test_named(mimic_auto):
            with mimic_auto("named", targets=["grpc"]) as cassette:
                shop.find("a")
            assert [(call.kind, call.signature) for call in cassette.calls] == [("grpc", "CALL /shop.Library/Find")]

        def test_not_named(mimic_auto):
            with mimic_auto("other") as cassette:
                shop.find("b")
            assert not cassette.calls
    """)
    shop.run().expect(passed=2)
    shop.run().expect(passed=2)
    assert library.asked == ["a", "b", "b"]


def test_a_request_for_a_token_belongs_to_the_call_that_needs_it(shop):
    pytest.importorskip("requests")
    shop.ini("grpc", "requests")
    shop.module("""
        import os, grpc, requests
        from support.grpc_server import CERTIFICATE, protos, services

        class Token(grpc.AuthMetadataPlugin):
            def __call__(self, context, callback):
                callback((("authorization", "Bearer " + requests.get(os.environ["TOKENS"]).text.encode().hex()),), None)

        both = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(CERTIFICATE.read_bytes()), grpc.metadata_call_credentials(Token())
        )
        stub = services.LibraryStub(grpc.secure_channel(os.environ["LIBRARY"], both))
    """)
    shop.test("""
        import shop
        shop.stub.Find(shop.protos.Wish(title="a"))
        list(shop.stub.List(shop.protos.Wish(count=1)))
    """)
    with (
        running_library(secure=True) as library,
        http_server.running_server() as tokens,
    ):
        env = {"TOKENS": f"{tokens.url}/text", "LIBRARY": library.target}
        recorded = shop.record(env=env).expect(passed=1)
    assert {"grpc"} == {each.partition(" ")[0] for each in signatures(recorded)}
    assert "authorization" in dict(library.metadata)
    shop.run(env=env).expect(passed=1, says=["2 calls replayed"])


def add_secrets(server):
    """Add a service of Google's with one secret."""
    from google.cloud import secretmanager as api

    name, payload = "projects/p/secrets/s", {"data": b"s3cr3t-4f9a71c20b"}
    methods = {
        "AccessSecretVersion": grpc.unary_unary_rpc_method_handler(
            lambda request, _: api.AccessSecretVersionResponse(
                name=request.name, payload=payload
            ),
            api.AccessSecretVersionRequest.deserialize,
            api.AccessSecretVersionResponse.serialize,
        ),
        "ListSecrets": grpc.unary_unary_rpc_method_handler(
            lambda request, _: api.ListSecretsResponse(
                secrets=[{"name": f"{name}{request.page_token}"}],
                next_page_token="" if request.page_token else "2",
            ),
            api.ListSecretsRequest.deserialize,
            api.ListSecretsResponse.serialize,
        ),
    }
    service = "google.cloud.secretmanager.v1.SecretManagerService"
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(service, methods)]
    )


def test_a_client_library_of_google(shop):
    pytest.importorskip(
        "google.cloud.secretmanager", reason="needs google-cloud-secret-manager"
    )
    shop.tests("""
        from google.api_core.exceptions import GoogleAPICallError, MethodNotImplemented
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import secretmanager

        GIVEN = {"credentials": AnonymousCredentials(), "client_options": {"api_endpoint": os.environ["SECRETS"]}}

        def test_it():
            client = secretmanager.SecretManagerServiceClient(**GIVEN)
            assert client.access_secret_version(name="projects/p/secrets/s/versions/1").payload.data
            assert len(list(client.list_secrets(parent="projects/p"))) == 2
            with pytest.raises(MethodNotImplemented) as caught:
                client.get_secret(name="projects/p/secrets/s")
            assert isinstance(caught.value, GoogleAPICallError)

        def test_asyncio():
            async def main():
                client = secretmanager.SecretManagerServiceAsyncClient(**GIVEN)
                assert (await client.access_secret_version(name="projects/p/secrets/s/versions/1")).payload.data
                assert len([secret async for secret in await client.list_secrets(parent="projects/p")]) == 2
            asyncio.run(main())
    """)
    with running_library(add_secrets, secure=True) as service:
        env = {
            "SECRETS": service.target,
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(http_server.CERTIFICATE),
        }
        given = ("-W", "ignore::FutureWarning", "-W", "ignore::DeprecationWarning")
        recorded = shop.record(*given, env=env).expect(
            passed=2, says=["7 calls recorded"]
        )
        shop.run("--mimic-verify", *given, env=env).expect(passed=2)
    assert not [name for name, data in recorded.vault.items() if b"s3cr3t" in data]
    shop.run(*given, env=env).expect(passed=2, says=["7 calls replayed"])
