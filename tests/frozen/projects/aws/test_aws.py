"""Operations of boto3 and aiobotocore, sync and async: objects, tables, secrets, streams and errors."""

import asyncio
import os

import aiobotocore.session
import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError

KEYS = {"region_name": "us-east-1", "endpoint_url": os.environ["AWS"]}


@pytest.fixture(scope="module")
def core():
    """A session that has read its models once."""
    return boto3.session.Session(botocore_session=botocore.session.get_session())


def test_s3(core):
    """Objects are put, listed, read in pieces and deleted."""
    s3 = core.client("s3", **KEYS)
    s3.create_bucket(Bucket="shop")
    s3.put_object(Bucket="shop", Key="a/text", Body="Grüße".encode(), Metadata={"by": "zoe"})
    s3.put_object(Bucket="shop", Key="a/bytes", Body=bytes(range(256)))
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="shop")["Contents"]] == ["a/bytes", "a/text"]
    assert s3.get_object(Bucket="shop", Key="a/text")["Body"].read().decode() == "Grüße"
    chunks = s3.get_object(Bucket="shop", Key="a/bytes")["Body"].iter_chunks(100)
    assert [len(chunk) for chunk in chunks] == [100, 100, 56]
    assert s3.head_object(Bucket="shop", Key="a/text")["Metadata"] == {"by": "zoe"}
    s3.delete_object(Bucket="shop", Key="a/text")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="shop", Key="a/text")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="shop", Key="a/text")


def test_dynamodb(core):
    """Rows of a table, and a condition that fails."""
    db = core.resource("dynamodb", **KEYS)
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    kinds = [{"AttributeName": "id", "AttributeType": "S"}]
    table = db.create_table(
        TableName="orders", KeySchema=key, AttributeDefinitions=kinds, BillingMode="PAY_PER_REQUEST"
    )
    table.put_item(Item={"id": "1", "n": 2, "data": b"\xff", "tags": {"a", "b"}, "password": "secret-4717"})
    assert table.get_item(Key={"id": "1"})["Item"]["n"] == 2
    assert table.scan()["Count"] == 1
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        table.put_item(Item={"id": "1"}, ConditionExpression="attribute_not_exists(id)")


def test_secrets(core):
    """Secrets and parameters are stored and read."""
    secrets = core.client("secretsmanager", **KEYS)
    secrets.create_secret(Name="db", SecretString='{"password": "secret-4718"}', ClientRequestToken="0" * 32)
    assert secrets.get_secret_value(SecretId="db")["Name"] == "db"
    parameters = core.client("ssm", **KEYS)
    parameters.put_parameter(Name="/shop/mode", Value="live", Type="String")
    assert parameters.get_parameter(Name="/shop/mode")["Parameter"]["Value"] == "live"
    assert core.client("sts", **KEYS).get_caller_identity()["Account"]


def test_async():
    """The same through aiobotocore."""

    async def main():
        async with aiobotocore.session.get_session().create_client("s3", **KEYS) as s3:
            await s3.create_bucket(Bucket="async")
            await s3.put_object(Bucket="async", Key="k", Body=b"x" * 5000)
            answer = await s3.get_object(Bucket="async", Key="k")
            async with answer["Body"] as body:
                return await body.read()

    assert asyncio.run(main()) == b"x" * 5000
