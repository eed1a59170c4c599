"""boto3 and aiobotocore are recorded by `http`: against moto's server, and replayed without it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec

import pytest
from support.face import PLACEHOLDER

if any(find_spec(name) is None for name in ("boto3", "moto", "aiobotocore")):
    pytest.skip("needs boto3, moto and aiobotocore", allow_module_level=True)

MOTO = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://%s:%s" % server.get_host_and_port(), flush=True)
sys.stdin.read()
"""
TESTS = """
    import gzip

    import boto3
    from aiobotocore.session import get_session
    from boto3.dynamodb.conditions import Key
    from botocore.exceptions import ClientError

    PLACE = {"region_name": "us-east-1", "endpoint_url": os.environ["AWS"]}

    @pytest.fixture(scope="module")
    def s3():
        client = boto3.client("s3", **PLACE)
        client.create_bucket(Bucket="shop")
        return client

    def test_objects(s3):
        s3.put_object(Bucket="shop", Key="a/1", Body=b"one, two", ContentType="text/plain")
        s3.put_object(Bucket="shop", Key="a/2", Body=gzip.compress(b"packed", mtime=0), ContentEncoding="gzip")
        parts = [s3.get_object(Bucket="shop", Key="a/1", Range=f"bytes={at}") for at in ("0-2", "5-7")]
        assert [part["Body"].read() for part in parts] == [b"one", b"two"]
        packed = s3.get_object(Bucket="shop", Key="a/2")
        body = packed["Body"].read()
        assert (gzip.decompress(body) if packed.get("ContentEncoding") == "gzip" else body) == b"packed"
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="shop", PaginationConfig={"PageSize": 1})
        assert [one["Key"] for page in pages for one in page["Contents"]] == ["a/1", "a/2"]
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(Bucket="shop", Key="missing")

    def test_a_secret_in_an_object(s3):
        s3.put_object(Bucket="shop", Key="login", Body=b'{"user": "zoe", "password": "pass-word-4711"}')
        login = s3.get_object(Bucket="shop", Key="login")["Body"].read()
        assert (b"zoe" in login, b"pass-word" in login) == (True, "RECORDING" in os.environ)

    def test_items():
        table = boto3.resource("dynamodb", **PLACE).create_table(
            TableName="users",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        table.wait_until_exists()
        table.put_item(Item={"id": "1", "name": "Zo\\u00eb", "age": 41, "password": "pass-word-4711"})
        item = table.get_item(Key={"id": "1"})["Item"]
        assert (item["name"], item["age"]) == ("Zo\\u00eb", 41)
        assert (item["password"] == "pass-word-4711") == ("RECORDING" in os.environ)
        assert table.query(KeyConditionExpression=Key("id").eq("1"))["Count"] == 1
        assert table.delete_item(Key={"id": "1"})["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert "Item" not in table.get_item(Key={"id": "1"})

    def test_secrets():
        secrets = boto3.client("secretsmanager", **PLACE)
        secrets.create_secret(Name="db", SecretString="pass-word-4711", SecretBinary=b"pass-word-4711")
        found = [secrets.get_secret_value(SecretId="db")["SecretString"]]
        ssm = boto3.client("ssm", **PLACE)
        ssm.put_parameter(Name="/shop/db", Value="pass-word-4711", Type="SecureString")
        ssm.put_parameter(Name="/shop/image", Value="ami-4711abcd", Type="String")
        found.append(ssm.get_parameter(Name="/shop/db", WithDecryption=True)["Parameter"]["Value"])
        ssm.put_parameter(Name="/shop/db", Value="pass-word-4711-new", Overwrite=True)
        by_path = ssm.get_parameters_by_path(Path="/shop", WithDecryption=True)["Parameters"]
        values = {one["Name"]: one["Value"] for one in by_path}
        assert values.pop("/shop/image") == "ami-4711abcd"
        assert [*found, *values.values()] == (
            ["pass-word-4711"] * 2 + ["pass-word-4711-new"] if "RECORDING" in os.environ else ["PLACEHOLDER"] * 3
        )

    def test_keys():
        kms = boto3.client("kms", **PLACE)
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        encrypted = kms.encrypt(KeyId=key, Plaintext=b"plain-key-0815")["CiphertextBlob"]
        plain = kms.decrypt(CiphertextBlob=encrypted)["Plaintext"]
        assert (plain == b"plain-key-0815") == ("RECORDING" in os.environ)
        kms.generate_data_key(KeyId=key, KeySpec="AES_256")

    def test_a_role():
        sts = boto3.client("sts", **PLACE)
        keys = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/shop", RoleSessionName="shop")["Credentials"]
        assert ("redacted" in keys["SecretAccessKey"]) == ("RECORDING" not in os.environ)

    def test_aiobotocore(s3):
        async def read():
            async with get_session().create_client("s3", **PLACE) as client:
                await client.put_object(Bucket="shop", Key="b", Body=b'{"token": "pass-word-4711", "n": 1}')
                answer = await client.get_object(Bucket="shop", Key="b")
                return await answer["Body"].read()

        assert b'"n":' in asyncio.run(read())
"""
PASSED = 7


@contextmanager
def running_moto():
    """The URL of moto's server in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-c", MOTO]
    pipes = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.DEVNULL,
    }
    with subprocess.Popen(command, text=True, **pipes) as server:
        yield server.stdout.readline().strip()
        server.communicate()


def keys(name):
    return {
        "AWS_ACCESS_KEY_ID": name,
        "AWS_SECRET_ACCESS_KEY": f"secret-of-{name}",
        "HOME": "/nowhere",
    }


def test_boto3_replays_without_the_service(project):
    """With any credentials; and secrets are in no file."""
    project.ini("http")
    project.tests(TESTS.replace("PLACEHOLDER", PLACEHOLDER))
    project.process = True

    with running_moto() as url:
        recording = {"AWS": url, "RECORDING": "1", **keys("AKIAQ3EXAMPLE7KEY4711")}
        recorded = project.record(env=recording).expect(passed=PASSED)
    project.replay(env={"AWS": url, **keys("testing")}).expect(passed=PASSED)

    vault = b"\n".join(recorded.vault.values())
    for secret in (
        b"pass-word-4711",
        b"plain-key-0815",
        b"cGxhaW4ta2V5LTA4MTU",
        b"cGFzcy13b3JkLTQ3MTE",
        b"AKIAQ3",
    ):
        assert secret not in vault, secret
    assert b"ami-4711abcd" in vault
    signatures = {call.signature for call in recorded.calls}
    assert {"PUT /shop/a/1", "GET /shop/login", "POST /"} <= signatures
