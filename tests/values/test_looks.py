"""What a text looks like: made anew in each run, or a key; and texts that only resemble these."""

from __future__ import annotations

import base64
import random
import re
from urllib.parse import quote

import pytest
from support.face import looks

from pytest_mimic.secrets import issuers

# By look: texts that have it as a whole, and texts that have it not.
TABLE = {
    "uuid": (
        [
            "70869499-4229-48ba-8a6e-13d00f2c9e0a",
            "C232AB00-9414-11EC-B3C8-9F68DEFD9F1D",
            "1ec9414c-232a-6b00-b3c8-9e6bdeced846",
            "01937fae-2b7c-7cc0-8fae-0c3a1b2d4e5f",
            "7086949942294fba8a6e13d00f2c9e0a",
        ],
        [
            "6fa459ea-ee8a-3ca4-894e-db77e160355e",
            "886313e1-3b8a-5372-9b90-0c9aee199e5d",
            "00000000-0000-0000-0000-000000000000",
            "70869499-4229-48ba-8a6e",
        ],
    ),
    "ulid": (
        [
            "01JDHZ8F5M3Q7V9W2X4Y6Z8A0B",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01hzy7d9m4k6n8q0s2v4x6z8b1",
        ],
        [
            "81JDHZ8F5M3Q7V9W2X4Y6Z8A0B",
            "01JDHZ8F5M3Q7V9W2X4Y6Z8A0",
            "01JDHZ8F5M3Q7V9W2X4Y6Z8AIL",
        ],
    ),
    "token": (
        [
            "9f86d081884c7d65",
            "Yx3_kP9-qR2tVw7Z",
            "k3J9s8Dd7fQ2m4Xp0aLz",
            "4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce",
        ],
        [
            "gpt-4o-mini-transcribe",
            "customer_account_42",
            "HelloWorldFooBarBaz12",
            "aaaaaaaaaaaaaaaa1111",
            "shipping-address-line-2",
        ],
    ),
    "moment": (
        [
            "20261128T175707Z",
            "2026-11-25T14:03:59.123456+00:00",
            "2026-11-20 09:43:52.611322",
            "1764079439",
            "1764079439123",
        ],
        ["2026-13-25T14:03:59", "999999999", "14:03:59", "order 1764"],
    ),
    "date": (
        ["2026-11-25", "2024-02-29"],
        ["2023-02-32", "2026-11", "1.2.3", "March 2026", "12-24"],
    ),
}
TAKEN = [(look, text) for look, (texts, _) in TABLE.items() for text in texts]
LEFT = [(look, text) for look, (_, texts) in TABLE.items() for text in texts]


@pytest.mark.parametrize(("look", "text"), TAKEN)
def test_a_text_has_the_look_of_what_is_made_anew(look, text):
    assert look in looks(text)


@pytest.mark.parametrize(("look", "text"), LEFT)
def test_a_text_that_only_resembles_it_has_not(look, text):
    assert look not in looks(text)


@pytest.mark.parametrize(
    "text",
    [
        "ab-" * 200_000,
        base64.b64encode(random.Random(1).randbytes(30_000)).decode(),
        "1-" * 100_000,
        "a." * 100_000,
    ],
    ids=["joined words", "base64", "digits", "dots"],
)
def test_a_long_text_is_looked_at_at_once(text):
    """To look at each of its ends would take minutes."""
    assert looks(text) <= {"key"}


# Put together, so that no scanner takes this file for one with keys.
A, N = "aB3dE6gH9jK2mN5p" * 6, "0123456789abcdef" * 4
PAYLOAD = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.{A[:43]}"
KEYS = {
    "Amazon": "AKIA" + "ABCDEFGH23456789", "Amazon, for a while": "ASIA" + "ABCDEFGH23456789",
    "Google": "AIza" + A[:35], "Google OAuth": "ya29." + A[:30], "Google OAuth, secret": "GOCSPX-" + A[:28],
    "GitHub": "ghp_" + A[:36], "GitHub, fine-grained": "github_pat_" + A[:22] + "_" + A[:40],
    "GitLab": "glpat-" + A[:20], "GitLab, trigger": "glptt-" + A[:40], "GitLab, CI": "glcbt-" + A[:20],
    "Slack": "xoxb-" + N[:12] + "-" + A[:24], "Slack, app": "xapp-1-" + A[:30], "Slack, hook": "hooks.slack.com/services/" + "T" + A[:8] + "/B" + A[:8] + "/" + A[:24],
    "Stripe": "sk_live_" + A[:24], "Stripe, restricted": "rk_test_" + A[:24], "Square": "sq0csp-" + A[:43],
    "Twilio": "SK" + N[:32], "SendGrid": "SG." + A[:22] + "." + A[:43], "Brevo": "xkeysib-" + N + "-" + A[:16],
    "Mailgun": "key-" + N[:32], "Mailchimp": N[:32] + "-us12",
    "OpenAI": "sk-" + "proj-" + A[:48], "OpenAI, older": "sk-" + A[:20] + "T3" + "BlbkFJ" + A[:20], "Anthropic": "sk-" + "ant-api03-" + A[:48],
    "DeepSeek": "sk-" + N[:32], "Langfuse": "sk-" + "lf-70869499-4229-48ba-8a6e-13d00f2c9e0a", "LangSmith": "lsv2_pt_" + N[:32] + "_" + N[:10],
    "Groq": "gsk_" + A[:52], "xAI": "xai-" + A[:80], "Perplexity": "pplx-" + A[:48], "Replicate": "r8_" + A[:37],
    "Hugging Face": "hf_" + A[:34], "Tavily": "tvly-" + A[:32], "Pinecone": "pcsk_" + A[:60], "Fireworks": "fw_" + A[:24],
    "Tailscale": "tskey-auth-" + A[:20], "npm": "npm_" + A[:36], "PyPI": "pypi-AgE" + A[:60], "Docker": "dckr_pat_" + A[:27],
    "Figma": "figd_" + A[:40], "Vercel": "vcp_" + A[:40], "Netlify": "nfp_" + A[:40], "1Password": "ops_eyJ" + A[:60],
    "Vault": "hvs." + A[:90], "Doppler": "dp.pt." + A[:43], "Atlassian": "ATATT3" + A + A + "=" + N[:8], "Linear": "lin_api_" + A[:40],
    "Notion": "ntn_" + "1" * 11 + A[:35], "Notion, older": "secret_" + A[:43], "Airtable": "pat" + A[:14] + "." + N,
    "Grafana": "glsa_" + A[:32] + "_" + N[:8], "Sentry": "sntryu_" + N, "New Relic": "NRAK-" + "ABCDEFGHIJKLM0123456789ABCD", "Postman": "PMAK-" + N[:24] + "-" + N[:34],
    "Heroku": "HRKU-" + A[:60], "DigitalOcean": "dop_v1_" + N, "PlanetScale": "pscale_tkn_" + A[:40], "Supabase": "sbp_" + N[:40],
    "Shopify": "shpat_" + N[:32], "Databricks": "dapi" + N[:32], "Azure Storage": "AccountKey=" + A[:86] + "==",
    "Telegram": "123456789:AA" + A[:33], "Telegram, in an address": "bot123456789:AA" + A[:33], "Discord, hook": "discord.com/api/webhooks/" + "1" * 18 + "/" + A[:68], "Discord": "M" + A[:25] + "." + A[:6] + "." + A[:38], "age": "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE"[:58],
    "private key": "-----BEGIN " + "RSA PRIVATE KEY-----\n" + A, "private key in JSON": "-----BEGIN " + "PRIVATE KEY-----\\n" + A,
    "JWT": PAYLOAD, "bearer": "Bearer " + PAYLOAD,
}  # fmt: skip


@pytest.mark.parametrize("form", issuers.forms())
def test_each_form_has_a_key_that_no_other_form_finds(form):
    written = rf"(?a)(?<![\w-])(?:{form})"
    assert [name for name, key in KEYS.items() if re.search(written, key)]


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_is_found_by_its_look(key):
    assert "key" in looks(key)
    assert "key" in looks(f'{{"a": "it is {key}"}}')
    assert "key" in looks(rf"as JSON in JSON:\n{key}, \u003e{key}")


@pytest.mark.parametrize("name", [name for name in KEYS if "private key" not in name])
def test_a_key_is_found_in_a_url_in_a_url(name):
    once = quote(KEYS[name], safe=" ")
    assert "key" in looks(f"next=https%3A%2F%2Fa.b%3Fa%3D{once}")
    assert "key" in looks(f"next=https%253A%252F%252Fa.b%253Fa%253D{quote(once)}")


@pytest.mark.parametrize(
    "text",
    [
        "sk-estimator", "sk-estimator-html-doc-link-fitted-hover", ".sk-toggleable__label-arrow", "fw_normal", "key-value-store-of-the-shop", "pplx-api-docs",
        "AKIA2", "ghp_short", "sk-learn-is-a-library-of-python", "a risk-free-thing-2026-11-02-at-noon",
        "a bearer authentication-required", "Basic authentication", "basic knowledge1",
        "-----BEGIN CERTIFICATE-----", "npm_config_registry", "shpat_x", "12:AA:BB", "hf_model", N,
        "mimic-redacted", "mimic-redacted-9f8e7d-1a2b3c4d", "Bearer mimic-redacted",
    ],
)  # fmt: skip
def test_other_texts_are_no_keys(text):
    assert "key" not in looks(text)
