"""Streams of events: Bedrock and S3 Select, through botocore and aiobotocore."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("boto3")

from botocore.eventstream import ChecksumMismatch
from support.aws_server import ANSWERS, MODEL, Server, event

from pytest_mimic.errors import MissingRecordingError
from unit.clients.runs import Runs

Make = Callable[..., Any]
SELECT = {
    "Bucket": "shop",
    "Key": "rows.csv",
    "Expression": "select * from s3object",
    "ExpressionType": "SQL",
    "InputSerialization": {"CSV": {}},
    "OutputSerialization": {"CSV": {}},
}


@pytest.fixture
def talk(client: Make, server: Server) -> Callable[[], Any]:
    """A conversation with three streams."""

    def talk() -> Any:
        bedrock, s3 = client("bedrock-runtime", server.url), client("s3", server.url)
        body = json.dumps({"messages": [{"role": "user", "content": "Hello"}]})
        chunks = bedrock.invoke_model_with_response_stream(modelId=MODEL, body=body)["body"]
        message = {"role": "user", "content": [{"text": "Hello"}]}
        said = bedrock.converse_stream(modelId=MODEL, messages=[message])["stream"]
        return (
            [json.loads(one["chunk"]["bytes"])["text"] for one in chunks],
            list(said),
            list(s3.select_object_content(**SELECT)["Payload"]),
        )

    return talk


@pytest.mark.promise("streams of events of AWS replay event by event")
def test_streams_of_events(
    runs: Runs, talk: Callable[[], Any], server: Server, bare: Callable[[], None]
) -> None:
    recorded = talk()
    bare()
    server.stop()
    runs.again("replay")

    assert talk() == recorded
    assert recorded[0] == ANSWERS
    assert runs.signatures == [
        f"bedrock-runtime InvokeModelWithResponseStream {MODEL}",
        f"bedrock-runtime ConverseStream {MODEL}",
        "s3 SelectObjectContent shop/rows.csv",
    ]
    assert runs.calls[0].parts["body"] == {"messages": [{"role": "user", "content": "Hello"}]}


def test_a_stream_that_is_closed_early(runs: Runs, client: Make, server: Server) -> None:
    def talk(count: int) -> list[str]:
        message = {"role": "user", "content": [{"text": "Hello"}]}
        bedrock = client("bedrock-runtime", server.url)
        stream = bedrock.converse_stream(modelId=MODEL, messages=[message])["stream"]
        events = iter(stream)
        found = [next(events)["contentBlockDelta"]["delta"]["text"] for _ in range(count)]
        stream.close()
        return found

    assert talk(1) == ANSWERS[:1]
    runs.again("replay")

    assert talk(1) == ANSWERS[:1]
    with pytest.raises(MissingRecordingError, match="ConverseStream"):
        talk(3)


def test_events_are_readable_and_redacted(runs: Runs, client: Make, server: Server) -> None:
    """Each by itself. What is no event stay bytes."""
    tool = {"toolUse": {"input": "x", "password": "pass-word-4711"}}
    server.events = [
        event("contentBlockDelta", json.dumps({"delta": tool}).encode()),
        event("noise", b"\xff"),
    ]

    def talk() -> Any:
        stream = client("bedrock-runtime", server.url).converse_stream(modelId=MODEL)["stream"]
        return [*stream._create_raw_event_generator()]

    recorded = talk()
    runs.again("replay")
    replayed = talk()

    headers = {
        ":message-type": "event",
        ":event-type": "contentBlockDelta",
        ":content-type": "application/json",
    }
    assert runs.plain[0]["body"]["events"] == [
        {
            "headers": headers,
            "json": {"delta": {"toolUse": {"input": "x", "password": "<redacted>"}}},
            "style": "spaced",
        },
        {"headers": {**headers, ":event-type": "noise"}, "base64": "/w=="},
    ]
    assert [one.headers for one in replayed] == [one.headers for one in recorded]
    assert json.loads(replayed[0].payload)["delta"]["toolUse"]["password"] == "<redacted>"
    assert replayed[1].payload == b"\xff"
    assert "pass-word-4711" not in runs.text


def test_a_changed_event_is_drift(runs: Runs, client: Make, server: Server) -> None:
    def talk() -> int:
        message = {"role": "user", "content": [{"text": "Hello"}]}
        return len(
            list(
                client("bedrock-runtime", server.url).converse_stream(modelId=MODEL, messages=[message])[
                    "stream"
                ]
            )
        )

    talk()
    server.events = [event("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"Bad"}}')]
    runs.again("verify")

    assert talk() == 4
    assert "'Good' recorded, 'Bad' now" in runs.drifts()


def test_bytes_that_are_no_events(runs: Runs, client: Make, server: Server) -> None:
    """They are kept as they are; botocore finds out."""
    server.events = [event("chunk", b"{}")[:-1] + b"?"]

    def talk() -> str:
        stream = client("bedrock-runtime", server.url).converse_stream(modelId=MODEL)["stream"]
        with pytest.raises(ChecksumMismatch) as caught:
            list(stream)
        return str(caught.value)

    recorded = talk()
    runs.again("replay")

    assert talk() == recorded
    assert [*runs.plain[0]["body"]] == ["chunks"]
