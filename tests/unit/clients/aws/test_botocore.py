"""The client of botocore: operations that are recorded with moto's server, and replayed without it and without credentials."""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.aws_server import Server

from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic.errors import MissingRecordingError
from unit.clients.aws.conftest import ACCESS_KEY, SECRET_KEY, new_session
from unit.clients.runs import Runs

pytest.importorskip("boto3")

import boto3
from boto3.dynamodb.conditions import Attr, Key
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ProfileNotFound,
)

Make = Callable[..., Any]
NOWHERE = "http://127.0.0.1:9"
BYTES = bytes(range(256)) * 40


@pytest.fixture
def both(runs: Runs, client: Make, bare: Callable[[], None], server: Server) -> Callable[..., Any]:
    """Record a conversation, replay it without server and credentials, and return what both see, which is the same."""

    def both(talk: Callable[[Make], Any], url: str | None = None) -> Any:
        recorded = talk(client if url is None else lambda service, **more: client(service, url, **more))
        bare()
        server.seen.clear()
        runs.again("replay")
        replayed = talk(lambda service, **more: client(service, NOWHERE, **more))
        assert replayed == recorded
        assert server.seen == []  # nobody asked for metadata
        return replayed

    return both


def test_objects_of_s3(both: Any, runs: Runs) -> None:
    """Bodies go in as bytes, texts and files, and come out as a stream."""

    def talk(make: Make) -> Any:
        s3 = make("s3")
        seen = [s3.create_bucket(Bucket="shop")]
        for key, body in {"text": "Grüße", "bytes": BYTES, "file": io.BytesIO(BYTES)}.items():
            seen.append(s3.put_object(Bucket="shop", Key=key, Body=body))
        for key in ("text", "bytes", "file"):
            found = s3.get_object(Bucket="shop", Key=key)
            seen.append((found.pop("Body").read(), found))
        seen.append(s3.head_object(Bucket="shop", Key="bytes"))
        return seen

    seen = both(talk)

    assert [body for body, _ in seen[4:7]] == ["Grüße".encode(), BYTES, BYTES]
    assert runs.signatures[:2] == ["s3 CreateBucket shop", "s3 PutObject shop/text"]


def test_checksums_fit_a_redacted_body(runs: Runs, client: Make) -> None:
    """botocore compares them."""

    def talk() -> Any:
        s3 = client("s3")
        s3.create_bucket(Bucket="shop")
        body = b'{"id": 1, "password": "pass-word-4711"}'
        s3.put_object(Bucket="shop", Key="k", Body=body, ChecksumAlgorithm="SHA256")
        found = s3.get_object(Bucket="shop", Key="k", ChecksumMode="ENABLED")
        return found["Body"].read(), found["ChecksumSHA256"]

    _, checksum = talk()
    runs.again("replay")
    hidden, other = talk()

    assert hidden == b'{"id": 1, "password": "<redacted>"}'
    assert other != checksum


def test_a_body_that_cannot_be_rewound(runs: Runs, client: Make) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.pieces = [b"content", b""]

        def readable(self) -> bool:
            return True

        def read(self, _size: int = -1) -> bytes:
            return self.pieces.pop(0)

    s3 = client("s3")
    s3.create_bucket(Bucket="shop")

    s3.put_object(Bucket="shop", Key="k", Body=Pipe())

    assert s3.get_object(Bucket="shop", Key="k")["Body"].read() == b"content"
    assert runs.calls[1].parts["body"] == "content"


def test_ways_to_read_a_body(both: Any) -> None:
    def talk(make: Make) -> Any:
        s3 = make("s3")
        s3.create_bucket(Bucket="shop")
        s3.put_object(Bucket="shop", Key="lines", Body=b"one\ntwo\nthree\n" * 300)

        def body() -> Any:
            return s3.get_object(Bucket="shop", Key="lines")["Body"]

        seen: list[Any] = [list(body().iter_chunks(1000)), list(body().iter_lines()), list(body())]
        partly = body()
        seen += [partly.read(10), partly.read(5)]
        partly.close()
        return [*seen, body().read()]

    seen = both(talk)

    assert b"".join(seen[0]) == b"one\ntwo\nthree\n" * 300
    assert seen[3:5] == [b"one\ntwo\nth", b"ree\no"]


def test_reading_further_than_recorded_is_a_miss(runs: Runs, client: Make) -> None:
    def talk(size: int | None) -> Any:
        s3 = client("s3")
        s3.create_bucket(Bucket="shop")
        s3.put_object(Bucket="shop", Key="big", Body=bytes(1_000_000))
        body = s3.get_object(Bucket="shop", Key="big")["Body"]
        with body:
            return len(body.read(size))

    assert talk(10) == 10
    runs.again("replay")

    with pytest.raises(MissingRecordingError, match="GetObject shop/big"):
        talk(None)


def test_transfers_in_parts_and_threads(both: Any, tmp_path: Path) -> None:
    """The callbacks see the whole progress."""
    config = TransferConfig(multipart_threshold=1, multipart_chunksize=5 * 2**20)
    source = tmp_path / "source"
    source.write_bytes(BYTES * 600)

    def talk(make: Make) -> Any:
        s3, progress, target = make("s3"), [0], tmp_path / "target"
        s3.create_bucket(Bucket="shop")

        def count(size: int) -> None:
            progress[0] += size

        s3.upload_file(str(source), "shop", "parts", Config=config, Callback=count)
        s3.upload_fileobj(io.BytesIO(b"small"), "shop", "small")
        s3.download_file("shop", "parts", str(target), Config=config)
        return progress[0], target.read_bytes() == source.read_bytes()

    assert both(talk) == (len(BYTES) * 600, True)


def test_a_file_is_read_from_where_it_is(runs: Runs, client: Make) -> None:
    s3, file = client("s3"), io.BytesIO(b"head and body")
    s3.create_bucket(Bucket="shop")
    file.seek(9)

    s3.put_object(Bucket="shop", Key="k", Body=file)

    assert s3.get_object(Bucket="shop", Key="k")["Body"].read() == b"body"
    assert runs.calls[1].parts["body"] == "body"


def test_pages_and_waiters(both: Any, runs: Runs) -> None:
    def talk(make: Make) -> Any:
        s3 = make("s3")
        s3.create_bucket(Bucket="shop")
        for key in "abc":
            s3.put_object(Bucket="shop", Key=key)
        s3.get_waiter("object_exists").wait(Bucket="shop", Key="a")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="shop", PaginationConfig={"PageSize": 2})
        return [[one["Key"] for one in page["Contents"]] for page in pages]

    assert both(talk) == [["a", "b"], ["c"]]
    assert runs.signatures.count("s3 ListObjectsV2 shop") == 2


def test_tables_of_dynamodb(both: Any, runs: Runs) -> None:
    """Through boto3's resource: Python's values, sets and expressions."""

    def talk(make: Make) -> Any:
        endpoint = make("dynamodb").meta.endpoint_url
        db = new_session().resource("dynamodb", endpoint_url=endpoint)
        table = db.create_table(
            TableName="users",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        table.put_item(Item={"id": "1", "n": Decimal("1.5"), "tags": {"a", "b", "c"}, "raw": b"\xff"})
        with table.batch_writer() as batch:
            batch.put_item(Item={"id": "2", "password": "pass-word-4711"})
        found = table.query(KeyConditionExpression=Key("id").eq("1"), FilterExpression=Attr("n").gt(1))
        hidden = table.get_item(Key={"id": "2"})["Item"]["password"]
        return found["Items"], hidden if hidden == "<redacted>" else "<redacted>"

    items, _ = both(talk)

    assert items[0]["tags"] == {"a", "b", "c"}
    assert runs.signatures[1:4] == [
        "dynamodb PutItem users",
        "dynamodb BatchWriteItem users",
        "dynamodb Query users",
    ]
    assert runs.calls[1].parts["params"]["Item"]["tags"] == {"SS": ["a", "b", "c"]}
    assert "pass-word-4711" not in runs.text


def test_queues_of_sqs(both: Any, runs: Runs) -> None:
    def talk(make: Make) -> Any:
        sqs = make("sqs")
        url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody='{"job": 1}')
        message = sqs.receive_message(QueueUrl=url)["Messages"][0]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return message

    assert both(talk)["Body"] == '{"job": 1}'
    assert [one.split()[1:] for one in runs.signatures][:2] == [
        ["CreateQueue", "jobs"],
        ["SendMessage", "jobs"],
    ]


@pytest.mark.promise("no credentials, signature or presigned URL of AWS reaches the vault or a message")
def test_secrets_of_sts(runs: Runs, client: Make, bare: Callable[[], None]) -> None:
    """Credentials that STS issued are placeholders in a replay, and can be used there."""

    def talk(url: str | None = None) -> Any:
        options = {} if url is None else {"url": url}
        sts = client("sts", **options)
        sts.get_caller_identity()
        issued = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/demo", RoleSessionName="demo")
        keys = issued["Credentials"]
        s3 = client(
            "s3",
            **options,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        return keys, s3.list_buckets()["Buckets"]

    keys, buckets = talk()
    bare()
    runs.again("replay")

    assert talk(NOWHERE) == (
        {**keys, **dict.fromkeys(("AccessKeyId", "SecretAccessKey", "SessionToken"), "<redacted>")},
        buckets,
    )
    assert runs.signatures == ["sts GetCallerIdentity", "sts AssumeRole", "s3 ListBuckets"]
    for secret in (ACCESS_KEY, SECRET_KEY, "AWS4-HMAC", keys["AccessKeyId"], keys["SessionToken"]):
        assert secret not in runs.text


def test_an_access_key_in_an_answer_is_hidden(runs: Runs, client: Make, server: Server) -> None:
    """The application sees it while recording."""
    s3 = client("s3", server.url)

    with pytest.raises(ClientError, match=f"{ACCESS_KEY} may not"):
        s3.get_object(Bucket="echo", Key="k")

    assert "&lt;AWS_ACCESS_KEY_ID&gt; may not" in runs.text
    assert ACCESS_KEY not in runs.text


def test_keys_of_customers_are_hidden(runs: Runs, client: Make) -> None:
    s3, key = client("s3"), "0123456789abcdef0123456789abcdef"
    s3.create_bucket(Bucket="shop")

    s3.put_object(Bucket="shop", Key="k", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey=key)

    assert runs.calls[-1].parts["params"]["SSECustomerKey"] == "<redacted>"
    assert key not in runs.text
    assert "MDEyMzQ1Njc4OWFiY2RlZj" not in runs.text


@pytest.mark.promise(
    "at AWS, the operation with its parameters counts: no signature, date, region or endpoint"
)
def test_region_and_endpoint_do_not_count(runs: Runs, client: Make) -> None:
    client("s3").create_bucket(Bucket="shop")
    runs.again("replay")

    elsewhere = new_session(region_name="eu-west-1").client("s3", endpoint_url="https://minio.test:9000")

    assert elsewhere.create_bucket(Bucket="shop")["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(MissingRecordingError, match="s3 CreateBucket other"):
        elsewhere.create_bucket(Bucket="other")


def test_tokens_that_botocore_fills_in_do_not_count(runs: Runs, client: Make, server: Server) -> None:
    """Those of the caller do."""
    item = {"Put": {"TableName": "users", "Item": {"id": {"S": "1"}}}}

    def talk(**more: str) -> Any:
        db = client("dynamodb", server.url)
        return db.transact_write_items(TransactItems=[item], **more)["ResponseMetadata"]["HTTPStatusCode"]

    talk()
    runs.again("replay")

    assert talk() == 200
    with pytest.raises(MissingRecordingError, match="ClientRequestToken"):
        talk(ClientRequestToken="of-the-caller")


def test_errors_of_the_service(both: Any) -> None:
    def talk(make: Make) -> Any:
        s3 = make("s3")
        s3.create_bucket(Bucket="shop")
        with pytest.raises(s3.exceptions.NoSuchKey) as caught:
            s3.get_object(Bucket="shop", Key="none")
        with pytest.raises(ClientError, match="404"):
            s3.head_object(Bucket="shop", Key="none")
        return str(caught.value), caught.value.response

    assert "NoSuchKey" in both(talk)[0]


def test_errors_of_the_connection(both: Any, server: Server) -> None:
    def talk(make: Make) -> Any:
        s3 = make("s3", config=Config(retries={"total_max_attempts": 1}))
        with pytest.raises(ConnectionClosedError, match="closed before we received") as caught:
            s3.get_object(Bucket="cut", Key="k")
        return type(caught.value)

    both(talk, server.url)


@pytest.mark.parametrize("mode", ["legacy", "standard"])
def test_each_attempt_is_recorded(
    both: Any, runs: Runs, server: Server, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))

    def talk(make: Make) -> Any:
        s3 = make("s3", config=Config(retries={"mode": mode, "total_max_attempts": 2}))
        return s3.put_object(Bucket="busy", Key="k", Body=b"x")["ResponseMetadata"]["RetryAttempts"]

    assert both(talk, server.url) == 1
    assert [one["status"] for one in runs.plain] == [503, 200]


def test_a_redirect_to_another_region(both: Any, runs: Runs, server: Server) -> None:
    def talk(make: Make) -> Any:
        return make("s3").put_object(Bucket="moved", Key="k", Body=b"x")["ResponseMetadata"]["HTTPStatusCode"]

    assert both(talk, server.url) == 200
    assert 301 in [one["status"] for one in runs.plain]


def test_a_body_that_waits_for_100_continue(both: Any, server: Server) -> None:
    def talk(make: Make) -> Any:
        s3 = make("s3")
        file = io.BytesIO(bytes(3 * 2**20))
        status = s3.put_object(Bucket="b", Key="k", Body=file)["ResponseMetadata"]["HTTPStatusCode"]
        with pytest.raises(ClientError, match="PreconditionFailed"):
            s3.put_object(Bucket="b", Key="early", Body=io.BytesIO(bytes(3 * 2**20)))
        return status, file.tell()

    assert both(talk, server.url) == (200, 3 * 2**20)
    assert "100-continue" in server.expected


@pytest.mark.promise("no client waits or tries again because of a miss")
def test_a_miss_is_tried_once(runs: Runs, client: Make) -> None:
    runs.again("replay")

    with pytest.raises(MissingRecordingError, match="no recording of botocore s3 GetObject shop/k"):
        client("s3", NOWHERE, config=Config(retries={"mode": "standard", "max_attempts": 5})).get_object(
            Bucket="shop", Key="k"
        )

    assert len(runs.calls) == 1


def test_a_mistake_of_the_caller_is_no_call(runs: Runs, client: Make) -> None:
    with pytest.raises(ParamValidationError, match="Missing required"):
        client("s3").get_object(Bucket="shop")

    assert runs.calls == []


def test_what_botocore_misses_without_credentials(
    runs: Runs, client: Make, bare: Callable[[], None], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that runs needs them. A region and a profile are needed as without the client."""
    bare()
    with pytest.raises(NoCredentialsError):
        client("s3").list_buckets()
    assert runs.plain == []

    runs.again("replay")
    with pytest.raises(NoRegionError):
        boto3.session.Session().client("sqs")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ProfileNotFound):
        boto3.session.Session().client("s3", region_name="us-east-1")


def test_excluded_calls_are_signed(runs: Runs, client: Make, server: Server) -> None:
    runs.again("pass")

    client("s3", server.url).list_buckets()

    assert f"Credential={ACCESS_KEY}/" in server.headers[-1]["Authorization"]


@pytest.mark.promise("a replay at AWS needs no credentials and looks none up")
def test_credentials_are_fetched_only_for_real_requests(
    runs: Runs, client: Make, server: Server, monkeypatch: pytest.MonkeyPatch, bare: Callable[[], None]
) -> None:
    """Here by a process; a replay starts none."""
    config = Path.home() / "config"
    config.write_text("[default]\ncredential_process = fetch-credentials\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    keys = {"Version": 1, "AccessKeyId": "AKIAFROMPROCESS47111", "SecretAccessKey": SECRET_KEY}
    started: list[object] = []

    def retrieve(_provider: object, _command: str) -> dict[str, Any]:
        started.append(1)
        return {
            "access_key": keys["AccessKeyId"],
            "secret_key": SECRET_KEY,
            "token": None,
            "expiry_time": None,
        }

    monkeypatch.setattr("botocore.credentials.ProcessProvider._retrieve_credentials_using", retrieve)
    bare()
    client("s3", server.url).list_buckets()
    assert started == [1]
    assert "Credential=AKIAFROMPROCESS47111/" in server.headers[-1]["Authorization"]

    runs.again("replay")
    client("s3", NOWHERE).list_buckets()
    assert started == [1]


@pytest.mark.promise("a replay at AWS needs no credentials and looks none up")
def test_a_role_is_assumed_only_for_real_requests(
    runs: Runs, client: Make, moto: str, monkeypatch: pytest.MonkeyPatch, bare: Callable[[], None]
) -> None:
    """And is no call of the test."""
    config = Path.home() / "config"
    config.write_text(
        "[profile worker]\nrole_arn = arn:aws:iam::123456789012:role/worker\nsource_profile = base\n"
        f"[profile base]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    )
    bare()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "worker")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)
    named = client("sts").get_caller_identity()["Arn"]
    assert "assumed-role/worker" in named

    runs.again("replay")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", NOWHERE)

    assert client("sts", NOWHERE).get_caller_identity()["Arn"] == named
    assert runs.signatures == ["sts GetCallerIdentity"]
    with pytest.raises(MissingRecordingError, match="s3 ListBuckets"):
        client("s3", NOWHERE).list_buckets()


@pytest.mark.promise("a replay at AWS needs no credentials and looks none up")
def test_a_machine_is_asked_for_its_region_only_for_real_requests(
    runs: Runs, client: Make, server: Server
) -> None:
    """`defaults_mode=auto` compares it with that of the client."""

    def talk() -> object:
        return client("s3", config=Config(defaults_mode="auto")).list_buckets()["Buckets"]

    recorded = talk()
    asked = [line for line in server.seen if "/latest/" in line]
    assert asked
    assert runs.signatures == ["s3 ListBuckets"]

    runs.again("replay")
    assert talk() == recorded
    assert [line for line in server.seen if "/latest/" in line] == asked

    runs.again("off")
    assert talk() == recorded
    assert [line for line in server.seen if "/latest/" in line] == asked * 2


@pytest.mark.parametrize("place", ["headers", "query", "body"])
def test_requests_are_signed_with_fetched_credentials_wherever_the_signature_is(
    runs: Runs,
    client: Make,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    bare: Callable[[], None],
    place: str,
) -> None:
    """They were signed with placeholders before, to find out whether they are recorded."""
    bare()
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/keys")

    def call(url: str) -> None:
        if place == "body":
            client("sdb", url).delete_domain(DomainName="a")
        else:
            version = {"headers": "s3v4", "query": "s3v4-query"}[place]
            client("s3", url, config=Config(signature_version=version)).list_buckets()

    call(server.url)

    sent = {
        "headers": server.headers[-1].get("Authorization", ""),
        "query": server.seen[-1],
        "body": server.bodies[-1].decode(),
    }
    assert "AKIAFROMCONTAINER4711" in sent[place]
    assert PLACEHOLDER not in repr([*sent.values(), server.headers[-1]])
    runs.again("replay")
    server.seen.clear()
    call(NOWHERE)
    assert server.seen == []


def test_verifying(runs: Runs, client: Make) -> None:
    """The ids of responses may differ; a body may not."""

    def talk() -> Any:
        s3 = client("s3")
        with pytest.raises(ClientError):
            s3.get_object(Bucket="shop", Key="none")
        return s3.get_object(Bucket="shop", Key="k")["Body"].read()

    runs.again("off")
    s3 = client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_object(Bucket="shop", Key="k", Body=b"same")
    runs.again("record")
    talk()
    runs.again("verify")
    assert talk() == b"same"
    assert runs.drifts() == ""

    runs.again("off")
    s3.put_object(Bucket="shop", Key="k", Body=b"other")
    runs.again("verify")
    assert talk() == b"same"
    assert "body: 'same' recorded, 'other' now" in runs.drifts()


@pytest.mark.promise("in-process test clients and transports are never intercepted")
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")
def test_in_process_clients_are_left_alone(runs: Runs) -> None:
    """moto's decorator and botocore's Stubber."""
    from botocore.stub import Stubber
    from moto import mock_aws

    runs.again("replay")
    with mock_aws():
        s3 = new_session().client("s3")
        s3.create_bucket(Bucket="shop")
        assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == ["shop"]
    stubbed = new_session().client("s3")
    with Stubber(stubbed) as stubber:
        stubber.add_response("list_buckets", {"Buckets": []})
        assert stubbed.list_buckets()["Buckets"] == []

    assert runs.calls == []
