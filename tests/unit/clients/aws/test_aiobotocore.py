"""The client of botocore under aiobotocore, on aiohttp and on httpx."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any

import pytest
from support.aws_server import ANSWERS, MODEL, Server, loader

from pytest_mimic.errors import MissingRecordingError
from unit.clients.aws.conftest import ACCESS_KEY
from unit.clients.runs import Runs

pytest.importorskip("aiobotocore")

from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.httpxsession import HttpxSession
from aiobotocore.session import get_session
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

# httpx2 is its successor there.
pytestmark = pytest.mark.filterwarnings("ignore:aiobotocore's httpx backend:DeprecationWarning")

NOWHERE = "http://127.0.0.1:9"
Talk = Callable[[Callable[..., Any]], Any]


@pytest.fixture(params=[AIOHTTPSession, HttpxSession], ids=["aiohttp", "httpx"])
def play(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Play a conversation with the servers at a URL."""

    def play(talk: Talk, url: str) -> Any:
        def make(service: str, attempts: int = 1, **more: Any) -> Any:
            config = AioConfig(http_session_cls=request.param, retries={"total_max_attempts": attempts})
            session = get_session()
            session.register_component("data_loader", loader())
            return session.create_client(
                service, region_name="us-east-1", endpoint_url=url, config=config, **more
            )

        return asyncio.run(talk(make))

    return play


@pytest.fixture
def both(
    runs: Runs, bare: Callable[[], None], play: Callable[..., Any], server: Server
) -> Callable[..., Any]:
    """Record a conversation, replay it without server and credentials, and return what both see, which is the same."""

    def both(talk: Talk, url: str) -> Any:
        recorded = play(talk, url)
        bare()
        server.seen.clear()
        runs.again("replay")
        assert play(talk, NOWHERE) == recorded
        assert server.seen == []  # nobody asked for metadata
        return recorded

    return both


def test_services(both: Any, moto: str, client: object, runs: Runs) -> None:
    async def talk(make: Callable[..., Any]) -> Any:
        async with make("s3") as s3, make("sqs") as sqs, make("dynamodb") as db:
            await s3.create_bucket(Bucket="shop")
            await s3.put_object(Bucket="shop", Key="k", Body=io.BytesIO(b"content" * 1000))
            found = await s3.get_object(Bucket="shop", Key="k")
            async with found["Body"] as body:
                content = await body.read()
            partly = (await s3.get_object(Bucket="shop", Key="k"))["Body"]
            head = await partly.read(10)
            await partly.aclose()
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket="shop")
            names = [one["Key"] async for page in pages for one in page["Contents"]]
            with pytest.raises(ClientError, match="NoSuchKey"):
                await s3.get_object(Bucket="shop", Key="none")
            queue = (await sqs.create_queue(QueueName="jobs"))["QueueUrl"]
            sent = await sqs.send_message(QueueUrl=queue, MessageBody="1")
            tables = await db.list_tables()
            return content, head, names, sent, tables

    content, head, names, _, _ = both(talk, moto)

    assert (content, head, names) == (b"content" * 1000, b"contentcon", ["k"])
    assert runs.signatures[:2] == ["s3 CreateBucket shop", "s3 PutObject shop/k"]
    assert ACCESS_KEY not in runs.text


@pytest.mark.parametrize("play", [AIOHTTPSession], indirect=True)  # aiobotocore reads none on httpx
def test_streams_of_events(both: Any, server: Server) -> None:
    async def talk(make: Callable[..., Any]) -> Any:
        async with make("bedrock-runtime") as bedrock:
            message = {"role": "user", "content": [{"text": "Hello"}]}
            answer = await bedrock.converse_stream(modelId=MODEL, messages=[message])
            return [event async for event in answer["stream"]]

    events = both(talk, server.url)

    assert [event["contentBlockDelta"]["delta"]["text"] for event in events[:3]] == ANSWERS


def test_attempts_and_errors(both: Any, server: Server, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(*_: object) -> None:
        pass

    monkeypatch.setattr("aiobotocore.endpoint.AioEndpoint._sleep", sleep)
    monkeypatch.setattr("aiobotocore.endpoint.AnyioEndpoint._sleep", sleep)

    async def talk(make: Callable[..., Any]) -> Any:
        async with make("s3", attempts=2) as s3:
            put = await s3.put_object(Bucket="busy", Key="k", Body=b"x")
            with pytest.raises(Exception, match=r"endpoint URL|disconnected") as caught:
                await s3.get_object(Bucket="cut", Key="k")
            return (
                put["ResponseMetadata"]["RetryAttempts"],
                type(caught.value),
                str(caught.value).partition("http:")[0],
            )

    assert both(talk, server.url)[0] == 1
    assert [one.get("status") for one in runs.plain].count(503) == 1


def test_a_server_that_is_not_there(both: Any) -> None:
    async def talk(make: Callable[..., Any]) -> Any:
        async with make("s3") as s3:
            with pytest.raises(EndpointConnectionError, match="Could not connect"):
                await s3.list_buckets()

    both(talk, NOWHERE)


def test_a_miss_is_tried_once(play: Any, runs: Runs) -> None:
    runs.again("replay")

    async def talk(make: Callable[..., Any]) -> Any:
        async with make("s3") as s3:
            await s3.get_object(Bucket="shop", Key="k")

    with pytest.raises(MissingRecordingError, match="s3 GetObject shop/k"):
        play(talk, NOWHERE)
    assert len(runs.calls) == 1


def test_no_credentials(play: Any, runs: Runs, bare: Callable[[], None], server: Server) -> None:
    bare()

    async def talk(make: Callable[..., Any]) -> Any:
        async with make("s3") as s3:
            await s3.list_buckets()

    with pytest.raises(NoCredentialsError):
        play(talk, server.url)
    assert runs.plain == []


def test_excluded_calls_are_signed(play: Any, runs: Runs, server: Server) -> None:
    runs.again("pass")

    async def talk(make: Callable[..., Any]) -> Any:
        async with make("s3") as s3:
            await s3.list_buckets()

    play(talk, server.url)

    assert f"Credential={ACCESS_KEY}/" in server.headers[-1]["Authorization"]


@pytest.mark.parametrize("play", [AIOHTTPSession], indirect=True)
def test_verifying(play: Any, runs: Runs, server: Server) -> None:
    async def talk(make: Callable[..., Any]) -> Any:
        async with make("bedrock-runtime") as bedrock, make("s3") as s3:
            message = {"role": "user", "content": [{"text": "Hello"}]}
            answer = await bedrock.converse_stream(modelId=MODEL, messages=[message])
            return [event async for event in answer["stream"]], await s3.list_buckets()

    recorded = play(talk, server.url)
    runs.again("verify")

    assert len(play(talk, server.url)[0]) == len(recorded[0])
    assert runs.drifts() == ""
