"""Finds texts that look like keys.

They are those of known issuers, private keys, JSON Web Tokens, and credentials after
`Basic` and `Bearer`.
"""

from __future__ import annotations

import hashlib
import re
from binascii import Error, a2b_base64
from collections.abc import Iterator
from functools import cache

# How the keys of issuers begin, by what follows. Sources are the issuers' documentation
# and the rules of gitleaks.
_BEGINNINGS = {
    "[A-Za-z0-9]{16,}": (
        *("AKIA", "ASIA", "rk_live_", "rk_test_", "sk_live_", "sk_test_"),
    ),
    "[A-Za-z0-9]{30,}": (
        *("dapi", "dop_v1_", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "hf_", "npm_"),
        *("shpat_", "shpca_", "shppa_", "shpss_"),
    ),
    r"[\w-]{20,}": (
        *("AIza", "GOCSPX-", "github_pat_", "glpat-", "pypi-AgE"),
        *("xapp-", "xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-"),
    ),
    r"[\w.+/=-]{20,}": ("SG.", "hooks.slack.com/services/T", "whsec_", "ya29."),
}
_BASIC = "asic "
# Other looks, each by a part of it: keys of language models and of Telegram, private
# keys, JSON Web Tokens, and what follows `Bearer` and `Basic`.
_LOOKS = {
    "sk-": r"sk-(?=[\w-]*[0-9])[\w-]{20,}",
    ":AA": r"[0-9]{8,10}:AA[\w-]{33}",
    " PRIVATE KEY-": (
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[\w+/=\s]|\\[nr]){20,}"
    ),
    "eyJ": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}",
    "earer ": r"[Bb]earer (?=[\w.~+/-]*[0-9])[\w.~+/-]{16,}=*",
    _BASIC: r"[Bb]asic [A-Za-z0-9+/]{8,}={0,2}",
}


def _all_looks() -> dict[str, str]:
    """Return each look by a part of it."""
    looks = dict(_LOOKS)
    for rest, beginnings in _BEGINNINGS.items():
        for beginning in beginnings:
            looks[beginning] = re.escape(beginning) + rest
    return looks


# A part is searched for first, because most texts have none of them.
_LOOKS_BY_PART = _all_looks()
# How many characters of a key a message shows.
_SHOWN = 8


def keys_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield each text that looks like a key, once.

    It is shown by its beginning, and by its mark in `mimic_redact`.
    """
    seen: list[str] = []
    for part, look in _LOOKS_BY_PART.items():
        if part not in text:
            continue
        for match in _compiled(look).finditer(text):
            key = match[0]
            is_basic = part == _BASIC
            if is_basic and not _has_password(key[len("Basic ") :]):
                continue
            # A key may hold another one, such as the token after `Bearer`.
            if not any(other in key for other in seen):
                seen.append(key)
                yield f"{key[:_SHOWN]}…", mark_of(key)


@cache
def _compiled(look: str) -> re.Pattern[str]:
    """Return the pattern of a look that stands alone, compiled when it is needed."""
    return re.compile(rf"(?<![\w-]){look}(?![\w-])")


def mark_of(text: str) -> str:
    """Return what stands for a text in a line `!sha256:…` of `mimic_redact`."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"sha256:{digest[:8]}"


def _has_password(credentials: str) -> bool:
    """Check whether a word after `Basic` has a user and a password (RFC 7617)."""
    try:
        text = a2b_base64(credentials).decode()
    except (Error, ValueError):
        return False
    _, _, password = text.partition(":")
    # A password in place of which a placeholder stands is none.
    is_real = password != "" and not password.startswith("<")
    return is_real and text.isprintable()
