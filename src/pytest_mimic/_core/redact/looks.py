"""Finds texts that look like keys: those of known issuers, private keys, JSON Web Tokens, and credentials after `Basic` and `Bearer`."""

from __future__ import annotations

import hashlib
import re
from binascii import Error, a2b_base64
from collections.abc import Iterator
from typing import NamedTuple

# By a part of each, which is searched for first: most texts have none of it. Sources are the issuers' documentation
# and the rules of gitleaks.
_KEYS = {
    "IA": ("an access key of AWS", r"A[KS]IA[A-Z0-9]{16}"),
    "AIza": ("a key of Google", r"AIza[\w-]{35}"),
    "GOCSPX-": ("a secret of Google", r"GOCSPX-[\w-]{28}"),
    "ya29.": ("a token of Google", r"ya29\.[\w-]{20,}"),
    "gh": ("a token of GitHub", r"gh[oprsu]_[A-Za-z0-9]{36,}"),
    "github_pat_": ("a token of GitHub", r"github_pat_\w{22,}"),
    "glpat-": ("a token of GitLab", r"glpat-[\w-]{20,}"),
    "xox": ("a token of Slack", r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    "xapp-": ("a token of Slack", r"xapp-[A-Za-z0-9-]{10,}"),
    "hooks.slack.com": ("a webhook of Slack", r"hooks\.slack\.com/services/T\w+/B\w+/\w{20,}"),
    "k_": ("a key of Stripe", r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    "whsec_": ("a secret of Stripe", r"whsec_[A-Za-z0-9+/=]{20,}"),
    "sk-": ("a key of a language model", r"sk-(?=[\w-]*[0-9])[\w-]{20,}"),
    "hf_": ("a token of Hugging Face", r"hf_[A-Za-z0-9]{30,}"),
    "npm_": ("a token of npm", r"npm_[A-Za-z0-9]{36}"),
    "pypi-": ("a token of PyPI", r"pypi-AgE[\w-]{50,}"),
    "SG.": ("a key of SendGrid", r"SG\.[\w-]{22}\.[\w-]{43}"),
    "dop_v1_": ("a token of DigitalOcean", r"dop_v1_[0-9a-f]{64}"),
    "shp": ("a token of Shopify", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    "dapi": ("a token of Databricks", r"dapi[0-9a-f]{32}"),
    ":AA": ("a token of Telegram", r"[0-9]{8,10}:AA[\w-]{33}"),
    " PRIVATE KEY-": ("a private key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[\w+/=\s]|\\[nr]){20,}"),
    "eyJ": ("a JSON Web Token", r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}"),
    "earer ": ("credentials", r"[Bb]earer (?=[\w.~+/-]*[0-9])[\w.~+/-]{16,}=*"),
    "asic ": ("credentials", r"[Bb]asic [A-Za-z0-9+/]{8,}={0,2}"),
}
_PATTERNS = {
    begin: (what, re.compile(rf"(?<![\w-]){look}(?![\w-])")) for begin, (what, look) in _KEYS.items()
}
# How many characters of a key a message shows.
_SHOWN = 8


class Look(NamedTuple):
    """A text that looks like a key: what it is, its beginning, and its mark in `mimic_redact`."""

    what: str
    shown: str
    mark: str


def keys_in(text: str) -> Iterator[Look]:
    """Yield each text that looks like a key, once."""
    seen: list[str] = []
    for begin, (what, pattern) in _PATTERNS.items():
        if begin in text:
            for match in pattern.finditer(text):
                found = match[0]
                if any(key in found for key in seen) or (begin == "asic " and not _is_basic(found[6:])):
                    continue
                seen.append(found)
                yield Look(what, f"{found[:_SHOWN]}…", mark_of(found))


def mark_of(text: str) -> str:
    """Return what stands for a text in a line `!sha256:…` of `mimic_redact`."""
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _is_basic(credentials: str) -> bool:
    """Check whether a word after `Basic` has a user and a password (RFC 7617)."""
    try:
        user, colon, password = a2b_base64(credentials).decode().partition(":")
    except (Error, ValueError):
        return False
    return bool(colon and password) and (user + password).isprintable() and not password.startswith("<")
