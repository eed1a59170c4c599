"""Secrets of AWS whose names are harmless elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum
from typing import Any

import pytest
from support.aws_server import Handler, Server

from pytest_mimic._clients.aws.aws_exchange import AwsSecrets
from pytest_mimic._core.redact.redactor import Redactor
from unit.clients.runs import Runs
from unit.memory_store import MemoryStore

pytest.importorskip("boto3")

Make = Callable[..., Any]
NOWHERE = "http://127.0.0.1:9"
SECRET, OPEN = "pass-word-4711", "ami-4711abcd"


class Bucket(str, Enum):
    SHOP = "shop"


def test_secure_parameters_of_systems_manager(runs: Runs, client: Make) -> None:
    """One that is changed may come without its type. Others are no secrets, and count."""

    def talk(**options: Any) -> Any:
        ssm = client("ssm", **options)
        ssm.put_parameter(Name="/shop/db", Value=SECRET, Type="SecureString")
        ssm.put_parameter(Name="/shop/db", Value=f"{SECRET}-new", Overwrite=True)
        ssm.put_parameter(Name="/shop/image", Value=OPEN, Type="String")
        one = ssm.get_parameter(Name="/shop/db", WithDecryption=True)["Parameter"]["Value"]
        found = ssm.get_parameters_by_path(Path="/shop", WithDecryption=True)["Parameters"]
        return one, {parameter["Name"]: parameter["Value"] for parameter in found}

    recorded = talk()
    assert recorded == (f"{SECRET}-new", {"/shop/db": f"{SECRET}-new", "/shop/image": OPEN})
    assert SECRET not in runs.text

    runs.again("replay")

    assert talk(url=NOWHERE) == ("<redacted>", {"/shop/db": "<redacted>", "/shop/image": OPEN})


def test_a_secure_parameter_is_hidden_wherever_else_it_is() -> None:
    """For example in an error."""
    secrets = AwsSecrets(Redactor(), service="ssm")

    secrets.learn({"Parameter": {"Name": "/shop/db", "Type": "SecureString", "Value": SECRET}})

    assert secrets.text(f"it is {SECRET}") == "it is <redacted>"


def test_parameters_of_other_services_are_no_secrets() -> None:
    """CloudFormation and others have pairs with the same names."""
    pair = {"Name": "IMAGE", "Value": OPEN}

    assert AwsSecrets(Redactor(), service="ecs").scrub(pair) == pair


def test_plaintexts_of_kms(runs: Runs, client: Make) -> None:
    """They are hidden in what is sent and in what comes back, unless the user wants them."""

    def talk() -> bytes:
        kms = client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        encrypted = kms.encrypt(KeyId=key, Plaintext=SECRET.encode())["CiphertextBlob"]
        plain: bytes = kms.decrypt(CiphertextBlob=encrypted)["Plaintext"]
        return plain

    assert talk() == SECRET.encode()
    assert SECRET not in runs.text
    assert "cGFzcy13b3JkLTQ3MTE=" not in runs.text

    runs.store = MemoryStore()
    runs.again("record", redact=["!plaintext"])
    talk()

    assert "cGFzcy13b3JkLTQ3MTE=" in runs.text


def test_key_pairs_of_ec2(runs: Runs, client: Make) -> None:
    material = client("ec2").create_key_pair(KeyName="k")["KeyMaterial"]

    assert material.splitlines()[1] not in runs.text
    assert "<keyMaterial>&lt;redacted&gt;</keyMaterial>" in runs.text


def test_tokens_of_pages_are_no_secrets(
    runs: Runs, client: Make, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last page of CloudWatch Logs is the one whose token is that of the page before."""
    pages = iter(["f/3700123456789001", "f/3700123456789002", "f/3700123456789002"])

    def take(handler: Handler, _body: bytes) -> None:
        handler.answer(200, json.dumps({"events": [], "nextForwardToken": next(pages)}).encode())

    monkeypatch.setattr(Handler, "take", take)

    def talk(url: str) -> list[str]:
        logs, tokens = client("logs", url), [""]
        while tokens[-1] not in tokens[:-1]:
            more = {"nextToken": tokens[-1]} if tokens[-1] else {}
            found = logs.get_log_events(logGroupName="shop", logStreamName="1", **more)
            tokens.append(found["nextForwardToken"])
        return tokens

    recorded = talk(server.url)
    runs.again("replay")

    assert talk(NOWHERE) == recorded
    assert len(recorded) == 4


def test_members_of_enumerations_count_as_their_values(runs: Runs, client: Make) -> None:
    client("s3").create_bucket(Bucket=Bucket.SHOP)
    runs.again("replay")

    answer = client("s3", NOWHERE).create_bucket(Bucket="shop")

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
