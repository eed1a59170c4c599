"""Texts that look like keys, and texts that only resemble them."""

from __future__ import annotations

from base64 import b64encode

import pytest

from pytest_mimic._core.redact.looks import keys_in

# Put together, so that no scanner takes this file for one with keys.
A, N = "aB3dE6gH9jK2mN5p" * 6, "0123456789abcdef" * 4
JWT = f"eyJ{A[:20]}.eyJ{A[:30]}.{A[:43]}"


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("AKIA" + "ABCDEFGH23456789", "an access key of AWS"),
        ("AIza" + A[:35], "a key of Google"),
        ("ya29." + A[:30], "a token of Google"),
        ("ghp_" + A[:36], "a token of GitHub"),
        ("github_pat_" + A[:22] + "_" + A[:40], "a token of GitHub"),
        ("glpat-" + A[:20], "a token of GitLab"),
        ("xoxb-" + N[:12] + "-" + A[:24], "a token of Slack"),
        ("hooks.slack.com/services/T0123/B0123/" + A[:24], "a webhook of Slack"),
        ("sk_live_" + A[:24], "a key of Stripe"),
        ("rk_test_" + A[:24], "a key of Stripe"),
        ("sk-" + "proj-" + A[:48], "a key of a language model"),
        ("sk-" + "ant-api03-" + A[:48], "a key of a language model"),
        ("hf_" + A[:34], "a token of Hugging Face"),
        ("npm_" + A[:36], "a token of npm"),
        ("pypi-AgE" + A[:60], "a token of PyPI"),
        ("SG." + A[:22] + "." + A[:43], "a key of SendGrid"),
        ("dop_v1_" + N, "a token of DigitalOcean"),
        ("shpat_" + N[:32], "a token of Shopify"),
        ("dapi" + N[:32], "a token of Databricks"),
        ("123456789:AA" + A[:33], "a token of Telegram"),
        ("-----BEGIN " + "RSA PRIVATE KEY-----\n" + A, "a private key"),
        ("-----BEGIN " + "PRIVATE KEY-----\\n" + A, "a private key"),
        (JWT, "a JSON Web Token"),
        ("Bearer " + A[:20], "credentials"),
        ("Bearer " + JWT, "a JSON Web Token"),
        ("Basic " + b64encode(b"ann:hunter2").decode(), "credentials"),
    ],
)
def test_a_key_is_found_by_its_look(key: str, what: str) -> None:
    (found,) = keys_in(f'{{"a": "it is {key}"}}')

    assert found.what == what
    assert len(found.mark) == len("sha256:1a2b3c4d")
    assert key not in found.shown
    assert len(found.shown) <= 25


@pytest.mark.parametrize(
    "text",
    [
        "AKIA2", "xAKIA" + "ABCDEFGH23456789", "ghp_short", "sk-learn-is-a-library-of-python", "a risk-free-thing-2026-11-02-at-noon",
        "Bearer <redacted>", "a bearer authentication-required", "Basic <redacted>", "Basic authentication", "basic knowledge1",
        "Basic " + b64encode(b"ann:<redacted>").decode(), "eyJhbGciOiJub25lIn0.<redacted>", "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PRIVATE KEY-----<redacted>", "npm_config_registry", "shpat_x", "12:AA:BB", "hf_model", N,
    ],
)  # fmt: skip
def test_other_texts_are_no_keys(text: str) -> None:
    assert list(keys_in(text)) == []
