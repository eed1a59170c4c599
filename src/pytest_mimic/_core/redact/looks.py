"""Finds texts that look like keys: those of known issuers, private keys, JSON Web Tokens, and credentials after `Basic` and `Bearer`."""

from __future__ import annotations

import hashlib
import re
from binascii import Error, a2b_base64
from collections.abc import Iterator

# How the keys of issuers begin, by what follows. Sources are the issuers' documentation
# and the rules of gitleaks.
_BEGINNINGS = {
    "[A-Za-z0-9]{16,}": "AKIA ASIA rk_live_ rk_test_ sk_live_ sk_test_",
    "[A-Za-z0-9]{30,}": "dapi dop_v1_ gho_ ghp_ ghr_ ghs_ ghu_ hf_ npm_ shpat_ shpca_ shppa_ shpss_",
    r"[\w-]{20,}": "AIza GOCSPX- github_pat_ glpat- pypi-AgE xapp- xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs-",
    r"[\w.+/=-]{20,}": "SG. hooks.slack.com/services/T whsec_ ya29.",
}
# Other looks, each by a part of it.
_LOOKS = {
    "sk-": r"sk-(?=[\w-]*[0-9])[\w-]{20,}",  # of language models
    ":AA": r"[0-9]{8,10}:AA[\w-]{33}",  # of Telegram
    " PRIVATE KEY-": r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[\w+/=\s]|\\[nr]){20,}",
    "eyJ": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}",
    "earer ": r"[Bb]earer (?=[\w.~+/-]*[0-9])[\w.~+/-]{16,}=*",
    "asic ": r"[Bb]asic [A-Za-z0-9+/]{8,}={0,2}",
}
for _rest, _words in _BEGINNINGS.items():
    _LOOKS |= {begin: re.escape(begin) + _rest for begin in _words.split()}
# A part is searched for first: most texts have none of them.
_PATTERNS = {
    part: re.compile(rf"(?<![\w-]){look}(?![\w-])") for part, look in _LOOKS.items()
}
# How many characters of a key a message shows.
_SHOWN = 8


def keys_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield each text that looks like a key, once: its beginning, and its mark in `mimic_redact`."""
    seen: list[str] = []
    for part, pattern in _PATTERNS.items():
        for match in pattern.finditer(text) if part in text else ():
            found = match[0]
            if any(key in found for key in seen) or (
                part == "asic " and not _is_basic(found[6:])
            ):
                continue
            seen.append(found)
            yield f"{found[:_SHOWN]}…", mark_of(found)


def mark_of(text: str) -> str:
    """Return what stands for a text in a line `!sha256:…` of `mimic_redact`."""
    return (
        "sha256:"
        + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    )


def _is_basic(credentials: str) -> bool:
    """Check whether a word after `Basic` has a user and a password (RFC 7617)."""
    try:
        user, colon, password = a2b_base64(credentials).decode().partition(":")
    except (Error, ValueError):
        return False
    return (
        bool(colon and password)
        and (user + password).isprintable()
        and not password.startswith("<")
    )
