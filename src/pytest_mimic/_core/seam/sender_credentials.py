"""The credentials in a request: the parts of its secrets that say who sends it.

No secret counts in an identity. But two calls that differ in nothing else may have
another answer each, so `senders.py` of the engine compares their credentials. Secrets
that are made anew for each request say nothing: signatures, nonces, the steps of a
handshake, and the times in a JSON Web Token.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from json import loads

from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.redact.secret_names import JWT

# A secret with one of these words in its name is made anew for each request, so it does
# not say who sends the request.
_NAME_OF_ONE_REQUEST = re.compile(
    "assertion|captcha|challenge|code|csrf|dpop|hmac|nonce|otp|saml|sig|state"
    "|verifier|xsrf",
    re.IGNORECASE,
)
# The id of an access key in the header `Authorization` of AWS. The signature behind it
# is made anew for each request.
_KEY_ID_OF_AWS = re.compile("AWS[^ ]* (?:Credential=)?([^/:,]+)")
# How the tokens of a log-in in several steps begin, in base64: the tokens of NTLM, and
# those of SPNEGO (RFC 4178, 4559). Each request has another token.
_START_OF_HANDSHAKE = re.compile("TlRMTVNTUAA|YI[E-L]|oY[E-L]")
# The claims of a JSON Web Token that are times, or made anew (RFC 7519).
_CHANGING_CLAIMS = ("exp", "iat", "jti", "nbf", "auth_time")


def credentials_in(
    sent: Mapping[str, str], stand_in: Callable[[str], str]
) -> dict[str, str]:
    """Return the application's own secrets that say who sends a request, by name.

    Args:
        sent: The name of each secret value of the request, by the value.
        stand_in: Returns the placeholder that stands for a secret value.
    """
    credentials = {}
    for secret, name in sent.items():
        credential = _credential_of(secret)
        # What a service has issued has a placeholder of its own, which counts in the
        # identity already.
        is_of_application = stand_in(secret) == PLACEHOLDER
        if credential and is_of_application and not _NAME_OF_ONE_REQUEST.search(name):
            credentials[name] = credential
    return credentials


def _credential_of(value: str) -> str:
    """Return the part of a secret that says who sends a request; empty if no part does.

    Of a JSON Web Token these are its claims without times; of most secrets, all of it.
    """
    if (key := _KEY_ID_OF_AWS.match(value)) is not None:
        return key[1]
    if JWT.fullmatch(value):
        payload = value.split(".")[1]
        try:
            claims = loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except ValueError:
            # The text only looks like a token.
            return ""
        if not isinstance(claims, dict):
            return ""
        lasting_claims = {
            name: claim
            for name, claim in claims.items()
            if name not in _CHANGING_CLAIMS
        }
        return repr(sorted(lasting_claims.items()))
    # A secret with a blank is a list of parameters, as that of `Digest`, which are made
    # for one request.
    is_of_one_request = " " in value or _START_OF_HANDSHAKE.match(value) is not None
    return "" if is_of_one_request else value
