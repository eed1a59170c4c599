"""What stands in place of a secret: letters, digits, hyphens, and so no escapes."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable

import xxhash

OWN = "mimic-redacted"
"""In place of a secret of the application's own."""
OWN_IN_HEX = OWN.encode().hex()

_PLACEHOLDER = r"mimic-redacted(?:-[A-Za-z0-9]+)*"
_ISSUED = r"mimic-redacted-[0-9a-f]{6}-[0-9a-f]{8}"
_MARK = r"mimic-redacted-([0-9a-f]{6})-"
JWT = r"\beyJ[\w-]*\.[\w-]+\.[\w-]+"
"""A JSON Web Token (RFC 7519) with a signature."""
_NUMBER = r"\b190909[0-9]{9}\b"
_PLACE = f"{JWT}|{_ISSUED}|{_NUMBER}"
ANY = f"{JWT}|{_PLACEHOLDER}|{_NUMBER}"
"""What may stand in place of a secret in a text."""

# A number of 15 digits, which JSON and JavaScript keep exactly: a mark and nine digits.
_NUMBER_MARK = 190_909
_NUMBER_START = str(_NUMBER_MARK)
_ISSUED_START = f"{OWN}-"
_NUMBER_SPACE = 1_000_000_000

# Behind a placeholder, it makes a signature of whole bytes, which readers want.
_WHOLE_BYTES = "-0"

# In seconds since 1970. A token that is issued anew has other moments, and stays valid.
_YEAR_2000, _YEAR_2100 = 946_684_800, 4_102_444_800


def of_environment(name: str) -> str:
    """Return what stands for the value of an environment variable."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
    return f"{OWN}-{words}"


def variables_in(texts: Iterable[str]) -> list[str]:
    """Return the names of the environment variables whose values stood in texts."""
    pattern = rf"{OWN}-([A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*)"
    found = re.findall(pattern, "\n".join(texts))
    return [*dict.fromkeys(words.replace("-", "_") for words in found)]


def mark_of(owner: str, call: str, number: int = 0) -> str:
    """Return what the placeholders in an answer have in common.

    Args:
        owner: Whose call it is; empty for what all tests share.
        call: Its identity.
        number: Its number among equal calls of the owner, from 0.
    """
    return _digest(f"{owner}\n{call}\n{number}")[:6]


def issued(mark: str, place: str) -> str:
    """Return what stands for a secret at a path in the answer of a marked call."""
    place_mark = _digest(f"{mark}\n{place}")[:8]
    return f"{OWN}-{mark}-{place_mark}"


def issued_at(place: str, text: str) -> str:
    """Return what stands in a recorded answer for the secret at a path, or nothing."""
    found = (issued(mark, place) for mark in re.findall(_MARK, text))
    # A number of the same answer is known by them.
    return next(
        (one for one in found if one in text or str(number_of(one)) in text), ""
    )


def _digest(text: str) -> str:
    return xxhash.xxh3_64_hexdigest(text.encode("utf-8", "surrogatepass"))


class Number(str):
    """The text of a secret that is a number: what stands for it is a number, too."""

    __slots__ = ()


def number_of(placeholder: str) -> int:
    """Return the number that stands for a secret number; 0: the user has sent it."""
    if re.fullmatch(_NUMBER, placeholder):
        return int(placeholder)
    if not re.fullmatch(_ISSUED, placeholder):
        return 0
    digits = int(placeholder.rpartition("-")[2], 16) % _NUMBER_SPACE
    return _NUMBER_MARK * _NUMBER_SPACE + digits


def jwt_of(token: str, placeholder: str, claims: dict[str, object]) -> str:
    """Return a JWT that a client can read, with a placeholder as its signature.

    Args:
        token: The real one, whose header stays.
        placeholder: What stands for it.
        claims: Its claims, without secrets. Those that each token has for itself (RFC
            7519, 4.1) are replaced: it is valid from 2000 to 2100.
    """
    header = token.partition(".")[0]
    own = {"iat": _YEAR_2000, "nbf": _YEAR_2000, "exp": _YEAR_2100, "jti": placeholder}
    readable = {name: own.get(name, claim) for name, claim in claims.items()}
    text = json.dumps(readable, separators=(",", ":")).encode()
    payload = base64.urlsafe_b64encode(text).decode().rstrip("=")
    return f"{header}.{payload}.{placeholder}{_WHOLE_BYTES}"


def claims_of(token: str) -> dict[str, object] | None:
    """Return the claims of a JWT, or None if nobody can read them."""
    payload = token.split(".")[1]
    try:
        claims = json.loads(
            base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        )
    except (ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def is_placeholder(value: object) -> bool:
    """Return whether a whole value stands for a secret."""
    if isinstance(value, str):
        return bool(re.fullmatch(_PLACEHOLDER, value)) or is_issued(value)
    return isinstance(value, int) and value // _NUMBER_SPACE == _NUMBER_MARK


def is_issued(text: str) -> bool:
    """Return whether a whole text stands for a secret that an answer has issued."""
    if re.fullmatch(JWT, text):
        text = text.rpartition(".")[2].removesuffix(_WHOLE_BYTES)
    return bool(re.fullmatch(_ISSUED, text) or re.fullmatch(_NUMBER, text))


def may_be_issued(text: str) -> bool:
    """Return whether a whole text may stand for an issued secret, in some form."""
    lower = text.lower()
    return OWN in lower or OWN_IN_HEX in lower or is_issued(text)


def issued_in(text: str) -> list[str]:
    """Return what stands for issued secrets in a text, a JWT as a whole."""
    if _ISSUED_START not in text and _NUMBER_START not in text:
        return []
    return [match[0] for match in re.finditer(_PLACE, text) if is_issued(match[0])]
