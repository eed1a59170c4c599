"""Finds texts that look like keys, for warnings: nothing is hidden because of them.

What is hidden is decided in `redactor.py`, chiefly by names, so a key under a harmless
name is stored. A recording run and `check` then warn of it. The user adds its name to
`mimic_redact`, or accepts the text there by its mark if it is no key.

| look | example |
|---|---|
| the key of a known issuer | `ghp_…` |
| a private key | `-----BEGIN PRIVATE KEY-----…` |
| a JSON Web Token | `eyJ….eyJ….…` |
| credentials after their scheme | `Basic …`, `Bearer …` |
"""

from __future__ import annotations

import hashlib
import re
from binascii import Error, a2b_base64
from collections.abc import Iterator
from functools import cache

# The prefixes of issuers' keys, by the pattern of what follows them: a text of one of
# these forms is warned of. Sources are the issuers' documentation and the rules of
# gitleaks.
_PREFIXES_BY_REST_OF_KEY = {
    "[A-Za-z0-9]{16,}": "AKIA ASIA rk_live_ rk_test_ sk_live_ sk_test_".split(),
    "[A-Za-z0-9]{30,}": (
        "dapi dop_v1_ gho_ ghp_ ghr_ ghs_ ghu_ hf_ npm_ shpat_ shpca_ shppa_"
        " shpss_".split()
    ),
    r"[\w-]{20,}": (
        "AIza GOCSPX- github_pat_ glpat- pypi-AgE xapp- xoxa- xoxb- xoxe- xoxo- xoxp-"
        " xoxr- xoxs-".split()
    ),
    r"[\w.+/=-]{20,}": "SG. hooks.slack.com/services/T whsec_ ya29.".split(),
}
# The first letter of a scheme may be a capital, so the literal part leaves it out.
_BASIC_SCHEME = "asic "
# These keys do not begin with a literal text, or need a stricter pattern: those of
# language models and of Telegram, private keys, JSON Web Tokens, and what follows
# `Bearer` and `Basic`. Each pattern stands at a literal text that its matches contain.
_OTHER_PATTERNS = {
    "sk-": r"sk-(?=[\w-]*[0-9])[\w-]{20,}",
    ":AA": r"[0-9]{8,10}:AA[\w-]{33}",
    " PRIVATE KEY-": (
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[\w+/=\s]|\\[nr]){20,}"
    ),
    "eyJ": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}",
    "earer ": r"[Bb]earer (?=[\w.~+/-]*[0-9])[\w.~+/-]{16,}=*",
    _BASIC_SCHEME: r"[Bb]asic [A-Za-z0-9+/]{8,}={0,2}",
}


def _patterns_of_keys() -> dict[str, str]:
    """Return the patterns of all keys to warn of.

    Each stands at a literal text that its matches contain: `ghp_[A-Za-z0-9]{30,}` at
    `ghp_`.
    """
    patterns = dict(_OTHER_PATTERNS)
    for rest_of_key, prefixes in _PREFIXES_BY_REST_OF_KEY.items():
        for prefix in prefixes:
            patterns[prefix] = re.escape(prefix) + rest_of_key
    return patterns


# The literal texts are searched for first, because that is fast and most texts have
# none of them.
_PATTERNS_BY_LITERAL = _patterns_of_keys()
# How many characters of a key a message shows.
_SHOWN_CHARACTERS = 8


def keys_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield each text that looks like a key, once, for a warning.

    The warning shows the beginning of the key, and the key's mark in `mimic_redact`.
    """
    yielded_keys: list[str] = []
    for literal, pattern_of_key in _PATTERNS_BY_LITERAL.items():
        if literal not in text:
            continue
        for key_match in _pattern_of_key(pattern_of_key).finditer(text):
            key = key_match[0]
            is_basic = literal == _BASIC_SCHEME
            if is_basic and not _has_password(key[len("Basic ") :]):
                continue
            # A key may hold another one, such as the token after `Bearer`: one warning
            # tells of both.
            if not any(yielded_key in key for yielded_key in yielded_keys):
                yielded_keys.append(key)
                yield f"{key[:_SHOWN_CHARACTERS]}…", mark_of(key)


@cache
def _pattern_of_key(pattern: str) -> re.Pattern[str]:
    """Return the pattern of a key that stands alone, compiled when it is needed."""
    return re.compile(rf"(?<![\w-]){pattern}(?![\w-])")


def mark_of(text: str) -> str:
    """Return what stands for a text in a line `!sha256:…` of `mimic_redact`."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"sha256:{digest[:8]}"


def _has_password(credentials: str) -> bool:
    """Check whether a word after `Basic` has a user and a password (RFC 7617).

    Other words after `Basic` are prose, of which nobody is to be warned.
    """
    try:
        text = a2b_base64(credentials).decode()
    except (Error, ValueError):
        return False
    _, _, password = text.partition(":")
    # A password in place of which a placeholder stands is none.
    is_real = password != "" and not password.startswith("<")
    return is_real and text.isprintable()
