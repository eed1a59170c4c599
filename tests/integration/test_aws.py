"""AWS in projects: one recording for one call, patterns, presigned URLs, no credentials in a replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("boto3", reason="needs boto3")
# A run in process would forget it after its first import.
pytest.importorskip("requests", reason="needs requests")

pytest.importorskip("aiobotocore.httpxsession", reason="needs aiobotocore")

from support.aws_server import Server, running_server

ALL = ("botocore", "requests", "urllib3", "http.client", "aiohttp")
SHOP = """
    import os
    import boto3, botocore.session
    from support.aws_server import loader

    def session():
        core = botocore.session.get_session()
        core.register_component("data_loader", loader())
        return boto3.session.Session(botocore_session=core, region_name="us-east-1")

    def client(service, **options):
        return session().client(service, endpoint_url=os.environ["AWS"], **options)

    def save(key, body=b"x"):
        return client("s3").put_object(Bucket="shop", Key=key, Body=body)["ResponseMetadata"]["HTTPStatusCode"]
"""
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAQ3EXAMPLE7KEY4711", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI7K7MDENG7bPxRfi"}
TOKEN = "FwoGZXIvYXdzEXAMPLE7TOKEN4711"
NO_KEYS = {
    "HOME": "/nowhere",
    "USERPROFILE": "/nowhere",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9",
}


@pytest.fixture
def server() -> Iterator[Server]:
    """The server."""
    with running_server() as server:
        yield server


@pytest.fixture
def shop(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project that saves objects."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    project.ini(*ALL)
    return project


def record(shop: Any, server: Server, *options: str, **expected: int) -> Any:
    """Record with keys."""
    return shop.record(*options, env={"AWS": server.url, **KEYS}).expect(**(expected or {"passed": 1}))


def replay(shop: Any, server: Server, **expected: int) -> Any:
    """Replay without the server and without keys."""
    server.stop()
    return shop.replay(env={"AWS": server.url, **NO_KEYS}).expect(**(expected or {"passed": 1}))


def kept(run: Any) -> list[str]:
    """Return the clients and signatures of the recordings of a run."""
    calls = [json.loads(data) for name, data in run.vault.items() if name.startswith("calls/")]
    return sorted(f"{call['target']} {call['arguments']['signature']}" for call in calls)


def test_one_call_is_one_recording(shop: Any, server: Server) -> None:
    """With all clients below."""
    shop.test("assert shop.save('k') == 200")

    recorded = record(shop, server)
    replayed = replay(shop, server)

    assert kept(recorded) == ["botocore s3 PutObject shop/k"]
    assert "1 call replayed" in replayed.output
    assert len(server.seen) == 1


def test_one_async_call_is_one_recording(shop: Any, server: Server) -> None:
    """On each of aiobotocore's HTTP clients, recorded, verified and replayed."""
    shop.ini(*ALL, "httpx", "httpx2")
    shop.tests("""
        import asyncio, os
        import pytest
        from aiobotocore.config import AioConfig
        from aiobotocore.httpsession import AIOHTTPSession
        from aiobotocore.httpxsession import HttpxSession
        from aiobotocore.session import get_session
        from support.aws_server import loader

        async def save(kind):
            session = get_session()
            session.register_component("data_loader", loader())
            client = session.create_client("s3", region_name="us-east-1", endpoint_url=os.environ["AWS"],
                                           config=AioConfig(http_session_cls=kind))
            async with client as s3:
                return await s3.put_object(Bucket="shop", Key="k", Body=b"x")

        @pytest.mark.parametrize("kind", [AIOHTTPSession, HttpxSession])
        @pytest.mark.filterwarnings("ignore:aiobotocore's httpx backend:DeprecationWarning")
        def test_it(kind):
            assert asyncio.run(save(kind))["ResponseMetadata"]["HTTPStatusCode"] == 200
    """)

    recorded = record(shop, server, passed=2)
    verified = shop.run("--mimic-verify", env={"AWS": server.url, **KEYS}).expect(passed=2)
    replay(shop, server, passed=2)

    assert kept(recorded) == ["botocore s3 PutObject shop/k"] * 2
    assert "2 calls verified" in verified.output
    assert len(server.seen) == 4


def test_verifying_sends_once(shop: Any, server: Server) -> None:
    shop.test("assert shop.save('k') == 200")
    record(shop, server)

    run = shop.run("--mimic-verify", env={"AWS": server.url, **KEYS}).expect(passed=1)

    assert "1 call verified" in run.output
    assert len(server.seen) == 2


def test_urllib3_takes_what_botocore_left_out(shop: Any, server: Server) -> None:
    shop.ini('botocore exclude="s3 PutObject */left"', "urllib3", "http.client")
    shop.test("assert shop.save('k') == shop.save('left') == 200")

    recorded = record(shop, server)
    replay(shop, server, failed=1)  # signed for real, so it needs keys

    assert kept(recorded) == ["botocore s3 PutObject shop/k", "http PUT /shop/left"]


@pytest.mark.promise("a replay at AWS needs no credentials and looks none up")
def test_excluded_calls_of_a_replay_look_credentials_up(shop: Any, server: Server) -> None:
    """And no other calls do, with the same client."""
    shop.ini('botocore exclude="s3 PutObject */left"')
    shop.test("""
        s3 = shop.client("s3")
        for key in ("k", "left"):
            s3.put_object(Bucket="shop", Key=key, Body=b"x")
    """)
    keys = {"AWS": server.url, **NO_KEYS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/keys"}

    shop.record(env=keys).expect(passed=1)
    server.seen.clear()
    shop.replay(env=keys).expect(passed=1)

    assert server.seen == ["GET /keys", "PUT /shop/left"]
    assert "Credential=AKIAFROMCONTAINER4711/" in server.headers[-1]["Authorization"]


def test_an_http_client_in_a_block_takes_its_own_requests(shop: Any, server: Server) -> None:
    """Beside the operations that botocore sends through it."""
    shop.ini("botocore")
    shop.tests("""
        import os, shop, urllib3

        def test_it(mimic_auto):
            assert shop.save("k") == 200
            with mimic_auto("plain", targets=["urllib3"]) as cassette:
                assert urllib3.request("PUT", os.environ["AWS"] + "/shop/plain").status == 200
                assert shop.save("other") == 200
            assert [call.signature for call in cassette.calls] == ["PUT /shop/plain → 200"]
    """)

    record(shop, server)
    server.stop()
    shop.replay(env={"AWS": server.url, **NO_KEYS}).expect(passed=1)

    assert len(server.seen) == 3


@pytest.mark.parametrize("line", ["urllib3", "http.client"])
def test_lower_clients_take_botocore(shop: Any, server: Server, line: str) -> None:
    """Its connections wait for `100 Continue` before they send a body."""
    shop.ini(f"{line} ignore=port")
    shop.test("""
        import io
        assert shop.save('k', io.BytesIO(bytes(3 * 2**20))) == 200
    """)

    recorded = record(shop, server)
    server.stop()
    shop.replay(env={"AWS": server.url, **KEYS}).expect(passed=1)

    assert kept(recorded) == ["http PUT /shop/k"]


@pytest.mark.promise("a pattern at AWS names a service, an operation, a resource or several of them")
def test_patterns(shop: Any, server: Server) -> None:
    shop.ini('botocore only="s3 PutObject,nowhere/*" exclude=shop/b/*')
    shop.test("""
        shop.save("a")
        shop.save("b/c")
        shop.client("s3").list_buckets()
    """)

    assert kept(record(shop, server)) == ["botocore s3 PutObject shop/a"]


def test_parts_to_ignore_and_to_match(shop: Any, server: Server) -> None:
    shop.ini("botocore ignore=params.Metadata,body match=host")
    shop.test("""
        shop.client("s3").put_object(Bucket="b", Key="k", Body=os.urandom(8), Metadata={"at": os.urandom(2).hex()})
    """)

    record(shop, server)
    replay(shop, server)
    elsewhere = shop.replay(env={"AWS": server.url.replace("127.0.0.1", "localhost"), **NO_KEYS})

    elsewhere.expect(failed=1, says=["host: '127.0.0.1' recorded, 'localhost' now"])


@pytest.mark.parametrize("version", ["s3v4", "s3"])
@pytest.mark.promise("no credentials, signature or presigned URL of AWS reaches the vault or a message")
def test_presigned_urls(shop: Any, server: Server, version: str) -> None:
    """They are made and fetched without credentials, and although the time is part of them."""
    shop.ini("botocore", "requests")
    shop.test(f"""
        from botocore.config import Config
        s3 = shop.client("s3", config=Config(signature_version="{version}"))
        url = s3.generate_presigned_url("get_object", Params={{"Bucket": "shop", "Key": "k"}})
        assert requests.get(url).status_code == 200
        post = s3.generate_presigned_post("shop", "posted")
        files = {{"file": b"content"}}
        assert requests.post(post["url"], data=post["fields"], files=files).status_code == 200
    """)

    recorded = shop.record(env={"AWS": server.url, **KEYS, "AWS_SESSION_TOKEN": TOKEN}).expect(passed=1)
    replay(shop, server)

    assert kept(recorded) == ["http GET /shop/k", "http POST /shop"]
    stored = b"".join(recorded.vault.values()).decode()
    for secret in (*KEYS.values(), TOKEN, "X-Amz-Signature", "AWSAccessKeyId", "olicy"):
        assert secret not in stored


@pytest.mark.promise("a presigned URL with a placeholder is never sent")
def test_a_presigned_url_of_a_replay_is_not_sent(shop: Any, server: Server) -> None:
    """Also to another server, which is recorded."""
    shop.ini("botocore", "requests")
    shop.test("""
        url = shop.client("s3").generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": "k"})
        with mimic_auto("fetch", targets=["requests"]):
            requests.get(url)
    """)

    run = shop.replay(env={"AWS": server.url, **NO_KEYS, "CI": ""})

    run.expect(failed=1, says=["placeholder"])
    assert server.seen == []


def test_clients_made_before_the_block(shop: Any, server: Server) -> None:
    shop.ini()
    shop.tests("""
        import shop

        s3 = shop.client("s3")

        def test_it(mimic_auto):
            with mimic_auto("saved", targets=["botocore"]) as cassette:
                s3.put_object(Bucket="shop", Key="k", Body=b"x")
            assert [call.signature for call in cassette.calls] == ["s3 PutObject shop/k → 200"]
            assert cassette.calls[0].match(only="shop/*")
    """)

    shop.run(env={"AWS": server.url, **KEYS, "CI": ""}).expect(passed=1)
    replay(shop, server)

    assert len(server.seen) == 1


def test_a_miss_names_the_operation(shop: Any, server: Server) -> None:
    shop.test("shop.save('k')")
    record(shop, server)
    shop.test("shop.save('other')")

    run = replay(shop, server, failed=1)

    run.expect(
        failed=1, says=["no recording of botocore s3 PutObject shop/other", "Key: 'k' recorded, 'other' now"]
    )


def test_credentials_are_needed_to_record(shop: Any, server: Server) -> None:
    shop.test("shop.save('k')")

    run = shop.record(env={"AWS": server.url, **NO_KEYS, "AWS_EC2_METADATA_DISABLED": "true"})

    run.expect(failed=1, says=["NoCredentialsError: Unable to locate credentials"])
    assert server.seen == []


def test_requests_for_credentials_are_not_recorded(shop: Any, server: Server) -> None:
    """By no client, neither when a client is made nor when a URL is signed."""
    shop.test("""
        s3 = shop.client("s3")
        s3.generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": "k"})
        assert shop.save("k") == 200
    """)
    keys = f"{server.url}/keys"
    nowhere = {"AWS": server.url, **NO_KEYS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": keys}

    recorded = shop.record(env=nowhere).expect(passed=1)
    server.stop()
    replayed = shop.replay(env=nowhere).expect(passed=1)

    assert "GET /keys" in server.seen
    assert kept(recorded) == ["botocore s3 PutObject shop/k"]
    assert "unused" not in replayed.output
