"""Secrets of AWS under names that are harmless elsewhere, by the service to which a request goes."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._clients.http.http_secrets import secrets_of
from pytest_mimic._core.redact.redactor import Redactor

SECRET, OPEN = "pass-word-4711", "ami-4711abcd"
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=1"
)


@pytest.mark.parametrize(
    ("headers", "is_known"),
    [
        ({"x-amz-target": "TrentService.Encrypt", "authorization": SIGNED.format("other")}, True),
        ({"authorization": SIGNED.format("kms")}, True),
        ({"authorization": "AWS4-ECDSA-P256-SHA256 Credential=AKIA/20260101/kms/aws4_request"}, True),
        ({"authorization": "Bearer kms"}, False),
        ({}, False),
    ],
)
def test_a_service_is_known_by_its_target_or_the_signature(headers: dict[str, str], is_known: bool) -> None:
    assert (secrets_of(Redactor(), headers).scrub({"Plaintext": SECRET}) != {"Plaintext": SECRET}) is is_known


@pytest.mark.parametrize(
    ("service", "plain", "hidden"),
    [
        ("kms", {"Plaintext": SECRET, "KeyId": "k"}, {"Plaintext": "<redacted>", "KeyId": "k"}),
        (
            "secretsmanager",
            {"SecretBinary": SECRET, "Name": "n"},
            {"SecretBinary": "<redacted>", "Name": "n"},
        ),
        ("ec2", {"keyMaterial": SECRET}, {"keyMaterial": "<redacted>"}),
        ("ssm", {"Name": "/db", "Value": SECRET}, {"Name": "/db", "Value": "<redacted>"}),
        ("ssm", [{"Name": "/image", "Type": "String", "Value": OPEN}], None),
        ("ecs", {"Name": "IMAGE", "Value": OPEN}, None),
        ("logs", {"nextForwardToken": "f/3700123456789001"}, None),
    ],
)
def test_what_is_secret_at_a_service(service: str, plain: Any, hidden: Any) -> None:
    secrets = secrets_of(Redactor(), {"authorization": SIGNED.format(service)})

    assert secrets.scrub(plain) == (plain if hidden is None else hidden)


def test_a_name_can_be_made_public() -> None:
    plain = {"Plaintext": OPEN}

    assert secrets_of(Redactor(["!plaintext"]), {"x-amz-target": "TrentService.x"}).scrub(plain) == plain


def test_a_secure_parameter_is_hidden_wherever_else_it_is() -> None:
    """For example in an error."""
    secrets = secrets_of(Redactor(), {"x-amz-target": "AmazonSSM.GetParameter"})

    secrets.learn({"Parameter": {"Name": "/shop/db", "Type": "SecureString", "Value": SECRET}})

    assert secrets.text(f"it is {SECRET}") == "it is <redacted>"
