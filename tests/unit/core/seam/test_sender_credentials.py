"""The credentials in a request say who sends it."""

from __future__ import annotations

from base64 import b64encode

import pytest

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.call_secrets import Secrets

SECRET = "hunter2-4711-abcd"


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(Redactor())


@pytest.mark.parametrize(
    "header",
    [
        "NTLM " + b64encode(b"NTLMSSP\0\1\0\0\0" + bytes(24)).decode(),
        "Negotiate " + b64encode(b"NTLMSSP\0\3\0\0\0" + bytes(24)).decode(),
        "Negotiate " + b64encode(b"\x60\x82\x04\x10\x06\x06+\x06\x01").decode(),
        "Negotiate " + b64encode(b"\x60\x81\xa0\x06\x06+\x06\x01\x05").decode(),
        "Negotiate " + b64encode(b"\xa1\x81\xb0\x30\x81\xad\xa0\x03").decode(),
    ],
    ids=["NTLM", "NTLM as Negotiate", "Kerberos", "short Kerberos", "an answer"],
)
def test_a_step_of_a_handshake_says_not_who_sends_the_request(secrets, header):
    """Each request of a log-in by NTLM or Kerberos has another one."""
    secrets.learn_headers([("Authorization", header)])

    assert secrets.credentials() == {}


def test_a_key_says_who_sends_the_request(secrets):
    secrets.learn_headers([("Authorization", f"Bearer {SECRET}")])

    assert secrets.credentials() == {"authorization": SECRET}
