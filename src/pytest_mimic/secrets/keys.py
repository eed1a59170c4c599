"""Texts that look like keys: of known issuers, private keys, JSON Web Tokens."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Set

from pytest_mimic.secrets.issuers import pattern
from pytest_mimic.secrets.placeholders import OWN

# No key begins within a word.
_START = r"(?<![\w-])"
# What stands before it may be escaped, in a URL in a URL or in JSON in JSON: `%3D`,
# `%253D`, `\n`, `\u003e`.
_START_OF_ESCAPED = (
    rf"(?:{_START}|(?<=%[0-9A-Fa-f]{{2}})|(?<=%25[0-9A-Fa-f]{{2}})"
    r"|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4}))"
)


def _look(start: str) -> str:
    # No key is shorter, and few words are as long.
    return (
        rf"(?a){start}(?=[\w.:/=%-]{{20}})(?:{pattern()})"
        r"|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----(?:\\n|\s)*[\w+/=]{16}[\w+/=\s\\]*"
        r"|(?<![\w-])(?P<scheme>[Bb]earer|[Bb]asic) (?P<credential>[\w+/=.\-~]{16,})"
    )


_LOOK, _LOOK_IN_ESCAPED = _look(_START), _look(_START_OF_ESCAPED)
# Without one of these, no key is looked for: most texts have none.
_ROOM_FOR_KEY = re.compile(r"(?a)(?<![\w.:/=-])[\w.:/=-]{20}")
_SHORT_SIGNS = ("PRIVATE KEY-----", "earer ", "asic ")
PRIVATE_KEY = (
    r"-----BEGIN (?P<kind>[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:(?!-----)[\s\S])+-----END (?P=kind)-----"
)
"""A whole private key in PEM (RFC 7468)."""
# What is no secret, though it mixes signs: a date, an address of a contract, a place, a
# license, an authorization of Stripe by its id.
_PUBLIC = (
    r"\d{4}-\d\d-\d\d([T ][\d:.]+)?(Z|[+-]\d\d:?\d\d)?|0x[0-9a-fA-F]+"
    r"|[a-z]+://[^?@\s]*|[A-Za-z]+(-[A-Za-z]+)*-\d+\.\d+(-[A-Za-z]+)*|[a-z]?auth_\w+"
)
_LONG_RUN = 16
_SCHEME = r"[A-Za-z][\w-]* +([^\s,;&]{8,})"
_AFTER_SIGN = r"[=:]([^\s,;&=:]{8,})"
_MIXED = r"(?=.*[A-Za-z])(?=.*\d)|(?=.*[a-z]).*[A-Za-z][A-Z]"
SHORTEST = 20
"""Below it nothing looks like a key, and the pattern need not be compiled."""


def keys_in(text: str, accepted: Set[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """Yield each text that looks like a key, as its first letters and its mark.

    Args:
        text: Any text, also that of a whole file.
        accepted: The marks that `mimic_redact` accepts: `sha256:1a2b3c4d`.
    """
    if not _may_hold_key(text):
        return
    for match in re.finditer(_look_for(text), text):
        mark = _mark_of(match[0])
        if _is_key(match) and mark not in accepted:
            yield f"{match[0][:8]}…", mark


def without_keys(text: str, accepted: Set[str], give: Callable[[str], str]) -> str:
    """Return a text with something else in place of each key of a known issuer.

    Args:
        text: Any text.
        accepted: As of `keys_in`.
        give: Gives what stands in place of a key.
    """
    if not _may_hold_key(text):
        return text

    def replaced(match: re.Match[str]) -> str:
        is_form = match["scheme"] is None
        is_kept = not is_form or OWN in match[0] or _mark_of(match[0]) in accepted
        return match[0] if is_kept else give(match[0])

    return re.sub(_look_for(text), replaced, text)


def masked(text: str, accepted: Set[str] = frozenset()) -> str:
    """Return a text in which the first letters stand for what looks like a key."""
    if not _may_hold_key(text):
        return text

    def masked_key(match: re.Match[str]) -> str:
        for shown, _ in keys_in(match[0], accepted):
            return shown
        return match[0]

    return re.sub(_look_for(text), masked_key, text)


def _look_for(text: str) -> str:
    # The longer pattern takes twice as long.
    return _LOOK_IN_ESCAPED if "%" in text or "\\" in text else _LOOK


def _may_hold_key(text: str) -> bool:
    """Return whether the pattern is worth a look, which takes ten times as long."""
    if len(text) < SHORTEST:
        return False
    return any(sign in text for sign in _SHORT_SIGNS) or bool(
        _ROOM_FOR_KEY.search(text)
    )


def could_be_secret(text: str) -> bool:
    """Return whether a text holds something that is as random as a secret.

    That is a run of 16 signs or more that mixes letters and digits, or capital and
    small letters, or of eight behind a scheme, `=` or `:`.
    """
    words = [word for word in text.split() if not re.fullmatch(_PUBLIC, word)]
    shown = " ".join(words)
    # In a sentence, other signs beside letters are no part of a secret.
    signs = r"\S" if len(words) == 1 else r"[\w.~+/=-]"
    runs = re.findall(f"{signs}{{{_LONG_RUN},}}", shown)
    runs += re.findall(_AFTER_SIGN, shown)
    with_scheme = re.fullmatch(_SCHEME, shown)
    if with_scheme is not None:
        runs.append(with_scheme[1])
    return any(map(re.compile(_MIXED).match, runs))


def _mark_of(key: str) -> str:
    """Return the mark of a text: `sha256:` and eight hexadecimal digits."""
    return f"sha256:{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _is_key(match: re.Match[str]) -> bool:
    if OWN in match[0]:
        return False
    scheme = match["scheme"]
    if scheme is None:
        return True
    credential = match["credential"]
    if scheme.lower() == "bearer":
        return any(sign.isdigit() for sign in credential)
    decoded = basic_credentials(credential)
    return ":" in decoded and OWN not in decoded


def basic_credentials(encoded: str) -> str:
    """Return `user:password` of basic authentication (RFC 7617), else an empty text."""
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except ValueError:
        return ""
    try:
        return decoded.decode()
    except UnicodeDecodeError:
        return decoded.decode("latin-1")
