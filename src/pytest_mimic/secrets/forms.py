"""A token that is sent back in another form: as base64, in hex, in capitals, in part.

A whole token is hidden, and its placeholder stands there in the same form, so that a
replay sends the same. Of a part, or of a digest, no replay can send the same.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, unquote

SHORTEST = 16
"""Shorter tokens, and parts of tokens, are looked for in no other form."""

# Letters of both alphabets (RFC 4648). What is shorter holds no token.
_BASE64 = r"(?<![\w+/-])[A-Za-z0-9+/_-]{22,}={0,2}(?![\w+/=-])"
_OF_URLS = str.maketrans("+/", "-_")
_NOT_OF_URLS = str.maketrans("-_", "+/")
_RUN = rf"[^\s\"'&=,;:]{{{SHORTEST},}}"
# In longer texts nobody sends a part of a token.
_LONGEST = 200_000
# With more slashes a run is no path: it may be an image.
_MOST_SLASHES = 100
_DIGESTS = ("md5", "sha1", "sha256", "sha512")


def spellings(value: str, placeholder: str) -> Iterator[tuple[str, str]]:
    """Yield other spellings of a token, each with that of its placeholder."""
    if len(value) < SHORTEST or value.isdigit():
        return
    yield value.upper(), placeholder.upper()
    yield value.lower(), placeholder.lower()
    in_hex = value.encode("utf-8", "surrogatepass").hex()
    yield in_hex, placeholder.encode().hex()
    yield in_hex.upper(), placeholder.encode().hex().upper()


def in_base64(text: str, change: Callable[[str], str]) -> str:
    """Return a text in which what stands as base64 is changed, in its own alphabet.

    Args:
        text: Any text.
        change: Changes what was decoded.
    """

    def changed(encoded: str) -> str:
        decoded = decoded_of(encoded)
        other = change(decoded) if decoded else decoded
        if other == decoded:
            return encoded
        again = base64.b64encode(other.encode()).decode()
        if "-" in encoded or "_" in encoded:
            again = again.translate(_OF_URLS)
        return again if len(encoded) % 4 == 0 else again.rstrip("=")

    def in_run(match: re.Match[str]) -> str:
        run = match[0]
        whole = changed(run)
        if whole != run or not 0 < run.count("/") <= _MOST_SLASHES:
            return whole
        # In a path, what stands around it is of the same letters.
        return "/".join(map(changed, run.split("/")))

    return re.sub(_BASE64, in_run, text)


def decoded_of(encoded: str) -> str:
    """Return the text that stands as base64; empty: it is none."""
    is_of_urls = "-" in encoded or "_" in encoded
    plain = (encoded.translate(_NOT_OF_URLS) if is_of_urls else encoded).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode()
    except ValueError:
        return ""


class Pieces:
    """Finds parts and digests of issued tokens in what is sent."""

    def __init__(self) -> None:
        self._tokens: set[str] = set()
        # The token that a part is of; none: it is of several, as a JWT's header is.
        self._owners: dict[str, str | None] = {}
        self._digests: dict[str, str] = {}

    def add(self, token: str) -> None:
        """Note an issued token."""
        if len(token) < SHORTEST or token in self._tokens:
            return
        own = token.partition(".")[2] if token.startswith("eyJ") else token
        for start in range(len(own) - SHORTEST + 1):
            part = own[start : start + SHORTEST]
            if self._owners.setdefault(part, token) != token:
                self._owners[part] = None
        self._digests.update(_digests_of(token))
        # Last: another thread that does not find it here adds it, too.
        self._tokens.add(token)

    def hide_in(self, text: str, stand_in: str) -> tuple[str, str]:
        """Return a text without parts of tokens, and what it holds of a token.

        Args:
            text: What is sent, without whole tokens.
            stand_in: What stands in place of a part.

        Returns:
            The text, and `a part of a token`, `a digest of a token`, or nothing.
        """
        if len(text) > _LONGEST or not self._digests:
            return text, ""
        found = ""
        for digest, name in [*self._digests.items()]:
            if digest in text:
                found = f"the {name} of a token"
        hidden = re.sub(_RUN, lambda run: self._without_part(run[0], stand_in), text)
        return hidden, "a part of a token" if hidden != text else found

    def _without_part(self, run: str, stand_in: str) -> str:
        hidden = self._without_plain_part(run, stand_in)
        if hidden != run or "%" not in run:
            return hidden
        plain = unquote(run)
        hidden = self._without_plain_part(plain, stand_in)
        return run if hidden == plain else quote(hidden)

    def _without_plain_part(self, run: str, stand_in: str) -> str:
        starts = range(len(run) - SHORTEST + 1)
        known = [at for at in starts if self._owners.get(run[at : at + SHORTEST])]
        if not known:
            return run
        return run[: known[0]] + stand_in + run[known[-1] + SHORTEST :]


def _digests_of(token: str) -> Mapping[str, str]:
    found = {}
    for name in _DIGESTS:
        digest = hashlib.new(name, token.encode("utf-8", "surrogatepass")).digest()
        found[digest.hex()] = name
        found[base64.b64encode(digest).decode()] = name
        found[base64.urlsafe_b64encode(digest).decode().rstrip("=")] = name
    return found
