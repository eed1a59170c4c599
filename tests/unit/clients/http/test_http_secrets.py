"""Secrets that an exchange shows in one place are hidden in all others."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from pytest_mimic._clients.http.http_secrets import learned_from, secrets_of
from pytest_mimic._clients.http.response_body import store_body
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.call_secrets import Secrets

SECRET = "hunter2-4711-abcd"
URL = "https://api.shop.test/"


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(Redactor())


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (f"https://ann:{SECRET}@api.shop.test/", ()),
        (f"{URL}?token={SECRET}", ()),
        (f"{URL};jsessionid={SECRET}?a=1", ()),
        (URL, (("Authorization", f"Bearer {SECRET}"),)),
        (
            URL,
            (
                (
                    "Authorization",
                    "Basic " + b64encode(f"ann:{SECRET}".encode()).decode(),
                ),
            ),
        ),
        (URL, (("Cookie", f"theme=dark; sid={SECRET}"),)),
    ],
    ids=["password in the URL", "query", "path", "header", "basic", "cookie"],
)
def test_a_secret_of_a_request_is_hidden_in_its_response(url, headers):
    secrets = learned_from(Redactor(), url, headers, {})

    assert secrets.text(f"it is {SECRET}") == "it is <redacted>"
    assert secrets.header("X-Seen", SECRET) == "<redacted>"


def test_a_secret_of_a_form_is_learned(secrets):
    form = f"password={SECRET}&name=ann".encode()
    store_body(
        [form], content_type="application/x-www-form-urlencoded", secrets=secrets
    )

    assert secrets.text(f"it is {SECRET}") == "it is <redacted>"


HELD, OPEN = "pass-word-4711", "ami-4711abcd"
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=1"


@pytest.mark.parametrize(
    ("headers", "is_known"),
    [
        (
            {
                "x-amz-target": "TrentService.Encrypt",
                "authorization": SIGNED.format("other"),
            },
            True,
        ),
        ({"authorization": SIGNED.format("kms")}, True),
        (
            {
                "authorization": "AWS4-ECDSA-P256-SHA256 Credential=AKIA/20260101/kms/aws4_request"
            },
            True,
        ),
        ({"authorization": "Bearer kms"}, False),
        ({}, False),
    ],
)
def test_a_service_is_known_by_its_target_or_the_signature(
    headers: dict[str, str], is_known: bool
) -> None:
    assert (
        secrets_of(Redactor(), headers).scrub({"Plaintext": HELD})
        != {"Plaintext": HELD}
    ) is is_known


@pytest.mark.parametrize(
    ("service", "plain", "hidden"),
    [
        (
            "kms",
            {"Plaintext": HELD, "KeyId": "k"},
            {"Plaintext": "<redacted>", "KeyId": "k"},
        ),
        (
            "secretsmanager",
            {"SecretBinary": HELD, "Name": "n"},
            {"SecretBinary": "<redacted>", "Name": "n"},
        ),
        ("ec2", {"keyMaterial": HELD}, {"keyMaterial": "<redacted>"}),
        ("ssm", {"Name": "/db", "Value": HELD}, {"Name": "/db", "Value": "<redacted>"}),
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

    assert (
        secrets_of(Redactor(["!plaintext"]), {"x-amz-target": "TrentService.x"}).scrub(
            plain
        )
        == plain
    )


def test_a_secure_parameter_is_hidden_wherever_else_it_is() -> None:
    """For example in an error."""
    secrets = secrets_of(Redactor(), {"x-amz-target": "AmazonSSM.GetParameter"})

    secrets.learn(
        {"Parameter": {"Name": "/shop/db", "Type": "SecureString", "Value": HELD}}
    )

    assert secrets.text(f"it is {HELD}") == "it is <redacted>"
