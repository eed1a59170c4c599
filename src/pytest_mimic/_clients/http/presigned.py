"""Requests that are signed in advance for AWS: their signatures depend on the time and on credentials, and do not count."""

from __future__ import annotations

from typing import Any

_NAMES = ("algorithm", "credential", "date", "expires", "signedheaders", "security-token", "signature")
# The fields of versions 4 and 2 of signatures, in a query and, with a policy, in a form.
_VERSION_4 = frozenset({"policy", *(f"x-amz-{name}" for name in _NAMES)})
_VERSION_2 = frozenset({"policy", "awsaccesskeyid", "signature", "expires", "x-amz-security-token"})


def without_signature(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a query or a form without those of a signature.

    Without a signature, fields of these names mean something else, and stay.
    """
    names = {name.lower() for name in fields}
    if "x-amz-signature" in names:
        signing = _VERSION_4
    elif names >= {"awsaccesskeyid", "signature"} and names & {"expires", "policy"}:
        signing = _VERSION_2
    else:
        return fields
    return {name: value for name, value in fields.items() if name.lower() not in signing}
