"""Texts that look like keys, and texts that only resemble them."""

from __future__ import annotations

from base64 import b64encode

import pytest

from pytest_mimic._core.redact.texts_like_keys import keys_in

# Put together, so that no scanner takes this file for one with keys.
A, N = "aB3dE6gH9jK2mN5p" * 6, "0123456789abcdef" * 4
JWT = f"eyJ{A[:20]}.eyJ{A[:30]}.{A[:43]}"


@pytest.mark.parametrize(
    "key",
    [
        "AKIA" + "ABCDEFGH23456789",
        "AIza" + A[:35],
        "ya29." + A[:30],
        "ghp_" + A[:36],
        "github_pat_" + A[:22] + "_" + A[:40],
        "glpat-" + A[:20],
        "xoxb-" + N[:12] + "-" + A[:24],
        "hooks.slack.com/services/T0123/B0123/" + A[:24],
        "sk_live_" + A[:24],
        "rk_test_" + A[:24],
        "sk-" + "proj-" + A[:48],
        "sk-" + "ant-api03-" + A[:48],
        "hf_" + A[:34],
        "npm_" + A[:36],
        "pypi-AgE" + A[:60],
        "SG." + A[:22] + "." + A[:43],
        "dop_v1_" + N,
        "shpat_" + N[:32],
        "dapi" + N[:32],
        "123456789:AA" + A[:33],
        "-----BEGIN " + "RSA PRIVATE KEY-----\n" + A,
        "-----BEGIN " + "PRIVATE KEY-----\\n" + A,
        JWT,
        "Bearer " + A[:20],
        "Bearer " + JWT,
        "Basic " + b64encode(b"ann:hunter2").decode(),
    ],
)
def test_a_key_is_found_by_its_look(key: str) -> None:
    ((shown, mark),) = keys_in(f'{{"a": "it is {key}"}}')

    assert len(mark) == len("sha256:1a2b3c4d")
    assert key not in shown
    assert len(shown) <= 25


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
